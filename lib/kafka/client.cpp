#include "kafka/client.h"

#include "base/check.h"
#include "base/log.h"
#include "kafka/member_name.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

namespace muster::kafka {
namespace {

using NameValue = std::pair<std::string, std::string>;
using Properties = std::vector<NameValue>;

// Since this version a consumer that has read ahead enough looks again after
// fetch.queue.backoff.ms; before, it slept for a second, which only a very long queue avoids.
constexpr int kShortBackoffSince = 0x02020000;
constexpr size_t kFetchBytes = size_t{1} << 20;  // librdkafka's own, of one partition
// An answer that is lost on the way is missed after this. A large fetch over a slow link must be
// through by then.
constexpr const char* kConsumerSocketTimeoutMs = "20000";

size_t fastest_read_ahead_bytes() {
  const size_t mebibytes = rd_kafka_version() >= kShortBackoffSince ? 32 : 256;
  return mebibytes << 20;
}

// The queue is filled by one more fetch when there is room in it.
void add_read_ahead(const Settings& settings, Properties& p) {
  size_t queue = fastest_read_ahead_bytes();
  if (settings.read_ahead_bytes_max > 0) {
    queue = std::min(queue, settings.read_ahead_bytes_max / 2);
    p.emplace_back("fetch.message.max.bytes", std::to_string(std::min(queue, kFetchBytes)));
  }
  p.emplace_back("queued.max.messages.kbytes", std::to_string(queue >> 10));
}

Properties defaults(const Settings& settings, ClientRole role) {
  Properties p = {{"socket.nagle.disable", "true"},
                  {"reconnect.backoff.ms", "50"},
                  {"reconnect.backoff.max.ms", "1000"},
                  {"topic.metadata.refresh.interval.ms", "60000"},
                  {"log.connection.close", "false"}};
  // Of all that are no producers, or a short max.poll.interval.ms is refused.
  if (role != ClientRole::kProducer && role != ClientRole::kOperator)
    p.emplace_back("session.timeout.ms", std::to_string(kSessionTimeoutMs));
  switch (role) {
    case ClientRole::kGroupConsumer:
      p.insert(
          p.end(),
          {{"socket.timeout.ms", kConsumerSocketTimeoutMs},
           // The answer to a JoinGroup is waited for as long as this. Partitions are given back
           // when the commit in flight has ended, of which two may have to time out.
           {"max.poll.interval.ms", "60000"},
           // A member learns of a rebalance by its heartbeat.
           {"heartbeat.interval.ms", "500"},
           // How soon the group learns of new topics and partitions.
           {"topic.metadata.refresh.interval.ms", "5000"},
           // An idle fetch answers after this: it is how late the end of a log may be noticed.
           {"fetch.wait.max.ms", "20"},
           {"retry.backoff.ms", "5"}});
      [[fallthrough]];
    case ClientRole::kReader:
      p.emplace_back(rd_kafka_version() >= kShortBackoffSince
                         ? NameValue{"fetch.queue.backoff.ms", "1"}
                         : NameValue{"queued.min.messages", "10000000"});
      add_read_ahead(settings, p);
      if (role == ClientRole::kReader) {
        p.insert(p.end(), {{"socket.timeout.ms", kConsumerSocketTimeoutMs},
                           {"fetch.wait.max.ms", "20"},
                           {"retry.backoff.ms", "5"}});
      }
      break;
    case ClientRole::kProducer:
      p.insert(
          p.end(),
          {{"transaction.timeout.ms", "10000"},
           // The offsets of a transaction are refused while the last one's markers are written.
           {"retry.backoff.ms", "2"},
           // A transaction flushes what it has. Before that, only whole requests are worth sending.
           {"linger.ms", "1000"},
           {"queue.buffering.max.messages", "1000000"},
           {"queue.buffering.max.kbytes", "1048576"},
           // Of a topic that is gone: it is looked up before that is believed.
           {"topic.metadata.propagation.max.ms", "2000"},
           {"batch.num.messages", "100000"},
           // A request larger than a topic takes is refused, however small its records are.
           {"batch.size", std::to_string(settings.produce_bytes_max)}});
      break;
    case ClientRole::kEnds:
      p.insert(p.end(),
               {{"socket.timeout.ms", kConsumerSocketTimeoutMs}, {"retry.backoff.ms", "5"}});
      break;
    case ClientRole::kAdmin:
      break;
    case ClientRole::kOperator:
      // Somebody waits for the answer.
      p.insert(p.end(), {{"message.timeout.ms", "10000"},
                         {"linger.ms", "0"},
                         {"topic.metadata.propagation.max.ms", "2000"}});
      break;
  }
  return p;
}

// What exactly once and in order stand on.
Properties fixed(const Settings& settings, ClientRole role) {
  // A member of the group shows by its client id which writer it is, and where it can be asked
  // (member_name.h).
  const bool member = role == ClientRole::kGroupConsumer;
  Properties p = {{"bootstrap.servers", settings.brokers},
                  {"client.id", member ? member_name(settings.transactional_id, settings.admin)
                                       : settings.client_id}};
  switch (role) {
    case ClientRole::kGroupConsumer:
      p.insert(p.end(), {{"group.id", settings.group},
                         {"isolation.level", "read_committed"},
                         {"enable.auto.commit", "false"},
                         {"enable.auto.offset.store", "false"},
                         {"enable.partition.eof", "true"},
                         {"auto.offset.reset", "error"},
                         {"partition.assignment.strategy", "range"}});
      if (!settings.instance.empty()) p.emplace_back("group.instance.id", settings.instance);
      break;
    case ClientRole::kReader:
      p.insert(p.end(), {{"group.id", settings.group},
                         {"isolation.level", "read_committed"},
                         {"enable.auto.commit", "false"},
                         {"enable.auto.offset.store", "false"},
                         {"enable.partition.eof", "true"},
                         {"auto.offset.reset", "error"}});
      break;
    case ClientRole::kEnds:
      p.insert(p.end(), {{"group.id", settings.group},
                         {"isolation.level", "read_uncommitted"},
                         {"enable.auto.commit", "false"}});
      break;
    case ClientRole::kProducer:
      p.insert(p.end(),
               {{"transactional.id", settings.transactional_id},
                {"message.max.bytes", "1000000000"},
                {"partitioner", settings.partitioner == "crc32" ? "consistent" : "murmur2"}});
      break;
    case ClientRole::kAdmin:
      // Asking whether a topic is there creates none.
      p.insert(p.end(), {{"allow.auto.create.topics", "false"}});
      break;
    case ClientRole::kOperator:
      p.insert(p.end(), {{"enable.idempotence", "true"}, {"message.max.bytes", "1000000000"}});
      break;
  }
  return p;
}

const std::set<std::string, std::less<>> kReserved = {"bootstrap.servers",
                                                      "metadata.broker.list",
                                                      "client.id",
                                                      "group.id",
                                                      "group.instance.id",
                                                      "isolation.level",
                                                      "enable.auto.commit",
                                                      "auto.commit.enable",
                                                      "enable.auto.offset.store",
                                                      "enable.partition.eof",
                                                      "auto.offset.reset",
                                                      "transactional.id",
                                                      "partition.assignment.strategy",
                                                      "partitioner",
                                                      "enable.idempotence",
                                                      "group.protocol",
                                                      "message.max.bytes",
                                                      "acks",
                                                      "request.required.acks"};

// Versions in which a large batch that is sent again may differ from the first time: the producer
// gives up for good ("Unable to reconstruct MessageSet", librdkafka's issue 4736).
constexpr int kRetryBugSince = 0x02020000;
constexpr int kRetryBugUntil = 0x02050000;

// The kind of all that comes of a broker that cannot be reached.
constexpr const char* kConnection = "FAIL";

// A broker that is away makes the client say so at every attempt; one line a minute is enough for a
// person.
class Throttle {
 public:
  bool pass(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const auto [place, is_new] = said_.try_emplace(kind, now);
    if (!is_new && now - place->second < std::chrono::minutes(1)) return false;
    place->second = now;
    if (said_.size() > 1000) said_.clear();
    return true;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> said_;  // guarded by mutex_
};

Throttle& throttle() {
  static Throttle of_process;
  return of_process;
}

void on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  const std::string_view kind = facility;
  // All clients of the process fail alike, and say it twice ("connect failed", "all brokers are
  // down"): throttled together, and not by text, which holds names and times.
  if ((kind == "FAIL" || kind == "ERROR") && !throttle().pass(kConnection)) return;
  if (kind == "CONFWARN") return;  // a property meant for another kind of client
  const std::string line = "kafka client: " + std::string(text);
  if (level <= 3) {
    base::log_warn(line);
  } else if (level <= 5) {
    base::log_info(line);
  } else {
    base::log_debug(line);
  }
}

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char error[512];
  const auto result = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error);
  // The user's properties were checked at start; ours are known to all versions, or optional.
  if (result != RD_KAFKA_CONF_OK) base::log_debug(std::string("kafka client: ") + error);
}

}  // namespace

std::vector<std::string> check_properties(const Settings& settings) {
  std::vector<std::string> wrong;
  const ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [name, value, source] : settings.properties) {
    char error[512];
    if (kReserved.contains(name)) {
      wrong.push_back(source + ": " + name + " is set by muster and cannot be changed");
    } else if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error, sizeof error) !=
               RD_KAFKA_CONF_OK) {
      wrong.push_back(source + ": " + error);
    }
  }
  return wrong;
}

size_t read_ahead_bytes(const Settings& settings) {
  size_t bytes = fastest_read_ahead_bytes();
  if (settings.read_ahead_bytes_max > 0) bytes = std::min(bytes, settings.read_ahead_bytes_max);
  for (const auto& [name, value, source] : settings.properties) {
    if (name == "queued.max.messages.kbytes")
      bytes = std::strtoull(value.c_str(), nullptr, 10) << 10;
  }
  return bytes;
}

ConfHandle make_conf(const Settings& settings, ClientRole role) {
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [name, value] : defaults(settings, role)) set(conf.get(), name, value);
  for (const auto& [name, value, source] : settings.properties) set(conf.get(), name, value);
  for (const auto& [name, value] : fixed(settings, role)) set(conf.get(), name, value);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  return conf;
}

MadeClient make_client(ConfHandle conf, ClientRole role) {
  // The admin's is a consumer too: a producer that asks about a missing topic may create it by
  // that.
  const bool produces = role == ClientRole::kProducer || role == ClientRole::kOperator;
  const auto type = produces ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
  char error[512];
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), error, sizeof error);
  if (client == nullptr) return {nullptr, error};
  [[maybe_unused]] const auto* taken = conf.release();
  return {ClientHandle(client), ""};
}

void log_complaint(const std::string& kind, const std::string& text) {
  if (throttle().pass(kind)) base::log_warn(text);
}

int library_version() { return rd_kafka_version(); }
std::string library_version_text() { return rd_kafka_version_str(); }

std::string library_warning(int version, const std::string& version_text) {
  if (version < kRetryBugSince || version >= kRetryBugUntil) return "";
  return "librdkafka " + version_text +
         " has a bug that 2.2.0 to 2.4.x share: a producer may fail at a retry (\"Unable to "
         "reconstruct MessageSet\"), and its shards are rebuilt each time. Use 2.5.0 or later, or "
         "muster's container image, which has that";
}

}  // namespace muster::kafka
