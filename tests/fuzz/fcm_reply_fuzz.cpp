// Google's answers from any bytes: two bytes of status, one of how much is Retry-After, the rest the body; read as a
// send's answer, as the token endpoint's, and as an uploaded key file.
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/c_handle.h"
#include "providers/fcm/fcm.h"
#include "providers/fcm/reply.h"
#include "providers/retry_after.h"

using namespace nightpost;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void require_plain(std::string_view text) {
  for (const char c : text) require(c >= 0x20 && c <= 0x7e);
}

std::shared_ptr<const Authorizer> made_authorizer() {
  const Handle<EVP_PKEY, EVP_PKEY_free> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  const Handle<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* pem = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &pem);
  const nlohmann::json file = {{"type", "service_account"},
                               {"project_id", "demo-project"},
                               {"private_key_id", "1"},
                               {"private_key", std::string(pem, static_cast<std::size_t>(size))},
                               {"client_email", "sender@demo-project.example"},
                               {"token_uri", "https://oauth2.googleapis.com/token"}};
  auto made = fcm::make_authorizer({}, {file.dump(), ""});
  require(made.has_value());
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::string_view header = bytes.substr(0, data[2]);
  HttpResponse reply;
  reply.status = (data[0] << 8 | data[1]) % 700;
  reply.headers = {{"retry-after", std::string(header)}, {"date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  reply.body = bytes.substr(header.size());

  const Answer answer = fcm::answer_of(reply);
  const fcm::ErrorBody error = fcm::error_in(reply.body);
  const bool gone = answer.verdict == Verdict::TokenGone;
  require(!gone || reply.status == 400 || (reply.status == 403 && error.code == "SENDER_ID_MISMATCH") ||
          (reply.status == 404 && error.code == "UNREGISTERED"));
  require(!gone || reply.status != 400 || !error.fields.empty() || error.code == "INVALID_ARGUMENT");
  require((answer.verdict == Verdict::Accepted) == (reply.status >= 200 && reply.status < 300));
  require(answer.verdict != Verdict::AuthStale || error.code.empty());
  require(!answer.retry_after || (*answer.retry_after >= milliseconds(0) && *answer.retry_after <= kRetryAfterMax));
  require(answer.verdict != Verdict::Throttled || answer.retry_after.has_value());
  require(!answer.meaning.empty());
  require_plain(answer.code);
  require_plain(answer.vendor_id);
  require_plain(answer.meaning);

  static const std::shared_ptr<const Authorizer> authorizer = made_authorizer();
  const auto grant = authorizer->finish(reply, wall_from_ms(1'735'689'600'000));
  if (grant) {
    require(reply.status == 200 && grant->authorization.starts_with("Bearer "));
    require_plain(grant->authorization);
    require(grant->issued_at < grant->expires_at && grant->renew_at < grant->expires_at);
  } else {
    require_plain(grant.error().detail);
  }

  Certificate certificate;
  certificate.vendor = Vendor::Fcm;
  const auto inspected = fcm::inspect(certificate, {reply.body, ""}, {}, {});
  if (!inspected) require_plain(inspected.error().detail);
  return 0;
}
