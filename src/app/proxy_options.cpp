#include "app/proxy_options.h"

#include "store/sealer.h"
#include "store/secret_file.h"

namespace nightpost::app {

void read_proxy(JsonSection section, ProxyOptions& options) {
  std::string url, except;
  section.text("url", url, true);
  section.text("credentials_file", options.credentials_file, true);
  section.text("except", except, true);
  auto excepted = net::ProxyExceptions::parse(except);
  if (!excepted) section.mistake("except", excepted.error().detail);
  if (url.empty()) {
    if (!options.credentials_file.empty()) section.mistake("credentials_file", "goes with url");
    return;
  }
  auto proxy = net::parse_proxy(url);
  if (!proxy) return section.mistake("url", proxy.error().detail);
  if (excepted) proxy->except = *std::move(excepted);
  options.through = *std::move(proxy);
}

Result<std::optional<net::Proxy>> open_proxy(const ProxyOptions& options) {
  std::optional<net::Proxy> proxy = options.through;
  if (!proxy || options.credentials_file.empty()) return proxy;
  auto text = store::read_secret_file("proxy credentials file", options.credentials_file);
  if (!text) return std::unexpected(std::move(text.error()));
  auto credentials = net::parse_proxy_credentials(*text);
  store::wipe(*text);
  if (!credentials) return fail(Errc::Malformed, options.credentials_file + ": " + credentials.error().detail);
  proxy->credentials = *std::move(credentials);
  return proxy;
}

}  // namespace nightpost::app
