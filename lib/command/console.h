// What a command says: its result on standard output, as tables or as one JSON document, and what a
// person wants to know beside it on standard error. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace muster::command {

class Console {
 public:
  Console(bool json, std::FILE* out, std::FILE* err) : json_(json), out_(out), err_(err) {}

  bool json() const { return json_; }
  // A line of the result.
  void line(std::string_view text) const;
  // Beside it; with JSON too, since it is no part of the result.
  void note(std::string_view text) const;
  std::FILE* err() const { return err_; }

 private:
  bool json_;
  std::FILE* out_;
  std::FILE* err_;
};

// Columns as wide as what is in them.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // A whole line below the last row; it widens no column.
  void add_line(std::string line) { rows_.push_back({std::move(line)}); }
  bool empty() const { return rows_.size() == 1; }
  // Lines without their ends.
  std::vector<std::string> lines() const;
  void print(const Console& console) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "[#####.....] 50 %  1200 of 2400 records", of so many characters at least.
std::string progress_bar(std::string_view what, int64_t done, int64_t total);

// A bar that is drawn anew some times a second, where standard error is a terminal; elsewhere
// nothing.
class Progress {
 public:
  Progress(const Console& console, std::string what, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(int64_t done);

 private:
  std::FILE* err_;
  std::string what_;
  int64_t total_;
  bool shown_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace muster::command
