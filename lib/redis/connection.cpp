#include "redis/connection.h"

#include "redis/tls.h"

#include <hiredis/hiredis.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace muster::redis {
namespace {

// What waits to be sent is kept small: hiredis copies it.
constexpr size_t kWaitingBytesMax = size_t{256} << 10;
constexpr size_t kErrorBytesMax = 200;

std::string_view code_of(std::string_view error) { return error.substr(0, error.find(' ')); }

// Not in the server's words: some servers repeat what they were told.
std::string login_refused(std::string_view error) {
  const std::string code(code_of(error));
  if (code == "WRONGPASS") return "wrong user or password (WRONGPASS)";
  if (code == "ERR") {
    return "the server refuses AUTH (ERR): the password is wrong, or there is none to be given, or "
           "the server knows no users (Redis before 6)";
  }
  return "the server refuses AUTH (" + code.substr(0, 20) + ")";
}

// CLIENT SETNAME takes no spaces.
std::string plain(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c <= ' ' || c > '~'; }, '_');
  return name;
}

}  // namespace

std::string described(std::string_view error) {
  std::string text(error.substr(0, kErrorBytesMax));
  if (error.starts_with("MOVED ") || error.starts_with("CLUSTERDOWN"))
    return "it is a node of a Redis Cluster, which is not supported (" + text + ")";
  return text;
}

Connection::Opened Connection::open(const Settings& settings, Interrupter& interrupter) {
  const Connected connected =
      connect_tcp(settings.url.host, settings.url.port, settings.connect_timeout, interrupter);
  if (connected.fd < 0) return {nullptr, connected.error};
  std::unique_ptr<Connection> connection(new Connection(redisConnectFd(connected.fd), interrupter));
  if (!connection->context_) {
    interrupter.forget();
    close(connected.fd);
    return {nullptr, "out of memory"};
  }
  connection->set_timeout(settings.connect_timeout);
  std::string error;
  if (settings.url.tls) error = start_tls(*connection->context_, settings.url.host);
  if (error.empty()) error = connection->log_in(settings);
  if (!error.empty()) return {nullptr, error};
  connection->set_timeout(settings.command_timeout);
  return {std::move(connection), ""};
}

Connection::Connection(redisContext* context, Interrupter& interrupter)
    : context_(context), interrupter_(interrupter) {}

Connection::~Connection() { interrupter_.forget(); }

std::string Connection::log_in(const Settings& settings) {
  const Url& url = settings.url;
  const std::string db = std::to_string(url.db);
  if (!url.password.empty()) {
    if (url.user.empty()) {
      append({"AUTH", url.password});
    } else {
      append({"AUTH", url.user, url.password});
    }
  }
  if (url.db != 0) append({"SELECT", db});
  append({"CLIENT", "SETNAME", plain(settings.client_name)});
  send();
  if (!url.password.empty()) {
    const Reply auth = receive();
    if (auth.view().is_error()) return login_refused(auth.view().text());
  }
  if (url.db != 0) {
    const Reply select = receive();
    if (select.view().is_error()) return "SELECT " + db + ": " + described(select.view().text());
  }
  const Reply named = receive();
  // Who may not name itself may still be let in.
  if (code_of(named.view().text()) == "NOAUTH") return "the server asks for a password (NOAUTH)";
  return error_;
}

void Connection::append(std::span<const std::string_view> words) {
  if (!usable()) return;
  words_.clear();
  lengths_.clear();
  for (const auto word : words) {
    words_.push_back(word.data());
    lengths_.push_back(word.size());
    bytes_appended_ += word.size();
    bytes_waiting_ += word.size();
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words_.data(),
                             lengths_.data()) != REDIS_OK) {
    return failed(0);
  }
  if (bytes_waiting_ >= kWaitingBytesMax) send();
}

void Connection::append(std::initializer_list<std::string_view> words) {
  append(std::span(words.begin(), words.size()));
}

void Connection::send() {
  int done = 0;
  while (usable() && done == 0) {
    errno = 0;
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) failed(errno);
  }
  bytes_waiting_ = 0;
}

Reply Connection::receive() {
  if (!usable()) return Reply();
  void* reply = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK) failed(errno);
  return Reply(static_cast<redisReply*>(reply));
}

Reply Connection::call(std::initializer_list<std::string_view> words) {
  append(words);
  send();
  return receive();
}

void Connection::set_timeout(core::Duration timeout) { redis::set_timeout(context_->fd, timeout); }

void Connection::give_up(std::string why) { error_ = std::move(why); }

void Connection::failed(int code) {
  closed_by_server_ = context_->err == REDIS_ERR_EOF || code == EPIPE || code == ECONNRESET;
  const bool late = context_->err == REDIS_ERR_IO && (code == EAGAIN || code == EWOULDBLOCK);
  error_ = late ? "no answer in time" : context_->errstr;
  if (error_.empty()) error_ = "the connection broke";
}

void Connection::Free::operator()(redisContext* context) const { redisFree(context); }

}  // namespace muster::redis
