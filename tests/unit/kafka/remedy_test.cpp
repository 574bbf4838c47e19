#include "kafka/remedy.h"

#include "kafka/handles.h"

#include <doctest/doctest.h>

#include <librdkafka/rdkafka.h>

using namespace muster::kafka;
using muster::runtime::Failure;
using muster::runtime::Remedy;

namespace {

Failure transactional(rd_kafka_resp_err_t code) {
  const ErrorHandle error(rd_kafka_error_new(code, "%s", "the broker's words"));
  return classify_transactional(error.get(), "committing");
}

}  // namespace

TEST_CASE(
    "a transactional call that failed: only what a person must mend stops, all else is rebuilt") {
  struct Row {
    rd_kafka_resp_err_t code;
    Remedy remedy;
  };
  const Row table[] = {
      {RD_KAFKA_RESP_ERR__TIMED_OUT, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR__TRANSPORT, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR__FENCED, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR__PURGE_QUEUE, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR__STATE, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR__FATAL, Remedy::kAbortAndRebuild},
      {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Remedy::kStop},
      {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Remedy::kStop},
      {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Remedy::kStop},
      {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Remedy::kStop},
      {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, Remedy::kStop},
      {RD_KAFKA_RESP_ERR__AUTHENTICATION, Remedy::kStop},
      {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, Remedy::kStop},
      {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, Remedy::kStop},
  };
  for (const Row& row : table) {
    CAPTURE(rd_kafka_err2name(row.code));
    const Failure failure = transactional(row.code);
    CHECK(failure.remedy == row.remedy);
    CHECK(failure.exit_code == 1);
    CHECK(failure.message.starts_with("committing failed: "));
    CHECK(failure.message.find(rd_kafka_err2name(row.code)) != std::string::npos);
    CHECK(failure.message.find("the broker's words") != std::string::npos);
  }
}

TEST_CASE(
    "a consumer's error: what the library mends is retried, a second instance of one name stops "
    "with 3") {
  struct Row {
    rd_kafka_resp_err_t code;
    Remedy remedy;
    int exit_code;
  };
  const Row table[] = {
      {RD_KAFKA_RESP_ERR__TRANSPORT, Remedy::kRetry, 1},
      {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, Remedy::kRetry, 1},
      {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Remedy::kRetry, 1},
      {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Remedy::kRetry, 1},
      {RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, Remedy::kShardLost, 1},
      {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Remedy::kStop, 3},
      {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Remedy::kStop, 1},
      {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, Remedy::kStop, 1},
      {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Remedy::kStop, 1},
      {RD_KAFKA_RESP_ERR__FATAL, Remedy::kStop, 1},
  };
  for (const Row& row : table) {
    CAPTURE(rd_kafka_err2name(row.code));
    const Failure failure = classify_consumer(row.code, "words", "one");
    CHECK(failure.remedy == row.remedy);
    CHECK(failure.exit_code == row.exit_code);
  }
  CHECK(classify_consumer(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "words", "one")
            .message.find("--instance one") != std::string::npos);
  CHECK(classify_consumer(RD_KAFKA_RESP_ERR__TRANSPORT, "words", "one").message.find("words") !=
        std::string::npos);
}

TEST_CASE("an output that will never be taken is told from one that may be, or that never left") {
  CHECK(refused_for_good(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
  CHECK(refused_for_good(RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP));
  CHECK(refused_for_good(RD_KAFKA_RESP_ERR_INVALID_RECORD));
  CHECK_FALSE(refused_for_good(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC));  // looked up first
  CHECK_FALSE(refused_for_good(RD_KAFKA_RESP_ERR__PURGE_QUEUE));
  CHECK_FALSE(refused_for_good(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT));
  CHECK_FALSE(refused_for_good(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION));
  CHECK_FALSE(refused_for_good(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
}

TEST_CASE("a question is asked again unless it was denied") {
  CHECK(worth_asking_again(RD_KAFKA_RESP_ERR__TIMED_OUT));
  CHECK(worth_asking_again(RD_KAFKA_RESP_ERR__TRANSPORT));
  CHECK(worth_asking_again(RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT));
  CHECK(worth_asking_again(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION));
  CHECK_FALSE(worth_asking_again(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
  CHECK_FALSE(worth_asking_again(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED));
  CHECK_FALSE(worth_asking_again(RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION));
}
