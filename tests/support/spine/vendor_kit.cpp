#include "support/spine/vendor_kit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "app/dev_account.h"
#include "core/text.h"
#include "core/time.h"
#include "store/store.h"
#include "support/spine/fleet.h"

namespace nightpost::support {
namespace {

constexpr milliseconds kCommand{60'000};

std::vector<std::string> add_flags(const Certificate& certificate) {
  std::vector<std::string> flags = {"--bundle-id", certificate.bundle_id};
  if (certificate.vendor == Vendor::Apns)
    flags.insert(flags.end(), {"--key-id", certificate.facts.at("key_id"), "--team-id", certificate.facts.at("team_id"),
                               "--environment", "production"});
  for (const auto& [name, value] : certificate.settings) flags.insert(flags.end(), {"--set", name + "=" + value});
  return flags;
}

}  // namespace

std::vector<std::string> all_vendors() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size_t(Vendor::Count); ++i) names.emplace_back(name_of(static_cast<Vendor>(i)));
  return names;
}

SandboxProcess::SandboxProcess(const std::string& program, const std::vector<std::string>& vendors,
                               const TempFolder& folder, const std::string& mark)
    : folder_(folder), ready_file_(folder.file("sandbox.ready")), process_([&] {
        std::vector<std::string> argv = {program,        "sandbox",   "--listen", "127.0.0.1:0",         "--accept-any",
                                         "--ready-file", ready_file_, "--data",   folder.file("sandbox")};
        for (const std::string& vendor : vendors) argv.insert(argv.end(), {"--vendor", vendor});
        if (!mark.empty()) argv.insert(argv.end(), {"--mark", mark});
        return Process(argv, {.environment = {}, .folder = folder.path(), .log_file = folder.file("sandbox.log")});
      }()) {
  if (!eventually(kCommand, [&] { return std::filesystem::exists(ready_file_) || !process_.running(); }) ||
      !process_.running())
    throw std::runtime_error("no sandbox: " + read_file(folder.file("sandbox.log")));
  ready_ = nlohmann::json::parse(read_file(ready_file_));
}

std::string SandboxProcess::call(const std::string& method, const std::string& path, const std::string& body) const {
  const std::string url = ready_.at("vendors").begin()->at("url").get<std::string>() + path;
  std::vector<std::string> argv = {"curl", "-sS", "--fail-with-body", "--cacert", ca_file(), "-X", method, url};
  if (!body.empty()) argv.insert(argv.end(), {"--data-binary", "@" + folder_.write("call.json", body)});
  const Ran ran = run_command(argv, kCommand);
  if (ran.exit_code != 0) throw std::runtime_error(method + " " + url + ": " + ran.out);
  return ran.out;
}

nlohmann::json SandboxProcess::health() const {
  return nlohmann::json::parse(call("GET", "/_sandbox/health")).at("vendors");
}

nlohmann::json SandboxProcess::requests(std::string_view vendor) const {
  return nlohmann::json::parse(call("GET", "/_sandbox/requests?vendor=" + std::string(vendor)));
}

std::vector<nlohmann::json> SandboxProcess::requests_after(
    const std::vector<std::pair<std::string, std::uint64_t>>& vendors) const {
  std::vector<std::string> argv = {"curl", "-sS", "--fail", "--max-time", "20", "--cacert", ca_file(), "-w", "\\n"};
  const std::string url = ready_.at("vendors").begin()->at("url").get<std::string>() + "/_sandbox/requests";
  for (const auto& [vendor, after] : vendors) argv.push_back(fmt::format("{}?vendor={}&after={}", url, vendor, after));
  const Ran ran = run_command(argv, kCommand);
  if (ran.exit_code != 0) throw std::runtime_error("GET " + url + ": exit " + std::to_string(ran.exit_code));
  std::istringstream lines(ran.out);
  std::vector<nlohmann::json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(nlohmann::json::parse(line));
  if (answers.size() != vendors.size()) throw std::runtime_error("GET " + url + ": answers are missing");
  return answers;
}

void SandboxProcess::teach(const nlohmann::json& credentials) const {
  call("PUT", "/_sandbox/credentials", credentials.dump());
}

void SandboxProcess::script(const nlohmann::json& rules) const { call("PUT", "/_sandbox/script", rules.dump()); }

std::int64_t add_vendor_certificate(const Nightpost& nightpost, const std::string& config, std::string_view vendor,
                                    const SandboxProcess& sandbox, const TempFolder& folder,
                                    const std::vector<std::string>& more_flags, const std::string& host) {
  const auto account = app::make_dev_account(vendor_from(vendor).value());
  if (!account) throw std::runtime_error(account.error().detail);
  const std::string name(vendor);
  std::vector<std::string> arguments = {"cert", "add", "--config", config, "--vendor", name};
  arguments.insert(arguments.end(), {"--app", std::to_string(kFleetApp), "--name", name, "--file",
                                     folder.write(name + ".secret", account->secret.bytes), "--host",
                                     host.empty() ? sandbox.url(vendor) : host, "--ca-file", sandbox.ca_file()});
  const std::vector<std::string> flags = add_flags(account->certificate);
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(), more_flags.begin(), more_flags.end());
  const Ran ran = nightpost.run(arguments);
  if (ran.exit_code != 0)
    throw std::runtime_error(fmt::format("cert add --vendor {}: exit {} {}", vendor, ran.exit_code, ran.out));
  return std::stoll(ran.out);
}

void add_vendor_users(const std::string& path, std::int64_t certificate, std::string_view vendor, std::size_t first,
                      std::size_t count) {
  const auto need = [](const auto& result) {
    if (!result) throw std::runtime_error(result.error().detail);
  };
  const Vendor whose = vendor_from(vendor).value();
  auto store = store::open_sqlite(path, nullptr);
  need(store);
  for (std::size_t user = first; user < first + count; ++user)
    need((*store)->set_device(AppId{kFleetApp}, user_name(user),
                              {.device_id = "phone",
                               .platform = whose == Vendor::Apns ? Platform::Ios : Platform::Android,
                               .certificate = CertificateId{certificate},
                               .token = app::dev_token(whose, user_name(user)),
                               .registered_at = SystemClock().wall(),
                               .state = DeviceState::Offline,
                               .badge_base = 0,
                               .language = "en"}));
}

std::string group_event_json(std::string_view id, std::size_t first, std::size_t count) {
  std::vector<std::size_t> users(count);
  std::iota(users.begin(), users.end(), first);
  return group_event_json(id, "climbers", users, R"({"conv":"group_climbers"})", to_ms(SystemClock().wall()));
}

std::string group_event_json(std::string_view id, std::string_view group, std::span<const std::size_t> users,
                             std::string_view ext, std::int64_t occurred_ms) {
  std::string to, escaped;
  append_json_escaped(escaped, ext);
  for (const std::size_t user : users)
    to += fmt::format(R"({}{{"user_id":"{}"}})", to.empty() ? "" : ",", user_name(user));
  return fmt::format(R"({{"event_id":"{0}","app_id":{1},"occurred_at":{2},"expires_at":{3},"kind":"group",)"
                     R"("from":{{"user_id":"denny","nick":"Denny"}},)"
                     R"("group":{{"group_id":"{5}","name":"Climbing club"}},)"
                     R"("message":{{"id":"{0}-m","seq":7,"sent_at":{2},"priority":"normal",)"
                     R"("elements":[{{"type":"text","text":"rope at eight? bring yours"}}]}},)"
                     R"("push":{{"ext":"{6}"}},"to":[{4}]}})",
                     id, kFleetApp, occurred_ms, occurred_ms + 86'400'000, to, group, escaped);
}

}  // namespace nightpost::support
