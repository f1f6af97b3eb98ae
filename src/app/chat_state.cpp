#include "app/chat_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "app/chat_json.h"
#include "app/output.h"
#include "im/domain/codes.h"
#include "im/domain/ids.h"
#include "im/domain/names.h"

namespace nightpost::app {
namespace {

using im::Code;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr milliseconds kFirstDelay{1'000};
constexpr milliseconds kDelayMax{60'000};
constexpr milliseconds kWelcomeGrace{5'000};  // beyond an answer's: a server holds failed logins back
constexpr std::int64_t kPage = 100;

/// Nothing happened: the same request later is worth a try.
bool is_passing(std::int64_t code) {
  return code == int(Code::Busy) || code == int(Code::Internal) || code == int(Code::TooFast);
}
std::string_view name_of(std::int64_t code) {
  if (code < std::numeric_limits<std::int32_t>::min() || code > std::numeric_limits<std::int32_t>::max())
    return "unknown";
  return im::name_of(static_cast<Code>(code));
}
/// Of a login that is refused for good.
int exit_code_for(std::int64_t code) { return im::is_login_fault(static_cast<Code>(code)) ? kBadUsage : kNotAllWell; }

milliseconds delay_of(std::int64_t ms) {
  return std::clamp(milliseconds(ms), milliseconds(0), milliseconds(std::chrono::hours(1)));
}

std::int64_t seq_of(std::string_view id) {
  const auto read = im::message_id_from(id);
  return read ? read->seq.value : 0;
}

}  // namespace

ChatState::ChatState(ChatOptions options, Signer signer, MonoTime now)
    : options_(std::move(options)),
      signer_(std::move(signer)),
      back_off_(kFirstDelay, kDelayMax, options_.seed),
      lost_at_(now),
      peer_(options_.peer) {}

// --- frames ---

void ChatState::send(const ordered_json& frame, MonoTime now) {
  frames_.push_back(frame.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  last_sent_ = now;
}

void ChatState::ask(Request& request, MonoTime now) {
  request.id = ++next_id_;
  ++request.attempts;
  request.due = now + options_.answer_limit;
  send({{"type", "req"}, {"id", request.id}, {"op", request.op}, {"body", request.body}}, now);
}

void ChatState::connected(MonoTime now) {
  phase_ = Phase::Greeting;
  dialing_ = close_ = welcomed_ = false;
  close_why_.clear();
  told_delay_.reset();
  last_heard_ = now;
  pos_ = 0;
  ordered_json hello = {{"type", "hello"},
                        {"versions", {1}},
                        {"app", options_.app.value},
                        {"user", options_.user},
                        {"sig", signer_.sign()},
                        {"device", options_.device},
                        {"platform", nightpost::name_of(options_.platform)}};
  if (!options_.language.empty()) hello["language"] = options_.language;
  if (options_.force) hello["force"] = true;
  if (options_.auto_read) hello["auto_read"] = true;
  send(hello, now);
}

void ChatState::received(std::string_view text, MonoTime now) {
  if (!is_open() || close_) return;
  last_heard_ = now;
  const std::optional<json> frame = parse_frame(text);
  if (!frame) return close("the server sent what is no frame");
  const std::string type = text_of(*frame, "type");
  if (phase_ == Phase::Greeting) {
    if (type == "welcome") on_welcome(*frame, now);
    if (type == "bye") on_bye(*frame);
    return;
  }
  if (type == "res") on_answer(*frame, now);
  if (type == "deliver") on_deliver(*frame, now);
  if (type == "behind") begin_catch_up(ver_, "behind", now);
  if (type == "bye") on_bye(*frame);
}

void ChatState::on_welcome(const json& frame, MonoTime now) {
  if (const std::int64_t code = number_of(frame, "code"); code != 0) {
    say({{"event", "refused"}, {"code", code}, {"name", name_of(code)}, {"why", text_of(frame, "why")}});
    const bool mended = code == int(Code::SigExpired) && signer_.makes_new;  // the next one is newer
    if (!is_passing(code) && !mended) return end(exit_code_for(code));
    if (const std::int64_t ms = number_of(frame, "retry_after_ms"); ms > 0) told_delay_ = delay_of(ms);
    return close("the login was refused");
  }
  welcomed_ = true;
  options_.force = false;
  back_off_.succeeded();
  if (const std::int64_t ms = number_of(frame, "heartbeat_ms"); ms > 0)
    heartbeat_ = std::max(delay_of(ms), milliseconds(100));
  welcome_ver_ = number_of(frame, "ver");
  say({{"event", "online"},
       {"user", text_of(frame, "user")},
       {"nick", text_of(frame, "nick")},
       {"ver", welcome_ver_},
       {"sig_ends", number_of(frame, "sig_ends")}});
  // A connection begins in the foreground.
  if (!foreground_ && std::ranges::find(line_, "state", &Request::op) == line_.end())
    line_.push_front({"state", {{"foreground", false}, {"unread", unread_total_}}});
  begin_catch_up(ver_, synced_ ? "return" : "start", now);
}

void ChatState::on_answer(const json& frame, MonoTime now) {
  const std::int64_t id = number_of(frame, "id");
  const std::int64_t code = number_of(frame, "code");
  const bool own = own_ && own_->id != 0 && own_->id == id;
  const bool typed = !line_.empty() && line_.front().id != 0 && line_.front().id == id;
  if (id == 0 && code != 0) {
    say({{"event", "failed"}, {"op", ""}, {"code", code}, {"name", name_of(code)}, {"why", text_of(frame, "why")}});
    went_wrong_ = true;
  }
  if (!own && !typed) return;  // of a request that was asked again meanwhile
  if (code != 0) return on_refusal(frame, now);
  static const json kNothing = json::object();
  const auto found = frame.find("body");
  const json& body = found == frame.end() ? kNothing : *found;
  if (own) {
    const bool sync = own_->op == "sync";
    return sync ? on_sync(body, now) : on_pull(body, now);
  }
  on_success(body, now);
  ask_next(now);
}

void ChatState::on_refusal(const json& frame, MonoTime now) {
  const std::int64_t code = number_of(frame, "code");
  const bool own = own_ && own_->id == number_of(frame, "id");
  Request& request = own ? *own_ : line_.front();
  request.id = 0;
  if (code == int(Code::NotLoggedIn)) {  // a bye says the rest
    request.due = now + options_.answer_limit;
    return;
  }
  if (is_passing(code) && request.attempts < kAttemptsMax) {
    const std::int64_t told = number_of(frame, "retry_after_ms");
    const milliseconds grown = std::min(kDelayMax, kFirstDelay / 2 * (1 << request.attempts));
    request.due = now + (told > 0 ? delay_of(told) : grown);
    return;
  }
  refused(request, code, text_of(frame, "why"));
  if (!own) {
    line_.pop_front();
    return ask_next(now);
  }
  if (phase_ == Phase::Syncing) return close("a sync was refused");
  to_pull_.pop_front();
  pull_next(now);
}

void ChatState::refused(const Request& request, std::int64_t code, std::string_view why) {
  went_wrong_ = true;
  json event = {{"event", "failed"}, {"op", request.op}, {"code", code}, {"name", name_of(code)}, {"why", why}};
  for (const char* name : {"client_id", "to", "peer", "group", "id", "call"})
    if (const auto it = request.body.find(name); it != request.body.end()) event[name] = *it;
  say(std::move(event));
}

void ChatState::on_success(const json& body, MonoTime) {
  const Request done = std::move(line_.front());
  line_.pop_front();
  if (phase_ == Phase::Live) ver_ = std::max(ver_, number_of(body, "ver"));
  if (done.op.starts_with("group_")) {
    on_group_success(done, body);
  } else if (done.op.starts_with("call")) {
    on_call_success(done, body);
  } else if (done.op == "send") {
    const std::string id = text_of(body, "id");
    const std::string to = done.body["to"];
    if (Chat* const chat = chat_of(to)) {
      chat->head = std::max(chat->head, seq_of(id));
      if (phase_ == Phase::Live) chat->shown = std::max(chat->shown, seq_of(id));
      chat->head_at = number_of(body, "time");
      chat->last = shown_text(json(done.body["elements"]));
      chat->gone = false;
    }
    say({{"event", "sent"},
         {"client_id", done.body["client_id"]},
         {"id", id},
         {"time", number_of(body, "time")},
         {"to", to},
         {"repeated", flag_of(body, "repeated")}});
  } else if (done.op == "pull") {
    json messages = json::array();
    for (const json& each : array_of(body, "messages")) messages.push_back(message_event(each));
    say({{"event", "history"},
         {"peer", done.body["peer"]},
         {"messages", std::move(messages)},
         {"more", flag_of(body, "more")}});
  } else {
    json event = {{"event", "done"}, {"op", done.op}};
    if (done.op == "read") {
      const std::string peer = done.body["peer"];
      event["peer"] = peer;
      event["read"] = number_of(body, "read");
      event["unread_total"] = unread_total_ = number_of(body, "unread_total");
      if (Chat* const chat = chat_of(peer)) chat->unread = number_of(body, "unread");
    } else if (done.op == "recall") {
      event["id"] = done.body["id"];
    }
    say(std::move(event));
    if (done.op == "logout") end(went_wrong_ ? kNotAllWell : kDone);
  }
}

void ChatState::on_bye(const json& frame) {
  const std::string reason = text_of(frame, "reason");
  const bool renewed = reason == "sig_expired" && signer_.makes_new;
  const bool back = flag_of(frame, "reconnect") || renewed;
  say({{"event", "bye"}, {"reason", reason}, {"reconnect", back}, {"why", text_of(frame, "why")}});
  if (!back) return end(reason == "sig_expired" ? kBadUsage : kNotAllWell);
  if (const std::int64_t ms = number_of(frame, "delay_ms"); ms > 0) told_delay_ = delay_of(ms);
  close("bye: " + reason);
}

// --- catching up ---

void ChatState::begin_catch_up(std::int64_t from, std::string_view why, MonoTime now) {
  sync_why_ = why;
  sync_ver_ = from;
  rebuild_ = !synced_;
  sync_again_ = false;
  to_pull_.clear();
  pulled_ = 0;
  own_.reset();
  sync_time_ = 0;
  after_group_.clear();
  const bool in_groups = !chats_.empty() && is_group(chats_.begin()->first);  // their messages move no ver
  if (synced_ && why == "return" && ver_ == welcome_ver_ && !in_groups) return live(now);
  phase_ = Phase::Syncing;
  own_.emplace(Request{"sync", sync_body()});
  ask(*own_, now);
}

void ChatState::on_sync(const json& body, MonoTime now) {
  if (flag_of(body, "reset")) {
    chats_.clear();
    rebuild_ = true;
    ver_ = 0;
  }
  for (const json& row : array_of(body, "chats")) {
    const std::string peer = text_of(row, "peer");
    Chat* const chat = chat_of(peer);
    if (chat == nullptr) continue;
    chat->head = number_of(row, "head");
    chat->head_at = number_of(row, "head_at");
    chat->unread = number_of(row, "unread");
    chat->pinned = flag_of(row, "pinned");
    chat->gone = flag_of(row, "gone");
    const auto last = row.find("last");  // perhaps all messages were removed
    chat->last = last != row.end() ? text_of(message_event(*last), "text") : "";
    chat->changes_head = number_of(row, "changes");
    if (rebuild_) {  // what was before is read by /history
      chat->shown = chat->head;
      chat->changes = chat->changes_head;
    } else if ((chat->head > chat->shown || chat->changes_head > chat->changes) &&
               std::ranges::find(to_pull_, peer) == to_pull_.end()) {
      to_pull_.push_back(peer);
    }
  }
  take_groups(body);
  const std::int64_t ver = number_of(body, "ver");
  const bool goes_on = flag_of(body, "more");  // also at the same ver: a group's message was dropped meanwhile
  sync_ver_ = ver;
  unread_total_ = number_of(body, "unread_total");
  own_.reset();
  if (!goes_on) return pull_next(now);
  own_.emplace(Request{"sync", sync_body()});
  ask(*own_, now);
}

void ChatState::pull_next(MonoTime now) {
  own_.reset();
  if (to_pull_.empty()) return live(now);
  phase_ = Phase::Pulling;
  const std::string& key = to_pull_.front();
  const Chat& chat = chats_[key];
  const bool group = is_group(key);
  own_.emplace(Request{group ? "group_pull" : "pull",
                       {{group ? "group" : "peer", group ? key.substr(1) : key},
                        {"after", chat.shown},
                        {"changes", chat.changes},
                        {"limit", kPage}}});
  ask(*own_, now);
}

void ChatState::on_pull(const json& body, MonoTime now) {
  const std::string peer = to_pull_.front();
  Chat& chat = chats_[peer];
  const std::int64_t shown = chat.shown, changes = chat.changes;
  for (const json& each : array_of(body, "messages")) {
    show_message(each, json::object(), Shown::New);
    ++pulled_;
  }
  chat.shown = std::max(chat.shown, number_of(body, "to"));
  for (const json& each : array_of(body, "recalls")) show_recall(peer, each);
  show_removes(peer, array_of(body, "removes"));
  chat.changes = std::max(chat.changes, number_of(body, "changes"));
  const bool more = flag_of(body, "more");
  const bool moved = chat.shown > shown || chat.changes > changes;
  const bool rest = more || chat.changes < chat.changes_head;
  if (rest && moved && pulled_ < kCatchUpMax) return pull_next(now);
  if (more) {
    json event = {{"event", "skipped"}, {"from", chat.shown + 1}, {"to", chat.head}};
    name_into(event, peer);
    say(std::move(event));
  }
  chat.shown = std::max(chat.shown, chat.head);
  to_pull_.pop_front();
  pulled_ = 0;
  pull_next(now);
}

void ChatState::live(MonoTime now) {
  if (sync_again_) return begin_catch_up(sync_ver_, "behind", now);
  phase_ = Phase::Live;
  ver_ = std::max(ver_, sync_ver_);
  since_ = std::max(since_, sync_time_);
  const Shown which = rebuild_ ? Shown::All : Shown::New;
  synced_ = true;
  rebuild_ = false;
  bool changed = false;
  for (const json& frame : std::exchange(held_, {})) {
    changed = show_items(frame, which) || changed;
    ver_ = std::max(ver_, number_of(frame, "ver"));
  }
  ordered_json ack = {{"type", "ack"}};
  if (pos_ > 0) ack["pos"] = pos_;
  ack["ver"] = ver_;
  send(ack, now);
  json unread = json::array();
  for (const auto& [key, chat] : chats_) {
    if (chat.unread == 0 || unread.size() >= kListedMax) continue;
    name_into(unread.emplace_back(json{{"unread", chat.unread}}), key);
  }
  say({{"event", "synced"},
       {"why", sync_why_},
       {"ver", ver_},
       {"chats", chats_.size()},
       {"unread", std::move(unread)},
       {"unread_total", unread_total_}});
  if (changed) return begin_catch_up(sync_ver_, "change", now);
  ask_next(now);
}

// --- items ---

void ChatState::on_deliver(const json& frame, MonoTime now) {
  pos_ = std::max(pos_, number_of(frame, "pos"));
  if (frame.contains("unread_total")) unread_total_ = number_of(frame, "unread_total");
  send({{"type", "ack"}, {"pos", pos_}}, now);
  if (phase_ != Phase::Live) {
    if (held_.size() < kHeldMax) return held_.push_back(frame);
    held_.clear();  // too much to keep: it is read by one sync more
    sync_again_ = true;
    return;
  }
  const std::int64_t ver = number_of(frame, "ver");
  if (ver != 0 && ver <= ver_) return;  // a repeat
  const std::int64_t before = ver_;
  ver_ = std::max(ver_, ver);
  if (show_items(frame, Shown::New)) begin_catch_up(before, "change", now);
}

bool ChatState::show_items(const json& frame, Shown which) {
  bool changed = false;
  for (const json& item : array_of(frame, "items")) {
    const std::string kind = text_of(item, "kind");
    const std::string peer = text_of(item, "peer");
    if (item.contains("group")) {
      changed = show_group_item(item, frame.contains("ver"), which) || changed;
      continue;
    }
    if (kind == "message") {
      const auto message = item.find("message");
      if (message != item.end()) show_message(*message, item, which);
    } else if (kind == "read") {
      if (Chat* const chat = chat_of(peer)) chat->unread = number_of(item, "unread");
      say({{"event", "read"},
           {"peer", peer},
           {"read", number_of(item, "read")},
           {"unread", number_of(item, "unread")}});
    } else if (kind == "peer_read") {
      say({{"event", "peer_read"}, {"peer", peer}, {"read", number_of(item, "read")}});
    } else if (kind == "recall") {
      show_recall(peer, item);
    } else if (kind == "chat") {
      changed = true;  // what was removed is told by the pull behind that sync
    }
  }
  return changed;
}

void ChatState::show_message(const json& message, const json& item, Shown which) {
  json event = message_event(message);
  const std::int64_t seq = event["seq"];
  const std::string peer = key_of(message);
  if (Chat* const chat = seq > 0 ? chat_of(peer) : nullptr) {
    if (which == Shown::New && seq <= chat->shown) return;
    chat->shown = std::max(chat->shown, seq);
    if (seq >= chat->head) {
      chat->head = seq;
      chat->head_at = event["time"];
      chat->last = event["text"];
      chat->gone = false;
    }
    if (item.contains("unread")) chat->unread = number_of(item, "unread");
    const bool counts = is_group(peer) && item.contains("kind") && !event["own"] && !flag_of(message, "no_unread") &&
                        !message.contains("targets");
    chat->unread += counts ? 1 : 0;
    unread_total_ += counts ? 1 : 0;
  }
  // What this very run has sent was told by its answer.
  if (event["own"] && text_of(message, "client_id").starts_with(fmt::format("{:016x}-", options_.seed))) return;
  event["unread"] = number_of(item, "unread");
  if (flag_of(item, "online_only")) event["online_only"] = true;
  say(std::move(event));
}

void ChatState::show_recall(std::string_view peer, const json& recall) {
  json event = {{"event", "recalled"}, {"id", text_of(recall, "id")}, {"by", text_of(recall, "by")}};
  name_into(event, peer);
  say(std::move(event));
}

/// They are to go from the screen.
void ChatState::show_removes(std::string_view peer, const json& ids) {
  if (ids.empty()) return;
  json event = {{"event", "removed"}, {"ids", json::array()}};
  for (const json& id : ids)
    if (id.is_string()) event["ids"].push_back(id);
  name_into(event, peer);
  say(std::move(event));
}

ChatState::Chat* ChatState::chat_of(const std::string& peer) {
  if (peer.empty()) return nullptr;
  if (const auto it = chats_.find(peer); it != chats_.end()) return &it->second;
  return chats_.size() < kChatsMax ? &chats_[peer] : nullptr;
}

json ChatState::message_event(const json& message) const {
  const std::string from = text_of(message, "from");
  const std::string id = text_of(message, "id");
  const bool own = from == options_.user;
  const bool recalled = flag_of(message, "recalled");
  json event = {{"event", "message"},
                {"id", id},
                {"seq", seq_of(id)},
                {"time", number_of(message, "time")},
                {"from", from},
                {"nick", text_of(message, "nick")},
                {"own", own},
                {"text", recalled ? "" : shown_text(array_of(message, "elements"))},
                {"elements", array_of(message, "elements")}};
  name_into(event, key_of(message));
  if (recalled) event["recalled"] = true;
  if (const std::string card = text_of(message, "card"); !card.empty()) event["card"] = card;
  if (flag_of(message, "tip")) event["tip"] = true;
  return event;
}

// --- requests, time, and the end of a connection ---

void ChatState::ask_next(MonoTime now) {
  while (phase_ == Phase::Live && !line_.empty() && line_.front().op == kList) {
    line_.pop_front();
    list_chats();
  }
  if (phase_ == Phase::Live && !line_.empty()) {
    Request& front = line_.front();
    if (front.id == 0 && front.due <= now) ask(front, now);
  }
  leave_if_done();
}

void ChatState::input_ended() {
  if (options_.stay) return;
  leaving_ = true;
  leave_if_done();
}

/// Not before the first sync, so that a run without input says whether the login is good.
void ChatState::leave_if_done() {
  if (leaving_ && synced_ && line_.empty() && !exit_) end(went_wrong_ ? kNotAllWell : kDone);
}

void ChatState::interrupted() { end(went_wrong_ || !line_.empty() ? kNotAllWell : kDone); }

MonoTime ChatState::next_tick() const noexcept {
  if (phase_ == Phase::Waiting) return retry_at_;
  if (!is_open()) return MonoTime::max();
  if (phase_ == Phase::Greeting) return last_heard_ + options_.answer_limit + kWelcomeGrace;
  MonoTime next = std::min(last_sent_ + heartbeat_, last_heard_ + heartbeat_ * 5 / 2);
  if (own_) next = std::min(next, own_->due);
  if (!line_.empty() && (phase_ == Phase::Live || line_.front().id != 0)) next = std::min(next, line_.front().due);
  return next;
}

void ChatState::tick(MonoTime now) {
  if (exit_ || now < next_tick()) return;
  if (phase_ == Phase::Waiting) {
    phase_ = Phase::Connecting;
    return;
  }
  if (!is_open()) return;
  if (phase_ == Phase::Greeting) return close("no answer to the login");
  if (now >= last_heard_ + heartbeat_ * 5 / 2) return close("the server is silent");
  const auto late = [&](Request& request) {
    if (request.id == 0 || now < request.due) return;
    request.id = 0;
    json event = {{"event", "resent"}, {"op", request.op}};
    if (request.body.contains("client_id")) event["client_id"] = request.body["client_id"];
    say(std::move(event));
  };
  if (own_) {
    late(*own_);
    if (own_->attempts >= kAttemptsMax && own_->id == 0) return close("a sync is not answered");
    if (own_->id == 0 && now >= own_->due) ask(*own_, now);
  }
  if (!line_.empty()) {
    late(line_.front());
    if (line_.front().id == 0 && line_.front().attempts >= kAttemptsMax) {
      refused(line_.front(), 0, "no answer");
      line_.pop_front();
    }
    ask_next(now);
  }
  if (now >= last_sent_ + heartbeat_) send({{"type", "ping"}}, now);
}

void ChatState::close(std::string_view why) {
  close_ = true;
  close_why_ = why;
}

void ChatState::disconnected(std::string_view why, MonoTime now) {
  if (exit_) return;
  if (welcomed_) lost_at_ = now;
  const std::string reason = close_why_.empty() ? std::string(why) : close_why_;
  close_ = dialing_ = welcomed_ = false;
  close_why_.clear();
  own_.reset();
  held_.clear();
  if (!line_.empty()) {  // asked again after the next login; it was the connection's fault
    Request& front = line_.front();
    if (front.id != 0) front.attempts = 0;
    front.id = 0;
    front.due = MonoTime{};
  }
  const MonoTime until = lost_at_ + options_.retry_limit;
  if (now >= until) {
    say({{"event", "offline"}, {"why", reason}});
    return end(kUnreachable);
  }
  const milliseconds delay = told_delay_ ? *told_delay_ : back_off_.after_failure();
  told_delay_.reset();
  retry_at_ = std::min(now + delay, until);
  phase_ = Phase::Waiting;
  say({{"event", "offline"},
       {"why", reason},
       {"retry_in_ms", std::chrono::duration_cast<milliseconds>(retry_at_ - now).count()}});
}

void ChatState::end(int code) {
  if (!exit_) exit_ = code;
  phase_ = Phase::Over;
  close_ = true;
}

}  // namespace nightpost::app
