#include "redis/reply.h"

#include <hiredis/hiredis.h>

namespace muster::redis {

bool ReplyView::is_nil() const { return reply_ != nullptr && reply_->type == REDIS_REPLY_NIL; }
bool ReplyView::is_error() const { return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR; }
bool ReplyView::is_string() const {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_STRING;
}
bool ReplyView::is_integer() const {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_INTEGER;
}
bool ReplyView::is_array() const { return reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY; }

std::string_view ReplyView::text() const {
  const bool has_text =
      is_string() || is_error() || (reply_ != nullptr && reply_->type == REDIS_REPLY_STATUS);
  return has_text ? std::string_view(reply_->str, reply_->len) : std::string_view();
}

int64_t ReplyView::integer() const { return is_integer() ? reply_->integer : 0; }

size_t ReplyView::size() const { return is_array() ? reply_->elements : 0; }

ReplyView ReplyView::operator[](size_t index) const {
  return ReplyView(index < size() ? reply_->element[index] : nullptr);
}

void Reply::Free::operator()(redisReply* reply) const { freeReplyObject(reply); }

}  // namespace muster::redis
