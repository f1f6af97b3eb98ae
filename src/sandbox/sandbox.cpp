#include "sandbox/sandbox.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <utility>

#include "core/text.h"
#include "sandbox/json_fields.h"
#include "sandbox/receipt_sender.h"
#include "sandbox/site.h"
#include "sandbox/throwaway_ca.h"
#include "server/http_server.h"

namespace nightpost::sandbox {
namespace {

constexpr std::string_view kControl = "/_sandbox/";
constexpr std::size_t kControlBodyBytesMax = 16 << 20;  // the vendors' own limits are the simulators' to keep
constexpr std::uint16_t kPortMax = 65'535;
/// A sender whose requests a script lets hang gives up thousands at once: no flood.
constexpr std::uint32_t kResetsBurstMax = 100'000;
constexpr std::int64_t kReceiptDelayMsMax = 3'600'000;

server::ServerResponse json_response(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

server::ServerResponse error_response(int status, std::string_view what) {
  std::string body = "{";
  append_json_member(body, "error", utf8_repaired(what));
  return json_response(status, body + "}");
}

server::ServerResponse done_response(const Result<void>& done) {
  return done ? json_response(200, R"({"ok":true})") : error_response(400, done.error().detail);
}

/// "/_sandbox/requests?vendor=apns&after=7" → "requests", "apns", "7".
struct ControlTarget {
  std::string_view path;
  std::optional<std::string_view> vendor, after;
};

ControlTarget parts_of(std::string_view target) {
  target.remove_prefix(kControl.size());
  const std::size_t mark = target.find('?');
  ControlTarget parts{.path = target.substr(0, mark), .vendor = {}, .after = {}};
  std::string_view query = mark == target.npos ? "" : target.substr(mark + 1);
  constexpr std::string_view kVendor = "vendor=", kAfter = "after=";
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    if (one.starts_with(kVendor) && !parts.vendor) parts.vendor = one.substr(kVendor.size());
    if (one.starts_with(kAfter) && !parts.after) parts.after = one.substr(kAfter.size());
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return parts;
}

/// The requests of `site` numbered above `after`.
server::ServerResponse requests_response(const Site& site, std::string_view after) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(after.data(), after.data() + after.size(), number);
  if (error != std::errc() || end != after.data() + after.size()) return error_response(400, "after: not a number");
  return json_response(200, site.log().json(number));
}

/// What "receipts" teaches.
struct ReceiptLesson {
  ReceiptTarget target;
  ReceiptSecret secret;
};

Result<ReceiptLesson> read_receipts(const nlohmann::json& value, bool anywhere) {
  JsonFields fields(value, "$.receipts");
  const std::string url = fields.required_text("url");
  ReceiptLesson lesson{.target = {},
                       .secret = {.user = fields.text("user").value_or(""), .key = fields.text("key").value_or("")}};
  const auto ca_file = fields.text("ca_file");
  const auto delay = fields.integer("delay_ms", 0, kReceiptDelayMsMax);
  auto target = receipt_target(url, anywhere);
  if (!target) fields.fault("url", target.error().detail);
  std::ostringstream ca_pem;
  if (ca_file && !(ca_pem << std::ifstream(*ca_file).rdbuf())) fields.fault("ca_file", "cannot be read, or is empty");
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  lesson.target = std::move(*target);
  lesson.target.ca_pem = ca_pem.str();
  if (delay) lesson.target.delay = milliseconds(*delay);
  return lesson;
}

}  // namespace

struct Sandbox::Impl {
  explicit Impl(boost::asio::io_context& its_loop) : loop(its_loop) {}

  boost::asio::io_context& loop;
  SystemClock system_clock;
  const Clock* clock = &system_clock;
  ServerIdentity identity;
  std::string ca_file;
  bool receipts_anywhere = false;
  std::map<std::string, std::string> urls;
  /// Guards sites and script: the loop serves while a test or the demo teaches from its own thread.
  mutable std::mutex mutex;
  std::vector<std::unique_ptr<Site>> sites;
  std::map<const Site*, std::unique_ptr<ReceiptSender>> senders;  // of those whose receipts were taught
  FaultScript script;
  std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);
  std::vector<std::unique_ptr<server::TlsServer>> servers;  // last: their handlers use all of the above

  Site* find(std::string_view vendor) const {
    const auto found =
        std::ranges::find(sites, vendor, [](const auto& site) -> std::string_view { return site->vendor(); });
    return found == sites.end() ? nullptr : found->get();
  }

  Result<void> listen(Site& site, const SandboxOptions& options, std::uint16_t port);
  server::FaultAction handle(Site& site, const server::ServerRequest& request);
  server::ServerResponse control(Site& here, const server::ServerRequest& request);
  server::ServerResponse control_script(const server::ServerRequest& request);
  server::ServerResponse control_receipts(Site& here, const server::ServerRequest& request);
  std::string health_json() const;
  Result<void> set_script(std::string_view json);
  Result<void> teach(std::string_view json, Site& otherwise);
  Result<Site*> site_of(nlohmann::json& wish, Site& otherwise) const;
  Result<void> send_receipt(std::string_view json, Site& otherwise);
};

Result<void> Sandbox::Impl::listen(Site& site, const SandboxOptions& options, std::uint16_t port) {
  server::ServerOptions server{.host = options.host, .port = port, .body_bytes_max = kControlBodyBytesMax};
  server.closed = [this, &site](std::uint64_t connection) {
    const std::scoped_lock lock(mutex);
    site.simulator().closed(connection);
  };
  auto started = server::TlsServer::start(loop, std::move(server),
                                          {.certificate_pem = identity.certificate_pem,
                                           .private_key_pem = identity.private_key_pem,
                                           .ask_client_certificate = site.simulator().asks_client_certificate(),
                                           .streams_max_first = site.simulator().streams_max_first(),
                                           .any_scheme = site.simulator().takes_any_scheme(),
                                           .floods = {.resets_burst_max = kResetsBurstMax}},
                                          server::with_faults([this, &site](const server::ServerRequest& request) {
                                            const std::scoped_lock lock(mutex);
                                            return handle(site, request);
                                          }));
  if (!started) return std::unexpected(started.error());
  urls[site.vendor()] = "https://localhost:" + std::to_string((*started)->port());
  servers.push_back(std::move(*started));
  return {};
}

server::FaultAction Sandbox::Impl::handle(Site& site, const server::ServerRequest& request) {
  if (request.target.starts_with(kControl)) return {.respond = control(site, request)};
  Site::Served served = site.serve(request, script, clock->wall());
  if (!served.receipts.empty())
    if (const auto sender = senders.find(&site); sender != senders.end())
      sender->second->send(std::move(served.receipts));
  return std::move(served.action);
}

server::ServerResponse Sandbox::Impl::control(Site& here, const server::ServerRequest& request) {
  const auto [path, vendor, after] = parts_of(request.target);
  Site* site = vendor ? find(*vendor) : &here;
  if (!site) return error_response(400, "vendor: not served here");
  const std::string& method = request.method;
  if (path == "health") {
    return method == "GET" ? json_response(200, health_json()) : error_response(405, "GET only");
  }
  if (path == "requests") {
    if (method == "GET") return requests_response(*site, after.value_or("0"));
    if (method != "DELETE") return error_response(405, "GET or DELETE only");
    site->log().clear();
    return done_response({});
  }
  if (path == "script") return control_script(request);
  if (path == "credentials") {
    if (method == "PUT") return done_response(teach(request.body, *site));
    if (method != "DELETE") return error_response(405, "PUT or DELETE only");
    site->simulator().forget();
    site->set_receipts(std::nullopt);
    senders.erase(site);
    return done_response({});
  }
  if (path == "receipts") return control_receipts(*site, request);
  return error_response(404, "no such control path: requests, script, credentials, receipts, health");
}

server::ServerResponse Sandbox::Impl::control_receipts(Site& here, const server::ServerRequest& request) {
  if (request.method == "POST") return done_response(send_receipt(request.body, here));
  if (request.method != "GET") return error_response(405, "GET or POST only");
  const auto sender = senders.find(&here);
  return sender == senders.end() ? error_response(400, "vendor: its receipts were not taught")
                                 : json_response(200, sender->second->counts_json());
}

server::ServerResponse Sandbox::Impl::control_script(const server::ServerRequest& request) {
  if (request.method == "PUT") return done_response(set_script(request.body));
  if (request.method != "DELETE") return error_response(405, "PUT or DELETE only");
  script = {};
  return done_response({});
}

std::string Sandbox::Impl::health_json() const {
  std::string out = R"({"status":"ok","vendors":{)";
  for (const auto& site : sites) {
    if (!out.ends_with('{')) out += ',';
    out += '"' + site->vendor() + "\":" + site->counts_json();
  }
  return out + "}}";
}

Result<void> Sandbox::Impl::set_script(std::string_view json) {
  auto parsed = FaultScript::parse(json);
  if (!parsed) return std::unexpected(parsed.error());
  script = std::move(*parsed);
  if (!script.now()) return {};
  // Later: this call may come from another thread, or from inside the very connection it would drop.
  server::FaultAction action{
      .goaway = script.now()->goaway, .settings = script.now()->settings, .drop = script.now()->drop};
  boost::asio::post(loop, [this, life = std::weak_ptr(alive), action = std::move(action)] {
    if (life.expired()) return;
    for (const auto& server : servers) server::inject_on_all(*server, action);
  });
  return {};
}

/// Whom `wish` names by "vendor", which is taken out.
Result<Site*> Sandbox::Impl::site_of(nlohmann::json& wish, Site& otherwise) const {
  if (!wish.is_object() || !wish.contains("vendor")) return &otherwise;
  const auto& vendor = wish["vendor"];
  Site* site = vendor.is_string() ? find(vendor.get_ref<const std::string&>()) : nullptr;
  if (!site) return fail(Errc::Malformed, "$.vendor: not served here");
  wish.erase("vendor");
  return site;
}

Result<void> Sandbox::Impl::teach(std::string_view json, Site& otherwise) {
  auto credentials = parse_json(json);
  if (!credentials) return std::unexpected(credentials.error());
  const auto site = site_of(*credentials, otherwise);
  if (!site) return std::unexpected(site.error());
  if (!credentials->is_object() || !credentials->contains("receipts")) return (*site)->simulator().teach(*credentials);

  const nlohmann::json receipts = std::move((*credentials)["receipts"]);
  credentials->erase("receipts");
  if (!(*site)->simulator().has_receipts()) return fail(Errc::Malformed, "$.receipts: this vendor sends none");
  std::unique_ptr<ReceiptSender> sender;
  std::optional<ReceiptSecret> secret;
  if (!receipts.is_null()) {
    auto lesson = read_receipts(receipts, receipts_anywhere);
    if (!lesson) return std::unexpected(lesson.error());
    auto made = ReceiptSender::make(loop, std::move(lesson->target));
    if (!made) return fail(Errc::Malformed, "$.receipts.ca_file: " + made.error().detail);
    sender = std::move(*made);
    secret = std::move(lesson->secret);
  }
  if (auto taught = (*site)->simulator().teach(*credentials); !taught) return taught;
  (*site)->set_receipts(std::move(secret));
  senders.erase(*site);
  if (sender) senders.emplace(*site, std::move(sender));
  return {};
}

Result<void> Sandbox::Impl::send_receipt(std::string_view json, Site& otherwise) {
  auto wish = parse_json(json);
  if (!wish) return std::unexpected(wish.error());
  const auto site = site_of(*wish, otherwise);
  if (!site) return std::unexpected(site.error());
  JsonFields fields(*wish, "$");
  const std::string token = fields.required_text("token");
  const nlohmann::json* status = fields.any("status");
  const std::string id = fields.text("id").value_or("");
  const std::string tag = fields.text("tag").value_or("");
  const std::string app = fields.text("app").value_or("");
  const auto variant = fields.integer("variant", 0, 1000);
  if (status && !status->is_string() && !status->is_number_integer()) fields.fault("status", "not a word or number");
  if (auto done = fields.finish(); !done) return done;
  const std::string word = !status ? "" : status->is_string() ? status->get<std::string>() : status->dump();
  auto posts = (*site)->receipt({.token = token,
                                 .status = word,
                                 .id = id,
                                 .tag = tag,
                                 .app = app,
                                 .variant = static_cast<int>(variant.value_or(0))},
                                clock->wall());
  if (!posts) return std::unexpected(posts.error());
  senders.at(*site)->send(std::move(*posts));
  return {};
}

Sandbox::Sandbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sandbox::~Sandbox() = default;

Result<std::unique_ptr<Sandbox>> Sandbox::start(boost::asio::io_context& loop, SandboxOptions options) {
  auto impl = std::make_unique<Impl>(loop);
  if (options.clock) impl->clock = options.clock;
  impl->receipts_anywhere = options.receipts_anywhere;
  if (options.vendors.empty()) return fail(Errc::Malformed, "no vendor to simulate");
  for (const std::string& vendor : options.vendors) {
    if (impl->find(vendor)) return fail(Errc::Malformed, "vendor named twice: " + vendor);
    auto simulator = make_simulator(vendor, {.accept_any = options.accept_any,
                                             .streams_max = options.streams_max,
                                             .tokens_known_max = options.tokens_known_max});
    if (!simulator) return fail(Errc::Malformed, "unknown vendor: " + vendor);
    impl->sites.push_back(
        std::make_unique<Site>(vendor, std::move(simulator),
                               RequestLog::Limits{.requests_max = options.requests_kept_max, .mark = options.mark}));
  }
  if (!options.script_json.empty()) {
    auto script = FaultScript::parse(options.script_json);
    if (!script) return std::unexpected(script.error());
    impl->script = std::move(*script);
  }
  const WallTime now = impl->clock->wall();
  auto identity = options.data_dir.empty() ? make_identity(now) : identity_in(options.data_dir, now);
  if (!identity) return std::unexpected(identity.error());
  impl->identity = std::move(*identity);
  if (!options.data_dir.empty()) impl->ca_file = options.data_dir + "/ca.pem";
  for (std::size_t i = 0; i < impl->sites.size(); ++i) {
    const std::size_t port = options.port == 0 ? 0 : options.port + i;
    if (port > kPortMax) return fail(Errc::Malformed, "no port left for " + impl->sites[i]->vendor());
    if (auto up = impl->listen(*impl->sites[i], options, static_cast<std::uint16_t>(port)); !up)
      return std::unexpected(up.error());
  }
  return std::unique_ptr<Sandbox>(new Sandbox(std::move(impl)));
}

const std::map<std::string, std::string>& Sandbox::urls() const noexcept { return impl_->urls; }
const std::string& Sandbox::ca_pem() const noexcept { return impl_->identity.ca_pem; }
const std::string& Sandbox::ca_file() const noexcept { return impl_->ca_file; }

Result<void> Sandbox::set_script(std::string_view json) {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->set_script(json);
}

Result<void> Sandbox::teach(std::string_view json) {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->teach(json, *impl_->sites.front());
}

std::string Sandbox::requests_json(std::string_view vendor) const {
  const std::scoped_lock lock(impl_->mutex);
  const Site* site = impl_->find(vendor);
  return site ? site->log().json() : "[]";
}

}  // namespace nightpost::sandbox
