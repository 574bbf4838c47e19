#include "kafka/tool_producer.h"

#include "base/check.h"
#include "kafka/produce.h"

#include <librdkafka/rdkafka.h>

#include <stdexcept>

namespace muster::kafka {
namespace {

constexpr int kOpenTimeoutMs = 60'000;
constexpr int kCallTimeoutMs = 15'000;
constexpr int kTries = 4;

}  // namespace

struct ToolDelivery {
  static void call(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& producer = *static_cast<ToolProducer*>(opaque);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || !producer.refusal_.empty()) return;
    producer.refusal_ =
        std::string(rd_kafka_topic_name(message->rkt)) + ": " + rd_kafka_err2str(message->err);
  }
};

ToolProducer::ToolProducer(const Settings& settings) {
  ConfHandle conf = make_conf(settings, ClientRole::kProducer);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), ToolDelivery::call);
  MadeClient made = make_client(std::move(conf), ClientRole::kProducer);
  if (!made.client) throw std::runtime_error(made.error);
  client_ = std::move(made.client);
  if (const ErrorHandle error{rd_kafka_init_transactions(client_.get(), kOpenTimeoutMs)})
    throw std::runtime_error(std::string("opening the producer: ") +
                             rd_kafka_error_string(error.get()));
}

void ToolProducer::send(std::span<const core::Output> outputs) {
  refusal_.clear();
  if (const ErrorHandle error{rd_kafka_begin_transaction(client_.get())})
    give_up("beginning a transaction", error.get());
  for (const core::Output& output : outputs) produce(output);
  for (int tries = 1;; ++tries) {
    const ErrorHandle error(rd_kafka_commit_transaction(client_.get(), kCallTimeoutMs));
    if (!error) return;
    if (tries < kTries && rd_kafka_error_is_retriable(error.get()) != 0) continue;
    give_up("committing", error.get());
  }
}

// What was sent is visible, or not, all at once; whoever runs the command again learns which. No
// error: the topic's name is none.
void ToolProducer::give_up(const std::string& what, const rd_kafka_error_s* error) {
  if (error == nullptr) throw std::runtime_error(what + ": no topic's name");
  std::string text = what + ": " + rd_kafka_error_string(error);
  if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__FENCED)
    text = "another redrive or drop of this topic has begun: this one ends";
  if (rd_kafka_error_txn_requires_abort(error) != 0) {
    const ErrorHandle ignored(rd_kafka_abort_transaction(client_.get(), kCallTimeoutMs));
  }
  if (!refusal_.empty()) text += " (" + refusal_ + ")";
  throw std::runtime_error(text);
}

rd_kafka_topic_s* ToolProducer::topic(std::string_view name) {
  const auto known = topics_.find(name);
  if (known != topics_.end()) return known->second.get();
  const std::string text(name);
  TopicHandle handle(rd_kafka_topic_new(client_.get(), text.c_str(), nullptr));
  if (!handle) give_up("topic " + text, nullptr);
  return topics_.emplace(text, std::move(handle)).first->second.get();
}

void ToolProducer::produce(const core::Output& output) {
  CHECK(output.topic == core::TopicRole::kNamed);
  const ErrorHandle error =
      kafka::produce(client_.get(), topic(output.topic_name), output, Bytes::kCopied, nullptr);
  if (error) give_up("producing", error.get());
}

}  // namespace muster::kafka
