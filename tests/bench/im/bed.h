// What a phase stands on: a store of its own, and `nightpost im` on it, with its server API over TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/process.h"
#include "support/spine/fleet.h"
#include "support/spine/rig.h"
#include "support/spine/topics.h"

namespace nightpost::support {
class PostgresServer;
}

namespace nightpost::bench {

inline constexpr std::int64_t kApp = support::kFleetApp;
inline constexpr std::string_view kAppKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

struct ImGround {
  std::string program;  // the release binary
  std::string brokers;
  nlohmann::json config = nlohmann::json::object();  // merged over the server's
  support::PostgresServer* postgres = nullptr;       // null: SQLite
};

/// SQLite with synchronous=FULL or a database of its own on a durable PostgreSQL; no limit of calls or members; all
/// else as a server has it that is not configured. Throws std::runtime_error.
class ImBed {
 public:
  /// `name`: of its topics, no other bed's. `tls`: of the WebSockets.
  ImBed(const ImGround& ground, const std::string& name, bool tls);
  std::uint16_t port() const noexcept { return port_; }
  std::uint16_t rest_port() const noexcept { return rest_port_; }
  /// Who calls the server API, with a signature: a URL's query up to `random`.
  const std::string& rest_query() const noexcept { return rest_query_; }
  const std::string& offline_topic() const noexcept { return offline_topic_; }
  bool tls() const noexcept { return tls_; }
  const support::TempFolder& folder() const noexcept { return folder_; }
  support::Usage usage() const { return process_.usage(); }
  /// The value of a series on its /metrics; throws if it is not there.
  double metric(const std::string& series) const;
  struct Commits {
    double commits = 0, commands = 0;
  };
  Commits commits() const { return {metric("nightpost_im_commits_total"), metric("nightpost_im_commands_total")}; }
  /// How often a second this store's disk takes the least commit, one after the other: fdatasyncs_per_s, or an insert
  /// of one row on PostgreSQL.
  double bare_commits_per_s(std::chrono::milliseconds span) const;
  /// Throws, with its log, if the series has not come to this value by then.
  void expect_metric(const std::string& series, double value,
                     std::chrono::milliseconds patience = std::chrono::seconds(15)) const;
  /// SIGTERM; throws if it does not leave in good order. REQUIRED: no client is there.
  void stop();

 private:
  std::string config(const ImGround& ground, const std::string& name);

  support::TempFolder folder_{"im-bench"};
  const bool tls_;
  const std::string store_url_;  // of PostgreSQL; empty: SQLite
  std::string offline_topic_;
  support::Nightpost nightpost_;
  support::Process process_;
  std::uint16_t port_ = 0, rest_port_ = 0;
  std::string http_, rest_query_;
};

/// How often a second this file system takes 4 KiB at a file's end and syncs it, one after the other.
double fdatasyncs_per_s(const support::TempFolder& folder, std::chrono::milliseconds span);

}  // namespace nightpost::bench
