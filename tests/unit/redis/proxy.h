// Stands between a client and a Redis, sees each command before the server does, and decides what
// becomes of it: so a test can act at an exact moment, or lose an exact message. One thread, one
// connection at a time.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace muster::redis::test {

enum class Fate {
  kPass,
  kCut,          // both connections are closed; the server has not seen it
  kCutAnswered,  // both connections are closed when the server has answered; the client gets none
  kSwallow,      // the server never sees it nor anything after it, and the client keeps waiting
};

class Proxy {
 public:
  // Called on the proxy's thread with the command's first word.
  using Decide = std::function<Fate(const std::string& command)>;

  Proxy(int server_port, Decide decide);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  void run();
  void serve(int client);
  // False: cut.
  bool forward(int server, std::string& waiting, bool& deaf);
  // Until that is readable; false: the test has ended.
  bool wait_for(std::vector<int> fds, std::vector<bool>& readable) const;

  const int server_port_;
  const Decide decide_;
  int port_ = 0;
  int listener_ = -1;
  int end_[2] = {-1, -1};  // a pipe: closed when the thread has to end
  std::thread thread_;
};

}  // namespace muster::redis::test
