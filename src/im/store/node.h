// This process's place among the IM servers (nodes) that share a store: the order of all their commits, what fences a
// node that was given up, and how the fate of a commit is learnt whose answer was lost.
//
// On SQLite a lock on a file keeps the store to one process (im/service/file_lock.h), and nothing here waits. On
// PostgreSQL each write transaction begins by counting on in the one row of im_commits, and so has that row's lock
// until it commits: commands of all nodes are decided one batch after another, by the rows of that moment. Then it
// counts on in the node's own row of im_nodes, where that is still this process's. So a node that was given up cannot
// write, and a server that forgot commits which were answered (a standby that was behind) is noticed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "im/store/sql.h"

namespace nightpost::im {

class Node {
 public:
  /// This node was given up, or the server forgot commits: this process must write no more, and what it has in memory
  /// is void. Once, on the writer's thread.
  using Deposed = std::function<void(const Error&)>;

  /// `name`: one host's or pod's. A process that starts where one of its name was killed goes on with its row.
  /// `deposed` may be empty.
  Node(std::string name, milliseconds lease, Deposed deposed)
      : name_(std::move(name)), lease_(lease), deposed_(std::move(deposed)) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // The writer's thread; `writer` is its connection, always the same. REQUIRED: take() has succeeded.
  Result<void> take(sql::Database& writer);
  /// Waits for the transactions of other nodes that are before it. Opens a lost connection again. Overloaded, Io,
  /// Timeout: not now.
  Result<sql::Transaction> begin(sql::Database& writer);
  /// Failed while writer.lost(): ask happened().
  Result<void> commit(sql::Database& writer, sql::Transaction& transaction);
  /// Whether the commit whose answer was lost took place. An error: it is not known yet (or never, where deposed()).
  Result<bool> happened(sql::Database& writer);
  bool deposed() const noexcept { return is_deposed_; }
  /// Whom the transaction under way concerns, for other nodes; one that a number had which the server forgot goes. Not
  /// on SQLite.
  Result<void> log(sql::Database& writer, std::string_view concerned);
  /// Of the log the newest `kept` stay.
  Result<void> prune_log(sql::Database& writer, std::int64_t kept);
  /// Since the last call the server was found to be another, or to have forgotten commits of others that were seen
  /// here: what the loop was told of may never have happened. Its own are there, else this one is deposed.
  bool take_set_back() noexcept { return std::exchange(set_back_, false); }
  /// For how long this node has written at least each half of a lease, by the server's clock. One that could not write
  /// has not seen whether others could: already the first transaction after that says 0.
  milliseconds steady() const noexcept {
    return milliseconds(begun_at_ - seen_at_ > lease_.count() / 2 ? 0 : seen_at_ - steady_since_);
  }

  /// By the server's clock, when the last transaction began; the epoch: none did yet, or on SQLite.
  WallTime server_time() const noexcept { return wall_from_ms(begun_at_); }

  // From take() on; any thread.
  std::int64_t id() const noexcept { return id_; }
  bool was_first() const noexcept { return was_first_; }  // no node before it when it took its place
  /// Of the last transaction that began here, in the one order of all nodes' commits; what is rolled back gives its
  /// number to the next. On SQLite 0.
  std::int64_t number() const noexcept { return number_; }
  /// The store's last commit, as `reader` sees it. REQUIRED: on PostgreSQL, in a transaction. Any thread.
  static Result<std::int64_t> last_commit(sql::Database& reader);
  struct LoggedCommit {
    std::int64_t number = 0;
    std::string concerned;
  };
  /// Those above `after`, up to `to`, by number; some may be missing. REQUIRED: as last_commit().
  static Result<std::vector<LoggedCommit>> logged(sql::Database& reader, std::int64_t after, std::int64_t to);
  /// The loop was told of this commit of another node: looks from now on see it.
  void saw(std::int64_t number) noexcept;
  /// Take_set_back() was true, and this is a commit of since: what was seen of greater numbers is void.
  void saw_set_back(std::int64_t number) noexcept { seen_ = number; }

  /// A transaction that sees every commit that had been answered here, or was seen, before the call. A connection whose
  /// server does not is dropped, and another one tried once. Any thread.
  Result<sql::Transaction> look(sql::Database& reader) const;

 private:
  struct Row {
    std::string process;
    std::int64_t commits = 0;
  };
  Result<void> await_former(store::PostgresConnection& server) const;
  Result<void> take_on_server(store::PostgresConnection& server);
  Result<void> take_in_file(sql::Database& writer);
  Result<Row> read(store::PostgresConnection& server) const;
  Result<void> ready(sql::Database& writer);
  void look_at_history(store::PostgresConnection& server);
  std::unexpected<Error> depose(std::string why);
  std::unexpected<Error> depose(const Row& row);
  Result<bool> is_current(sql::Database& reader, std::int64_t commits, std::int64_t seen) const;

  const std::string name_;
  const milliseconds lease_;
  const Deposed deposed_;
  // Set by take(), before any other thread is there.
  std::string process_;
  std::int64_t id_ = 0;
  bool was_first_ = true;
  // The writer's.
  std::int64_t seen_at_ = 0, begun_at_ = 0, steady_since_ = 0;  // ms, by the server's clock
  bool is_deposed_ = false;
  std::uint64_t session_ = 0;  // whose history is known
  std::string history_;        // of the server; empty: not known
  bool set_back_ = false;

  std::atomic<std::int64_t> number_{0};
  std::atomic<std::int64_t> commits_{0};  // of this node that are answered
  std::atomic<std::int64_t> seen_{0};     // the greatest number of those, and of those of others that the loop has seen
};

}  // namespace nightpost::im
