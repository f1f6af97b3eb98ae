#include "im/callbacks/callback_post.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "core/text.h"
#include "im/rest/tim_elements.h"

namespace nightpost::im {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

constexpr std::string_view kMsgBody = "MsgBody";
constexpr std::string_view kEvents = "Events";

std::string hex_digest(const Digest& digest, unsigned int size) {
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::optional<std::string> sha256_of(const std::string& text) {
  Digest digest;
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return std::nullopt;
  return hex_digest(digest, size);
}

std::optional<std::string> hmac_of(const std::string& key, const std::string& text) {
  Digest digest;
  unsigned int size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), digest.data(), &size) == nullptr)
    return std::nullopt;
  return hex_digest(digest, size);
}

/// Results of pushes are told as lists.
bool is_push_result(const CallbackJob& job) noexcept {
  return job.command == traits_of(Callback::PushResult).command ||
         job.command == traits_of(Callback::MassPushResult).command;
}

/// The body as the receiver knows it: elements in TIM's words.
std::string tim_body(const CallbackJob& job) {
  RestJson body = RestJson::parse(job.body, nullptr, false);
  const auto elements = body.is_object() ? body.find(kMsgBody) : body.end();
  if (elements == body.end()) return job.body;
  *elements = elements_to_tim(elements->dump());
  return body.dump(-1, ' ', false, RestJson::error_handler_t::replace);
}

std::string shared_body(std::span<const CallbackJob* const> jobs) {
  RestJson events = RestJson::array();
  for (const CallbackJob* const job : jobs) {
    RestJson body = RestJson::parse(job->body, nullptr, false);
    if (!body.is_object() || !body.contains(kEvents)) continue;
    for (RestJson& event : body[std::string(kEvents)]) events.push_back(std::move(event));
  }
  const RestJson body = {{"CallbackCommand", jobs.front()->command}, {std::string(kEvents), std::move(events)}};
  return body.dump(-1, ' ', false, RestJson::error_handler_t::replace);
}

Result<CallbackPost> signed_post(const CallbackTarget& target, const CallbackJob& first, const std::string& id,
                                 std::string body, WallTime now) {
  std::string query;
  append_form_field(query, "SdkAppid", std::to_string(first.app.value));
  append_form_field(query, "CallbackCommand", first.command);
  append_form_field(query, "contenttype", "json");
  append_form_field(query, "ClientIP", first.client_ip);
  append_form_field(query, "OptPlatform", first.platform);
  CallbackPost post{.url = target.url,
                    .headers = {{"content-type", "application/json; charset=utf-8"}, {"x-nightpost-callback-id", id}},
                    .body = std::move(body)};
  if (!target.secret.empty()) {
    const std::string time = std::to_string(std::chrono::floor<seconds>(now).time_since_epoch().count());
    const auto sign = sha256_of(target.secret + time);
    const auto mac = hmac_of(target.secret, time + "." + id + "." + post.body);
    if (!sign || !mac) return fail(Errc::Io, "libcrypto signs nothing");
    append_form_field(query, "RequestTime", time);
    append_form_field(query, "Sign", *sign);
    post.headers.emplace_back("x-nightpost-signature", "sha256=" + *mac);
  }
  post.url += (post.url.contains('?') ? "&" : "?") + query;
  return post;
}

}  // namespace

bool may_share_post(const CallbackJob& one, const CallbackJob& other) noexcept {
  return one.app == other.app && one.command == other.command && is_push_result(one);
}

Result<CallbackPost> callback_post(const CallbackTarget& target, std::span<const CallbackJob* const> jobs,
                                   WallTime now) {
  const CallbackJob& first = *jobs.front();
  std::string body = jobs.size() == 1 ? tim_body(first) : shared_body(jobs);
  std::string id = std::to_string(first.app.value) + "-" + std::to_string(first.id);
  if (jobs.size() > 1) {  // the next try may have others beside the first: they must not look like what was taken
    const auto all = sha256_of(body);
    if (!all) return fail(Errc::Io, "libcrypto signs nothing");
    id.append(".").append(*all, 0, 16);
  }
  return signed_post(target, first, id, std::move(body), now);
}

Result<CallbackPost> before_post(const CallbackTarget& target, const CallbackJob& question, const std::string& number,
                                 WallTime now) {
  return signed_post(target, question, std::to_string(question.app.value) + "-before-" + number, tim_body(question),
                     now);
}

}  // namespace nightpost::im
