// A real redis-server for one test: a port and a folder of its own, nothing on disk. It dies with the
// test.
#pragma once

#include <string>
#include <vector>

namespace muster::redis::test {

class RedisServer {
 public:
  // Whether there is one on this machine.
  static bool installed();

  // Up and taking connections when this returns. `arguments` as on its command line.
  explicit RedisServer(std::vector<std::string> arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  int port() const { return port_; }
  const std::string& folder() const { return folder_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  void kill();
  // On the same port, and empty.
  void start();
  // It keeps its connections and does nothing.
  void pause();
  void resume();

 private:
  bool try_start();

  std::vector<std::string> arguments_;
  std::string folder_;
  int port_ = 0;
  int process_ = 0;
  int output_ = -1;
};

// Not one that the system gives to connections, so it stays free while a server is restarted.
int free_port();

}  // namespace muster::redis::test
