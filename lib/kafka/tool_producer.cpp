#include "kafka/tool_producer.h"

#include "base/check.h"

#include <librdkafka/rdkafka.h>

#include <array>
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
  std::array<rd_kafka_vu_t, 8> args{};
  size_t count = 0;
  const auto add = [&args, &count ](rd_kafka_vtype_t type) -> auto& {
    args[count].vtype = type;
    return args[count++].u;
  };
  add(RD_KAFKA_VTYPE_RKT).rkt = topic(output.topic_name);
  add(RD_KAFKA_VTYPE_PARTITION).i32 =
      output.partition ? core::raw(*output.partition) : RD_KAFKA_PARTITION_UA;
  add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
  if (output.value) {
    auto& value = add(RD_KAFKA_VTYPE_VALUE).mem;
    value.ptr = const_cast<char*>(output.value->data());
    value.size = output.value->size();
  }
  if (output.key) {
    auto& key = add(RD_KAFKA_VTYPE_KEY).mem;
    key.ptr = const_cast<char*>(output.key->data());
    key.size = output.key->size();
  }
  if (output.timestamp) add(RD_KAFKA_VTYPE_TIMESTAMP).i64 = core::to_ms(*output.timestamp);
  rd_kafka_headers_t* headers = nullptr;
  if (!output.headers.empty()) {
    headers = rd_kafka_headers_new(output.headers.size());
    for (const core::Header& header : output.headers) {
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value ? header.value->data() : nullptr,
                          header.value ? static_cast<ssize_t>(header.value->size()) : 0);
    }
    add(RD_KAFKA_VTYPE_HEADERS).headers = headers;
  }
  while (true) {
    const ErrorHandle error(rd_kafka_produceva(client_.get(), args.data(), count));
    if (!error) return;
    if (rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(client_.get(), 10);
      continue;
    }
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    give_up("producing", error.get());
  }
}

}  // namespace muster::kafka
