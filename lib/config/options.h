// A program's options, declared once as a table: a flag `--event-topic`, an environment variable
// COLLECTOR_EVENT_TOPIC and a key `event-topic` in the TOML file of --config are the same option;
// flag beats environment beats file. All that is wrong is found in one pass. `NAME_FILE` in the
// environment names a file that holds the value (for secrets). Start-up only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace muster::config {

struct OptionSpec {
  std::string name;  // without the dashes
  std::string help;
  std::string default_value;  // empty: none
  std::string value_name =
      "TEXT";  // empty: a switch, given without a value; true or false elsewhere
};

// A property of Kafka's client, and where it was said: "-X linger.ms", "COLLECTOR_KAFKA_LINGER_MS".
struct KafkaProperty {
  std::string name;
  std::string value;
  std::string source;

  bool operator==(const KafkaProperty&) const = default;
};

struct Sources {
  std::vector<std::string> arguments;              // without the program's name
  std::map<std::string, std::string> environment;  // all of it
};

// The process's own environment.
Sources process_sources(std::vector<std::string> arguments);

class Options {
 public:
  // `prefix` is that of the environment, e.g. "COLLECTOR_". Every program also has --config, -X,
  // --help, --version; properties of Kafka's client come as `-X name=value`, <prefix>KAFKA_<NAME>
  // and the file's table [kafka].
  Options(std::string program, std::string description, std::string prefix,
          std::vector<OptionSpec> specs);

  // The file of --config is another program's as well: keys that are not ours are passed over.
  void share_file() { shared_file_ = true; }
  void parse(const Sources& sources);

  bool help_wanted() const { return help_wanted_; }
  bool version_wanted() const { return version_wanted_; }
  std::string help() const;
  // What is wrong, a line each: unknown options, unreadable files, and what the getters below
  // found.
  const std::vector<std::string>& errors() const { return errors_; }
  void add_error(std::string error) { errors_.push_back(std::move(error)); }

  // Of options in the table. A value that does not fit is an error, and some value that fits is
  // returned.
  std::string text(const std::string& name) const;
  std::optional<std::string> maybe_text(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t min, int64_t max);
  // Seconds, with a fraction if need be, as milliseconds.
  int64_t seconds_as_ms(const std::string& name, int64_t min_ms, int64_t max_ms);
  // Bytes, as a whole number with KiB, MiB, GiB or TiB behind it or nothing.
  uint64_t bytes(const std::string& name, uint64_t min, uint64_t max);
  // Of a switch.
  bool on(const std::string& name);
  std::string one_of(const std::string& name, const std::vector<std::string>& values);

  // The option's value does not fit, for a reason that only the caller knows: an error that names
  // where it was said.
  void wrong(const std::string& name, const std::string& expected);
  // The same of a value that may hold a secret: it is not repeated.
  void wrong_secret(const std::string& name, const std::string& why);

  // In the order file, environment, flags: a later one counts.
  const std::vector<KafkaProperty>& kafka_properties() const { return kafka_properties_; }

 private:
  struct Value {
    std::string text;
    std::string source;  // e.g. "--ttl", "COLLECTOR_TTL"
  };

  const OptionSpec& spec(const std::string& name) const;
  const Value& value(const std::string& name) const;
  std::string environment_name(const std::string& name) const;
  std::vector<std::string> without_bare_flags(const std::vector<std::string>& arguments);
  void read_flags(const std::vector<std::string>& arguments, std::map<std::string, Value>& found);
  void read_environment(const std::map<std::string, std::string>& environment,
                        std::map<std::string, Value>& found);
  void read_file(const std::string& path, std::map<std::string, Value>& found);
  std::optional<std::string> read_secret(const std::string& path, const std::string& source);

  std::string program_;
  std::string description_;
  std::string prefix_;
  std::vector<OptionSpec> specs_;
  std::map<std::string, Value> values_;
  std::vector<KafkaProperty> kafka_properties_;
  std::vector<KafkaProperty> flag_properties_;
  std::vector<std::string> errors_;
  bool shared_file_ = false;
  bool help_wanted_ = false;
  bool version_wanted_ = false;
};

}  // namespace muster::config
