#include "support/spine/fleet.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "core/c_handle.h"
#include "core/text.h"
#include "core/time.h"
#include "core/uuid.h"
#include "store/store.h"

namespace nightpost::support {
namespace {

constexpr std::size_t kImportRows = 10'000;  // a commit

}  // namespace

std::string user_name(std::size_t user) { return fmt::format("user-{:07}", user); }

std::string user_token(std::size_t user) {
  const std::string name = user_name(user);
  return hex_of({"token", name, "1"}) + hex_of({"token", name, "2"});
}

std::string event_json(std::string_view id, std::size_t user, std::string_view ext,
                       std::optional<std::int64_t> occurred_ms) {
  const std::int64_t now = occurred_ms.value_or(to_ms(SystemClock().wall()));
  std::string escaped;
  append_json_escaped(escaped, ext.empty() ? R"({"conv":"c2c_denny","page":"chat"})" : ext);
  return fmt::format(R"({{"event_id":"{0}","app_id":{1},"occurred_at":{2},"expires_at":{3},"kind":"c2c",)"
                     R"("from":{{"user_id":"denny","nick":"Denny","name_card":""}},"group":null,)"
                     R"("message":{{"id":"{0}-m","seq":7,"sent_at":{2},"priority":"normal",)"
                     R"("elements":[{{"type":"text","text":"are you coming tonight? we start at eight"}}]}},)"
                     R"("push":{{"disabled":false,"title":"","desc":"","ext":"{4}",)"
                     R"("android":{{"title":"","desc":"","channel":{{"oppo":"tuikit","xiaomi":"118","huawei":"IM"}}}},)"
                     R"("apns":{{"title":"","desc":"","sound":"default","badge":"count","mutable_content":false}}}},)"
                     R"("to":[{{"user_id":"{5}","unread":3,"mentioned":false}}]}})",
                     id, kFleetApp, now, now + 86'400'000, escaped, user_name(user));
}

Device user_device(std::size_t user, std::int64_t certificate) {
  return {.device_id = "phone",
          .platform = Platform::Ios,
          .certificate = CertificateId{certificate},
          .token = DeviceToken(user_token(user)),
          .registered_at = SystemClock().wall(),
          .state = DeviceState::Offline,
          .badge_base = 0,
          .language = "en"};
}

void add_users(store::Store& store, std::int64_t certificate, std::size_t count) {
  for (std::size_t first = 0; first < count; first += kImportRows) {
    std::vector<store::Store::DeviceRow> rows;
    for (std::size_t user = first; user < std::min(first + kImportRows, count); ++user)
      rows.push_back({AppId{kFleetApp}, user_name(user), user_device(user, certificate)});
    const auto refused = store.import_devices(rows, store::Store::ImportMode::Write);
    if (!refused) throw std::runtime_error(refused.error().detail);
    if (!refused->empty()) throw std::runtime_error(refused->front().why);
  }
}

void add_users(const std::string& path, std::int64_t certificate, std::size_t count) {
  auto store = store::open_sqlite(path, nullptr);
  if (!store) throw std::runtime_error(store.error().detail);
  add_users(**store, certificate, count);
}

std::string new_p8() {
  const Handle<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  const Handle<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  if (!key || !out || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw std::runtime_error("new P-256 key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace nightpost::support
