// A channel of Redis as the nodes' PeerChannel: one connection publishes, another is subscribed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "im/nodes/nodes_metrics.h"
#include "im/nodes/nodes_options.h"
#include "im/nodes/peer_channel.h"
#include "im/nodes/redis_line.h"
#include "observe/log.h"

namespace nightpost::im {

/// On the loop alone. A server that is away, hangs, refuses or talks nonsense costs messages and nothing else.
class RedisChannel final : public PeerChannel {
 public:
  struct Parts {
    boost::asio::io_context& context;
    EventLoop& loop;  // of the context
    RedisMetrics& metrics;
    observe::Log* log = nullptr;  // null: nothing is logged
    std::uint64_t seed = 0;       // of delays that shall differ; not secret
  };
  /// Malformed: TLS files that cannot be used.
  static Result<std::unique_ptr<RedisChannel>> make(Parts parts, const RedisOptions& options);
  ~RedisChannel() override;

  void start();
  void listen(PeerChannelEar* ear) override { ear_ = ear; }
  bool publish(std::string_view bytes) override;
  /// Both connections are up, and messages come.
  bool works() const noexcept { return subscribed_ && publisher_->is_up(); }
  /// What the last try ended with; empty: none failed.
  const std::string& trouble() const noexcept { return trouble_; }

 private:
  struct Unanswered {
    std::size_t bytes;
    MonoTime since;
  };
  RedisChannel(Parts parts, const RedisOptions& options);
  void publisher_up();
  void subscriber_up();
  void down(std::string_view line, bool& was_up, const Error& why);
  void published(const RedisReply& reply);
  void heard(RedisReply reply);
  void forget_unanswered();
  void set_unanswered_bytes(std::size_t bytes);
  void set_subscribed(bool on);
  void look();  // at what is not answered

  const Parts parts_;
  const RedisOptions options_;
  const std::string channel_;
  PeerChannelEar* ear_ = nullptr;
  std::unique_ptr<RedisLine> publisher_, subscriber_;
  std::deque<Unanswered> unanswered_;
  std::size_t unanswered_bytes_ = 0;
  std::optional<MonoTime> asked_;  // the subscriber: SUBSCRIBE or PING, not answered since then
  MonoTime heard_{};               // ... and when it last said something
  bool subscribed_ = false;
  bool publisher_told_ = true, subscriber_told_ = true;  // the log knows of their last change: up
  bool refusing_ = false;
  std::string trouble_;
  std::unique_ptr<LoopTimer> timer_;
};

/// The channel's name for a prefix.
std::string peer_channel_name(std::string_view prefix);

}  // namespace nightpost::im
