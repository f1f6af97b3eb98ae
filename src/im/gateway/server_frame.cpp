#include "im/gateway/server_frame.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/text.h"
#include "im/gateway/frame_json.h"
#include "im/gateway/group_frame.h"

namespace nightpost::im {
namespace {

using namespace frame;

std::string recall_json(const Recall& recall) {
  std::string out = "{";
  append_json_member(out, "id", text_of(recall.id));
  append_json_member(out, "by", recall.by);
  append_json_member(out, "time", to_ms(recall.at));
  return out += '}';
}

void ids_if(std::string& out, std::string_view name, const std::vector<MessageId>& ids) {
  if (ids.empty()) return;
  key(out, name);
  out += '[';
  for (const MessageId& id : ids) {
    if (out.back() != '[') out += ',';
    out.append("\"").append(text_of(id)).append("\"");
  }
  out += ']';
}

std::string chat_json(const Chat& chat) {
  std::string out = "{";
  append_json_member(out, "peer", chat.peer);
  append_json_member(out, "conv", std::to_string(chat.conv.value));
  append_json_member(out, "ver", chat.ver.value);
  number_if(out, "head", chat.head.value);
  number_if(out, "head_at", to_ms(chat.head_at));
  number_if(out, "read", chat.read.value);
  number_if(out, "peer_read", chat.peer_read.value);
  number_if(out, "cleared", chat.cleared.value);
  number_if(out, "unread", chat.unread);
  number_if(out, "changes", chat.changes);
  flag_if(out, "pinned", chat.pinned);
  text_if(out, "mark", chat.mark);
  flag_if(out, "gone", chat.gone);
  if (chat.last) json(out, "last", message_json(*chat.last));
  return out += '}';
}

void refusal(std::string& out, const Refusal& refusal) {
  append_json_member(out, "code", static_cast<std::int64_t>(refusal.code));
  append_json_member(out, "why", utf8_repaired(refusal.why));
}

}  // namespace

std::string message_json(const Message& message) {
  std::string out = "{";
  out.reserve(message.elements.size() + message.push.size() + message.cloud_data.size() + 256);
  append_json_member(out, "id", text_of(message.id));
  append_json_member(out, "time", to_ms(message.at));
  append_json_member(out, "from", message.from);
  if (message.group.empty()) {
    append_json_member(out, "to", message.to);
  } else {
    append_json_member(out, "group", message.group);
    text_if(out, "card", message.card);
    names_if(out, "mentions", message.mentions);
    names_if(out, "targets", message.targets);
    flag_if(out, "tip", message.flags.tip);
  }
  text_if(out, "nick", message.nick);
  text_if(out, "face", message.face);
  text_if(out, "client_id", message.client_id);
  if (message.priority != Priority::Normal) append_json_member(out, "priority", name_of(message.priority));
  json(out, "elements", message.elements.empty() ? std::string_view("[]") : std::string_view(message.elements));
  if (!message.push.empty()) json(out, "push", message.push);
  text_if(out, "cloud_data", message.cloud_data);
  flag_if(out, "no_unread", message.flags.no_unread);
  flag_if(out, "no_last", message.flags.no_last);
  flag_if(out, "recalled", message.flags.recalled);
  flag_if(out, "edited", message.flags.edited && !message.flags.recalled);
  if (message.expires) append_json_member(out, "expires", to_ms(*message.expires));
  return out += '}';
}

std::string welcome_frame(const LoginReply& reply, WallTime now, const GatewayOptions& options) {
  std::string out = R"({"type":"welcome","code":0,"version":1)";
  append_json_member(out, "user", reply.terminal.user.user);
  text_if(out, "nick", reply.nick);
  append_json_member(out, "ver", reply.ver.value);
  append_json_member(out, "time", to_ms(now));
  append_json_member(out, "sig_ends", to_ms(reply.signature_ends));
  append_json_member(out, "heartbeat_ms", options.heartbeat.count());
  append_json_member(out, "ack_timeout_ms", options.ack_timeout.count());
  out += R"(,"limits":{)";
  append_json_member(out, "frame_bytes", static_cast<std::int64_t>(options.frame_bytes_max));
  append_json_member(out, "server_frame_bytes", static_cast<std::int64_t>(kServerFrameBytesMax));
  append_json_member(out, "requests_open", static_cast<std::int64_t>(options.requests_open_max));
  append_json_member(out, "unacked_frames", static_cast<std::int64_t>(options.unacked_frames_max));
  append_json_member(out, "unacked_bytes", static_cast<std::int64_t>(options.unacked_bytes_max));
  return out += "}}";
}

std::string welcome_refused_frame(const Refusal& why, milliseconds retry_after) {
  std::string out = R"({"type":"welcome")";
  refusal(out, why);
  append_json_member(out, "retry_after_ms", retry_after.count());
  return out += '}';
}

std::string res_frame(std::int64_t id, std::string_view body) {
  std::string out = R"({"type":"res")";
  append_json_member(out, "id", id);
  out.append(R"(,"code":0,"body":)").append(body);
  return out += '}';
}

std::string res_refused_frame(std::int64_t id, const Refusal& why) {
  std::string out = R"({"type":"res")";
  append_json_member(out, "id", id);
  refusal(out, why);
  return out += '}';
}

std::string res_too_long_frame(std::int64_t id, std::string_view client_id, std::size_t bytes, std::size_t limit) {
  std::string out = R"({"type":"res")";
  append_json_member(out, "id", id);
  refusal(out, {Code::TooLarge,
                "the frame has " + std::to_string(bytes) + " bytes, " + std::to_string(limit) + " are allowed"});
  append_json_member(out, "limit_bytes", static_cast<std::int64_t>(limit));
  text_if(out, "client_id", client_id);
  return out += '}';
}

std::string behind_frame(Ver ver) {
  std::string out = R"({"type":"behind")";
  append_json_member(out, "ver", ver.value);
  return out += '}';
}

std::string pong_frame(WallTime now) {
  std::string out = R"({"type":"pong")";
  append_json_member(out, "time", to_ms(now));
  return out += '}';
}

std::string bye_frame(Bye reason, bool reconnect, milliseconds delay, std::string_view why) {
  std::string out = R"({"type":"bye")";
  append_json_member(out, "reason", im::name_of(reason));
  flag(out, "reconnect", reconnect);
  append_json_member(out, "delay_ms", delay.count());
  append_json_member(out, "why", utf8_repaired(why));
  return out += '}';
}

DeliverFrame deliver_frame(std::int64_t pos, const Delivery& delivery, const SharedText& message) {
  std::string out = R"({"type":"deliver")";
  append_json_member(out, "pos", pos);
  if (delivery.ver.value != 0) append_json_member(out, "ver", delivery.ver.value);
  if (delivery.group.value == 0) append_json_member(out, "unread_total", delivery.unread_total);
  out += R"(,"items":[{)";
  return std::visit(
      [&]<class Item>(const Item& item) -> DeliverFrame {
        if constexpr (std::is_same_v<Item, NewMessage>) {
          append_json_member(out, "kind", "message");
          number_if(out, "unread", item.unread);
          flag_if(out, "online_only", item.online_only);
          key(out, "message");
          return {std::move(out), message, "}]}"};
        } else if constexpr (std::is_same_v<Item, MessageEdited>) {
          append_json_member(out, "kind", "edit");
          key(out, "message");
          return {std::move(out), message, "}]}"};
        } else {
          if constexpr (std::is_same_v<Item, ReadMark>) {
            append_json_member(out, "kind", "read");
            append_json_member(out, "peer", item.peer);
            append_json_member(out, "read", item.read.value);
            number_if(out, "unread", item.unread);
          } else if constexpr (std::is_same_v<Item, PeerRead>) {
            append_json_member(out, "kind", "peer_read");
            append_json_member(out, "peer", item.peer);
            append_json_member(out, "read", item.read.value);
          } else if constexpr (std::is_same_v<Item, Recalled>) {
            append_json_member(out, "kind", "recall");
            append_json_member(out, "peer", item.peer);
            append_json_member(out, "id", text_of(item.recall.id));
            append_json_member(out, "by", item.recall.by);
            append_json_member(out, "time", to_ms(item.recall.at));
          } else if constexpr (std::is_same_v<Item, ChatChanged>) {
            append_json_member(out, "kind", "chat");
            append_json_member(out, "peer", item.peer);
          } else if constexpr (std::is_same_v<Item, GroupRead>) {
            append_json_member(out, "kind", "read");
            append_json_member(out, "group", item.group);
            append_json_member(out, "read", item.read.value);
            number_if(out, "unread", item.unread);
          } else if constexpr (std::is_same_v<Item, GroupRecalled>) {
            append_json_member(out, "kind", "recall");
            append_json_member(out, "group", item.group);
            append_json_member(out, "id", text_of(item.recall.id));
            append_json_member(out, "by", item.recall.by);
            append_json_member(out, "time", to_ms(item.recall.at));
          } else if constexpr (std::is_same_v<Item, GroupNews>) {
            append_json_member(out, "kind", "group");
            append_json_member(out, "group", item.group);
            if (item.tip) json(out, "tip", *item.tip);
          } else if constexpr (std::is_same_v<Item, Removed>) {  // to who knows no `removes`, the news that it was
            const bool in_group = !item.group.empty();
            append_json_member(out, "kind", in_group ? "group" : "chat");
            append_json_member(out, in_group ? "group" : "peer", in_group ? item.group : item.peer);
            ids_if(out, "removes", item.ids);
          } else {
            static_assert(std::is_same_v<Item, Subscribed>);  // the gateway's own: no client hears of it
          }
          return {std::move(out), nullptr, "}]}"};
        }
      },
      delivery.item);
}

std::string send_body(const SendReply& reply) {
  std::string out = "{";
  append_json_member(out, "id", text_of(reply.id));
  append_json_member(out, "time", to_ms(reply.at));
  append_json_member(out, "ver", reply.ver.value);
  flag_if(out, "repeated", reply.repeated);
  return out += '}';
}

std::string ver_body(Ver ver) {
  std::string out = "{";
  append_json_member(out, "ver", ver.value);
  return out += '}';
}

std::string read_body(const ReadReply& reply) {
  std::string out = "{";
  append_json_member(out, "read", reply.read.value);
  append_json_member(out, "unread", reply.unread);
  append_json_member(out, "unread_total", reply.unread_total);
  append_json_member(out, "ver", reply.ver.value);
  return out += '}';
}

namespace {

/// What of a sync's rows fits, in the order in which the client's cursor passes them: chats and groups by ver, then the
/// groups that moved, by conv.
class SyncRows {
 public:
  explicit SyncRows(SyncReply& reply) : reply_(reply), moved_from_(reply.groups.size() - reply.moved) {}

  void fill() {
    Ver last;
    while (chats.count < reply_.chats.size() || groups.count < moved_from_) {
      const bool is_chat =
          groups.count == moved_from_ ||
          (chats.count < reply_.chats.size() && reply_.chats[chats.count].ver < reply_.groups[groups.count].ver);
      const Ver ver = is_chat ? reply_.chats[chats.count].ver : reply_.groups[groups.count].ver;
      if (!add(is_chat)) return cut(last, {});
      last = ver;
    }
    while (groups.count < reply_.groups.size())
      if (!add(false)) return cut(reply_.ver, ConvId{reply_.groups[groups.count].conv.value - 1});
  }

  Rows chats, groups;

 private:
  bool add(bool is_chat) {
    const std::string row =
        is_chat ? chat_json(reply_.chats[chats.count]) : group_chat_json(reply_.groups[groups.count]);
    const bool first = chats.count + groups.count == 0;
    if (!first && chats.text.size() + groups.text.size() + row.size() > kRowsBytesMax) return false;
    return (is_chat ? chats : groups).add(row);
  }
  void cut(Ver ver, ConvId after_group) {
    reply_.more = true;
    reply_.ver = ver;
    reply_.after_group = after_group;
    reply_.moved = groups.count > moved_from_ ? groups.count - moved_from_ : 0;
    reply_.chats.resize(chats.count);
    reply_.groups.resize(groups.count);
  }

  SyncReply& reply_;
  const std::size_t moved_from_;
};

}  // namespace

std::string sync_body(SyncReply& reply) {
  SyncRows rows(reply);
  rows.fill();
  std::string out = "{";
  json(out, "chats", "[" + rows.chats.text + "]");
  if (rows.groups.count > 0) json(out, "groups", "[" + rows.groups.text + "]");
  append_json_member(out, "ver", reply.ver.value);
  flag(out, "more", reply.more);
  if (reply.after_group.value != 0) append_json_member(out, "after_group", std::to_string(reply.after_group.value));
  flag_if(out, "reset", reply.reset);
  append_json_member(out, "unread_total", reply.unread_total);
  time_if(out, "time", reply.time);
  return out += '}';
}

std::string pull_body(PullReply& reply, bool newest_first) {
  if (newest_first) std::ranges::reverse(reply.messages);
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (const Message& message : reply.messages) {
    std::string text = message_json(message);
    if (!texts.empty() && bytes + text.size() > kRowsBytesMax) break;
    bytes += text.size() + 1;
    texts.push_back(std::move(text));
  }
  if (texts.size() < reply.messages.size()) {
    reply.messages.resize(texts.size());
    reply.more = true;
    (newest_first ? reply.from : reply.to) = reply.messages.back().id.seq;
  }
  if (newest_first) {
    std::ranges::reverse(reply.messages);
    std::ranges::reverse(texts);
  }
  std::string out = "{";
  append_json_member(out, "conv", std::to_string(reply.conv.value));
  key(out, "messages");
  out += '[';
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    out += text;
  }
  out += ']';
  append_json_member(out, "from", reply.from.value);
  append_json_member(out, "to", reply.to.value);
  append_json_member(out, "head", reply.head.value);
  if (!reply.recalls.empty()) {
    key(out, "recalls");
    out += '[';
    for (const Recall& recall : reply.recalls) {
      if (out.back() != '[') out += ',';
      out += recall_json(recall);
    }
    out += ']';
  }
  ids_if(out, "edits", reply.edits);
  ids_if(out, "removes", reply.removes);
  append_json_member(out, "changes", reply.changes);
  flag(out, "more", reply.more);
  return out += '}';
}

std::string profiles_body(const std::vector<std::pair<std::string, Profile>>& profiles) {
  std::string out = R"({"profiles":[)";
  for (const auto& [user, profile] : profiles) {
    if (out.back() != '[') out += ',';
    out += '{';
    append_json_member(out, "user", user);
    text_if(out, "nick", profile.nick.value_or(""));
    text_if(out, "face", profile.face.value_or(""));
    out += '}';
  }
  return out += "]}";
}

std::string users_body(const std::vector<std::string>& users) {
  std::string out = R"({"users":[)";
  for (const std::string& user : users) {
    if (out.back() != '[') out += ',';
    out += '"';
    append_json_escaped(out, user);
    out += '"';
  }
  return out += "]}";
}

}  // namespace nightpost::im
