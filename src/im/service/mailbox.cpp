#include "im/service/mailbox.h"

#include <optional>

namespace nightpost::im {

void Mailbox::put(Done done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
    if (waiting_.size() > 1) return;  // the message that is on its way opens this one, too
  }
  loop_.post([box = weak_from_this()] {
    if (const auto open = box.lock()) open->empty();
  });
}

void Mailbox::empty() {
  for (;;) {
    std::optional<Done> next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (open_) open_(std::move(*next));
  }
}

}  // namespace nightpost::im
