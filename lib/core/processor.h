// The deterministic half of a service: what it keeps per id, and what follows from a record or a
// timer. It does no I/O, reads no clock, draws no random number, never blocks, and is not told
// whether it runs live or in replay: the same inputs in the same order give the same effects and
// the same saved bytes. One instance per shard, on the worker's thread.
#pragma once

#include "core/effects.h"
#include "core/record.h"
#include "core/types.h"

#include <optional>
#include <string>
#include <string_view>

namespace muster::core {

class Processor {
 public:
  virtual ~Processor() = default;

  // The options that decide outcomes, in a stable encoding: they are an input and are journaled.
  // configure() is called before the first record, and by replay whenever an entry was decided
  // under others.
  virtual std::string options() const = 0;
  // False: these bytes are not options of this version.
  [[nodiscard]] virtual bool configure(std::string_view options) = 0;

  // The id that the record is about, if any: where that lives, it is applied. A shard that shares its
  // ids out over partitions asks this of every record right before it hands it over, if it does;
  // other shards never ask.
  virtual std::optional<std::string_view> route(const Record& /*record*/) { return std::nullopt; }
  // `now` is the record's time, or the shard's clock where that is later: deadlines count from it.
  virtual void on_record(const Record& record, Time now, Effects& effects) = 0;
  // The id's armed timer, due at `due`, has been reached by the clock. It is not armed any more.
  virtual void on_timer(Slot slot, Time due, Effects& effects) = 0;

  // A living id's whole state. load() replaces what `key` had, or brings it to life, and re-arms
  // its timer.
  virtual void save(Slot slot, std::string& out) const = 0;
  [[nodiscard]] virtual bool load(std::string_view key, std::string_view bytes,
                                  Effects& effects) = 0;

  // What its ids take in memory, about; asked often.
  virtual size_t held_bytes() const = 0;

  virtual std::optional<Slot> find(std::string_view key) const = 0;
  // Valid until the id changes.
  virtual std::string_view name(Slot slot) const = 0;
  // For those who watch: ids of which something is still to come.
  virtual size_t open() const { return 0; }
  // The core says that the id is gone: as if it had never been. Its slot may be reused from now on.
  virtual void drop(Slot slot) = 0;
};

}  // namespace muster::core
