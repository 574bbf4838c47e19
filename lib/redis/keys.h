// Where the checkpoint of a partition lies, for people with redis-cli as well:
//
//   muster:{<group>/<topic>/<partition>}:head      a string: one line of ASCII, core/checkpoint.h
//   muster:{<group>/<topic>/<partition>}:entries   a hash: an id's name -> its state
//   muster:{<group>/<topic>/<partition>}:closed    a hash: number -> many ids that only wait
//
// To remove a checkpoint, delete all three; recovery is then from Kafka alone. Names and values may
// be any bytes. The braces keep the three together where somebody shards by them.
#pragma once

#include "core/types.h"
#include "redis/settings.h"

#include <string>

namespace muster::redis {

struct Keys {
  std::string head;
  std::string entries;
  std::string closed;
};

inline Keys keys_of(const Settings& settings, core::Partition partition) {
  const std::string shard = "muster:{" + settings.group + "/" + settings.topic + "/" +
                            std::to_string(core::raw(partition)) + "}:";
  return {shard + "head", shard + "entries", shard + "closed"};
}

}  // namespace muster::redis
