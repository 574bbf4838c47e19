#include "admin/metrics.h"

#include "admin/process_metrics.h"
#include "collector/counters.h"

#include <map>

namespace muster::admin {
namespace {

using core::raw;
using metrics::Family;
using metrics::Labels;
using metrics::Type;
using runtime::SeatPhase;
using runtime::SeatStatus;
using runtime::WorkerStatus;

double seconds(core::Duration duration) { return static_cast<double>(duration.count()) / 1000; }

struct Whole {
  std::vector<runtime::StatusBoard::Snapshot> workers;  // those that have begun
  runtime::WorkerTotals totals;                         // of all
  uint64_t checkpoints = 0;
  uint64_t checkpoint_failures = 0;
  bool ready = true;
};

Whole whole_of(const Context& context) {
  Whole whole;
  for (const WorkerLink& link : context.workers) {
    auto status = link.board->get();
    whole.ready = whole.ready && status && status->ready;
    if (!status) continue;
    whole.totals.add(status->totals);
    whole.checkpoints += status->checkpoints;
    whole.checkpoint_failures += status->checkpoint_failures;
    whole.workers.push_back(std::move(status));
  }
  return whole;
}

class Families {
 public:
  Family& add(std::string name, std::string help, Type type) {
    all_.push_back({std::move(name), std::move(help), type});
    return all_.back();
  }
  void one(std::string name, std::string help, Type type, double value, Labels labels = {}) {
    add(std::move(name), std::move(help), type).samples = {{std::move(labels), value}};
  }
  void histogram(std::string name, std::string help, const core::Histogram& histogram) {
    metrics::HistogramSample sample;
    for (const int64_t bound : core::Histogram::kBoundsMs)
      sample.bounds.push_back(static_cast<double>(bound) / 1000);
    sample.counts.assign(histogram.counts.begin(), histogram.counts.end());
    sample.sum = static_cast<double>(histogram.sum_ms) / 1000;
    add(std::move(name), std::move(help), Type::kHistogram).histograms = {std::move(sample)};
  }
  // A sample of each seat for which `value` has one.
  template <typename Value>
  void seats(const Whole& whole, std::string name, std::string help, const Value& value) {
    Family& family = add(std::move(name), std::move(help), Type::kGauge);
    for (const auto& worker : whole.workers) {
      for (const SeatStatus& seat : worker->seats) {
        if (const std::optional<double> number = value(seat))
          family.samples.push_back({{{"partition", std::to_string(raw(seat.partition))}}, *number});
      }
    }
  }
  std::vector<Family> take() { return std::move(all_); }

 private:
  std::vector<Family> all_;
};

// What the collector counts; dead letters are counted by the core, which knows more kinds.
void add_counters(Families& families, const Whole& whole) {
  const auto& names = collector::counter_names();
  Family* family = nullptr;
  for (size_t i = 0; i < static_cast<size_t>(collector::Counter::kRejectedFirst); ++i) {
    const collector::CounterName& name = names[i];
    if (family == nullptr || family->name != name.family)
      family = &families.add(std::string(name.family), "see doc/operations.md", Type::kCounter);
    Labels labels;
    if (!name.label.empty()) labels.emplace_back(name.label, name.value);
    family->samples.push_back({std::move(labels), static_cast<double>(whole.totals.counters[i])});
  }
}

// Also those that never were, so that the first one is an increase.
void add_dead_letters(Families& families, const Whole& whole) {
  std::map<std::string, uint64_t, std::less<>> by_code = whole.totals.dead_letters;
  for (size_t code = 0; code < collector::kRejectCodes; ++code)
    by_code.try_emplace(std::string(name(static_cast<collector::RejectCode>(code))), 0);
  for (const char* code : {"undeliverable", "no-such-topic", "not-forwarded"})
    by_code.try_emplace(code, 0);
  Family& family = families.add("collector_dead_letters_total",
                                "records in the dead-letter topic, by code", Type::kCounter);
  for (const auto& [code, count] : by_code)
    family.samples.push_back({{{"code", code}}, static_cast<double>(count)});
}

void add_lag(Families& families, const Context& context, const Whole& whole) {
  Family& family =
      families.add("kafka_consumergroup_lag",
                   "records between what was applied and the end of the log", Type::kGauge);
  for (const auto& worker : whole.workers) {
    for (const SeatStatus& seat : worker->seats) {
      for (size_t log = 0; log < seat.lag.size(); ++log) {
        family.samples.push_back({{{"consumergroup", context.group},
                                   {"topic", log == 0 ? context.topic : context.repartition_topic},
                                   {"partition", std::to_string(raw(seat.partition))}},
                                  static_cast<double>(seat.lag[log])});
      }
    }
  }
}

void add_seats(Families& families, const Whole& whole) {
  const auto live = [](const SeatStatus& seat) { return seat.phase == SeatPhase::kLive; };
  families.seats(whole, "collector_partition_live", "1: in service; 0: being recovered",
                 [&](const SeatStatus& seat) { return std::optional<double>(live(seat)); });
  families.seats(whole, "collector_groups_open", "groups whose outcome is still to come",
                 [&](const SeatStatus& seat) {
                   return live(seat) ? std::optional(static_cast<double>(seat.open)) : std::nullopt;
                 });
  families.seats(
      whole, "collector_ids_in_memory", "groups that are early, open or remembered",
      [](const SeatStatus& seat) { return std::optional(static_cast<double>(seat.living)); });
  families.seats(whole, "collector_recovery_seconds",
                 "how long the last recovery took; of one that goes on: so far",
                 [](const SeatStatus& seat) { return std::optional(seconds(seat.recovery)); });
  families.seats(whole, "collector_recovery_records", "records replayed by a recovery that goes on",
                 [&](const SeatStatus& seat) {
                   return live(seat) ? std::nullopt
                                     : std::optional(static_cast<double>(seat.records_replayed));
                 });
  families.seats(whole, "collector_checkpoint_age_seconds",
                 "since when changes are not in the checkpoint; 0: none are missing",
                 [](const SeatStatus& seat) {
                   return seat.checkpoint_age ? std::optional(seconds(*seat.checkpoint_age))
                                              : std::nullopt;
                 });
}

}  // namespace

std::vector<Family> families(const Context& context, const http::ServerTotals& server) {
  const Whole whole = whole_of(context);
  Families families;
  const auto number = [](uint64_t value) { return static_cast<double>(value); };
  families.one("collector_build_info", "1, with the versions", Type::kGauge, 1,
               {{"version", context.version}, {"librdkafka", context.library_version}});
  families.one("collector_ready", "1: all its partitions are in service", Type::kGauge,
               whole.ready ? 1 : 0);
  add_seats(families, whole);
  add_lag(families, context, whole);
  add_counters(families, whole);
  add_dead_letters(families, whole);
  families.one("collector_undeliverable_dropped_total", "dead letters that the broker refused, too",
               Type::kCounter, number(whole.totals.undeliverable_dropped));
  families.one("collector_records_total", "records applied", Type::kCounter,
               number(whole.totals.records));
  families.add("collector_transactions_total", "transactions, by outcome", Type::kCounter)
      .samples = {{{{"outcome", "committed"}}, number(whole.totals.batches_committed)},
                  {{{"outcome", "failed"}}, number(whole.totals.batches_failed)}};
  families.histogram("collector_deadline_lateness_seconds",
                     "from a deadline to the commit of what came of it", whole.totals.lateness);
  families.histogram("collector_group_duration_seconds", "from a group's Create to its end",
                     whole.totals.durations);
  families.one("collector_checkpoints_total", "checkpoints written", Type::kCounter,
               number(whole.checkpoints));
  families.one("collector_checkpoint_failures_total", "attempts that failed", Type::kCounter,
               number(whole.checkpoint_failures));
  families.one("collector_admin_connections", "connections to this server", Type::kGauge,
               number(server.connections));
  families.one("collector_admin_evicted_total", "connections closed to make room", Type::kCounter,
               number(server.evicted));
  families.one("collector_admin_requests_total", "requests to this server", Type::kCounter,
               number(server.requests));
  families.one("collector_admin_refused_total", "requests refused as malformed or too large",
               Type::kCounter, number(server.refused));
  auto all = families.take();
  append_process_metrics(all);
  return all;
}

void add_metrics(http::Router& router, const Context& context,
                 std::function<http::ServerTotals()> totals) {
  router.add(
      "GET", "/metrics",
      [&context, totals = std::move(totals)](const http::Request&, const http::Reply& reply) {
        reply({200, std::string(metrics::kContentType),
               metrics::expose(families(context, totals()))});
      });
}

}  // namespace muster::admin
