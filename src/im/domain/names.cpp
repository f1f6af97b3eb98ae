#include "im/domain/names.h"

#include <algorithm>
#include <string>

namespace nightpost::im {
namespace {

Answer<void> check(std::string_view id, std::string_view field, std::size_t bytes_max) {
  const auto malformed = [&](std::string_view why) {
    return refuse(Code::Malformed, std::string(field) + ": " + std::string(why));
  };
  if (id.empty()) return malformed("empty");
  if (id.size() > bytes_max) return malformed("longer than " + std::to_string(bytes_max) + " bytes");
  if (!std::ranges::all_of(id, [](char c) { return c >= 0x20 && c <= 0x7e; }))
    return malformed("has a byte that is not printable ASCII");
  return {};
}

}  // namespace

Answer<void> check_user_id(std::string_view id, std::string_view field) {
  if (id.starts_with("@TIM#")) return refuse(Code::Malformed, std::string(field) + ": begins with @TIM#");
  return check(id, field, kUserIdMax);
}
Answer<void> check_peer_id(std::string_view id, std::string_view field) {
  return id == kSystemUser ? Answer<void>() : check_user_id(id, field);
}

Answer<void> check_device_id(std::string_view id, std::string_view field) { return check(id, field, kDeviceIdMax); }
Answer<void> check_client_id(std::string_view id, std::string_view field) { return check(id, field, kClientIdMax); }

bool is_login_fault(Code code) noexcept {
  switch (code) {
    case Code::SigExpired:
    case Code::SigEmpty:
    case Code::SigUnreadable:
    case Code::SigMismatch:
    case Code::SigOtherUser:
    case Code::SigOtherApp:
    case Code::SigRevoked:
    case Code::AccountUnknown:
    case Code::AppUnknown:
    case Code::Malformed:
      return true;
    default:
      return false;
  }
}

std::string_view name_of(Code code) noexcept {
  switch (code) {
    case Code::Malformed:
      return "malformed";
    case Code::UnknownOp:
      return "unknown_op";
    case Code::NotLoggedIn:
      return "not_logged_in";
    case Code::Displaced:
      return "displaced";
    case Code::TooFast:
      return "too_fast";
    case Code::SigExpired:
      return "sig_expired";
    case Code::SigEmpty:
      return "sig_empty";
    case Code::SigUnreadable:
      return "sig_unreadable";
    case Code::SigMismatch:
      return "sig_mismatch";
    case Code::SigOtherUser:
      return "sig_other_user";
    case Code::SigOtherApp:
      return "sig_other_app";
    case Code::AccountUnknown:
      return "account_unknown";
    case Code::SigRevoked:
      return "sig_revoked";
    case Code::AppUnknown:
      return "app_unknown";
    case Code::CallbackRefused:
      return "callback_refused";
    case Code::GroupCallbackRefused:
      return "group_callback_refused";
    case Code::FriendCallbackRefused:
      return "friend_callback_refused";
    case Code::CallbackFailed:
      return "callback_failed";
    case Code::PushTasksFull:
      return "push_tasks_full";
    case Code::PushRandomUsed:
      return "push_random_used";
    case Code::PushOff:
      return "push_off";
    case Code::CallOver:
      return "call_over";
    case Code::CallForbidden:
      return "call_forbidden";
    case Code::ReceiverUnknown:
      return "receiver_unknown";
    case Code::Blacklisted:
      return "blacklisted";
    case Code::NotFriends:
      return "not_friends";
    case Code::Silenced:
      return "silenced";
    case Code::RecallTooLate:
      return "recall_too_late";
    case Code::NotTheSender:
      return "not_the_sender";
    case Code::MessageUnknown:
      return "message_unknown";
    case Code::WordRefused:
      return "word_refused";
    case Code::TooLarge:
      return "too_large";
    case Code::FriendsFull:
      return "friends_full";
    case Code::FriendGroupsFull:
      return "friend_groups_full";
    case Code::OtherFriendsFull:
      return "other_friends_full";
    case Code::FriendOnBlacklist:
      return "friend_on_blacklist";
    case Code::FriendTakesNobody:
      return "friend_takes_nobody";
    case Code::FriendBlacklists:
      return "friend_blacklists";
    case Code::FriendAsksFirst:
      return "friend_asks_first";
    case Code::NotAFriend:
      return "not_a_friend";
    case Code::GroupForbidden:
      return "group_forbidden";
    case Code::OwnerMayNotQuit:
      return "owner_may_not_quit";
    case Code::GroupUnknown:
      return "group_unknown";
    case Code::AlreadyMember:
      return "already_member";
    case Code::GroupFull:
      return "group_full";
    case Code::GroupIdInvalid:
      return "group_id_invalid";
    case Code::GroupSilenced:
      return "group_silenced";
    case Code::GroupIdUsed:
      return "group_id_used";
    case Code::ApplicationDecided:
      return "application_decided";
    case Code::GroupIdOwned:
      return "group_id_owned";
    case Code::GroupMessageUnknown:
      return "group_message_unknown";
    case Code::GroupRecallTooLate:
      return "group_recall_too_late";
    case Code::GroupNoRecall:
      return "group_no_recall";
    case Code::LiveGroups:
      return "live_groups";
    case Code::UserGroupsFull:
      return "user_groups_full";
    case Code::Busy:
      return "busy";
    case Code::Internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace nightpost::im
