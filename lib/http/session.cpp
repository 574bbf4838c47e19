#include "http/session.h"

#include "http/target.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace muster::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

constexpr size_t kReadBytes = 4096;
constexpr size_t kDrainBytesMax = size_t{4} << 20;
constexpr std::chrono::milliseconds kDrainMax{2'000};

}  // namespace

Session::Session(asio::ip::tcp::socket socket, Sessions& sessions)
    : socket_(std::move(socket)),
      sessions_(sessions),
      timer_(sessions.context),
      buffer_(sessions.limits.header_bytes_max + (size_t{64} << 10)) {
  ++sessions_.open;
}

Session::~Session() {
  leave_waiting();
  if (next_) --sessions_.streams;
  --sessions_.open;
}

void Session::leave_waiting() {
  if (waiting_) sessions_.waiting.erase(*waiting_);
  waiting_.reset();
}

// What is pending on the socket ends with an error, and the session with it.
void Session::close() {
  leave_waiting();
  Error ignored;
  socket_.close(ignored);
  timer_.cancel();
}

void Session::deadline(std::chrono::milliseconds after, void (Session::*on_deadline)()) {
  const uint64_t number = ++timer_number_;
  timer_.expires_after(after);
  timer_.async_wait([weak = weak_from_this(), number, on_deadline](Error error) {
    const auto self = weak.lock();
    if (error || !self || self->timer_number_ != number) return;
    (*self.*on_deadline)();
  });
}

// --- reading

void Session::start() {
  Error ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  wait_for_request();
}

void Session::start_refused() {
  keep_alive_ = false;
  write(problem(503, "connections", "too many requests are being answered; try again"), false);
}

void Session::wait_for_request() {
  sessions_.waiting.push_back(this);
  waiting_ = std::prev(sessions_.waiting.end());
  if (buffer_.size() > 0) return read_request();
  deadline(sessions_.limits.idle, &Session::close);
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](Error error, size_t bytes) {
                            if (error) return self->close();
                            self->buffer_.commit(bytes);
                            self->read_request();
                          });
}

void Session::read_request() {
  deadline(sessions_.limits.request, &Session::request_too_slow);
  parser_.emplace();
  parser_->header_limit(sessions_.limits.header_bytes_max);
  parser_->body_limit(sessions_.limits.body_bytes_max);
  beast::http::async_read(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](Error error, size_t) { self->on_request(error); });
}

void Session::request_too_slow() {
  too_slow_ = true;
  Error ignored;
  socket_.cancel(ignored);
}

void Session::on_request(Error error) {
  leave_waiting();
  if (error || too_slow_) return refuse(error);
  keep_alive_ = parser_->get().keep_alive();
  handle();
}

void Session::refuse(const Error& error) {
  namespace http = beast::http;
  const Limits& limits = sessions_.limits;
  keep_alive_ = false;
  if (too_slow_) {
    ++sessions_.refused;
    return write(problem(408, "slow", "the request did not arrive in time"), false);
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    ++sessions_.refused;
    return write(
        problem(431, "header-limit",
                "the headers have more than " + std::to_string(limits.header_bytes_max) + " bytes"),
        false);
  }
  if (error == http::error::body_limit) {
    ++sessions_.refused;
    return write(
        problem(413, "body-limit",
                "the body has more than " + std::to_string(limits.body_bytes_max) + " bytes"),
        false);
  }
  const bool malformed =
      error.category() == http::make_error_code(http::error::bad_method).category();
  if (!malformed || error == http::error::end_of_stream || error == http::error::partial_message)
    return close();
  ++sessions_.refused;
  write(problem(400, "malformed", "this is not HTTP/1.1: " + error.message()), false);
}

// --- answering

void Session::handle() {
  ++sessions_.requests;
  auto message = parser_->release();
  Request request;
  request.method = std::string(message.method_string());
  request.authorization = std::string(message[beast::http::field::authorization]);
  request.host = std::string(message[beast::http::field::host]);
  request.body = std::move(message.body());
  http_version_ = message.version();
  head_ = message.method() == beast::http::verb::head;
  if (!parse_target({message.target().data(), message.target().size()}, request)) {
    ++sessions_.refused;
    return write(problem(400, "target",
                         "the path or the query is not percent-encoded UTF-8 without control "
                         "characters"),
                 keep_alive_);
  }
  deadline(sessions_.limits.answer, &Session::answer_too_slow);
  const uint64_t number = ++request_number_;
  const Reply reply(
      [weak = weak_from_this(), executor = socket_.get_executor(), number](Response response) {
        asio::post(executor, [weak, number, response = std::move(response)]() mutable {
          const auto self = weak.lock();
          if (self && self->request_number_ == number) self->respond(std::move(response));
        });
      });
  sessions_.handling.insert(shared_from_this());
  sessions_.handler(std::move(request), reply);
}

void Session::answer_too_slow() {
  respond(problem(504, "no-answer", "the part that knows did not answer in time; try again"));
}

void Session::respond(Response response) {
  const auto self = shared_from_this();
  if (sessions_.handling.erase(self) == 0) return;  // it came too late
  if (response.next && sessions_.streams >= sessions_.limits.streams_max) {
    response = problem(503, "streams", "too many clients watch already");
  }
  write(std::move(response), keep_alive_);
}

void Session::write(Response response, bool keep_alive) {
  keep_alive_ = keep_alive && !response.next;
  message_.emplace();
  message_->version(http_version_);
  message_->result(response.status);
  message_->reason(reason_of(response.status));
  message_->set(beast::http::field::content_type, response.content_type);
  message_->set(beast::http::field::cache_control, "no-store");
  message_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message_->set(name, value);
  message_->keep_alive(keep_alive_);
  message_->body() = std::move(response.body);
  if (response.next && !head_) {
    next_ = std::move(response.next);
    ++sessions_.streams;
  } else {
    message_->content_length(message_->body().size());
  }
  if (head_) message_->body().clear();
  deadline(sessions_.limits.write, &Session::close);
  beast::http::async_write(socket_, *message_, [self = shared_from_this()](Error error, size_t) {
    self->on_written(error);
  });
}

void Session::on_written(Error error) {
  // Only says that the answer ends with the connection.
  if (error && error != beast::http::error::end_of_stream) return close();
  if (next_) {
    watch_for_close();
    return stream();
  }
  if (keep_alive_) return wait_for_request();
  // The client may still be sending: a socket that is closed with unread bytes takes our answer back.
  Error ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  deadline(kDrainMax, &Session::close);
  drain();
}

void Session::drain() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](Error error, size_t bytes) {
                            self->drained_ += bytes;
                            if (error || self->drained_ > kDrainBytesMax) return self->close();
                            self->drain();
                          });
}

// --- an answer without an end

void Session::watch_for_close() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](Error error, size_t) {
                            if (error) return self->close();
                            self->watch_for_close();
                          });
}

// The next text is made when the client has taken the last one: a slow one gets fewer.
void Session::stream() {
  if (!socket_.is_open()) return;
  stream_text_ = next_();
  deadline(sessions_.limits.write, &Session::close);
  asio::async_write(socket_, asio::buffer(stream_text_),
                    [self = shared_from_this()](Error error, size_t) {
                      if (error) return self->close();
                      self->deadline(self->sessions_.limits.stream_interval, &Session::stream);
                    });
}

}  // namespace muster::http
