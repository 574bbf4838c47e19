// A simulated partition with transactions, as Kafka's: records and markers share the offsets; the
// last stable offset is the first of an open transaction; a read_committed reader sees settled,
// committed records only.
#pragma once

#include "core/record.h"
#include "runtime/ports.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace muster::sim {

enum class Decision { kOpen, kCommitted, kAborted };

struct Transaction {
  Decision decision = Decision::kOpen;
};
using TransactionPtr =
    std::shared_ptr<Transaction>;  // shared by the coordinator and the partitions it wrote to

struct EntryHeader {
  std::string name;
  std::optional<std::string> value;

  bool operator==(const EntryHeader&) const = default;
};

struct Entry {
  bool marker = false;         // or a record that is lost
  TransactionPtr transaction;  // null: a plain record
  std::optional<int64_t> timestamp_ms;
  std::optional<std::string> key;
  std::optional<std::string> value;
  int64_t written_ms = 0;  // the true time of the append
  std::vector<EntryHeader> headers = {};
  uint64_t sending = 0;  // of a journal entry: which batch it went with (Cluster::sent)
};

class Log {
 public:
  int64_t begin() const { return begin_; }
  int64_t high_watermark() const { return static_cast<int64_t>(entries_.size()); }
  int64_t last_stable() const;
  int64_t append(Entry entry);
  bool open(const TransactionPtr& transaction) const { return open_.contains(transaction.get()); }
  // Ends the transaction here; its records become visible, or never will. Nothing if it wrote
  // nothing here.
  void write_marker(const TransactionPtr& transaction, int64_t now_ms);
  void truncate_before(int64_t offset) { begin_ = std::max(begin_, offset); }
  // The record is gone, those around it stay.
  void lose(int64_t offset) { entries_[static_cast<size_t>(offset)].marker = true; }
  const Entry& at(int64_t offset) const { return entries_[static_cast<size_t>(offset)]; }
  // Settled and committed.
  bool visible(int64_t offset) const;

  // A reader's view: records from `from` on, and the position behind them; at the end that is the
  // last stable offset. Valid until something is written.
  struct View {
    std::vector<core::Record> records;
    int64_t next = -1;
  };
  View read(std::string_view topic, core::Partition partition, int64_t from,
            size_t records_max) const;
  // Also what is not retained any more: for the judge, who has read it before.
  View read_ever(std::string_view topic, core::Partition partition, int64_t from,
                 size_t records_max) const;

 private:
  std::vector<Entry> entries_;
  std::map<const Transaction*, int64_t> open_;  // first offset of each open transaction
  int64_t begin_ = 0;
};

}  // namespace muster::sim
