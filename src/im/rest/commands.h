// Every command of the server API, in one table: routing, rights, rates, metrics, the API's document, the list in the
// help, and the answers of commands that are not offered are made of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "im/rest/call.h"

namespace nightpost::im {

enum class Rate : std::uint8_t { Message, Manage };

/// The first version of Nightpost that had this API.
inline constexpr std::string_view kRestSince = "0.1.0";

struct RestCommand {
  /// Who may call, the same for each: users have sockets, no command is theirs.
  static constexpr std::string_view kWho = "administrator";

  std::string_view service, name;
  Family family = Family::Message;
  Rate rate = Rate::Message;
  /// Answers the call, now or later. Null: not offered, `code` is the answer.
  void (*handler)(Call call) = nullptr;
  std::int32_t code = 0;
  std::string_view old_of;  // an earlier name of that command
  std::string_view since;   // the first version of Nightpost that offers it; empty: none does
};

/// By service and name, ascending.
std::span<const RestCommand> rest_commands() noexcept;
/// Null: unknown.
const RestCommand* find_command(std::string_view service, std::string_view name) noexcept;
/// The offered ones, a line each service, with their version where it is not kRestSince: for people.
std::string command_list(std::span<const RestCommand> commands);
/// What a call of an unknown command is answered: 10003 in a service of groups, else 60009.
std::int32_t unknown_command_code(std::string_view service) noexcept;

// account_commands.cpp
void account_import(Call call);
void multiaccount_import(Call call);
void account_delete(Call call);
void account_check(Call call);
void kick(Call call);
void query_online_status(Call call);

// message_commands.cpp
void sendmsg(Call call);
void batchsendmsg(Call call);
void importmsg(Call call);
void admin_getroammsg(Call call);
void admin_msgwithdraw(Call call);
void admin_set_msg_read(Call call);
void get_c2c_unread_msg_num(Call call);
void modify_c2c_msg(Call call);

// profile_commands.cpp
void portrait_set(Call call);
void portrait_get(Call call);
void setnospeaking(Call call);
void getnospeaking(Call call);

// relation_commands.cpp
void black_list_add(Call call);
void black_list_delete(Call call);
void black_list_get(Call call);
void black_list_check(Call call);
void recentcontact_get_list(Call call);
void recentcontact_delete(Call call);

// group_commands.cpp
void create_group(Call call);
void destroy_group(Call call);
void change_group_owner(Call call);
void modify_group_base_info(Call call);
void get_group_info(Call call);
void get_joined_group_list(Call call);
void add_group_member(Call call);
void delete_group_member(Call call);
void modify_group_member_info(Call call);
void get_group_member_info(Call call);
void get_specified_group_member_info(Call call);
void get_role_in_group(Call call);
void forbid_send_msg(Call call);
void get_group_muted_account(Call call);
void get_group_ban_member(Call call);
void send_group_msg(Call call);
void group_msg_recall(Call call);
void group_msg_get_simple(Call call);

// mass_push_commands.cpp
void im_push(Call call);
void timpush_push(Call call);
void timpush_batch(Call call);
void im_cancel_push(Call call);
void im_get_push_report(Call call);
void im_set_attr_name(Call call);
void im_get_attr_name(Call call);
void im_set_attr(Call call);
void im_remove_attr(Call call);
void im_get_attr(Call call);
void im_add_tag(Call call);
void im_remove_tag(Call call);
void im_remove_all_tags(Call call);
void im_get_tag(Call call);

// group_import_commands.cpp
void import_group(Call call);
void import_group_member(Call call);
void import_group_msg(Call call);
void get_appid_group_list(Call call);
void set_unread_msg_num(Call call);

// group_extra_commands.cpp
void send_group_system_notification(Call call);
void ban_group_member(Call call);
void unban_group_member(Call call);
void get_online_member_num(Call call);
void delete_group_msg_by_sender(Call call);
void modify_group_msg(Call call);
void get_group_msg_receipt(Call call);
void get_group_msg_receipt_detail(Call call);
void get_group_attr(Call call);
void set_group_attr(Call call);
void modify_group_attr(Call call);
void clear_group_attr(Call call);
void get_group_counter(Call call);
void update_group_counter(Call call);
void delete_group_counter(Call call);

// friend_group_commands.cpp
void friend_group_add(Call call);
void friend_group_delete(Call call);
void friend_group_get(Call call);

// friend_commands.cpp
void friend_add(Call call);
void friend_import(Call call);
void friend_update(Call call);
void friend_delete(Call call);
void friend_delete_all(Call call);
void friend_check(Call call);
void friend_get(Call call);
void friend_get_list(Call call);

}  // namespace nightpost::im
