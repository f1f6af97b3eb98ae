#include "store/sealer.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "core/c_handle.h"
#include "core/text.h"

namespace nightpost::store {
namespace {

// Sealed: version · nonce · wrapped data key · tag · nonce · ciphertext · tag. NIST SP 800-38D: a nonce is never used
// twice under one key; the data key is used once, and 2^32 random nonces are far beyond how often a master key wraps.
constexpr char kVersion = 1;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kBoxOverhead = kNonceBytes + kTagBytes;
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kWrappedBytes = kKeyBytes + kBoxOverhead;

using Cipher = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// A key that is wiped when it goes.
struct Key {
  std::string value;
  ~Key() { wipe(value); }
};

std::string random_bytes(std::size_t count) {
  std::string made(count, '\0');
  if (RAND_bytes(bytes(made), static_cast<int>(count)) != 1) throw std::runtime_error("OpenSSL has no random bytes");
  return made;
}

/// nonce · ciphertext · tag
std::string box(std::string_view plain, std::string_view key, std::string_view context) {
  std::string sealed = random_bytes(kNonceBytes);
  sealed.resize(plain.size() + kBoxOverhead);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(sealed)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &count, bytes(context), static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes(sealed) + kNonceBytes, &count, bytes(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), bytes(sealed) + kNonceBytes + plain.size(), &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, bytes(sealed) + kNonceBytes + plain.size()) ==
          1;
  if (!done) throw std::runtime_error("OpenSSL cannot encrypt with AES-256-GCM");
  return sealed;
}

/// Empty optional: the key, the context or the bytes are not what they were.
std::optional<std::string> unbox(std::string_view sealed, std::string_view key, std::string_view context) {
  if (sealed.size() < kBoxOverhead) return std::nullopt;
  const std::size_t size = sealed.size() - kBoxOverhead;
  std::string plain(size, '\0');
  std::string tag(sealed.substr(kNonceBytes + size));
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(sealed)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &count, bytes(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes(plain), &count, bytes(sealed) + kNonceBytes, static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes(plain) + size, &count) == 1;
  if (!done) return std::nullopt;
  return plain;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int value = 0;
    for (const char c : text.substr(i, 2)) {
      const std::size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<int>(digit % 16);
    }
    out += static_cast<char>(value);
  }
  return out;
}

}  // namespace

void wipe(std::string& secret) noexcept { OPENSSL_cleanse(secret.data(), secret.size()); }

Sealer::Sealer(std::string key) : key_(std::move(key)) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(key_.data(), key_.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  key_name_ = hex({reinterpret_cast<const char*>(digest.data()), 8});
}
Sealer::~Sealer() { wipe(key_); }

Result<std::shared_ptr<const Sealer>> Sealer::from_key_text(std::string_view text) {
  while (!text.empty() && kBlanks.contains(text.front())) text.remove_prefix(1);
  while (!text.empty() && kBlanks.contains(text.back())) text.remove_suffix(1);
  auto key = text.size() == kKeyBytes * 2 ? from_hex(text) : from_base64(text);
  if (!key || key->size() != kKeyBytes)
    return fail(Errc::Malformed,
                "the master key must be 32 bytes as base64 or 64 hex digits; `nightpost cert new-key FILE` makes one");
  return std::shared_ptr<const Sealer>(new Sealer(*std::move(key)));
}

Result<std::shared_ptr<const Sealer>> Sealer::from_file_or_environment(const std::string& file) {
  if (file.empty()) {
    const char* value = std::getenv("NIGHTPOST_MASTER_KEY");  // NOLINT(concurrency-mt-unsafe): read at start-up only
    if (value == nullptr)
      return fail(Errc::NotFound,
                  "no master key: set store.master_key_file or the environment's NIGHTPOST_MASTER_KEY; "
                  "`nightpost cert new-key FILE` makes one");
    return from_key_text(value);
  }
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0)
    return fail(errno == ENOENT ? Errc::NotFound : Errc::Unauthorized, "master key file " + file + " cannot be read");
  struct stat about{};
  Key text{std::string(256, '\0')};
  const bool stated = ::fstat(opened, &about) == 0;
  const ssize_t size = ::read(opened, text.value.data(), text.value.size());
  ::close(opened);
  if (!stated || size < 0) return fail(Errc::Unauthorized, "master key file " + file + " cannot be read");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(Errc::Unauthorized, "master key file " + file + " can be read by others: chmod 600 it");
  auto sealer = from_key_text(std::string_view(text.value).substr(0, static_cast<std::size_t>(size)));
  if (!sealer) return fail(sealer.error().code, file + ": " + sealer.error().detail);
  return sealer;
}

std::string Sealer::new_key_text() { return base64(random_bytes(kKeyBytes)); }

std::string Sealer::seal(std::string_view plain, std::string_view context) const {
  if (plain.size() > kPlainBytesMax) throw std::length_error("a secret of more than a mebibyte");
  const Key data_key{random_bytes(kKeyBytes)};
  return kVersion + box(data_key.value, key_, context) + box(plain, data_key.value, context);
}

Result<std::string> Sealer::open(std::string_view sealed, std::string_view context) const {
  const auto refused = fail(Errc::Unauthorized, "the secret does not open with this master key");
  if (sealed.size() < 1 + kWrappedBytes + kBoxOverhead || sealed.front() != kVersion) return refused;
  auto data_key = unbox(sealed.substr(1, kWrappedBytes), key_, context);
  if (!data_key) return refused;
  const Key key{*std::move(data_key)};
  auto plain = unbox(sealed.substr(1 + kWrappedBytes), key.value, context);
  if (!plain) return refused;
  return *std::move(plain);
}

}  // namespace nightpost::store
