// Ids have types, so that an app cannot be passed for a certificate.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nightpost {

template <class Tag>
struct NumericId {
  std::int64_t value = 0;
  auto operator<=>(const NumericId&) const = default;
};
using AppId = NumericId<struct AppIdTag>;                  // the tenant: TIM's SDKAppID
using CertificateId = NumericId<struct CertificateIdTag>;  // what a device reports: TIM's business id

/// What a token's text is where a vendor has two kinds: FCM's registration tokens and Firebase installation ids,
/// Apple's tokens for notifications and PushKit's, which take calls alone.
enum class TokenKind : std::uint8_t { Token, Fid, Voip };
std::string_view name_of(TokenKind kind) noexcept;  // "token", "fid", "voip"
std::optional<TokenKind> token_kind_from(std::string_view name) noexcept;

/// A vendor's address of one app on one device. Secret-like: has no operator<<, logs use redacted().
class DeviceToken {
 public:
  DeviceToken() = default;
  explicit DeviceToken(std::string text, TokenKind kind = TokenKind::Token) : text_(std::move(text)), kind_(kind) {}
  const std::string& text() const noexcept { return text_; }
  TokenKind kind() const noexcept { return kind_; }
  /// "9d3c0f…" and the length: enough to recognise in a log, too little to use.
  std::string redacted() const;
  bool operator==(const DeviceToken&) const = default;

 private:
  std::string text_;
  TokenKind kind_ = TokenKind::Token;
};

}  // namespace nightpost

template <class Tag>
struct std::hash<nightpost::NumericId<Tag>> {
  std::size_t operator()(nightpost::NumericId<Tag> id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
