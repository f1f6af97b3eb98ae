#include "im/gateway/group_frame.h"

#include <array>

#include "im/gateway/frame_json.h"
#include "im/gateway/server_frame.h"

namespace nightpost::im {
namespace {

using namespace frame;

constexpr std::array<std::string_view, 4> kResults = {"failed", "done", "already", "waiting"};  // as MemberResult

std::string_view name_of(MemberResult result) noexcept { return kResults[static_cast<std::size_t>(result)]; }

std::string info_json(const GroupInfo& info) {
  std::string out = "{";
  append_json_member(out, "group", info.group);
  append_json_member(out, "conv", std::to_string(info.conv.value));
  append_json_member(out, "type", name_of(info.type));
  append_json_member(out, "name", info.name);
  text_if(out, "introduction", info.introduction);
  text_if(out, "notification", info.notification);
  text_if(out, "face", info.face);
  text_if(out, "owner", info.owner);
  time_if(out, "created_at", info.created_at);
  time_if(out, "info_at", info.info_at);
  time_if(out, "head_at", info.last_at);
  number_if(out, "head", info.head.value);
  append_json_member(out, "members", info.members);
  append_json_member(out, "members_max", info.members_max);
  append_json_member(out, "join", name_of(info.join));
  append_json_member(out, "invite", name_of(info.invite));
  flag_if(out, "invite_consent", info.invite_consent);
  flag_if(out, "all_silenced", info.all_silenced);
  if (!info.fields.empty()) {
    std::string fields = "{";
    for (const auto& [name, value] : info.fields) append_json_member(fields, name, value);
    json(out, "fields", fields + "}");
  }
  if (info.self) {
    std::string self = "{";
    append_json_member(self, "role", name_of(info.self->role));
    append_json_member(self, "option", name_of(info.self->option));
    text_if(self, "card", info.self->card);
    time_if(self, "joined_at", info.self->joined_at);
    time_if(self, "silenced_until", info.self->silenced_until);
    number_if(self, "read", info.self->read.value);
    number_if(self, "unread", info.self->unread);
    json(out, "self", self + "}");
  }
  return out += '}';
}

std::string member_json(const GroupMember& member) {
  std::string out = "{";
  append_json_member(out, "user", member.user);
  append_json_member(out, "role", name_of(member.role));
  text_if(out, "nick", member.nick);
  text_if(out, "card", member.card);
  time_if(out, "joined_at", member.joined_at);
  time_if(out, "last_sent_at", member.last_sent_at);
  time_if(out, "silenced_until", member.silenced_until);
  return out += '}';
}

}  // namespace

std::string group_chat_json(const GroupChat& chat) {
  std::string out = "{";
  append_json_member(out, "group", chat.group);
  append_json_member(out, "conv", std::to_string(chat.conv.value));
  append_json_member(out, "ver", chat.ver.value);
  append_json_member(out, "type", name_of(chat.type));
  text_if(out, "name", chat.name);
  text_if(out, "face", chat.face);
  append_json_member(out, "role", name_of(chat.role));
  append_json_member(out, "option", name_of(chat.option));
  number_if(out, "head", chat.head.value);
  time_if(out, "head_at", chat.head_at);
  number_if(out, "read", chat.read.value);
  number_if(out, "cleared", chat.cleared.value);
  number_if(out, "unread", chat.unread);
  number_if(out, "changes", chat.changes);
  flag_if(out, "pinned", chat.pinned);
  text_if(out, "mark", chat.mark);
  flag_if(out, "hidden", chat.hidden);
  flag_if(out, "gone", chat.gone);
  flag_if(out, "mentioned", chat.mentioned);
  flag_if(out, "mentioned_all", chat.mentioned_all);
  number_if(out, "mention", chat.mention.value);
  if (chat.last) json(out, "last", message_json(*chat.last));
  return out += '}';
}

std::string group_created_body(const GroupCreated& reply) {
  std::string out = "{";
  append_json_member(out, "group", reply.group);
  append_json_member(out, "conv", std::to_string(reply.conv.value));
  append_json_member(out, "ver", reply.ver.value);
  names_if(out, "unknown", reply.unknown);
  return out += '}';
}

std::string group_infos_body(const std::vector<std::pair<std::string, Answer<GroupInfo>>>& infos) {
  Rows rows;
  for (const auto& [group, info] : infos) {
    std::string row;
    if (info) {
      row = info_json(*info);
    } else {
      row = "{";
      append_json_member(row, "group", group);
      append_json_member(row, "code", static_cast<std::int64_t>(info.error().code));
      append_json_member(row, "why", info.error().why);
      row += '}';
    }
    if (!rows.add(row)) break;
  }
  std::string out = rows.listed("groups");
  flag(out, "more", rows.count < infos.size());
  return out += '}';
}

std::string joined_groups_body(const JoinedGroups& reply) {
  Rows rows;
  while (rows.count < reply.groups.size() && rows.add(info_json(reply.groups[rows.count]))) {
  }
  std::string out = rows.listed("groups");
  append_json_member(out, "total", reply.total);
  flag(out, "more", reply.more || rows.count < reply.groups.size());
  return out += '}';
}

std::string join_body(const JoinReply& reply) {
  std::string out = "{";
  append_json_member(out, "result", name_of(reply.result));
  append_json_member(out, "ver", reply.ver.value);
  return out += '}';
}

std::string invitations_body(const std::vector<Invitation>& invitations) {
  Rows rows;
  for (const Invitation& each : invitations) {
    std::string row = "{";
    append_json_member(row, "group", each.group);
    append_json_member(row, "name", each.name);
    append_json_member(row, "type", name_of(each.type));
    append_json_member(row, "by", each.by);
    time_if(row, "time", each.at);
    if (!rows.add(row += '}')) break;
  }
  std::string out = rows.listed("invitations");
  flag_if(out, "more", rows.count < invitations.size());
  return out += '}';
}

std::string applications_body(const std::vector<Application>& applications) {
  Rows rows;
  for (const Application& each : applications) {
    std::string row = "{";
    append_json_member(row, "user", each.user);
    time_if(row, "time", each.at);
    text_if(row, "note", each.note);
    flag_if(row, "decided", each.decided);
    flag_if(row, "agreed", each.agreed);
    text_if(row, "inviter", each.inviter);
    flag_if(row, "for_user", each.for_user);
    text_if(row, "by", each.by);
    text_if(row, "answer", each.answer);
    if (!rows.add(row += '}')) break;
  }
  std::string out = rows.listed("applications");
  flag_if(out, "more", rows.count < applications.size());
  return out += '}';
}

std::string members_changed_body(const MembersChanged& reply) {
  Rows rows;
  for (const MemberOutcome& each : reply.members) {
    std::string row = "{";
    append_json_member(row, "user", each.user);
    append_json_member(row, "result", name_of(each.result));
    text_if(row, "why", each.why);
    if (!rows.add(row += '}')) break;
  }
  std::string out = rows.listed("members");
  append_json_member(out, "ver", reply.ver.value);
  return out += '}';
}

std::string members_body(const MembersPage& page) {
  Rows rows;
  while (rows.count < page.members.size() && rows.add(member_json(page.members[rows.count]))) {
  }
  std::string out = rows.listed("members");
  append_json_member(out, "total", page.total);
  flag(out, "more", page.more || rows.count < page.members.size());
  return out += '}';
}

}  // namespace nightpost::im
