#include "app/dev_account.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/c_handle.h"
#include "core/uuid.h"

namespace nightpost::app {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;

template <class Write>
std::string pem_of(Write write) {
  const Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  char* data = nullptr;
  if (bio == nullptr || write(bio.get()) != 1) return "";
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string private_pem_of(const Key& key) {
  if (key == nullptr) return "";
  return pem_of(
      [&](BIO* bio) { return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string google_key_file() {
  const std::string pem = private_pem_of(Key(EVP_RSA_gen(2048)));
  if (pem.empty()) return "";
  return nlohmann::json{{"type", "service_account"},
                        {"project_id", "demo-project"},
                        {"private_key_id", "0123456789abcdef0123456789abcdef01234567"},
                        {"private_key", pem},
                        {"client_email", "sender@demo-project.iam.gserviceaccount.com"},
                        {"token_uri", "https://oauth2.googleapis.com/token"}}
      .dump();
}

}  // namespace

Result<DevAccount> make_dev_account(Vendor vendor) {
  DevAccount made;
  Certificate& certificate = made.certificate;
  certificate.vendor = vendor;
  certificate.bundle_id = "com.example.shop";
  made.secret.bytes = "5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c";
  switch (vendor) {
    case Vendor::Apns: {
      const Key key(EVP_EC_gen("P-256"));
      made.secret.bytes = private_pem_of(key);
      if (key != nullptr) made.public_pem = pem_of([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.get()); });
      certificate.facts = {{"key_id", "ABC123DEFG"}, {"team_id", "DEF123GHIJ"}};
      break;
    }
    case Vendor::Fcm:
      made.secret.bytes = google_key_file();
      certificate.settings = {{"channel_id", "chat"}};
      break;
    case Vendor::Huawei:
      certificate.settings = {{"app_id", "104412345"}, {"category", "IM"}};
      break;
    case Vendor::Honor:
      certificate.settings = {{"app_id", "104412346"}, {"client_id", "220099887766"}};
      break;
    case Vendor::Xiaomi:
      certificate.settings = {{"app_id", "2882303761517000001"}};
      break;
    case Vendor::Oppo:
      certificate.settings = {
          {"app_key", "4f1d8ba0a7ac4fbbb9ef1d9d9e7cd0ab"}, {"channel_id", "chat"}, {"category", "IM"}};
      break;
    case Vendor::Vivo:
      certificate.settings = {
          {"app_id", "10004"}, {"app_key", "25509283-3767-4b9e-83fe-b6e55ac6243e"}, {"category", "IM"}};
      break;
    case Vendor::Meizu:
      certificate.settings = {{"app_id", "110123"}};
      break;
    case Vendor::Count:
      return fail(Errc::Malformed, "no such vendor");
  }
  if (made.secret.bytes.empty()) return fail(Errc::Io, "OpenSSL cannot make a key");
  return made;
}

DeviceToken dev_token(Vendor vendor, std::string_view name) {
  const std::string hex = hex_of({"demo", name});
  switch (vendor) {
    case Vendor::Apns:
      return DeviceToken(hex + hex_of({"token", name}));
    case Vendor::Fcm:
      return DeviceToken(hex.substr(0, 22) + ":APA91b" + hex + hex_of({"token", name}));
    case Vendor::Huawei:
      return DeviceToken("IQAAAACy0tH2AADx" + hex);
    case Vendor::Honor:
      return DeviceToken("BAEAAAAABjkgDoc8Qk" + hex);
    case Vendor::Xiaomi:
      return DeviceToken("d5igwEhgBGCI2TG6lWqlCU" + hex);
    case Vendor::Oppo:
      return DeviceToken("OPPO_CN_" + hex);
    case Vendor::Vivo: {
      std::string digits = "1513";
      for (const char c : hex.substr(0, 19)) digits += static_cast<char>('0' + c % 10);
      return DeviceToken(digits);
    }
    case Vendor::Meizu:
      return DeviceToken("RA50c6348" + hex);
    case Vendor::Count:
      break;
  }
  return {};
}

Result<void> write_private_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return errno == EEXIST ? fail(Errc::Malformed, path + ": exists already and is not overwritten")
                           : fail(Errc::Io, path + ": cannot be created");
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(file) != 0 || !written) return fail(Errc::Io, path + ": cannot be written");
  return {};
}

}  // namespace nightpost::app
