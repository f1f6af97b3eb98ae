#include "store/store_url.h"

#include <algorithm>

namespace nightpost::store {
namespace {

constexpr std::string_view kSqlite = "sqlite:";

/// Of libpq's address: user:password@…, or password=… behind the '?'.
bool holds_password(std::string_view address) {
  const auto query = address.find('?');
  const auto credentials_in = [](std::string_view text, std::size_t at) {
    return at != std::string_view::npos && text[at] == '@' && text.substr(0, at).contains(':');
  };
  // libpq ends the user's part at the first '@' or '/', whatever stands before; a '/' inside of a password ends it too
  // early for libpq, so all up to the last '@' is looked at as well.
  const std::string_view all = address.substr(address.find("://") + 3);
  const std::string_view front = all.substr(0, all.find('?'));
  if (credentials_in(all, all.find_first_of("@/")) || credentials_in(front, front.rfind('@'))) return true;
  std::string_view rest = query == std::string_view::npos ? std::string_view() : address.substr(query + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    const std::string_view key = one.substr(0, one.find('='));
    if (key == "password" || key == "sslpassword" || key.contains('%')) return true;  // %70assword is one, too
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
  }
  return false;
}

}  // namespace

Result<StoreUrl> parse_store_url(std::string_view text) {
  if (text.contains('\0')) return fail(Errc::Malformed, "holds a zero");
  if (text.starts_with(kSqlite)) {
    const std::string_view path = text.substr(kSqlite.size());
    if (path.empty()) return fail(Errc::Malformed, "names no file: sqlite:PATH");
    return StoreUrl{StoreUrl::Kind::Sqlite, std::string(path)};
  }
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
    if (holds_password(text))
      return fail(Errc::Malformed,
                  "a password does not belong into the address: put it into a file of mode 0600 and name that in "
                  "store.password_file, or in the environment's PGPASSFILE");
    return StoreUrl{StoreUrl::Kind::Postgres, std::string(text)};
  }
  return fail(Errc::Malformed, "is neither sqlite:PATH nor postgresql://user@host:port/database");
}

}  // namespace nightpost::store
