// Tells apps' servers what waits for them in the store: in order, again until taken, each app for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/counter.h"
#include "core/event_loop.h"
#include "im/callbacks/callback_client.h"
#include "im/callbacks/callback_post.h"
#include "im/service/callback_book.h"
#include "im/service/service.h"
#include "observe/log.h"

namespace nightpost::im {

/// Written on the loop alone.
struct CallbackMetrics {
  Counter taken;     // callbacks that an app's server took
  Counter failed;    // posts that it did not
  Counter given_up;  // callbacks older than `kept`
  Counter held;      // in memory now
  Counter failing;   // apps whose server fails now
};

struct CallbackSenderOptions {
  std::map<AppId, CallbackTarget> targets;
  std::size_t open_max = 16;        // posts of an app that are not answered
  std::size_t per_second = 1'000;   // posts of an app; as many at once after a pause
  std::size_t held_max = 1'000;     // callbacks of an app in memory; more stay in the store
  milliseconds retry_first{1'000};  // a callback that was not taken is posted again then, doubling
  milliseconds retry_max{60'000};
  milliseconds kept{86'400'000};  // one that is older and is not taken is given up
};

/// On its loop alone; all that is borrowed outlives it, and `poster` tells it nothing after its end.
///
/// A callback is taken by an answer of status 2xx, whatever its body says. They are posted in the order of commits,
/// several at once, so a receiver may see two the other way round. After three posts in a row that were not taken, one
/// at a time tries, with a wait that doubles, so a server that hangs or fails is not asked more than that; what is too
/// old is then given up without a post. What is above an app's rate waits, at first here and then in the store.
class CallbackSender {
 public:
  struct Parts {
    CallbackBook& book;
    CallbackPoster& poster;
    EventLoop& loop;
    const Clock& clock;
    CallbackMetrics& metrics;
    observe::Log* log = nullptr;  // null: nothing is logged
  };
  CallbackSender(Parts parts, CallbackSenderOptions options);
  ~CallbackSender();
  CallbackSender(const CallbackSender&) = delete;
  CallbackSender& operator=(const CallbackSender&) = delete;

  void start();  // with what an earlier process left
  void committed(const Committed& what);
  /// From now on nothing is posted; what is on its way is heard still.
  void drain() { draining_ = true; }
  bool idle() const noexcept;  // nothing is on its way

 private:
  struct Held {
    CallbackJob job;
    int tries = 0;
    MonoTime due{};
    bool open = false;
  };
  struct App {
    AppId id;
    CallbackTarget target;
    std::map<std::int64_t, Held> held;  // by id
    std::int64_t read_to = 0;           // of the store
    bool more = true;                   // there may be something above
    bool reading = false;
    MonoTime read_at{};               // not before
    std::size_t open = 0;             // posts
    MonoTime paced_to{};              // the posts so far, at `per_second`, take until then
    int failed_in_row = 0;            // since the last that was taken
    MonoTime probe_at{};              // while it fails
    MonoTime next = MonoTime::max();  // when there is something to do again
  };
  void turn(App& app);
  void wake();  // those for whom there is something to do
  void arm();
  void give_up_old(App& app);
  void read(App& app);
  void post_due(App& app);
  bool post_next(App& app, MonoTime now);
  void posted(AppId app, const std::vector<std::int64_t>& ids, const Result<int>& status);
  void not_taken(App& app, Held& held, const std::string& why);
  void settle(App& app, std::int64_t id);
  MonoTime due(const App& app) const;
  std::chrono::nanoseconds post_takes() const;
  MonoTime post_at(const App& app) const;  // the earliest that its rate allows
  milliseconds wait_after(int failures) const;
  void measure();

  const Parts parts_;
  const CallbackSenderOptions options_;
  std::map<AppId, App> apps_;
  bool draining_ = false;
  std::unique_ptr<LoopTimer> timer_;
  const std::shared_ptr<CallbackSender*> self_;  // what replies look for; null once this is gone
};

}  // namespace nightpost::im
