#include "im/service/before_gate.h"

#include <utility>

#include "im/service/command.h"

namespace nightpost::im {

/// Shared with passes and with what the asker hears, which may outlive the gate.
struct BeforeGate::State {
  struct App {
    std::size_t parked = 0;
    std::map<std::string, std::deque<Begin>> lines;  // behind the one that is at work
  };

  State(const BeforeWishes& of, BeforeGateMetrics* counts) : wishes(of), metrics(counts) {}

  void count(std::ptrdiff_t more) {
    parked += static_cast<std::size_t>(more);
    if (metrics != nullptr) metrics->parked.set(parked);
  }

  const BeforeWishes wishes;
  BeforeGateMetrics* const metrics;
  BeforeAsker* asker = nullptr;
  std::map<AppId, App> apps;
  std::size_t parked = 0;               // of all
  std::map<std::uint64_t, Told> asked;  // by number
  std::uint64_t questions = 0;
  bool closed = false;
};

BeforeGate::BeforeGate(const BeforeWishes& wishes, BeforeGateMetrics* metrics)
    : state_(std::make_shared<State>(wishes, metrics)) {}

BeforeGate::~BeforeGate() { close(); }

void BeforeGate::set_asker(BeforeAsker* asker) { state_->asker = asker; }

bool BeforeGate::asks(AppId app, Before what) const {
  const auto wanted = state_->wishes.wanted.find(app);
  return state_->asker != nullptr && wanted != state_->wishes.wanted.end() && wanted->second.contains(what);
}

bool BeforeGate::enter(AppId app, std::string line, Begin begin) {
  if (state_->closed) return false;
  State::App& of = state_->apps[app];
  const auto full = [&] {
    if (state_->metrics != nullptr) state_->metrics->full.add();
    return false;
  };
  if (of.parked >= state_->wishes.parked_max) return full();
  bool first = true;
  if (!line.empty()) {
    const auto [at, is_new] = of.lines.try_emplace(line);
    first = is_new;
    if (!first && at->second.size() >= state_->wishes.line_max) return full();
    if (!first) at->second.push_back(std::move(begin));
  }
  ++of.parked;
  state_->count(1);
  if (first) begin(Pass(state_, app, std::move(line)));
  return true;
}

void BeforeGate::ask(BeforeQuestion question, Told told) {
  if (state_->closed || state_->asker == nullptr) return told(std::unexpected(not_run()));
  const std::uint64_t number = ++state_->questions;
  state_->asked.emplace(number, std::move(told));
  state_->asker->ask(std::move(question), [state = state_, number](BeforeVerdict verdict) {
    if (auto found = state->asked.extract(number)) found.mapped()(std::move(verdict));
  });
}

void BeforeGate::close() {
  state_->closed = true;
  for (auto& [number, told] : std::exchange(state_->asked, {})) told(std::unexpected(not_run()));
  for (auto& [id, app] : state_->apps)
    for (auto& [line, waiting] : app.lines)
      for (Begin& begin : std::exchange(waiting, {})) {
        --app.parked;
        state_->count(-1);
        begin(std::unexpected(not_run()));
      }
}

BeforeGate::Pass& BeforeGate::Pass::operator=(Pass&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(app_, other.app_);
  std::swap(line_, other.line_);
  return *this;
}

void BeforeGate::Pass::leave() noexcept {
  const std::shared_ptr<State> state = std::exchange(state_, nullptr);
  if (!state) return;
  State::App& app = state->apps[app_];
  --app.parked;
  state->count(-1);
  if (line_.empty() || state->closed) return;  // what waits is close()'s to refuse
  const auto line = app.lines.find(line_);
  if (line == app.lines.end()) return;
  if (line->second.empty()) {
    app.lines.erase(line);
    return;
  }
  Begin next = std::move(line->second.front());
  line->second.pop_front();
  next(Pass(state, app_, std::move(line_)));
}

}  // namespace nightpost::im
