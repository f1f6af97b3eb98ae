// store → resolve, where the store is PostgreSQL: look-ups by a connection of the shard's own on its loop, all else
// from what the process' feed has told it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/loop_monitor.h"
#include "app/store_feed.h"
#include "app/token_remover.h"
#include "core/lru_cache.h"
#include "resolve/ports.h"
#include "store/postgres_reader.h"

namespace nightpost::app {

struct PostgresSourceOptions {
  std::string url;
  store::StoreOptions store;
  milliseconds lookup_timeout{5'000};  // of a look-up, from the question to the answer or an error
  std::size_t ids_max = 10'000;        // unknown apps and certificates that are remembered
};

/// On its loop's thread, but for trouble(). While the connection is down, look-ups fail at once.
class PostgresSource final : public resolve::Source {
 public:
  static constexpr milliseconds kAppKept{10'000};  // so long an answer about an app without certificates holds

  /// Borrows all. `answered` is called after something was told. Connects once the loop runs.
  PostgresSource(boost::asio::io_context& loop, PostgresSourceOptions options, TokenRemover& remover,
                 LoopMonitor& monitor, std::function<void()> answered);
  ~PostgresSource() override;

  /// What the feed says. REQUIRED: the first before any other call.
  void take(const StoreNews& news);
  /// Why there is no connection, for people; empty: there is one. Any thread.
  std::string trouble() const;

  void receivers(std::span<const ReceiverKey> keys, Found found) override;
  Result<bool> app_known(AppId app) override;
  void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) override;
  Result<Certificate> certificate(CertificateId id) override;
  Result<CertificateSecret> secret(CertificateId id) override;
  Result<Changes> changes() override;

 private:
  struct Watch;
  struct KnownApp {
    std::optional<bool> known;  // absent: asked
    MonoTime at{};
  };

  void on_ready();
  void attend();  // after each call of the reader
  void watch_socket();
  void arm_watch();
  void arm_timer(MonoTime at);
  void close_watch();

  boost::asio::io_context& loop_;
  const PostgresSourceOptions options_;
  TokenRemover& remover_;
  LoopMonitor& monitor_;
  const std::function<void()> answered_;
  MonoTime as_of_{};
  std::shared_ptr<const CertificateBook> book_;
  Changes changes_;  // not asked for yet
  LruCache<std::int64_t, KnownApp> apps_;
  LruCache<std::int64_t, MonoTime>
      missing_;  // certificates that are not in the book, and since when they are asked for
  store::PostgresReader reader_;
  std::shared_ptr<Watch> watch_;  // shared with its handlers, which may outlive it
  int watched_ = -1;              // the reader's socket that it watches a copy of
  bool settled_ = false;          // the socket will stay the same
  boost::asio::steady_timer timer_;
  MonoTime armed_for_ = MonoTime::max();
  mutable std::mutex mutex_;
  std::string trouble_;  // by mutex_
};

}  // namespace nightpost::app
