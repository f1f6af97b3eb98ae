// A vendor that takes many tokens a request, for tests of dispatch: requests say in the clear whom they reach, and a
// reply's body names the tokens that did not go well.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "providers/provider.h"

namespace nightpost::testing {

class FakeBatchProvider final : public Provider {
 public:
  Batching wants{.tokens = true};
  std::size_t chunk = 1000;
  bool saves_first = false;          // content first, tokens afterwards
  bool forgets_last = false;         // plans nothing for the last token
  bool counts_titles = false;        // messages of each title by themselves
  std::optional<WallTime> opens_at;  // takes nothing before
  std::size_t per_minute = 0;        // requests, in each rate_period; 0: any number
  milliseconds rate_period = std::chrono::minutes(1);
  std::vector<Quota> counted;

  Vendor vendor() const noexcept override { return Vendor::Xiaomi; }
  const std::string& origin() const noexcept override { return origin_; }
  Batching batching() const noexcept override { return wants; }
  RequestRate request_rate() const noexcept override { return {per_minute, rate_period}; }
  std::span<const Quota> quotas(const Notification&) const override { return counted; }
  bool well_formed(const DeviceToken&) const noexcept override { return true; }
  std::optional<WallTime> closed_until(const Notification&, WallTime) const override { return opens_at; }

  std::string quota_class(const Notification& said) const override {
    return counts_titles ? "messages titled " + said.title : "";
  }

  Result<std::vector<Planned>> build(const Notification& said, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (said.ext == "too big") return fail(Errc::Malformed, "the ext alone passes the limit");
    if (saves_first && tokens.size() > 1) {
      std::vector<Planned> planned(1);
      planned[0] = {.http = request("/save", said.title, grant), .count = tokens.size(), .kind = 9, .prepares = true};
      return planned;
    }
    return split(said.title + "|" + said.body + "|" + (said.badge ? std::to_string(*said.badge) : ""), tokens, grant);
  }

  Result<std::vector<Planned>> build_mixed(std::span<const Letter> letters, const Grant& grant) const override {
    std::string body;
    for (const Letter& letter : letters) {
      if (letter.notification->ext == "too big") return fail(Errc::Malformed, "one ext passes the limit");
      body += letter.notification->title + ">" + letter.token->text() + ",";
    }
    std::vector<Planned> planned(1);
    planned[0] = {.http = request("/mixed", body, grant), .count = letters.size()};
    return planned;
  }

  std::optional<std::vector<Planned>> address(const Notification& said, std::span<const DeviceToken> tokens,
                                              const HttpResponse& reply, const Grant& grant) const override {
    if (!reply.body.starts_with("saved ")) return std::nullopt;
    return split(reply.body.substr(6) + "|" + said.collapse_id, tokens, grant);
  }

  /// 200: accepted, but for "token:gone", "token:later", "token:whose" (later, alone), "token:asleep", "token:doubted",
  /// "token:partly" (of what was dropped in part, and its kind rests) in the body. 401 stale, 403 no right (of several:
  /// each alone), 429 slow down, 430 no more today, 432 no more of this kind for ten minutes, 434 no more contents
  /// today, 5xx later.
  std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    std::vector<Answer> answers(tokens.size(), Answer{.code = std::to_string(reply.status + 1000 * kind)});
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      Answer& answer = answers[i];
      const auto says = [&](const char* word) {
        return reply.body.find(" " + tokens[i].text() + ":" + word) != std::string::npos;
      };
      if (reply.status == 401) {
        answer.verdict = Verdict::AuthStale;
      } else if (reply.status == 429 || reply.status == 430) {
        answer.verdict = Verdict::Throttled;
        answer.scope = Scope::Credential;
        answer.rest_of_day = reply.status == 430;
        if (reply.status == 429) answer.retry_after = seconds(7);
      } else if (reply.status == 432) {
        answer.verdict = Verdict::Throttled;
        answer.scope = Scope::Class;
        answer.retry_after = seconds(600);
      } else if (reply.status == 403) {
        answer.verdict = tokens.size() > 1 ? Verdict::Transient : Verdict::CredentialBad;
        answer.alone = answer.may_be_token = true;
      } else if (reply.status == 434) {
        answer.alone = answer.shared_rests = true;
      } else if (reply.status != 200) {
        answer.verdict = Verdict::Transient;
      } else if (says("partly")) {
        answer.verdict = Verdict::Accepted;
        answer.in_part = answer.class_rests = true;
        answer.meaning = "one of them was dropped.";
      } else if (says("whose")) {
        answer.alone = true;  // and Transient
      } else {
        answer.verdict = says("gone")      ? Verdict::TokenGone
                         : says("later")   ? Verdict::Transient
                         : says("asleep")  ? Verdict::Suppressed
                         : says("doubted") ? Verdict::TokenSuspect
                                           : Verdict::Accepted;
      }
    }
    return answers;
  }

 private:
  static HttpRequest request(std::string path, std::string body, const Grant& grant) {
    return {.path = std::move(path),
            .headers = {{"authorization", grant.authorization, Indexing::Never}},
            .body = std::move(body)};
  }

  std::vector<Planned> split(const std::string& text, std::span<const DeviceToken> tokens, const Grant& grant) const {
    std::vector<Planned> planned;
    const std::size_t all = tokens.size() - (forgets_last ? 1 : 0);
    for (std::size_t first = 0; first < all; first += chunk) {
      const std::size_t count = std::min(chunk, all - first);
      std::string to;
      for (const DeviceToken& token : tokens.subspan(first, count)) to += "," + token.text();
      planned.push_back({.http = request("/push", text + to, grant), .first = first, .count = count});
    }
    return planned;
  }

  std::string origin_ = "https://batch.example";
};

}  // namespace nightpost::testing
