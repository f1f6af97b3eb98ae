// What takes a shard's outcomes and dead letters: the Producer, or a simulation's.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kafka/pending_record.h"
#include "kafka/produce_credit.h"
#include "kafka/refusal.h"

namespace nightpost::kafka {

/// Never blocks: what may be on its way is bounded by credit (produce_credit.h).
class MessageSink {
 public:
  struct Message {
    PendingRecord* pending;  // may be null; else held for this message already, and that hold is the sink's now
    std::string_view key, value;
  };
  virtual ~MessageSink() = default;
  /// Takes them in order. Views live as long as the call.
  virtual void produce_batch(ProduceCredit& credit, const std::string& topic, std::span<const Message> messages) = 0;
  /// Takes a hold on `pending` (may be null) until the broker has acknowledged. Where its topic calls the letter too
  /// large it is shortened (refusal.h).
  virtual void produce_letter(ProduceCredit& credit, PendingRecord* pending, const std::string& topic,
                              std::string_view key, std::string_view value, Headers headers) = 0;
  /// As produce_letter(), but never shortened: what its topic calls too large is tried again until the limit is raised.
  virtual void produce_whole(ProduceCredit& credit, PendingRecord* pending, const std::string& topic,
                             std::string_view key, std::string_view value, Headers headers) = 0;
};

}  // namespace nightpost::kafka
