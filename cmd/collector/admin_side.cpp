#include "admin_side.h"

#include "base/log.h"
#include "kafka/client.h"

#include <unistd.h>

namespace muster::cmd {
namespace {

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

AdminSide::AdminSide(const CollectorSettings& settings, std::deque<runtime::Mailbox>& mailboxes)
    : settings_(settings.admin), boards_(mailboxes.size()) {
  for (runtime::Mailbox& mailbox : mailboxes) questions_.emplace_back(mailbox);
  for (size_t i = 0; i < mailboxes.size(); ++i)
    context_.workers.push_back({&boards_[i], &questions_[i]});
  context_.version = MUSTER_VERSION;
  context_.library_version = kafka::library_version_text();
  context_.topic = settings.kafka.topics.input;
  context_.repartition_topic = settings.kafka.topics.repartition;
  context_.group = settings.kafka.group;
  context_.token = settings.admin.token;
  context_.loopback = settings.admin.address && is_loopback(settings.admin.address->host);
  if (settings.kafka.partitioner == "crc32") context_.partitioner = core::Partitioner::kCrc32;
  if (settings.admin.address) admin_ = std::make_unique<admin::Admin>(context_);
}

// The server's thread asks Kafka, and Kafka's answers go to the server: first nobody asks, then nobody
// answers, then both may go.
AdminSide::~AdminSide() {
  if (admin_) admin_->stop();
  kafka_.reset();
}

std::string AdminSide::start(kafka::Settings& kafka) {
  if (!admin_) return "";
  std::string error = admin_->listen(*settings_.address);
  // Several collectors on one machine are to work without a word about ports.
  if (!error.empty() && !settings_.asked_for) {
    base::log_info(error + "; taking any free port");
    error = admin_->listen({settings_.address->host, 0});
  }
  if (!error.empty()) return "--admin: " + error;
  http::Address told = admin_->address();
  if (told.is_wildcard()) told.host = host_name();
  kafka.admin = settings_.advertised.empty() ? told.text() : settings_.advertised;
  kafka_ = std::make_unique<kafka::OperatorThread>(kafka);
  context_.kafka = kafka_.get();
  admin_->start();
  base::log_info("admin at http://" + admin_->address().text());
  return "";
}

void AdminSide::adopt(const CollectorSettings& settings) {
  context_.collector = settings.collector;
  context_.partitions = settings.kafka.partitions;  // last: now the others are valid
}

}  // namespace muster::cmd
