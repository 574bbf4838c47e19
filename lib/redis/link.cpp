#include "redis/link.h"

#include "base/log.h"

#include <algorithm>

namespace muster::redis {

Link::Link(const Settings& settings, Interrupter& interrupter, std::atomic<bool>& connected)
    : settings_(settings),
      interrupter_(interrupter),
      connected_(connected),
      random_(std::random_device{}()) {}

Connection* Link::open_after_pause() {
  if (!connection_ && Clock::now() < next_attempt_) return nullptr;
  return open_now();
}

Connection* Link::open_now() {
  if (connection_) return connection_.get();
  Connection::Opened opened = Connection::open(settings_, interrupter_);
  if (!opened.connection) {
    lost(opened.error);
    return nullptr;
  }
  connection_ = std::move(opened.connection);
  connected_ = true;
  if (!said_connected_) base::log_info("Redis at " + settings_.url.address() + " is connected");
  said_connected_ = true;
  said_.clear();
  return connection_.get();
}

void Link::used() {
  if (!connection_) return;
  if (connection_->usable()) {
    pause_ = {};
    return;
  }
  const std::string why = connection_->error();
  lost(why);
}

void Link::drop() {
  connection_.reset();
  connected_ = false;
}

void Link::lost(const std::string& why) {
  drop();
  problem_ = "Redis at " + settings_.url.address() + ": " + why;
  if (problem_ != said_ && !interrupter_.interrupted())
    base::log_warn(problem_ + "; going on without it");
  said_ = problem_;
  said_connected_ = false;
  pause_ = std::clamp(pause_ * 2, settings_.pause_min, settings_.pause_max);
  std::uniform_real_distribution<double> share(0.5, 1.0);
  failed_at_ = Clock::now();
  next_attempt_ = failed_at_ + std::chrono::duration_cast<Clock::duration>(pause_ * share(random_));
}

}  // namespace muster::redis
