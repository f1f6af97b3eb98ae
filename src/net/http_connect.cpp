#include "net/http_connect.h"

#include <algorithm>

#include "core/text.h"

namespace nightpost::net {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

bool digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string tunnel_target(const Origin& origin) {
  return (origin.host.contains(':') ? "[" + origin.host + "]" : origin.host) + ":" + std::to_string(origin.port);
}

std::string connect_request(const Origin& origin, const Proxy& proxy) {
  const std::string target = tunnel_target(origin);
  std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (proxy.credentials)
    request +=
        "Proxy-Authorization: Basic " + base64(proxy.credentials->user + ":" + proxy.credentials->password) + "\r\n";
  return request + "\r\n";
}

std::string tunnel_refused(const Proxy& proxy, std::string_view target, int status, std::string_view reason) {
  std::string words = "proxy " + proxy.authority() + " answered " + std::to_string(status);
  if (!reason.empty()) words.append(" (").append(reason).append(")");
  words.append(" to CONNECT ").append(target).append(": ");
  switch (status) {
    case 401:
    case 407:
      return words + (proxy.credentials ? "it refuses the credentials in proxy.credentials_file"
                                        : "it wants credentials, see proxy.credentials_file");
    case 403:
    case 405:
      return words + "it does not let us go there";
    case 502:
    case 503:
    case 504:
      return words + "it cannot reach that host";
    default:
      return words + "it opens no tunnel";
  }
}

Result<bool> ConnectAnswer::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (whole_) {
      if (!tunnelled()) break;
      return fail(Errc::Malformed, "something follows the head of its answer");
    }
    if (++bytes_ > kHeadBytesMax) return fail(Errc::Malformed, "the head of its answer is too large");
    if (c != '\n') {
      line_ += c;
      // At once, so that a peer that speaks another protocol is not waited for.
      if (status_ == 0 && line_.size() <= kVersion.size() && line_.back() != kVersion[line_.size() - 1])
        return fail(Errc::Malformed, "its answer is no HTTP/1");
      continue;
    }
    if (line_.ends_with('\r')) line_.pop_back();
    if (auto taken = take_line(); !taken) return std::unexpected(std::move(taken.error()));
    line_.clear();
  }
  return whole_;
}

Result<void> ConnectAnswer::take_line() {
  if (status_ == 0) return take_status_line();
  if (!line_.empty()) {
    if (line_.contains('\0')) return fail(Errc::Malformed, "its answer holds a zero byte");
    return {};  // no field of it matters: a 2xx has no body, and no other answer's is read
  }
  if (status_ >= 200) {
    whole_ = true;
  } else {
    status_ = 0;
  }
  return {};
}

/// HTTP/1.1 SP 3DIGIT [SP reason]
Result<void> ConnectAnswer::take_status_line() {
  constexpr std::size_t kStatusAt = 9;
  const bool shaped = line_.size() >= kStatusAt + 3 && line_.starts_with(kVersion) && digit(line_[kVersion.size()]) &&
                      line_[kStatusAt - 1] == ' ' && std::all_of(&line_[kStatusAt], &line_[kStatusAt] + 3, digit) &&
                      (line_.size() == kStatusAt + 3 || line_[kStatusAt + 3] == ' ');
  if (!shaped) return fail(Errc::Malformed, "its answer has no status line");
  const int status = (line_[kStatusAt] - '0') * 100 + (line_[kStatusAt + 1] - '0') * 10 + (line_[kStatusAt + 2] - '0');
  if (status < 100 || status > 599 || status == 101)
    return fail(Errc::Malformed, "its answer has the status " + std::to_string(status));
  status_ = status;
  reason_ = line_.size() > kStatusAt + 4 ? line_.substr(kStatusAt + 4, kReasonBytesMax) : "";
  std::ranges::replace_if(reason_, [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return {};
}

}  // namespace nightpost::net
