// What is collected for one topic until librdkafka is given it. Pure: bytes and times in, parcels out.
//
// librdkafka 2.0.2 lets an idempotent producer have one request at a time on its way to a partition, and polls in a
// tight loop, at a whole processor's cost, while one is and a message that has waited for linger.ms stands behind it.
// So nothing ever stands there: messages are collected here, by lanes that stand for partitions, and a lane's next
// parcel is handed over when the last one has been reported on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "kafka/ticket.h"

namespace nightpost::kafka {

/// Messages that go to the broker in one request, and their bytes. Not changed once it is sealed, so that librdkafka
/// may read them where they are.
struct Parcel {
  struct Message {
    Parcel* in;
    Ticket* ticket;    // may be null
    std::uint32_t at;  // of the key in bytes; the value follows it
    std::uint32_t key_size, value_size;
    std::uint32_t hash;
  };
  std::string_view key(const Message& message) const { return {bytes.data() + message.at, message.key_size}; }
  std::string_view value(const Message& message) const {
    return {bytes.data() + message.at + message.key_size, message.value_size};
  }

  std::size_t lane = 0;
  std::size_t open = 0;  // messages not reported on; the shell's
  MonoTime since{};      // when the first message came
  std::vector<Message> messages;
  std::string bytes;
};

class Outbox {
 public:
  struct Limits {
    std::size_t messages = 10'000;  // a parcel's
    std::size_t bytes = 850'000;    // a parcel's, with kOverhead a message; passed by a single larger one
    milliseconds linger{15};        // how long a parcel that is not full waits for more
  };
  static constexpr std::size_t kOverhead = 64;  // more than a message's own fields take in a record batch

  explicit Outbox(Limits limits) : limits_(limits), lanes_(1) {}

  /// The lane is `hash` modulo the number of lanes. True: whoever calls next() should look again, for a lane that had
  /// nothing has something now, or has a full parcel.
  bool add(std::uint32_t hash, Ticket* ticket, std::string_view key, std::string_view value, MonoTime now);
  /// From now on so many lanes (at least one). What is collected moves; equal hashes keep their order.
  void spread(std::size_t lanes);
  std::size_t lanes() const noexcept { return lanes_.size(); }

  /// A parcel that is full or has waited for long enough, of a lane that has none out; null: none. `hurry`: also one
  /// that has not waited. The lane gives no other until done().
  std::unique_ptr<Parcel> next(MonoTime now, bool hurry);
  /// The parcel was reported on, message by message.
  void done(std::unique_ptr<Parcel> parcel);
  /// When next() has something although nothing is added or done; nullopt: never.
  std::optional<MonoTime> due() const;

 private:
  struct Lane {
    std::deque<std::unique_ptr<Parcel>> waiting;  // the last one is open
    bool out = false;                             // a parcel of it
  };
  bool is_full(const Parcel& parcel) const;
  std::unique_ptr<Parcel> empty_parcel();
  void recycle(std::unique_ptr<Parcel> parcel);

  const Limits limits_;
  std::vector<Lane> lanes_;
  std::vector<std::unique_ptr<Parcel>> spare_;  // empty ones, for their memory
};

}  // namespace nightpost::kafka
