// The adapters between rooms that do not know each other: store → resolve, resolve → dispatch, dispatch → Kafka.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/config.h"
#include "app/grant_fetcher.h"
#include "app/loop_monitor.h"
#include "app/token_remover.h"
#include "core/lru_cache.h"
#include "dispatch/ports.h"
#include "kafka/consumer.h"
#include "kafka/message_sink.h"
#include "resolve/ports.h"
#include "resolve/resolver.h"
#include "store/store.h"

namespace nightpost::app {

inline dispatch::RecordId record_id_of(kafka::PendingRecord* pending) noexcept {
  return dispatch::RecordId{reinterpret_cast<std::uintptr_t>(pending)};
}
inline kafka::PendingRecord* pending_record_of(dispatch::RecordId pending) noexcept {
  return reinterpret_cast<kafka::PendingRecord*>(
      static_cast<std::uintptr_t>(pending));  // NOLINT(performance-no-int-to-ptr)
}

/// Has a dead token removed by that thread. `removed` is told on the loop, and then `answered`, which is borrowed.
inline void remove_on(TokenRemover& remover, boost::asio::io_context& loop, const std::function<void()>& answered,
                      store::Store::DeviceRow row, resolve::Source::Removed removed) {
  remover.remove(std::move(row), [&loop, &answered, removed = std::move(removed)](Result<bool> result) mutable {
    boost::asio::post(loop, [&answered, removed = std::move(removed), result] mutable {
      removed(std::move(result));
      answered();
    });
  });
}

/// store → resolve, where the store is a file. Borrows the store, on its thread.
class StoreSource final : public resolve::Source {
 public:
  /// Has tokens removed by that thread and told on this loop. Borrows both.
  struct Removals {
    TokenRemover& remover;
    boost::asio::io_context& loop;
    std::function<void()> answered;  // after each was told
  };
  /// Without `removals`: tokens are removed in place.
  explicit StoreSource(store::Store& store, std::optional<Removals> removals = std::nullopt)
      : store_(store), removals_(std::move(removals)) {}
  void receivers(std::span<const ReceiverKey> keys, Found found) override { found(store_.receivers(keys)); }
  Result<bool> app_known(AppId app) override { return store_.app_known(app); }
  void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) override {
    if (!removals_) return removed(store_.remove_token(app, user_id, device));
    remove_on(removals_->remover, removals_->loop, removals_->answered, {app, std::string(user_id), device},
              std::move(removed));
  }
  Result<Certificate> certificate(CertificateId id) override { return store_.certificate(id); }
  Result<CertificateSecret> secret(CertificateId id) override { return store_.secret(id); }
  Result<Changes> changes() override { return store_.changes(); }

 private:
  store::Store& store_;
  const std::optional<Removals> removals_;
};

/// Time in the store counts as the store's. Borrows both.
class TimedSource final : public resolve::Source {
 public:
  TimedSource(resolve::Source& source, LoopMonitor& monitor) : source_(source), monitor_(monitor) {}
  void receivers(std::span<const ReceiverKey> keys, Found found) override {
    const LoopMonitor::Working working(monitor_, LoopPart::Store);
    source_.receivers(keys, [this, outer = working.outer(), found = std::move(found)](auto answer) mutable {
      const LoopMonitor::Working asker(monitor_, outer);  // what is done with it is not the store's
      found(std::move(answer));
    });
  }
  Result<bool> app_known(AppId app) override {
    const LoopMonitor::Working working(monitor_, LoopPart::Store);
    return source_.app_known(app);
  }
  void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) override {
    const LoopMonitor::Working working(monitor_, LoopPart::Store);
    source_.remove_token(app, user_id, device, std::move(removed));
  }
  Result<Certificate> certificate(CertificateId id) override {
    const LoopMonitor::Working working(monitor_, LoopPart::Store);
    return source_.certificate(id);
  }
  Result<CertificateSecret> secret(CertificateId id) override {
    const LoopMonitor::Working working(monitor_, LoopPart::Store);
    return source_.secret(id);
  }
  Result<Changes> changes() override {
    const LoopMonitor::Working working(monitor_, LoopPart::Store);
    return source_.changes();
  }

 private:
  resolve::Source& source_;
  LoopMonitor& monitor_;
};

/// A route that remembers the certificate it was made of and the grant this shard used last.
struct ReadyRoute final : dispatch::Route {
  std::shared_ptr<const resolve::ReadyCertificate> ready;
  // Touched by the shard's thread only.
  mutable std::shared_ptr<const resolve::HeldGrant> grant;
  mutable WallTime ask_at{};  // when the resolver is asked again
};

/// resolve → dispatch: receivers, routes and grants of one shard. Borrows the resolver and the fetcher, on its thread.
class ResolverPorts final : public dispatch::Directory, public dispatch::Credentials, private resolve::GrantWaiter {
 public:
  /// `routes_max`: routes remembered with their grants; the least recently used goes first.
  /// `post` runs its argument on the shard's thread, called from any; `on_grant` is then told the route that waited.
  using Post = std::function<void(std::function<void()>)>;
  ResolverPorts(resolve::Resolver& resolver, GrantFetcher& fetcher, Post post,
                std::function<void(std::uint64_t route)> on_grant, GrantMetrics& metrics, std::size_t routes_max)
      : resolver_(resolver),
        fetcher_(fetcher),
        post_(std::move(post)),
        on_grant_(std::move(on_grant)),
        metrics_(metrics),
        routes_(routes_max) {}

  void find(std::span<const ReceiverKey> keys, Found found) override { resolver_.receivers(keys, std::move(found)); }
  Result<bool> knows(AppId app) override { return resolver_.app_known(app); }
  void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) override {
    resolver_.remove_token(app, user_id, device, std::move(removed));
  }
  Result<std::shared_ptr<const dispatch::Route>> route(AppId app, CertificateId certificate) override;
  Result<std::shared_ptr<const Grant>> grant(const dispatch::Route& route, WallTime now) override;
  Result<std::shared_ptr<const Grant>> refresh(const dispatch::Route& route, const Grant& refused,
                                               WallTime now) override;

 private:
  void on_grant_settled(const std::string& key) override;
  /// What a push gets of what the book said; whoever gets nothing is remembered.
  Result<std::shared_ptr<const Grant>> grant_or_wait(const ReadyRoute& route, Result<resolve::GrantAnswer> answer);

  resolve::Resolver& resolver_;
  GrantFetcher& fetcher_;
  Post post_;
  std::function<void(std::uint64_t)> on_grant_;
  GrantMetrics& metrics_;
  LruCache<std::int64_t, std::shared_ptr<const ReadyRoute>> routes_;  // by certificate id; only of those that are there
  std::unordered_map<std::string, std::set<std::uint64_t>> waiting_;  // routes by grant key, while the book has us wait
};

/// dispatch → Kafka: outcomes, remainders and dead letters, held by the record's pending until the broker has them. One
/// per shard, on its thread: outcomes hold their record at once, but their bytes are collected and go to the producer
/// together.
class KafkaSettler final : public dispatch::Settler {
 public:
  /// `credit`: what of the shard's may be on its way to the brokers. All are borrowed.
  KafkaSettler(kafka::MessageSink& sink, kafka::ProduceCredit& credit, const Topics& topics)
      : sink_(sink), credit_(credit), topics_(topics) {}
  void outcome(dispatch::RecordId pending, std::string_view event_id, std::string_view json) override;
  void dead(dispatch::RecordId pending, dispatch::DeadLetter letter) override;
  void defer(dispatch::RecordId pending, dispatch::Deferral deferral) override;
  void release(dispatch::RecordId pending) override { kafka::Consumer::release(pending_record_of(pending)); }
  void hand_back(dispatch::RecordId pending) override { kafka::Consumer::give_back(pending_record_of(pending)); }
  std::size_t room() const noexcept override {
    const std::size_t room = credit_.room();
    return room - std::min(room, collected_.size());
  }
  /// As ProduceCredit::await().
  bool await_room(std::size_t seen) noexcept { return credit_.await(seen + collected_.size()); }
  /// The credit's on_room is not called any more.
  void disconnect() { credit_.disconnect(); }
  /// Hands over what was collected. Once a turn; by itself where that is much.
  void flush();
  /// Outcomes collected and not handed over. Any thread; ordered before what the shard's thread does afterwards.
  std::size_t unflushed() const noexcept { return unflushed_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kBytesMax = 256 * 1024;  // collected; then the turn's end is not waited for
  void add_source(kafka::Headers& headers, const kafka::PendingRecord& record) const;
  struct Collected {
    kafka::PendingRecord* pending;
    std::size_t key_size, value_size;
  };
  kafka::MessageSink& sink_;
  kafka::ProduceCredit& credit_;
  const Topics& topics_;
  std::string bytes_;  // keys and values, one after the other
  std::vector<Collected> collected_;
  std::vector<kafka::MessageSink::Message> messages_;  // reused
  std::atomic<std::size_t> unflushed_{0};
};

}  // namespace nightpost::app
