#include "command/console.h"

#include <unistd.h>

#include <algorithm>

namespace muster::command {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

void Console::line(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fputc('\n', out_);
}

void Console::note(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), err_);
  std::fputc('\n', err_);
}

std::vector<std::string> Table::lines() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    if (row.size() == 1 && rows_.front().size() > 1) continue;  // a line by itself
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], characters(row[i]));
  }
  std::vector<std::string> lines;
  for (const auto& row : rows_) {
    std::string& line = lines.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - characters(row[i]) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
  }
  return lines;
}

void Table::print(const Console& console) const {
  for (const std::string& line : lines()) console.line(line);
}

std::string progress_bar(std::string_view what, int64_t done, int64_t total) {
  constexpr int64_t kWidth = 30;
  done = std::clamp<int64_t>(done, 0, total);
  const int64_t filled = total > 0 ? done * kWidth / total : kWidth;
  const int64_t percent = total > 0 ? done * 100 / total : 100;
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kWidth - filled), '.') + "] " + std::to_string(percent) +
         " %  " + std::to_string(done) + " of " + std::to_string(total) + " " + std::string(what);
}

Progress::Progress(const Console& console, std::string what, int64_t total)
    : err_(console.err()),
      what_(std::move(what)),
      total_(total),
      shown_(total > 0 && isatty(fileno(err_)) != 0) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", err_);
}

void Progress::at(int64_t done) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kRedraw;
  drawn_ = true;
  std::fprintf(err_, "\r%s\x1b[K", progress_bar(what_, done, total_).c_str());
  std::fflush(err_);
}

}  // namespace muster::command
