// store → resolve, where the store is PostgreSQL: look-ups by connections of the shard's own on its loop, all else from
// what the process' feed has told it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/loop_monitor.h"
#include "app/postgres_line.h"
#include "app/store_feed.h"
#include "app/token_remover.h"
#include "core/lru_cache.h"
#include "resolve/ports.h"

namespace nightpost::app {

struct PostgresSourceOptions {
  std::string url;
  store::StoreOptions store;
  milliseconds lookup_timeout{5'000};  // of a look-up, from the question to the answer or an error
  std::size_t connections = 2;   // a batch of receivers is split among them, so the server works on its parts at once
  std::size_t ids_max = 10'000;  // unknown apps and certificates that are remembered
};

/// On its loop's thread, but for trouble(). While all connections are down, look-ups fail at once; while some are, the
/// others go on. A receiver is of one moment, a batch is not: its parts are read by several connections.
class PostgresSource final : public resolve::Source {
 public:
  static constexpr milliseconds kAppKept{10'000};  // so long an answer about an app without certificates holds
  static constexpr std::size_t kPartMin = 64;  // receivers that a connection is asked for at once, if there are more

  /// Borrows all. `answered` is called after something was told. Connects once the loop runs.
  PostgresSource(boost::asio::io_context& loop, PostgresSourceOptions options, TokenRemover& remover,
                 LoopMonitor& monitor, std::function<void()> answered);
  ~PostgresSource() override;

  /// What the feed says. REQUIRED: the first before any other call.
  void take(const StoreNews& news);
  /// Why there is no connection, for people; empty: there is one, or none was tried. Any thread.
  std::string trouble() const;

  void receivers(std::span<const ReceiverKey> keys, Found found) override;
  Result<bool> app_known(AppId app) override;
  void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) override;
  Result<Certificate> certificate(CertificateId id) override;
  Result<CertificateSecret> secret(CertificateId id) override;
  Result<Changes> changes() override;

 private:
  struct Parts;
  struct KnownApp {
    std::optional<bool> known;  // absent: asked
    MonoTime at{};
  };

  void on_ready(PostgresLine& line);
  bool reachable() const;
  PostgresLine& next_line();  // in turn, of those that are usable if any is

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
  std::vector<std::unique_ptr<PostgresLine>> lines_;
  std::size_t turn_ = 0;  // of next_line()
  mutable std::mutex mutex_;
  std::string trouble_;  // by mutex_
};

}  // namespace nightpost::app
