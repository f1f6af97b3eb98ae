#include "im/service/callback_notes.h"

#include <cstdint>

#include "core/text.h"
#include "im/service/callback_body.h"
#include "im/service/group_commands.h"
#include "im/service/mass_push_commands.h"

namespace nightpost::im {
namespace {

std::string_view join_word(JoinOption option) noexcept {
  switch (option) {
    case JoinOption::Free:
      return "FreeAccess";
    case JoinOption::Approval:
      return "NeedPermission";
    case JoinOption::Disabled:
      break;
  }
  return "DisableApply";
}

void note(Work& work, AppId app, Callback what, std::string_view platform, std::string client_ip, CallbackBody body) {
  if (!work.callback_room->take(work.tables, app, work.options.callbacks.queued_max, work.now)) return;
  work.tables.add_callback({.app = app,
                            .command = std::string(traits_of(what).command),
                            .at = work.now,
                            .client_ip = std::move(client_ip),
                            .platform = std::string(platform),
                            .body = body.take()});
  work.told.callbacks.push_back(app);
}

void note(Work& work, const Actor& who, Callback what, CallbackBody body) {
  note(work, who.user.app, what, callback_platform(who), who.terminal ? who.terminal->address : std::string(),
       std::move(body));
}

std::string msg_key_of(const Message& message, const WireName& name) {
  return callback_msg_key(name, name.imported_at == WallTime{} ? message.at : name.imported_at);
}

/// Where nobody gave it a name, its seq and 0 stand for it.
WireName with_seq(WireName name, const Message& message) {
  if (name.seq == 0 && name.random == 0) name.seq = static_cast<std::uint32_t>(message.id.seq.value);
  return name;
}

CallbackBody of_group(Callback what, const GroupRow& group) {
  CallbackBody body(traits_of(what).command);
  body.text("GroupId", group.id).text("Type", rest_name_of(group.type));
  return body;
}

/// The message of an event, one-to-one ("12-5") or a group's with its range ("12-5.3"). nullopt: of something else.
std::optional<MessageId> pushed_message(std::string_view event_id) {
  const std::size_t dot = event_id.find('.');
  if (dot != event_id.npos) {
    const std::string_view range = event_id.substr(dot + 1);
    if (range.empty() || range.find_first_not_of("0123456789") != range.npos) return std::nullopt;
  }
  return message_id_from(event_id.substr(0, dot));
}

void note_push_outcome(Work& work, const PushOutcome& outcome) {
  const auto id = pushed_message(outcome.event_id);
  const auto conv = id ? work.tables.conv(id->conv) : std::nullopt;
  if (!conv || conv->app != outcome.app) return;
  const auto group = conv->is_group() ? work.tables.group(id->conv) : std::nullopt;
  if (conv->is_group() && !group) return;
  std::optional<Message> message;
  if (group) {
    if (auto found = work.tables.group_message(*group, id->seq)) message = std::move(found->first);
  } else if (outcome.user.empty() || conv->holds({conv->app, outcome.user})) {
    message = work.tables.message(*conv, id->seq);
  }
  if (!message) return;
  const WireName name = with_seq(work.tables.wire_name_of(*id).value_or(WireName{}), *message);
  std::string event = "{";
  append_json_member(event, "CallbackCommand", traits_of(Callback::PushResult).command);
  append_json_member(event, "EventType", group ? 2 : 1);
  append_json_member(event, "EventTime", callback_second(outcome.at));
  append_json_member(event, "From_Account", message->from);
  append_json_member(event, "To_Account", outcome.user.empty() ? message->to : outcome.user);
  append_json_member(event, "PushPlatform", outcome.platform);
  append_json_member(event, "PushStage", outcome.stage);
  if (group)
    append_json_member(event, "GroupID", group->id);
  else
    append_json_member(event, "MsgKey", msg_key_of(*message, name));
  append_json_member(event, "MsgSeq", name.seq);
  append_json_member(event, "MsgRandom", name.random);
  append_json_member(event, "MsgTime", callback_second(message->at));
  append_json_member(event, "PushID", outcome.push_id);
  append_json_member(event, "ErrCode", outcome.code);
  append_json_member(event, "ErrInfo", outcome.info);
  append_json_member(event, "EventId", push_outcome_id(outcome));
  note_push_events(work, outcome.app, Callback::PushResult, "[" + event + "}]");
}

}  // namespace

std::string push_outcome_id(const PushOutcome& outcome) {
  return outcome.event_id + "/" + outcome.user + "/" + outcome.device + "/" + std::to_string(outcome.stage);
}

void note_push_events(Work& work, AppId app, Callback what, const std::string& events) {
  CallbackBody body(traits_of(what).command);
  body.raw("Events", events);
  note(work, app, what, kServerApi, {}, std::move(body));
}

bool wants_callback(const Work& work, AppId app, Callback what) {
  if (work.callback_room == nullptr) return false;
  const auto wanted = work.options.callbacks.wanted.find(app);
  return wanted != work.options.callbacks.wanted.end() && wanted->second.contains(what);
}

void note_sent(Work& work, const Actor& who, const Message& message, WireName name, bool hidden, bool online_only,
               std::int64_t receiver_unread) {
  if (!wants_callback(work, who.user.app, Callback::Sent)) return;
  CallbackBody body(traits_of(Callback::Sent).command);
  body.text("From_Account", message.from)
      .text("To_Account", message.to)
      .number("MsgSeq", name.seq)
      .number("MsgRandom", name.random)
      .number("MsgTime", callback_second(message.at))
      .text("MsgKey", msg_key_of(message, name))
      .text("MsgId", online_only ? "" : text_of(message.id))
      .number("OnlineOnlyFlag", online_only ? 1 : 0)
      .raw("MsgBody", message.elements)
      .text("CloudCustomData", message.cloud_data)
      .number("SendMsgResult", hidden ? static_cast<std::int32_t>(Code::Blacklisted) : 0)
      .text("ErrorInfo", hidden ? "the receiver has the sender on his blacklist" : "")
      .number("UnreadMsgNum", receiver_unread);
  if (work.words_marked) body.number("WordsMarked", 1);
  note(work, who, Callback::Sent, std::move(body));
}

void note_read(Work& work, const Actor& who, const ConvRow& conv, const ChatRow& chat) {
  if (conv.a == conv.b || !wants_callback(work, who.user.app, Callback::Read)) return;
  WallTime last = chat.head_at;
  if (chat.read < chat.head) {
    const auto message = work.tables.message(conv, chat.read);
    last = message ? message->at : work.now;
  }
  CallbackBody body(traits_of(Callback::Read).command);
  body.text("Report_Account", chat.owner.user)
      .text("Peer_Account", chat.peer)
      .number("LastReadTime", callback_second(last))
      .number("UnreadMsgNum", unread_total(work.tables, chat.owner));
  note(work, who, Callback::Read, std::move(body));
}

void note_recalled(Work& work, const Actor& who, const Message& message) {
  if (!wants_callback(work, who.user.app, Callback::Recalled)) return;
  const WireName name = with_seq(work.tables.wire_name_of(message.id).value_or(WireName{}), message);
  CallbackBody body(traits_of(Callback::Recalled).command);
  body.text("From_Account", message.from)
      .text("To_Account", message.to)
      .text("MsgKey", msg_key_of(message, name))
      .text("MsgId", text_of(message.id))
      .number("UnreadMsgNum", unread_total(work.tables, {who.user.app, message.to}));
  note(work, who, Callback::Recalled, std::move(body));
}

void note_group_sent(Work& work, const Actor& who, const GroupRow& group, const Message& message, bool online_only) {
  if (!wants_callback(work, who.user.app, Callback::GroupSent)) return;
  CallbackBody body = of_group(Callback::GroupSent, group);
  body.text("From_Account", message.from)
      .text("Operator_Account", who.user.user)
      .number("Random", 0)
      .number("OnlineOnlyFlag", online_only ? 1 : 0)
      .raw("MsgBody", message.elements)
      .text("CloudCustomData", message.cloud_data)
      .text("TopicId", "")
      .number("EventTime", to_ms(work.now))
      .number("MsgSeq", message.id.seq.value)
      .number("MsgTime", callback_second(message.at))
      .text("MsgId", online_only ? "" : text_of(message.id));
  if (!message.mentions.empty()) {
    std::string list = "[";
    for (const std::string& user : message.mentions) {
      const bool all = user == kMentionAll;
      list += list.ends_with('[') ? "{" : ",{";
      append_json_member(list, "GroupAtAllFlag", all ? 1 : 0);
      if (!all) append_json_member(list, "GroupAt_Account", user);
      list += '}';
    }
    body.raw("GroupAtInfo", list + "]");
  }
  if (work.words_marked) body.number("WordsMarked", 1);
  note(work, who, Callback::GroupSent, std::move(body));
}

void note_group_recalled(Work& work, const Actor& who, const GroupRow& group, MessageId message) {
  if (!wants_callback(work, who.user.app, Callback::GroupRecalled)) return;
  CallbackBody body = of_group(Callback::GroupRecalled, group);
  body.text("Operator_Account", who.user.user)
      .raw("MsgSeqList", R"([{"MsgSeq":)" + std::to_string(message.seq.value) + "}]")
      .text("TopicId", "")
      .number("EventTime", to_ms(work.now));
  note(work, who, Callback::GroupRecalled, std::move(body));
}

void note_group_created(Work& work, const Actor& who, const GroupRow& group, const std::vector<std::string>& members) {
  if (!wants_callback(work, who.user.app, Callback::GroupCreated)) return;
  CallbackBody body = of_group(Callback::GroupCreated, group);
  body.text("Operator_Account", who.user.user)
      .text("Owner_Account", group.owner)
      .text("Name", group.name)
      .users("MemberList", "Member_Account", members)
      .number("EventTime", to_ms(work.now));
  note(work, who, Callback::GroupCreated, std::move(body));
}

void note_joined(Work& work, const Actor& who, const GroupRow& group, bool invited,
                 const std::vector<std::string>& users) {
  if (users.empty() || !wants_callback(work, who.user.app, Callback::GroupJoined)) return;
  CallbackBody body = of_group(Callback::GroupJoined, group);
  body.text("JoinType", invited ? "Invited" : "Apply")
      .text("Operator_Account", who.user.user)
      .users("NewMemberList", "Member_Account", users)
      .number("EventTime", to_ms(work.now));
  note(work, who, Callback::GroupJoined, std::move(body));
}

void note_left(Work& work, const Actor& who, const GroupRow& group, bool kicked,
               const std::vector<std::string>& users) {
  if (users.empty() || !wants_callback(work, who.user.app, Callback::GroupLeft)) return;
  CallbackBody body = of_group(Callback::GroupLeft, group);
  body.text("ExitType", kicked ? "Kicked" : "Quit")
      .text("Operator_Account", who.user.user)
      .users("ExitMemberList", "Member_Account", users)
      .number("EventTime", to_ms(work.now));
  note(work, who, Callback::GroupLeft, std::move(body));
}

void note_dismissed(Work& work, const Actor& who, const GroupRow& group) {
  if (!wants_callback(work, who.user.app, Callback::GroupDismissed)) return;
  CallbackBody body = of_group(Callback::GroupDismissed, group);
  body.text("Operator_Account", who.user.user).text("Owner_Account", group.owner).number("EventTime", to_ms(work.now));
  note(work, who, Callback::GroupDismissed, std::move(body));
}

void note_group_changed(Work& work, const Actor& who, const GroupRow& group, const GroupTip& tip) {
  if (!wants_callback(work, who.user.app, Callback::GroupChanged)) return;
  CallbackBody body = of_group(Callback::GroupChanged, group);
  body.text("Operator_Account", who.user.user).number("EventTime", to_ms(work.now));
  std::string fields = "[";
  for (const auto& [name, value] : tip.changed) {
    constexpr std::string_view kOwnField = "fields.";
    if (name == "name") body.text("Name", value);
    if (name == "introduction") body.text("Introduction", value);
    if (name == "notification") body.text("Notification", value);
    if (name == "face") body.text("FaceUrl", value);
    if (name == "join") body.text("ApplyJoinOption", join_word(group.join));
    if (name == "members_max") body.number("MaxMemberNum", group.members_max);
    if (name == "all_silenced") body.text("ShutUpAllMember", group.all_silenced ? "On" : "Off");
    if (name == "owner") body.text("Owner_Account", value);
    if (!name.starts_with(kOwnField)) continue;
    fields += fields.ends_with('[') ? "{" : ",{";
    append_json_member(fields, "Key", name.substr(kOwnField.size()));
    append_json_member(fields, "Value", value);
    fields += '}';
  }
  if (fields.size() > 1) body.raw("AppDefinedData", fields + "]");
  note(work, who, Callback::GroupChanged, std::move(body));
}

void note_relations(Work& work, const Actor& who, Callback what, const std::vector<std::string>& others,
                    std::string_view by_name, bool force) {
  if (others.empty() || !wants_callback(work, who.user.app, what)) return;
  std::string pairs = "[";
  for (const std::string& other : others) {
    pairs += pairs.ends_with('[') ? "{" : ",{";
    append_json_member(pairs, "From_Account", who.user.user);
    append_json_member(pairs, "To_Account", other);
    append_json_member(pairs, "Initiator_Account", who.user.user);
    pairs += '}';
  }
  CallbackBody body(traits_of(what).command);
  body.raw("PairList", pairs + "]").text("ClientCmd", by_name);
  if (what == Callback::FriendAdded) body.number("ForceFlag", force ? 1 : 0);
  note(work, who, what, std::move(body));
}

void note_blacklist(Work& work, const Actor& who, const std::vector<std::string>& others, bool on) {
  if (on)
    note_relations(work, who, Callback::Blacklisted, others, "black_list_add");
  else
    note_relations(work, who, Callback::Unblacklisted, others, "black_list_delete");
}

std::vector<std::pair<std::string, std::string>> tagged(const Profile& profile) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](const char* tag, const std::optional<std::string>& value) {
    if (!value) return;
    std::string json = "\"";
    append_json_escaped(json, *value);
    out.emplace_back(tag, json + "\"");
  };
  add("Tag_Profile_IM_Nick", profile.nick);
  add("Tag_Profile_IM_Image", profile.face);
  return out;
}

void note_profile(Work& work, const Actor& who, const std::vector<std::pair<std::string, std::string>>& fields) {
  if (fields.empty() || !wants_callback(work, who.user.app, Callback::ProfileSet)) return;
  std::string items = "[";
  for (const auto& [tag, value] : fields) {
    items += items.ends_with('[') ? "{" : ",{";
    append_json_member(items, "Tag", tag);
    items.append(R"(,"Value":)").append(value).append("}");
  }
  CallbackBody body(traits_of(Callback::ProfileSet).command);
  body.text("Operator_Account", who.user.user).text("From_Account", who.user.user).raw("ProfileItem", items + "]");
  note(work, who, Callback::ProfileSet, std::move(body));
}

Answer<void> note_push_outcomes(Work& work, const std::vector<PushOutcome>& all) {
  MassOutcomesByTask mass;
  for (const PushOutcome& outcome : all)
    if (!note_mass_push_outcome(work, outcome, mass) && wants_callback(work, outcome.app, Callback::PushResult))
      note_push_outcome(work, outcome);
  count_mass_push_outcomes(work, mass);
  return {};
}

void note_state(Work& work, const Terminal& who, const StateNote& state) {
  if (!wants_callback(work, who.user.app, Callback::StateChanged)) return;
  std::string info = "{";
  append_json_member(info, "Action", state.action);
  append_json_member(info, "To_Account", who.user.user);
  append_json_member(info, "Reason", state.reason);
  CallbackBody body(traits_of(Callback::StateChanged).command);
  body.number("EventTime", to_ms(work.now)).raw("Info", info + "}");
  if (!state.kicked.empty()) {
    std::string list = "[";
    for (const Platform platform : state.kicked) {
      list += list.ends_with('[') ? "{" : ",{";
      append_json_member(list, "Platform", callback_platform(platform));
      list += '}';
    }
    body.raw("KickedDevice", list + "]");
  }
  note(work, who.user.app, Callback::StateChanged, callback_platform(who.platform), who.address, std::move(body));
}

}  // namespace nightpost::im
