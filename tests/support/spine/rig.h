// What tests and benchmarks of the whole way stand on: the sink, the release binary, its config, and one certificate.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/process.h"

namespace nightpost::support {

/// tests/bench/h2_sink as a child.
class Sink {
 public:
  struct Options {
    std::string program;
    std::uint32_t streams_max = 1000;
    std::size_t records_max = 0;
  };
  /// Its CA file goes to `folder`.
  Sink(const Options& options, const TempFolder& folder);

  struct Stats {
    std::uint64_t requests = 0, distinct = 0, connections = 0, body_bytes = 0;
    std::chrono::microseconds first{0}, last{0};  // since the epoch
    std::chrono::microseconds cpu{0};             // of the sink itself, since its start
    struct {
      std::uint64_t count = 0;
      std::chrono::microseconds p50{0}, p99{0}, p999{0}, max{0};
    } latency;  // from "bench_us=…" in the body
  };
  Stats stats();
  void reset();
  struct Seen {
    std::string token, collapse_id, apns_id;
  };
  /// Every request since the last reset, the first records_max of them.
  std::vector<Seen> seen();

  const std::string& origin() const noexcept { return origin_; }
  const std::string& ca_file() const noexcept { return ca_file_; }

 private:
  std::string ask(const std::string& command);

  std::string ca_file_, dump_file_;
  Process process_;
  std::string origin_;
};

/// Delay topics of a test's own, "PREFIX.retry.10s" and so on, as `kafka.topics` of a config names them.
nlohmann::json retry_topics(const std::string& prefix);

/// The release binary with a store and a master key of its own.
class Nightpost {
 public:
  /// `brokers` goes to every config.
  Nightpost(std::string program, std::string brokers, const TempFolder& folder);

  struct Names {
    std::string group, offline, results, dead;
  };
  /// A config file `name` for these topics; `changes` are merged over it (RFC 7396).
  std::string config(const std::string& name, const Names& names, const nlohmann::json& changes = {}) const;
  /// Runs `nightpost ARGUMENTS…` to its end.
  Ran run(const std::vector<std::string>& arguments) const;
  /// Adds a .p8 certificate of fleet.h's app that is sent to `origin`; returns its id. Throws with what it said.
  std::int64_t add_certificate(const std::string& config, const std::string& origin, const std::string& ca_file) const;

  /// A worker as a child; ready() once its first assignment has come.
  class Worker {
   public:
    Worker(const Nightpost& nightpost, const std::string& name, const std::string& config);
    bool ready(milliseconds patience);
    nlohmann::json ready_json() const;
    Process& process() noexcept { return process_; }
    std::string log() const { return read_file(log_file_); }

   private:
    std::string ready_file_, log_file_;
    Process process_;
  };

  const std::string& store_path() const noexcept { return store_path_; }
  /// Of its folder: the worker NAME logs to NAME.log.
  std::string file(std::string_view name) const { return folder_.file(name); }

 private:
  std::string program_, brokers_;
  const TempFolder& folder_;
  std::string store_path_, key_file_;
};

}  // namespace nightpost::support
