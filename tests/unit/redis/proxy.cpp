#include "proxy.h"

#include "redis_server.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <optional>

namespace muster::redis::test {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

struct Command {
  std::string word;
  size_t bytes = 0;
};

// "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n", if all of it is there.
std::optional<Command> first_command(std::string_view text) {
  size_t at = 0;
  const auto number = [&](char mark) -> std::optional<size_t> {
    const size_t end = text.find("\r\n", at);
    if (end == std::string_view::npos || text[at] != mark) return std::nullopt;
    size_t value = 0;
    std::from_chars(text.data() + at + 1, text.data() + end, value);
    at = end + 2;
    return value;
  };
  const auto words = number('*');
  if (!words) return std::nullopt;
  Command command;
  for (size_t i = 0; i < *words; ++i) {
    if (at >= text.size()) return std::nullopt;
    const auto size = number('$');
    if (!size || at + *size + 2 > text.size()) return std::nullopt;
    if (i == 0) command.word = text.substr(at, *size);
    at += *size + 2;
  }
  command.bytes = at;
  return command;
}

}  // namespace

Proxy::Proxy(int server_port, Decide decide)
    : server_port_(server_port), decide_(std::move(decide)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  do {
    port_ = free_port();
    const sockaddr_in address = loopback(port_);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
  } while (true);
  REQUIRE(listen(listener_, 16) == 0);
  REQUIRE(pipe2(end_, O_CLOEXEC) == 0);
  thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
  close(end_[1]);
  thread_.join();
  close(end_[0]);
  close(listener_);
}

bool Proxy::wait_for(std::vector<int> fds, std::vector<bool>& readable) const {
  std::vector<pollfd> waiting = {{end_[0], POLLIN, 0}};
  for (const int fd : fds) waiting.push_back({fd, POLLIN, 0});
  poll(waiting.data(), waiting.size(), -1);
  readable.clear();
  for (size_t i = 1; i < waiting.size(); ++i) readable.push_back(waiting[i].revents != 0);
  return waiting[0].revents == 0;
}

void Proxy::run() {
  std::vector<bool> readable;
  while (wait_for({listener_}, readable)) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    serve(client);
    close(client);
  }
}

void Proxy::serve(int client) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const sockaddr_in address = loopback(server_port_);
  bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  std::string waiting;
  bool deaf = false;
  std::vector<bool> readable;
  char bytes[65'536];
  while (open && wait_for({client, server}, readable)) {
    if (readable[1]) {
      const ssize_t got = recv(server, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      send_all(client, {bytes, static_cast<size_t>(got)});
    }
    if (readable[0]) {
      const ssize_t got = recv(client, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      waiting.append(bytes, static_cast<size_t>(got));
      open = forward(server, waiting, deaf);
    }
  }
  close(server);
}

bool Proxy::forward(int server, std::string& waiting, bool& deaf) {
  while (const auto command = first_command(waiting)) {
    const Fate fate = deaf ? Fate::kSwallow : decide_(command->word);
    const std::string_view bytes = std::string_view(waiting).substr(0, command->bytes);
    if (fate == Fate::kCut) return false;
    if (fate == Fate::kSwallow) {
      deaf = true;
    } else {
      send_all(server, bytes);
    }
    if (fate == Fate::kCutAnswered) {
      // The answers to what came before it may still be on their way, so the last of all is awaited:
      // the server ends the connection when it has answered QUIT.
      send_all(server, "*1\r\n$4\r\nQUIT\r\n");
      char dropped[4'096];
      while (recv(server, dropped, sizeof dropped, 0) > 0) {
      }
      return false;
    }
    waiting.erase(0, command->bytes);
  }
  return true;
}

}  // namespace muster::redis::test
