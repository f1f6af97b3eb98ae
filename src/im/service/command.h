// A call on its way: made on the loop, run on a thread, answered on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/codes.h"
#include "im/service/app_rules.h"
#include "im/service/callback_room.h"
#include "im/service/service.h"
#include "im/service/service_options.h"
#include "im/store/tables.h"
#include "store/store.h"

namespace nightpost::im {

/// What a command works with. Its writes are undone where the tables fail; where a rule refuses, it has written nothing
/// (but login, which takes a displaced terminal's mark away).
struct Work {
  Tables& tables;
  const ServiceOptions& options;
  std::shared_ptr<const RuleBook> rules;  // never null; the options of apps, where theirs differ
  WallTime now{};
  Committed told;                         // of this command
  std::vector<Tables::Unbind> unbound;    // tokens to be taken away after the commit; the rows are written
  std::vector<Tables::Unbind> rebound;    // devices that register anew: an earlier unbinding does not concern them
  CallbackRoom* callback_room = nullptr;  // the writer's; null: nothing is written, as in a look
  bool words_marked = false;              // the message holds a word that the app's server is to hear of
  /// Not null: a look ahead (before_questions.h). The command ends where it would write, and leaves here what the app's
  /// server is to be asked; one that is refused, or over already, leaves nothing.
  std::string* question = nullptr;

  const AppSettings& settings(AppId app) const noexcept { return rules->of(app).settings; }
};

class Command {
 public:
  virtual ~Command() = default;
  virtual void run(Work& work) = 0;  // on the thread, inside the transaction
  /// On the writer's thread: after the commit, or, where several nodes write, at its end (Writer).
  virtual void write_push_store(store::Store&) {}
  virtual void fail(const Refusal& refusal) = 0;  // instead of what run() found
  virtual void answer() = 0;                      // on the loop, once
};

/// What a command that was never run answers.
inline Refusal not_run() { return {Code::Busy, "the server is busy or stopping: nothing happened, try again"}; }

template <class T, class Run>
class CommandOf final : public Command {
 public:
  CommandOf(Run run, Reply<T> reply) : run_(std::move(run)), reply_(std::move(reply)) {}
  void run(Work& work) override { result_ = run_(work); }
  void fail(const Refusal& refusal) override { result_ = std::unexpected(refusal); }
  void answer() override { reply_(std::move(result_)); }

 private:
  Run run_;
  Reply<T> reply_;
  Answer<T> result_ = std::unexpected(not_run());
};
template <class T, class Run>
std::unique_ptr<Command> make_command(Run run, Reply<T> reply) {
  return std::make_unique<CommandOf<T, Run>>(std::move(run), std::move(reply));
}

/// The second half of a command, on the dispatcher's store.
using PushStep = std::move_only_function<Answer<void>(store::Store&)>;

class PushCommand final : public Command {
 public:
  using Run = std::move_only_function<Answer<PushStep>(Work&)>;
  PushCommand(Run run, Reply<void> reply) : run_(std::move(run)), reply_(std::move(reply)) {}
  void run(Work& work) override { step_ = run_(work); }
  void write_push_store(store::Store& store) override {
    if (step_) result_ = (*step_)(store);
  }
  void fail(const Refusal& refusal) override { step_ = std::unexpected(refusal); }
  void answer() override { reply_(step_ ? std::move(result_) : std::unexpected(std::move(step_.error()))); }

 private:
  Run run_;
  Reply<void> reply_;
  Answer<PushStep> step_ = std::unexpected(not_run());
  Answer<void> result_ = std::unexpected(not_run());
};

}  // namespace nightpost::im
