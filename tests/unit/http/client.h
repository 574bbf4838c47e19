// A client that sends what it is told to, byte for byte, and reads one answer at a time. Every wait
// has an end.
#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

namespace muster::http::test {

inline constexpr int kPatienceMs = 20'000;

inline void until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

struct Answer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  // by name in small letters
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class Client {
 public:
  explicit Client(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), read_(std::move(other.read_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }

  // Gives up in silence where the server does not take any more.
  void send(const std::string& text) {
    size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t now = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;
      sent += static_cast<size_t>(now);
    }
  }

  Answer answer(bool has_body = true) {
    Answer answer;
    const std::string head = read_until("\r\n\r\n");
    REQUIRE(head.starts_with("HTTP/1."));
    answer.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
    for (size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
      const size_t end = head.find("\r\n", at);
      const size_t colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(tolower(c));
      answer.headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    const std::string length = answer.header("content-length");
    const size_t wanted = has_body && !length.empty() ? std::stoul(length) : 0;
    while (read_.size() < wanted && receive()) {
    }
    REQUIRE(read_.size() >= wanted);
    answer.body = read_.substr(0, wanted);
    read_.erase(0, wanted);
    return answer;
  }

  // What is read up to this text, and the text.
  std::string read_until(const std::string& text) {
    size_t at = read_.find(text);
    while (at == std::string::npos && receive()) at = read_.find(text);
    REQUIRE(at != std::string::npos);
    std::string found = read_.substr(0, at + text.size());
    read_.erase(0, found.size());
    return found;
  }

  // The server closes the connection; what it says before is dropped.
  bool closed() {
    while (receive()) {
    }
    return closed_;
  }

 private:
  bool receive() {
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, kPatienceMs) <= 0) return false;
    char bytes[16384];
    const ssize_t got = recv(socket_, bytes, sizeof bytes, 0);
    closed_ = got <= 0;
    if (got > 0) read_.append(bytes, static_cast<size_t>(got));
    return got > 0;
  }

  int socket_;
  std::string read_;
  bool closed_ = false;
};

}  // namespace muster::http::test
