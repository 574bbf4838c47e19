#include "metrics/exposition.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace muster::metrics {
namespace {

using prometheus::ClientMetric;

std::vector<ClientMetric::Label> labels_of(const Labels& labels) {
  std::vector<ClientMetric::Label> out;
  for (const auto& [name, value] : labels) out.push_back({name, value});
  return out;
}

ClientMetric metric_of(const Sample& sample, Type type) {
  ClientMetric metric;
  metric.label = labels_of(sample.labels);
  (type == Type::kCounter ? metric.counter.value : metric.gauge.value) = sample.value;
  return metric;
}

ClientMetric metric_of(const HistogramSample& sample) {
  ClientMetric metric;
  metric.label = labels_of(sample.labels);
  uint64_t count = 0;
  for (size_t i = 0; i < sample.counts.size(); ++i) {
    count += sample.counts[i];
    const double bound =
        i < sample.bounds.size() ? sample.bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = sample.sum;
  return metric;
}

prometheus::MetricType type_of(Type type) {
  switch (type) {
    case Type::kCounter:
      return prometheus::MetricType::Counter;
    case Type::kGauge:
      return prometheus::MetricType::Gauge;
    case Type::kHistogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

}  // namespace

std::string expose(const std::vector<Family>& families) {
  std::vector<prometheus::MetricFamily> all;
  for (const Family& family : families) {
    prometheus::MetricFamily& one = all.emplace_back();
    one.name = family.name;
    one.help = family.help;
    one.type = type_of(family.type);
    for (const Sample& sample : family.samples)
      one.metric.push_back(metric_of(sample, family.type));
    for (const HistogramSample& sample : family.histograms) one.metric.push_back(metric_of(sample));
  }
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace muster::metrics
