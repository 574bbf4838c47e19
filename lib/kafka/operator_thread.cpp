#include "kafka/operator_thread.h"

#include "kafka/member_name.h"

#include <librdkafka/rdkafka.h>

#include <utility>

namespace muster::kafka {

using runtime::Owner;
using runtime::Owners;
using runtime::SentEvent;

namespace {

constexpr int kAskMs = 5'000;
constexpr int kPollMs = 20;
constexpr int kFlushMs = 2'000;
constexpr std::chrono::seconds kOwnersKept{1};

using OnSent = runtime::OperatorPorts::OnSent;

SentEvent not_sent(std::string error) { return {{}, std::move(error), false, false}; }

bool is_refusal(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct SentCallback {
  static void call(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& self = *static_cast<OperatorThread*>(opaque);
    const std::unique_ptr<OnSent> done(static_cast<OnSent*>(message->_private));
    --self.in_flight_;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      return (*done)({core::Offset{message->offset}, "", false, false});
    }
    const bool uncertain = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    (*done)({{}, rd_kafka_err2str(message->err), is_refusal(message->err), uncertain});
  }
};

OperatorThread::OperatorThread(const Settings& settings)
    : settings_(settings), thread_([this] { run(); }) {}

OperatorThread::~OperatorThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool OperatorThread::submit(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || jobs_.size() >= kWaitingMax) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
  return true;
}

void OperatorThread::send(runtime::EventToSend event, OnSent done) {
  Job job = SendJob{std::move(event), std::move(done)};
  if (!submit(job)) std::get<SendJob>(job).done(not_sent("too many events wait already"));
}

void OperatorThread::find_owners(OnOwners done) {
  Job job = OwnersJob{std::move(done)};
  if (!submit(job)) std::get<OwnersJob>(job).done({{}, "too many questions wait already"});
}

void OperatorThread::run() {
  while (true) {
    std::deque<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      const auto due = [this] { return stop_ || !jobs_.empty(); };
      if (in_flight_ == 0) changed_.wait(lock, due);
      if (stop_) break;
      jobs.swap(jobs_);
    }
    for (Job& job : jobs) std::visit([this](auto& one) { do_job(one); }, job);
    if (client_) rd_kafka_poll(client_.get(), in_flight_ > 0 ? kPollMs : 0);
    drop_broken_client();
  }
  if (client_) {
    rd_kafka_flush(client_.get(), kFlushMs);
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_.get(), kFlushMs);
  }
  for (Job& job : jobs_) {
    if (auto* send = std::get_if<SendJob>(&job)) send->done(not_sent("the program ends"));
    if (auto* owners = std::get_if<OwnersJob>(&job)) owners->done({{}, "the program ends"});
  }
}

bool OperatorThread::have_client() {
  if (client_) return true;
  ConfHandle conf = make_conf(settings_, ClientRole::kOperator);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), SentCallback::call);
  MadeClient made = make_client(std::move(conf), ClientRole::kOperator);
  client_ = std::move(made.client);
  client_error_ = made.error;
  return client_ != nullptr;
}

// An idempotent producer that has lost its place says so for ever after.
void OperatorThread::drop_broken_client() {
  if (!client_ || in_flight_ > 0) return;
  char text[256];
  if (rd_kafka_fatal_error(client_.get(), text, sizeof text) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  log_complaint("operator", std::string("the producer of operators' events begins anew: ") + text);
  client_.reset();
}

void OperatorThread::do_job(SendJob& job) {
  if (!have_client()) return job.done(not_sent(client_error_));
  if (in_flight_ >= kWaitingMax) return job.done(not_sent("too many events are in flight already"));
  auto done = std::make_unique<OnSent>(std::move(job.done));
  const runtime::EventToSend& event = job.event;
  const auto code = rd_kafka_producev(
      client_.get(), RD_KAFKA_V_TOPIC(settings_.topics.input.c_str()),
      RD_KAFKA_V_PARTITION(core::raw(event.partition)),
      RD_KAFKA_V_KEY(event.key.data(), event.key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(event.value.data()), event.value.size()),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(done.get()), RD_KAFKA_V_END);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return (*done)({{}, rd_kafka_err2str(code), is_refusal(code), false});
  [[maybe_unused]] const auto* taken = done.release();
  ++in_flight_;
}

void OperatorThread::do_job(OwnersJob& job) {
  const auto now = std::chrono::steady_clock::now();
  if (!owners_ || now - owners_read_ > kOwnersKept) {
    owners_ = have_client() ? ask_owners() : Owners{{}, client_error_};
    owners_read_ = std::chrono::steady_clock::now();
  }
  job.done(*owners_);
}

Owners OperatorThread::ask_owners() {
  const QueueHandle queue(rd_kafka_queue_new(client_.get()));
  const char* group = settings_.group.c_str();
  rd_kafka_DescribeConsumerGroups(client_.get(), &group, 1, nullptr, queue.get());
  const EventHandle event(rd_kafka_queue_poll(queue.get(), kAskMs));
  if (!event) return {{}, "Kafka does not answer"};
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {{}, rd_kafka_event_error_string(event.get())};
  size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  Owners owners;
  for (size_t i = 0; i < count; ++i) {
    if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[i]))
      return {{}, rd_kafka_error_string(error)};
    const size_t members = rd_kafka_ConsumerGroupDescription_member_count(groups[i]);
    for (size_t m = 0; m < members; ++m) {
      const auto* member = rd_kafka_ConsumerGroupDescription_member(groups[i], m);
      const MemberName name = read_member_name(rd_kafka_MemberDescription_client_id(member));
      const auto* partitions =
          rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
      for (int p = 0; partitions != nullptr && p < partitions->cnt; ++p) {
        if (partitions->elems[p].topic != settings_.topics.input) continue;
        owners.owners.push_back(
            {core::Partition{partitions->elems[p].partition}, name.admin, name.transactional_id});
      }
    }
  }
  return owners;
}

}  // namespace muster::kafka
