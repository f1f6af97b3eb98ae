// Whom a commit concerns, as nodes that were not told of it read it in the store.
#include "im/service/commit_log.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::im {
namespace {

UserKey logged_user(const std::string& name) { return {AppId{7}, name}; }

/// "mia olga | 5 8 | withdrew": users, groups, and what else.
std::string shown_concerned(const Concerned& concerned) {
  std::string out;
  for (const UserKey& user : concerned.users) out += user.user + " ";
  out += "|";
  for (const ConvId group : concerned.groups) out += " " + std::to_string(group.value);
  if (concerned.withdrew) out += " withdrew";
  if (concerned.all) out += " all";
  return out;
}

TEST_CASE("im commit log: whom a commit concerns", "[im][service][nodes]") {
  Committed commit;
  std::string want = "|";
  SECTION("nobody") {}
  SECTION("who is told something, once") {
    for (const char* user : {"olga", "mia", "olga"})
      commit.deliveries.push_back({.to = logged_user(user), .item = ChatChanged{"x"}});
    want = "mia olga |";
  }
  SECTION("a group's members, not who caused it") {
    for (const std::int64_t group : {8, 5, 8})
      commit.deliveries.push_back({.to = logged_user("mia"), .item = GroupNews{}, .group = {group}});
    want = "| 5 8";
  }
  SECTION("who came into a group, or left it, and not its members") {
    commit.deliveries.push_back({.to = logged_user("mia"), .item = Subscribed{.on = false}, .group = {5}});
    want = "mia |";
  }
  SECTION("everybody of one that is over") {
    commit.deliveries.push_back({.to = logged_user(""), .item = Subscribed{.on = false}, .group = {5}});
    want = "| 5";
  }
  SECTION("whose login ended") {
    commit.ended.push_back({{.user = logged_user("mia")}, Ended::Why::Kicked});
    want = "mia |";
  }
  SECTION("who has read, and whose push goes") {
    commit.read.push_back({logged_user("mia"), {ConvId{5}, Seq{1}}});
    want = "mia |";
  }
  SECTION("a recall") {
    commit.recalled.push_back({ConvId{5}, Seq{1}});
    want = "| withdrew";
  }
  SECTION("what stays with its node concerns nobody") {
    commit.intents.push_back({.to = logged_user("mia")});
    commit.group_intents.push_back({});
    commit.follow_ups.push_back({.to = logged_user("mia")});
    commit.callbacks.push_back(AppId{7});
  }
  SECTION("as many as may") {
    for (std::size_t i = 0; i < kConcernedMax; ++i)
      commit.deliveries.push_back({.to = logged_user(std::to_string(i)), .item = ChatChanged{"x"}});
    CHECK(concerned_by(commit).users.size() == kConcernedMax);
    commit.deliveries.push_back({.to = logged_user("mia"), .item = ChatChanged{"x"}});
    commit.recalled.push_back({ConvId{5}, Seq{1}});
    want = "| withdrew all";
  }
  CHECK(shown_concerned(concerned_by(commit)) == want);
}

TEST_CASE("im commit log: what is written is read again", "[im][service][nodes]") {
  Concerned some{.users = {logged_user("mia"), logged_user("a b:c")}, .groups = {ConvId{5}}, .withdrew = true};
  CHECK(encode_concerned(some) == "withdrew\nu7 mia\nu7 a b:c\ng5");
  const auto again = decode_concerned(encode_concerned(some));
  REQUIRE(again);
  CHECK(again->users == some.users);
  CHECK(again->groups == some.groups);
  CHECK(again->withdrew);
  CHECK_FALSE(again->all);
  CHECK(encode_concerned({}).empty());
  CHECK(shown_concerned(decode_concerned("").value()) == "|");
  CHECK(shown_concerned(decode_concerned("*").value()) == "| all");
}

TEST_CASE("im commit log: what another version wrote is not guessed at", "[im][service][nodes]") {
  for (const char* text : {"x", "u", "u7", "u7 ", "u mia", "u0 mia", "u-7 mia", "u7x mia", "g", "g0", "g5x", "g 5",
                           "* ", "withdrew ", "u7 mia\n\ng5", "\n", "u99999999999999999999 mia", "g5\nstory 3"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_concerned(text));
  }
}

TEST_CASE("im commit log: several together, and the bound of all", "[im][service][nodes]") {
  Concerned whom;
  add_concerned(whom, {.users = {logged_user("olga")}, .groups = {ConvId{8}}}, 4);
  add_concerned(whom, {.users = {logged_user("mia")}, .groups = {ConvId{8}}, .withdrew = true}, 4);
  settle_concerned(whom);
  CHECK(shown_concerned(whom) == "mia olga | 8 withdrew");
  Concerned more = whom;
  add_concerned(more, {.users = {logged_user("a"), logged_user("b")}}, 4);
  CHECK(shown_concerned(more) == "| withdrew all");
  add_concerned(more, {.users = {logged_user("c")}}, 4);
  CHECK(shown_concerned(more) == "| withdrew all");
  add_concerned(whom, {.all = true}, 4);
  CHECK(whom.all);
}

}  // namespace
}  // namespace nightpost::im
