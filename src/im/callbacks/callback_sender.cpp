#include "im/callbacks/callback_sender.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nightpost::im {
namespace {

constexpr std::size_t kCallbackPage = 200;
constexpr int kFailingFrom = 3;  // posts in a row
constexpr std::chrono::seconds kPostBurst{1};
constexpr milliseconds kNextOld{100};  // between pages that are given up unposted, so that the store keeps up

bool is_failing(int failed_in_row) noexcept { return failed_in_row >= kFailingFrom; }

std::string why_of(const Result<int>& status) {
  return status ? "its answer has HTTP status " + std::to_string(*status) : status.error().detail;
}

}  // namespace

CallbackSender::CallbackSender(Parts parts, CallbackSenderOptions options)
    : parts_(parts),
      options_(std::move(options)),
      timer_(parts_.loop.make_timer([this] { wake(); })),
      self_(std::make_shared<CallbackSender*>(this)) {
  for (const auto& [id, target] : options_.targets) apps_.emplace(id, App{.id = id, .target = target});
}

CallbackSender::~CallbackSender() { *self_ = nullptr; }

void CallbackSender::start() {
  for (auto& [id, app] : apps_) turn(app);
}

void CallbackSender::committed(const Committed& what) {
  for (const AppId id : what.callbacks)
    if (const auto app = apps_.find(id); app != apps_.end()) app->second.more = true;
  for (auto& [id, app] : apps_)
    if (app.more && !app.reading) turn(app);
}

bool CallbackSender::idle() const noexcept {
  return std::ranges::all_of(apps_, [](const auto& each) { return each.second.open == 0; });
}

/// One app's rows are walked, not all apps': what happens to one costs as much as it holds.
void CallbackSender::turn(App& app) {
  if (draining_) return;
  give_up_old(app);
  read(app);
  post_due(app);
  app.next = due(app);
  arm();
  measure();
}

void CallbackSender::wake() {
  const MonoTime now = parts_.loop.now();
  for (auto& [id, app] : apps_)
    if (app.next <= now) turn(app);
  arm();
}

void CallbackSender::arm() {
  const auto soonest = std::ranges::min_element(apps_, {}, [](const auto& each) { return each.second.next; });
  if (soonest != apps_.end() && soonest->second.next != MonoTime::max()) timer_->arm(soonest->second.next);
}

/// While the server fails its posts are too few to give up what is too old one by one: the store would stay full of it.
void CallbackSender::give_up_old(App& app) {
  if (!is_failing(app.failed_in_row)) return;
  const WallTime now = parts_.clock.wall();
  std::size_t count = 0;
  for (auto at = app.held.begin(); at != app.held.end();) {
    const auto& [id, held] = *at++;
    if (now - held.job.at <= options_.kept) break;  // as are those behind it
    if (held.open) continue;
    ++count;
    settle(app, id);
  }
  if (count == 0) return;
  app.read_at = parts_.loop.now() + kNextOld;
  parts_.metrics.given_up.add(count);
  if (parts_.log != nullptr)
    parts_.log->warn("im.callback_given_up", {observe::kv("app", app.id.value), observe::kv("count", count)});
}

void CallbackSender::read(App& app) {
  if (!app.more || app.reading || app.held.size() > options_.held_max / 2 || parts_.loop.now() < app.read_at) return;
  app.reading = true;
  app.more = false;  // a commit from now on says so again
  const std::size_t limit = std::min(kCallbackPage, options_.held_max - app.held.size());
  parts_.book.callbacks(app.id, app.read_to, limit,
                        [self = self_, id = app.id, limit](Answer<std::vector<CallbackJob>> rows) {
                          if (*self == nullptr) return;
                          CallbackSender& sender = **self;
                          App& to = sender.apps_.at(id);
                          to.reading = false;
                          if (!rows) {
                            to.more = true;
                            to.read_at = sender.parts_.loop.now() + sender.options_.retry_first;
                            return sender.turn(to);
                          }
                          to.more = to.more || rows->size() == limit;
                          for (CallbackJob& job : *rows) {
                            to.read_to = std::max(to.read_to, job.id);
                            const std::int64_t key = job.id;
                            to.held.emplace(key, Held{.job = std::move(job)});
                          }
                          sender.turn(to);
                        });
}

void CallbackSender::post_due(App& app) {
  const MonoTime now = parts_.loop.now();
  while (app.open < (is_failing(app.failed_in_row) ? 1 : options_.open_max)) {
    if ((is_failing(app.failed_in_row) && now < app.probe_at) || now < post_at(app)) return;
    if (!post_next(app, now)) return;
    app.paced_to = std::max(app.paced_to, now) + post_takes();
  }
}

/// The oldest that is due, and what can share its request. While the server fails it is the one that was tried least:
/// else one that is never taken would be every probe, and hold all others.
bool CallbackSender::post_next(App& app, MonoTime now) {
  const auto waits = [now](const auto& each) { return !each.second.open && each.second.due <= now; };
  auto first = std::ranges::find_if(app.held, waits);
  if (first == app.held.end()) return false;
  if (is_failing(app.failed_in_row))
    for (auto at = std::next(first); at != app.held.end() && first->second.tries > 0; ++at)
      if (waits(*at) && at->second.tries < first->second.tries) first = at;
  std::vector<std::int64_t> ids;
  std::vector<const CallbackJob*> jobs;
  for (auto at = first; at != app.held.end() && ids.size() < kPushResultsMax; ++at) {
    if (at != first && (!waits(*at) || !may_share_post(first->second.job, at->second.job))) continue;
    at->second.open = true;
    ids.push_back(at->first);
    jobs.push_back(&at->second.job);
    if (!may_share_post(first->second.job, first->second.job)) break;
  }
  ++app.open;
  auto made = callback_post(app.target, jobs, parts_.clock.wall());
  auto heard = [self = self_, id = app.id, ids = std::move(ids)](const Result<int>& status) {
    if (*self != nullptr) (**self).posted(id, ids, status);
  };
  if (made)
    parts_.poster.post(*std::move(made), std::move(heard));
  else
    parts_.loop.post([heard = std::move(heard), error = std::move(made.error())] { heard(std::unexpected(error)); });
  return true;
}

void CallbackSender::posted(AppId id, const std::vector<std::int64_t>& ids, const Result<int>& status) {
  App& app = apps_.at(id);
  --app.open;
  const bool taken = status && *status / 100 == 2;
  const bool failed = is_failing(app.failed_in_row);
  if (taken) {
    app.failed_in_row = 0;
    parts_.metrics.taken.add(ids.size());
    if (failed && parts_.log != nullptr) parts_.log->info("im.callbacks_taken_again", {observe::kv("app", id.value)});
    for (const std::int64_t job : ids) settle(app, job);
    return turn(app);
  }
  if (!failed || app.open == 0) ++app.failed_in_row;  // posts that fail together do not double the wait each
  parts_.metrics.failed.add();
  const std::string why = why_of(status);
  if (is_failing(app.failed_in_row)) {
    app.probe_at = parts_.loop.now() + wait_after(app.failed_in_row - kFailingFrom);
    if (!failed && parts_.log != nullptr)
      parts_.log->warn("im.callbacks_failing", {observe::kv("app", id.value), observe::kv("why", why)});
  }
  for (const std::int64_t job : ids)
    if (const auto held = app.held.find(job); held != app.held.end()) not_taken(app, held->second, why);
  turn(app);
}

void CallbackSender::not_taken(App& app, Held& held, const std::string& why) {
  held.open = false;
  held.due = parts_.loop.now() + wait_after(held.tries++);
  if (parts_.clock.wall() - held.job.at <= options_.kept) return;
  parts_.metrics.given_up.add();
  if (parts_.log != nullptr)
    parts_.log->warn("im.callback_given_up",
                     {observe::kv("app", app.id.value), observe::kv("command", held.job.command),
                      observe::kv("id", held.job.id), observe::kv("tries", held.tries), observe::kv("why", why)});
  settle(app, held.job.id);
}

void CallbackSender::settle(App& app, std::int64_t id) {
  parts_.book.callback_settled(id);
  app.held.erase(id);
}

/// When there is something to do again.
MonoTime CallbackSender::due(const App& app) const {
  MonoTime next = MonoTime::max();
  if (app.more && !app.reading && app.held.size() <= options_.held_max / 2) next = app.read_at;
  const bool failing = is_failing(app.failed_in_row);
  if (app.open >= (failing ? 1 : options_.open_max)) return next;  // an answer comes first
  const MonoTime earliest = failing ? std::max(post_at(app), app.probe_at) : post_at(app);
  for (const auto& [id, held] : app.held)
    if (!held.open) next = std::min(next, std::max(held.due, earliest));
  return next;
}

std::chrono::nanoseconds CallbackSender::post_takes() const {
  return std::chrono::nanoseconds(kPostBurst) / options_.per_second;
}

MonoTime CallbackSender::post_at(const App& app) const { return app.paced_to - (kPostBurst - post_takes()); }

milliseconds CallbackSender::wait_after(int failures) const {
  const auto doubled = options_.retry_first.count() << std::min(failures, 20);
  return milliseconds(std::min<std::int64_t>(doubled, options_.retry_max.count()));
}

void CallbackSender::measure() {
  std::size_t held = 0, failing = 0;
  for (const auto& [id, app] : apps_) {
    held += app.held.size();
    failing += is_failing(app.failed_in_row) ? 1 : 0;
  }
  parts_.metrics.held.set(held);
  parts_.metrics.failing.set(failing);
}

}  // namespace nightpost::im
