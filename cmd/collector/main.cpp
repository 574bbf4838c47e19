// muster-collector: wires options, Kafka, the worker and the collector's processor. It decides
// nothing.
#include "collector/processor.h"
#include "kafka/group_consumer.h"
#include "kafka/log_reader.h"
#include "kafka/lookup_thread.h"
#include "kafka/topics.h"
#include "kafka/transaction_thread.h"
#include "runtime/mailbox.h"
#include "runtime/stop_signals.h"
#include "runtime/worker_loop.h"
#include "settings.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>

namespace {

using namespace muster;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

config::Sources sources_of(int argc, char** argv) {
  config::Sources sources{{argv + 1, argv + argc}, {}};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return sources;
}

int run(cmd::CollectorSettings settings) {
  base::init_log(settings.log_level, settings.log_json);
  runtime::Mailbox mailbox;
  const runtime::StopSignals signals(mailbox);
  base::log_info(std::string("muster-collector ") + MUSTER_VERSION + " with librdkafka " +
                 kafka::library_version_text() + ", topic " + settings.kafka.topics.input +
                 ", group " + settings.kafka.group);

  const auto topics = kafka::ensure_topics(settings.kafka, settings.topics, signals.requested());
  if (!topics.error.empty()) {
    base::log_error(topics.error);
    return kExitFailure;
  }
  if (!topics.facts) return 0;  // stopped while waiting
  settings.kafka.partitions = topics.facts->partitions;
  if (settings.collector.max_message_bytes == 0) {
    settings.collector.max_message_bytes = static_cast<uint32_t>(topics.facts->input_bytes_max);
  }
  settings.collector.output_bytes_max = static_cast<uint32_t>(topics.facts->output_bytes_max);

  runtime::WorkerOptions options;
  options.transactional_id = settings.kafka.transactional_id;
  options.accept_loss = settings.accept_loss;
  options.shard.remembered_max = settings.remembered_max;
  options.shard.dead_letter_bytes_max = topics.facts->dead_letter_bytes_max;
  runtime::Worker worker(
      options, [&settings] { return std::make_unique<collector::Processor>(settings.collector); });
  kafka::GroupConsumer consumer(settings.kafka, mailbox);
  kafka::LogReader reader(settings.kafka, mailbox);
  kafka::LookupThread lookup(settings.kafka, mailbox, reader.client());
  kafka::TransactionThread transactor(settings.kafka, mailbox);
  const int code =
      runtime::WorkerLoop(worker, {consumer, reader, transactor, lookup}, mailbox).run();
  const runtime::WorkerTotals& totals = worker.totals();
  base::log_info("stopped: " + std::to_string(totals.records) + " records in " +
                 std::to_string(totals.batches_committed) + " transactions, " +
                 std::to_string(totals.batches_failed) + " failed");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  config::Options options = cmd::collector_options();
  options.parse(sources_of(argc, argv));
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
  try {
    return run(std::move(settings));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster-collector: %s\n", error.what());
    return kExitFailure;
  }
}
