#include "store/certificate_rows.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "store/limits.h"

namespace nightpost::store {
namespace {

// The parts of a secret are sealed as one. Layout 0, of rows older than receipts: the file's length, the file, the
// password. Layout 1: the file's length, the password's, the file, the password, the receipt key. Lengths are of four
// bytes, little endian; kSecretBytesMax leaves the first one's highest byte free to be the layout's number.
static_assert(kSecretBytesMax < 1u << 24 && kPasswordBytesMax < 1u << 24);
constexpr std::uint32_t kLayout1 = 1u << 24;

void append_number(std::string& out, std::size_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((number >> shift) & 0xff);
}

/// Takes the number away from `packed`; nullopt: there is none left.
std::optional<std::size_t> take_number(std::string_view& packed) {
  if (packed.size() < 4) return std::nullopt;
  std::size_t number = 0;
  for (std::size_t i = 4; i-- > 0;) number = number << 8 | static_cast<unsigned char>(packed[i]);
  packed.remove_prefix(4);
  return number;
}

std::string packed(const CertificateSecret& secret) {
  std::string out;
  out.reserve(8 + secret.bytes.size() + secret.password.size() + secret.receipt_key.size());  // no copies left behind
  append_number(out, kLayout1 | secret.bytes.size());
  append_number(out, secret.password.size());
  out += secret.bytes;
  out += secret.password;
  out += secret.receipt_key;
  return out;
}

Result<CertificateSecret> unpacked(std::string_view packed) {
  const auto other_layout = [] { return fail(Errc::Malformed, "certificates: the sealed secret has another layout"); };
  const auto head = take_number(packed);
  if (!head) return other_layout();
  const bool with_receipt_key = (*head & kLayout1) != 0;
  const std::size_t file = *head & (kLayout1 - 1);
  const auto password = with_receipt_key ? take_number(packed) : packed.size() - std::min(file, packed.size());
  if (*head >= 2 * kLayout1 || !password || file > packed.size() || *password > packed.size() - file)
    return other_layout();
  return CertificateSecret{.bytes = std::string(packed.substr(0, file)),
                           .password = std::string(packed.substr(file, *password)),
                           .receipt_key = std::string(packed.substr(file + *password))};
}

}  // namespace

Error no_certificate(CertificateId id) {
  return {Errc::NotFound, "certificates: there is none with id " + std::to_string(id.value)};
}

Error certificate_in_use(CertificateId id, std::int64_t devices) {
  return {Errc::Malformed, "certificates: " + std::to_string(devices) +
                               (devices == 1 ? " device uses" : " devices use") + " the one with id " +
                               std::to_string(id.value) + "; move or remove them first"};
}

Error no_version(CertificateId id, std::int64_t version) {
  return {Errc::NotFound,
          "certificates: there is no version " + std::to_string(version) + " of id " + std::to_string(id.value)};
}

Error id_taken(CertificateId id) {
  return {Errc::Malformed, "certificates: the id " + std::to_string(id.value) + " is, or was, another's here"};
}

Error edited_meanwhile(CertificateId id, std::int64_t made_of, std::int64_t in_use) {
  return {Errc::Malformed, "certificates: " + std::to_string(id.value) + " was edited meanwhile: version " +
                               std::to_string(in_use) + " is in use, and this edit was made of version " +
                               std::to_string(made_of) + "; look at it again"};
}

Error name_taken(const Certificate& certificate) {
  return {Errc::Malformed, "certificates: this app already has one of " + std::string(name_of(certificate.vendor)) +
                               " named " + certificate.name};
}

Error no_master_key(std::string_view doing) {
  return {Errc::Unauthorized, "certificates: without a master key no secret can be " + std::string(doing) +
                                  " (name its file, or set NIGHTPOST_MASTER_KEY)"};
}

/// What a sealed secret belongs to. No part can hold the separator (limits.h).
std::string context_of(AppId app, std::string_view vendor, std::string_view name) {
  return std::to_string(app.value) + '/' + std::string(vendor) + '/' + std::string(name);
}

Result<std::string> sealed(const Sealer* sealer, const NewCertificate& certificate) {
  if (auto ok = check(certificate.facts); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = check(certificate.secret); !ok) return std::unexpected(std::move(ok.error()));
  if (sealer == nullptr) return std::unexpected(no_master_key("stored"));
  const Certificate& facts = certificate.facts;
  std::string plain = packed(certificate.secret);
  std::string out = sealer->seal(plain, context_of(facts.app, name_of(facts.vendor), facts.name));
  wipe(plain);
  return out;
}

Result<CertificateSecret> opened(const Sealer& sealer, CertificateId id, std::string_view sealed,
                                 std::string_view context) {
  auto plain = sealer.open(sealed, context);
  if (!plain)
    return fail(plain.error().code, "certificates: id " + std::to_string(id.value) + ": " + plain.error().detail);
  auto secret = unpacked(*plain);
  wipe(*plain);
  return secret;
}

void add_text(std::vector<CertificateVersion>& versions, std::int64_t version, std::string_view kind,
              std::string_view key, std::string_view value) {
  for (CertificateVersion& one : versions)
    if (one.certificate.version == version)
      (kind == "fact" ? one.certificate.facts : one.certificate.settings).emplace(key, value);
}

Result<const Certificate*> version_in(const std::vector<CertificateVersion>& versions, CertificateId id,
                                      std::int64_t version) {
  const auto found =
      std::ranges::find(versions, version, [](const CertificateVersion& one) { return one.certificate.version; });
  if (found == versions.end()) return std::unexpected(no_version(id, version));
  if (found->in_use)
    return fail(Errc::Malformed, "certificates: version " + std::to_string(version) + " of id " +
                                     std::to_string(id.value) + " is the one in use");
  return &found->certificate;
}

Rekeyed rekey(const Sealer& sealer, std::vector<SealedRow>& rows) {
  Rekeyed out;
  out.current = static_cast<std::size_t>(
      std::erase_if(rows, [&](const SealedRow& row) { return sealer.is_current(row.secret); }));
  std::erase_if(rows, [&](SealedRow& row) {
    auto plain = sealer.open(row.secret, row.context);
    if (!plain) {
      out.not_opened.push_back("certificate " + std::to_string(row.id.value) +
                               (row.version == 0 ? "" : ", version " + std::to_string(row.version)) + ": " +
                               plain.error().detail);
      return true;
    }
    row.secret = sealer.seal(*plain, row.context);
    wipe(*plain);
    ++out.sealed_anew;
    return false;
  });
  return out;
}

}  // namespace nightpost::store
