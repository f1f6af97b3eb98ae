// Where requests wait that an app's server is asked about: each conversation's in their order, so many of an app at
// once, and nobody else behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/counter.h"
#include "core/ids.h"
#include "core/time.h"
#include "im/domain/before_callback.h"
#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/service/service_options.h"

namespace nightpost::im {

struct BeforeQuestion {
  AppId app;
  Before what = Before::Send;
  std::string client_ip;  // empty: not known
  std::string platform;   // OptPlatform
  std::string body;       // JSON object; its MsgBody holds elements as they are stored
};

/// What becomes of the request.
struct BeforeVerdict {
  enum class Is : std::uint8_t { Allowed, Refused, Dropped } is = Is::Allowed;
  Refusal refusal{};  // of Refused
  // Of Allowed: what stands in the request's place; absent: as it was.
  std::optional<std::string> elements, cloud_data;
  std::optional<CheckedPush> push;
  std::vector<std::string> refused_users;  // of an invitation
};

/// Asks apps' servers. On the loop; `heard` comes from there, once, never from inside the call, in bounded time: where
/// the server gives no answer, the app's choice stands for it.
class BeforeAsker {
 public:
  using Heard = std::move_only_function<void(BeforeVerdict)>;
  virtual ~BeforeAsker() = default;
  virtual void ask(BeforeQuestion question, Heard heard) = 0;
};

/// Written on the loop alone.
struct BeforeGateMetrics {
  Counter parked;  // requests that wait for an app's server or behind one that does, now
  Counter full;    // requests that were refused, for as many wait as may
};

/// On the loop alone.
class BeforeGate {
  struct State;

 public:
  /// A place in a line. Its end lets the next one begin.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&&) noexcept = default;
    Pass& operator=(Pass&& other) noexcept;
    ~Pass() { leave(); }

   private:
    friend class BeforeGate;
    Pass(std::shared_ptr<State> state, AppId app, std::string line)
        : state_(std::move(state)), app_(app), line_(std::move(line)) {}
    void leave() noexcept;

    std::shared_ptr<State> state_;
    AppId app_;
    std::string line_;
  };
  /// A refusal: the gate was closed meanwhile.
  using Begin = std::move_only_function<void(Answer<Pass>)>;
  using Told = std::move_only_function<void(Answer<BeforeVerdict>)>;

  /// `metrics`: null: nothing is counted.
  BeforeGate(const BeforeWishes& wishes, BeforeGateMetrics* metrics);
  ~BeforeGate();
  BeforeGate(const BeforeGate&) = delete;
  BeforeGate& operator=(const BeforeGate&) = delete;

  /// Null: nobody is asked from now on.
  void set_asker(BeforeAsker* asker);
  bool asks(AppId app, Before what) const;
  /// Begins inside the call where nobody of the same line is before it. An empty `line`: none is. False: there is no
  /// room, or the gate is closed; `begin` is dropped.
  bool enter(AppId app, std::string line, Begin begin);
  /// `told` comes once, also by close().
  void ask(BeforeQuestion question, Told told);
  /// What waits is refused, inside this call.
  void close();

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace nightpost::im
