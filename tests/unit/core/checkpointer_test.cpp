// What of the ids goes into which checkpoint. A part's text says what it builds on, what it holds, and
// the batch / number of the part that its head names (checkpointer_ledger.h).
#include "core/checkpointer.h"

#include "checkpointer_ledger.h"

#include <doctest/doctest.h>

using namespace muster::core;

TEST_CASE("the first checkpoint is written anew, with all ids; the next holds what has changed") {
  Ledger ledger;
  CHECK(ledger.checkpointer.any_change());
  ledger.open("a", "1");
  ledger.open("b", "1");
  ledger.begin();
  CHECK(ledger.part() == "anew; a=1; b=1; 1/0 finished");
  ledger.done();
  CHECK_FALSE(ledger.checkpointer.any_change());
  ledger.open("b", "2");
  ledger.open("c", "1");
  ledger.open("b", "3");
  CHECK(ledger.checkpointer.any_change());
  ledger.begin();
  CHECK_FALSE(ledger.checkpointer.any_change());
  CHECK(ledger.part() == "on 1; b=3; c=1; 2/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=1 b=3 c=1");
}

TEST_CASE("a checkpoint of nothing is a head, and so is one in which nothing has changed") {
  Ledger ledger;
  ledger.begin();
  CHECK(ledger.part() == "anew; 1/0 finished");
  ledger.done();
  ledger.begin();
  CHECK(ledger.part() == "on 1; 2/0 finished");
  ledger.done();
  CHECK(ledger.kept().empty());
}

TEST_CASE(
    "an id that changes while one is written is written down as it was, and again next time") {
  Ledger ledger;
  SUBCASE("when all is written") {}
  SUBCASE("when what has changed is") {
    ledger.checkpoint();
    ledger.n = BatchNumber{1};
  }
  for (const char* name : {"a", "b", "c"}) ledger.open(name, "1");
  ledger.begin(1);  // a is written down already
  for (const char* name : {"a", "b", "c"}) {
    ledger.open(name, "2");
    ledger.open(name, "3");
  }
  ledger.open("d", "1");
  ledger.write();
  CHECK(ledger.part().ends_with("; a=1; b=1; c=1; 1/0 finished"));
  ledger.done();
  CHECK(ledger.kept() == "a=1 b=1 c=1");
  ledger.begin();
  CHECK(ledger.part() == "on 1; a=3; b=3; c=3; d=1; 2/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=3 b=3 c=3 d=1");
}

TEST_CASE("an id that might have changed, and has not, is written down once") {
  Ledger ledger;
  SUBCASE("when all is written") {}
  SUBCASE("when what has changed is") {
    ledger.checkpoint();
    ledger.n = BatchNumber{1};
  }
  for (const char* name : {"a", "b", "c"}) ledger.open(name, "1");
  ledger.begin(1);
  ledger.checkpointer.about_to_change(*ledger.keeper.find("a"));
  ledger.checkpointer.about_to_change(*ledger.keeper.find("c"));
  ledger.write();
  CHECK(ledger.part().ends_with("; a=1; c=1; b=1; 1/0 finished"));
  ledger.done();
  CHECK_FALSE(ledger.checkpointer.any_change());
}

TEST_CASE("nobody needs to say what changes when all is written down, or nothing is to be") {
  Ledger ledger;
  CHECK_FALSE(ledger.checkpointer.copies());
  ledger.open("a", "1");
  ledger.open("b", "1");
  ledger.begin(1);
  CHECK(ledger.checkpointer.copies());
  ledger.write(1);
  CHECK_FALSE(ledger.checkpointer.copies());
  ledger.part();
  CHECK_FALSE(ledger.checkpointer.copies());
  ledger.done();
  CHECK_FALSE(ledger.checkpointer.copies());
}

TEST_CASE("an id that leaves while one is written is in that one, and has left in the next") {
  Ledger ledger;
  SUBCASE("when all is written") {}
  SUBCASE("when what has changed is") {
    ledger.checkpoint();
    ledger.n = BatchNumber{1};
  }
  for (const char* name : {"a", "b"}) ledger.open(name, "1");
  ledger.begin(1);
  ledger.drop("a");
  ledger.drop("b");
  SUBCASE("and nobody comes after it") {
    ledger.write();
    ledger.part();
    ledger.done();
    CHECK(ledger.kept() == "a=1 b=1");
    ledger.begin();
    CHECK(ledger.part() == "on 1; left a; left b; 2/0 finished");
    ledger.done();
    CHECK(ledger.kept().empty());
  }
  SUBCASE("and others take its slot, one of them under its name") {
    ledger.open("a", "new");
    ledger.open("c", "new");
    ledger.write();
    ledger.part();
    ledger.done();
    CHECK(ledger.kept() == "a=1 b=1");
    ledger.begin();
    CHECK(ledger.part() == "on 1; left a; left b; a=new; c=new; 2/0 finished");
    ledger.done();
    CHECK(ledger.kept() == "a=new c=new");
  }
}

TEST_CASE("an id that came and went between two checkpoints is in neither") {
  Ledger ledger;
  ledger.checkpoint();
  ledger.open("a", "1");
  ledger.drop("a");
  ledger.open("b", "1");  // in its slot
  ledger.begin();
  CHECK(ledger.part() == "on 1; b=1; 2/0 finished");
}

// --- parts

TEST_CASE(
    "a full part goes to the store, the next is filled meanwhile, and only the last finishes") {
  Ledger ledger(1);  // one id fills a part
  for (const char* name : {"a", "b", "c"}) ledger.open(name, "1");
  ledger.begin();
  CHECK_FALSE(ledger.checkpointer.can_write());
  CHECK(ledger.part() == "anew; a=1; 1/0");
  CHECK_FALSE(ledger.checkpointer.part_waits());
  CHECK(ledger.checkpointer.can_write());
  ledger.write();
  CHECK_FALSE(ledger.checkpointer.can_write());
  CHECK_FALSE(ledger.checkpointer.part_waits());  // one at a time
  ledger.done();
  CHECK(ledger.kept() == "unfinished");
  CHECK(ledger.part() == "on 1; b=1; 1/1");
  ledger.done();
  CHECK_FALSE(ledger.checkpointer.part_waits());
  ledger.write();
  CHECK(ledger.part() == "on 1; c=1; 1/2 finished");
  CHECK(ledger.checkpointer.under_way());
  ledger.done();
  CHECK_FALSE(ledger.checkpointer.under_way());
  CHECK(ledger.kept() == "a=1 b=1 c=1");
}

TEST_CASE("what is written down because it changes does not wait for the store") {
  Ledger ledger(1);
  for (const char* name : {"a", "b", "c"}) ledger.open(name, "1");
  ledger.begin();
  ledger.part();
  for (const char* name : {"b", "c"}) ledger.open(name, "2");
  ledger.done();
  CHECK(ledger.part() == "on 1; b=1; c=1; 1/1");
  ledger.done();
  ledger.write();
  CHECK(ledger.part() == "on 1; 1/2 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=1 b=1 c=1");
}

// --- open and closed

TEST_CASE("ids that may be forgotten are written together, under a number") {
  Ledger ledger;
  ledger.open("a", "1");
  ledger.close("b", "end");
  ledger.close("c", "end");
  ledger.begin();
  CHECK(ledger.part() == "anew; a=1; closed 2: b=end c=end; 1/0 finished");
  ledger.done();
  ledger.close("a", "end");
  ledger.close("b", "later");
  ledger.begin();
  CHECK(ledger.part() == "on 1; left a; closed 3: a=end b=later; 2/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=end b=later c=end");
}

TEST_CASE("one of them that is open again leaves its number for the entries") {
  Ledger ledger;
  ledger.close("a", "end");
  ledger.close("b", "end");
  ledger.checkpoint();
  ledger.open("a", "again");
  ledger.begin();
  CHECK(ledger.part() == "on 1; a=again; closed 3: left a; 2/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=again b=end");
  SUBCASE("and is not there again when it has left") {
    ledger.drop("a");
    ledger.checkpoint();
    CHECK(ledger.kept() == "b=end");
  }
  SUBCASE("or comes back under a later number") {
    ledger.close("a", "over");
    ledger.begin();
    CHECK(ledger.part() == "on 1; left a; closed 4: a=over; 3/0 finished");
    ledger.done();
    CHECK(ledger.kept() == "a=over b=end");
  }
}

TEST_CASE("one that has left is named, as long as its number is there for the others") {
  Ledger ledger;
  ledger.close("a", "end");
  ledger.close("b", "end");
  ledger.checkpoint();
  ledger.drop("a");
  ledger.begin();
  CHECK(ledger.part() == "on 1; closed 3: left a; 2/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "b=end");
  ledger.drop("b");
  ledger.begin();
  CHECK(ledger.part() == "on 1; no closed 2; no closed 3; 3/0 finished");
  ledger.done();
  CHECK(ledger.kept().empty());
  CHECK(ledger.store.closed.empty());
}

TEST_CASE("a number goes when all its ids have left, and none before an earlier one") {
  Ledger ledger;
  for (const char* name : {"a", "b", "c"}) {
    ledger.close(name, "end");
    ledger.checkpoint();
  }
  ledger.drop("b");
  ledger.begin();
  CHECK(ledger.part() == "on 1; closed 5: left b; 4/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=end c=end");
  ledger.drop("a");
  ledger.begin();
  CHECK(ledger.part() == "on 1; no closed 2; no closed 3; 5/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "c=end");
}

TEST_CASE("an id that is closed anew leaves its earlier number, also without being named") {
  Ledger ledger;
  ledger.close("a", "end");
  ledger.checkpoint();
  ledger.close("a", "later");
  ledger.checkpoint();
  ledger.begin();
  CHECK(ledger.part() == "on 1; no closed 2; 3/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=later");
}

TEST_CASE("so many numbers are written anew, as one") {
  Ledger ledger;
  const size_t count = Checkpointer::kClosedMax + 1;
  for (size_t i = 0; i < count; ++i) {
    ledger.close(std::to_string(i), "end");
    ledger.checkpoint();
  }
  const std::string kept = ledger.kept();
  CHECK(ledger.store.decoded_head()->closed.size() == count);
  ledger.begin(count);
  CHECK(ledger.part().starts_with("anew; closed "));
  ledger.done();
  CHECK(ledger.store.decoded_head()->closed.size() == 1);
  CHECK(ledger.kept() == kept);
}

// --- a checkpoint that is read

namespace {

// A ledger with these ids, as they come out of the store of another.
struct Loaded {
  explicit Loaded(const KeptCheckpoint& store) : head(*store.decoded_head()) {
    ledger.store = store;
    ledger.n = after(head.n);
    REQUIRE(ledger.checkpointer.load_begin(head, store.head));
  }
  Slot alive(const std::string& name, Time forget_from = Time::max()) {
    const auto found = ledger.keeper.find(name);
    const Slot slot = found ? *found : ledger.keeper.make(name);
    ledger.keeper.set(slot, "loaded");
    ledger.living.touch(slot, BatchNumber{1});
    ledger.living.forget_from(slot, forget_from);
    return slot;
  }
  void entry(const std::string& name) {
    const auto decoded = decode_checkpoint_entry(name, ledger.store.entries.at(name));
    ledger.checkpointer.loaded_entry(alive(name), decoded->checksum);
  }
  void closed(const std::string& name, uint64_t number) {
    ledger.checkpointer.loaded_closed(alive(name, time_from_ms(1)), number);
  }
  bool whole() const { return ledger.checkpointer.load_end(head); }

  Ledger ledger;
  CheckpointHead head;
};

// a, b are entries; c, d under 2; e under 3.
KeptCheckpoint some_kept() {
  Ledger ledger;
  for (const char* name : {"a", "b"}) ledger.open(name, "1");
  for (const char* name : {"c", "d"}) ledger.close(name, "end");
  ledger.checkpoint();
  ledger.close("e", "end");
  ledger.checkpoint();
  return ledger.store;
}

}  // namespace

TEST_CASE("a checkpoint that was read is gone on with: what changes is written, on its head") {
  Loaded loaded(some_kept());
  Ledger& ledger = loaded.ledger;
  for (const char* name : {"c", "d"}) loaded.closed(name, 2);
  loaded.closed("e", 3);
  for (const char* name : {"a", "b"}) loaded.entry(name);
  REQUIRE(loaded.whole());
  CHECK_FALSE(ledger.checkpointer.any_change());
  ledger.open("a", "2");
  ledger.drop("b");
  ledger.drop("c");
  ledger.drop("e");
  ledger.close("f", "end");
  ledger.begin();
  CHECK(ledger.part() == "on 1; left b; a=2; closed 4: left c left e f=end; 3/0 finished");
  ledger.done();
  CHECK(ledger.kept() == "a=2 d=end f=end");
  ledger.drop("d");
  ledger.begin();
  CHECK(ledger.part() == "on 1; no closed 2; no closed 3; 4/0 finished");
}

TEST_CASE("one that lacks an entry, has one too many, or another one, is not whole") {
  Loaded loaded(some_kept());
  for (const char* name : {"c", "d"}) loaded.closed(name, 2);
  loaded.closed("e", 3);
  loaded.entry("a");
  CHECK_FALSE(loaded.whole());
  SUBCASE("the other one") {
    loaded.entry("b");
    CHECK(loaded.whole());
    SUBCASE("and more") {
      loaded.ledger.checkpointer.loaded_entry(loaded.alive("x"), 0);
      CHECK_FALSE(loaded.whole());
    }
    SUBCASE("some twice") {
      loaded.entry("a");
      loaded.entry("b");
      CHECK(loaded.whole());
    }
  }
  SUBCASE("one in its place") {
    loaded.ledger.checkpointer.loaded_entry(loaded.alive("x"), 1);
    CHECK_FALSE(loaded.whole());
  }
  SUBCASE("an older one") {
    std::string bytes;
    const CheckpointEntry older{"b", BatchNumber{1}, "0"};
    loaded.ledger.checkpointer.loaded_entry(loaded.alive("b"), encode(older, bytes));
    CHECK_FALSE(loaded.whole());
  }
}

TEST_CASE("an id that was read more than once is where it was read last") {
  Loaded loaded(some_kept());
  Ledger& ledger = loaded.ledger;
  for (const char* name : {"c", "d"}) loaded.closed(name, 2);
  loaded.closed("e", 3);
  loaded.closed("c", 3);
  ledger.checkpointer.loaded_left(loaded.alive("d"));
  ledger.living.drop(*ledger.keeper.find("d"));
  for (const char* name : {"a", "b"}) loaded.entry(name);
  REQUIRE(loaded.whole());
  ledger.begin();
  CHECK(ledger.part() == "on 1; no closed 2; 3/0 finished");
}
