#include "admin/companion_views.h"

#include <algorithm>
#include <string_view>

#include "core/time.h"

namespace nightpost::admin {
namespace {

using im::ConsoleReader;

/// null: never, or not known.
nlohmann::json ms_or_null(WallTime time) { return time == WallTime{} ? nlohmann::json() : nlohmann::json(to_ms(time)); }

/// JSON of the store as it is; what is none stays a text.
nlohmann::json stored_json(const std::string& text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  return json.is_discarded() ? nlohmann::json(text) : json;
}

std::string_view application_state(std::int64_t state) {
  return state == 0 ? "waits" : state == 1 ? "agreed" : "refused";
}

}  // namespace

nlohmann::json companion_user_item(const ConsoleReader::UserItem& item) {
  return {{"user_id", item.id}, {"nick", item.nick}, {"removed", item.removed}, {"created_at", to_ms(item.created_at)}};
}

nlohmann::json companion_user_view(AppId app, const ConsoleReader::User& user,
                                   std::span<const store::Store::DeviceRow> devices) {
  nlohmann::json terminals = nlohmann::json::array(), groups = nlohmann::json::array(),
                 fields = nlohmann::json::array();
  for (const ConsoleReader::Terminal& each : user.terminals) {
    const auto row =
        std::ranges::find(devices, each.device, [](const auto& device) { return device.device.device_id; });
    const bool has_token = row != devices.end() && !row->device.token.text().empty();
    terminals.push_back({{"device_id", each.device},
                         {"platform", each.platform},
                         {"state", each.state},
                         {"foreground", each.foreground},
                         {"language", each.language},
                         {"badge", each.badge},
                         {"last_login", &each == &user.terminals.front()},
                         {"has_token", has_token},
                         {"token_at", has_token ? ms_or_null(row->device.registered_at) : nlohmann::json()}});
  }
  for (const ConsoleReader::Membership& each : user.groups)
    groups.push_back({{"group_id", each.group},
                      {"name", each.name},
                      {"type", each.type},
                      {"role", im::name_of(each.role)},
                      {"joined_at", to_ms(each.joined_at)}});
  for (const auto& [tag, value] : user.fields) fields.push_back({{"tag", tag}, {"value", stored_json(value)}});
  nlohmann::json out = companion_user_item(user.item);
  out.update(nlohmann::json::object({{"app_id", app.value},
                                     {"face", user.face},
                                     {"signatures_from", ms_or_null(user.signatures_from)},
                                     {"unread", user.unread},
                                     {"silent_in_chats_until", ms_or_null(user.silent_in_chats_until)},
                                     {"silent_in_groups_until", ms_or_null(user.silent_in_groups_until)},
                                     {"friends", user.friends},
                                     {"blacklisted", user.blacklisted},
                                     {"fields", std::move(fields)},
                                     {"devices", std::move(terminals)},
                                     {"groups", std::move(groups)},
                                     {"more_groups", user.more_groups}}));
  return out;
}

nlohmann::json companion_totals_view(AppId app, const ConsoleReader::Totals& totals) {
  nlohmann::json devices = nlohmann::json::array();
  for (const ConsoleReader::TerminalCount& each : totals.terminals)
    devices.push_back({{"platform", each.platform},
                       {"state", each.state},
                       {"foreground", each.foreground},
                       {"devices", each.terminals}});
  return {
      {"app_id", app.value}, {"users", totals.accounts}, {"groups", totals.groups}, {"devices", std::move(devices)}};
}

nlohmann::json companion_group_item(const ConsoleReader::GroupItem& item) {
  return {{"group_id", item.id},
          {"name", item.name},
          {"type", item.type},
          {"owner", item.owner},
          {"members", item.members},
          {"created_at", to_ms(item.created_at)},
          {"last_at", ms_or_null(item.last_at)}};
}

nlohmann::json companion_group_view(AppId app, const ConsoleReader::Group& group) {
  nlohmann::json applications = nlohmann::json::array();
  for (const ConsoleReader::Application& each : group.applications)
    applications.push_back({{"user_id", each.user},
                            {"state", application_state(each.state)},
                            {"at", to_ms(each.at)},
                            {"by", each.by},
                            {"decided_at", ms_or_null(each.decided_at)},
                            {"inviter", each.inviter},
                            {"for_user", each.for_user}});
  nlohmann::json out = companion_group_item(group.item);
  out.update(nlohmann::json::object({{"app_id", app.value},
                                     {"conversation", group.conv.value},
                                     {"messages", group.seq.value},
                                     {"introduction", group.introduction},
                                     {"notification", group.notification},
                                     {"face", group.face},
                                     {"join", group.join},
                                     {"invite", group.invite},
                                     {"invite_consent", group.invite_consent},
                                     {"members_max", group.members_max},
                                     {"all_silenced", group.all_silenced},
                                     {"fields", stored_json(group.fields)},
                                     {"info_at", ms_or_null(group.info_at)},
                                     {"applications_waiting", group.applications_waiting},
                                     {"applications", std::move(applications)}}));
  return out;
}

nlohmann::json companion_member_view(const ConsoleReader::Member& member) {
  return {{"user_id", member.user},
          {"nick", member.nick},
          {"card", member.card},
          {"role", im::name_of(member.role)},
          {"joined_at", to_ms(member.joined_at)},
          {"silenced_until", ms_or_null(member.silenced_until)},
          {"last_sent_at", ms_or_null(member.last_sent_at)},
          {"option", im::name_of(member.option)}};
}

nlohmann::json companion_chat_view(const ConsoleReader::Chat& chat) {
  return {{"conversation", chat.conv.value},     {"peer", chat.peer},     {"messages", chat.head.value},
          {"last_at", ms_or_null(chat.head_at)}, {"unread", chat.unread}, {"gone", chat.gone}};
}

nlohmann::json companion_message_view(const im::Message& message) {
  return {{"message_id", im::text_of(message.id)},
          {"seq", message.id.seq.value},
          {"at", to_ms(message.at)},
          {"from", message.from},
          {"to", message.to},
          {"nick", message.nick},
          {"card", message.card},
          {"recalled", message.flags.recalled},
          {"edited", message.flags.edited},
          {"tip", message.flags.tip},
          {"hidden", message.flags.hidden_from_receiver},
          {"mentions", message.mentions},
          {"targets", message.targets},
          {"elements", message.elements.empty() ? nlohmann::json::array() : stored_json(message.elements)},
          {"cloud_data", message.cloud_data}};
}

}  // namespace nightpost::admin
