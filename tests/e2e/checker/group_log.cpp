#include "e2e/checker/group_log.h"

#include <algorithm>
#include <utility>

namespace nightpost::e2e::checker {
namespace {

const std::set<std::string> kDone{"0"}, kForbidden{"10007"}, kSilenced{"10017"};

std::string name_of(Role role) { return role == Role::Owner ? "owner" : role == Role::Admin ? "admin" : "member"; }

bool is_among(const std::vector<std::string>& users, const std::string& user) {
  return std::ranges::find(users, user) != users.end();
}

/// Kicks, silences, recalls.
bool leads(const GroupState& state, const Membership* who) {
  return who != nullptr && who->role >= (state.type == "Work" ? Role::Owner : Role::Admin);
}
/// Who left counts as a member.
bool outranks(const Membership& who, const Membership* other) {
  return who.role > (other == nullptr ? Role::Member : other->role);
}

/// Why a tip could not stand behind this state, whose next it makes.
std::string apply_tip(const LogEntry& tip, GroupState& state) {
  const Membership* const by = state.member(tip.from);
  if (tip.users.empty() && tip.kind != "info") return "it concerns nobody";
  if (tip.kind == "join") {
    if (by != nullptr) return "a member joins";
    if (state.type == "Work") return "nobody joins a Work group by himself";
    state.members[tip.from] = {.floor = tip.seq - 1};
    return {};
  }
  if (by == nullptr) return tip.from + " is no member";
  const Membership actor = *by;
  std::string why;
  if (tip.kind == "invite") {
    if (state.type != "Work") why = "members invite nobody";
    for (const std::string& user : tip.users)
      if (!state.members.emplace(user, Membership{.floor = tip.seq - 1}).second) why = user + " is a member already";
  } else if (tip.kind == "quit") {
    if (actor.role == Role::Owner && state.type != "Work") why = "the owner quits";
    state.members.erase(tip.from);
  } else if (tip.kind == "kick") {
    if (!leads(state, by)) why = tip.from + " may not kick";
    for (const std::string& user : tip.users) {
      if (state.member(user) == nullptr) why = user + " was no member";
      if (!outranks(actor, state.member(user))) why = user + " does not stand below " + tip.from;
      state.members.erase(user);
    }
  } else if (tip.kind == "role") {
    const Membership* const target = state.member(tip.users.front());
    if (state.type == "Work" || actor.role != Role::Owner) why = tip.from + " may not give roles";
    if (target == nullptr || target->role == Role::Owner) return "the role of nobody, or of the owner";
    const std::string role = tip.changed.contains("role") ? tip.changed.at("role") : "";
    if (role == name_of(target->role)) why = "the role that it was";
    state.members[tip.users.front()].role = role == "admin" ? Role::Admin : Role::Member;
  } else if (tip.kind == "owner") {
    if (actor.role != Role::Owner) why = tip.from + " is not the owner";
    if (state.member(tip.users.front()) == nullptr) return "the new owner is no member";
    for (auto& [user, member] : state.members)
      if (member.role == Role::Owner) member.role = Role::Member;
    state.members[tip.users.front()].role = Role::Owner;
  } else if (tip.kind == "silence") {
    const Membership* const target = state.member(tip.users.front());
    if (target == nullptr) return "the silence of nobody";
    if (state.type == "Work" || !leads(state, by) || !outranks(actor, target)) why = tip.from + " may not silence";
    state.members[tip.users.front()].silenced_until = tip.until;
  } else if (tip.kind == "info") {
    if (!tip.changed.contains("all_silenced")) return "nobody changed that";
    const bool on = tip.changed.at("all_silenced") == "true";
    if (state.type == "Work" || !leads(state, by)) why = tip.from + " may not silence all";
    if (on == state.all_silenced) why = "it was so before";
    state.all_silenced = on;
  } else {
    return "an unknown tip";
  }
  return why;
}

std::string refusal_of(const LogEntry& message, const GroupState& state) {
  const Membership* const sender = state.member(message.from);
  if (sender == nullptr) return message.from + " is no member";
  if (state.all_silenced && sender->role == Role::Member) return "all are silenced";
  if (sender->silenced_until > message.time) return message.from + " is silenced";
  return {};
}

std::set<std::string> of_send(const GroupState& state, const GroupRequest& request) {
  const Membership* const sender = state.member(request.user);
  if (sender == nullptr) return kForbidden;
  if (state.all_silenced && sender->role == Role::Member) return kSilenced;
  if (sender->silenced_until > request.answered_at) return kSilenced;
  if (sender->silenced_until < request.asked_at) return kDone;
  return {"0", "10017"};
}

std::set<std::string> of_recall(const GroupState& state, const GroupRequest& request) {
  const Membership* const who = state.member(request.user);
  const bool mine = request.sender == request.user;
  const bool named = request.targets.empty() || mine || is_among(request.targets, request.user);
  if (who == nullptr || request.seq <= who->floor || !named) return {"10030"};
  return mine || (leads(state, who) && outranks(*who, state.member(request.sender))) ? kDone : kForbidden;
}

/// An invitation or a kick: a result a user.
std::set<std::string> of_users(const GroupState& state, const GroupRequest& request) {
  const Membership* const who = state.member(request.user);
  const bool kicks = request.op == "group_kick";
  if (kicks ? !leads(state, who) : who == nullptr || state.type != "Work") return kForbidden;
  std::string out = "0";
  for (const json& each : request.body.at("users")) {
    const std::string user = each;
    const Membership* const member = state.member(user);
    std::string result = (member == nullptr) == kicks ? "already" : "done";
    if (kicks && member != nullptr && !outranks(*who, member)) result = "failed";
    out += " " + user + ":" + result;
  }
  return {out};
}

std::set<std::string> of_member_change(const GroupState& state, const GroupRequest& request) {
  const Membership* const who = state.member(request.user);
  if (who == nullptr) return kForbidden;
  if (request.op == "option") return kDone;
  const Membership* const target = state.member(request.body.at("user"));
  if (target == nullptr || state.type == "Work") return kForbidden;
  const bool may = request.op == "role" ? who->role == Role::Owner && target->role != Role::Owner
                                        : leads(state, who) && outranks(*who, target);
  return may ? kDone : kForbidden;
}

/// The tip that a success has left; empty: none is sure.
std::string tip_kind_of(const GroupRequest& request) {
  if (request.op == "group_join" && request.outcome == "0 done") return "join";
  if (request.op == "group_quit") return "quit";
  if (request.op == "silence") return "silence";
  const bool done = request.outcome.contains(":done");
  if (request.op == "group_kick" && done) return "kick";
  if (request.op == "group_invite" && done) return "invite";
  return {};
}

/// Whom its tips name: of a kick or an invitation each user who was done has a tip of his own.
std::vector<std::string> named_by(const GroupRequest& request) {
  if (request.op == "silence") return {request.body.at("user").get<std::string>()};
  if (request.op == "group_join" || request.op == "group_quit") return {request.user};
  std::vector<std::string> out;
  for (const json& each : request.body.at("users")) {
    const std::string user = each;
    if (request.outcome.contains(" " + user + ":done")) out.push_back(user);
  }
  return out;
}

bool has_tip(const GroupLog& log, const std::string& kind, const std::string& by, const std::string& user,
             std::int64_t low, std::int64_t high) {
  for (std::int64_t seq = low + 1; seq <= high; ++seq)
    if (const LogEntry& tip = log.at(seq); tip.kind == kind && tip.from == by && is_among(tip.users, user)) return true;
  return false;
}

/// What holds for a moment after a success that may have changed nothing.
bool holds_in(const GroupState& state, const GroupRequest& request) {
  if (request.op == "role") {
    const Membership* const target = state.member(request.body.at("user"));
    return target != nullptr && request.body.at("role") == name_of(target->role);
  }
  if (request.op == "group_transfer") {
    const Membership* const owner = state.member(request.body.at("owner"));
    return owner != nullptr && owner->role == Role::Owner;
  }
  return request.op != "group_change" || state.all_silenced == request.body.at("all_silenced");
}

}  // namespace

const Membership* GroupState::member(const std::string& user) const {
  const auto found = members.find(user);
  return found == members.end() ? nullptr : &found->second;
}

LogEntry entry_of(const json& message) {
  const std::string id = message.at("id");
  LogEntry out;
  out.seq = std::stoll(id.substr(id.find('-') + 1));
  out.time = message.at("time");
  out.from = message.at("from");
  out.client_id = message.value("client_id", "");
  out.recalled = message.value("recalled", false);
  out.targets = message.value("targets", std::vector<std::string>());
  if (!message.value("tip", false)) return out;
  const json& tip = message.at("elements").at(0);
  out.kind = tip.at("kind");
  out.users = tip.value("users", std::vector<std::string>());
  out.changed = tip.value("changed", std::map<std::string, std::string>());
  out.until = tip.value("until", std::int64_t{0});
  return out;
}

std::string GroupLog::add(LogEntry entry) {
  GroupState next = states_.back();
  std::string why = entry.is_tip() ? apply_tip(entry, next) : refusal_of(entry, next);
  if (entry.seq != head() + 1) why = "behind " + std::to_string(head()) + " comes " + std::to_string(entry.seq);
  if (!entries_.empty() && entry.time < entries_.back().time) why = "it is older than the one before";
  entries_.push_back(std::move(entry));
  states_.push_back(std::move(next));
  return why;
}

bool GroupLog::is_for(const std::string& user, std::int64_t seq) const {
  const LogEntry& entry = at(seq);
  return after(seq).member(user) != nullptr &&
         (entry.targets.empty() || entry.from == user || is_among(entry.targets, user));
}

std::vector<std::int64_t> GroupLog::history_of(const std::string& user) const {
  std::vector<std::int64_t> out;
  const Membership* const member = after(head()).member(user);
  for (std::int64_t seq = member != nullptr ? member->floor + 1 : head() + 1; seq <= head(); ++seq)
    if (is_for(user, seq)) out.push_back(seq);
  return out;
}

bool GroupLog::stayed(const std::string& user, std::int64_t seq) const {
  const Membership* const member = after(head()).member(user);
  return member != nullptr && member->floor < seq;
}

std::string outcome_of(const GroupRequest& request, const json& answer) {
  const std::string code = std::to_string(answer.at("code").get<int>());
  if (code != "0") return code;
  const json& body = answer.at("body");
  if (request.op == "group_join") return "0 " + body.at("result").get<std::string>();
  std::string out = code;
  if (request.op == "group_kick" || request.op == "group_invite")
    for (const json& member : body.at("members"))
      out += " " + member.at("user").get<std::string>() + ":" + member.at("result").get<std::string>();
  return out;
}

std::set<std::string> outcomes_in(const GroupState& state, const GroupRequest& request) {
  const Membership* const who = state.member(request.user);
  const std::string& op = request.op;
  if (op == "group_send") return of_send(state, request);
  if (op == "recall") return of_recall(state, request);
  if (op == "group_kick" || op == "group_invite") return of_users(state, request);
  if (op == "silence" || op == "role" || op == "option") return of_member_change(state, request);
  if (op == "group_join") {
    if (who != nullptr) return {"0 already"};
    return state.type == "Work" ? kForbidden : std::set<std::string>{"0 done"};
  }
  if (who == nullptr) return kForbidden;
  if (op == "group_read") return kDone;
  if (op == "group_quit")
    return who->role == Role::Owner && state.type != "Work" ? std::set<std::string>{"10009"} : kDone;
  if (op == "group_change") return state.type != "Work" && leads(state, who) ? kDone : kForbidden;
  if (op == "group_transfer")
    return who->role == Role::Owner && state.member(request.body.at("owner")) != nullptr ? kDone : kForbidden;
  return {};
}

std::string judge(const GroupLog& log, const GroupRequest& request) {
  // A send that was stored by an attempt whose answer was lost is answered by its first result.
  const bool first_counts = request.op == "group_send" && request.succeeded();
  const std::int64_t low = first_counts ? request.first_low : request.low;
  const std::int64_t high = request.high < 0 ? log.head() : request.high;
  const std::string what = request.op + " by " + request.user + " " + request.body.dump() + ": " + request.outcome +
                           " between " + std::to_string(low) + " and " + std::to_string(high);
  if (high > log.head()) return what + ", where the log ends at " + std::to_string(log.head());
  bool right = false, holds = false;
  for (std::int64_t seq = low; seq <= high; ++seq) {
    right = right || outcomes_in(log.after(seq), request).contains(request.outcome);
    holds = holds || holds_in(log.after(seq), request);
  }
  if (!right) return what + ", by no order";
  if (!request.succeeded()) return {};
  if (!holds) return what + ", and it never was so";
  const std::string kind = tip_kind_of(request);
  if (kind.empty()) return {};
  for (const std::string& user : named_by(request))
    if (!has_tip(log, kind, request.user, user, low, high)) return what + ", without a trace of " + user;
  return {};
}

}  // namespace nightpost::e2e::checker
