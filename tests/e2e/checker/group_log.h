// A group's log, read from its first entry: who was in it at each place, and what each might do there. The tips of the
// server stand in the log where they were committed, so it is the clock by which rights that race are judged. Written
// from PROTOCOL.md and src/im/README.md, and shares nothing with the server. Pure: what judges says what is wrong,
// nothing where nothing is.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace nightpost::e2e::checker {

using nlohmann::json;

enum class Role : std::uint8_t { Member, Admin, Owner };

struct Membership {
  Role role = Role::Member;
  std::int64_t floor = 0;  // the history begins behind it
  std::int64_t silenced_until = 0;
};

struct GroupState {
  std::string type;  // "Public"; "Work"; "Meeting", whose log has no tips: its members and their rights must stay
  std::map<std::string, Membership> members;
  bool all_silenced = false;

  bool has_tips() const { return type != "Meeting"; }
  const Membership* member(const std::string& user) const;
};

/// A message, or a tip, as a member reads it.
struct LogEntry {
  std::int64_t seq = 0, time = 0;
  std::string from, client_id;
  bool recalled = false;
  std::vector<std::string> targets;
  // Of a tip.
  std::string kind;  // empty: it is a message
  std::vector<std::string> users;
  std::map<std::string, std::string> changed;
  std::int64_t until = 0;

  bool is_tip() const { return !kind.empty(); }
};
LogEntry entry_of(const json& message);

class GroupLog {
 public:
  explicit GroupLog(GroupState created) : states_{std::move(created)} {}

  /// Takes the next one, and says why it could not stand there.
  std::string add(LogEntry entry);
  std::int64_t head() const { return static_cast<std::int64_t>(entries_.size()); }
  const LogEntry& at(std::int64_t seq) const { return entries_.at(static_cast<std::size_t>(seq - 1)); }
  const GroupState& after(std::int64_t seq) const {
    return states_.at(static_cast<std::size_t>(seq));
  }  // 0: as created
  /// Whether it is there for this user: a member, at its place, of those it is for.
  bool is_for(const std::string& user, std::int64_t seq) const;
  /// What a member reads in the end; nothing: he is none.
  std::vector<std::int64_t> history_of(const std::string& user) const;
  /// Whether he was a member from there to the end.
  bool stayed(const std::string& user, std::int64_t seq) const;

 private:
  std::vector<LogEntry> entries_;
  std::vector<GroupState> states_;  // one more
};

/// What was asked of a group, and between which heads the answer was decided.
struct GroupRequest {
  std::string op;    // as on the wire; "silence", "role", "option" of group_member
  std::string user;  // who asks
  std::string group;
  json body;
  // Of a recall: the message.
  std::string sender;
  std::int64_t seq = 0;
  std::vector<std::string> targets;

  int attempts = 0;
  std::int64_t first_low = 0;                   // the head that was seen before the first attempt,
  std::int64_t low = 0;                         // before the last one,
  std::int64_t high = -1;                       // and after the answer; -1: not seen yet
  std::int64_t asked_at = 0, answered_at = 0;   // ms; of the last attempt
  std::uint64_t asked_in = 0, answered_in = 0;  // rounds: what one answered came before what a later one asks
  std::string outcome;                          // empty: not answered

  bool succeeded() const { return outcome.starts_with('0'); }
};
/// "0", "10007", "0 done", "0 bob:done cid:already": of an answer,
std::string outcome_of(const GroupRequest& request, const json& answer);
/// and of the rules in this state.
std::set<std::string> outcomes_in(const GroupState& state, const GroupRequest& request);

/// Whether the answer was right at some place between the two heads, and what it promises is in the log.
std::string judge(const GroupLog& log, const GroupRequest& request);

}  // namespace nightpost::e2e::checker
