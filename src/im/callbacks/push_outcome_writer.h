// Has outcomes of pushes written as callbacks, again while the store is away.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/counter.h"
#include "core/event_loop.h"
#include "im/service/callback_book.h"
#include "observe/log.h"

namespace nightpost::im {

/// On its loop alone; what is borrowed outlives it. Who writes bounds how much waits.
class PushOutcomeWriter {
 public:
  /// True: they are durable, or can never be written, which is logged. False: it ended before.
  using Done = std::move_only_function<void(bool written)>;
  /// `log`: null: nothing is logged. `refused` counts what the store would never take.
  PushOutcomeWriter(CallbackBook& book, EventLoop& loop, observe::Log* log, Counter& refused);
  ~PushOutcomeWriter();
  PushOutcomeWriter(const PushOutcomeWriter&) = delete;
  PushOutcomeWriter& operator=(const PushOutcomeWriter&) = delete;

  void write(std::vector<PushOutcome> all, Done done);
  std::size_t waiting() const noexcept { return waiting_.size(); }  // for another try

 private:
  struct Item {
    std::vector<PushOutcome> all;
    Done done;
  };
  using Shared = std::shared_ptr<Item>;  // by the reply, or by `waiting_`
  void ask(const Shared& item);
  void answered(const Shared& item, const Answer<void>& answer);

  CallbackBook& book_;
  EventLoop& loop_;
  observe::Log* const log_;
  Counter& refused_;
  std::vector<Shared> waiting_;
  std::unique_ptr<LoopTimer> timer_;
  const std::shared_ptr<PushOutcomeWriter*> self_;  // what replies look for; null once this is gone
};

}  // namespace nightpost::im
