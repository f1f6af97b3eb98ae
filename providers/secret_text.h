// Secrets that are a line of text: what vendors call app secret or master secret, and the keys of receipt URLs.
#pragma once

#include <string>
#include <string_view>

namespace nightpost {

/// Without the line end that editors and `echo` put behind it.
std::string_view trimmed_secret(std::string_view bytes) noexcept;

/// What is wrong with it as a secret of `what` ("AppSecret"); empty: 1 to 256 printable ASCII characters, no blanks.
std::string check_secret(std::string_view trimmed, std::string_view what);

/// SHA-256, hex: names the secret without revealing it. Throws if libcrypto refuses SHA-256: without it no secret has a
/// name of its own.
std::string secret_fingerprint(std::string_view trimmed);

/// "xiaomi:<app id>:<16 hex of the fingerprint>", and ":<origin>" where the vendor's hosts are overridden: certificates
/// of one app share their grant, and a wrong secret or a sandbox does not spoil it.
std::string secret_signer(std::string_view vendor, std::string_view app_id, std::string_view trimmed,
                          std::string_view host_override);

/// In a time that does not depend on where they differ. False where either is empty.
bool same_secret(std::string_view given, std::string_view wanted) noexcept;

}  // namespace nightpost
