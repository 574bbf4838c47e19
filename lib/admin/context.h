// What all endpoints of the admin side share. Filled at start; the links outlive the server.
#pragma once

#include "collector/options.h"
#include "core/partitioner.h"
#include "http/message.h"
#include "http/server.h"
#include "runtime/operator_ports.h"
#include "runtime/questions.h"
#include "runtime/status_board.h"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace muster::admin {

struct WorkerLink {
  runtime::StatusBoard* board = nullptr;
  runtime::Questions* questions = nullptr;
};

struct Context {
  std::string version;
  std::string library_version;
  std::string topic;
  std::string repartition_topic;
  std::string group;
  std::string token;     // empty: nothing can be changed
  bool loopback = true;  // it listens there only
  core::Partitioner partitioner = core::Partitioner::kMurmur2;
  collector::Options collector;  // what events are checked against; valid when `partitions` is set
  std::vector<WorkerLink> workers;
  runtime::OperatorPorts* kafka = nullptr;
  // Of the event topic; 0: not known yet. Set once, when the topics have been seen.
  std::atomic<int32_t> partitions{0};

  std::optional<core::Routing> routing() const {
    const int32_t count = partitions;
    if (count == 0) return std::nullopt;
    return core::Routing{partitioner, count};
  }
};

// A partition that a worker of this process has, in whatever state.
struct Held {
  const WorkerLink* worker = nullptr;
  runtime::SeatStatus seat;
};
std::optional<Held> held(const Context& context, core::Partition partition);
// In their order.
std::vector<Held> all_held(const Context& context);

// The answer for a group that lives in a partition which is being recovered here.
http::Response recovering(const runtime::SeatStatus& seat);
// The same for one that lives elsewhere: 421 with who has it, or 503 if nobody can say.
http::Response elsewhere(core::Partition partition, const runtime::Owners& owners);
std::string owner_json(const runtime::Owner& owner);

}  // namespace muster::admin
