#include "store/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "core/c_handle.h"
#include "core/text.h"
#include "store/secret_file.h"

namespace nightpost::store {
namespace {

using Cipher = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

// The envelope, version 1:
//   version 1 | key name 8 | nonce 12, wrapped data key 32, tag 16 | nonce 12, cipher text, tag 16
// Both boxes authenticate version, key name and context, so no part can be swapped for another envelope's. A nonce is
// random (NIST SP 800-38D §8.2.2): the data key is used once, and no installation wraps 2^32 of them.
constexpr char kVersion = 1;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kKeyNameBytes = 8;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kBoxBytes = kNonceBytes + kTagBytes;  // what a box adds to its content
constexpr std::size_t kHeadBytes = 1 + kKeyNameBytes;
constexpr std::size_t kWrappedKeyBytes = kBoxBytes + kKeyBytes;
constexpr std::string_view kHowToMakeOne = "; `nightpost cert new-key FILE` makes one";

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// A secret that is wiped however its scope is left.
struct Wiped {
  std::string text;
  explicit Wiped(std::string secret) : text(std::move(secret)) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(text); }
};

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(bytes(out), static_cast<int>(count)) != 1)
    throw std::runtime_error("sealer: the system gave no random bytes");
  return out;
}

/// The first bytes of a hash, raw.
std::string name_of_key(std::string_view key) {
  const Wiped input("nightpost.master-key." + std::string(key));
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  if (EVP_Digest(input.text.data(), input.text.size(), bytes(digest), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("sealer: libcrypto refused SHA-256");
  return digest.substr(0, kKeyNameBytes);
}

std::string authenticated(std::string_view head, std::string_view purpose, std::string_view context) {
  std::string out(head);
  out += purpose;
  out += '\0';
  out += context;
  return out;
}

/// nonce | cipher text | tag
std::string box(std::string_view key, std::string_view plain, std::string_view aad) {
  const std::string nonce = random_bytes(kNonceBytes);
  std::string out(plain.size(), '\0');
  std::string tag(kTagBytes, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      cipher && EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &count, bytes(aad), static_cast<int>(aad.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes(out), &count, bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), nullptr, &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  if (!done) throw std::runtime_error("sealer: libcrypto refused AES-256-GCM");
  return nonce + out + tag;
}

std::optional<std::string> unbox(std::string_view key, std::string_view boxed, std::string_view aad) {
  if (boxed.size() < kBoxBytes) return std::nullopt;
  const std::string_view nonce = boxed.substr(0, kNonceBytes);
  const std::string_view content = boxed.substr(kNonceBytes, boxed.size() - kBoxBytes);
  std::string tag(boxed.substr(boxed.size() - kTagBytes));
  std::string out(content.size(), '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      cipher && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(nonce)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &count, bytes(aad), static_cast<int>(aad.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes(out), &count, bytes(content), static_cast<int>(content.size())) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), nullptr, &count) == 1;
  if (done) return out;
  wipe(out);  // what did not authenticate is nobody's to read
  return std::nullopt;
}

/// REQUIRED: an even number of characters.
std::optional<std::string> from_hex(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int value = 0;
    for (const char c : text.substr(i, 2)) {
      const std::size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
      if (digit == std::string_view::npos) {
        wipe(out);
        return std::nullopt;
      }
      value = value * 16 + static_cast<int>(digit % 16);
    }
    out += static_cast<char>(value);
  }
  return out;
}

Result<std::string> read_key_file(const std::string& file) {
  auto text = read_secret_file("master key file", file);
  if (!text && text.error().code == Errc::NotFound) text.error().detail += kHowToMakeOne;
  return text;
}

}  // namespace

void wipe(std::string& secret) noexcept {
  secret.resize(secret.capacity());  // what a longer value left behind goes too; does not allocate
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

struct Sealer::Key {
  explicit Key(std::string bytes) : secret(std::move(bytes)), name(name_of_key(secret.text)) {}
  Wiped secret;
  std::string name;  // raw
};

Result<std::shared_ptr<const Sealer::Keys>> Sealer::keys_in(std::string_view text) {
  auto keys = std::make_shared<Keys>();
  for (std::string_view rest = trimmed(text); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view digits = trimmed(rest.substr(0, end));
    rest = trimmed(rest.substr(end));
    std::optional<std::string> key = digits.size() == 2 * kKeyBytes ? from_hex(digits) : from_base64(digits);
    if (!key || key->size() != kKeyBytes) {
      if (key) wipe(*key);
      return fail(Errc::Malformed,
                  "master key: must be 32 bytes as base64 (44 characters) or as 64 hex digits, a key a line" +
                      std::string(kHowToMakeOne));
    }
    if (keys->size() == kKeysMax) {
      wipe(*key);
      return fail(Errc::Malformed, "master key: more than " + std::to_string(kKeysMax) + " keys");
    }
    const bool twice = std::ranges::any_of(*keys, [&](const Key& known) { return known.secret.text == *key; });
    if (twice) wipe(*key);
    if (twice) return fail(Errc::Malformed, "master key: the same key stands on two lines");
    keys->emplace_back(*std::move(key));
  }
  if (keys->empty())
    return fail(Errc::Malformed,
                "master key: there is none: 32 bytes as base64 or as 64 hex digits" + std::string(kHowToMakeOne));
  return keys;
}

Result<std::shared_ptr<const Sealer::Keys>> Sealer::keys_in_file(const std::string& file) {
  Result<std::string> text = read_key_file(file);
  if (!text) return std::unexpected(std::move(text.error()));
  const Wiped wiped(*std::move(text));
  auto keys = keys_in(wiped.text);
  if (!keys) return fail(keys.error().code, file + ": " + keys.error().detail);
  return keys;
}

Sealer::Stamp Sealer::stamp_of(const std::string& file) {
  std::error_code ignored;
  return {.written = std::filesystem::last_write_time(file, ignored).time_since_epoch().count(),
          .bytes = std::filesystem::file_size(file, ignored)};
}

Result<std::shared_ptr<const Sealer>> Sealer::from_key_text(std::string_view text) {
  auto keys = keys_in(text);
  if (!keys) return std::unexpected(std::move(keys.error()));
  return std::shared_ptr<const Sealer>(new Sealer(*std::move(keys)));
}

Result<std::shared_ptr<const Sealer>> Sealer::from_file_or_environment(const std::string& file) {
  if (file.empty()) {
    const char* text = std::getenv("NIGHTPOST_MASTER_KEY");  // NOLINT(concurrency-mt-unsafe): start-up, see header
    if (text == nullptr || *text == '\0')
      return fail(Errc::NotFound, "no master key: set store.master_key_file or the environment's NIGHTPOST_MASTER_KEY" +
                                      std::string(kHowToMakeOne));
    return from_key_text(text);
  }
  const Stamp stamp = stamp_of(file);  // before it is read: a change in between is read again
  auto keys = keys_in_file(file);
  if (!keys) return std::unexpected(std::move(keys.error()));
  auto sealer = std::unique_ptr<Sealer>(new Sealer(*std::move(keys)));
  sealer->file_ = file;
  sealer->stamp_ = stamp;
  return std::shared_ptr<const Sealer>(std::move(sealer));
}

std::shared_ptr<const Sealer::Keys> Sealer::keys() const {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) return keys_;
  if (const Stamp stamp = stamp_of(file_); stamp != stamp_)
    if (auto again = keys_in_file(file_)) {
      keys_ = *std::move(again);
      stamp_ = stamp;
    }
  return keys_;
}

std::string Sealer::key_name() const { return hex(keys()->front().name); }

std::string Sealer::new_key_text() { return base64(Wiped(random_bytes(kKeyBytes)).text); }

std::string Sealer::seal(std::string_view plain, std::string_view context) const {
  if (plain.size() > kPlainBytesMax) throw std::length_error("sealer: more than 1 MiB to seal");
  const auto keys = this->keys();
  const Key& key = keys->front();
  const std::string head = kVersion + key.name;
  const Wiped data_key(random_bytes(kKeyBytes));
  return head + box(key.secret.text, data_key.text, authenticated(head, "key", context)) +
         box(data_key.text, plain, authenticated(head, "data", context));
}

bool Sealer::is_current(std::string_view sealed) const {
  return sealed.size() >= kHeadBytes && sealed.front() == kVersion &&
         sealed.substr(1, kKeyNameBytes) == keys()->front().name;
}

Result<std::string> Sealer::open(std::string_view sealed, std::string_view context) const {
  if (sealed.size() < kHeadBytes + kWrappedKeyBytes + kBoxBytes)
    return fail(Errc::Unauthorized, "sealed secret: truncated");
  if (sealed.size() > kHeadBytes + kWrappedKeyBytes + kBoxBytes + kPlainBytesMax)
    return fail(Errc::Unauthorized, "sealed secret: larger than any that was sealed");
  if (sealed.front() != kVersion)
    return fail(Errc::Unauthorized, "sealed secret: changed, or made by another version of Nightpost");
  const std::string_view head = sealed.substr(0, kHeadBytes);
  const auto keys = this->keys();
  const auto key = std::ranges::find(*keys, head.substr(1), &Key::name);
  if (key == keys->end()) {
    std::string here;
    for (const Key& each : *keys) here += (here.empty() ? "" : ", ") + hex(each.name);
    return fail(Errc::Unauthorized, "sealed secret: sealed by master key " + hex(head.substr(1)) +
                                        (keys->size() == 1 ? ", this one is " : ", these are ") + here);
  }
  std::optional<std::string> data_key =
      unbox(key->secret.text, sealed.substr(kHeadBytes, kWrappedKeyBytes), authenticated(head, "key", context));
  if (!data_key) return fail(Errc::Unauthorized, "sealed secret: changed, or moved here from another row");
  const Wiped wiped(*std::move(data_key));
  std::optional<std::string> plain =
      unbox(wiped.text, sealed.substr(kHeadBytes + kWrappedKeyBytes), authenticated(head, "data", context));
  if (!plain) return fail(Errc::Unauthorized, "sealed secret: changed");
  return *std::move(plain);
}

}  // namespace nightpost::store
