// The client's side of src/im/PROTOCOL.md, as `nightpost chat` plays it: frames, typed lines and times in; frames and
// events out. It owns no socket, clock or thread. What was asked for stays in line until it is answered: over a lost
// connection and a lost answer it is asked again, a message with the same client id, so that it is there once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/chat_input.h"
#include "core/ids.h"
#include "core/platform.h"
#include "core/result.h"
#include "core/time.h"
#include "net/back_off.h"

namespace nightpost::app {

struct ChatOptions {
  AppId app;
  std::string user;
  std::string device;
  Platform platform = Platform::Desktop;
  std::string language;
  std::string peer;  // the conversation open from the start; empty: none
  bool force = false;
  bool auto_read = false;
  bool stay = false;                  // the end of the input is not the end
  milliseconds retry_limit{60'000};   // without a connection for so long, it gives up
  milliseconds answer_limit{10'000};  // a request unanswered for so long is asked again
  std::uint64_t seed = 0;             // of delays and client ids: another one each time
};

class ChatState {
 public:
  /// A signature for the user, asked for before each hello.
  struct Signer {
    std::function<std::string()> sign;
    bool makes_new = false;  // another one, when it has ended
  };

  ChatState(ChatOptions options, Signer signer, MonoTime now);

  // What happened.
  void connected(MonoTime now);  // the WebSocket is open
  void received(std::string_view frame, MonoTime now);
  void disconnected(std::string_view why, MonoTime now);  // or could not connect; or closed, as wants_close() said
  void typed(std::string_view line, MonoTime now);
  void refuse_input(std::string_view why);  // a line that cannot be taken
  void input_ended();
  void interrupted();  // leaves at once
  void tick(MonoTime now);

  // What is to be done, looked at after each of them.
  MonoTime next_tick() const noexcept;
  bool wants_connection() const noexcept { return phase_ == Phase::Connecting && !dialing_; }
  void dialing() noexcept { dialing_ = true; }  // it is being done
  bool wants_close() const noexcept { return close_; }
  /// Not while a group is made or joined: the next line may be meant for it.
  bool wants_input() const noexcept {
    return line_.size() < kLineMax && !exit_ && !std::ranges::any_of(line_, &Request::opens_group);
  }
  std::vector<std::string> take_frames() { return std::exchange(frames_, {}); }
  /// Each has "event" and is valid UTF-8; chat_screen shows them to a person.
  std::vector<nlohmann::json> take_events() { return std::exchange(events_, {}); }
  /// Once set, it is over: 0; 1: refused, or something asked for did not go well; 2: the signature or the app; 3: no
  /// connection.
  std::optional<int> exit_code() const noexcept { return exit_; }
  /// Of the open conversation, for a prompt: a user, or "#" and a group.
  std::string open_name() const { return is_group(peer_) ? "#" + peer_.substr(1) : peer_; }

 private:
  static constexpr std::size_t kLineMax = 100;      // requests that wait
  static constexpr std::size_t kChatsMax = 10'000;  // conversations kept in mind
  static constexpr std::size_t kListedMax = 100;    // conversations in one event
  static constexpr std::size_t kHeldMax = 1'000;    // items that come while it catches up
  static constexpr int kAttemptsMax = 10;           // of one request; lost connections are not counted
  static constexpr const char* kList = "/list";     // waits in line like a request, and is answered from what is known
  static constexpr std::int64_t kCatchUpMax = 500;  // messages of one conversation shown after an absence

  enum class Phase : std::uint8_t { Waiting, Connecting, Greeting, Syncing, Pulling, Live, Over };

  struct Chat {
    std::int64_t head = 0, shown = 0, unread = 0, head_at = 0;
    std::int64_t changes = 0, changes_head = 0;  // known up to here; as far as a sync has told
    bool pinned = false, gone = false;
    std::string last;
  };
  struct Request {
    std::string op;
    nlohmann::ordered_json body;  // as written: ids first, which is what a server reads of a frame that is too long
    int attempts = 0;
    std::int64_t id = 0;  // of its frame; 0: not under way
    MonoTime due{};       // under way: asked again from then on; else: not before
    bool opens_group() const noexcept { return op == "group_create" || op == "group_join"; }
  };

  // frames
  void send(const nlohmann::ordered_json& frame, MonoTime now);
  void ask(Request& request, MonoTime now);
  void on_welcome(const nlohmann::json& frame, MonoTime now);
  void on_answer(const nlohmann::json& frame, MonoTime now);
  void on_refusal(const nlohmann::json& frame, MonoTime now);
  void on_success(const nlohmann::json& body, MonoTime now);
  void on_deliver(const nlohmann::json& frame, MonoTime now);
  void on_bye(const nlohmann::json& frame);
  void refused(const Request& request, std::int64_t code, std::string_view why);
  // catching up
  void begin_catch_up(std::int64_t from, std::string_view why, MonoTime now);
  void on_sync(const nlohmann::json& body, MonoTime now);
  void on_pull(const nlohmann::json& body, MonoTime now);
  void pull_next(MonoTime now);
  void live(MonoTime now);
  // items
  enum class Shown : std::uint8_t { New, All };  // All: also what is not above what was shown
  /// True: a conversation changed in a way that only a sync tells.
  bool show_items(const nlohmann::json& frame, Shown which);
  void show_message(const nlohmann::json& message, const nlohmann::json& item, Shown which);
  void show_recall(std::string_view peer, const nlohmann::json& recall);
  void show_removes(std::string_view peer, const nlohmann::json& ids);
  Chat* chat_of(const std::string& peer);
  std::string peer_of(const nlohmann::json& message) const;
  nlohmann::json message_event(const nlohmann::json& message) const;
  // input
  void queue(std::string op, nlohmann::ordered_json body, MonoTime now);
  void send_text(const std::string& text, MonoTime now);
  void list_chats();
  // groups (chat_groups.cpp): kept among the conversations under a key that no user id is
  static std::string group_key(std::string_view group) { return "\n" + std::string(group); }
  static bool is_group(std::string_view key) { return key.starts_with('\n'); }
  /// "peer" or "group" of an event.
  static void name_into(nlohmann::json& event, std::string_view key);
  std::string key_of(const nlohmann::json& message) const;
  nlohmann::ordered_json sync_body() const;
  void typed_of_group(const ChatLine& line, MonoTime now);
  void on_group_success(const Request& done, const nlohmann::json& body);
  void take_groups(const nlohmann::json& body);  // of a sync
  bool show_group_item(const nlohmann::json& item, bool personal, Shown which);
  // calls (chat_calls.cpp)
  void typed_of_call(const ChatLine& line, MonoTime now);
  void on_call_success(const Request& done, const nlohmann::json& body);
  void ask_next(MonoTime now);
  void leave_if_done();
  // the end of a connection
  bool is_open() const noexcept { return phase_ >= Phase::Greeting && phase_ <= Phase::Live; }
  void close(std::string_view why);
  void end(int code);
  void say(nlohmann::json event) { events_.push_back(std::move(event)); }

  ChatOptions options_;
  Signer signer_;
  net::BackOff back_off_;
  Phase phase_ = Phase::Connecting;
  bool dialing_ = false, close_ = false, welcomed_ = false;
  std::string close_why_;
  std::optional<int> exit_;
  std::vector<std::string> frames_;
  std::vector<nlohmann::json> events_;

  // of the connection
  MonoTime last_sent_{}, last_heard_{}, retry_at_{}, lost_at_;
  milliseconds heartbeat_{30'000};
  std::optional<milliseconds> told_delay_;  // by a bye or a refused hello
  std::int64_t next_id_ = 0, client_ids_ = 0;
  std::optional<Request> own_;  // sync and pull of catching up; one at a time
  std::deque<Request> line_;    // what was typed; the front one is under way

  // of the account
  std::int64_t ver_ = 0;          // the cursor: all up to it is here
  std::int64_t welcome_ver_ = 0;  // of this connection
  bool synced_ = false;           // once at least: from then on what was missed is shown
  bool rebuild_ = true;           // the sync under way begins from nothing
  std::string sync_why_;          // "start", "return", "behind", "change"
  std::int64_t sync_ver_ = 0, unread_total_ = 0, pulled_ = 0, pos_ = 0;
  std::int64_t since_ = 0, sync_time_ = 0;  // groups: what moved since then is not here; of the sync under way
  std::string after_group_;                 // of its last page
  std::map<std::string, Chat> chats_;
  std::deque<std::string> to_pull_;
  std::vector<nlohmann::json> held_;  // deliver frames that came meanwhile
  bool sync_again_ = false;           // held_ was full
  std::string peer_;                  // the open conversation's key
  bool foreground_ = true, leaving_ = false, went_wrong_ = false;
};

}  // namespace nightpost::app
