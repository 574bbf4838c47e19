// An answer of Redis: its owner, and views of it and of what it is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

struct redisReply;

namespace muster::redis {

class ReplyView {
 public:
  explicit ReplyView(const redisReply* reply) : reply_(reply) {}

  // No answer came, and none will: the connection is gone.
  bool missing() const { return reply_ == nullptr; }
  bool is_nil() const;
  bool is_error() const;
  bool is_string() const;
  bool is_integer() const;
  bool is_array() const;

  // Of a string, a status or an error; else empty.
  std::string_view text() const;
  int64_t integer() const;
  // Of an array.
  size_t size() const;
  ReplyView operator[](size_t index) const;

 private:
  const redisReply* reply_;
};

class Reply {
 public:
  explicit Reply(redisReply* reply = nullptr) : reply_(reply) {}

  ReplyView view() const { return ReplyView(reply_.get()); }

 private:
  struct Free {
    void operator()(redisReply* reply) const;
  };
  std::unique_ptr<redisReply, Free> reply_;
};

}  // namespace muster::redis
