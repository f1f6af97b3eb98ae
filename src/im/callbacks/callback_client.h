// Posts callbacks over HTTP: a thread of its own with libcurl, so that a receiver that hangs holds nobody.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/event_loop.h"
#include "core/result.h"
#include "core/time.h"
#include "im/callbacks/callback_post.h"
#include "im/callbacks/callback_url.h"

namespace nightpost::im {

class CallbackPoster {
 public:
  /// The HTTP status, or why there is none.
  using Posted = std::move_only_function<void(Result<int> status)>;
  virtual ~CallbackPoster() = default;
  /// On the loop; `posted` comes from there, once, never from inside the call.
  virtual void post(CallbackPost what, Posted posted) = 0;
};

/// The answer to a question.
struct CallbackAnswer {
  int status = 0;
  std::string body;
};

class CallbackQuestioner {
 public:
  using Answered = std::move_only_function<void(Result<CallbackAnswer> answer)>;
  virtual ~CallbackQuestioner() = default;
  /// On the loop; `answered` comes from there, once, never from inside the call. Timeout: no answer within `timeout`.
  virtual void ask(CallbackPost what, milliseconds timeout, Answered answered) = 0;
};

struct CallbackClientOptions {
  CallbackReach reach;
  std::string ca_file;          // PEM authorities instead of the system's; empty: the system's
  milliseconds timeout{5'000};  // from the call to the answer's end
  std::size_t connections_max = 64;
};

/// TLS 1.2 or newer, chain and name verified, HTTP/2 where both can. No redirects, proxies of the environment, cookies
/// or netrc. The address is looked at when the socket is made, so a name that comes to stand for a private one is not
/// followed. Of the answer to a post its status counts; its body is read up to 64 KiB and dropped. A question whose
/// answer is longer has none.
class CallbackClient final : public CallbackPoster, public CallbackQuestioner {
 public:
  /// `loop` takes posts from any thread and outlives it.
  CallbackClient(CallbackClientOptions options, EventLoop& loop);
  /// What is on its way is given up, and nobody is told. On the loop, or once it has stopped.
  ~CallbackClient() override;
  CallbackClient(const CallbackClient&) = delete;
  CallbackClient& operator=(const CallbackClient&) = delete;

  void post(CallbackPost what, Posted posted) override;
  void ask(CallbackPost what, milliseconds timeout, Answered answered) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::im
