#include "app/console_options.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "app/ready_file.h"
#include "core/text.h"

namespace nightpost::app {
namespace {

constexpr std::int64_t kConsoleDayMs = 86'400'000;

/// "127.0.0.1" of "http://127.0.0.1:9467". REQUIRED: origin_of() gave it.
std::string host_of_origin(std::string_view origin) {
  const std::string_view place = origin.substr(origin.find("//") + 2);
  return std::string(place.starts_with('[') ? place.substr(1, place.find(']') - 1) : place.substr(0, place.find(':')));
}

void read_console_address(JsonSection& section, std::string_view key, std::string& host, std::uint16_t& port) {
  std::string text = (host.contains(':') ? "[" + host + "]" : host) + ":" + std::to_string(port);
  section.text(key, text);
  if (auto parsed = parse_host_port(text)) {
    host = std::move(parsed->host);
    port = parsed->port;
  } else {
    section.mistake(key, parsed.error().detail);
  }
}

/// REQUIRED: access.tls says what the rest of the section does.
void read_public_url(JsonSection& section, ConsoleOptions& options) {
  section.text("public_url", options.public_url, true);
  if (options.public_url.empty()) return;
  auto origin = admin::origin_of(options.public_url);
  if (!origin) return section.mistake("public_url", origin.error().detail);
  const bool https = origin->starts_with("https://");
  if (!https && options.access.tls)
    return section.mistake("public_url", "is plain http, but with TLS, or behind_tls_proxy, cookies are for https");
  options.access.tls = options.access.tls || https;  // a proxy on this machine ends TLS
  options.access.origin = *std::move(origin);
}

/// A header's name as it is compared; empty: not set.
std::string header_name(JsonSection& section, const char* key) {
  std::string name;
  section.text(key, name, true);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  constexpr std::string_view kOthers[] = {
      "authorization", "cookie",         "origin",           "host",
      "content-type",  "content-length", "x-nightpost-csrf", admin::kProxySecretHeader};
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != name.npos)
    section.mistake(key, "is no header's name: letters, digits and -");
  else if (std::ranges::find(kOthers, name) != std::end(kOthers))
    section.mistake(key, "has another meaning: clients send it themselves");
  return name;
}

std::optional<admin::Role> role_named(JsonSection& section, const std::string& key, const std::string& name) {
  const auto role = admin::role_from(name);
  if (!role) section.mistake(key, "none of viewer, sender, operator, admin");
  return role;
}

/// Where the companion's IM server is told to kick and silence.
void read_im_server(JsonSection& section, ConsoleOptions& options) {
  section.text("im_url", options.im_url, true);
  section.text("im_ca_file", options.im_ca_file, true);
  section.duration_ms("im_wait_ms", options.im_wait, 100, 60'000);
  if (options.im_url.empty()) {
    if (!options.im_ca_file.empty()) section.mistake("im_ca_file", "goes with im_url");
    return;
  }
  auto origin = admin::origin_of(options.im_url);
  if (!origin) return section.mistake("im_url", origin.error().detail);
  if (origin->starts_with("http://") && !is_this_machine(host_of_origin(*origin)))
    return section.mistake("im_url", "plain http to another machine would show the signature on the way; say https");
  options.im_url = *std::move(origin);
}

/// Workers whose counts the charts show: origins with commas between them.
void read_metrics_urls(JsonSection& section, ConsoleOptions& options) {
  constexpr std::size_t kMetricsUrlsMax = 64;
  std::string text;
  section.text("metrics_urls", text, true);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    auto origin = admin::origin_of(trimmed(rest.substr(0, comma)));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!origin) return section.mistake("metrics_urls", origin.error().detail);
    if (std::ranges::find(options.metrics_urls, *origin) != options.metrics_urls.end())
      return section.mistake("metrics_urls", *origin + " is there twice, and would be counted twice");
    options.metrics_urls.push_back(*std::move(origin));
  }
  if (options.metrics_urls.size() > kMetricsUrlsMax)
    section.mistake("metrics_urls", "more than " + std::to_string(kMetricsUrlsMax));
}

/// Whether somebody on this machine can come from such an address: every process can.
bool holds_this_machine(const server::AddressRange& range) {
  const auto loopback4 = *server::AddressRange::parse("127.0.0.0/8"), loopback6 = *server::AddressRange::parse("::1");
  return std::ranges::any_of(std::array{loopback4, loopback6}, [&](const server::AddressRange& loopback) {
    return range.contains(loopback.prefix) || loopback.contains(range.prefix);
  });
}

/// REQUIRED: public_url was read.
void read_proxy_login(JsonSection& section, ConsoleOptions& options) {
  admin::ProxyLogin& login = options.access.proxy;
  login.header = header_name(section, "proxy_user_header");
  login.groups_header = header_name(section, "proxy_groups_header");
  std::string addresses, other;
  section.text("proxy_addresses", addresses, true);
  section.text("proxy_secret_file", options.proxy_secret_file, true);
  section.text("proxy_other_role", other, true);
  section.text("proxy_reader_group", login.reader_group, true);
  std::map<std::string, std::string> roles;
  section.texts("proxy_roles", roles);
  if (auto ranges = parse_ranges(addresses))
    options.proxy_addresses = *std::move(ranges);
  else
    section.mistake("proxy_addresses", ranges.error().detail);
  for (const auto& [group, role] : roles)
    if (const auto known = role_named(section, "proxy_roles." + group, role)) login.roles.emplace(group, *known);
  if (!other.empty()) login.other_role = role_named(section, "proxy_other_role", other);
  if (!login.is_on()) {
    for (const auto& [key, given] :
         {std::pair{"proxy_groups_header", !login.groups_header.empty()},
          std::pair{"proxy_addresses", !addresses.empty()},
          std::pair{"proxy_secret_file", !options.proxy_secret_file.empty()},
          std::pair{"proxy_reader_group", !login.reader_group.empty()}, std::pair{"proxy_other_role", !other.empty()},
          std::pair{"proxy_roles", !roles.empty()}})
      if (given) section.mistake(key, "goes with proxy_user_header");
    return;
  }
  if (options.proxy_addresses.empty())
    section.mistake("proxy_addresses",
                    "missing: whoever may say in proxy_user_header who calls has to be known by address");
  if (options.proxy_secret_file.empty() && std::ranges::any_of(options.proxy_addresses, holds_this_machine))
    section.mistake("proxy_secret_file",
                    "missing: proxy_addresses holds this machine, where any process could say who calls");
  if (!login.reader_group.empty() && login.groups_header.empty())
    section.mistake("proxy_groups_header", "goes with proxy_reader_group");
  if (options.public_url.empty())
    section.mistake("public_url", "missing: with proxy_user_header changes must come from its page");
  if (roles.empty() && other.empty())
    section.mistake("proxy_roles", "missing, or proxy_other_role: nobody would have a role");
  if (!roles.empty() && login.groups_header.empty()) section.mistake("proxy_groups_header", "goes with proxy_roles");
}

}  // namespace

bool is_this_machine(const std::string& host) {
  const bool v4 = host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "::1" || v4;
}

void read_console(JsonSection section, ConsoleOptions& options) {
  read_console_address(section, "listen", options.host, options.port);
  read_console_address(section, "http_listen", options.http_host, options.http_port);
  read_tls_files(section, options.tls);
  section.flag("behind_tls_proxy", options.behind_tls_proxy);
  if (options.tls.certificate.empty() && !options.behind_tls_proxy && !is_this_machine(options.host))
    section.mistake("listen",
                    "beyond this machine the console wants TLS: name tls_certificate_file and tls_key_file, "
                    "or say behind_tls_proxy where a proxy ends it");
  section.integer("body_bytes_max", options.body_bytes_max, 65'536, std::int64_t{16} << 20);
  read_server_limits(section, "", options.server);
  section.integer("threads", options.threads, 1, 64);
  section.integer("requests_queued_max", options.requests_queued_max, 1, 10'000);
  section.integer("long_threads", options.long_threads, 1, 64);
  section.integer("long_requests_queued_max", options.long_requests_queued_max, 1, 10'000);
  section.duration_ms("session_idle_ms", options.access.session_idle, 60'000, kConsoleDayMs);
  section.duration_ms("session_lifetime_ms", options.access.session_lifetime, 60'000, 30 * kConsoleDayMs);
  section.integer("sessions_per_token_max", options.access.sessions_per_token_max, 1, 1'000);
  section.duration_ms("link_lifetime_ms", options.access.link_lifetime, 60'000, kConsoleDayMs);
  section.integer("login_failures_max", options.gate.login_failures_max, 1, 1'000);
  section.duration_ms("login_window_ms", options.gate.login_window, 1'000, kConsoleDayMs);
  section.integer("login_addresses_max", options.gate.login_addresses_max, 1, 1'000'000);
  section.integer("requests_burst_max", options.gate.requests_burst_max, 1, 100'000);
  section.integer("requests_per_second_max", options.gate.requests_per_second_max, 1, 100'000);
  section.duration_ms("audit_keep_ms", options.audit_keep, kConsoleDayMs, 3'650 * kConsoleDayMs);
  section.integer("audit_rows_max", options.audit_rows_max, 1'000, 1'000'000'000);
  section.duration_ms("audit_keep_least_ms", options.audit_keep_least, 0, 3'650 * kConsoleDayMs);
  section.duration_ms("push_timeout_ms", options.push_timeout, 100, 600'000);
  section.duration_ms("kafka_wait_ms", options.kafka_wait, 100, 600'000);
  section.duration_ms("events_wait_ms", options.events_wait, 100, 600'000);
  section.integer("events_per_request_max", options.events_per_request_max, 1, 100'000);
  section.integer("live_rows_max", options.live_rows_max, 10, 100'000);
  section.integer("live_rows_per_second_max", options.live_rows_per_second_max, 1, 100'000);
  section.duration_ms("letters_wait_ms", options.letters_wait, 1'000, 600'000);
  options.access.tls = !options.tls.certificate.empty() || options.behind_tls_proxy;
  read_public_url(section, options);
  read_proxy_login(section, options);
  read_im_server(section, options);
  read_metrics_urls(section, options);
}

}  // namespace nightpost::app
