// A shard's look-ups on PostgreSQL, without ever waiting: one connection in libpq's pipeline mode, driven by its
// owner's loop. Single-threaded; knows no loop itself.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/c_handle.h"
#include "core/device.h"
#include "core/result.h"
#include "core/time.h"
#include "store/postgres_wire.h"
#include "store/store.h"

namespace nightpost::store {

struct PostgresReaderOptions {
  std::size_t questions_max = 256;    // asked and not answered; one more is refused: Overloaded
  std::size_t in_pipeline_max = 16;   // of them, sent: what a lost connection makes to be asked again
  milliseconds reconnect_first{100};  // after a connection that failed, doubling
  milliseconds reconnect_max{5'000};  // the most of that
};

/// REQUIRED: the schema is there (open_postgres). The owner watches socket() for reading, and for writing while
/// wants_write(), and calls on_ready() when it is ready and at wake_at(); all three may be others after each call here,
/// and while not connected() the socket may be another one by the same number. Answers come from within on_ready(), in
/// any order, once each, by their deadline; those of a destroyed reader never. A lost connection asks again by itself.
/// Overloaded, told inside the call: too many questions are open. Callbacks may ask again, and must not destroy the
/// reader.
class PostgresReader {
 public:
  using Found = std::move_only_function<void(Result<std::vector<Receiver>>)>;
  using Known = std::move_only_function<void(Result<bool>)>;

  /// Connects with the first on_ready().
  PostgresReader(std::string url, StoreOptions options, PostgresReaderOptions limits = {});
  ~PostgresReader();
  PostgresReader(const PostgresReader&) = delete;
  PostgresReader& operator=(const PostgresReader&) = delete;

  /// As Store::receivers(). Timeout: no answer by `deadline`.
  void receivers(std::span<const ReceiverKey> keys, MonoTime deadline, Found found);
  /// As Store::app_known(). Likewise.
  void app_known(AppId app, MonoTime deadline, Known known);
  /// What look_up_hosts() says: for connections that begin from here on, so that none waits for a name.
  void set_addresses(std::string addresses) { addresses_ = std::move(addresses); }

  int socket() const noexcept { return handle_ ? PQsocket(handle_.get()) : -1; }
  bool wants_write() const noexcept { return wants_write_; }
  MonoTime wake_at() const noexcept;  // MonoTime::max(): not by itself
  void on_ready(MonoTime now);

  bool connected() const noexcept { return state_ == State::Ready; }
  const std::string& trouble() const noexcept { return trouble_; }  // why it is not; empty: it is, or never tried

 private:
  enum class State : std::uint8_t { Idle, Connecting, Ready };
  struct Question {
    const PostgresQuery* query;
    std::vector<std::string> arguments;
    MonoTime deadline;
    std::move_only_function<void(Result<PostgresRows>)> answer;  // empty: it was told that its time is up
  };

  void ask(Question question);
  void connect(MonoTime now);
  void go_on_connecting(MonoTime now);
  void set_up(MonoTime now);
  bool send(const Question& question);
  void fill_pipeline();
  Result<void> read_answers(MonoTime now);
  void expire(MonoTime now);
  void lose(std::string trouble, MonoTime now);

  std::string url_, addresses_;
  StoreOptions options_;
  PostgresReaderOptions limits_;
  State state_ = State::Idle;
  Handle<PGconn, PQfinish> handle_;
  bool wants_write_ = false;
  std::deque<Question> waiting_, sent_;  // sent_: in the pipeline's order
  Handle<PGresult, PQclear> first_;      // of the oldest in the pipeline, until its end is read
  MonoTime next_try_{}, connect_until_{};
  std::optional<MonoTime> silent_since_;  // there are answers to come, and since then none came
  milliseconds backoff_{0};
  std::string trouble_;
};

}  // namespace nightpost::store
