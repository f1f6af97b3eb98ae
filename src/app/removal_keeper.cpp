#include "app/removal_keeper.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace nightpost::app {

using dispatch::RemovalBook;

namespace {

constexpr std::int64_t kNoVersion = -1;  // of any certificate: nothing is kept, only what is old forgotten

}  // namespace

RemovalKeeper::RemovalKeeper(std::unique_ptr<store::Store> store, dispatch::SignerLedger& ledger,
                             RemovalKeeperOptions options, const Clock& clock, observe::Log& log,
                             RemovalKeeperMetrics& metrics)
    : store_(std::move(store)),
      ledger_(ledger),
      options_(std::move(options)),
      clock_(clock),
      log_(log),
      metrics_(metrics) {}

RemovalKeeper::~RemovalKeeper() { stop(); }

void RemovalKeeper::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "held");
    run();
  });
}

void RemovalKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RemovalKeeper::run() {
  for (bool last = false; !last;) {
    {
      std::unique_lock lock(mutex_);
      last = changed_.wait_for(lock, kLookEvery, [this] { return stop_; });
    }
    const MonoTime now = clock_.mono();
    if (!last && (!looked_back_ || now - *looked_back_ >= kLookBackEvery)) look_back();
    look();
  }
}

/// What the store does not answer is asked again with the next look.
void RemovalKeeper::look_back() {
  const auto holds = store_->removal_holds(std::nullopt);
  if (!holds) return;
  const WallTime oldest = clock_.wall() - options_.kept_for;
  const auto is_old = [oldest](const store::RemovalHold& each) { return each.last < oldest; };
  if (const auto old = std::ranges::find_if(*holds, is_old); old != holds->end())
    if (!store_->keep_removals(*old, kNoVersion, {}, {.devices_max = options_.kept_max, .oldest = oldest})) return;
  if (!looked_back_) {
    const auto certificates = store_->certificates(std::nullopt);
    if (!certificates) return;
    for (const store::RemovalHold& each : *holds) {
      const auto of = std::ranges::find(*certificates, each.certificate, &Certificate::id);
      if (is_old(each) || of == certificates->end()) continue;
      const bool receipts = each.heard == RemovalBook::name_of(RemovalBook::Heard::Receipts);
      resumed_.push_back(ledger_.removals_of(*of, options_.removals));
      resumed_.back()->resume(receipts ? RemovalBook::Heard::Receipts : RemovalBook::Heard::Answers);
    }
  }
  looked_back_ = clock_.mono();
}

void RemovalKeeper::look() {
  const auto books = ledger_.held_removals(clock_.mono());
  if (books.empty()) return;
  Result<void> looked;
  for (const auto& book : books)
    if (auto told = tell(*book); !told && looked) looked = std::move(told);
  auto approvals = store_->removal_approvals();
  if (!approvals) return note(std::unexpected(std::move(approvals.error())));
  const WallTime now = clock_.wall();
  for (const store::RemovalApproval& each : *approvals) {
    if (each.until <= now) continue;
    const auto book = std::ranges::find_if(books, [&](const auto& one) {
      return one->certificate() == each.certificate && one->version() == each.version;
    });
    if (book == books.end()) continue;
    if (auto obeyed = obey(**book, each.until); !obeyed && looked) looked = std::move(obeyed);
  }
  note(looked);
}

/// To the store; what it does not take now is told again.
Result<void> RemovalKeeper::tell(RemovalBook& book) {
  RemovalBook::News news = book.take();
  if (news.empty()) return {};
  Result<void> done;
  if (news.released) done = store_->forget_removals(book.certificate());
  if (done && (!news.kept.empty() || news.unkept > 0)) {
    news.released = false;  // that is done
    const store::RemovalHold hold{.certificate = book.certificate(),
                                  .worker = options_.worker,
                                  .heard = std::string(RemovalBook::name_of(news.where)),
                                  .code = news.code,
                                  .last = news.last,
                                  .unkept = news.unkept};
    done = store_->keep_removals(hold, book.version(), news.kept,
                                 {.devices_max = options_.kept_max, .oldest = clock_.wall() - options_.kept_for});
    if (done) metrics_.kept.add(news.kept.size());
  }
  if (!done) book.put_back(std::move(news));
  return done;
}

/// Ops' word: nothing is held until then, and what was held goes.
Result<void> RemovalKeeper::obey(RemovalBook& book, WallTime until) {
  std::size_t removed = 0;
  for (;;) {
    const auto told = store_->remove_held(book.certificate(), options_.commit_max);
    if (!told) return std::unexpected(told.error());
    removed += told->removed;
    metrics_.removed.add(told->removed);
    if (told->looked_at < options_.commit_max) break;
  }
  book.approve(clock_.mono() + (until - clock_.wall()));
  log_.info("worker.token_removals_approved",
            {observe::kv("vendor", name_of(book.vendor())), observe::kv("certificate", book.certificate().value),
             observe::kv("removed", removed), observe::kv("until_ms", to_ms(until)),
             observe::kv("why", "ops approved them (nightpost cert approve-removals); until then none is held")});
  return {};
}

void RemovalKeeper::note(const Result<void>& looked) {
  const std::string before = std::exchange(trouble_, looked ? std::string() : looked.error().detail);
  if (looked) return;
  metrics_.errors.add();
  if (before != trouble_)
    log_.warn("worker.token_removals_not_kept",
              {observe::kv("why", trouble_),
               observe::kv("todo", "see the store; what is held stays in memory, and is written once it takes it")});
}

}  // namespace nightpost::app
