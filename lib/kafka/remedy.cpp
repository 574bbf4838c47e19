#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

namespace muster::kafka {

using runtime::Failure;
using runtime::Remedy;

namespace {

// A person has to grant something, or to configure another thing: saying it again does not help.
bool is_denied(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return true;
    default:  // an open set: the library adds codes
      return false;
  }
}

}  // namespace

Failure classify_transactional(const rd_kafka_error_s* error, const std::string& what) {
  const auto code = rd_kafka_error_code(error);
  const std::string text =
      what + " failed: " + rd_kafka_error_name(error) + ": " + rd_kafka_error_string(error);
  if (is_denied(code)) return {Remedy::kStop, text, 1};
  // Abortable, fenced, timed out or unknown: the fate is one of two, and the state is built again
  // either way. A producer is never used again after that (no KIP-890 in the library).
  return {Remedy::kAbortAndRebuild, text, 1};
}

Failure classify_consumer(int error_code, const std::string& text, const std::string& instance) {
  const auto code = static_cast<rd_kafka_resp_err_t>(error_code);
  if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    return {Remedy::kStop,
            "another process runs under the same --instance " + instance +
                ": each needs a name of its own",
            3};
  }
  if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    return {Remedy::kStop, "the next records to read are not retained any more: " + text, 1};
  }
  if (is_denied(code) || code == RD_KAFKA_RESP_ERR__FATAL) return {Remedy::kStop, text, 1};
  if (code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) return {Remedy::kShardLost, text, 1};
  return {Remedy::kRetry, text, 1};
}

bool refused_for_good(int error_code) {
  switch (static_cast<rd_kafka_resp_err_t>(error_code)) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      return true;
    default:  // may pass, or is no matter of the output
      return false;
  }
}

bool worth_asking_again(int error_code) {
  return !is_denied(static_cast<rd_kafka_resp_err_t>(error_code));
}

}  // namespace muster::kafka
