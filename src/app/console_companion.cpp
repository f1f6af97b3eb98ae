#include "app/console_companion.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "app/app_key.h"
#include "app/curl_way.h"
#include "app/output.h"
#include "app/remote_api.h"
#include "core/c_handle.h"

namespace nightpost::app {
namespace {

constexpr std::chrono::seconds kCompanionSignatureLife{60};
constexpr std::size_t kCompanionAnswerBytesMax = 65'536;
constexpr std::int64_t kSilentForEver = 0xffff'ffff;  // the command's word for it, in seconds

using CompanionCurl = Handle<CURL, curl_easy_cleanup>;
using CompanionHeaders = Handle<curl_slist, curl_slist_free_all>;

auto no_im_server(std::string why) { return admin::refused(503, "no_im_server", std::move(why)); }
auto im_server_failed(std::string why) { return admin::refused(502, "im_server", std::move(why)); }

std::size_t keep_companion_answer(const char* bytes, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + count > kCompanionAnswerBytesMax) return 0;
  body.append(bytes, count);
  return count;
}

}  // namespace

std::expected<std::string, admin::Refusal> companion_url(const Config& config, AppId app, std::string_view command,
                                                         WallTime now) {
  if (config.console.im_url.empty())
    return no_im_server(
        fmt::format("console.im_url names no IM server: set it, or post to /v4/{} of the IM server's "
                    "own API (im.rest.listen)",
                    command));
  const auto administrators = config.im.rest.administrators.find(app);
  const auto key_file = config.im.key_files.find(app);
  if (administrators == config.im.rest.administrators.end() || administrators->second.empty())
    return no_im_server(
        fmt::format("im.rest.administrators names nobody of app {}, in whose name the IM server is told", app.value));
  if (key_file == config.im.key_files.end())
    return no_im_server(fmt::format("im.key_files has no key of app {} to sign with", app.value));
  const auto key = read_app_key(key_file->second);
  if (!key) return no_im_server(fmt::format("im.key_files of app {}: {}", app.value, key.error().detail));
  const std::string& administrator = administrators->second.front();
  const auto signature = make_signature(app, administrator, *key, now, kCompanionSignatureLife);
  if (!signature) return no_im_server(signature.error().detail);
  return config.console.im_url + target_of("/v4/" + std::string(command), {{"sdkappid", std::to_string(app.value)},
                                                                           {"identifier", administrator},
                                                                           {"usersig", *signature},
                                                                           {"contenttype", "json"}});
}

admin::CompanionDesk::Done companion_answer(int status, std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (status != 200 || !json.is_object() || !json.contains("ErrorCode") || !json["ErrorCode"].is_number_integer())
    return im_server_failed(fmt::format("it answered {}; is it the IM server's API?", status));
  const auto code = json["ErrorCode"].get<std::int64_t>();
  if (code == 0) return {};
  const std::string info =
      json.contains("ErrorInfo") && json["ErrorInfo"].is_string() ? json["ErrorInfo"].get<std::string>() : "";
  return im_server_failed(fmt::format("{}: {}", code, printable(info)));
}

admin::CompanionDesk::Done ConsoleCompanion::ask(AppId app, std::string_view command,
                                                 const nlohmann::json& body) const {
  const auto url = companion_url(config_, app, command, clock_.wall());
  if (!url) return std::unexpected(url.error());
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const CompanionCurl easy(curl_easy_init());
  const CompanionHeaders headers(curl_slist_append(nullptr, "content-type: application/json"));
  if (!easy || !headers) return im_server_failed("libcurl has no memory");
  std::string answer;
  CURL* const curl = easy.get();
  lead_straight_to(curl, *url, config_.console.im_ca_file);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(config_.console.im_wait.count()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_companion_answer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  // Repeating it does no harm: it may have been done where no answer came.
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK)
    return im_server_failed(fmt::format("{}: {}", config_.console.im_url, curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return companion_answer(static_cast<int>(status), answer);
}

/// A kick refuses all signatures issued before it, and an app's server may have one that it keeps for long.
admin::CompanionDesk::Done ConsoleCompanion::kick(const im::UserKey& who) {
  const auto named = config_.im.rest.administrators.find(who.app);
  if (named != config_.im.rest.administrators.end() &&
      std::ranges::find(named->second, who.user) != named->second.end())
    return admin::refused(409, "im_administrator",
                          who.user + " is in im.rest.administrators: a kick would lock the app's server out");
  return ask(who.app, "im_open_login_svc/kick", {{"UserID", who.user}});
}

admin::CompanionDesk::Done ConsoleCompanion::silence(const im::UserKey& who, const Silence& silence) {
  nlohmann::json body = {{"Set_Account", who.user}};
  const auto add = [&](const char* name, const std::optional<std::chrono::seconds>& time) {
    if (time) body[name] = std::min<std::int64_t>(time->count(), kSilentForEver);
  };
  add("C2CmsgNospeakingTime", silence.chats);
  add("GroupmsgNospeakingTime", silence.groups);
  return ask(who.app, "openconfigsvr/setnospeaking", body);
}

}  // namespace nightpost::app
