// What the worker needs of the world, in its own words. The adapters (lib/kafka) implement the
// ports, the simulator implements the same ones over simulated logs. Nothing here blocks: what
// takes time answers later with an Event.
#pragma once

#include "core/batch.h"
#include "core/record.h"
#include "core/types.h"
#include "runtime/checkpoint_store.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace muster::runtime {

// What the caller must do about a failure of the world.
enum class Remedy {
  kRetry,            // the same call again, later
  kAbortAndRebuild,  // the transaction is lost or its fate unknown: new producer, state again from
                     // the logs
  kShardLost,  // this member does not own its partitions any more: drop them, the group will assign
               // anew
  kStop,       // no call will help: say why and exit
};

struct Failure {
  Remedy remedy = Remedy::kStop;
  std::string message;
  int exit_code = 1;  // for kStop
};

// [begin, end): first offset that is retained, and the high watermark (open transactions included).
struct LogEnds {
  core::Offset begin{};
  core::Offset end{};
};

// The logs of a shard: what it reads, in the order in which a batch applies it, and its journal.
enum class Log : uint8_t { kInput, kRepartition, kJournal };

// Where a shard stands according to Kafka, read when its last transaction was settled.
struct InputLocation {
  std::optional<core::Offset> committed;
  std::string metadata;  // committed beside the offset
  LogEnds ends;
};
struct Location {
  core::Partition partition{};
  std::vector<InputLocation> inputs;  // the input, then the repartition topic if there is one
  LogEnds journal;
};

struct PartitionOffset {
  core::Partition partition{};
  core::Offset offset{};

  bool operator==(const PartitionOffset&) const = default;
};

// An output that the broker will never take.
struct Refusal {
  size_t output = 0;  // its index in the batch
  std::string topic;
  std::string reason;
  bool certain = false;  // it is this one, not another that was sent together with it
  std::string_view code = "undeliverable";  // of the dead letter; a literal
};

// --- events: what the world tells the worker

struct Assigned {
  std::vector<core::Partition> partitions;
};
struct Revoked {
  bool lost = false;  // others may own them already
};
struct ProducerOpened {};
struct Located {
  uint64_t request = 0;  // that of the question
  std::vector<Location> locations;
  std::vector<uint64_t> random;  // one per location: the epoch, should a new one begin
};
// High watermarks, read after the question was put.
struct EndsRead {
  uint64_t request = 0;
  std::vector<PartitionOffset> ends;
};
// What the group has committed of the input; a partition of which it has nothing is absent.
struct CommittedRead {
  uint64_t request = 0;
  std::vector<PartitionOffset> offsets;
};
struct Committed {
  std::vector<core::Offset> journal_offsets;  // as Batch::shards
};
// Nothing of the batch was sent: these outputs have nowhere to go.
struct NotSent {
  std::vector<Refusal> refusals;
};
struct Failed {
  Failure failure;
  std::vector<Refusal> refusals = {};  // if that is why
};
struct StopRequested {};
using Event = std::variant<Assigned, Revoked, ProducerOpened, Located, EndsRead, CommittedRead,
                           Committed, NotSent, Failed, CheckpointStored, StopRequested>;

// --- ports

struct StartAt {
  core::Partition partition{};
  Log log{};
  core::Offset offset{};

  bool operator==(const StartAt&) const = default;
};

// Records that wait in a queue, and the position behind the last of them (gaps and markers
// included). Valid until the next call for the same queue.
struct Fetched {
  std::span<core::Record> records;
  core::Offset next{-1};  // negative: nothing new, not even a position
};

// The group's consumer, of the input and of the repartition topic if there is one. Each partition is
// read from a queue of its own: not to read one holds it back.
class Consumer {
 public:
  virtual ~Consumer() = default;
  virtual void subscribe() = 0;
  // Serves the group; to be called at least each few hundred milliseconds.
  virtual std::optional<Event> poll() = 0;
  virtual void assign(std::span<const StartAt> positions) = 0;
  virtual void unassign() = 0;
  virtual size_t queued(core::Partition partition, Log log) const = 0;
  virtual Fetched fetch(core::Partition partition, Log log, size_t records_max) = 0;
  // The last so many records of the last fetch were not taken: the next one gives them again.
  virtual void put_back(core::Partition partition, Log log, size_t records) = 0;
  // The end of a log (its high watermark) as last heard of, without asking; for those who watch.
  virtual std::optional<core::Offset> end_of(core::Partition, Log) const { return std::nullopt; }
  // Who this member is in which generation, saved at the assignment; goes with every transaction.
  virtual std::string group_metadata() const = 0;
  virtual void close() = 0;
};

// Reads logs outside of the group, committed records only.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual void start(core::Partition partition, Log log, core::Offset from) = 0;
  virtual void stop(core::Partition partition) = 0;
  // The records stay until they are consumed.
  virtual Fetched fetch(core::Partition partition, Log log, size_t records_max) = 0;
  virtual void consume(core::Partition partition, Log log, size_t records) = 0;
};

// The transactional producer behind its thread: one call at a time.
class Transactor {
 public:
  virtual ~Transactor() = default;
  // Drops the producer there is, whatever its state, and makes a new one under the same
  // transactional id: what the old one left open is aborted and fenced. Answers ProducerOpened or
  // Failed.
  virtual void open() = 0;
  // The batch stays untouched until the answer: Committed, NotSent or Failed.
  virtual void commit(const core::Batch& batch, std::string group_metadata) = 0;
};

// Calls that block and are not the producer's; questions are answered with Located, EndsRead and
// CommittedRead, one at a time.
class Lookup {
 public:
  virtual ~Lookup() = default;
  virtual void locate(uint64_t request, std::vector<core::Partition> partitions) = 0;
  virtual void read_ends(uint64_t request, Log log, std::vector<core::Partition> partitions) = 0;
  // As last known: an open transaction does not hold the answer back.
  virtual void read_committed(uint64_t request, std::vector<core::Partition> partitions) = 0;
  // Recovery needs nothing of an internal log before `needed_from`; what is older than the journal's
  // retention, too, may go. No answer.
  virtual void trim(core::Partition partition, Log log, core::Offset needed_from) = 0;
};

}  // namespace muster::runtime
