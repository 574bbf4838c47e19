#include "config/options.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace muster::config;

namespace {

// A folder of this test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "muster-config-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_.string(); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

Options program() {
  return Options("toy", "does nothing", "TOY_",
                 {{"topic", "the topic", "events", "TOPIC"},
                  {"output-topic", "another one", "", "TOPIC"},
                  {"count", "how many", "7", "N"},
                  {"ttl", "how long", "30", "SECONDS"},
                  {"mode", "which way", "fast", "MODE"}});
}

Options parsed(std::vector<std::string> arguments,
               std::map<std::string, std::string> environment = {}) {
  Options options = program();
  options.parse({std::move(arguments), std::move(environment)});
  return options;
}

bool names(const std::vector<std::string>& errors, const std::string& what) {
  for (const std::string& error : errors) {
    if (error.find(what) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("what nobody has given has its default, and what has none is absent") {
  Options options = parsed({});
  CHECK(options.errors().empty());
  CHECK(options.text("topic") == "events");
  CHECK_FALSE(options.maybe_text("output-topic").has_value());
  CHECK(options.text("output-topic").empty());
  CHECK(options.integer("count", 0, 10) == 7);
  CHECK(options.seconds_as_ms("ttl", 0, 100'000) == 30'000);
  CHECK(options.one_of("mode", {"slow", "fast"}) == "fast");
  CHECK(options.errors().empty());
}

TEST_CASE("a flag beats the environment, which beats the file") {
  const Folder folder;
  const std::string config = folder.file("toy.toml", "topic = \"file\"\ncount = 1\nttl = 1.5\n");
  Options file = parsed({"--config", config});
  CHECK(file.text("topic") == "file");
  CHECK(file.integer("count", 0, 10) == 1);
  CHECK(file.seconds_as_ms("ttl", 0, 10'000) == 1'500);

  Options environment = parsed({"--config", config}, {{"TOY_TOPIC", "environment"}});
  CHECK(environment.text("topic") == "environment");
  CHECK(environment.integer("count", 0, 10) == 1);

  Options flag = parsed({"--config", config, "--topic=flag"},
                        {{"TOY_TOPIC", "environment"}, {"TOY_COUNT", "2"}});
  CHECK(flag.text("topic") == "flag");
  CHECK(flag.integer("count", 0, 10) == 2);
  CHECK(flag.errors().empty());
}

TEST_CASE("where the file is can be said in the environment too, and a flag names another") {
  const Folder folder;
  const std::string one = folder.file("one.toml", "topic = \"one\"");
  const std::string two = folder.file("two.toml", "topic = \"two\"");
  CHECK(parsed({}, {{"TOY_CONFIG", one}}).text("topic") == "one");
  CHECK(parsed({"--config", two}, {{"TOY_CONFIG", one}}).text("topic") == "two");
}

TEST_CASE("a wrong value is named by the place where it was said") {
  const Folder folder;
  const std::string config = folder.file("toy.toml", "count = 11\n");
  Options flag = parsed({"--count", "x"});
  flag.integer("count", 0, 10);
  CHECK(flag.errors() ==
        std::vector<std::string>{"--count: expected a whole number from 0 to 10, got \"x\""});

  Options environment = parsed({}, {{"TOY_COUNT", "-1"}});
  environment.integer("count", 0, 10);
  CHECK(environment.errors() ==
        std::vector<std::string>{"TOY_COUNT: expected a whole number from 0 to 10, got \"-1\""});

  Options file = parsed({"--config", config});
  file.integer("count", 0, 10);
  CHECK(file.errors() == std::vector<std::string>{
                             config + ": count: expected a whole number from 0 to 10, got \"11\""});

  Options caller = parsed({});
  caller.wrong("topic", "another one");
  CHECK(caller.errors() ==
        std::vector<std::string>{"--topic: expected another one, got \"events\""});
}

TEST_CASE("numbers: what is one, what is none, and the limits") {
  struct Row {
    const char* text;
    std::optional<int64_t> count;  // absent: refused
    std::optional<int64_t> ttl_ms;
  };
  const Row table[] = {
      {"0", 0, 0},
      {"10", 10, 10'000},
      {"11", {}, 11'000},
      {"-1", {}, {}},
      {"", {}, {}},
      {" 5", {}, {}},
      {"5 ", {}, {}},
      {"+5", {}, {}},
      {"0x5", {}, {}},
      {"5s", {}, {}},
      {"1.5", {}, 1'500},
      {"0.0004", {}, 0},
      {"0.0006", {}, 1},
      {"1e1", {}, 10'000},
      {"60.001", {}, {}},
      {"inf", {}, {}},
      {"nan", {}, {}},
      {"1e400", {}, {}},
      {"99999999999999999999", {}, {}},
  };
  for (const Row& row : table) {
    CAPTURE(row.text);
    Options options = parsed({}, {{"TOY_COUNT", row.text}, {"TOY_TTL", row.text}});
    const int64_t count = options.integer("count", 0, 10);
    CHECK(options.errors().empty() == row.count.has_value());
    if (row.count) CHECK(count == *row.count);
    const size_t before = options.errors().size();
    const int64_t ttl = options.seconds_as_ms("ttl", 0, 60'000);
    CHECK((options.errors().size() == before) == row.ttl_ms.has_value());
    if (row.ttl_ms) CHECK(ttl == *row.ttl_ms);
  }
}

TEST_CASE("one of several words: the others are refused with all of them named") {
  Options options = parsed({"--mode", "sideways"});
  CHECK(options.one_of("mode", {"slow", "fast"}) == "slow");
  CHECK(options.errors() ==
        std::vector<std::string>{"--mode: expected one of slow fast, got \"sideways\""});
}

TEST_CASE("an option that is given twice is refused, whatever the values") {
  CHECK(names(parsed({"--count", "1", "--count", "1"}).errors(), "--count: given 2 times"));
  CHECK(names(parsed({"--config", "a", "--config", "b"}).errors(), "--config: given 2 times"));
  const Folder folder;
  const std::string secret = folder.file("secret", "x");
  CHECK(names(parsed({}, {{"TOY_TOPIC", "x"}, {"TOY_TOPIC_FILE", secret}}).errors(),
              "TOY_TOPIC and TOY_TOPIC_FILE"));
  const std::string config = folder.file("toy.toml", "count = 1\ncount = 2\n");
  CHECK(names(parsed({"--config", config}).errors(), config));
}

TEST_CASE(
    "a variable that ends in _FILE names a file with the value, whose last line break does not "
    "count") {
  const Folder folder;
  const std::string secret = folder.file("secret", "pass word \r\n");
  const Options options =
      parsed({}, {{"TOY_TOPIC_FILE", secret}, {"TOY_KAFKA_SASL_PASSWORD_FILE", secret}});
  CHECK(options.errors().empty());
  CHECK(options.text("topic") == "pass word ");
  CHECK(options.kafka_properties() == std::vector<KafkaProperty>{{"sasl.password", "pass word ",
                                                                  "TOY_KAFKA_SASL_PASSWORD_FILE"}});
  CHECK(parsed({}, {{"TOY_TOPIC_FILE", folder.file("empty", "")}}).text("topic").empty());
}

TEST_CASE("a secret that cannot be read is an error, and never its content") {
  const Folder folder;
  const std::string missing = folder.path() + "/missing";
  for (const std::string& path : {missing, folder.path(), std::string()}) {
    CAPTURE(path);
    const Options options = parsed({}, {{"TOY_TOPIC_FILE", path}});
    CHECK(names(options.errors(), "TOY_TOPIC_FILE: cannot read the file"));
    CHECK(options.text("topic") == "events");
  }
}

TEST_CASE("variables with our prefix that are none of ours are left alone") {
  const Options options = parsed({}, {{"TOY_PORT", "tcp://10.0.0.1"},
                                      {"TOY_SERVICE_FILE", "/no/such/file"},
                                      {"TOYS", "1"},
                                      {"TOPIC", "other"},
                                      {"TOY_OUTPUT_TOPIC", "out"}});
  CHECK(options.errors().empty());
  CHECK(options.text("topic") == "events");
  CHECK(options.text("output-topic") == "out");
}

TEST_CASE(
    "properties of Kafka's client come from the file, the environment and flags, in this order, "
    "with their source") {
  const Folder folder;
  const std::string config = folder.file(
      "toy.toml",
      "[kafka]\n\"linger.ms\" = 1\n\"socket.keepalive.enable\" = true\n\"client.rack\" = \"a\"\n");
  const Options options = parsed(
      {"--config", config, "-X", "linger.ms=3", "-X", "sasl.password=a=b", "-X", "client.rack="},
      {{"TOY_KAFKA_LINGER_MS", "2"}});
  CHECK(options.errors().empty());
  CHECK(options.kafka_properties() ==
        std::vector<KafkaProperty>{
            {"client.rack", "a", config + ": kafka.client.rack"},
            {"linger.ms", "1", config + ": kafka.linger.ms"},
            {"socket.keepalive.enable", "true", config + ": kafka.socket.keepalive.enable"},
            {"linger.ms", "2", "TOY_KAFKA_LINGER_MS"},
            {"linger.ms", "3", "-X linger.ms"},
            {"sasl.password", "a=b", "-X sasl.password"},
            {"client.rack", "", "-X client.rack"}});
}

TEST_CASE("what the file may not hold is named with the file and the key") {
  struct Row {
    const char* text;
    const char* named;
  };
  const Row table[] = {
      {"nonsense = 1", "nonsense: unknown option"},
      {"config = \"other.toml\"", "config: unknown option"},
      {"topic = [\"a\"]", "topic: expected a single value"},
      {"topic = 2020-01-01", "topic: expected a single value"},
      {"[topic]\na = 1", "topic: expected a single value"},
      {"kafka = 3", "kafka: unknown option"},
      {"[kafka]\nlinger.ms = 3", "kafka.linger: expected a value; quote names that have dots"},
      {"[kafka]\n\"a.b\" = []", "kafka.a.b: expected a value"},
      {"= 1", "line 1"},
      {"topic = \"a\"\ncount = ", "line 2"},
      {"topic = \"\xff\"", "toy.toml"},
  };
  for (const Row& row : table) {
    CAPTURE(row.text);
    const Folder folder;
    const std::string config = folder.file("toy.toml", row.text);
    const Options options = parsed({"--config", config});
    CHECK(options.errors().size() == 1);
    CHECK(names(options.errors(), row.named));
    CHECK(names(options.errors(), config));
  }
}

TEST_CASE("a file that cannot be read is named") {
  const Folder folder;
  const std::string missing = folder.path() + "/missing.toml";
  for (const std::string& path : {missing, folder.path()})
    CHECK(names(parsed({"--config", path}).errors(), path));
}

TEST_CASE("numbers in the file keep all their digits") {
  const Folder folder;
  Options options =
      parsed({"--config", folder.file("toy.toml", "ttl = 604800.125\ncount = 9007199254740993\n")});
  CHECK(options.seconds_as_ms("ttl", 0, 1'000'000'000) == 604'800'125);
  CHECK(options.integer("count", 0, INT64_MAX) == 9'007'199'254'740'993);
}

TEST_CASE("all that is wrong is found in one pass") {
  const Folder folder;
  const std::string config =
      folder.file("toy.toml", "other = 1\nttl = []\n[kafka]\n\"a.b\" = {}\n");
  Options options = parsed(
      {"--no-such", "stray", "--count", "x", "-X", "nothing", "-X", "=1", "--config", config},
      {{"TOY_MODE", "sideways"}, {"TOY_TOPIC_FILE", folder.path() + "/missing"}});
  options.integer("count", 0, 10);
  options.one_of("mode", {"slow", "fast"});
  for (const char* what :
       {"--no-such: unknown option", "stray: unknown option", "--count: expected",
        "-X nothing: expected name=value", "-X =1: expected name=value", "other: unknown option",
        "ttl: expected a single value", "kafka.a.b: expected a value", "TOY_MODE: expected one of",
        "TOY_TOPIC_FILE: cannot read"}) {
    CAPTURE(what);
    CHECK(names(options.errors(), what));
  }
  CHECK(options.errors().size() == 10);
}

TEST_CASE("a flag without its value does not hide what else is wrong") {
  Options options = parsed(
      {"--topic", "--count", "x", "--ttl=", "--no-such", "--mode", "-X", "nothing", "--config"});
  options.integer("count", 0, 10);
  CHECK(options.errors() ==
        std::vector<std::string>{"--topic: expected a value", "--ttl: expected a value",
                                 "--mode: expected a value", "--config: expected a value",
                                 "--no-such: unknown option", "-X nothing: expected name=value",
                                 "--count: expected a whole number from 0 to 10, got \"x\""});
  CHECK(parsed({"-X"}).errors() == std::vector<std::string>{"-X: expected a value"});
}

TEST_CASE("a value may begin with a dash, be empty or follow an equals sign") {
  CHECK(parsed({"--topic=-a"}).text("topic") == "-a");
  CHECK(parsed({"--topic=a=b"}).text("topic") == "a=b");
  CHECK(parsed({"--topic", ""}).text("topic").empty());
  CHECK(parsed({}, {{"TOY_TOPIC", ""}}).text("topic").empty());
  Options negative = parsed({"--count", "-1"});
  CHECK(negative.integer("count", -5, 5) == -1);
  CHECK(negative.errors().empty());
}

TEST_CASE("help and version can be asked for, also beside what is wrong") {
  CHECK(parsed({"--help"}).help_wanted());
  CHECK(parsed({"-h", "--no-such"}).help_wanted());
  CHECK(parsed({"--version"}).version_wanted());
  CHECK_FALSE(parsed({}).help_wanted());
}

TEST_CASE("the help names every option with its default, and the environment's prefix") {
  const std::string help = parsed({}).help();
  for (const char* what : {"--topic TOPIC", "[events]", "--output-topic TOPIC", "--count N", "[7]",
                           "--ttl SECONDS", "--mode MODE", "--config FILE", "-X NAME=VALUE",
                           "--version", "--help", "TOY_KAFKA_", "_FILE"}) {
    CAPTURE(what);
    CHECK(help.find(what) != std::string::npos);
  }
}

TEST_CASE("a file that is another program's as well may hold keys of that one") {
  const Folder folder;
  const std::string file =
      folder.file("other.toml", "topic = \"bills\"\nnonsense = 1\n[kafka]\n\"linger.ms\" = 7\n");
  Options shared = program();
  shared.share_file();
  shared.parse({{"--config", file}, {}});
  CHECK(shared.errors().empty());
  CHECK(shared.text("topic") == "bills");
  CHECK(shared.kafka_properties().size() == 1);
  Options own = program();
  own.parse({{"--config", file}, {}});
  CHECK(own.errors().size() == 1);
}
