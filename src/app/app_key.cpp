#include "app/app_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "im/domain/names.h"
#include "im/domain/user_sig.h"
#include "store/secret_file.h"

namespace nightpost::app {

Result<std::string> read_app_key(const std::string& file) {
  auto text = store::read_secret_file("app key file", file);
  if (!text) return text;
  std::string key(trimmed(*text));
  if (key.empty()) return fail(Errc::Malformed, file + ": holds no key");
  if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; }))
    return fail(Errc::Malformed, file + ": a key is one line of printable characters");
  return key;
}

Result<std::string> make_signature(AppId app, const std::string& user, const std::string& key, WallTime now,
                                   std::chrono::seconds expire) {
  constexpr std::chrono::seconds kExpireMax{10LL * 366 * 86'400};
  if (const auto checked = im::check_user_id(user, "--user"); !checked)
    return fail(Errc::Malformed, checked.error().why);
  if (expire < std::chrono::seconds(1) || expire > kExpireMax)
    return fail(Errc::Malformed,
                fmt::format("--expire: {} is not in [1, {}] seconds", expire.count(), kExpireMax.count()));
  return im::make_user_sig(app, user, key, now, expire);
}

}  // namespace nightpost::app
