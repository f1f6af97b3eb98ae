// What `nightpost doctor` makes of what it saw: findings, each with what to do. Pure: facts in, findings out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "core/certificate.h"
#include "core/result.h"
#include "core/time.h"
#include "kafka/cluster_facts.h"
#include "store/postgres.h"
#include "store/store.h"

namespace nightpost::app {

/// From good to bad.
enum class Health : std::uint8_t { Ok, Warning, Fault };
std::string_view name_of(Health health) noexcept;  // "ok", "warning", "fault"

struct Finding {
  Health health = Health::Ok;
  std::string area;     // "store", "kafka", "topic", "group", "credential", "vendor", "redis"
  std::string subject;  // which one; may be empty
  std::string what;     // one line
  std::string todo;     // what ops can do; empty where it is ok
};

struct StoreFacts {
  std::string path;
  bool is_there = false;
  bool is_writable = false;                 // the file and its folder, which holds the write-ahead log
  std::string key_trouble;                  // of the master key; empty: it can be read
  std::string open_trouble;                 // of the store; empty: it is open
  std::int64_t schema = 0;                  // of the file, before it was opened
  std::int64_t schema_ours = 0;             // what this binary writes
  std::optional<std::uint64_t> free_bytes;  // where it lies
};
std::vector<Finding> judge(const StoreFacts& facts);

/// Of a store on PostgreSQL.
struct DatabaseFacts {
  std::string address;
  std::string key_trouble;                     // of the master key; empty: it can be read
  std::string open_trouble;                    // of the store; empty: it is open
  std::optional<store::PostgresFacts> server;  // nullopt: it could not be asked
};
std::vector<Finding> judge(const DatabaseFacts& facts);

/// A topic that Nightpost uses, and as what.
struct TopicRole {
  enum class Use : std::uint8_t { Offline, Results, Dead, Retry, Marks };
  std::string topic;
  Use use = Use::Offline;
};
std::vector<TopicRole> topics_of(const Config& config);
/// `facts.topics` are those of `roles`, in their order.
std::vector<Finding> judge(const kafka::ClusterFacts& facts, std::span<const TopicRole> roles, const Config& config);

struct CredentialFacts {
  Certificate certificate;
  std::string trouble;                  // its secret does not open, or the vendor's room does not take it; else empty
  std::optional<Result<void>> granted;  // whether its vendor gave a grant; nullopt: was not asked
};
/// `now`: for what expires.
Finding judge(const CredentialFacts& facts, WallTime now);

/// Of removals that are held; a certificate without any is not named. `certificates`: all.
std::vector<Finding> judge(std::span<const store::RemovalHold> holds, std::span<const CredentialFacts> certificates);

struct HostFacts {
  enum class Reached : std::uint8_t {
    Answered,   // HTTP
    Connected,  // TCP, proxy, TLS with its name; then no answer
    Untrusted,  // its certificate does not pass
    Not,
  };
  std::string origin;
  std::string vendors;  // whose: "apns, fcm"
  std::string proxy;    // gone through; empty: none
  Reached reached = Reached::Not;
  std::string words;                 // what the line said, where it failed
  std::optional<milliseconds> skew;  // our clock minus the host's, where it says a Date
};
/// `skew_warn`: as worker.skew_warn_ms.
std::vector<Finding> judge(const HostFacts& facts, milliseconds skew_warn);

Health worst_of(std::span<const Finding> findings) noexcept;
/// For people: a line each, and what to do below it.
std::string text_of(std::span<const Finding> findings);

}  // namespace nightpost::app
