#include "providers/receipt_key.h"

#include <optional>

#include "providers/form_field.h"
#include "providers/secret_text.h"
#include "providers/settings.h"

namespace nightpost {

bool carries_receipt_key(std::string_view query, std::string_view key) {
  const std::optional<std::string> given = form_field(query, "key");
  return given && same_secret(*given, key);
}

Result<void> check_receipt_key(const Certificate& certificate, const CertificateSecret& secret) {
  const std::string_view url = setting(certificate.settings, "receipt_url");
  if (url.empty() || secret.receipt_key.empty()) return {};
  const std::size_t query = url.find('?');
  if (query != std::string_view::npos && carries_receipt_key(url.substr(query + 1), secret.receipt_key)) return {};
  return fail(Errc::Malformed, "receipt_url: must have ?key= and the certificate's receipt key in it");
}

}  // namespace nightpost
