#include "redis_server.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>

namespace muster::redis::test {
namespace {

std::string executable() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    const std::string file = folder + "/redis-server";
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

}  // namespace

int free_port() {
  static std::random_device random;
  while (true) {
    const int port = 20'000 + static_cast<int>(random() % 12'000);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (bound) return port;
  }
}

bool RedisServer::installed() { return !executable().empty(); }

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "muster-redis-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  do {
    port_ = free_port();
  } while (!try_start());
}

RedisServer::~RedisServer() {
  kill();
  std::filesystem::remove_all(folder_);
}

void RedisServer::kill() {
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = 0;
  close(output_);
}

void RedisServer::start() { REQUIRE(try_start()); }

void RedisServer::pause() {
  ::kill(process_, SIGSTOP);
  int status = 0;
  waitpid(process_, &status, WUNTRACED);
  REQUIRE(WIFSTOPPED(status));
}

void RedisServer::resume() { ::kill(process_, SIGCONT); }

bool RedisServer::try_start() {
  std::vector<std::string> words = {executable(),   "--port",    std::to_string(port_),
                                    "--bind",       "127.0.0.1", "--dir",
                                    folder_,        "--save",    "",
                                    "--appendonly", "no",        "--daemonize",
                                    "no",           "--logfile", ""};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  process_ = fork();
  REQUIRE(process_ >= 0);
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  close(ends[1]);
  output_ = ends[0];
  std::string said;
  char bytes[4'096];
  while (said.find("Ready to accept connections") == std::string::npos) {
    const ssize_t got = read(output_, bytes, sizeof bytes);
    if (got <= 0) {  // somebody has taken the port
      REQUIRE_MESSAGE(said.find("in use") != std::string::npos, said);
      kill();
      return false;
    }
    said.append(bytes, static_cast<size_t>(got));
  }
  return true;
}

}  // namespace muster::redis::test
