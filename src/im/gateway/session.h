// One connection of a client as a state machine: bytes, deliveries and replies in; bytes and news of the device out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "im/gateway/client_frame.h"
#include "im/gateway/gateway_metrics.h"
#include "im/gateway/gateway_options.h"
#include "im/gateway/server_frame.h"
#include "im/gateway/websocket.h"
#include "im/service/call_requests.h"
#include "im/service/group_requests.h"
#include "im/service/service.h"

namespace nightpost::im {

class Session;

/// What a session tells its owner. Nothing of the session may be destroyed inside these calls.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual void output_ready(Session& session) = 0;  // pull_output() has something, or finished() came true
  /// The session has said who it wants to be: what is delivered to `user` is to be handed to it from now on.
  virtual void joining(Session& session) = 0;
  /// `groups`: whose messages are to be handed to it, too, until `left`.
  virtual void online(Session& session, std::span<const ConvId> groups) = 0;
  /// The end of joining() and of online(): it says nothing but farewell.
  virtual void left(Session& session, bool was_foreground) = 0;
  virtual void foreground_changed(Session& session) = 0;
  virtual void acknowledged(Session& session, Ver ver) = 0;
  /// Messages of groups, which move no ver.
  virtual void acknowledged(Session& session, std::span<const MessageId> messages) = 0;
  /// It has all messages of its groups but these, which are on their way.
  virtual void caught_up(Session& session, std::span<const MessageId> but) = 0;
  /// Where its client is; empty: not known.
  virtual std::string address(Session&) { return {}; }
  /// A login is about to be asked for: a slot, kept until its reply; null: too many are at work.
  virtual std::shared_ptr<const void> login_slot() = 0;
  /// When a client that got none shall try again.
  virtual milliseconds login_retry() = 0;
  /// A login failed for what the client said: how long the answer waits.
  virtual milliseconds login_failed(Session& session, const Refusal& refusal) = 0;
};

/// Borrowed by all sessions of a gateway, and outlives them.
struct SessionWorld {
  const GatewayOptions& options;
  const Clock& clock;
  Service& service;
  GroupService& groups;
  CallService& calls;
  SessionHost& host;
  FrameParser& parser;
  GatewayMetrics& metrics;
};

/// On the loop alone. Shared, because replies of the service come to whoever is still there; those of a session that is
/// gone are dropped.
///
/// The cursor is the ver up to which the client has everything. It moves by acknowledgements alone: by one that names a
/// ver, and, once it has reached the beginning of the live deliveries, by those of their frames.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(SessionWorld& world);

  /// Takes what it can; the rest is for another call, once congested() is over.
  void feed(std::string_view& bytes);
  /// Nothing is to be read for now: a login is at work, or too much output waits.
  bool congested() const noexcept;
  /// The client will say nothing more; what waits may still be written.
  void input_ended();
  /// The world is about to end before those that hold this session: it does nothing from now on.
  void abandon() noexcept { state_ = State::Over; }
  /// Of this session's user, or of a group of his. `message`: message_json() of the delivery's, where it is one.
  void deliver(const Delivery& delivery, const SharedText& message);
  void ended(const Ended& ended);
  void replaced() { say_bye(Bye::KickedInstance, "this device has a newer connection"); }
  void drain(milliseconds delay);
  /// Something that concerns it may not have been delivered. Until settled, what does not follow at once on what the
  /// client was shown makes it fall behind.
  void doubt() noexcept {
    doubt_ = true;
    shown_at_doubt_ = shown_;
  }
  bool in_doubt() const noexcept { return doubt_; }
  /// The account's ver since is below what the client was shown before: it was forgotten.
  bool was_shown_more(Ver ver) const noexcept { return ver < shown_at_doubt_; }
  /// Says bye: the client comes again, and is told to drop what it has.
  void start_over(milliseconds delay);
  /// The account's ver since, and whether its groups have something new.
  void settle_doubt(Ver ver, bool groups_moved);
  /// The time has come that due() named, or any other.
  void tick();
  MonoTime due() const noexcept;

  /// Appends whole frames until `out` has `enough` bytes or nothing waits.
  void pull_output(std::string& out, std::size_t enough);
  bool has_output() const noexcept { return !output_.empty(); }
  /// Once what was pulled is written, the connection is to be closed.
  bool finished() const noexcept { return state_ == State::Over && output_.empty(); }

  const UserKey& user() const noexcept { return terminal_.user; }  // from joining on
  const std::string& device() const noexcept { return terminal_.device; }
  Epoch epoch() const noexcept { return terminal_.epoch; }
  bool is_online() const noexcept { return state_ == State::Live || state_ == State::Behind; }
  bool foreground() const noexcept { return is_online() && app_foreground_ && !overdue_; }
  Ver acknowledged() const noexcept { return cursor_; }
  /// Whether the client may still say that it has this message of a group, which was committed before.
  bool may_acknowledge(MessageId message) const noexcept;

 private:
  enum class State : std::uint8_t {
    AwaitHello,
    LoggingIn,
    Refused,  // the answer to a failed login waits
    Live,
    Behind,   // deliveries are dropped until a sync has what was
    Closing,  // our Close is out
    Over,
  };
  struct Frame {
    std::string head;  // WebSocket's head included
    SharedText shared;
    std::string_view tail;
    std::size_t bytes() const noexcept { return head.size() + (shared ? shared->size() : 0) + tail.size(); }
  };
  struct Unacked {
    std::int64_t pos;
    Ver ver;
    std::size_t bytes;
    MonoTime at;
    MessageId message;  // of a group; 0-0: none
  };
  struct Open {
    std::int64_t id;
    std::size_t promised;  // bytes of output that its answer may take
  };
  struct Held {
    Delivery delivery;
    SharedText message;
  };

  void on_event(const WsEvent& event);
  void on_text(std::string_view text);
  void on_hello(HelloFrame frame);
  void on_login(Answer<LoginReply> answer);
  void on_login_refused(const Refusal& refusal);
  void on_request(RequestFrame frame);
  void on_ack(const AckFrame& frame);
  void refuse_login(const Refusal& refusal, milliseconds retry_after);

  // session_requests.cpp
  void ask(std::int64_t id, request::Logout& body);
  void ask(std::int64_t id, SendRequest& body);
  void ask(std::int64_t id, request::Recall& body);
  void ask(std::int64_t id, request::Remove& body);
  void ask(std::int64_t id, ReadRequest& body);
  void ask(std::int64_t id, ChatChange& body);
  void ask(std::int64_t id, SyncRequest& body);
  void ask(std::int64_t id, PullRequest& body);
  void ask(std::int64_t id, TokenReport& body);
  void ask(std::int64_t id, AppState& body);
  void ask(std::int64_t id, PushSettings& body);
  void ask(std::int64_t id, request::SetMute& body);
  void ask(std::int64_t id, Profile& body);
  void ask(std::int64_t id, request::Profiles& body);
  void ask(std::int64_t id, BlacklistChange& body);
  void ask(std::int64_t id, request::Blacks& body);
  // session_groups.cpp
  void ask(std::int64_t id, GroupCreate& body);
  void ask(std::int64_t id, request::GroupDismiss& body);
  void ask(std::int64_t id, GroupInfoChange& body);
  void ask(std::int64_t id, request::GroupTransfer& body);
  void ask(std::int64_t id, request::GroupInfos& body);
  void ask(std::int64_t id, JoinedRequest& body);
  void ask(std::int64_t id, request::GroupJoin& body);
  void ask(std::int64_t id, request::GroupApplications& body);
  void ask(std::int64_t id, Decision& body);
  void ask(std::int64_t id, request::GroupQuit& body);
  void ask(std::int64_t id, request::GroupInvite& body);
  void ask(std::int64_t id, request::GroupInvitations& body);
  void ask(std::int64_t id, InvitationAnswer& body);
  void ask(std::int64_t id, request::GroupKick& body);
  void ask(std::int64_t id, MemberChange& body);
  void ask(std::int64_t id, MembersRequest& body);
  void ask(std::int64_t id, GroupSendRequest& body);
  void ask(std::int64_t id, GroupReadRequest& body);
  void ask(std::int64_t id, GroupPullRequest& body);
  void ask(std::int64_t id, GroupChatChange& body);
  // session_calls.cpp
  void ask(std::int64_t id, CallInvite& body);
  void ask(std::int64_t id, request::CallCancel& body);
  void ask(std::int64_t id, request::CallAccept& body);
  void ask(std::int64_t id, request::CallReject& body);
  void ask(std::int64_t id, request::Calls& body);
  Actor actor() const;
  Reply<MembersChanged> members_changed(std::int64_t id);
  Reply<SendReply> said(std::int64_t id);
  static bool is_lasting(const Delivery& delivery) noexcept;  // of a group, and a sync tells of it
  static MessageId group_message_of(const Delivery& delivery) noexcept;
  void drop_of_group(const Delivery& delivery);
  void tell_caught_up();

  template <class T, class Body>
  Reply<T> answer(std::int64_t id, Body body);
  Reply<void> done(std::int64_t id);
  Reply<Ver> changed(std::int64_t id);
  std::string synced(SyncReply& reply);

  bool close_request(std::int64_t id);
  void uncongested(bool was) noexcept;
  void shown(Ver ver);
  bool follows(Ver ver) const noexcept { return !doubt_ || ver.value <= shown_.value + 1; }
  void resume_live(Ver from);
  void fall_behind(Ver ver);
  void set_app_foreground(bool foreground);
  void judge_acknowledgement();  // overdue or not, and what that changes
  bool owes_cursor() const noexcept { return state_ == State::Behind || cursor_ < live_from_ || owes_groups_; }
  MonoTime owing_since() const noexcept;  // max(): nothing is owed

  void say_bye(Bye reason, std::string_view why, milliseconds delay = milliseconds(0), std::uint16_t close = 0);
  void close(std::uint16_t code, std::string_view why);
  void leave();
  void say(std::string_view frame);
  void push(Frame frame);

  SessionWorld& world_;
  State state_ = State::AwaitHello;
  bool app_foreground_ = true;
  bool overdue_ = false;
  bool logging_out_ = false;  // the answer to it is the last word
  WsDecoder decoder_;
  std::vector<Frame> output_;  // from output_from_ on
  std::size_t output_from_ = 0;
  std::size_t output_bytes_ = 0;
  std::size_t promised_bytes_ = 0;
  std::size_t hello_bytes_ = 0;  // that came before a whole hello

  Terminal terminal_;
  WallTime signature_ends_ = WallTime::max();
  MonoTime heard_;                          // from the client
  MonoTime state_until_ = MonoTime::max();  // AwaitHello, Refused, Closing
  std::string refused_;                     // Refused: the frame
  std::vector<Open> open_;

  std::vector<Held> held_;  // LoggingIn: what may be later than the login
  Ver dropped_;             // greatest ver that was not delivered
  Epoch ended_epoch_;       // LoggingIn: news of an end, of ours perhaps
  Ended::Why ended_why_ = Ended::Why::Displaced;

  std::vector<Unacked> unacked_;  // from unacked_from_ on
  std::size_t unacked_from_ = 0;
  std::size_t unacked_bytes_ = 0;
  std::int64_t pos_ = 0;
  Ver live_from_;          // deliveries above it come live, all of them, up to dropped_
  Ver live_acknowledged_;  // greatest of acknowledged frames
  Ver shown_;              // greatest that the client was told
  Ver cursor_;
  MonoTime owes_cursor_since_;
  std::uint64_t group_drops_ = 0;  // of groups, that were not delivered
  std::uint64_t group_drops_synced_ = 0;
  bool doubt_ = false;
  Ver shown_at_doubt_;
  bool caught_up_waits_ = false;  // to be told once there is no doubt
  bool owes_groups_ = false;      // was behind with groups, and has not said since that it is not
};

}  // namespace nightpost::im
