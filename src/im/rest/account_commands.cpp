// im_open_login_svc, and who is online.
#include <algorithm>
#include <array>

#include "im/rest/commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kAccountsMax = 100;
constexpr std::size_t kStatesMax = 500;
constexpr std::int32_t kTooManyItems = 70206;

Profile profile_of(Fields& fields) { return {fields.text_if("Nick"), fields.text_if("FaceUrl")}; }

/// DeleteItem and CheckItem: [{"UserID": …}].
std::vector<std::string> users_of(Fields& body, Names names) {
  std::vector<std::string> out;
  body.each(
      names, kAccountsMax, [&](Fields& item) { out.push_back(item.text({"UserID", "Identifier"})); }, 0, kTooManyItems);
  return out;
}

/// As "Detail" has it.
std::string_view platform_word(Platform platform) {
  switch (platform) {
    case Platform::Ios:
      return "iPhone";
    case Platform::Android:
      return "Android";
    case Platform::Desktop:
      return "PC";
    case Platform::MiniProgram:
      return "WeChat";
    case Platform::Web:
      break;
  }
  return "Web";
}

/// Connected, or reachable by a push, or neither.
std::string_view status_of(const AccountState& state, const std::vector<Presence::Device>& connected) {
  if (!connected.empty()) return "Online";
  const auto pushed = [](const AccountState::Device& device) {
    return device.platform == Platform::Ios || device.platform == Platform::Android;
  };
  return std::ranges::any_of(state.devices, pushed) ? "PushOnline" : "Offline";
}

RestJson details_of(const AccountState& state, const std::vector<Presence::Device>& connected) {
  RestJson out = RestJson::array();
  for (const AccountState::Device& device : state.devices) {
    const bool here = std::ranges::find(connected, device.device, &Presence::Device::device) != connected.end();
    const bool pushed = device.platform == Platform::Ios || device.platform == Platform::Android;
    if (here || pushed)
      out.push_back({{"Platform", platform_word(device.platform)}, {"Status", here ? "Online" : "PushOnline"}});
  }
  return out;
}

}  // namespace

void account_import(Call call) {
  Fields body = call.fields();
  std::string user = body.text({"UserID", "Identifier"});
  Profile profile = profile_of(body);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.import_account(call.user(std::move(user)), std::move(profile), std::move(call).plain());
}

void multiaccount_import(Call call) {
  Fields body = call.fields();
  std::vector<AccountImport> all;
  if (body.has("AccountList")) {
    body.each(
        "AccountList", kAccountsMax,
        [&](Fields& item) { all.push_back({item.text({"UserID", "Identifier"}), profile_of(item)}); }, 0,
        kTooManyItems);
  } else {
    for (std::string& user : body.texts("Accounts", kAccountsMax, 0, kTooManyItems))
      all.push_back({std::move(user), {}});
  }
  if (call.answered_fault()) return;
  std::vector<std::string> users;
  for (const AccountImport& each : all) users.push_back(each.user);
  auto& service = call.tools.service;
  const AppId app = call.administrator.app;
  service.import_accounts(app, std::move(all),
                          std::move(call).reply<AdminService::Each>(
                              [users = std::move(users)](RestJson& out, const AdminService::Each& done) {
                                RestJson failed = RestJson::array();
                                for (std::size_t i = 0; i < users.size(); ++i)
                                  if (!done[i]) failed.push_back(users[i]);
                                out["FailAccounts"] = std::move(failed);
                              }));
}

void account_delete(Call call) {
  Fields body = call.fields();
  std::vector<std::string> users = users_of(body, "DeleteItem");
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const AppId app = call.administrator.app;
  service.remove_accounts(
      app, users, std::move(call).reply<AdminService::Each>([users](RestJson& out, const AdminService::Each& done) {
        RestJson results = RestJson::array();
        for (std::size_t i = 0; i < users.size(); ++i) {
          RestJson item;
          add_result(item, Family::Account, done[i]);
          item["UserID"] = users[i];
          results.push_back(std::move(item));
        }
        out["ResultItem"] = std::move(results);
      }));
}

void account_check(Call call) {
  Fields body = call.fields();
  std::vector<std::string> users = users_of(body, "CheckItem");
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const AppId app = call.administrator.app;
  service.accounts(
      app, users,
      std::move(call).reply<std::vector<AccountState>>([users](RestJson& out, const std::vector<AccountState>& states) {
        RestJson results = RestJson::array();
        for (std::size_t i = 0; i < users.size(); ++i)
          results.push_back({{"UserID", users[i]},
                             {"ResultCode", 0},
                             {"ResultInfo", ""},
                             {"AccountStatus", states[i].known ? "Imported" : "NotImported"}});
        out["ResultItem"] = std::move(results);
      }));
}

void kick(Call call) {
  Fields body = call.fields();
  std::string user = body.text({"UserID", "Identifier"});
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.kick(call.user(std::move(user)), std::move(call).plain());
}

void query_online_status(Call call) {
  Fields body = call.fields();
  std::vector<std::string> users = body.texts("To_Account", kStatesMax, 0, kTooManyItems);
  const bool detail = body.number_if("IsNeedDetail", 0, 1).value_or(0) == 1;
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const Presence& presence = call.tools.presence;
  const AppId app = call.administrator.app;
  const auto write = [users, detail, app, &presence](RestJson& out, const std::vector<AccountState>& states) {
    RestJson results = RestJson::array(), errors = RestJson::array();
    for (std::size_t i = 0; i < users.size(); ++i) {
      if (!states[i].known) {
        errors.push_back({{"To_Account", users[i]}, {"ErrorCode", 70107}});
        continue;
      }
      const std::vector<Presence::Device> connected = presence.connected({app, users[i]});
      const std::string_view status = status_of(states[i], connected);
      RestJson item = {{"To_Account", users[i]}, {"Status", status}, {"State", status}};  // both names are read
      if (detail && status != "Offline") item["Detail"] = details_of(states[i], connected);
      results.push_back(std::move(item));
    }
    out["QueryResult"] = std::move(results);
    if (!errors.empty()) out["ErrorList"] = std::move(errors);
  };
  service.accounts(app, users, std::move(call).reply<std::vector<AccountState>>(write));
}

}  // namespace nightpost::im
