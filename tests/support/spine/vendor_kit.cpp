#include "support/spine/vendor_kit.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "core/c_handle.h"
#include "core/text.h"
#include "core/time.h"
#include "core/uuid.h"
#include "store/store.h"
#include "support/spine/fleet.h"

namespace nightpost::support {
namespace {

constexpr milliseconds kCommand{60'000};
constexpr const char* kPackage = "com.example.shop";

std::string hex_name(std::size_t user) { return hex_of({"token", user_name(user)}); }

/// 32 letters and digits, as vendors' consoles show app secrets.
std::string app_secret() { return "5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c"; }

std::string new_rsa_pem() {
  const Handle<EVP_PKEY, EVP_PKEY_free> key(EVP_RSA_gen(2048));
  const Handle<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  if (!key || !out || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw std::runtime_error("new RSA key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string service_account() {
  return nlohmann::json{{"type", "service_account"},
                        {"project_id", "demo-project"},
                        {"private_key_id", "0123456789abcdef0123456789abcdef01234567"},
                        {"private_key", new_rsa_pem()},
                        {"client_email", "sender@demo-project.iam.gserviceaccount.com"},
                        {"token_uri", "https://oauth2.googleapis.com/token"}}
      .dump();
}

std::vector<VendorKit> make_kits() {
  const std::vector<std::string> package = {"--package", kPackage};
  const auto with = [&](std::initializer_list<const char*> settings) {
    std::vector<std::string> flags = package;
    for (const char* setting : settings) flags.insert(flags.end(), {"--set", setting});
    return flags;
  };
  const auto prefixed = [](std::string prefix) {
    return [prefix = std::move(prefix)](std::size_t user) { return prefix + hex_name(user); };
  };
  return {
      {"apns",
       {"--key-id", "ABC123DEFG", "--team-id", "DEF123GHIJ", "--bundle-id", kPackage, "--environment", "production"},
       new_p8,
       user_token,
       Platform::Ios},
      {"fcm", package, service_account,
       [](std::size_t user) { return "dQw4w9WgXcQ" + hex_name(user).substr(0, 11) + ":APA91b" + hex_name(user); }},
      {"huawei", with({"app_id=104412345"}), app_secret, prefixed("IQAAAACy0tH2AADx")},
      {"honor", with({"app_id=104412345", "client_id=220099887766"}), app_secret, prefixed("BAEAAAAAB.jkgDoc8Qk")},
      {"xiaomi", with({"app_id=2882303761517000001"}), app_secret, prefixed("d//igwEhgBGCI2TG6lWqlCU")},
      {"oppo", with({"app_key=4f1d8ba0a7ac4fbbb9ef1d9d9e7cd0ab", "channel_id=tuikit", "category=IM"}), app_secret,
       prefixed("OPPO_CN_")},
      {"vivo", with({"app_id=10004", "app_key=25509283-3767-4b9e-83fe-b6e55ac6243e"}), app_secret,
       [](std::size_t user) { return fmt::format("1513{:019}", user + 1); }},
      {"meizu", with({"app_id=110123"}), app_secret, prefixed("RA50c6348")},
  };
}

}  // namespace

const std::vector<VendorKit>& vendor_kits() {
  static const std::vector<VendorKit> kits = make_kits();
  return kits;
}

const VendorKit& kit_of(std::string_view vendor) {
  const auto found = std::ranges::find(vendor_kits(), vendor, &VendorKit::vendor);
  if (found == vendor_kits().end()) throw std::runtime_error("no such vendor: " + std::string(vendor));
  return *found;
}

SandboxProcess::SandboxProcess(const std::string& program, const std::vector<std::string>& vendors,
                               const TempFolder& folder)
    : folder_(folder), ready_file_(folder.file("sandbox.ready")), process_([&] {
        std::vector<std::string> argv = {program,        "sandbox",   "--listen", "127.0.0.1:0",         "--accept-any",
                                         "--ready-file", ready_file_, "--data",   folder.file("sandbox")};
        for (const std::string& vendor : vendors) argv.insert(argv.end(), {"--vendor", vendor});
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

void SandboxProcess::script(const nlohmann::json& rules) const { call("PUT", "/_sandbox/script", rules.dump()); }

std::int64_t add_vendor_certificate(const Nightpost& nightpost, const std::string& config, const VendorKit& kit,
                                    const std::string& origin, const std::string& ca_file, const TempFolder& folder) {
  std::vector<std::string> arguments = {
      "cert",     "add",      "--config",  config,
      "--vendor", kit.vendor, "--app",     std::to_string(kFleetApp),
      "--name",   kit.vendor, "--file",    folder.write(kit.vendor + ".secret", kit.secret()),
      "--host",   origin,     "--ca-file", ca_file};
  arguments.insert(arguments.end(), kit.flags.begin(), kit.flags.end());
  const Ran ran = nightpost.run(arguments);
  if (ran.exit_code != 0)
    throw std::runtime_error(fmt::format("cert add --vendor {}: exit {} {}", kit.vendor, ran.exit_code, ran.out));
  return std::stoll(ran.out);
}

void add_vendor_users(const std::string& path, std::int64_t certificate, const VendorKit& kit, std::size_t first,
                      std::size_t count) {
  const auto need = [](const auto& result) {
    if (!result) throw std::runtime_error(result.error().detail);
  };
  auto store = store::open_sqlite(path, nullptr);
  need(store);
  for (std::size_t user = first; user < first + count; ++user)
    need((*store)->set_device(AppId{kFleetApp}, user_name(user),
                              {.device_id = "phone",
                               .platform = kit.platform,
                               .certificate = CertificateId{certificate},
                               .token = DeviceToken(kit.token(user)),
                               .registered_at = SystemClock().wall(),
                               .state = DeviceState::Offline,
                               .badge_base = 0,
                               .language = "en"}));
}

std::string group_event_json(std::string_view id, std::size_t first, std::size_t count) {
  const std::int64_t now = to_ms(SystemClock().wall());
  std::string to;
  for (std::size_t user = first; user < first + count; ++user)
    to += fmt::format(R"({}{{"user_id":"{}"}})", to.empty() ? "" : ",", user_name(user));
  return fmt::format(R"({{"event_id":"{0}","app_id":{1},"occurred_at":{2},"expires_at":{3},"kind":"group",)"
                     R"("from":{{"user_id":"denny","nick":"Denny"}},)"
                     R"("group":{{"group_id":"climbers","name":"Climbing club"}},)"
                     R"("message":{{"id":"{0}-m","seq":7,"sent_at":{2},"priority":"normal",)"
                     R"("elements":[{{"type":"text","text":"rope at eight? bring yours"}}]}},)"
                     R"("push":{{"ext":"{{\"conv\":\"group_climbers\"}}"}},"to":[{4}]}})",
                     id, kFleetApp, now, now + 86'400'000, to);
}

}  // namespace nightpost::support
