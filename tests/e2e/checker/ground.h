// The servers that the clients of the checker meet: one on a file, or two on one PostgreSQL and one Redis.
#pragma once

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "e2e/im_process.h"

namespace nightpost::e2e::checker {

class Ground {
 public:
  explicit Ground(std::size_t nodes, const std::string& store_url = "");
  virtual ~Ground() = default;
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  std::size_t nodes() const { return nodes_.size(); }
  ImProcess* node(std::size_t i) { return nodes_[i].get(); }  // null: it is dead
  void start(std::size_t i);
  void kill(std::size_t i);
  /// What has died by itself. A node that another one gave up ends, as it should.
  void check_alive();
  std::size_t alive() const;
  int deaths() const { return deaths_; }
  /// No intent waits for a device or the broker, also none of a node that is dead.
  virtual bool all_settled();

  /// Kafka goes down and comes up again; nobody waits for it.
  void restart_broker();
  void wait_for_broker();

  /// What the nodes stand on is taken away, and given back.
  virtual bool has_more() const { return false; }
  virtual void take_store() {}
  virtual void give_store() {}
  virtual void take_redis() {}
  virtual void give_redis() {}

  ImBed bed;

 protected:
  virtual nlohmann::json section(std::size_t) { return nlohmann::json::object(); }

 private:
  const std::string store_url_;
  std::vector<std::unique_ptr<ImProcess>> nodes_;
  std::vector<std::string> logs_;  // of each node, of its last start alone: it says why that one ended
  int starts_ = 0;
  std::chrono::steady_clock::time_point started_at_;  // the last one
  int deaths_ = 0;
  std::future<void> broker_;  // of its restart, which ends before the bed does
};

/// `nodes` of 1 or 2. They are started.
std::unique_ptr<Ground> make_ground(std::size_t nodes);

}  // namespace nightpost::e2e::checker
