#include "im/service/writer.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "core/device.h"
#include "im/service/commit_log.h"

namespace nightpost::im {
namespace {

// At a server that is away; the connection has a back-off of its own.
constexpr milliseconds kLookAgain{20};
constexpr milliseconds kHealAgain{100};
constexpr milliseconds kSayDropped{10'000};  // between two log lines that callbacks were dropped

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  if (to.empty())
    to = std::move(from);
  else
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void append(Committed& to, Committed&& from) {
  append(to.deliveries, std::move(from.deliveries));
  append(to.intents, std::move(from.intents));
  append(to.follow_ups, std::move(from.follow_ups));
  append(to.recalled, std::move(from.recalled));
  append(to.read, std::move(from.read));
  append(to.ended, std::move(from.ended));
  append(to.group_intents, std::move(from.group_intents));
  append(to.callbacks, std::move(from.callbacks));
  to.mass_push = to.mass_push || from.mass_push;
}

Result<void> remove_if_there(store::Store& store, const Tables::Unbind& from, std::string_view device) {
  auto removed = store.remove_device(from.who.app, from.who.user, device);
  if (!removed && removed.error().code != Errc::NotFound) return removed;
  return {};
}

/// The device's row, and that of its VoIP token, if the app's server set one: calls would ring it for who has left.
Result<void> unbind_rows(store::Store& store, const Tables::Unbind& from) {
  if (auto removed = remove_if_there(store, from, from.device); !removed) return removed;
  const auto rows = store.devices(from.who.app, from.who.user, std::numeric_limits<std::size_t>::max());
  if (!rows) return std::unexpected(rows.error());
  const auto voip = std::ranges::find_if(*rows, [&](const store::Store::DeviceRow& row) {
    return row.device.token.kind() == TokenKind::Voip && is_voip_id(row.device.device_id) &&
           phone_of(row.device.device_id) == from.device;
  });
  return voip == rows->end() ? Result<void>() : remove_if_there(store, from, voip->device.device_id);
}

}  // namespace

Writer::Writer(Tables tables, Node& node, std::unique_ptr<store::Store> push_store, const ServiceOptions& options,
               const RuleCell& rules, const Clock& clock, observe::Log& log, std::shared_ptr<Mailbox> mailbox,
               ServiceMetrics* metrics)
    : tables_(std::move(tables)),
      node_(node),
      push_store_(std::move(push_store)),
      options_(options),
      rules_(rules),
      clock_(clock),
      log_(log),
      mailbox_(std::move(mailbox)),
      metrics_(metrics),
      unbind_(tables_.unbinds()),  // of a process that was killed
      thread_([this] {
        pthread_setname_np(pthread_self(), "im-writer");
        run();
      }) {}

Writer::~Writer() { stop({}); }

bool Writer::add(std::unique_ptr<Command>& command, Kind kind) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || (kind == Kind::Call && waiting_.size() >= options_.queue_max)) return false;
    waiting_.push_back(std::move(command));
  }
  changed_.notify_one();
  return true;
}

std::vector<std::unique_ptr<Command>> Writer::stop(std::vector<std::unique_ptr<Command>> last) {
  {
    const std::lock_guard lock(mutex_);
    if (!stop_) last_ = std::move(last);
    stop_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  Batch never_run(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  return never_run;
}

void Writer::run() {
  if (!in_order())
    unbind_pending();
  else if (!unbind_.empty())
    execute({});
  for (;;) {
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return stop_ || !waiting_.empty(); };
      if (trouble_.empty()) {
        changed_.wait(lock, woken);
      } else if (!changed_.wait_for(lock, kHealAgain, woken)) {
        lock.unlock();
        heal();
        continue;
      }
      if (stop_) {
        batch = std::exchange(last_, {});
      } else {
        take_waiting(batch);
      }
    }
    const bool over = batch.empty();
    if (!over) execute(std::move(batch));
    if (over) break;
  }
}

void Writer::take_waiting(Batch& batch) {
  const std::size_t most = std::max<std::size_t>(options_.batch_max, 1);
  while (!waiting_.empty() && batch.size() < most) {
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

/// Others have committed meanwhile: what came since shares this commit, instead of a wait of its own.
void Writer::begin_batch(Batch& batch, std::int64_t number) {
  const std::lock_guard lock(mutex_);
  if (number > 0) in_hand_.push_back(number);
  if (!stop_) take_waiting(batch);
}

std::int64_t Writer::in_hand() const {
  const std::lock_guard lock(mutex_);
  return in_hand_.empty() ? 0 : in_hand_.front();
}

void Writer::taken(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  std::erase(in_hand_, number);
}

/// Also where nobody asks: who is told that we are not ready sends nobody.
void Writer::heal() {
  if (node_.begin(tables_.database())) set_trouble("");
}

void Writer::execute(Batch batch) {
  Done done;
  bool goes_on = run_batch(std::move(batch), done);
  while (goes_on && in_order() && !unbind_.empty()) {
    Done next;
    goes_on = run_batch({}, next) && !unbind_fails_;
    mailbox_->put(std::exchange(done, std::move(next)));
  }
  mailbox_->put(std::move(done));
}

/// False: it was not committed.
bool Writer::run_batch(Batch batch, Done& done) {
  std::vector<AfterCommit> after;
  const auto refusal = commit(batch, done.told, after);
  if (refusal) {
    taken(done.told.number);  // whoever commits next has it
    done.told = {};
    for (const auto& command : batch) command->fail(*refusal);
  } else {
    done.set_back = std::exchange(set_back_, false);
    write_to_push_store(after);
  }
  done.commands = std::move(batch);
  return !refusal;
}

std::optional<Refusal> Writer::commit(Batch& batch, Committed& told, std::vector<AfterCommit>& after) {
  tables_.forget_failure();
  sql::Database& database = tables_.database();
  const MonoTime asked = clock_.mono();
  auto transaction = node_.begin(database);
  if (metrics_ != nullptr)
    metrics_->commit_wait_us.add(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(clock_.mono() - asked).count()));
  if (!transaction) {
    if (database.server() != nullptr) set_trouble(transaction.error().detail);
    return refusal_of(transaction.error());
  }
  if (node_.take_set_back()) {
    set_back_ = true;
    log_.error("im.store_set_back", {observe::kv("number", node_.number())});
  }
  begin_batch(batch, told.number = node_.number());
  for (const Tables::Unbind& each : unbound_) tables_.finish_unbind(each);
  // What could not be done at once may have been made void by a device that registered at another node since.
  if (!unbind_.empty()) {
    std::vector<Tables::Unbind> standing = tables_.unbinds();
    // Rows that could not be read are not gone: forgotten here, those tokens would stay until the next start.
    if (const auto failure = tables_.failure()) return refusal_of(*failure);
    unbind_ = std::move(standing);
  }
  if (in_order()) unbind_in_order();
  for (const auto& command : batch)
    if (tables_.failure() || !run_one(*command, told, after))
      return refusal_of(tables_.failure().value_or(Error{Errc::Io, "im store: the transaction was ended"}));
  if (in_order())
    for (const AfterCommit& each : after) each.command->write_push_store(*push_store_);
  if (told.number > 0 && shared_ && options_.commits_logged > 0)
    if (auto done = node_.log(database, encode_concerned(concerned_by(told))); !done) return refusal_of(done.error());
  if (auto done = node_.commit(database, *transaction); !done) {
    const Refusal refusal = refusal_of(done.error());
    if (!database.lost()) return refusal;
    if (auto refused = learn_commit()) return refused;
  }
  unbound_.clear();
  set_trouble("");
  count_callbacks();
  if (metrics_ != nullptr) {
    metrics_->commits.add();
    metrics_->commands.add(batch.size());
  }
  return std::nullopt;
}

bool Writer::run_one(Command& command, Committed& told, std::vector<AfterCommit>& after) {
  Work work{.tables = tables_,
            .options = options_,
            .rules = rules_.get(),
            .now = clock_.wall(),
            .callback_room = &callback_room_};
  tables_.mark();
  command.run(work);
  tables_.settle();
  if (const auto failure = tables_.failure()) {
    if (!tables_.back_to_mark()) return false;
    command.fail(refusal_of(*failure));
    return true;
  }
  tables_.release_mark();
  append(told, std::move(work.told));
  after.push_back({&command, std::move(work.unbound), std::move(work.rebound)});
  return !tables_.failure();
}

Refusal Writer::refusal_of(const Error& error) {
  log_.error("im.write_failed", {observe::kv("code", name_of(error.code)), observe::kv("why", error.detail)});
  if (error.code == Errc::Malformed) return {Code::Internal, "the store refused it: nothing happened"};
  if (tables_.database().lost()) set_trouble(error.detail);
  return {Code::Busy, "the store is busy or away: nothing happened, try again"};
}

std::optional<Refusal> Writer::learn_commit() {
  if (metrics_ != nullptr) metrics_->commits_unknown.add();
  for (;;) {
    const auto happened = node_.happened(tables_.database());
    if (happened) {
      log_.warn("im.commit_learnt", {observe::kv("happened", *happened)});
      if (*happened) return std::nullopt;
      return Refusal{Code::Busy, "the store was lost before it was written: nothing happened, try again"};
    }
    set_trouble(happened.error().detail);
    if (node_.deposed() || !refuse_waiting())
      return Refusal{Code::Busy, "the store went away: whether it happened is not known, try again"};
  }
}

bool Writer::refuse_waiting() {
  Done done;
  bool goes_on = true;
  {
    std::unique_lock lock(mutex_);
    goes_on = !changed_.wait_for(lock, kLookAgain, [this] { return stop_; });
    if (!goes_on) return false;
    done.commands.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_.clear();
  }
  for (const auto& command : done.commands) command->fail(not_run());
  if (!done.commands.empty()) mailbox_->put(std::move(done));
  return true;
}

void Writer::count_callbacks() {
  const std::uint64_t dropped = callback_room_.dropped() - callbacks_dropped_;
  if (const MonoTime now = clock_.mono(); dropped > 0 && now >= say_dropped_at_) {
    say_dropped_at_ = now + kSayDropped;
    callbacks_dropped_ += dropped;
    log_.warn("im.callbacks_dropped", {observe::kv("count", dropped)});
  }
  if (metrics_ == nullptr) return;
  metrics_->callbacks.set(callback_room_.taken());
  metrics_->callbacks_dropped.set(callback_room_.dropped());
}

std::string Writer::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void Writer::set_trouble(std::string trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

void Writer::write_to_push_store(std::vector<AfterCommit>& after) {
  for (AfterCommit& each : after) {
    for (const Tables::Unbind& device : each.rebound) std::erase(unbind_, device);
    append(unbind_, std::move(each.unbound));
    if (in_order()) continue;
    unbind_pending();
    each.command->write_push_store(*push_store_);
  }
}

/// REQUIRED: unbind_ is what stands in the transaction.
void Writer::unbind_in_order() {
  const std::size_t before = unbound_.size();
  unbind_fails_ = !unbind_pending();
  for (std::size_t i = before; i < unbound_.size(); ++i) tables_.finish_unbind(unbound_[i]);
}

bool Writer::unbind_pending() {
  while (!unbind_.empty()) {
    Tables::Unbind& first = unbind_.front();
    const auto removed = unbind_rows(*push_store_, first);
    if (!removed) {  // a row stands; the next commit tries again
      log_.error("im.unbind_failed", {observe::kv("why", removed.error().detail)});
      return false;
    }
    unbound_.push_back(std::move(first));
    unbind_.erase(unbind_.begin());
  }
  return true;
}

}  // namespace nightpost::im
