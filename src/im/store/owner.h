// The one IM server of a store: what its commits are fenced by, and how the fate of one is learnt whose answer was
// lost.
//
// On SQLite a lock on a file does it (im/service/file_lock.h), and nothing here asks. On PostgreSQL the writer's
// session holds a lock, so whoever has it knows that no other session has a commit on its way; and each transaction
// first counts on in the row im_owner, where it is still ours. So a process whose lock went to another one cannot
// write, and a server that forgot commits which were answered (a standby that was behind) is noticed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

class Owner {
 public:
  /// Another IM server has the store, or the server forgot commits: this process must write no more, and what it has in
  /// memory is void. Once, on the writer's thread.
  using Deposed = std::function<void(const Error&)>;

  /// `deposed` may be empty.
  explicit Owner(Deposed deposed) : deposed_(std::move(deposed)) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  // The writer's thread; `writer` is its connection, always the same. REQUIRED: take() has succeeded.
  Result<void> take(sql::Database& writer);
  /// Opens a lost connection again. Overloaded, Io, Timeout: not now.
  Result<sql::Transaction> begin(sql::Database& writer);
  /// Failed while writer.lost(): ask happened().
  Result<void> commit(sql::Database& writer, sql::Transaction& transaction);
  /// Whether the commit whose answer was lost took place. An error: it is not known yet (or never, where deposed()).
  Result<bool> happened(sql::Database& writer);
  bool deposed() const noexcept { return is_deposed_; }

  /// A transaction that sees every commit that had been answered before the call. A connection whose server does not is
  /// dropped, and another one tried once. Any thread.
  Result<sql::Transaction> look(sql::Database& reader) const;

 private:
  struct Row {
    std::string process;
    std::int64_t commits = 0;
  };
  static Result<Row> read(store::PostgresConnection& server);
  Result<void> ready(sql::Database& writer);
  std::unexpected<Error> depose(std::string why);
  std::unexpected<Error> depose(const Row& row);
  Result<bool> is_current(sql::Database& reader, std::int64_t commits) const;

  const Deposed deposed_;
  std::string process_;                   // set by take(), before any other thread is there
  std::atomic<std::int64_t> commits_{0};  // that are answered
  bool is_deposed_ = false;
};

}  // namespace nightpost::im
