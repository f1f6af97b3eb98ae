// Between a client and the server of PostgresServer: loses what a network loses at the moment that a test names, or is
// slow.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/process.h"

namespace nightpost::support {

class PostgresProxy {
 public:
  enum class Fault {
    None,
    LoseAnswer,  // of the next commit, which takes place; then the connection ends
    LoseCommit,  // the next commit never reaches the server; then the connection ends
  };

  /// Of a server's address on a socket in a folder. `commit`: the name of the statement that commits.
  PostgresProxy(const std::string& url, std::string commit);
  ~PostgresProxy();
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;

  const std::string& url() const { return url_; }  // of the same database, by way of this
  void next_commit(Fault fault) { fault_ = fault; }
  void refuse(bool on) { refuses_ = on; }  // new connections
  /// Of each thing that a client says from now on, before the server hears it.
  void delay(milliseconds each) { delay_ = each; }
  /// Ends what clients have, without a word to the server: it thinks all its sessions alive.
  void abandon() { ++abandoned_; }
  int round_trips() const { return round_trips_; }  // so far: what clients sent and the server answered

 private:
  void accept();
  void carry(int client);
  void hold() const;
  bool from_client(int server, const std::string& bytes);

  TempFolder folder_{"proxy"};
  std::string server_path_, url_, pattern_;
  int listener_ = -1;
  std::atomic<Fault> fault_{Fault::None};
  std::atomic<bool> refuses_{false}, stop_{false};
  std::atomic<milliseconds> delay_{milliseconds(0)};
  std::atomic<int> abandoned_{0}, round_trips_{0};
  std::mutex mutex_;
  std::vector<std::thread> threads_;  // under the mutex
  std::vector<int> left_;             // likewise: servers' ends of what was abandoned
  std::thread acceptor_;
};

}  // namespace nightpost::support
