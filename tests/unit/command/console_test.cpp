#include "command/console.h"
#include "command/json_writer.h"

#include <doctest/doctest.h>

using namespace muster::command;

TEST_CASE("columns are as wide as what is in them, in characters") {
  Table table({"KEY", "WHY"});
  CHECK(table.empty());
  table.add({"order-17", "late"});
  table.add({"\xc3\xa9", ""});
  CHECK(table.lines() == std::vector<std::string>{"KEY       WHY", "order-17  late", "\xc3\xa9"});
}

TEST_CASE("a bar says how far it is") {
  CHECK(progress_bar("offsets", 0, 10) == "[..............................] 0 %  0 of 10 offsets");
  CHECK(progress_bar("offsets", 5, 10) == "[###############...............] 50 %  5 of 10 offsets");
  CHECK(progress_bar("offsets", 11, 10) ==
        "[##############################] 100 %  10 of 10 offsets");
  CHECK(progress_bar("offsets", 0, 0) == "[##############################] 100 %  0 of 0 offsets");
}

TEST_CASE("JSON with commas where they belong") {
  JsonWriter json;
  json.object().member("a", 1).name("b").array().number(1).text("x\"y").object().end().end();
  json.name("c").null().bytes("d", "text").bytes("e", "\xff").end();
  CHECK(json.take() == R"({"a":1,"b":[1,"x\"y",{}],"c":null,"d":"text","e_base64":"/w=="})");
}
