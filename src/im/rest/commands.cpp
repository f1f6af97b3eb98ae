#include "im/rest/commands.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nightpost::im {
namespace {

using Handler = void (*)(Call);

constexpr RestCommand offered(std::string_view service, std::string_view name, Family family, Rate rate,
                              Handler handler, std::string_view old_of = {}, std::string_view since = kRestSince) {
  return {service, name, family, rate, handler, 0, old_of, since};
}
/// Known to the API, and not to this server. `code`: 60009 and, of groups, 10003 are what an unknown address or name
/// gets.
constexpr RestCommand missing(std::string_view service, std::string_view name, Family family, std::int32_t code,
                              std::string_view old_of = {}) {
  return {service, name, family, Rate::Manage, nullptr, code, old_of, {}};
}

constexpr std::array kCommands = {
    missing("ConfigSvc", "GetIPList", Family::Config, 60009),
    offered("all_member_push", "im_add_tag", Family::Message, Rate::Manage, im_add_tag),
    offered("all_member_push", "im_cancel_push", Family::Message, Rate::Manage, im_cancel_push),
    offered("all_member_push", "im_get_attr", Family::Message, Rate::Manage, im_get_attr),
    offered("all_member_push", "im_get_attr_name", Family::Message, Rate::Manage, im_get_attr_name),
    offered("all_member_push", "im_get_push_report", Family::Message, Rate::Manage, im_get_push_report),
    offered("all_member_push", "im_get_tag", Family::Message, Rate::Manage, im_get_tag),
    offered("all_member_push", "im_push", Family::Message, Rate::Manage, im_push),
    offered("all_member_push", "im_remove_all_tags", Family::Message, Rate::Manage, im_remove_all_tags),
    offered("all_member_push", "im_remove_attr", Family::Message, Rate::Manage, im_remove_attr),
    offered("all_member_push", "im_remove_tag", Family::Message, Rate::Manage, im_remove_tag),
    offered("all_member_push", "im_set_attr", Family::Message, Rate::Manage, im_set_attr),
    offered("all_member_push", "im_set_attr_name", Family::Message, Rate::Manage, im_set_attr_name),
    missing("follow", "follow_add", Family::Friend, 60009),
    missing("follow", "follow_check", Family::Friend, 60009),
    missing("follow", "follow_delete", Family::Friend, 60009),
    missing("follow", "follow_get", Family::Friend, 60009),
    missing("follow", "follow_get_info", Family::Friend, 60009),
    offered("group_open_attr_http_svc", "get_group_attr", Family::Group, Rate::Message, get_group_attr),
    missing("group_open_avchatroom_http_svc", "check_members", Family::Group, 10003),
    missing("group_open_avchatroom_http_svc", "get_admin_list", Family::Group, 10003),
    missing("group_open_avchatroom_http_svc", "get_members", Family::Group, 10003),
    missing("group_open_avchatroom_http_svc", "modify_admin", Family::Group, 10003),
    missing("group_open_avchatroom_http_svc", "modify_user_info", Family::Group, 10003),
    offered("group_open_http_svc", "add_group_member", Family::Group, Rate::Manage, add_group_member),
    offered("group_open_http_svc", "ban_group_member", Family::Group, Rate::Manage, ban_group_member),
    offered("group_open_http_svc", "change_group_owner", Family::Group, Rate::Manage, change_group_owner),
    offered("group_open_http_svc", "clear_group_attr", Family::Group, Rate::Manage, clear_group_attr),
    missing("group_open_http_svc", "clear_group_msg", Family::Group, 10003),
    offered("group_open_http_svc", "create_group", Family::Group, Rate::Manage, create_group),
    offered("group_open_http_svc", "delete_group_counter", Family::Group, Rate::Manage, delete_group_counter),
    offered("group_open_http_svc", "delete_group_member", Family::Group, Rate::Manage, delete_group_member),
    offered("group_open_http_svc", "delete_group_msg_by_sender", Family::Group, Rate::Manage,
            delete_group_msg_by_sender),
    offered("group_open_http_svc", "destroy_group", Family::Group, Rate::Manage, destroy_group),
    offered("group_open_http_svc", "forbid_send_msg", Family::Group, Rate::Manage, forbid_send_msg),
    offered("group_open_http_svc", "get_appid_group_list", Family::Group, Rate::Message, get_appid_group_list),
    offered("group_open_http_svc", "get_group_ban_member", Family::Group, Rate::Message, get_group_ban_member),
    offered("group_open_http_svc", "get_group_counter", Family::Group, Rate::Message, get_group_counter),
    offered("group_open_http_svc", "get_group_info", Family::Group, Rate::Message, get_group_info),
    offered("group_open_http_svc", "get_group_member_info", Family::Group, Rate::Message, get_group_member_info),
    offered("group_open_http_svc", "get_group_msg_receipt", Family::Group, Rate::Message, get_group_msg_receipt),
    offered("group_open_http_svc", "get_group_msg_receipt_detail", Family::Group, Rate::Message,
            get_group_msg_receipt_detail),
    offered("group_open_http_svc", "get_group_muted_account", Family::Group, Rate::Message, get_group_muted_account),
    offered("group_open_http_svc", "get_group_shutted_uin", Family::Group, Rate::Message, get_group_muted_account,
            "group_open_http_svc/get_group_muted_account"),
    offered("group_open_http_svc", "get_joined_group_list", Family::Group, Rate::Message, get_joined_group_list),
    offered("group_open_http_svc", "get_online_member_num", Family::Group, Rate::Message, get_online_member_num),
    offered("group_open_http_svc", "get_role_in_group", Family::Group, Rate::Message, get_role_in_group),
    offered("group_open_http_svc", "get_specified_group_member_info", Family::Group, Rate::Message,
            get_specified_group_member_info),
    offered("group_open_http_svc", "group_msg_get_simple", Family::Group, Rate::Message, group_msg_get_simple),
    offered("group_open_http_svc", "group_msg_recall", Family::Group, Rate::Message, group_msg_recall),
    missing("group_open_http_svc", "group_msg_receipt", Family::Group, 10003),
    offered("group_open_http_svc", "import_group", Family::Group, Rate::Manage, import_group),
    offered("group_open_http_svc", "import_group_member", Family::Group, Rate::Manage, import_group_member),
    offered("group_open_http_svc", "import_group_msg", Family::Group, Rate::Message, import_group_msg),
    missing("group_open_http_svc", "import_topic", Family::Group, 10003),
    offered("group_open_http_svc", "modify_group_attr", Family::Group, Rate::Manage, modify_group_attr),
    offered("group_open_http_svc", "modify_group_base_info", Family::Group, Rate::Manage, modify_group_base_info),
    offered("group_open_http_svc", "modify_group_member_info", Family::Group, Rate::Manage, modify_group_member_info),
    missing("group_open_http_svc", "send_broadcast_msg", Family::Group, 10003),
    offered("group_open_http_svc", "send_group_msg", Family::Group, Rate::Message, send_group_msg),
    offered("group_open_http_svc", "send_group_system_notification", Family::Group, Rate::Message,
            send_group_system_notification),
    offered("group_open_http_svc", "set_group_attr", Family::Group, Rate::Manage, set_group_attr),
    offered("group_open_http_svc", "set_unread_msg_num", Family::Group, Rate::Manage, set_unread_msg_num),
    offered("group_open_http_svc", "unban_group_member", Family::Group, Rate::Manage, unban_group_member),
    offered("group_open_http_svc", "update_group_counter", Family::Group, Rate::Manage, update_group_counter),
    offered("im_open_login_svc", "account_check", Family::Account, Rate::Manage, account_check),
    offered("im_open_login_svc", "account_delete", Family::Account, Rate::Manage, account_delete),
    offered("im_open_login_svc", "account_import", Family::Account, Rate::Manage, account_import),
    offered("im_open_login_svc", "kick", Family::Account, Rate::Manage, kick),
    offered("im_open_login_svc", "multiaccount_import", Family::Account, Rate::Manage, multiaccount_import),
    offered("im_open_login_svc", "querystate", Family::Account, Rate::Message, query_online_status,
            "openim/query_online_status"),
    missing("million_group_open_http_svc", "create_topic", Family::Group, 10003),
    missing("million_group_open_http_svc", "destroy_topic", Family::Group, 10003),
    missing("million_group_open_http_svc", "get_topic", Family::Group, 10003),
    missing("million_group_open_http_svc", "modify_topic", Family::Group, 10003),
    missing("open_msg_svc", "get_history", Family::Config, 60009),
    missing("openconfigsvr", "getappinfo", Family::Config, 60009),
    offered("openconfigsvr", "getnospeaking", Family::Config, Rate::Manage, getnospeaking),
    offered("openconfigsvr", "setnospeaking", Family::Config, Rate::Manage, setnospeaking),
    offered("openim", "admin_getroammsg", Family::Message, Rate::Message, admin_getroammsg),
    offered("openim", "admin_msgwithdraw", Family::Message, Rate::Message, admin_msgwithdraw),
    offered("openim", "admin_set_msg_read", Family::Message, Rate::Message, admin_set_msg_read),
    offered("openim", "batchsendmsg", Family::Message, Rate::Message, batchsendmsg),
    missing("openim", "c2c_msg_read_receipt", Family::Message, 60009),
    missing("openim", "delete_c2c_msg_ramble", Family::Message, 60009),
    offered("openim", "get_c2c_unread_msg_num", Family::Message, Rate::Message, get_c2c_unread_msg_num),
    offered("openim", "im_add_tag", Family::Message, Rate::Manage, im_add_tag, "all_member_push/im_add_tag"),
    offered("openim", "im_get_attr", Family::Message, Rate::Manage, im_get_attr, "all_member_push/im_get_attr"),
    offered("openim", "im_get_attr_name", Family::Message, Rate::Manage, im_get_attr_name,
            "all_member_push/im_get_attr_name"),
    offered("openim", "im_get_push_report", Family::Message, Rate::Manage, im_get_push_report,
            "all_member_push/im_get_push_report"),
    offered("openim", "im_get_tag", Family::Message, Rate::Manage, im_get_tag, "all_member_push/im_get_tag"),
    offered("openim", "im_push", Family::Message, Rate::Manage, im_push, "all_member_push/im_push"),
    offered("openim", "im_remove_all_tags", Family::Message, Rate::Manage, im_remove_all_tags,
            "all_member_push/im_remove_all_tags"),
    offered("openim", "im_remove_attr", Family::Message, Rate::Manage, im_remove_attr,
            "all_member_push/im_remove_attr"),
    offered("openim", "im_remove_tag", Family::Message, Rate::Manage, im_remove_tag, "all_member_push/im_remove_tag"),
    offered("openim", "im_set_attr", Family::Message, Rate::Manage, im_set_attr, "all_member_push/im_set_attr"),
    offered("openim", "im_set_attr_name", Family::Message, Rate::Manage, im_set_attr_name,
            "all_member_push/im_set_attr_name"),
    offered("openim", "importmsg", Family::Message, Rate::Message, importmsg),
    offered("openim", "modify_c2c_msg", Family::Message, Rate::Message, modify_c2c_msg),
    offered("openim", "modify_group_msg", Family::Group, Rate::Message, modify_group_msg),
    offered("openim", "query_online_status", Family::Account, Rate::Message, query_online_status),
    offered("openim", "querystate", Family::Account, Rate::Message, query_online_status, "openim/query_online_status"),
    offered("openim", "sendmsg", Family::Message, Rate::Message, sendmsg),
    missing("openim_msg_ext_http_svc", "get_key_values", Family::Message, 60009),
    missing("openim_msg_ext_http_svc", "group_get_key_values", Family::Message, 60009),
    missing("openim_msg_ext_http_svc", "group_set_key_values", Family::Message, 60009),
    missing("openim_msg_ext_http_svc", "set_key_values", Family::Message, 60009),
    offered("profile", "portrait_get", Family::Profile, Rate::Manage, portrait_get),
    offered("profile", "portrait_set", Family::Profile, Rate::Manage, portrait_set),
    missing("recentcontact", "create_contact_group", Family::Conversation, 60009),
    missing("recentcontact", "del_contact_group", Family::Conversation, 60009),
    offered("recentcontact", "delete", Family::Conversation, Rate::Manage, recentcontact_delete),
    missing("recentcontact", "get_contact_group", Family::Conversation, 60009),
    offered("recentcontact", "get_list", Family::Conversation, Rate::Message, recentcontact_get_list),
    missing("recentcontact", "mark_contact", Family::Conversation, 60009),
    missing("recentcontact", "search_contact_group", Family::Conversation, 60009),
    missing("recentcontact", "update_contact_group", Family::Conversation, 60009),
    offered("sns", "black_list_add", Family::Friend, Rate::Manage, black_list_add),
    offered("sns", "black_list_check", Family::Friend, Rate::Manage, black_list_check),
    offered("sns", "black_list_delete", Family::Friend, Rate::Manage, black_list_delete),
    offered("sns", "black_list_get", Family::Friend, Rate::Manage, black_list_get),
    offered("sns", "friend_add", Family::Friend, Rate::Manage, friend_add),
    offered("sns", "friend_check", Family::Friend, Rate::Manage, friend_check),
    offered("sns", "friend_delete", Family::Friend, Rate::Manage, friend_delete),
    offered("sns", "friend_delete_all", Family::Friend, Rate::Manage, friend_delete_all),
    offered("sns", "friend_get", Family::Friend, Rate::Manage, friend_get),
    offered("sns", "friend_get_list", Family::Friend, Rate::Manage, friend_get_list),
    offered("sns", "friend_import", Family::Friend, Rate::Manage, friend_import),
    offered("sns", "friend_update", Family::Friend, Rate::Manage, friend_update),
    offered("sns", "group_add", Family::Friend, Rate::Manage, friend_group_add),
    offered("sns", "group_delete", Family::Friend, Rate::Manage, friend_group_delete),
    offered("sns", "group_get", Family::Friend, Rate::Manage, friend_group_get),
    offered("timpush", "batch", Family::Message, Rate::Manage, timpush_batch),
    offered("timpush", "push", Family::Message, Rate::Manage, timpush_push),
};

constexpr std::pair<std::string_view, std::string_view> address_of(const RestCommand& command) {
  return {command.service, command.name};
}
static_assert(std::ranges::is_sorted(kCommands, {}, address_of));

}  // namespace

std::span<const RestCommand> rest_commands() noexcept { return kCommands; }

const RestCommand* find_command(std::string_view service, std::string_view name) noexcept {
  const std::pair sought{service, name};
  const auto found = std::ranges::lower_bound(kCommands, sought, {}, address_of);
  return found != kCommands.end() && address_of(*found) == sought ? &*found : nullptr;
}

std::string command_list(std::span<const RestCommand> commands) {
  std::string out;
  std::string_view service;
  for (const RestCommand& command : commands) {
    if (command.handler == nullptr) continue;
    if (command.service != service) out.append(out.empty() ? "  " : "\n  ").append(command.service).append(":");
    service = command.service;
    out.append(" ").append(command.name);
    if (command.since != kRestSince) out.append(" (since ").append(command.since).append(")");
  }
  return out;
}

std::int32_t unknown_command_code(std::string_view service) noexcept {
  const auto known = std::ranges::find(kCommands, service, &RestCommand::service);
  return known != kCommands.end() && known->family == Family::Group ? 10003 : 60009;
}

}  // namespace nightpost::im
