#include "im/gateway/client_group_frame.h"

#include <charconv>

namespace nightpost::im {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kUsersMax = 1'000;  // the service has lower limits of its own, and names them

void read_texts(Members& in, const char* name, std::vector<std::string>& out, bool always) {
  in.each(
      name, kUsersMax, [&](const std::string& place, dom::element value) { in.text(place, value, out.emplace_back()); },
      always);
}

/// {"name":"value",…}
void read_fields(Members& in, std::map<std::string, std::string>& out) {
  dom::element value;
  if (!in.find("fields", value)) return;
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    in.wrong("fields", "not an object");
    return;
  }
  for (const auto& [name, element] : object) {
    std::string text;
    if (in.text("fields." + std::string(name), element, text)) out.insert_or_assign(std::string(name), std::move(text));
  }
}

template <class Enum>
void read_word(Members& in, const char* name, std::optional<Enum>& out,
               std::optional<Enum> (*from)(std::string_view) noexcept) {
  std::string value;
  if (!in.text(name, value)) return;
  if (!(out = from(value))) in.wrong(name, "an unknown word");
}

void read_change(Members& in, MembersChange& out) {
  in.text("group", out.group, true);
  read_texts(in, "users", out.users, true);
}

}  // namespace

void read_conv(Members& in, const char* name, ConvId& out) {
  std::string text;
  if (!in.text(name, text)) return;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error != std::errc{} || end != text.data() + text.size() || out.value < 0)
    in.wrong(name, "not the number of a conversation");
}

void read(Members& in, GroupCreate& out) {
  in.text("group", out.group);
  in.word("type", out.type, group_type_from, true);
  in.text("name", out.name, true);
  in.text("introduction", out.introduction);
  in.text("notification", out.notification);
  in.text("face", out.face);
  read_word(in, "join", out.join, join_option_from);
  in.size("members_max", out.members_max, 1'000'000);
  read_word(in, "invite", out.invite, invite_option_from);
  in.flag("invite_consent", out.invite_consent);
  in.each(
      "members", kUsersMax,
      [&](const std::string& place, dom::element value) {
        dom::object object;
        if (value.get(object) != simdjson::SUCCESS) {
          in.wrong(place, "not an object");
          return;
        }
        std::string mistake;
        Members member(object, "", mistake);
        NewMember& made = out.members.emplace_back();
        member.text("user", made.user, true);
        member.word("role", made.role, group_role_from);
        if (!mistake.empty())
          in.wrong(place + "." + mistake.substr(0, mistake.find(':')), mistake.substr(mistake.find(':') + 2));
      },
      false);
  read_fields(in, out.fields);
}
void read(Members& in, request::GroupDismiss& out) { in.text("group", out.group, true); }
void read(Members& in, GroupInfoChange& out) {
  in.text("group", out.group, true);
  in.text("name", out.name);
  in.text("introduction", out.introduction);
  in.text("notification", out.notification);
  in.text("face", out.face);
  read_word(in, "join", out.join, join_option_from);
  if (std::size_t most = 0; in.size("members_max", most, 1'000'000), most > 0) out.members_max = most;
  in.flag("all_silenced", out.all_silenced);
  read_word(in, "invite", out.invite, invite_option_from);
  in.flag("invite_consent", out.invite_consent);
  read_fields(in, out.fields);
}
void read(Members& in, request::GroupTransfer& out) {
  in.text("group", out.group, true);
  in.text("owner", out.owner, true);
}
void read(Members& in, request::GroupInfos& out) { read_texts(in, "groups", out.groups, true); }
void read(Members& in, JoinedRequest& out) {
  read_conv(in, "after", out.after);
  in.size("limit", out.limit, 100);
  read_word(in, "type", out.type, group_type_from);
}
void read(Members& in, request::GroupJoin& out) {
  in.text("group", out.group, true);
  in.text("note", out.note);
}
void read(Members& in, request::GroupApplications& out) { in.text("group", out.group, true); }
void read(Members& in, Decision& out) {
  in.text("group", out.group, true);
  in.text("user", out.user, true);
  in.must_flag("agree", out.agree);
  in.text("note", out.note);
}
void read(Members& in, request::GroupQuit& out) { in.text("group", out.group, true); }
void read(Members&, request::GroupInvitations&) {}
void read(Members& in, InvitationAnswer& out) {
  in.text("group", out.group, true);
  in.must_flag("agree", out.agree);
  in.text("note", out.note);
}
void read(Members& in, request::GroupInvite& out) { read_change(in, out.change); }
void read(Members& in, request::GroupKick& out) {
  read_change(in, out.change);
  in.text("reason", out.change.reason);
  if (std::int64_t ms = 0; in.number("ban_ms", ms, 0, MemberChange::kForever.count()))
    out.change.ban = milliseconds(ms);
}
void read(Members& in, MemberChange& out) {
  in.text("group", out.group, true);
  in.text("user", out.user);
  read_word(in, "role", out.role, group_role_from);
  if (std::int64_t ms = 0; in.number("silence_ms", ms, 0, MemberChange::kForever.count()))
    out.silence = milliseconds(ms);
  in.text("card", out.card);
  read_word(in, "option", out.option, receive_option_from);
  if (!out.role && !out.silence && !out.card && !out.option) in.wrong("role", "missing, and so is every other change");
}
void read(Members& in, MembersRequest& out) {
  in.text("group", out.group, true);
  in.text("after", out.after);
  in.size("limit", out.limit, 100);
  read_word(in, "role", out.role, group_role_from);
  in.flag("silenced", out.silenced);
  in.flag("banned", out.banned);
}
void read(Members& in, GroupSendRequest& out) {
  in.text("group", out.group, true);
  in.content(out);
  read_texts(in, "mentions", out.mentions, false);
  read_texts(in, "targets", out.targets, false);
}
void read(Members& in, GroupReadRequest& out) {
  in.text("group", out.group, true);
  in.id("seq", out.seq);
  in.time("until", out.until);
  if (out.seq && out.until) in.wrong("until", "stands beside seq");
}
void read(Members& in, GroupPullRequest& out) {
  in.text("group", out.group, true);
  in.id("after", out.after);
  in.id("before", out.before);
  if (out.after && out.before) in.wrong("before", "stands beside after");
  in.number("changes", out.changes, 0, kFrameNumberMax);
  in.size("limit", out.limit, 100);
}
void read(Members& in, GroupChatChange& out) {
  in.text("group", out.group, true);
  in.flag("pinned", out.pinned);
  in.text("mark", out.mark);
  in.flag("remove", out.remove);
  in.flag("with_messages", out.with_messages);
}

}  // namespace nightpost::im
