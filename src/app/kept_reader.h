// A reader of Kafka's that the rest of the process can do without for a while: made anew after it has failed.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/result.h"
#include "core/time.h"
#include "observe/log.h"

namespace nightpost::app {

/// Owns the reader and a thread that waits for its failure, ends it and makes another: after `first`, then after twice
/// as long, up to `max`; one that ran for `max` begins with `first` again.
class KeptReader {
 public:
  struct Waits {
    milliseconds first{1'000}, max{60'000};
  };
  using Failed = std::function<void(const Error&)>;
  /// Whoever it makes calls `failed`, from any thread, where it cannot go on; that ends with it. On the start's thread
  /// first, then on this one's, where the readers end, too.
  using Make = std::function<Result<std::shared_ptr<void>>(Failed failed)>;

  /// An error of the first one made: there is no reader at all. `log` outlives it; `name` begins its lines.
  static Result<std::unique_ptr<KeptReader>> start(Make make, std::string name, Waits waits, observe::Log& log);
  ~KeptReader();  // as stop()
  KeptReader(const KeptReader&) = delete;
  KeptReader& operator=(const KeptReader&) = delete;

  /// The reader has ended, and none follows. Not from several threads at once.
  void stop();
  /// Why nothing is read now; empty: it is. Any thread.
  std::string trouble() const;

 private:
  KeptReader(Make make, std::string name, Waits waits, observe::Log& log)
      : make_(std::move(make)), name_(std::move(name)), waits_(waits), log_(log) {}
  Result<std::shared_ptr<void>> make();
  void fail(const Error& error);
  void run();
  bool make_anew();  // false: it is to end

  const Make make_;
  const std::string name_;
  const Waits waits_;
  observe::Log& log_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false, failed_ = false;  // under the mutex, as what follows
  std::string trouble_;
  milliseconds wait_{0};
  std::shared_ptr<void> reader_;  // of any kind, and of one owner; the thread's, once it runs
  std::thread thread_;
};

}  // namespace nightpost::app
