#include "command/comparison.h"

#include <algorithm>

namespace muster::command {
namespace {

std::string text_of(const std::vector<core::Header>& headers) {
  std::string text;
  for (const core::Header& header : headers) {
    text += std::to_string(header.name.size()) + ':';
    text += header.name;
    text += header.value ? std::to_string(header.value->size()) + '=' : "-";
    text += header.value.value_or("");
  }
  return text;
}

}  // namespace

std::string_view name(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kMissing:
      return "missing";
    case Difference::Kind::kExtra:
      return "extra";
    case Difference::Kind::kDifferent:
      break;
  }
  return "different";
}

void Comparison::match(const std::string& key, One one, std::vector<One> Pair::*own,
                       std::vector<One> Pair::*other) {
  Pair& pair = left_[key];
  auto& others = pair.*other;
  const auto same = std::ranges::find_if(others, [&](const One& o) { return o.same(one); });
  if (same == others.end()) {
    (pair.*own).push_back(std::move(one));
    return;
  }
  others.erase(same);
  ++same_;
  if (pair.expected.empty() && pair.published.empty()) left_.erase(key);
}

void Comparison::expect(core::BatchNumber n, std::string_view key, std::string_view value,
                        const std::vector<core::Header>& headers) {
  const uint64_t before = same_;
  match(std::string(key), {std::string(value), text_of(headers), n, {}, {}, true}, &Pair::expected,
        &Pair::published);
  if (same_ == before) ++waiting_;
}

void Comparison::publish(const core::Record& record, bool inside) {
  std::vector<core::Header> headers;
  record.headers.read(headers);
  const uint64_t before = same_;
  match(std::string(record.key.value_or("")),
        {std::string(record.value.value_or("")),
         text_of(headers),
         {},
         record.partition,
         record.offset,
         inside},
        &Pair::published, &Pair::expected);
  if (same_ != before) --waiting_;
}

std::vector<Difference> Comparison::differences() const {
  std::vector<Difference> all;
  for (const auto& [key, pair] : left_) {
    std::vector<One> published = pair.published;
    // What may be of another batch counts only beside one that is missing.
    std::ranges::stable_partition(published, &One::inside);
    while (published.size() > pair.expected.size() && !published.back().inside)
      published.pop_back();
    for (size_t i = 0; i < std::max(pair.expected.size(), published.size()); ++i) {
      Difference difference{Difference::Kind::kDifferent, key, "", "", {}, {}, {}};
      if (i < pair.expected.size()) {
        difference.expected = pair.expected[i].value;
        difference.n = pair.expected[i].n;
      } else {
        difference.kind = Difference::Kind::kExtra;
      }
      if (i < published.size()) {
        difference.published = published[i].value;
        difference.partition = published[i].partition;
        difference.offset = published[i].offset;
      } else {
        difference.kind = Difference::Kind::kMissing;
      }
      all.push_back(std::move(difference));
    }
  }
  std::ranges::sort(all, {}, &Difference::key);
  return all;
}

bool is_outcome(std::string_view value) {
  // As the collector writes it: its type is first, without space.
  return value.starts_with(R"({"type":"EventGroupCollectorSuccess")") ||
         value.starts_with(R"({"type":"EventGroupCollectorFailure")");
}

}  // namespace muster::command
