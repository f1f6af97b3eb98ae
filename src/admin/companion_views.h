// How the companion's rows look in the API. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "im/store/console_reader.h"
#include "store/store.h"

namespace nightpost::admin {

nlohmann::json companion_user_item(const im::ConsoleReader::UserItem& item);
/// `devices`: the user's rows of the dispatcher, whose tokens are told of, not shown.
nlohmann::json companion_user_view(AppId app, const im::ConsoleReader::User& user,
                                   std::span<const store::Store::DeviceRow> devices);
nlohmann::json companion_totals_view(AppId app, const im::ConsoleReader::Totals& totals);
nlohmann::json companion_group_item(const im::ConsoleReader::GroupItem& item);
nlohmann::json companion_group_view(AppId app, const im::ConsoleReader::Group& group);
nlohmann::json companion_member_view(const im::ConsoleReader::Member& member);
nlohmann::json companion_chat_view(const im::ConsoleReader::Chat& chat);
nlohmann::json companion_message_view(const im::Message& message);

}  // namespace nightpost::admin
