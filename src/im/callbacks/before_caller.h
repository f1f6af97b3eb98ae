// Asks apps' servers before something happens: once, in bounded time, each app for itself. A server that hangs is asked
// by few requests alone; for the others the app's choice stands at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "core/counter.h"
#include "core/event_loop.h"
#include "im/callbacks/before_answer.h"
#include "im/callbacks/callback_client.h"
#include "im/callbacks/callback_post.h"
#include "im/service/before_gate.h"
#include "observe/log.h"

namespace nightpost::im {

/// Written on the loop alone.
struct BeforeMetrics {
  Counter allowed, changed, refused, dropped;  // answers
  Counter failed;                              // questions that were posted and not answered as defined
  Counter let_by;                              // requests that went on without an answer
  Counter withheld;                            // ... that were refused for want of one
  Counter failing;                             // apps whose server fails now
};

struct BeforeTarget {
  CallbackTarget target;
  bool closed = false;  // without an answer: refuse; else let it by
};

struct BeforeCallerOptions {
  std::map<AppId, BeforeTarget> targets;
  std::size_t open_max = 64;        // questions to an app's server that are not answered; further ones wait
  milliseconds timeout{2'000};      // from a question to its answer's end
  milliseconds retry_first{1'000};  // after three in a row that failed, until one is asked again; doubling
  milliseconds retry_max{60'000};
  BeforeAnswerLimits answers;
};

/// On its loop alone; all that is borrowed outlives it. After its end nobody hears anything.
class BeforeCaller final : public BeforeAsker {
 public:
  struct Parts {
    CallbackQuestioner& questioner;
    EventLoop& loop;
    const Clock& clock;
    BeforeMetrics& metrics;
    observe::Log* log = nullptr;  // null: nothing is logged
  };
  BeforeCaller(Parts parts, BeforeCallerOptions options);
  ~BeforeCaller() override;
  BeforeCaller(const BeforeCaller&) = delete;
  BeforeCaller& operator=(const BeforeCaller&) = delete;

  void ask(BeforeQuestion question, Heard heard) override;

 private:
  struct Asked {
    BeforeQuestion question;
    Heard heard;
  };
  struct App {
    BeforeTarget target;
    std::deque<Asked> waiting;  // for a free place
    std::size_t open = 0;
    int failed_in_row = 0;
    int bad_in_row = 0;   // answers that are none of those defined
    MonoTime probe_at{};  // while it fails
  };
  void turn(AppId id, App& app);
  void post(AppId id, App& app, Asked asked);
  void answered(AppId id, const BeforeQuestion& question, Heard heard, const Result<CallbackAnswer>& answer);
  void later(Heard heard, BeforeVerdict verdict);
  BeforeVerdict without_answer(const App& app);
  void count(const BeforeVerdict& verdict);

  const Parts parts_;
  const BeforeCallerOptions options_;
  std::map<AppId, App> apps_;
  std::uint64_t questions_ = 0;
  const std::shared_ptr<BeforeCaller*> self_;  // what answers look for; null once this is gone
};

}  // namespace nightpost::im
