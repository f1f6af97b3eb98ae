#include "app/remote_api.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "admin/access.h"
#include "app/console_options.h"
#include "app/curl_way.h"
#include "app/output.h"
#include "core/c_handle.h"
#include "core/text.h"
#include "core/time.h"
#include "store/secret_file.h"

namespace nightpost::app {
namespace {

constexpr long kRemoteConnectMs = 10'000;
constexpr long kRemoteTotalMs = 180'000;   // a look through the dead letters, a push to many devices
constexpr int kRemoteTries = 10;           // of a request that came too soon
constexpr curl_off_t kRemotePauseMax = 5;  // seconds; who is told to wait for longer is told so

using RemoteCurl = Handle<CURL, curl_easy_cleanup>;
using RemoteHeaders = Handle<curl_slist, curl_slist_free_all>;

struct RemoteAnswer {
  int status = 0;
  curl_off_t retry_after = 0;  // seconds; 0: not said
  std::string body;
};

std::size_t keep_answer(const char* bytes, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + count > kRemoteAnswerBytesMax) return 0;
  body.append(bytes, count);
  return count;
}

bool add_remote_header(RemoteHeaders& headers, const std::string& line) {
  curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)headers.release();
  headers.reset(longer);
  return true;
}

Result<RemoteAnswer> perform_remote(const RemoteOptions& options, const std::string& method, const std::string& target,
                                    const std::string& body, const std::string& type) {
  auto url = check_server(options.server);
  if (!url) return fail(url.error().code, "--server " + url.error().detail);
  const auto token = token_text(options, std::getenv("NIGHTPOST_TOKEN"));  // NOLINT(concurrency-mt-unsafe)
  if (!token) return std::unexpected(token.error());
  *url += target;
  const RemoteCurl easy(curl_easy_init());
  RemoteHeaders headers;
  if (!easy || !add_remote_header(headers, "authorization: Bearer " + *token) ||
      !add_remote_header(headers, "expect:") || (!body.empty() && !add_remote_header(headers, "content-type: " + type)))
    return fail(Errc::Io, "libcurl has no memory");
  RemoteAnswer answer;
  CURL* const curl = easy.get();
  lead_straight_to(curl, *url, options.ca_file);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kRemoteConnectMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kRemoteTotalMs);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  if (!body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_answer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    if (code == CURLE_WRITE_ERROR)
      return fail(Errc::Io,
                  fmt::format("{}: the answer is longer than {} bytes", options.server, kRemoteAnswerBytesMax));
    return fail(Errc::Io, fmt::format("{}: {}", options.server, curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &answer.retry_after);
  answer.status = static_cast<int>(status);
  return answer;
}

/// The body of a success; else what went wrong was printed.
std::expected<std::string, int> success_of(const RemoteOptions& options, const std::string& method,
                                           const std::string& target, const std::string& body,
                                           const std::string& type) {
  auto answer = perform_remote(options, method, target, body, type);
  // An import asks faster than one caller may. Nothing was done, so the same request goes on in a moment.
  for (int tried = 1; answer && answer->status == 429 && tried < kRemoteTries; ++tried) {
    if (answer->retry_after < 1 || answer->retry_after > kRemotePauseMax) break;
    std::this_thread::sleep_for(seconds(answer->retry_after));
    answer = perform_remote(options, method, target, body, type);
  }
  if (!answer) return std::unexpected(say_error(answer.error()));
  if (answer->status / 100 == 2) return std::move(answer->body);
  const RemoteRefusal refusal = refusal_in(answer->status, answer->body);
  return std::unexpected(say_error(refusal.line, refusal.exit_code));
}

std::expected<nlohmann::json, int> ask_json(const RemoteOptions& options, const std::string& method,
                                            const std::string& target, const std::string& body) {
  const auto heard = success_of(options, method, target, body, "application/json");
  if (!heard) return std::unexpected(heard.error());
  if (heard->empty()) return nlohmann::json();
  auto json = nlohmann::json::parse(*heard, nullptr, false);
  if (json.is_discarded())
    return std::unexpected(say_error(options.server + ": the answer is no JSON; is it a console?", kUnreachable));
  return json;
}

}  // namespace

Result<std::string> check_server(const std::string& server) {
  auto origin = admin::origin_of(server);
  if (!origin) return fail(origin.error().code, fmt::format("{}: {}", printable(server), origin.error().detail));
  if (origin->starts_with("https://")) return origin;
  std::string host = origin->substr(std::string_view("http://").size());
  host = host.starts_with('[') ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
  if (is_this_machine(host)) return origin;
  return fail(
      Errc::Malformed,
      fmt::format("{}: plain http to another machine would show the token on the way; say https", printable(server)));
}

Result<std::string> token_text(const RemoteOptions& options, const char* by_environment) {
  std::string text;
  if (!options.token_file.empty()) {
    auto read = store::read_secret_file("--token-file", options.token_file);
    if (!read) return fail(Errc::Malformed, read.error().detail);
    text = *std::move(read);
  } else if (by_environment != nullptr) {
    text = by_environment;
  }
  const std::string_view token = trimmed(text);
  if (token.empty())
    return fail(Errc::Malformed, "--server wants an API token: in --token-file FILE, or in NIGHTPOST_TOKEN");
  if (std::ranges::any_of(token, [](char c) { return c <= ' ' || c > '~'; }))
    return fail(Errc::Malformed, "the API token is more than one word of plain characters");
  return std::string(token);
}

std::string path_text(std::string_view segment) {
  std::string out;
  for (const char c : segment) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  // A path's "." and ".." would be taken away on the way.
  if (out == "." || out == "..") return out == "." ? "%2E" : "%2E%2E";
  return out;
}

std::string target_of(std::string_view path,
                      std::initializer_list<std::pair<std::string_view, std::string_view>> query) {
  std::string out(path);
  char mark = '?';
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    out += fmt::format("{}{}={}", mark, name, path_text(value));
    mark = '&';
  }
  return out;
}

RemoteRefusal refusal_in(int status, std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool ours = json.is_object() && json.contains("error") && json["error"].is_object();
  const auto word = [&](const char* name) {
    const nlohmann::json& error = json["error"];
    return error.contains(name) && error[name].is_string() ? error[name].get<std::string>() : std::string();
  };
  const std::string code = ours ? word("code") : "", path = ours ? word("path") : "";
  std::string line = ours ? word("message") : fmt::format("the server answered {}; is it a console?", status);
  if (!path.empty()) line = path + ": " + line;
  for (std::size_t at = 0; (at = line.find('\n', at)) != line.npos; at += 2) line.replace(at, 1, "; ");
  // As the same mistake ends where the store is at hand.
  int exit_code = status >= 500 || status == 429 ? kUnreachable : kBadUsage;
  if (!ours) exit_code = kUnreachable;
  if (code == "not_found" || code == "refused_by_vendor" || code == "not_recorded") exit_code = kNotAllWell;
  return {exit_code, printable(line)};
}

std::expected<nlohmann::json, int> ask_server(const RemoteOptions& options, const std::string& method,
                                              const std::string& target) {
  return ask_json(options, method, target, "");
}

std::expected<nlohmann::json, int> ask_server(const RemoteOptions& options, const std::string& method,
                                              const std::string& target, const nlohmann::json& body) {
  return ask_json(options, method, target, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::expected<std::string, int> ask_server_lines(const RemoteOptions& options, const std::string& method,
                                                 const std::string& target, const std::string& lines) {
  return success_of(options, method, target, lines, "application/x-ndjson");
}

}  // namespace nightpost::app
