// Groups: types, roles, options and ids, with the words of both vocabularies. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "im/domain/codes.h"
#include "im/domain/ids.h"

namespace nightpost::im {

enum class GroupType : std::uint8_t { Work, Public, Meeting, Live };
inline constexpr std::size_t kGroupTypes = 4;
std::string_view name_of(GroupType type) noexcept;       // "Work", "Public", "Meeting", "AVChatRoom": on sockets
std::string_view rest_name_of(GroupType type) noexcept;  // "Private", "Public", "ChatRoom", "AVChatRoom"
/// A word of either vocabulary.
std::optional<GroupType> group_type_from(std::string_view name) noexcept;

/// By rank.
enum class GroupRole : std::uint8_t { Member, Admin, Owner };
std::string_view name_of(GroupRole role) noexcept;  // "member", "admin", "owner"
std::optional<GroupRole> group_role_from(std::string_view name) noexcept;

enum class JoinOption : std::uint8_t { Free, Approval, Disabled };
std::string_view name_of(JoinOption option) noexcept;  // "free", "approval", "disabled"
std::optional<JoinOption> join_option_from(std::string_view name) noexcept;

/// What a member's invitation is.
enum class InviteOption : std::uint8_t { Free, Approval, Disabled };
std::string_view name_of(InviteOption option) noexcept;  // "free", "approval", "disabled"
std::optional<InviteOption> invite_option_from(std::string_view name) noexcept;

/// What a member wants of a group's messages.
enum class ReceiveOption : std::uint8_t {
  Notify,     // delivered, counted, pushed
  NotNotify,  // delivered and counted, not pushed
  Discard,    // neither delivered nor counted
};
std::string_view name_of(ReceiveOption option) noexcept;  // "notify", "not_notify", "discard"
std::optional<ReceiveOption> receive_option_from(std::string_view name) noexcept;

/// What a type says of its groups and their members.
struct GroupTraits {
  JoinOption join;        // at its creation
  bool join_changes;      // the option can be set
  InviteOption invite;    // at its creation
  ReceiveOption receive;  // of a new member
  bool history_before;    // a member sees what was said before he joined
  bool counts_unread;     // else unread is always 0
  bool tips_stored;       // joins, kicks and changes are messages; else mere events
  bool has_admins;        // the role exists
  bool recalls;           // messages can be recalled
};
const GroupTraits& traits_of(GroupType type) noexcept;

inline constexpr std::size_t kGroupIdMax = 48;               // bytes
inline constexpr std::string_view kGroupIdPrefix = "@TGS#";  // of ids that the server makes
/// How a group is called anywhere: 1-48 bytes 0x20-0x7E.
Answer<void> check_group_id(std::string_view id, std::string_view field = "group");
/// As a creator may call it: likewise, and without the server's prefix. GroupIdInvalid.
Answer<void> check_new_group_id(std::string_view id, std::string_view field = "group");
/// The server's own, unique as the conversation is.
std::string made_group_id(ConvId conv);

/// Who may write one of an app's own fields of a group; the app always may.
enum class FieldRight : std::uint8_t { Member, Admin, Owner, App };
std::optional<FieldRight> field_right_from(std::string_view name) noexcept;  // "member", "admin", "owner", "app"

struct GroupLimits {
  std::size_t name_bytes_max = 30;
  std::size_t introduction_bytes_max = 240;
  std::size_t notification_bytes_max = 300;
  std::size_t face_bytes_max = 100;
  std::size_t card_bytes_max = 50;          // a member's name in the group
  std::size_t note_bytes_max = 300;         // of an application, a decision, a kick
  std::size_t field_key_bytes_max = 16;     // of the app's own fields
  std::size_t field_value_bytes_max = 512;  // likewise
  std::size_t members_max = 6'000;          // a group; a creator may ask for less
  std::size_t first_members_max = 500;      // named at its creation
  std::size_t invited_max = 300;            // a request
  std::size_t kicked_max = 100;             // likewise
  std::size_t groups_per_user_max = 500;    // that a user is a member of
  std::size_t applications_max = 1'000;     // that wait for a decision, a group
  std::size_t invitations_max = 100;        // that wait for a user's answer, of all groups
  std::size_t mentions_max = 30;            // users that a message mentions
  std::size_t targets_max = 50;             // users that alone see a message
  std::size_t members_page_max = 100;       // of a member list
  std::size_t named_max = 500;              // members asked for by name at once
  std::size_t infos_max = 50;               // groups asked for at once
  std::size_t notice_bytes_max = 2'048;     // of what the app's server says to a group's members
  std::size_t attributes_max = 16;          // words that the app's server keeps with a group
  std::size_t attribute_bytes_max = 4'096;  // of one's value
  std::size_t counters_max = 20;            // numbers, likewise
  bool owner_recalls = true;                // owner and admins may recall what others wrote
  bool mention_passes_not_notify = false;   // a mention is pushed to a member who wants no pushes of this group
  milliseconds invitation_kept{7LL * 24 * 3'600 * 1'000};  // that waits; then it has expired
  std::size_t live_groups_max = 1'000;                     // live groups of an app; 0: none
  std::size_t live_groups_per_owner_max = 50;              // of them, that a user owns
  std::size_t live_per_second = 40;                   // messages and news that a live group hears; what is over waits
  std::size_t live_waiting_max = 40;                  // so much of it; beyond, the lowest priority is dropped first
  std::size_t live_rules_max = 10'000;                // users that are silenced or banned in one
  milliseconds live_lease{30'000};                    // that a device whose connection is gone stays in one
  milliseconds left_kept{30LL * 24 * 3'600 * 1'000};  // a membership that ended, for devices that were away meanwhile
  std::map<std::string, FieldRight, std::less<>> fields;  // the app's own; others are refused
};

}  // namespace nightpost::im
