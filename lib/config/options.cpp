#include "config/options.h"

#include "base/check.h"

#include <toml++/toml.h>
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace muster::config {
namespace {

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(c));
  });
  return text;
}

// COLLECTOR_KAFKA_SASL_MECHANISM -> sasl.mechanism: librdkafka's names have dots only.
std::string property_name(std::string_view environment_part) {
  std::string name(environment_part);
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return c == '_' ? '.' : static_cast<char>(std::tolower(c));
  });
  return name;
}

// Neither a list, nor a table, nor a date: no option is one.
bool is_scalar(const toml::node& node) {
  return node.is_string() || node.is_number() || node.is_boolean();
}

std::string scalar_text(const toml::node& node) {
  if (const auto text = node.value<std::string>(); text && node.is_string()) return *text;
  std::ostringstream out;
  if (node.is_integer()) out << *node.value<int64_t>();
  // All digits that count: a stream's six would cut long numbers.
  char shortest[32];
  if (node.is_floating_point()) {
    const auto end = std::to_chars(shortest, shortest + sizeof shortest, *node.value<double>()).ptr;
    out << std::string_view(shortest, static_cast<size_t>(end - shortest));
  }
  if (node.is_boolean()) out << (*node.value<bool>() ? "true" : "false");
  return out.str();
}

}  // namespace

Sources process_sources(std::vector<std::string> arguments) {
  Sources sources{std::move(arguments), {}};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return sources;
}

Options::Options(std::string program, std::string description, std::string prefix,
                 std::vector<OptionSpec> specs)
    : program_(std::move(program)),
      description_(std::move(description)),
      prefix_(std::move(prefix)),
      specs_(std::move(specs)) {}

const OptionSpec& Options::spec(const std::string& name) const {
  const auto found = std::ranges::find(specs_, name, &OptionSpec::name);
  CHECK(found != specs_.end());
  return *found;
}

std::string Options::environment_name(const std::string& name) const {
  return prefix_ + upper(name);
}

void Options::parse(const Sources& sources) {
  std::map<std::string, Value> flags;
  std::map<std::string, Value> environment;
  std::map<std::string, Value> file;
  read_flags(sources.arguments, flags);
  read_environment(sources.environment, environment);
  // Where the file is can be said by flag or environment.
  for (const auto* from : {&flags, &environment}) {
    const auto config = from->find("config");
    if (config == from->end()) continue;
    auto environment_properties = std::exchange(kafka_properties_, {});
    read_file(config->second.text, file);
    std::ranges::move(environment_properties, std::back_inserter(kafka_properties_));
    break;
  }
  std::ranges::move(flag_properties_, std::back_inserter(kafka_properties_));
  values_ = std::move(flags);
  values_.merge(environment);
  values_.merge(file);
}

// The parser ends at a flag without a value, and would leave unsaid what else is wrong: these are
// taken out before.
std::vector<std::string> Options::without_bare_flags(const std::vector<std::string>& arguments) {
  std::vector<std::string> kept;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const std::string flag = argument.substr(0, argument.find('='));
    const bool takes_value =
        flag == "-X" || flag == "--config" || std::ranges::any_of(specs_, [&](const auto& spec) {
          return !spec.value_name.empty() && "--" + spec.name == flag;
        });
    const bool at_end = i + 1 == arguments.size();
    const bool bare = argument == flag + "=" ||
                      (argument == flag &&
                       (at_end || arguments[i + 1].starts_with("--") || arguments[i + 1] == "-X"));
    if (takes_value && bare) {
      errors_.push_back(flag + ": expected a value");
    } else {
      kept.push_back(argument);
      if (takes_value && argument == flag) kept.push_back(arguments[++i]);
    }
  }
  return kept;
}

void Options::read_flags(const std::vector<std::string>& arguments,
                         std::map<std::string, Value>& found) {
  CLI::App app(description_, program_);
  app.set_help_flag();
  app.allow_extras();
  std::map<std::string, std::vector<std::string>> raw;
  std::vector<std::string> properties;
  std::map<std::string, bool> switches;
  for (const OptionSpec& spec : specs_) {
    if (spec.value_name.empty()) {
      app.add_flag("--" + spec.name, switches[spec.name]);
    } else {
      app.add_option("--" + spec.name, raw[spec.name])->expected(1)->take_all();
    }
  }
  app.add_option("--config", raw["config"])->expected(1)->take_all();
  app.add_option("-X", properties)->expected(1)->take_all();
  app.add_flag("-h,--help", help_wanted_);
  app.add_flag("--version", version_wanted_);
  try {
    std::vector<std::string> kept = without_bare_flags(arguments);
    std::ranges::reverse(kept);
    app.parse(kept);
  } catch (const CLI::ParseError& error) {
    errors_.emplace_back(error.what());
  }
  for (const auto& [name, given] : switches) {
    if (given) found[name] = {"true", "--" + name};
  }
  for (const std::string& extra : app.remaining()) errors_.push_back(extra + ": unknown option");
  for (const auto& [name, texts] : raw) {
    if (texts.size() > 1)
      errors_.push_back("--" + name + ": given " + std::to_string(texts.size()) + " times");
    if (!texts.empty()) found[name] = {texts.back(), "--" + name};
  }
  for (const std::string& property : properties) {
    const size_t equals = property.find('=');
    if (equals == std::string::npos || equals == 0) {
      errors_.push_back("-X " + property + ": expected name=value");
    } else {
      const std::string name = property.substr(0, equals);
      flag_properties_.push_back({name, property.substr(equals + 1), "-X " + name});
    }
  }
}

std::optional<std::string> Options::read_secret(const std::string& path,
                                                const std::string& source) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || std::filesystem::is_directory(path)) {  // a folder can be opened, and is empty
    errors_.push_back(source + ": cannot read the file " + path);
    return std::nullopt;
  }
  std::string value = text.str();
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  return value;
}

void Options::read_environment(const std::map<std::string, std::string>& environment,
                               std::map<std::string, Value>& found) {
  const std::string kafka_prefix = prefix_ + "KAFKA_";
  std::vector<std::string> names = {"config"};
  for (const OptionSpec& spec : specs_) names.push_back(spec.name);
  for (const auto& [variable, text] : environment) {
    if (!variable.starts_with(prefix_)) continue;
    const bool by_file = variable.ends_with("_FILE");
    const std::string name = by_file ? variable.substr(0, variable.size() - 5) : variable;
    const bool is_property = name.starts_with(kafka_prefix);
    const auto known =
        std::ranges::find_if(names, [&](const auto& n) { return environment_name(n) == name; });
    // Others may use the prefix as well (Kubernetes sets COLLECTOR_PORT and the like for a service
    // of that name).
    if (!is_property && known == names.end()) continue;
    if (by_file && environment.contains(name))
      errors_.push_back(name + " and " + variable + ": only one can be given");
    std::optional<std::string> value = text;
    if (by_file) value = read_secret(text, variable);
    if (!value) continue;
    if (is_property) {
      kafka_properties_.push_back(
          {property_name(name.substr(kafka_prefix.size())), *value, variable});
    } else {
      found[*known] = {*value, variable};
    }
  }
}

void Options::read_file(const std::string& path, std::map<std::string, Value>& found) {
  if (std::filesystem::is_directory(path)) return errors_.push_back(path + ": is a folder");
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << path << ": " << error.description();
    if (error.source().begin.line > 0) text << " (line " << error.source().begin.line << ")";
    errors_.push_back(text.str());
    return;
  }
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const std::string source = path + ": " + name;
    if (name == "kafka" && node.is_table()) {
      for (const auto& [property, value] : *node.as_table()) {
        const std::string property_text(property.str());
        if (!is_scalar(value)) {
          errors_.push_back(source + "." + property_text +
                            ": expected a value; quote names that have dots");
        } else {
          kafka_properties_.push_back(
              {property_text, scalar_text(value), source + "." + property_text});
        }
      }
    } else if (std::ranges::find(specs_, name, &OptionSpec::name) == specs_.end()) {
      if (!shared_file_) errors_.push_back(source + ": unknown option");
    } else if (!is_scalar(node)) {
      errors_.push_back(source + ": expected a single value");
    } else {
      found[name] = {scalar_text(node), source};
    }
  }
}

const Options::Value& Options::value(const std::string& name) const {
  static const Value kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

std::optional<std::string> Options::maybe_text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second.text;
  const std::string& fallback = spec(name).default_value;
  if (fallback.empty()) return std::nullopt;
  return fallback;
}

std::string Options::text(const std::string& name) const { return maybe_text(name).value_or(""); }

void Options::wrong(const std::string& name, const std::string& expected) {
  wrong_secret(name, "expected " + expected + ", got \"" + text(name) + "\"");
}

void Options::wrong_secret(const std::string& name, const std::string& why) {
  const std::string& source = value(name).source;
  errors_.push_back((source.empty() ? "--" + name : source) + ": " + why);
}

int64_t Options::integer(const std::string& name, int64_t min, int64_t max) {
  const std::string given = text(name);
  int64_t number = 0;
  const char* end = given.data() + given.size();
  const auto [rest, error] = std::from_chars(given.data(), end, number);
  if (error == std::errc{} && rest == end && number >= min && number <= max) return number;
  if (values_.contains(name)) {
    wrong(name, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return min;
}

uint64_t Options::bytes(const std::string& name, uint64_t min, uint64_t max) {
  constexpr std::array<std::string_view, 5> kUnits = {"", "KiB", "MiB", "GiB", "TiB"};
  const std::string given = text(name);
  uint64_t number = 0;
  const char* end = given.data() + given.size();
  const auto [rest, error] = std::from_chars(given.data(), end, number);
  const auto unit = std::ranges::find(kUnits, std::string_view(rest, end));
  if (error == std::errc{} && unit != kUnits.end()) {
    const auto shift = 10 * static_cast<unsigned>(unit - kUnits.begin());
    if (number <= max >> shift && number << shift >= min) return number << shift;
  }
  if (values_.contains(name))
    wrong(name, "bytes, as in 512MiB or 4GiB, at least " + std::to_string(min >> 20) + "MiB");
  return min;
}

int64_t Options::seconds_as_ms(const std::string& name, int64_t min_ms, int64_t max_ms) {
  const std::string given = text(name);
  double number = 0;
  const char* end = given.data() + given.size();
  const auto [rest, error] = std::from_chars(given.data(), end, number);
  const double ms = std::round(number * 1000);
  if (error == std::errc{} && rest == end && std::isfinite(ms) &&
      ms >= static_cast<double>(min_ms) && ms <= static_cast<double>(max_ms)) {
    return static_cast<int64_t>(ms);
  }
  if (values_.contains(name)) {
    std::ostringstream expected;
    expected << "seconds from " << static_cast<double>(min_ms) / 1000 << " to "
             << static_cast<double>(max_ms) / 1000;
    wrong(name, expected.str());
  }
  return min_ms;
}

bool Options::on(const std::string& name) {
  const std::string given = text(name);
  if (!given.empty() && given != "true" && given != "false") wrong(name, "true or false");
  return given == "true";
}

std::string Options::one_of(const std::string& name, const std::vector<std::string>& values) {
  const std::string given = text(name);
  if (std::ranges::find(values, given) != values.end()) return given;
  std::string expected = "one of";
  for (const std::string& allowed : values) expected += " " + allowed;
  wrong(name, expected);
  return values.front();
}

std::string Options::help() const {
  std::ostringstream out;
  out << program_ << ": " << description_ << "\n\nUsage: " << program_ << " [OPTIONS]\n\n";
  const auto line = [&out](const std::string& flag, const std::string& help) {
    out << "  " << flag << std::string(flag.size() < 30 ? 30 - flag.size() : 1, ' ') << help
        << "\n";
  };
  for (const OptionSpec& spec : specs_) {
    line("--" + spec.name + (spec.value_name.empty() ? "" : " " + spec.value_name),
         spec.help + (spec.default_value.empty() ? "" : " [" + spec.default_value + "]"));
  }
  line("--config FILE", "TOML file with the same names as keys; Kafka's in a table [kafka]");
  line("-X NAME=VALUE", "a property of Kafka's client (librdkafka), any number of times");
  line("--version", "prints the version");
  line("-h, --help", "prints this");
  out << "\nEach option is also an environment variable: --event-topic is " << prefix_
      << "EVENT_TOPIC, -X sasl.mechanism is\n"
      << prefix_
      << "KAFKA_SASL_MECHANISM; with _FILE at the end it names a file that holds the value.\n"
      << "A flag beats the environment, which beats the file.\n";
  return out.str();
}

}  // namespace muster::config
