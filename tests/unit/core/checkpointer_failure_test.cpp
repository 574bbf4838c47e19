// What the store's answers mean for the next checkpoint, and all of it at random.
#include "core/checkpointer.h"

#include "checkpointer_ledger.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster::core;

TEST_CASE("what a failed checkpoint has held is held by the next: ids, those that left, numbers") {
  Ledger ledger;
  ledger.open("a", "1");
  ledger.open("b", "1");
  ledger.close("c", "end");
  ledger.close("d", "end");
  ledger.close("e", "end");
  ledger.checkpoint();  // c, d, e under 2
  ledger.close("f", "end");
  ledger.checkpoint();  // under 3
  ledger.open("a", "2");
  ledger.drop("b");
  ledger.open("c", "again");
  ledger.drop("d");
  ledger.close("g", "end");
  ledger.begin();
  CHECK(ledger.part() == "on 1; left b; a=2; c=again; closed 4: left d left c g=end; 3/0 finished");
  SUBCASE("nothing was written") {
    ledger.not_sent();
    CHECK(ledger.checkpointer.any_change());
    ledger.begin();
    CHECK(ledger.part() ==
          "on 1; left b; a=2; c=again; no closed 4; closed 5: left d left c g=end; 4/0 finished");
  }
  SUBCASE("nobody knows, and it was not") {
    ledger.unknown(false);
    ledger.begin();
    CHECK(ledger.part() ==
          "on 2; left b; a=2; c=again; no closed 4; closed 5: left d left c g=end; 4/0 finished");
  }
  SUBCASE("nobody knows, and it was") {
    ledger.unknown(true);
    CHECK(ledger.kept() == "a=2 c=again e=end f=end g=end");
    ledger.begin();
    CHECK(ledger.part() ==
          "on 2; left b; a=2; c=again; no closed 4; closed 5: left d left c g=end; 4/0 finished");
  }
  ledger.done();
  CHECK(ledger.kept() == "a=2 c=again e=end f=end g=end");
  CHECK_FALSE(ledger.checkpointer.any_change());
}

TEST_CASE("after a failure ids may have changed, gone or come before the next") {
  Ledger ledger;
  for (const char* name : {"a", "b", "c", "d"}) ledger.open(name, "1");
  ledger.checkpoint();
  for (const char* name : {"a", "b", "c", "d"}) ledger.open(name, "2");
  ledger.open("e", "2");
  ledger.begin();
  ledger.part();
  bool written = false;
  SUBCASE("it was not written") {}
  SUBCASE("it was written") { written = true; }
  ledger.unknown(written);
  ledger.open("a", "3");
  ledger.drop("b");
  ledger.close("c", "end");
  ledger.drop("e");
  ledger.open("f", "3");
  ledger.begin();
  ledger.part();
  ledger.done();
  CHECK(ledger.kept() == "a=3 c=end d=2 f=3");
}

TEST_CASE("a failure in mid-way repeats the parts that were written, too") {
  Ledger ledger(1);
  for (const char* name : {"a", "b", "c"}) ledger.open(name, "1");
  ledger.checkpoint();
  for (const char* name : {"a", "b", "c"}) ledger.open(name, "2");
  ledger.begin();
  CHECK(ledger.part() == "on 1; a=2; 2/0");
  ledger.done();
  ledger.write();
  CHECK(ledger.part() == "on 1; b=2; 2/1");
  SUBCASE("nothing of it was written") {
    ledger.not_sent();
    ledger.begin();
    CHECK(ledger.part() == "on 1; a=2; 3/0");
  }
  SUBCASE("nobody knows") {
    ledger.open("c", "3");  // is written down for the next part, which never comes
    ledger.unknown(true);
    ledger.begin();
    CHECK(ledger.part() == "on 2; c=3; 3/0");
  }
  while (true) {
    ledger.done();
    if (!ledger.checkpointer.under_way()) break;
    ledger.write();
    ledger.part();
  }
  CHECK(ledger.kept().starts_with("a=2 b=2 c="));
}

TEST_CASE("one that is given up while nothing is with the store is not thought to be written") {
  Ledger ledger(1);
  for (const char* name : {"a", "b"}) ledger.open(name, "1");
  ledger.checkpoint();
  for (const char* name : {"a", "b"}) ledger.open(name, "2");
  ledger.begin();
  ledger.checkpointer.failed(true);
  CHECK_FALSE(ledger.checkpointer.under_way());
  ledger.begin();
  CHECK(ledger.part() == "on 1; a=2; 3/0");
}

TEST_CASE("attempts of which nobody knows are all built on, and after eight all is written anew") {
  Ledger ledger;
  ledger.open("a", "1");
  ledger.checkpoint();
  for (int unknown = 1; unknown <= 7; ++unknown) {
    ledger.open("a", std::to_string(unknown));
    ledger.begin();
    CHECK(ledger.part().starts_with("on " + std::to_string(unknown) + "; a="));
    ledger.unknown(unknown % 3 == 0);
  }
  SUBCASE("the next that is done forgets them") {
    ledger.begin();
    CHECK(ledger.part() == "on 8; a=7; 9/0 finished");
    ledger.done();
    ledger.begin();
    CHECK(ledger.part() == "on 1; 10/0 finished");
  }
  SUBCASE("the eighth") {
    ledger.begin();
    ledger.part();
    ledger.unknown(false);
    CHECK(ledger.checkpointer.any_change());
    ledger.begin();
    CHECK(ledger.part() == "anew; a=7; 10/0 finished");
    ledger.done();
    CHECK(ledger.kept() == "a=7");
  }
}

TEST_CASE("one that writes all and fails writes all again") {
  Ledger ledger(1);
  for (const char* name : {"a", "b"}) ledger.open(name, "1");
  ledger.close("c", "end");
  ledger.begin();
  ledger.part();
  SUBCASE("at once") { ledger.not_sent(); }
  SUBCASE("nobody knows") { ledger.unknown(true); }
  SUBCASE("in mid-way") {
    ledger.done();
    ledger.write();
    ledger.part();
    ledger.unknown(true);
  }
  CHECK(ledger.checkpointer.any_change());
  ledger.drop("a");
  ledger.open("b", "2");
  ledger.checkpoint();
  CHECK(ledger.kept() == "b=2 c=end");
  CHECK(ledger.store.closed.size() == 1);
}

TEST_CASE("another's checkpoint in its place: all is written anew") {
  Ledger ledger;
  for (const char* name : {"a", "b"}) ledger.open(name, "1");
  ledger.checkpoint();
  ledger.open("a", "2");
  ledger.begin();
  ledger.part();
  ledger.store = {};
  ledger.store.entries["x"] = "a stranger's";
  ledger.store.closed[77] = "a stranger's";
  CHECK(ledger.store.write(*ledger.sent) == KeptCheckpoint::Answer::kOtherHead);
  ledger.checkpointer.start_over();
  CHECK(ledger.checkpointer.any_change());
  ledger.drop("b");
  ledger.begin();
  CHECK(ledger.part() == "anew; a=2; 3/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=2");
  CHECK(ledger.store.closed.empty());
}

// --- all of it, at random

TEST_CASE(
    "whatever happens to ids and parts, a finished head names the ids as they were at its end") {
  static const char* const kNames[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  size_t finished = 0;
  for (uint32_t seed = 1; seed <= 2'000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    Ledger ledger(1 + below(100));
    std::map<uint64_t, std::string> at;  // n -> all ids
    std::string last;
    const auto all = [&ledger] {
      std::string text;
      for (const char* name : kNames) {
        const auto slot = ledger.keeper.find(name);
        if (!slot) continue;
        text += (text.empty() ? "" : " ") + std::string(name) + "=";
        ledger.keeper.save(*slot, text);
      }
      return text;
    };
    for (int step = 0; step < 300; ++step) {
      const std::string name = kNames[below(8)];
      const std::string text = std::to_string(step);
      switch (below(9)) {
        case 0:
        case 1:
          ledger.open(name, text);
          break;
        case 2:
          ledger.close(name, text);
          break;
        case 3:
          if (ledger.keeper.find(name)) ledger.drop(name);
          break;
        case 4:
          if (ledger.checkpointer.under_way() || !ledger.checkpointer.any_change()) break;
          at[raw(ledger.n)] = all();
          ledger.begin(below(6));
          break;
        case 5:
          ledger.write(1 + below(6));
          break;
        case 6:
          if (ledger.checkpointer.part_waits()) ledger.part();
          break;
        default: {
          if (!ledger.sent) break;
          const auto sent = std::move(ledger.sent);
          const uint32_t fate = below(10);
          if (fate == 0) {
            ledger.checkpointer.failed(false);
          } else if (fate == 1) {
            ledger.store.write(*sent);
            ledger.checkpointer.failed(true);
          } else if (fate == 2) {
            ledger.checkpointer.failed(true);
          } else if (ledger.store.write(*sent) == KeptCheckpoint::Answer::kWritten) {
            ledger.checkpointer.stored();
          } else {
            ledger.checkpointer.start_over();
          }
          if (below(200) == 0) ledger.store = {};
        }
      }
      const std::string kept = ledger.kept();
      if (kept == "unfinished" || kept == "nothing") continue;
      REQUIRE(kept == at.at(raw(ledger.store.decoded_head()->n)));
      finished += ledger.store.head != last ? 1 : 0;
      last = ledger.store.head;
    }
  }
  CHECK(finished > 10'000);
}
