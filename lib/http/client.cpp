#include "http/client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <cctype>
#include <stdexcept>

namespace muster::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

constexpr size_t kBodyBytesMax = size_t{64} << 20;

// The steps one after the other; each has the whole time that is left.
class Exchange {
 public:
  Exchange(const Outgoing& request, std::chrono::milliseconds timeout)
      : where_(request.host + ":" + request.port), stream_(context_), resolver_(context_) {
    request_.method_string(request.method);
    request_.target(request.target);
    request_.version(11);
    request_.set(beast::http::field::host, where_);
    request_.set(beast::http::field::connection, "close");
    if (!request.token.empty())
      request_.set(beast::http::field::authorization, "Bearer " + request.token);
    if (!request.body.empty()) request_.set(beast::http::field::content_type, "application/json");
    request_.body() = request.body;
    request_.prepare_payload();
    answer_.body_limit(kBodyBytesMax);
    stream_.expires_after(timeout);
    resolver_.async_resolve(request.host, request.port, [this](auto error, const auto& found) {
      if (failed(error, "no such host")) return;
      stream_.async_connect(found, [this](auto why, const auto&) { connected(why); });
    });
    // The resolver has no timeout of its own.
    context_.run_for(timeout + std::chrono::seconds(1));
    if (!done_ && error_.empty()) error_ = "no answer in time";
  }

  Incoming answer() {
    if (!error_.empty()) throw std::runtime_error(where_ + ": " + error_);
    return {answer_.get().result_int(), std::move(answer_.get().body())};
  }

 private:
  bool failed(const beast::error_code& error, const std::string& what) {
    if (error) error_ = what + ": " + error.message();
    return static_cast<bool>(error);
  }
  void connected(const beast::error_code& error) {
    if (failed(error, "cannot connect")) return;
    beast::http::async_write(stream_, request_, [this](auto why, size_t) {
      if (failed(why, "sending")) return;
      beast::http::async_read(stream_, buffer_, answer_, [this](auto end, size_t) {
        done_ = !failed(end, "waiting for the answer");
      });
    });
  }

  std::string where_;
  asio::io_context context_;
  beast::tcp_stream stream_;
  asio::ip::tcp::resolver resolver_;
  beast::flat_buffer buffer_;
  beast::http::request<beast::http::string_body> request_;
  beast::http::response_parser<beast::http::string_body> answer_;
  std::string error_;
  bool done_ = false;
};

}  // namespace

Incoming ask(const Outgoing& request, std::chrono::milliseconds timeout) {
  return Exchange(request, timeout).answer();
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 &&
        (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos)) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

}  // namespace muster::http
