// muster-collector: wires options, Kafka, the worker and the collector's processor. It decides
// nothing.
#include "admin_side.h"
#include "collector/processor.h"
#include "kafka/group_consumer.h"
#include "kafka/log_reader.h"
#include "kafka/lookup_thread.h"
#include "kafka/topics.h"
#include "kafka/transaction_thread.h"
#include "redis/checkpoint_thread.h"
#include "runtime/mailbox.h"
#include "runtime/stop_signals.h"
#include "runtime/worker_loop.h"
#include "runtime/worker_threads.h"
#include "settings.h"

#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <optional>

namespace {

using namespace muster;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

runtime::WorkerOptions worker_options(const cmd::CollectorSettings& settings,
                                      const kafka::Settings& kafka) {
  runtime::WorkerOptions options;
  options.transactional_id = kafka.transactional_id;
  options.input_topic = kafka.topics.input;
  options.routing = core::Routing{
      kafka.partitioner == "crc32" ? core::Partitioner::kCrc32 : core::Partitioner::kMurmur2,
      kafka.partitions};
  options.accept_loss = settings.accept_loss;
  options.memory = cmd::worker_memory(settings);
  if (settings.redis) options.checkpoints = {settings.checkpoint_interval};
  options.shard.carry_after = settings.carry_after;
  options.shard.remembered_max = settings.remembered_max;
  options.shard.dead_letter_bytes_max = settings.dead_letter_bytes_max;
  return options;
}

// One worker, on the calling thread.
int run_worker(const cmd::CollectorSettings& settings, const kafka::Settings& kafka,
               runtime::Mailbox& mailbox, runtime::StatusBoard* board,
               runtime::Questions* questions) try {
  runtime::Worker worker(worker_options(settings, kafka), [&settings] {
    return std::make_unique<collector::Processor>(settings.collector);
  });
  kafka::GroupConsumer consumer(kafka, mailbox);
  kafka::LogReader reader(kafka, mailbox);
  kafka::LookupThread lookup(kafka, mailbox, reader.client());
  kafka::TransactionThread transactor(kafka, mailbox);
  // Reads parts that the worker owns, so it goes before the worker.
  std::optional<redis::CheckpointThread> checkpoints;
  if (settings.redis) checkpoints.emplace(*settings.redis, mailbox);
  const runtime::Ports ports{
      consumer, reader,   transactor, lookup, checkpoints ? &*checkpoints : nullptr,
      board,    questions};
  const int code = runtime::WorkerLoop(worker, ports, mailbox).run();
  if (questions != nullptr) questions->close();  // it is about the worker
  const runtime::WorkerTotals& totals = worker.totals();
  base::log_info("stopped: " + std::to_string(totals.records) + " records in " +
                 std::to_string(totals.batches_committed) + " transactions, " +
                 std::to_string(totals.batches_failed) + " failed");
  return code;
} catch (const std::exception& error) {
  base::log_error(error.what());
  return kExitFailure;
}

int run(cmd::CollectorSettings settings) {
  base::init_log(settings.log_level, settings.log_json);
  std::deque<runtime::Mailbox> mailboxes(settings.workers);
  const runtime::StopSignals signals(mailboxes);
  base::log_info(std::string("muster-collector ") + MUSTER_VERSION + " with librdkafka " +
                 kafka::library_version_text() + ", topic " + settings.kafka.topics.input +
                 ", group " + settings.kafka.group);
  const std::string warning =
      kafka::library_warning(kafka::library_version(), kafka::library_version_text());
  if (!warning.empty()) base::log_warn(warning);

  cmd::AdminSide admin(settings, mailboxes);
  if (const std::string error = admin.start(settings.kafka); !error.empty()) {
    base::log_error(error);
    return kExitUsage;
  }
  const auto topics = kafka::ensure_topics(settings.kafka, settings.topics, signals.requested());
  if (!topics.error.empty()) {
    base::log_error(topics.error);
    return kExitFailure;
  }
  if (!topics.facts) return 0;  // stopped while waiting
  const std::string misfit = cmd::adopt(*topics.facts, settings);
  if (!misfit.empty()) {
    base::log_error(misfit);
    return kExitUsage;
  }
  admin.adopt(settings);
  return runtime::run_workers(mailboxes, [&](size_t i) {
    return run_worker(settings, cmd::worker_settings(settings.kafka, i), mailboxes[i],
                      admin.board(i), admin.questions(i));
  });
}

}  // namespace

int main(int argc, char** argv) {
  config::Options options = cmd::collector_options();
  options.parse(config::process_sources({argv + 1, argv + argc}));
  if (options.help_wanted()) {
    std::fputs(options.help().c_str(), stdout);
    return 0;
  }
  if (options.version_wanted()) {
    std::printf("muster-collector %s (librdkafka %s)\n", MUSTER_VERSION,
                kafka::library_version_text().c_str());
    return 0;
  }
  cmd::CollectorSettings settings = cmd::read_settings(options);
  if (!options.errors().empty()) {
    for (const std::string& error : options.errors())
      std::fprintf(stderr, "muster-collector: %s\n", error.c_str());
    std::fputs("muster-collector: --help lists the options\n", stderr);
    return kExitUsage;
  }
  return run(std::move(settings));
}
