// The part of ChatState that speaks of calls.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/chat_json.h"
#include "app/chat_state.h"
#include "im/domain/ids.h"

namespace nightpost::app {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::int64_t kRingSeconds = 30;         // unless one says another number
constexpr std::int64_t kRingSecondsMax = 86'400;  // as much as a server can be set to allow

}  // namespace

void ChatState::typed_of_call(const ChatLine& line, MonoTime now) {
  using What = ChatLine::What;
  switch (line.what) {
    case What::Call: {
      if (line.number > kRingSecondsMax)
        return refuse_input(fmt::format("a call rings for {} seconds at most", kRingSecondsMax));
      if (is_group(peer_) && line.words.empty()) return refuse_input("in a group: /call [SECONDS] USER...");
      if (!is_group(peer_) && !line.words.empty()) return refuse_input("users are called in a group: /group GROUP");
      ordered_json body = {{"client_id", fmt::format("{:016x}-{}", options_.seed, ++client_ids_)}};
      if (is_group(peer_)) {
        body["group"] = peer_.substr(1);
        body["users"] = line.words;
      } else {
        body["to"] = peer_;
      }
      body["timeout_ms"] = (line.number > 0 ? line.number : kRingSeconds) * 1'000;
      body["desc"] = options_.user + " calls";
      return queue("call_invite", std::move(body), now);
    }
    case What::Accept:
      return queue("call_accept", {{"call", line.argument}}, now);
    case What::Reject:
      return queue("call_reject", {{"call", line.argument}}, now);
    case What::Cancel:
      return queue("call_cancel", {{"call", line.argument}}, now);
    default:
      return queue("calls", ordered_json::object(), now);
  }
}

void ChatState::on_call_success(const Request& done, const json& body) {
  if (done.op == "calls") {
    say({{"event", "calls"}, {"calls", array_of(body, "calls")}});
    return;
  }
  const bool invites = done.op == "call_invite";
  json event = {{"event", invites ? "called" : "done"}, {"op", done.op}, {"time", number_of(body, "time")}};
  if (invites) {
    const std::string key = done.body.contains("group") ? group_key(done.body["group"].get<std::string>())
                                                        : done.body["to"].get<std::string>();
    const auto id = im::message_id_from(text_of(body, "call"));
    if (Chat* const chat = chat_of(key); chat != nullptr && id) {
      chat->head = std::max(chat->head, id->seq.value);
      if (phase_ == Phase::Live) chat->shown = std::max(chat->shown, id->seq.value);
      chat->head_at = number_of(body, "time");
      chat->gone = false;
    }
    name_into(event, key);
    event["call"] = text_of(body, "call");
    event["until"] = number_of(body, "until");
  } else {
    event["call"] = done.body["call"];
  }
  say(std::move(event));
}

}  // namespace nightpost::app
