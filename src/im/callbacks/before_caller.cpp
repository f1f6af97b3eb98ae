#include "im/callbacks/before_caller.h"

#include <algorithm>
#include <utility>

namespace nightpost::im {
namespace {

constexpr int kBeforeFailingFrom = 3;  // questions in a row

bool before_fails(int failed_in_row) noexcept { return failed_in_row >= kBeforeFailingFrom; }

}  // namespace

BeforeCaller::BeforeCaller(Parts parts, BeforeCallerOptions options)
    : parts_(parts), options_(std::move(options)), self_(std::make_shared<BeforeCaller*>(this)) {
  for (const auto& [id, target] : options_.targets) apps_.emplace(id, App{.target = target});
}

BeforeCaller::~BeforeCaller() { *self_ = nullptr; }

void BeforeCaller::ask(BeforeQuestion question, Heard heard) {
  const auto app = apps_.find(question.app);
  if (app == apps_.end()) return later(std::move(heard), {});
  app->second.waiting.push_back({std::move(question), std::move(heard)});
  turn(app->first, app->second);
}

void BeforeCaller::turn(AppId id, App& app) {
  while (!app.waiting.empty()) {
    const bool fails = before_fails(app.failed_in_row);
    const bool may_ask = fails ? app.open == 0 && parts_.loop.now() >= app.probe_at : app.open < options_.open_max;
    if (!may_ask && !fails) return;  // an answer comes first
    Asked next = std::move(app.waiting.front());
    app.waiting.pop_front();
    if (may_ask)
      post(id, app, std::move(next));
    else
      later(std::move(next.heard), without_answer(app));
  }
}

void BeforeCaller::post(AppId id, App& app, Asked asked) {
  ++app.open;
  const std::string number = std::to_string(to_ms(parts_.clock.wall())) + "-" + std::to_string(++questions_);
  const CallbackJob job{.app = id,
                        .command = std::string(traits_of(asked.question.what).command),
                        .client_ip = asked.question.client_ip,
                        .platform = asked.question.platform,
                        .body = asked.question.body};
  auto made = before_post(app.target.target, job, number, parts_.clock.wall());
  auto done = [self = self_, id, asked = std::move(asked)](const Result<CallbackAnswer>& answer) mutable {
    if (*self != nullptr) (**self).answered(id, asked.question, std::move(asked.heard), answer);
  };
  if (made)
    parts_.questioner.ask(*std::move(made), options_.timeout, std::move(done));
  else
    parts_.loop.post([done = std::move(done), error = std::move(made.error())]() mutable {
      done(std::unexpected(std::move(error)));
    });
}

void BeforeCaller::answered(AppId id, const BeforeQuestion& question, Heard heard,
                            const Result<CallbackAnswer>& answer) {
  App& app = apps_.at(id);
  --app.open;
  auto verdict = answer ? before_answer(question.what, answer->status, answer->body, options_.answers)
                        : Result<BeforeVerdict>(std::unexpected(answer.error()));
  const bool failed_before = before_fails(app.failed_in_row);
  // A server that answers is up, whatever it says: else a user whose messages it answers badly would have those of all
  // others pass unasked.
  if (answer && answer->status / 100 == 2) {
    app.failed_in_row = 0;
    if (failed_before && parts_.log != nullptr)
      parts_.log->info("im.before_callbacks_answered_again", {observe::kv("app", id.value)});
    if (verdict) {
      app.bad_in_row = 0;
      count(*verdict);
    } else {
      parts_.metrics.failed.add();
      if (++app.bad_in_row == kBeforeFailingFrom && parts_.log != nullptr)
        parts_.log->warn("im.before_callbacks_answered_badly",
                         {observe::kv("app", id.value), observe::kv("why", verdict.error().detail)});
      verdict = without_answer(app);
    }
  } else {
    if (!failed_before || app.open == 0) ++app.failed_in_row;  // those that fail together do not double the wait each
    parts_.metrics.failed.add();
    if (before_fails(app.failed_in_row)) {
      const int failures = std::min(app.failed_in_row - kBeforeFailingFrom, 20);
      app.probe_at =
          parts_.loop.now() + std::min(options_.retry_first * (std::int64_t{1} << failures), options_.retry_max);
      if (!failed_before && parts_.log != nullptr)
        parts_.log->warn("im.before_callbacks_failing",
                         {observe::kv("app", id.value), observe::kv("why", verdict.error().detail),
                          observe::kv("requests", app.target.closed ? "refused" : "let by")});
    }
    verdict = without_answer(app);
  }
  const auto fails = [](const auto& each) { return before_fails(each.second.failed_in_row); };
  parts_.metrics.failing.set(static_cast<std::uint64_t>(std::ranges::count_if(apps_, fails)));
  turn(id, app);
  heard(*std::move(verdict));
}

void BeforeCaller::later(Heard heard, BeforeVerdict verdict) {
  parts_.loop.post([self = self_, heard = std::move(heard), verdict = std::move(verdict)]() mutable {
    if (*self != nullptr) heard(std::move(verdict));
  });
}

BeforeVerdict BeforeCaller::without_answer(const App& app) {
  (app.target.closed ? parts_.metrics.withheld : parts_.metrics.let_by).add();
  if (!app.target.closed) return {};
  return {
      .is = BeforeVerdict::Is::Refused,
      .refusal = {Code::CallbackFailed, "the app's server, which is asked before this, gives no answer: try again"}};
}

void BeforeCaller::count(const BeforeVerdict& verdict) {
  const bool other = verdict.elements || verdict.cloud_data || verdict.push || !verdict.refused_users.empty();
  switch (verdict.is) {
    case BeforeVerdict::Is::Allowed:
      return (other ? parts_.metrics.changed : parts_.metrics.allowed).add();
    case BeforeVerdict::Is::Refused:
      return parts_.metrics.refused.add();
    case BeforeVerdict::Is::Dropped:
      return parts_.metrics.dropped.add();
  }
}

}  // namespace nightpost::im
