#include "command/json_reader.h"
#include "command/admin_client.h"

#include <doctest/doctest.h>

using namespace muster::command;

TEST_CASE("parts of JSON as they are written") {
  const std::string_view text = R"({ "a" : [1, {"b":"x,]"}, [] ] , "c":"t\u00e9\n", "d":null })";
  REQUIRE(is_json_object(text));
  CHECK(json_elements(*json_member(text, "a")) ==
        std::vector<std::string_view>{"1", R"({"b":"x,]"})", "[]"});
  CHECK(json_elements("[]").empty());
  CHECK(json_elements("{}").empty());
  CHECK(json_text_of(text, "c") == "t\xc3\xa9\n");
  CHECK(json_text_of(text, "d").empty());
  CHECK(json_text_of(text, "e").empty());
  CHECK(!json_member(text, "e"));
  CHECK(!json_member("[1]", "e"));
  CHECK(json_members(text).size() == 3);
  for (const char* no : {"", "[]", "{", "<html>", "\"{}\""}) CHECK(!is_json_object(no));
}

TEST_CASE("where an admin server is") {
  CHECK(parse_admin_address("host:80") == AdminAddress{"host", "80"});
  CHECK(parse_admin_address("[::1]:80") == AdminAddress{"::1", "80"});
  CHECK(parse_admin_address("[::1]:80")->text() == "[::1]:80");
  // What listens everywhere listens here.
  CHECK(parse_admin_address("0.0.0.0:80") == AdminAddress{"127.0.0.1", "80"});
  CHECK(parse_admin_address("[::]:80") == AdminAddress{"::1", "80"});
  for (const char* no : {"", "host", "host:", ":80", "host:port", "::1:80", "[]:80", "off"})
    CHECK(!parse_admin_address(no));
}
