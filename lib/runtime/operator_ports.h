// What those who watch and steer need of Kafka, besides the worker's own ports: to put an event into
// the log, and to know who owns a partition. Both answer later, on a thread of the adapter's.
#pragma once

#include "core/types.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace muster::runtime {

struct EventToSend {
  core::Partition partition{};
  std::string key;
  std::string value;
};
struct SentEvent {
  core::Offset offset{};
  std::string error;       // not empty: it is not in the log, as far as is known
  bool refused = false;    // for good: too large, not allowed
  bool uncertain = false;  // it may be in the log all the same
};

struct Owner {
  core::Partition partition{};
  std::string admin;   // HOST:PORT; empty: it does not say
  std::string member;  // the writer that its client id names
};
struct Owners {
  std::vector<Owner> owners;
  std::string error;  // not empty: nobody could be asked
};

class OperatorPorts {
 public:
  virtual ~OperatorPorts() = default;
  using OnSent = std::function<void(const SentEvent&)>;
  using OnOwners = std::function<void(const Owners&)>;
  // Into the event topic. Answered when all replicas in sync have it.
  virtual void send(EventToSend event, OnSent done) = 0;
  // As of a second ago at most. Partitions that nobody has at present are absent.
  virtual void find_owners(OnOwners done) = 0;
};

}  // namespace muster::runtime
