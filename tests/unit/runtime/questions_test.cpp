// What those who watch a worker get to see.
#include "runtime/questions.h"

#include "runtime/status_board.h"
#include "script.h"

#include <doctest/doctest.h>

#include <poll.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

TEST_CASE("questions are answered in turn, one slice of one in each round") {
  Mailbox mailbox;
  Questions questions(mailbox);
  const Worker worker = live_worker();
  std::string order;
  int left = 3;
  REQUIRE(questions.ask([&](const Worker&, Time) {
    order += 'a';
    return --left == 0;
  }));
  REQUIRE(questions.ask([&](const Worker&, Time) {
    order += 'b';
    return true;
  }));
  pollfd waiting{mailbox.fd(), POLLIN, 0};
  CHECK(poll(&waiting, 1, 0) == 1);  // the loop is awake
  CHECK(questions.answer_some(worker, at(0)));
  CHECK(questions.answer_some(worker, at(0)));
  CHECK(questions.answer_some(worker, at(0)));
  CHECK_FALSE(questions.answer_some(worker, at(0)));
  CHECK_FALSE(questions.answer_some(worker, at(0)));
  CHECK(order == "abaa");
}

TEST_CASE("a question may ask the next one from within its slice") {
  Mailbox mailbox;
  Questions questions(mailbox);
  const Worker worker = live_worker();
  int answered = 0;
  REQUIRE(questions.ask([&](const Worker&, Time) {
    ++answered;
    return questions.ask([&](const Worker&, Time) { return ++answered > 0; });
  }));
  CHECK(questions.answer_some(worker, at(0)));
  CHECK_FALSE(questions.answer_some(worker, at(0)));
  CHECK(answered == 2);
}

TEST_CASE("a closed box drops what waits and takes nothing") {
  Mailbox mailbox;
  Questions questions(mailbox);
  const auto kept = std::make_shared<int>(1);
  REQUIRE(questions.ask([kept](const Worker&, Time) { return true; }));
  CHECK(kept.use_count() == 2);
  questions.close();
  CHECK(kept.use_count() == 1);
  CHECK_FALSE(questions.ask([](const Worker&, Time) { return true; }));
}

TEST_CASE("a status says where each partition is, and what has committed") {
  Worker worker(worker_options(), make_toy);
  worker.handle(ProducerOpened{}, at(0));
  worker.handle(Assigned{{kP0}}, at(100));
  WorkerStatus status = worker.status(at(150));
  CHECK_FALSE(status.ready);
  REQUIRE(status.seats.size() == 1);
  CHECK(status.seats[0].phase == SeatPhase::kLocating);
  const uint64_t request = located_last(worker.take_actions()).request;
  worker.handle(Located{request, {empty_location(kP0)}, {77}}, at(300));
  worker.take_actions();
  apply(worker, {{0, "a", "add"}, {1, "a", "end"}, {2, "b", "add"}}, 3, 400);
  worker.end_round(at(410));
  CHECK(worker.status(at(410)).totals.records == 0);
  worker.handle(Committed{{Offset{0}}}, at(420));
  status = worker.status(at(430));
  CHECK(status.ready);
  CHECK(status.totals.records == 3);
  CHECK(status.totals.batches_committed == 1);
  CHECK(status.seats[0].phase == SeatPhase::kLive);
  CHECK(status.seats[0].recovery == Duration{200});
  CHECK(status.seats[0].next == std::vector<Offset>{Offset{3}});
  CHECK(status.seats[0].living == 2);
  CHECK(worker.live_since(kP0) == at(300));
  CHECK_FALSE(worker.live_since(kP1));
  worker.handle(StopRequested{}, at(440));
  CHECK_FALSE(worker.status(at(450)).ready);
}

TEST_CASE("a spare member is ready to have nothing") {
  Worker worker(worker_options(), make_toy);
  CHECK_FALSE(worker.status(at(0)).ready);
  worker.handle(ProducerOpened{}, at(0));
  CHECK_FALSE(worker.status(at(0)).ready);
  worker.handle(Assigned{{}}, at(0));
  CHECK(worker.status(at(0)).ready);
  worker.handle(Revoked{}, at(0));
  CHECK_FALSE(worker.status(at(0)).ready);
}

TEST_CASE("a board has the newest status, and remembers that one was ready") {
  StatusBoard board;
  CHECK(board.get() == nullptr);
  WorkerStatus status;
  board.put(status);
  CHECK_FALSE(board.get()->was_ready);
  status.ready = true;
  board.put(status);
  status.ready = false;
  board.put(status);
  CHECK_FALSE(board.get()->ready);
  CHECK(board.get()->was_ready);
}
