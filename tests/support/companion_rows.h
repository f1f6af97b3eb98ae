// A companion with some people in it, as its own writer leaves them: for tests of who looks at it.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "im/store/tables.h"

namespace nightpost::support {

inline const AppId kCompanionApp{1400000001};
inline const WallTime kCompanionTime = wall_from_ms(1'795'225'887'405);
/// As somebody's nick, card and message, who wants it to run on a page.
inline constexpr const char* kMarkup = "<img src=x onerror=\"window.__ran=1\">";

inline std::string text_element(const std::string& text) {
  std::string out = R"([{"type":"text","text":")";
  for (const char c : text) out += (c == '"' || c == '\\' ? std::string("\\") : std::string()) + c;
  return out + "\"}]";
}

/// anna and bob write to each other: 1 a text of anna's, 2 recalled by bob, 3 hidden from anna, 4 expired. carl is
/// removed. anna owns the Public group "team", where bob is silenced and 1 is a tip, 2 bob's, 3 anna's for bob alone;
/// dora wants to join it. "teams" is a group of nobody else, and of another app is "other". "Darn" is masked, and
/// web_slots set.
inline void write_companion(const store::StoreUrl& url) {
  using namespace im;
  auto opened = Tables::open(url, {}, Tables::Use::Write);
  if (!opened) FAIL(opened.error().detail);
  Tables& tables = *opened;
  auto transaction = sql::Transaction::begin(tables.database());
  REQUIRE(transaction);
  const auto user = [](const char* name) { return UserKey{kCompanionApp, name}; };
  const WallTime at = kCompanionTime;
  for (const char* name : {"anna", "bob", "carl", "dora"}) tables.add_account(user(name), at);
  tables.add_account({AppId{1400000002}, "anna"}, at);
  tables.remove_account(user("carl"));
  tables.set_profile(user("anna"), kMarkup, "");
  tables.set_profile(user("bob"), "Bobby", "https://example.com/bob.png");
  tables.set_profile_field(user("anna"), "Tag_Profile_IM_Level", "7");
  tables.save_friend(user("anna"), {.user = "bob", .added_at = at});
  tables.set_block(user("anna"), "dora", true);
  tables.set_silence(user("anna"), {.chats_until = at + seconds(60)});
  tables.save_terminal(user("anna"), {.device = "phone", .platform = Platform::Ios, .epoch = {2}, .language = "zh"});
  tables.save_terminal(user("anna"), {.device = "page",
                                      .platform = Platform::Web,
                                      .state = TerminalState::LoggedOut,
                                      .epoch = {1},
                                      .foreground = false});

  const ConvRow conv = tables.add_conv(kCompanionApp, "anna", "bob");
  const auto write = [&](std::int64_t seq, const char* from, Message message) {
    message.id = {conv.id, {seq}};
    message.at = at + seconds(seq);
    message.from = from;
    message.to = conv.other(from);
    message.client_id = "c" + std::to_string(seq);
    tables.add_message(conv, message, {{seq}, {seq}});
  };
  write(1, "anna", {.nick = kMarkup, .elements = text_element(kMarkup), .cloud_data = "order 7"});
  write(2, "bob", {.elements = text_element("a mistake")});
  write(3, "bob", {.flags = {.hidden_from_receiver = true}, .elements = text_element("are you there?")});
  write(4, "anna", {.elements = text_element("for a second"), .expires = at + seconds(5)});
  tables.make_tombstone({conv.id, {2}});
  tables.advance(conv.id, {4}, at + seconds(4));
  tables.save_chat({.owner = user("anna"), .conv = conv.id, .peer = "bob", .head = {4}, .head_at = at + seconds(4)});

  const auto group = [&](AppId app, const char* id, const char* name) {
    GroupRow row{.app = app, .id = id, .type = GroupType::Public, .name = name, .members_max = 100, .fields = "{}"};
    row.created_at = row.info_at = at;
    tables.add_group(row);
    return row;
  };
  GroupRow team = group(kCompanionApp, "team", "The <b>Team</b>");
  group(kCompanionApp, "teams", "Another");
  group(AppId{1400000002}, "other", "The team elsewhere");
  team.owner = "anna";
  team.members = 2;
  team.notification = "be kind";
  tables.save_group(team);
  tables.save_member({.who = user("anna"), .conv = team.conv, .role = GroupRole::Owner, .joined_at = at});
  tables.save_member({.who = user("bob"),
                      .conv = team.conv,
                      .joined_at = at,
                      .silenced_until = kCompanionTime + seconds(600),
                      .card = kMarkup});
  tables.save_member({.who = user("dora"), .conv = team.conv, .joined_at = at, .left_at = at + seconds(1)});
  const auto say = [&](std::int64_t seq, const char* from, Message message) {
    message.id = {team.conv, {seq}};
    message.at = at + seconds(seq);
    message.from = from;
    message.client_id = "g" + std::to_string(seq);
    tables.add_group_message(team, message, {});
  };
  say(1, "", {.flags = {.tip = true}, .elements = R"([{"type":"group_tip"}])"});
  say(2, "bob", {.nick = "Bobby", .elements = text_element("hello all"), .card = kMarkup, .mentions = {"anna"}});
  say(3, "anna", {.elements = text_element("bob alone"), .targets = {"bob"}});
  team.seq = {3};
  team.last_at = at + seconds(3);
  tables.advance_group(team, at);
  tables.save_application(team.conv, {.user = "dora", .at = at, .note = "let me in"});

  tables.save_word(kCompanionApp, "darn", {.text = "Darn", .action = WordAction::Mask});
  tables.save_setting(kCompanionApp, "web_slots", "2");

  tables.settle();
  if (tables.failure()) FAIL(tables.failure()->detail);
  REQUIRE(transaction->commit());
}

}  // namespace nightpost::support
