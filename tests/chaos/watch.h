// What a chaos run sees while it goes: outcomes and dead letters as they come to their topics, requests as the vendors
// met them. Each on a thread of its own, into the book.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "chaos/book.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::chaos {

/// Reads the results and the dead topic from their beginning on. Brokers that are away are waited for.
class TopicWatch {
 public:
  struct Topic {
    std::string name;
    int partitions = 1;
  };
  TopicWatch(const std::string& brokers, const Topic& results, const Topic& dead, std::size_t users_each, Book& book);
  ~TopicWatch();
  std::uint64_t read() const noexcept { return read_; }  // records so far

 private:
  void run(const std::stop_token& stop, const std::string& brokers, const Topic& results, const Topic& dead);
  void take_outcome(std::string_view json);

  std::size_t users_each_;
  Book& book_;
  std::atomic<std::uint64_t> read_ = 0;
  std::jthread thread_;
};

/// Asks the sandbox once a second for the requests of all vendors since the last time.
class VendorWatch {
 public:
  VendorWatch(const support::SandboxProcess& sandbox, Book& book);
  ~VendorWatch();
  /// The rest, now. REQUIRED: the sandbox runs.
  void end();

 private:
  void run(const std::stop_token& stop);
  void look();

  const support::SandboxProcess& sandbox_;
  Book& book_;
  std::vector<std::pair<std::string, std::uint64_t>> seen_;  // by vendor: the number of the last request read
  std::jthread thread_;
};

}  // namespace nightpost::chaos
