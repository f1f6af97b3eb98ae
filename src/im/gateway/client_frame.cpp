#include "im/gateway/client_frame.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

#include "core/text.h"
#include "im/gateway/client_group_frame.h"
#include "im/gateway/frame_members.h"
#include "im/gateway/gateway_options.h"

namespace nightpost::im {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kNumberMax = kFrameNumberMax;
constexpr std::size_t kCalledMax = 1'000;  // users; the service has a lower limit, and names it

void read_message_id(Members& in, const std::string& name, dom::element value, MessageId& out) {
  std::string text;
  if (!in.text(name, value, text)) return;
  if (const auto id = message_id_from(text)) {
    out = *id;
  } else {
    in.wrong(name, "not the id of a message");
  }
}

void read(Members&, request::Logout&) {}
void read(Members&, request::Blacks&) {}
void read(Members& in, SendRequest& out) {
  in.text("to", out.to, true);
  in.content(out);
}
void read(Members& in, request::Recall& out) {
  if (dom::element value; in.find("id", value, true)) read_message_id(in, "id", value, out.id);
}
void read(Members& in, request::Remove& out) {
  in.each("ids", 30, [&](const std::string& name, dom::element value) {
    read_message_id(in, name, value, out.ids.emplace_back());
  });
}
void read(Members& in, ReadRequest& out) {
  in.text("peer", out.peer, true);
  in.id("seq", out.seq);
  in.time("until", out.until);
  if (out.seq && out.until) in.wrong("until", "stands beside seq");
}
void read(Members& in, ChatChange& out) {
  in.text("peer", out.peer, true);
  in.flag("pinned", out.pinned);
  in.text("mark", out.mark);
  in.flag("remove", out.remove);
  in.flag("with_messages", out.with_messages);
}
void read(Members& in, SyncRequest& out) {
  in.number("ver", out.ver.value, 0, kNumberMax);
  in.size("limit", out.limit, 100);
  in.time("since", out.since);
  read_conv(in, "after_group", out.after_group);
}
void read(Members& in, PullRequest& out) {
  in.text("peer", out.peer, true);
  in.id("after", out.after);
  in.id("before", out.before);
  if (out.after && out.before) in.wrong("before", "stands beside after");
  in.number("changes", out.changes, 0, kNumberMax);
  in.size("limit", out.limit, 100);
}
void read(Members& in, TokenReport& out) {
  std::string token;
  TokenKind kind = TokenKind::Token;
  in.number("certificate", out.certificate.value, 1, kNumberMax, true);
  in.text("token", token, true);
  in.word("kind", kind, token_kind_from);
  out.token = DeviceToken(std::move(token), kind);
}
void read(Members& in, AppState& out) {
  in.must_flag("foreground", out.foreground);
  in.number("unread", out.unread, 0, std::numeric_limits<std::int32_t>::max());
}
void read(Members& in, PushSettings& out) {
  in.flag("enabled", out.enabled);
  in.text("language", out.language);
  in.text("sound_c2c", out.sound_c2c);
  in.text("sound_group", out.sound_group);
  in.flag("badge", out.badge);
}
void read(Members& in, request::SetMute& out) {
  in.word("kind", out.mute.kind, mute_kind_from, true);
  in.text("target", out.mute.target, out.mute.kind != Mute::Kind::All);
  std::optional<WallTime> until;
  in.time("until", until);
  if (until) out.mute.until = *until;
  in.flag("unless_mentioned", out.mute.unless_mentioned);
  in.flag("on", out.on);
}
void read(Members& in, Profile& out) {
  in.text("nick", out.nick);
  in.text("face", out.face);
}
void read(Members& in, request::Profiles& out) {
  in.each("users", 100,
          [&](const std::string& name, dom::element value) { in.text(name, value, out.users.emplace_back()); });
}
void read(Members& in, BlacklistChange& out) {
  in.text("user", out.user, true);
  in.flag("on", out.on);
}

void read(Members& in, CallInvite& out) {
  in.text("to", out.to);
  in.text("group", out.group);
  in.text("client_id", out.client_id, true);
  in.each(
      "users", kCalledMax,
      [&](const std::string& name, dom::element value) { in.text(name, value, out.users.emplace_back()); }, false);
  if (std::int64_t ms = 0; in.number("timeout_ms", ms, 0, kNumberMax)) out.timeout = milliseconds(ms);
  in.text("data", out.data);
  in.text("desc", out.desc);
  in.json<dom::object>("push", out.push, "object");
}
void read_call(Members& in, CallStep step, CallAnswer& out) {
  if (dom::element value; in.find("call", value, true)) read_message_id(in, "call", value, out.call);
  in.text("data", out.data);
  out.step = step;
}
void read(Members& in, request::CallCancel& out) { read_call(in, CallStep::Cancel, out.answer); }
void read(Members& in, request::CallAccept& out) { read_call(in, CallStep::Accept, out.answer); }
void read(Members& in, request::CallReject& out) { read_call(in, CallStep::Reject, out.answer); }
void read(Members&, request::Calls&) {}

using Body = decltype(RequestFrame::body);
/// In the order of Body's alternatives.
constexpr std::array kOps =
    std::to_array<std::string_view>({"logout",       "send",          "recall",       "remove",
                                     "read",         "chat",          "sync",         "pull",
                                     "token",        "state",         "settings",     "mute",
                                     "profile",      "profiles",      "black",        "blacks",
                                     "group_create", "group_dismiss", "group_change", "group_transfer",
                                     "group_infos",  "groups",        "group_join",   "group_applications",
                                     "group_decide", "group_quit",    "group_invite", "group_kick",
                                     "group_member", "group_members", "group_send",   "group_read",
                                     "group_pull",   "group_chat",    "call_invite",  "call_cancel",
                                     "call_accept",  "call_reject",   "calls",        "group_invitations",
                                     "group_answer"});
static_assert(kOps.size() == std::variant_size_v<Body>);

template <std::size_t I = 0>
void read_body(std::size_t op, Members& in, Body& out) {
  if constexpr (I < std::variant_size_v<Body>) {
    if (op == I) {
      read(in, out.emplace<I>());
    } else {
      read_body<I + 1>(op, in, out);
    }
  }
}

std::expected<ClientFrame, BadFrame> bad(std::string why, std::int64_t id = 0, Code code = Code::Malformed) {
  return std::unexpected(BadFrame{id, {code, std::move(why)}});
}

std::expected<ClientFrame, BadFrame> hello(dom::object object) {
  std::string mistake;
  Members in(object, "", mistake);
  HelloFrame frame;
  LoginRequest& login = frame.login;
  bool spoken = false;
  in.each("versions", 16, [&](const std::string& name, dom::element value) {
    std::int64_t version = 0;
    if (value.get(version) != simdjson::SUCCESS) {
      in.wrong(name, "not a whole number");
    } else {
      spoken = spoken || version == kProtocolVersion;
    }
  });
  in.number("app", login.app.value, 1, kNumberMax, true);
  in.text("user", login.user, true);
  in.text("sig", login.signature, true);
  in.text("device", login.device, true);
  in.word("platform", login.platform, platform_from, true);
  in.text("language", login.language);
  in.flag("force", login.force);
  in.flag("auto_read", login.auto_read);
  if (!mistake.empty()) return bad(std::move(mistake));
  if (!spoken) return bad("versions: only " + std::to_string(kProtocolVersion) + " is spoken here");
  return frame;
}

std::expected<ClientFrame, BadFrame> ack(dom::object object) {
  std::string mistake;
  Members in(object, "", mistake);
  AckFrame frame;
  if (std::int64_t pos = 0; in.number("pos", pos, 0, kNumberMax)) frame.pos = pos;
  in.id("ver", frame.ver);
  if (!mistake.empty()) return bad(std::move(mistake));
  if (!frame.pos && !frame.ver) return bad("pos: missing, and so is ver");
  return frame;
}

std::expected<ClientFrame, BadFrame> req(dom::object object) {
  std::string mistake;
  Members in(object, "", mistake);
  RequestFrame frame;
  std::int64_t id = 0;
  in.number("id", id, 1, kNumberMax, true);
  if (!mistake.empty()) return bad(std::move(mistake));
  frame.id = id;
  std::string op;
  in.text("op", op, true);
  dom::element body;
  dom::object members;
  const bool has_body = in.find("body", body, true);
  if (has_body && body.get(members) != simdjson::SUCCESS) in.wrong("body", "not an object");
  if (!mistake.empty()) return bad(std::move(mistake), id);
  const auto known = std::ranges::find(kOps, op);
  if (known == kOps.end()) return bad("op: unknown", id, Code::UnknownOp);
  Members reader(members, "body.", mistake);
  read_body(static_cast<std::size_t>(known - kOps.begin()), reader, frame.body);
  if (!mistake.empty()) return bad(std::move(mistake), id);
  return frame;
}

}  // namespace

struct FrameParser::Impl {
  dom::parser parser;
};

FrameParser::FrameParser() : impl_(std::make_unique<Impl>()) {
  if (impl_->parser.allocate(65'536, kJsonDepthMax) != simdjson::SUCCESS) throw std::bad_alloc();
}
FrameParser::~FrameParser() = default;

std::expected<ClientFrame, BadFrame> FrameParser::parse(std::string_view text) {
  dom::element root;
  if (const auto error = impl_->parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS) {
    if (error == simdjson::DEPTH_ERROR) return bad("nested deeper than " + std::to_string(kJsonDepthMax));
    return bad(std::string("not JSON: ") + simdjson::error_message(error));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return bad("not an object");
  std::string mistake;
  std::string type;
  Members(object, "", mistake).text("type", type, true);
  if (!mistake.empty()) return bad(std::move(mistake));
  if (type == "req") return req(object);
  if (type == "ack") return ack(object);
  if (type == "ping") return PingFrame{};
  if (type == "hello") return hello(object);
  return bad("type: unknown");
}

namespace {

/// Walks JSON that may be cut off or broken anywhere.
class CutJson {
 public:
  explicit CutJson(std::string_view text) : text_(text) {}
  RequestNames names() {
    RequestNames found;
    std::uint32_t objects = 0;  // the open containers, innermost in bit 0: 1 is an object
    std::size_t depth = 0;
    bool in_body = false;  // the container at depth 2 is the body
    std::string_view key;  // waits for its value
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '{' || c == '[') {
        if (++depth > kJsonDepthMax) return found;
        if (depth == 2) in_body = c == '{' && key == "body";
        objects = objects << 1U | static_cast<std::uint32_t>(c == '{');
        key = {};
        expects_key_ = c == '{';
      } else if (c == '}' || c == ']') {
        if (depth-- <= 1) return found;
        objects >>= 1U;
        key = {};
        expects_key_ = false;
      } else if (c == ',') {
        key = {};
        expects_key_ = (objects & 1U) != 0;
      } else if (c == '"') {
        const auto text = string();
        if (!text) return found;
        if (expects_key_) {
          key = *text;
          expects_key_ = false;
        } else if (depth == 2 && in_body && key == "client_id" && found.client_id.empty()) {
          found.client_id = *text;
        }
      } else if ((c >= '0' && c <= '9') || c == '-') {
        if (c != '-' && depth == 1 && key == "id" && found.id == 0) number(found.id);
        key = {};
      }
    }
    return found;
  }

 private:
  /// The inside of a string without escapes, at_ on its last quote; one with escapes is empty. nullopt: cut off.
  std::optional<std::string_view> string() {
    const std::size_t begin = ++at_;
    bool escaped = false;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') continue;
      escaped = true;
      ++at_;
    }
    if (at_ >= text_.size()) return std::nullopt;
    return escaped ? std::string_view() : text_.substr(begin, at_ - begin);
  }
  void number(std::int64_t& out) {
    std::int64_t value = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    at_ += static_cast<std::size_t>(end - begin) - 1;
    const bool ended =
        at_ + 1 < text_.size() && (text_[at_ + 1] == ',' || text_[at_ + 1] == '}' || text_[at_ + 1] == ' ');
    if (error == std::errc{} && ended && value <= kNumberMax) out = value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool expects_key_ = false;
};

}  // namespace

RequestNames names_of_cut_request(std::string_view beginning) {
  RequestNames names = CutJson(beginning).names();
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (names.client_id.size() > 64 || !std::ranges::all_of(names.client_id, printable)) names.client_id.clear();
  return names;
}

}  // namespace nightpost::im
