// Groups: words of both vocabularies, ids, the whole table of rights, and what becomes of messages and counts.
#include "im/domain/group.h"

#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "im/domain/group_fields.h"
#include "im/domain/group_rights.h"
#include "im/domain/group_rules.h"
#include "im/domain/group_tip.h"

namespace nightpost::im {
namespace {

TEST_CASE("group: types in both vocabularies, and no others", "[im][domain][group]") {
  struct Row {
    const char* name;
    const char* rest;
    GroupType type;
  };
  for (const Row& row :
       {Row{"Work", "Private", GroupType::Work}, Row{"Public", "Public", GroupType::Public},
        Row{"Meeting", "ChatRoom", GroupType::Meeting}, Row{"AVChatRoom", "AVChatRoom", GroupType::Live}}) {
    CAPTURE(row.name);
    CHECK(group_type_from(row.name) == row.type);
    CHECK(group_type_from(row.rest) == row.type);
    CHECK(name_of(row.type) == row.name);
    CHECK(rest_name_of(row.type) == row.rest);
  }
  for (const char* word : {"", "work", "Community", "BChatRoom", "Private ", "Live"})
    CHECK_FALSE(group_type_from(word));
  for (const char* word : {"", "Owner", "moderator"}) CHECK_FALSE(group_role_from(word));
  for (const char* word : {"", "FreeAccess"}) CHECK_FALSE(join_option_from(word));
  for (const char* word : {"", "AcceptAndNotify"}) CHECK_FALSE(receive_option_from(word));
  CHECK(group_role_from("admin") == GroupRole::Admin);
  CHECK(join_option_from("approval") == JoinOption::Approval);
  CHECK(receive_option_from("discard") == ReceiveOption::Discard);
  CHECK(field_right_from("app") == FieldRight::App);
  CHECK_FALSE(field_right_from("stranger"));
}

TEST_CASE("group: ids", "[im][domain][group]") {
  const auto why = [](const Answer<void>& answer) { return answer ? std::string() : answer.error().why; };
  CHECK(why(check_group_id("@TGS#12")).empty());
  CHECK(why(check_group_id(std::string(48, 'g'))).empty());
  CHECK(why(check_group_id("")) == "group: empty");
  CHECK(why(check_group_id(std::string(49, 'g'))) == "group: longer than 48 bytes");
  CHECK(why(check_group_id("g\n")) == "group: has a byte that is not printable ASCII");
  CHECK(why(check_group_id("é", "groups")) == "groups: has a byte that is not printable ASCII");
  CHECK(why(check_new_group_id("team")).empty());
  CHECK(check_new_group_id("@TGS#1").error().code == Code::GroupIdInvalid);
  CHECK(check_new_group_id("").error().code == Code::GroupIdInvalid);
  CHECK(made_group_id(ConvId{7}) == "@TGS#7");
  CHECK(check_group_id(made_group_id(ConvId{INT64_MAX})));
}

// The matrix of the product that is copied, written as it stands there; a letter for each who may.
TEST_CASE("group: every right, cell by cell", "[im][domain][group]") {
  struct Row {
    GroupOp op;
    std::array<const char*, 4> who;  // Work, Public, Meeting, AVChatRoom
  };
  constexpr Row kMatrix[] = {
      {GroupOp::Send,
       {"member admin owner app", "member admin owner app", "member admin owner app", "member admin owner app"}},
      {GroupOp::Invite, {"member admin owner app", "member admin owner app", "member admin owner app", ""}},
      {GroupOp::Decide, {"owner app", "admin owner app", "admin owner app", ""}},
      {GroupOp::SetInvite, {"owner app", "admin owner app", "admin owner app", ""}},
      {GroupOp::EditInfo, {"member admin owner app", "admin owner app", "admin owner app", "owner app"}},
      {GroupOp::SetJoin, {"", "admin owner app", "", ""}},
      {GroupOp::Kick, {"owner app", "admin owner app", "admin owner app", "owner app"}},
      {GroupOp::Silence, {"", "admin owner app", "admin owner app", "owner app"}},
      {GroupOp::SetCard, {"owner app", "admin owner app", "admin owner app", "owner app"}},
      {GroupOp::SilenceAll, {"", "admin owner app", "admin owner app", "owner app"}},
      {GroupOp::SetRole, {"", "owner app", "owner app", ""}},
      {GroupOp::Transfer, {"owner app", "owner app", "owner app", ""}},
      {GroupOp::Dismiss, {"app", "owner app", "owner app", "owner app"}},
      {GroupOp::Quit, {"member admin owner", "member admin", "member admin", "member admin"}},
      {GroupOp::ReadInfo,
       {"member admin owner app", "stranger member admin owner app", "stranger member admin owner app",
        "stranger member admin owner app"}},
      {GroupOp::ReadMembers,
       {"member admin owner app", "member admin owner app", "member admin owner app", "member admin owner app"}},
      {GroupOp::Recall, {"owner app", "admin owner app", "admin owner app", ""}},
  };
  constexpr std::array<const char*, 5> kActors = {"stranger", "member", "admin", "owner", "app"};
  std::set<GroupOp> seen;
  int cells = 0;
  for (const Row& row : kMatrix) {
    seen.insert(row.op);
    for (std::size_t type = 0; type < kGroupTypes; ++type)
      for (std::size_t actor = 0; actor < kGroupActors; ++actor) {
        CAPTURE(name_of(row.op), type, kActors[actor]);
        const std::string who = std::string(" ") + row.who[type] + " ";
        const bool may = who.contains(std::string(" ") + kActors[actor] + " ");
        CHECK(allows(row.op, static_cast<GroupType>(type), static_cast<GroupActor>(actor)) == may);
        const auto right = check_right(row.op, static_cast<GroupType>(type), static_cast<GroupActor>(actor));
        CHECK(right.has_value() == may);
        const bool owner_quits = row.op == GroupOp::Quit && kActors[actor] == std::string("owner");
        if (!right) CHECK(right.error().code == (owner_quits ? Code::OwnerMayNotQuit : Code::GroupForbidden));
        ++cells;
      }
  }
  CHECK(seen.size() == static_cast<std::size_t>(GroupOp::Count));
  CHECK(cells == 17 * 4 * 5);
}

TEST_CASE("group: what comes of an invitation", "[im][domain][group]") {
  using enum InviteNext;
  struct Row {
    const char* name;
    GroupActor actor;
    InviteOption option;
    bool consent;
    std::optional<InviteNext> want;  // nothing: refused
  };
  const Row row = GENERATE(values<Row>({
      {"free", GroupActor::Member, InviteOption::Free, false, Admit},
      {"free, the invited is asked", GroupActor::Member, InviteOption::Free, true, AskUser},
      {"a member asks the admins", GroupActor::Member, InviteOption::Approval, false, AskAdmins},
      {"first the admins, then the invited", GroupActor::Member, InviteOption::Approval, true, AskAdmins},
      {"an admin asks nobody", GroupActor::Admin, InviteOption::Approval, false, Admit},
      {"an owner asks the invited", GroupActor::Owner, InviteOption::Approval, true, AskUser},
      {"the app asks nobody", GroupActor::App, InviteOption::Approval, true, Admit},
      {"the app passes a ban", GroupActor::App, InviteOption::Disabled, true, Admit},
      {"a member of a closed group", GroupActor::Member, InviteOption::Disabled, false, {}},
      {"its owner", GroupActor::Owner, InviteOption::Disabled, true, {}},
      {"a stranger", GroupActor::Stranger, InviteOption::Free, false, {}},
      {"a stranger, with approval", GroupActor::Stranger, InviteOption::Approval, true, {}},
  }));
  CAPTURE(row.name);
  const auto got = decide_invite(GroupType::Public, row.actor, row.option, row.consent);
  CHECK((got ? std::optional(*got) : std::nullopt) == row.want);
  if (!got) CHECK(got.error().code == Code::GroupForbidden);
  CHECK_FALSE(decide_invite(GroupType::Live, row.actor, row.option, row.consent));
}

TEST_CASE("group: who may answer an invitation", "[im][domain][group]") {
  constexpr milliseconds kKept{1'000};
  const WallTime at = wall_from_ms(5'000);
  struct Row {
    const char* name;
    InvitationFacts facts;
    const char* want;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"the invited, in time", {.known = true, .waits = true, .at = at, .now = at + milliseconds(999)}, ""},
      {"an admin", {.known = true, .waits = true, .for_admins = true, .by_admin = true, .at = at, .now = at}, ""},
      {"none", {.at = at, .now = at}, "user: there is no invitation"},
      {"decided", {.known = true, .at = at, .now = at}, "user: the invitation is decided"},
      {"the invited, before the admins",
       {.known = true, .waits = true, .for_admins = true, .at = at, .now = at},
       "user: the invitation waits for the group's admins"},
      {"an admin, for the invited",
       {.known = true, .waits = true, .by_admin = true, .at = at, .now = at},
       "user: the invitation waits for the user's answer"},
      {"expired", {.known = true, .waits = true, .at = at, .now = at + kKept}, "user: the invitation has expired"},
      {"who invited has left",
       {.known = true, .waits = true, .inviter_in = false, .at = at, .now = at},
       "user: who invited is no member any more"},
  }));
  CAPTURE(row.name);
  const auto got = decide_invitation(row.facts, kKept);
  CHECK((got ? "" : got.error().why) == row.want);
}

TEST_CASE("group: rank", "[im][domain][group]") {
  CHECK(actor_of(std::optional<GroupRole>()) == GroupActor::Stranger);
  CHECK(actor_of(std::optional(GroupRole::Member)) == GroupActor::Member);
  CHECK(actor_of(std::optional(GroupRole::Owner)) == GroupActor::Owner);
  CHECK(outranks(GroupActor::App, GroupRole::Owner));
  CHECK(outranks(GroupActor::Owner, GroupRole::Admin));
  CHECK(outranks(GroupActor::Admin, GroupRole::Member));
  CHECK_FALSE(outranks(GroupActor::Owner, GroupRole::Owner));
  CHECK_FALSE(outranks(GroupActor::Admin, GroupRole::Admin));
  CHECK_FALSE(outranks(GroupActor::Admin, GroupRole::Owner));
  CHECK_FALSE(outranks(GroupActor::Member, GroupRole::Member));
  CHECK_FALSE(outranks(GroupActor::Stranger, GroupRole::Member));
}

GroupSendFacts facts() {
  return {.type = GroupType::Public,
          .actor = GroupActor::Member,
          .head = Seq{4},
          .last_at = wall_from_ms(100),
          .now = wall_from_ms(200)};
}

TEST_CASE("group: what becomes of a message", "[im][domain][group]") {
  struct Row {
    const char* name;
    void (*change)(GroupSendFacts&);
    bool stored, counts, intent;
  };
  const Row row = GENERATE(values<Row>({
      {"plain", [](GroupSendFacts&) {}, true, true, true},
      {"online only", [](GroupSendFacts& f) { f.online_only = true; }, false, false, false},
      {"not counted", [](GroupSendFacts& f) { f.no_unread = true; }, true, false, true},
      {"for some alone", [](GroupSendFacts& f) { f.targeted = true; }, true, false, true},
      {"push disabled", [](GroupSendFacts& f) { f.push_disabled = true; }, true, true, false},
      {"silence is over", [](GroupSendFacts& f) { f.silenced_until = f.now; }, true, true, true},
      {"an admin, all silenced", [](GroupSendFacts& f) { f.all_silenced = true, f.actor = GroupActor::Admin; }, true,
       true, true},
      {"the app, silenced", [](GroupSendFacts& f) { f.silenced_until = wall_from_ms(900), f.actor = GroupActor::App; },
       true, true, true},
  }));
  CAPTURE(row.name);
  GroupSendFacts given = facts();
  row.change(given);
  const auto plan = decide_group_send(given);
  REQUIRE(plan);
  CHECK(plan->stored == row.stored);
  CHECK(plan->counts == row.counts);
  CHECK(plan->intent == row.intent);
  CHECK(plan->seq == Seq{row.stored ? 5 : 0});
  CHECK(plan->at == wall_from_ms(200));
  given.now = wall_from_ms(50);
  given.silenced_until.reset();
  CHECK(decide_group_send(given)->at == wall_from_ms(100));
}

TEST_CASE("group: refusals of a message, in order", "[im][domain][group]") {
  GroupSendFacts given = facts();
  given.actor = GroupActor::Stranger;
  given.all_silenced = true;
  given.head = Seq{4'294'967'295};
  CHECK(decide_group_send(given).error().code == Code::GroupForbidden);
  given.actor = GroupActor::Member;
  CHECK(decide_group_send(given).error().code == Code::GroupSilenced);
  given.all_silenced = false;
  given.silenced_until = wall_from_ms(201);
  CHECK(decide_group_send(given).error().code == Code::GroupSilenced);
  given.actor = GroupActor::Admin;
  CHECK(decide_group_send(given).error().code == Code::GroupSilenced);
  given.silenced_until.reset();
  CHECK(decide_group_send(given).error().code == Code::Internal);
  given.online_only = true;
  CHECK(decide_group_send(given));
}

TEST_CASE("group: unread out of running counts", "[im][domain][group]") {
  const auto unread = [](GroupCounts counts, GroupType type = GroupType::Work,
                         ReceiveOption option = ReceiveOption::Notify) { return group_unread(counts, type, option); };
  CHECK(unread({}) == 0);
  CHECK(unread({.counted = 9}) == 9);
  CHECK(unread({.counted = 9, .read = 4}) == 5);
  CHECK(unread({.counted = 9, .read = 4, .own_since = 2}) == 3);
  CHECK(unread({.counted = 9, .read = 4, .own_since = 2, .recalled = 1}) == 2);
  CHECK(unread({.counted = 9, .read = 4, .erased = 6, .own_since = 1}) == 2);
  CHECK(unread({.counted = 9, .read = 4, .erased = 2}) == 5);
  CHECK(unread({.counted = 0, .read = 4}) == 0);  // dismissed
  CHECK(unread({.counted = 9}, GroupType::Meeting) == 0);
  CHECK(unread({.counted = 9}, GroupType::Live) == 0);
  CHECK(unread({.counted = 9}, GroupType::Public, ReceiveOption::NotNotify) == 9);
  CHECK(unread({.counted = 9}, GroupType::Public, ReceiveOption::Discard) == 0);
}

TEST_CASE("group: who may recall", "[im][domain][group]") {
  const milliseconds window{120'000};
  const auto base = [] {
    return GroupRecallFacts{.type = GroupType::Public,
                            .actor = GroupActor::Member,
                            .visible = true,
                            .mine = true,
                            .at = wall_from_ms(0),
                            .now = wall_from_ms(1'000)};
  };
  struct Row {
    const char* name;
    void (*change)(GroupRecallFacts&);
    int want;  // 1 done, 0 repeated, else the code
  };
  const Row row = GENERATE(values<Row>({
      {"own", [](GroupRecallFacts&) {}, 1},
      {"own, again", [](GroupRecallFacts& f) { f.recalled = true; }, 0},
      {"own, at the last moment", [](GroupRecallFacts& f) { f.now = wall_from_ms(120'000); }, 1},
      {"own, too late", [](GroupRecallFacts& f) { f.now = wall_from_ms(120'001); }, 10031},
      {"own, too late, again", [](GroupRecallFacts& f) { f.now = wall_from_ms(120'001), f.recalled = true; }, 0},
      {"another's", [](GroupRecallFacts& f) { f.mine = false; }, 10007},
      {"not there", [](GroupRecallFacts& f) { f.visible = false; }, 10030},
      {"an admin, a member's, late",
       [](GroupRecallFacts& f) { f.mine = false, f.actor = GroupActor::Admin, f.now = wall_from_ms(999'999); }, 1},
      {"an admin, an admin's",
       [](GroupRecallFacts& f) { f.mine = false, f.actor = GroupActor::Admin, f.sender = GroupRole::Admin; }, 10007},
      {"the owner, by switch not",
       [](GroupRecallFacts& f) { f.mine = false, f.actor = GroupActor::Owner, f.owner_recalls = false; }, 10007},
      {"the app, the owner's, late, whatever the switch",
       [](GroupRecallFacts& f) {
         f.mine = f.owner_recalls = false;
         f.actor = GroupActor::App;
         f.sender = GroupRole::Owner;
         f.now = wall_from_ms(999'999);
       },
       1},
      {"a live group", [](GroupRecallFacts& f) { f.type = GroupType::Live, f.visible = false; }, 10033},
  }));
  CAPTURE(row.name);
  GroupRecallFacts given = base();
  row.change(given);
  const auto plan = decide_group_recall(given, window);
  CHECK((plan ? static_cast<int>(*plan) : static_cast<int>(plan.error().code)) == row.want);
}

TEST_CASE("group: who wants a push", "[im][domain][group]") {
  for (const bool mentioned : {false, true})
    for (const bool passes : {false, true}) {
      CHECK(group_push_due(ReceiveOption::Notify, mentioned, passes));
      CHECK_FALSE(group_push_due(ReceiveOption::Discard, mentioned, passes));
      CHECK(group_push_due(ReceiveOption::NotNotify, mentioned, passes) == (mentioned && passes));
    }
}

TEST_CASE("group: ranges of slots cover each member once, whatever their number", "[im][domain][group]") {
  for (const std::int64_t ranges : {1, 2, 3, 7, 9, 100, 1'429, 65'536}) {
    std::int64_t next = 0;
    for (std::int64_t range = 0; range < ranges; ++range) {
      const SlotRange slots = slots_of(range, ranges);
      CHECK(slots.first == next);
      next = slots.last + 1;
      if (slots.first > slots.last) continue;
      CHECK(range_of(slots.first, ranges) == range);
      CHECK(range_of(slots.last, ranges) == range);
    }
    CHECK(next == kMemberSlots);
  }
  CHECK(ranges_of(0) == 1);
  CHECK(ranges_of(700) == 1);
  CHECK(ranges_of(701) == 2);
  CHECK(ranges_of(6'000) == 9);
  CHECK(ranges_of(INT32_MAX) == kMemberSlots);
  CHECK(member_slot("mia") == member_slot("mia"));
  std::set<std::int64_t> slots;
  for (int i = 0; i < 2'000; ++i) {
    const std::int64_t slot = member_slot("user" + std::to_string(i));
    CHECK((slot >= 0 && slot < kMemberSlots));
    slots.insert(range_of(slot, 9));
  }
  CHECK(slots.size() == 9);  // spread
}

TEST_CASE("group: tips as elements", "[im][domain][group]") {
  CHECK(tip_elements({.kind = GroupTip::Kind::Join, .by = "mia", .users = {"mia"}}) ==
        R"([{"type":"tip","kind":"join","by":"mia","users":["mia"]}])");
  CHECK(tip_element({.kind = GroupTip::Kind::Silence, .users = {"a\"b"}, .until = wall_from_ms(5), .note = "x"}) ==
        R"({"type":"tip","kind":"silence","users":["a\"b"],"until":5,"note":"x"})");
  std::set<std::string_view> names;
  for (int kind = 0; kind < static_cast<int>(GroupTip::Kind::Count); ++kind)
    names.insert(name_of(static_cast<GroupTip::Kind>(kind)));
  CHECK(names.size() == static_cast<std::size_t>(GroupTip::Kind::Count));
}

TEST_CASE("group: an app's own fields", "[im][domain][group]") {
  GroupLimits limits;
  limits.fields = {{"a", FieldRight::Member}, {"b", FieldRight::App}};
  CHECK(changed_fields("", {}, GroupActor::Stranger, limits) == std::string("{}"));
  CHECK(changed_fields("{}", {{"a", "x\n\"é"}}, GroupActor::Member, limits) == std::string(R"({"a":"x\n\"é"})"));
  CHECK(fields_of(R"({"a":"x\n\"\u0001é"})") == std::map<std::string, std::string>{{"a", "x\n\"\x01é"}});
  CHECK(changed_fields(R"({"a":"1","b":"2"})", {{"a", ""}}, GroupActor::Admin, limits) == std::string(R"({"b":"2"})"));
  CHECK(changed_fields("", {{"a", "1"}}, GroupActor::Stranger, limits).error().code == Code::GroupForbidden);
  CHECK(changed_fields("", {{"b", "1"}}, GroupActor::Owner, limits).error().code == Code::GroupForbidden);
  CHECK(changed_fields("", {{"b", "1"}}, GroupActor::App, limits));
  CHECK(changed_fields("", {{"c", "1"}}, GroupActor::App, limits).error().code == Code::Malformed);
  CHECK(changed_fields("", {{"a", std::string(513, 'x')}}, GroupActor::App, limits).error().code == Code::TooLarge);
  for (const char* text : {"", "{}", "[]", "nonsense", R"({"a":1})"}) CHECK(fields_of(text).empty());
}

}  // namespace
}  // namespace nightpost::im
