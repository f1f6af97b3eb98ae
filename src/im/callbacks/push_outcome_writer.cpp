#include "im/callbacks/push_outcome_writer.h"

#include <utility>

namespace nightpost::im {
namespace {

constexpr milliseconds kWriteOutcomesAgain{500};

}  // namespace

PushOutcomeWriter::PushOutcomeWriter(CallbackBook& book, EventLoop& loop, observe::Log* log, Counter& refused)
    : book_(book),
      loop_(loop),
      log_(log),
      refused_(refused),
      timer_(loop.make_timer([this] {
        for (const Shared& item : std::exchange(waiting_, {})) ask(item);
      })),
      self_(std::make_shared<PushOutcomeWriter*>(this)) {}

PushOutcomeWriter::~PushOutcomeWriter() {
  *self_ = nullptr;
  for (const Shared& item : std::exchange(waiting_, {})) item->done(false);
}

void PushOutcomeWriter::write(std::vector<PushOutcome> all, Done done) {
  ask(std::make_shared<Item>(Item{std::move(all), std::move(done)}));
}

void PushOutcomeWriter::ask(const Shared& item) {
  book_.push_outcomes(item->all, [self = self_, item](const Answer<void>& answer) {
    if (*self == nullptr) return item->done(false);
    (**self).answered(item, answer);
  });
}

void PushOutcomeWriter::answered(const Shared& item, const Answer<void>& answer) {
  if (!answer && answer.error().code == Code::Busy) {
    if (waiting_.empty()) timer_->arm(loop_.now() + kWriteOutcomesAgain);
    waiting_.push_back(item);
    return;
  }
  if (!answer) {
    refused_.add(item->all.size());
    if (log_ != nullptr)
      log_->error("im.push_results_refused",
                  {observe::kv("count", item->all.size()), observe::kv("why", answer.error().why)});
  }
  item->done(true);
}

}  // namespace nightpost::im
