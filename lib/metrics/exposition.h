// Metrics as values, and their text for Prometheus (the format of its client libraries, 0.0.4).
// Whoever has the numbers makes the families when they are asked for. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::metrics {

enum class Type : uint8_t { kCounter, kGauge, kHistogram };
using Labels = std::vector<std::pair<std::string, std::string>>;

struct Sample {
  Labels labels;
  double value = 0;
};
// `counts` are of each bucket alone; there is one more of them than bounds.
struct HistogramSample {
  Labels labels;
  std::vector<double> bounds;
  std::vector<uint64_t> counts;
  double sum = 0;
};
struct Family {
  std::string name;
  std::string help;
  Type type = Type::kGauge;
  std::vector<Sample> samples = {};
  std::vector<HistogramSample> histograms = {};
};

constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
std::string expose(const std::vector<Family>& families);

}  // namespace muster::metrics
