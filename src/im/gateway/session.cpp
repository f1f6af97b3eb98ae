#include "im/gateway/session.h"

#include <algorithm>
#include <utility>

#include "im/domain/names.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kPingBytesMax = 256;  // before hello, beside it

struct Farewell {
  std::uint16_t close;
  bool reconnect;
};
Farewell farewell(Bye reason) noexcept {
  switch (reason) {
    case Bye::KickedDevice:
      return {4001, false};
    case Bye::KickedInstance:
      return {4002, false};
    case Bye::KickedAdmin:
      return {4003, false};
    case Bye::AccountRemoved:
      return {4004, false};
    case Bye::LoggedOut:
      return {4005, false};
    case Bye::SigExpired:
      return {4006, false};
    case Bye::Draining:
      return {kWsGoingAway, true};
    case Bye::Silent:
      return {kWsPolicy, true};
    case Bye::Protocol:
    case Bye::Count:
      break;
  }
  return {kWsPolicy, false};
}

std::pair<Bye, std::string_view> bye_of(Ended::Why why) noexcept {
  switch (why) {
    case Ended::Why::Displaced:
      return {Bye::KickedDevice, "another device took this one's place"};
    case Ended::Why::SameDevice:
      return {Bye::KickedInstance, "this device has a newer connection"};
    case Ended::Why::Kicked:
      return {Bye::KickedAdmin, "the app ended all logins of this account"};
    case Ended::Why::LoggedOut:
      return {Bye::LoggedOut, "this login was ended"};
    case Ended::Why::AccountRemoved:
      return {Bye::AccountRemoved, "the account is removed"};
  }
  return {Bye::KickedAdmin, "this login was ended"};
}

}  // namespace

Session::Session(SessionWorld& world)
    : world_(world),
      decoder_(WsRole::Server, {.message_bytes_max = world.options.hello_bytes_max, .skipped_bytes_max = 0}),
      heard_(world.clock.mono()),
      state_until_(heard_ + world.options.hello_timeout) {}

bool Session::congested() const noexcept {
  return state_ == State::LoggingIn || state_ == State::Refused ||
         output_bytes_ + promised_bytes_ >= world_.options.output_bytes_max;
}

void Session::feed(std::string_view& bytes) {
  if (!bytes.empty()) heard_ = world_.clock.mono();
  while (state_ != State::Over && !congested()) {
    const std::size_t before = bytes.size();
    const auto event = decoder_.next(bytes);
    if (state_ == State::AwaitHello) {
      hello_bytes_ += before - bytes.size();
      if (hello_bytes_ > world_.options.hello_bytes_max + kPingBytesMax)
        return say_bye(Bye::Protocol, "no hello within " + std::to_string(world_.options.hello_bytes_max) + " bytes");
    }
    if (!event) return;
    on_event(*event);
  }
  if (state_ == State::Over) bytes = {};
}

void Session::input_ended() {
  if (state_ == State::Over) return;
  leave();
  state_ = State::Over;
}

void Session::on_event(const WsEvent& event) {
  if (event.kind == WsEvent::Kind::Close) {
    if (state_ != State::Closing) {
      leave();
      std::string frame;
      append_ws_close(frame, event.code == kWsNoCode ? kWsNormal : event.code, "");
      push({std::move(frame), nullptr, {}});
    }
    state_ = State::Over;
    return world_.host.output_ready(*this);
  }
  if (state_ == State::Closing) {
    if (event.kind != WsEvent::Kind::Error) return;  // what was under way crosses our Close
    state_ = State::Over;
    return world_.host.output_ready(*this);
  }
  switch (event.kind) {
    case WsEvent::Kind::Text:
      world_.metrics.frames_received.add();
      return on_text(event.data);
    case WsEvent::Kind::TooLong: {
      world_.metrics.frames_too_long.add();
      const RequestNames names = names_of_cut_request(event.data);
      return say(res_too_long_frame(names.id, names.client_id, event.bytes, world_.options.frame_bytes_max));
    }
    case WsEvent::Kind::Ping: {
      std::string frame;
      append_ws_frame(frame, WsOpcode::Pong, event.data);
      return push({std::move(frame), nullptr, {}});
    }
    case WsEvent::Kind::Pong:
    case WsEvent::Kind::Close:
      return;
    case WsEvent::Kind::Binary:
      return say_bye(Bye::Protocol, "a binary message", milliseconds(0), kWsUnsupported);
    case WsEvent::Kind::Error:
      return say_bye(Bye::Protocol, event.data, milliseconds(0), event.code);
  }
}

void Session::on_text(std::string_view text) {
  auto parsed = world_.parser.parse(text);
  if (state_ == State::AwaitHello) {
    if (!parsed) {
      world_.metrics.frames_malformed.add();
      return refuse_login(parsed.error().refusal, milliseconds(0));
    }
    if (auto* const hello = std::get_if<HelloFrame>(&*parsed)) return on_hello(std::move(*hello));
    return say_bye(Bye::Protocol, "the first frame is not hello");
  }
  if (!parsed) {
    world_.metrics.frames_malformed.add();
    return say(res_refused_frame(parsed.error().id, parsed.error().refusal));
  }
  if (auto* const asked = std::get_if<RequestFrame>(&*parsed)) return on_request(std::move(*asked));
  if (const auto* const ack = std::get_if<AckFrame>(&*parsed)) return on_ack(*ack);
  if (std::holds_alternative<PingFrame>(*parsed)) return say(pong_frame(world_.clock.wall()));
  say_bye(Bye::Protocol, "a second hello");
}

// ---- Login ----

void Session::on_hello(HelloFrame frame) {
  auto slot = world_.host.login_slot();
  if (!slot) {
    world_.metrics.logins_put_off.add();
    return refuse_login({Code::Busy, "too many logins at once"}, world_.host.login_retry());
  }
  terminal_.user = {frame.login.app, frame.login.user};
  terminal_.device = frame.login.device;
  terminal_.platform = frame.login.platform;
  frame.login.address = world_.host.address(*this);
  state_ = State::LoggingIn;
  state_until_ = MonoTime::max();
  world_.host.joining(*this);
  world_.service.login(std::move(frame.login), [session = weak_from_this(), slot = std::move(slot),
                                                &service = world_.service](Answer<LoginReply> reply) {
    const auto self = session.lock();
    if (self && self->state_ == State::LoggingIn) return self->on_login(std::move(reply));
    // Drained meanwhile, or the client is gone: the app's server was told of the login.
    if (reply) service.disconnected(reply->terminal, false);
  });
}

void Session::on_login(Answer<LoginReply> answer) {
  if (!answer) return on_login_refused(answer.error());
  world_.metrics.logins.add();
  const MonoTime now = world_.clock.mono();
  terminal_ = answer->terminal;
  signature_ends_ = answer->signature_ends;
  decoder_.set_limits(
      {.message_bytes_max = world_.options.frame_bytes_max, .skipped_bytes_max = world_.options.skipped_bytes_max});
  heard_ = now;
  state_ = State::Live;
  state_until_ = MonoTime::max();
  const Ver dropped = dropped_;
  resume_live(answer->ver);
  owes_cursor_since_ = now;
  world_.host.online(*this, answer->groups);
  say(welcome_frame(*answer, world_.clock.wall(), world_.options));
  const std::vector<Held> held = std::exchange(held_, {});
  for (const Held& each : held) deliver(each.delivery, each.message);
  if (state_ == State::Behind) {
    dropped_ = std::max(dropped_, dropped);
  } else if (dropped > live_from_) {
    fall_behind(dropped);
  }
  if (ended_epoch_ < terminal_.epoch) return;
  const auto [reason, why] = bye_of(ended_why_);
  say_bye(reason, why);
}

void Session::on_login_refused(const Refusal& refusal) {
  const bool again = refusal.code == Code::Busy || refusal.code == Code::TooFast;
  const milliseconds retry = again ? world_.host.login_retry() : milliseconds(0);
  milliseconds wait{0};
  if (is_login_fault(refusal.code)) {
    world_.metrics.logins_failed.add();
    wait = world_.host.login_failed(*this, refusal);
  }
  if (wait <= milliseconds(0)) return refuse_login(refusal, retry);
  world_.metrics.logins_held.add();
  leave();
  refused_ = welcome_refused_frame(refusal, retry);
  state_ = State::Refused;
  state_until_ = world_.clock.mono() + wait;
  world_.host.output_ready(*this);
}

void Session::refuse_login(const Refusal& refusal, milliseconds retry_after) {
  say(welcome_refused_frame(refusal, retry_after));
  close(kWsPolicy, "");
}

// ---- Requests and acknowledgements ----

void Session::on_request(RequestFrame frame) {
  if (std::ranges::find(open_, frame.id, &Open::id) != open_.end())
    return say(res_refused_frame(frame.id, {Code::Malformed, "id: a request of this id is open"}));
  if (open_.size() >= world_.options.requests_open_max) {
    world_.metrics.requests_too_fast.add();
    return say(res_refused_frame(
        frame.id, {Code::TooFast, std::to_string(open_.size()) + " requests are open: wait for an answer"}));
  }
  std::visit([&](auto& body) { ask(frame.id, body); }, frame.body);
}

bool Session::close_request(std::int64_t id) {
  if (state_ == State::Over) return false;
  const auto open = std::ranges::find(open_, id, &Open::id);
  if (open == open_.end()) return false;
  const bool was = congested();
  promised_bytes_ -= open->promised;
  open_.erase(open);
  uncongested(was);
  return is_online();
}

/// What the client said meanwhile was not read.
void Session::uncongested(bool was) noexcept {
  if (was && !congested()) heard_ = world_.clock.mono();
}

void Session::on_ack(const AckFrame& frame) {
  if (frame.pos && *frame.pos > pos_)
    return say(res_refused_frame(0, {Code::Malformed, "pos: the last was " + std::to_string(pos_)}));
  if (frame.ver && *frame.ver > shown_)
    return say(res_refused_frame(0, {Code::Malformed, "ver: the last was " + std::to_string(shown_.value)}));
  const bool owed = owes_cursor();
  if (frame.pos) {
    std::vector<MessageId> of_groups;
    for (; unacked_from_ < unacked_.size() && unacked_[unacked_from_].pos <= *frame.pos; ++unacked_from_) {
      live_acknowledged_ = std::max(live_acknowledged_, unacked_[unacked_from_].ver);
      unacked_bytes_ -= unacked_[unacked_from_].bytes;
      if (unacked_[unacked_from_].message.seq.value > 0) of_groups.push_back(unacked_[unacked_from_].message);
    }
    if (!of_groups.empty()) world_.host.acknowledged(*this, of_groups);
    if (unacked_from_ == unacked_.size()) {
      unacked_.clear();
      unacked_from_ = 0;
    }
  }
  const Ver before = cursor_;
  if (frame.ver) cursor_ = std::max(cursor_, *frame.ver);
  if (cursor_ >= live_from_) cursor_ = std::max(cursor_, live_acknowledged_);
  if (owed && state_ == State::Live && frame.ver && *frame.ver >= live_from_) {
    if (doubt_)
      caught_up_waits_ = true;
    else
      tell_caught_up();
  }
  if (cursor_ > before) {
    world_.service.acknowledged(terminal_, cursor_);
    world_.host.acknowledged(*this, cursor_);
  }
  judge_acknowledgement();
}

/// By an answer, which says that all before it was delivered.
void Session::shown(Ver ver) {
  if (state_ == State::Live && !follows(ver)) fall_behind(ver);
  shown_ = std::max(shown_, ver);
}

MonoTime Session::owing_since() const noexcept {
  MonoTime since = MonoTime::max();
  if (unacked_from_ < unacked_.size()) since = unacked_[unacked_from_].at;
  if (owes_cursor()) since = std::min(since, owes_cursor_since_);
  return since;
}

void Session::judge_acknowledgement() {
  if (!is_online()) return;
  const MonoTime since = owing_since();
  const bool overdue = since != MonoTime::max() && since + world_.options.ack_timeout <= world_.clock.mono();
  if (overdue == overdue_) return;
  if (overdue && app_foreground_) world_.metrics.overdue.add();
  overdue_ = overdue;
  if (app_foreground_) world_.host.foreground_changed(*this);
}

void Session::set_app_foreground(bool foreground) {
  if (app_foreground_ == foreground || !is_online()) return;
  app_foreground_ = foreground;
  if (!overdue_) world_.host.foreground_changed(*this);
}

// ---- Deliveries ----

void Session::resume_live(Ver from) {
  live_from_ = from;
  dropped_ = {};
  shown_ = std::max(shown_, from);
}

void Session::fall_behind(Ver ver) {
  if (!owes_cursor()) owes_cursor_since_ = world_.clock.mono();
  state_ = State::Behind;
  dropped_ = std::max(dropped_, ver);
  world_.metrics.behind.add();
  say(behind_frame(dropped_));
}

void Session::settle_doubt(Ver ver, bool groups_moved) {
  doubt_ = false;
  const bool caught_up = std::exchange(caught_up_waits_, false);
  if (!is_online()) return;
  if (ver > std::max(shown_, dropped_)) fall_behind(ver);
  if (groups_moved) {
    if (state_ != State::Behind) fall_behind(shown_);
    owes_groups_ = true;
    ++group_drops_;
  } else if (caught_up && state_ == State::Live) {
    tell_caught_up();
  }
}

void Session::deliver(const Delivery& delivery, const SharedText& message) {
  if (delivery.except == terminal_.device && delivery.to == terminal_.user) return;
  switch (state_) {
    case State::LoggingIn:
      if (delivery.ver.value == 0) return;
      if (held_.size() < world_.options.unacked_frames_max && dropped_.value == 0) {
        held_.push_back({delivery, message});
      } else {
        dropped_ = std::max(dropped_, delivery.ver);
      }
      return;
    case State::Behind:
      dropped_ = std::max(dropped_, delivery.ver);
      drop_of_group(delivery);
      return;
    case State::Live:
      break;
    default:
      return;
  }
  if (delivery.ver.value != 0 && delivery.ver <= live_from_) return;  // a sync has it
  if (delivery.ver.value != 0 && !follows(delivery.ver)) return fall_behind(delivery.ver);
  DeliverFrame frame = deliver_frame(pos_ + 1, delivery, message);
  const std::size_t bytes = frame.head.size() + (frame.shared ? frame.shared->size() : 0) + frame.tail.size();
  const std::size_t open = unacked_.size() - unacked_from_;
  if (open >= world_.options.unacked_frames_max ||
      (open > 0 && unacked_bytes_ + bytes > world_.options.unacked_bytes_max)) {
    if (delivery.ver.value != 0) fall_behind(delivery.ver);
    if (is_lasting(delivery)) {
      fall_behind(shown_);
      drop_of_group(delivery);
      owes_groups_ = true;
    }
    return;
  }
  ++pos_;
  if (unacked_from_ >= 64) {
    unacked_.erase(unacked_.begin(), unacked_.begin() + static_cast<std::ptrdiff_t>(unacked_from_));
    unacked_from_ = 0;
  }
  unacked_.push_back({pos_, delivery.ver, bytes, world_.clock.mono(), group_message_of(delivery)});
  unacked_bytes_ += bytes;
  shown_ = std::max(shown_, delivery.ver);
  world_.metrics.delivered.add();
  std::string head;
  head.reserve(10 + frame.head.size());
  append_ws_head(head, WsOpcode::Text, bytes);
  head += frame.head;
  push({std::move(head), std::move(frame.shared), frame.tail});
}

// ---- Ends ----

void Session::ended(const Ended& ended) {
  if (ended.terminal.device != terminal_.device) return;
  if (state_ == State::LoggingIn) {
    if (ended.terminal.epoch < ended_epoch_) return;
    ended_epoch_ = ended.terminal.epoch;
    ended_why_ = ended.why;
    return;
  }
  if (!is_online() || ended.terminal.epoch < terminal_.epoch) return;
  if (logging_out_ && ended.why == Ended::Why::LoggedOut) return;  // its answer follows
  const auto [reason, why] = bye_of(ended.why);
  say_bye(reason, why);
}

void Session::drain(milliseconds delay) { say_bye(Bye::Draining, "this server is going down", delay); }

void Session::start_over(milliseconds delay) {
  say_bye(Bye::Draining, "the server's store was set back: what you have is not there any more", delay);
}

void Session::say_bye(Bye reason, std::string_view why, milliseconds delay, std::uint16_t code) {
  if (state_ == State::Closing || state_ == State::Over) return;
  world_.metrics.byes[std::size_t(reason)].add();
  const Farewell words = farewell(reason);
  say(bye_frame(reason, words.reconnect, delay, why));
  close(code != 0 ? code : words.close, why);
}

void Session::close(std::uint16_t code, std::string_view why) {
  leave();
  std::string frame;
  append_ws_close(frame, code, why);
  state_ = State::Closing;
  state_until_ = world_.clock.mono() + world_.options.close_timeout;
  push({std::move(frame), nullptr, {}});
}

void Session::leave() {
  if (state_ != State::LoggingIn && !is_online()) return;
  const bool was_foreground = foreground();
  if (is_online())
    world_.service.disconnected(terminal_, world_.clock.mono() >= heard_ + world_.options.heartbeat * 5 / 2);
  state_ = State::Closing;  // so that nobody finds it online
  state_until_ = world_.clock.mono() + world_.options.close_timeout;
  std::vector<Held>().swap(held_);
  std::vector<Unacked>().swap(unacked_);
  unacked_from_ = 0;
  world_.host.left(*this, was_foreground);
}

// ---- Time ----

MonoTime Session::due() const noexcept {
  if (state_ == State::Over) return MonoTime::max();
  MonoTime due = state_until_;
  if (!is_online()) return due;
  if (!congested()) due = std::min(due, heard_ + world_.options.heartbeat * 5 / 2);
  if (!overdue_ && app_foreground_)
    if (const MonoTime since = owing_since(); since != MonoTime::max())
      due = std::min(due, since + world_.options.ack_timeout);
  if (const WallTime wall = world_.clock.wall(); signature_ends_ < wall + std::chrono::hours(1))
    due = std::min(due, world_.clock.mono() + (signature_ends_ - wall));
  return due;
}

void Session::tick() {
  const MonoTime now = world_.clock.mono();
  switch (state_) {
    case State::AwaitHello:
      if (now >= state_until_)
        say_bye(Bye::Protocol, "no hello within " + std::to_string(world_.options.hello_timeout.count()) + " ms");
      return;
    case State::Refused:
      if (now < state_until_) return;
      say(std::exchange(refused_, {}));
      return close(kWsPolicy, "");
    case State::Closing:
      if (now < state_until_) return;
      state_ = State::Over;
      return world_.host.output_ready(*this);
    case State::LoggingIn:
    case State::Over:
      return;
    case State::Live:
    case State::Behind:
      break;
  }
  if (world_.clock.wall() >= signature_ends_) return say_bye(Bye::SigExpired, "the signature has ended");
  if (!congested() && now >= heard_ + world_.options.heartbeat * 5 / 2)
    return say_bye(Bye::Silent, "nothing was heard for 2.5 heartbeats");
  judge_acknowledgement();
}

// ---- Output ----

void Session::say(std::string_view frame) {
  std::string bytes;
  bytes.reserve(frame.size() + 10);
  append_ws_frame(bytes, WsOpcode::Text, frame);
  push({std::move(bytes), nullptr, {}});
}

void Session::push(Frame frame) {
  if (state_ == State::Over) return;
  output_bytes_ += frame.bytes();
  output_.push_back(std::move(frame));
  world_.host.output_ready(*this);
}

void Session::pull_output(std::string& out, std::size_t enough) {
  const bool was = congested();
  for (; output_from_ < output_.size() && out.size() < enough; ++output_from_) {
    Frame& frame = output_[output_from_];
    output_bytes_ -= frame.bytes();
    out += frame.head;
    if (frame.shared) out += *frame.shared;
    out += frame.tail;
    frame = {};
  }
  uncongested(was);
  if (output_from_ < output_.size()) return;
  if (output_.capacity() > 64) {
    std::vector<Frame>().swap(output_);
  } else {
    output_.clear();
  }
  output_from_ = 0;
}

}  // namespace nightpost::im
