// The calls of CallService on the loop, and the timer of their ends.
#include <algorithm>
#include <set>
#include <utility>

#include "im/domain/names.h"
#include "im/domain/push_info.h"
#include "im/service/call_commands.h"
#include "im/service/checks.h"
#include "im/service/store_service.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kSweepAgain{1'000};   // after the store could not be written
constexpr milliseconds kSweepLater{60'000};  // at most, so that a wall clock that was set is found

Answer<CallDraft> checked_invite(CallInvite&& invite, const CallLimits& limits) {
  if (invite.to.empty() == invite.group.empty()) return refuse(Code::Malformed, "to, group: one of them");
  auto ok = invite.group.empty() ? check_user_id(invite.to, "to") : check_group_id(invite.group);
  if (ok && invite.group.empty() != invite.users.empty())
    ok = refuse(Code::Malformed, "users: 1-" + std::to_string(limits.invited_max) + " of a group, else none");
  if (ok && invite.users.size() > limits.invited_max)
    ok = refuse(Code::Malformed, "users: not 1-" + std::to_string(limits.invited_max));
  std::set<std::string_view> named;
  for (const std::string& user : invite.users) {
    if (ok) ok = check_user_id(user, "users");
    if (ok && !named.insert(user).second) ok = refuse(Code::Malformed, "users: one is named twice");
  }
  if (ok) ok = check_client_id(invite.client_id);
  if (ok && (invite.timeout < milliseconds(0) || invite.timeout > limits.timeout_max))
    ok = refuse(Code::Malformed, "timeout_ms: not in 0-" + std::to_string(limits.timeout_max.count()));
  if (ok) ok = check_text(invite.data, "data", limits.data_bytes_max);
  if (ok) ok = check_text(invite.desc, "desc", limits.data_bytes_max);
  if (!ok) return std::unexpected(std::move(ok.error()));
  auto push = check_push(invite.push);
  if (!push) return std::unexpected(std::move(push.error()));
  return CallDraft{std::move(invite), std::move(push->canonical), push->disabled};
}

}  // namespace

void StoreService::invite_to_call(const Terminal& who, CallInvite invite, Reply<CallReply> reply) {
  auto draft = checked_invite(std::move(invite), options_.calls);
  if (!draft) return refuse_later(std::move(draft.error()), std::move(reply));
  const std::string& to = draft->invite.to;
  const bool in_group = to.empty();
  std::string line = in_group ? line_of_group(draft->invite.group) : line_of_chat(who.user.user, to);
  write_asked<CallReply>(
      in_group ? Before::GroupSend : Before::Send, actor_of(who), std::move(line), *std::move(draft),
      [](Work& work, const Actor& by, const CallDraft& asked) { return im::invite_to_call(work, *by.terminal, asked); },
      Reply<CallReply>([this, reply = std::move(reply)](Answer<CallReply> made) mutable {
        if (made && !made->repeated && around_.metrics != nullptr) around_.metrics->calls.add();
        if (made && made->until) sweep_calls_at(*made->until);
        reply(std::move(made));
      }));
}

void StoreService::answer_call(const Terminal& who, CallAnswer answer, Reply<SendReply> reply) {
  auto ok = check_text(answer.data, "data", options_.calls.data_bytes_max);
  if (ok && (answer.step == CallStep::Invite || answer.step == CallStep::TimeOut))
    ok = refuse(Code::Malformed, "step: not one of cancel, accept, reject");
  if (!ok) return refuse_later(std::move(ok.error()), std::move(reply));
  write<SendReply>([who, answer = std::move(answer)](Work& work) { return im::answer_call(work, who, answer); },
                   std::move(reply));
}

void StoreService::open_calls(const Terminal& who, Reply<std::vector<OpenCall>> reply) {
  look<std::vector<OpenCall>>([who](Work& work) { return im::open_calls(work, who); }, std::move(reply));
}

/// Unless an earlier one stands.
void StoreService::sweep_calls_at(WallTime until) {
  if (stopped_ || sweeping_calls_) return;
  const milliseconds wait = std::chrono::ceil<milliseconds>(until - around_.clock.wall());
  const MonoTime at = around_.loop.now() + std::clamp(wait, milliseconds(0), kSweepLater);
  if (at >= calls_at_) return;
  calls_at_ = at;
  calls_timer_->arm(at);
}

void StoreService::sweep_calls() {
  if (stopped_ || std::exchange(sweeping_calls_, true)) return;
  calls_at_ = MonoTime::max();
  write(make_command<CallSweep>(
            [](Work& work) { return im::end_calls(work); }, Reply<CallSweep>([this](const Answer<CallSweep>& swept) {
              sweeping_calls_ = false;
              if (swept && around_.metrics != nullptr) around_.metrics->calls_timed_out.add(swept->ended);
              const WallTime now = around_.clock.wall();
              if (!swept)
                sweep_calls_at(now + kSweepAgain);
              else if (swept->more)
                sweep_calls_at(now);
              else
                sweep_calls_at(std::min(swept->next.value_or(now + kSweepLater), now + kSweepLater));
            })),
        Writer::Kind::Upkeep);
}

}  // namespace nightpost::im
