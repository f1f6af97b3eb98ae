// A reader of PostgreSQL on its owner's loop: whenever the server has something to say, or time is up, it goes on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/time.h"
#include "store/postgres_reader.h"

namespace nightpost::app {

/// On its loop's thread. Connects once the loop runs.
class PostgresLine {
 public:
  /// Borrows the loop. `turn` calls on_ready() of the reader, so that its owner sees before and behind it.
  PostgresLine(boost::asio::io_context& loop, const std::string& url, const store::StoreOptions& options,
               std::function<void(PostgresLine&)> turn);
  ~PostgresLine();
  PostgresLine(const PostgresLine&) = delete;
  PostgresLine& operator=(const PostgresLine&) = delete;

  store::PostgresReader& reader() noexcept { return reader_; }
  const store::PostgresReader& reader() const noexcept { return reader_; }
  /// False: the connection failed, and is tried again. What is asked before it was ever tried waits for it.
  bool usable() const noexcept { return reader_.connected() || reader_.trouble().empty(); }
  /// REQUIRED: after each call of the reader.
  void attend();

 private:
  struct Watch;

  void watch_socket();
  void arm_watch();
  void arm_timer(MonoTime at);
  void close_watch();

  boost::asio::io_context& loop_;
  const std::function<void(PostgresLine&)> turn_;
  store::PostgresReader reader_;
  std::shared_ptr<Watch> watch_;  // shared with its handlers, which may outlive it
  int watched_ = -1;              // the reader's socket that it watches a copy of
  bool settled_ = false;          // the socket will stay the same
  boost::asio::steady_timer timer_;
  MonoTime armed_for_ = MonoTime::max();
};

}  // namespace nightpost::app
