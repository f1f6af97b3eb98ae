// Writes groups of messages of which either all are there or none, by one writer at a time: for tools that move records
// and note beside them that they did.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"

namespace nightpost::kafka {

struct TransactionsOptions {
  ClientOptions kafka;
  std::string id;                             // transactional.id: one writer of a name at a time
  std::size_t message_bytes_max = 12u << 20;  // of one message
  std::string compression = "lz4";
  milliseconds wait{15'000};  // for the brokers, at each step
  /// After this long without an end the brokers give a transaction up. Until then who reads what is committed gets no
  /// record behind it in the same partitions, so a writer that dies in the midst holds them for so long.
  milliseconds open_max{10'000};
};

/// Single-threaded. acks=all, idempotent.
class Transactions {
 public:
  /// Takes the name over: an unfinished transaction of whoever had it is undone, and he can commit nothing more.
  /// Io: the brokers do not answer, or have no transactions for us, with the reason where it is known.
  static Result<std::unique_ptr<Transactions>> start(TransactionsOptions options);
  ~Transactions();  // undoes what is not committed

  struct Message {
    std::string topic;
    std::int32_t partition = -1;  // -1: by the key, as Java's clients do
    std::string key;
    std::string value;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  struct Failure {
    Error error;
    bool taken_over = false;             // another writer has the name: nothing more can be written
    bool unknown = false;                // nobody said whether it was committed
    std::optional<std::size_t> message;  // which message cannot be written, if it was one's fault
  };
  /// All of them, committed, or none.
  std::expected<void, Failure> write(std::span<const Message> messages);

 private:
  struct Impl;
  explicit Transactions(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::kafka
