// The checker's own rules: what they must take, and what they must find. No server runs.
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "e2e/checker/group_log.h"

namespace nightpost::e2e::checker {
namespace {

constexpr std::int64_t kAlways = 4'000'000'000'000;

/// Ann owns it, bob leads, cid and dee are members.
GroupState made(const std::string& type) {
  GroupState state;
  state.type = type;
  state.members["ann"].role = Role::Owner;
  state.members["bob"].role = type == "Work" ? Role::Member : Role::Admin;
  state.members["cid"] = {};
  state.members["dee"] = {};
  return state;
}

LogEntry said(const std::string& from, std::int64_t time = 1'000) {
  LogEntry out;
  out.from = from;
  out.time = time;
  out.client_id = from;
  return out;
}
LogEntry told(const std::string& kind, const std::string& by, std::vector<std::string> users, std::int64_t until = 0) {
  LogEntry out = said(by);
  out.kind = kind;
  out.client_id.clear();
  out.users = std::move(users);
  out.until = until;
  return out;
}
LogEntry role(const std::string& by, const std::string& user, const std::string& to) {
  LogEntry out = told("role", by, {user});
  out.changed["role"] = to;
  return out;
}
LogEntry all_silenced(const std::string& by, const std::string& to) {
  LogEntry out = told("info", by, {});
  out.changed["all_silenced"] = to;
  return out;
}

/// The complaint about the last one; those before it are to be taken.
std::string last_of(const std::string& type, const std::vector<LogEntry>& entries) {
  GroupLog log(made(type));
  std::string why;
  for (LogEntry entry : entries) {
    CHECK(why == "");
    entry.seq = log.head() + 1;
    why = log.add(entry);
  }
  return why;
}

TEST_CASE("checker: what may stand in a log", "[e2e][im][checker][model]") {
  CHECK(last_of("Public", {said("dee")}) == "");
  CHECK(last_of("Public", {told("silence", "bob", {"dee"}, 2'000), said("dee", 2'000)}) == "");
  CHECK(last_of("Public", {told("silence", "bob", {"dee"}, kAlways), told("silence", "ann", {"dee"}), said("dee")}) ==
        "");
  CHECK(last_of("Public", {told("silence", "bob", {"dee"}, kAlways), told("kick", "bob", {"dee"}),
                           told("join", "dee", {"dee"}), said("dee")}) == "");  // a new membership
  CHECK(last_of("Public", {all_silenced("bob", "true"), said("bob")}) == "");
  CHECK(last_of("Public", {all_silenced("bob", "true"), role("ann", "cid", "admin"), said("cid")}) == "");
  CHECK(last_of("Public", {told("owner", "ann", {"cid"}), told("kick", "cid", {"ann"})}) == "");
  CHECK(last_of("Work", {told("invite", "dee", {"eve"}), said("eve")}) == "");
  CHECK(last_of("Work", {told("quit", "ann", {"ann"})}) == "");
}

TEST_CASE("checker: what may not stand in a log is found", "[e2e][im][checker][model]") {
  struct Row {
    const char* name;
    const char* type;
    std::vector<LogEntry> entries;
  };
  const std::vector<Row> rows = {
      {"a stranger speaks", "Public", {said("eve")}},
      {"who was kicked speaks", "Public", {told("kick", "bob", {"dee"}), said("dee")}},
      {"who quit speaks", "Public", {told("quit", "dee", {"dee"}), said("dee")}},
      {"who is silenced speaks", "Public", {told("silence", "bob", {"dee"}, 2'000), said("dee", 1'999)}},
      {"all are silenced", "Public", {all_silenced("ann", "true"), said("dee")}},
      {"he leads no more", "Public", {role("ann", "bob", "member"), all_silenced("ann", "true"), said("bob")}},
      {"a demoted one kicks", "Public", {role("ann", "bob", "member"), told("kick", "bob", {"dee"})}},
      {"a demoted one silences", "Public", {role("ann", "bob", "member"), told("silence", "bob", {"dee"}, kAlways)}},
      {"who was kicked kicks", "Public", {told("kick", "ann", {"bob"}), told("kick", "bob", {"dee"})}},
      {"a member kicks", "Public", {told("kick", "cid", {"dee"})}},
      {"the owner is kicked", "Public", {told("kick", "bob", {"ann"})}},
      {"an equal is silenced", "Public", {role("ann", "cid", "admin"), told("silence", "bob", {"cid"}, kAlways)}},
      {"nobody is kicked", "Public", {told("kick", "ann", {"eve"})}},
      {"a member joins", "Public", {told("join", "dee", {"dee"})}},
      {"one joins a Work group", "Work", {told("join", "eve", {"eve"})}},
      {"a stranger invites", "Work", {told("invite", "eve", {"fay"})}},
      {"a member is invited", "Work", {told("invite", "ann", {"dee"})}},
      {"members of a Public group invite", "Public", {told("invite", "ann", {"eve"})}},
      {"a Work group has no silence", "Work", {told("silence", "ann", {"dee"}, kAlways)}},
      {"a Work group has no admins", "Work", {role("ann", "dee", "admin")}},
      {"a member of a Work group kicks", "Work", {told("kick", "bob", {"dee"})}},
      {"the owner quits", "Public", {told("quit", "ann", {"ann"})}},
      {"an admin gives a role", "Public", {role("bob", "dee", "admin")}},
      {"the role that it was", "Public", {role("ann", "dee", "member")}},
      {"the role of the owner", "Public", {role("ann", "ann", "member")}},
      {"an admin transfers", "Public", {told("owner", "bob", {"bob"})}},
      {"to a stranger", "Public", {told("owner", "ann", {"eve"})}},
      {"a member silences all", "Public", {all_silenced("dee", "true")}},
      {"it was so before", "Public", {all_silenced("ann", "false")}},
      {"nobody knows it", "Public", {told("rumour", "ann", {"dee"})}},
      {"time falls", "Public", {said("dee", 2'000), said("dee", 1'999)}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(last_of(row.type, row.entries) != "");
  }
  GroupLog log(made("Public"));
  LogEntry second = said("dee");
  second.seq = 2;
  CHECK(log.add(second) != "");  // a hole
}

/// Of a log in which dee was silenced at 2 and heard again at 4.
std::string verdict(const std::string& op, const std::string& user, const std::string& outcome, std::int64_t low,
                    std::int64_t high, json body = json::object(), int attempts = 1) {
  GroupLog log(made("Public"));
  std::vector<LogEntry> entries = {said("dee"), told("silence", "bob", {"dee"}, kAlways), said("cid"),
                                   told("silence", "bob", {"dee"}), told("kick", "bob", {"cid"})};
  for (LogEntry& entry : entries) {
    entry.seq = log.head() + 1;
    CHECK(log.add(entry) == "");
  }
  GroupRequest request;
  request.op = op;
  request.user = user;
  request.body = std::move(body);
  request.attempts = attempts;
  request.first_low = attempts > 1 ? 0 : low;
  request.low = low;
  request.high = high;
  request.asked_at = request.answered_at = 1'000;
  request.outcome = outcome;
  return judge(log, request);
}

TEST_CASE("checker: an answer is right by some order, or it is found", "[e2e][im][checker][model]") {
  // Refused while he was silenced, or perhaps so.
  CHECK(verdict("group_send", "dee", "10017", 2, 2) == "");
  CHECK(verdict("group_send", "dee", "10017", 1, 3) == "");
  CHECK(verdict("group_send", "dee", "10017", 0, 1) != "");
  CHECK(verdict("group_send", "dee", "10017", 4, 5) != "");
  CHECK(verdict("group_send", "dee", "10007", 0, 5) != "");
  CHECK(verdict("group_send", "dee", "0", 2, 3) != "");
  CHECK(verdict("group_send", "dee", "0", 3, 4) == "");
  CHECK(verdict("group_send", "dee", "0", 2, 3, json::object(), 2) == "");  // the first attempt was stored
  CHECK(verdict("group_send", "dee", "10017", 4, 5, json::object(), 2) != "");
  CHECK(verdict("group_send", "cid", "10007", 4, 5) == "");
  CHECK(verdict("group_send", "cid", "10007", 3, 4) != "");
  // What a success says has a trace.
  CHECK(verdict("group_kick", "bob", "0 cid:done", 4, 5, {{"users", {"cid"}}}) == "");
  CHECK(verdict("group_kick", "ann", "0 cid:done", 4, 5, {{"users", {"cid"}}}) != "");
  CHECK(verdict("group_kick", "bob", "0 cid:done", 2, 4, {{"users", {"cid"}}}) != "");
  CHECK(verdict("group_kick", "bob", "0 dee:done", 4, 5, {{"users", {"dee"}}}) != "");  // the trace is another's
  const json both = json::array({"cid", "dee"});
  CHECK(verdict("group_kick", "bob", "0 cid:done dee:done", 4, 5, {{"users", both}}) != "");
  CHECK(verdict("silence", "bob", "0", 1, 2, {{"user", "dee"}, {"silence_ms", 1'000}}) == "");
  CHECK(verdict("silence", "bob", "0", 1, 2, {{"user", "cid"}, {"silence_ms", 1'000}}) != "");
  CHECK(verdict("group_kick", "bob", "0 cid:already", 4, 5, {{"users", {"cid"}}}) == "");
  CHECK(verdict("group_kick", "bob", "0 ann:done", 4, 5, {{"users", {"ann"}}}) != "");
  CHECK(verdict("group_kick", "bob", "0 ann:failed", 4, 5, {{"users", {"ann"}}}) == "");
  CHECK(verdict("group_join", "cid", "0 done", 5, 5) != "");
  CHECK(verdict("group_join", "cid", "0 already", 4, 5) == "");
  CHECK(verdict("group_quit", "dee", "0", 4, 5) != "");
  CHECK(verdict("group_quit", "ann", "10009", 0, 5) == "");
  CHECK(verdict("role", "ann", "0", 0, 5, {{"user", "dee"}, {"role", "admin"}}) != "");
  CHECK(verdict("role", "ann", "0", 0, 5, {{"user", "dee"}, {"role", "member"}}) == "");
  CHECK(verdict("group_change", "bob", "0", 0, 5, {{"all_silenced", true}}) != "");
  CHECK(verdict("group_change", "cid", "10007", 0, 5, {{"all_silenced", true}}) == "");
  CHECK(verdict("group_read", "cid", "0", 5, 5) != "");
  CHECK(verdict("group_send", "dee", "0", 5, 9) != "");  // a head that no log has
}

}  // namespace
}  // namespace nightpost::e2e::checker
