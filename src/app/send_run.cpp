#include "app/send_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "app/grant_fetcher.h"
#include "app/lane_transport.h"
#include "app/ports.h"
#include "app/redaction.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "core/uuid.h"
#include "dispatch/decide.h"
#include "dispatch/dispatcher.h"
#include "net/curl_metrics.h"
#include "net/lane_metrics.h"
#include "providers/form_field.h"
#include "providers/settings.h"
#include "resolve/resolver_metrics.h"

namespace nightpost::app {
namespace {

/// Shows the dispatcher one device of the user, so that requests and outcomes need no matching.
class OneDevice final : public dispatch::Directory {
 public:
  explicit OneDevice(std::shared_ptr<const Receiver> receiver) : receiver_(std::move(receiver)) {}
  void find(std::span<const ReceiverKey> keys, Found found) override {
    found(std::vector<std::shared_ptr<const Receiver>>(keys.size(), receiver_));
  }
  Result<bool> knows(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override {
    removed(false);  // a test forgets nothing
  }

 private:
  std::shared_ptr<const Receiver> receiver_;
};

/// Notes what must not be shown. In a dry run no token endpoint is asked, and a stand-in goes for its grant.
class ShownCredentials final : public dispatch::Credentials {
 public:
  ShownCredentials(dispatch::Credentials& real, bool dry_run, Redaction& redaction)
      : real_(real), dry_run_(dry_run), redaction_(redaction) {}
  Result<std::shared_ptr<const dispatch::Route>> route(AppId app, CertificateId certificate) override {
    return real_.route(app, certificate);
  }
  Result<std::shared_ptr<const Grant>> grant(const dispatch::Route& route, WallTime now) override {
    if (dry_run_)
      if (const auto step = route.authorizer->begin(now); step && std::holds_alternative<GrantRequest>(*step))
        return std::make_shared<const Grant>(
            Grant{std::string(std::get<GrantRequest>(*step).scheme) + "(obtained when sent)", now, WallTime::max(),
                  WallTime::max()});
    return remembered(real_.grant(route, now));
  }
  Result<std::shared_ptr<const Grant>> refresh(const dispatch::Route& route, const Grant& refused,
                                               WallTime now) override {
    return remembered(real_.refresh(route, refused, now));
  }

 private:
  Result<std::shared_ptr<const Grant>> remembered(Result<std::shared_ptr<const Grant>> grant) {
    if (grant && *grant != nullptr) redaction_.hide_authorization((*grant)->authorization);
    return grant;
  }
  dispatch::Credentials& real_;
  const bool dry_run_;
  Redaction& redaction_;
};

/// The body as a JSON value where that says all there is to say, else as the text it is: a value has neither members
/// that stand twice nor numbers as they were written.
nlohmann::json body_of(const std::string& text) {
  const auto value = nlohmann::ordered_json::parse(text, nullptr, false);
  return value.is_structured() && value.dump() == text ? nlohmann::json(value) : nlohmann::json(text);
}

/// Keeps what would go out; passes it on unless it is a dry run.
class Recorder final : public dispatch::Transport {
 public:
  Recorder(Redaction& redaction, dispatch::Transport* next) : redaction_(redaction), next_(next) {}
  void send(const std::shared_ptr<const dispatch::Route>& route, HttpRequest request, MonoTime deadline,
            std::uint64_t tag, dispatch::ReplyHandler& handler) override {
    redaction_.hide_key_of(setting(route->certificate.settings, "receipt_url"));
    // Meizu's has no time in it: who reads it can send the request again.
    if (const auto sign = form_field(request.body, "sign")) redaction_.hide(*sign);
    nlohmann::json headers = nlohmann::json::object();
    for (const Header& header : request.headers) headers[std::string(header.name)] = redaction_.shown(header.value);
    const std::string text = redaction_.shown(request.body);
    requests.push_back({{"vendor", name_of(route->certificate.vendor)},
                        {"certificate", route->certificate.id.value},
                        {"request",
                         {{"method", request.method},
                          {"url", redaction_.shown(route->provider->origin() + request.path)},
                          {"headers", std::move(headers)},
                          {"body", body_of(text)}}},
                        {"text", text}});
    if (next_ != nullptr) next_->send(route, std::move(request), deadline, tag, handler);
  }
  void drain_connection(const dispatch::Route& route, std::uint64_t connection) override {
    if (next_ != nullptr) next_->drain_connection(route, connection);
  }
  void withdraw_queued(const dispatch::Route& route) override {
    if (next_ != nullptr) next_->withdraw_queued(route);
  }
  void flush() override {
    if (next_ != nullptr) next_->flush();
  }
  std::vector<nlohmann::json> requests;  // "text": the body, as it stands on the wire but for secrets

 private:
  Redaction& redaction_;
  dispatch::Transport* next_;
};

class Collector final : public dispatch::Settler {
 public:
  void outcome(dispatch::RecordId, std::string_view, std::string_view json) override {
    outcome_json = nlohmann::json::parse(json, nullptr, false);
    // Nothing of a test is tried later.
    if (outcome_json.is_object() && outcome_json["outcome"] == name_of(OutcomeKind::Retrying))
      outcome_json["outcome"] = name_of(OutcomeKind::Dead);
  }
  void dead(dispatch::RecordId, dispatch::DeadLetter letter) override { why_dead = letter.detail; }
  void defer(dispatch::RecordId, dispatch::Deferral) override {}
  void release(dispatch::RecordId) override { released = true; }
  void hand_back(dispatch::RecordId) override {}
  nlohmann::json outcome_json;
  std::string why_dead;
  bool released = false;
};

/// All that a dry run of an event decides.
class Decisions final : public dispatch::Settler {
 public:
  void outcome(dispatch::RecordId, std::string_view, std::string_view json) override {
    outcomes.push_back(nlohmann::json::parse(json, nullptr, false));
  }
  void dead(dispatch::RecordId, dispatch::DeadLetter letter) override { why_dead = letter.detail; }
  void defer(dispatch::RecordId, dispatch::Deferral) override {}
  void release(dispatch::RecordId) override { released = true; }
  void hand_back(dispatch::RecordId) override {}
  std::vector<nlohmann::json> outcomes;
  std::string why_dead;
  bool released = false;
};

/// The store's receivers, of whom nothing is changed.
class Onlooker final : public dispatch::Directory {
 public:
  explicit Onlooker(dispatch::Directory& real) : real_(real) {}
  void find(std::span<const ReceiverKey> keys, Found found) override { real_.find(keys, std::move(found)); }
  Result<bool> knows(AppId app) override { return real_.knows(app); }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(false); }

 private:
  dispatch::Directory& real_;
};

std::string event_for(const admin::PushQuestion& options, WallTime now) {
  const std::string id = "send-" + uuid_of({options.user, std::to_string(to_ms(now))});
  nlohmann::json push = {{"title", options.title}, {"desc", options.desc}, {"ext", options.ext}};
  const auto put = [](nlohmann::json& into, const char* name, const std::string& text) {
    if (!text.empty()) into[name] = text;
  };
  put(push, "subtitle", options.subtitle);
  put(push, "image", options.image);
  put(push["apns"], "sound", options.sound);
  put(push["apns"], "category", options.category);
  put(push["apns"], "interruption_level", options.level);
  if (!options.channel.empty())
    for (std::size_t v = 0; v < std::size_t(Vendor::Count); ++v)
      push["android"]["channel"][name_of(static_cast<Vendor>(v))] = options.channel;
  const nlohmann::json text = {{"type", "text"}, {"text", options.desc}};
  nlohmann::json receiver = {{"user_id", options.user}};
  if (options.badge) receiver["unread"] = *options.badge;
  nlohmann::json event = {{"event_id", id},
                          {"app_id", options.app.value},
                          {"occurred_at", to_ms(now)},
                          {"expires_at", to_ms(now) + options.ttl_s * 1000},
                          {"kind", "c2c"},
                          {"from", {{"user_id", options.from}, {"nick", ""}, {"name_card", ""}}},
                          {"group", nullptr},
                          {"message",
                           {{"id", id},
                            {"seq", 1},
                            {"sent_at", to_ms(now)},
                            {"priority", options.priority},
                            {"elements", nlohmann::json::array({text})}}},
                          {"push", std::move(push)},
                          {"to", nlohmann::json::array({receiver})}};
  if (options.badge_only) event["kind"] = "badge";
  if (options.call) event["kind"] = "call";
  if (options.call && options.desc.empty()) event["message"]["elements"] = nlohmann::json::array();
  return event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Whether the event is for that row at all, where nobody asked for it by name: of a phone's two rows one takes calls,
/// the other the rest.
bool is_for(const admin::PushQuestion& options, const Receiver& receiver, const Device& device) {
  if (!options.device.empty()) return options.device == device.device_id;
  dispatch::OfflineEvent event;
  event.kind = options.call ? dispatch::EventKind::Call : dispatch::EventKind::C2c;
  const dispatch::Rule rule = dispatch::decide_row(event, {}, receiver, device);
  return rule != dispatch::Rule::CallsOnly && rule != dispatch::Rule::RungByVoip;
}

/// Says it where the vendor may refuse what is signed here.
SkewWatch skew_told(const Config& config, const SendRemark& remark) {
  return
      [limit = config.skew_warn, &remark](const Certificate& certificate, std::string_view origin, milliseconds skew) {
        if (std::chrono::abs(skew) <= limit) return;
        const auto apart = std::chrono::round<seconds>(std::chrono::abs(skew)).count();
        remark(fmt::format("this machine's clock is {} s {} that of {} ({})", apart,
                           skew.count() > 0 ? "ahead of" : "behind", origin, name_of(certificate.vendor)));
      };
}

/// Who resolves and signs for the dispatcher, on one thread. Borrows `config`, `source` and `clock`.
struct SendParts {
  SendParts(const Config& config, resolve::Source& source, const std::optional<net::Proxy>& proxy, const Clock& clock,
            const SendRemark& remark)
      : names(loop, config.dns),
        grants(config.grants),
        lanes(lane_settings(config, {trust_stores, names, proxy})),
        fetcher(loop, lanes.http, config.grants.fetch_deadline, grants, clock, grant_lanes, grant_metrics, {},
                skew_told(config, remark)),
        resolver(config.resolve, source, grants, make_vendor_parts, clock, metrics),
        ports(
            resolver, fetcher, [this](std::function<void()> work) { boost::asio::post(loop, std::move(work)); },
            [this](std::uint64_t route) {
              if (running != nullptr) running->on_grant(route);
            },
            grant_metrics, config.resolve.routes_cached_max) {}

  boost::asio::io_context loop{1};
  net::TrustStores trust_stores;
  net::NameResolver names;
  resolve::GrantBook grants;
  net::CurlMetrics grant_lanes;
  GrantMetrics grant_metrics;
  LaneSettings lanes;
  GrantFetcher fetcher;
  resolve::ResolverMetrics metrics;
  resolve::Resolver resolver;
  dispatch::Dispatcher* running = nullptr;  // for grants that come
  ResolverPorts ports;
};

/// Runs one event for one device to its end; with dry_run until the request stands.
nlohmann::json run_one(const admin::PushQuestion& options, const Config& config, SendParts& parts,
                       std::shared_ptr<const Receiver> receiver, milliseconds timeout, const Clock& clock,
                       const SendRemark& remark) {
  boost::asio::io_context& loop = parts.loop;
  const std::string device_id = receiver->devices.empty() ? "" : receiver->devices.front().device_id;
  net::LaneMetrics lane_metrics;
  net::CurlMetrics curl_metrics;
  // A test does not wait for a host to come back: the first failure to reach it is the answer.
  std::optional<std::pair<std::uint64_t, std::string>> unreachable;  // route and why
  LaneSettings settings = parts.lanes;
  settings.watch = [&unreachable](const dispatch::Route& route, const net::LaneEvent& event) {
    if (event.what != net::LaneEvent::What::Reconnected && !unreachable)
      unreachable.emplace(route.id, fmt::format("cannot reach {}: {}", event.origin, event.detail));
  };
  settings.skew = skew_told(config, remark);
  LoopMetrics loop_metrics;
  const CoarseClock coarse_clock;
  LoopMonitor monitor(config.stall, coarse_clock, loop_metrics);
  LaneTransport lanes(loop, std::move(settings), lane_metrics, curl_metrics, clock, monitor, [] {});
  Redaction redaction;
  ShownCredentials credentials(parts.ports, options.dry_run, redaction);
  Recorder transport(redaction, options.dry_run ? nullptr : &lanes);
  Collector settler;
  OneDevice directory(std::move(receiver));
  dispatch::Metrics metrics;
  dispatch::Options limits = config.dispatch;
  limits.attempts_max = 1;  // a test wants the vendor's first word
  limits.push_deadline = timeout;
  dispatch::Dispatcher dispatcher(limits, directory, credentials, transport, settler, clock, metrics);
  parts.running = &dispatcher;

  const std::string event = event_for(options, clock.wall());
  const dispatch::Record record{dispatch::RecordId{1}, "send", event, ""};
  dispatcher.accept({&record, 1});
  const MonoTime end = clock.mono() + timeout + seconds(1);
  while (!settler.released && clock.mono() < end && !(options.dry_run && !transport.requests.empty())) {
    if (const auto wake = dispatcher.next_wakeup(); wake && *wake <= clock.mono()) dispatcher.wake();
    loop.restart();
    loop.run_for(milliseconds(5));
    if (unreachable) lanes.withdraw(unreachable->first, unreachable->second);
  }
  if (unreachable && !options.dry_run) remark(unreachable->second);
  parts.running = nullptr;
  if (!settler.why_dead.empty() && settler.outcome_json.is_null())
    settler.outcome_json = {{"outcome", "dead"}, {"reason", settler.why_dead}};
  nlohmann::json result = {{"vendor", nullptr}, {"certificate", nullptr}, {"request", nullptr}};
  if (!transport.requests.empty()) result = std::move(transport.requests.back());
  if (!options.dry_run) result.erase("text");
  result["device_id"] = device_id;
  result["outcome"] = options.dry_run && !result["request"].is_null() ? nlohmann::json() : settler.outcome_json;
  return result;
}

}  // namespace

Result<nlohmann::json> send_test_push(const Config& config, store::Store& store, const admin::PushQuestion& options,
                                      milliseconds timeout, const Clock& clock, const SendRemark& remark) {
  StoreSource source(store);
  return send_test_push(config, source, options, timeout, clock, remark);
}

Result<nlohmann::json> send_test_push(const Config& config, resolve::Source& source, const admin::PushQuestion& options,
                                      milliseconds timeout, const Clock& clock, const SendRemark& remark) {
  const auto proxy = open_proxy(config.proxy);
  if (!proxy) return std::unexpected(proxy.error());
  SendParts parts(config, source, *proxy, clock, remark);
  const ReceiverKey key{options.app, options.user};
  Result<std::vector<std::shared_ptr<const Receiver>>> found;
  parts.resolver.receivers({&key, 1},
                           [&found](auto answer) { found = std::move(answer); });  // at once: the source does not wait
  if (!found) return std::unexpected(found.error());
  const Receiver& receiver = *found->front();
  std::vector<std::shared_ptr<const Receiver>>
      targets;  // one a device; a user without any still gets the rule that says so
  for (const Device& device : receiver.devices)
    if (is_for(options, receiver, device))
      targets.push_back(std::make_shared<Receiver>(Receiver{receiver.settings, {device}, receiver.mutes}));
  if (!options.device.empty() && targets.empty())
    return fail(Errc::NotFound,
                fmt::format("user {} of app {} has no device {}", options.user, options.app.value, options.device));
  if (targets.empty()) targets.push_back(std::make_shared<Receiver>(Receiver{receiver.settings, {}, receiver.mutes}));

  nlohmann::json results = nlohmann::json::array();
  for (auto& target : targets) results.push_back(run_one(options, config, parts, target, timeout, clock, remark));
  return results;
}

Result<nlohmann::json> dry_run_event(const Config& config, store::Store& store, std::string_view event,
                                     milliseconds timeout, const Clock& clock) {
  const auto proxy = open_proxy(config.proxy);
  if (!proxy) return std::unexpected(proxy.error());
  StoreSource source(store);
  const SendRemark nothing_said = [](const std::string&) {};
  SendParts parts(config, source, *proxy, clock, nothing_said);
  Redaction redaction;
  ShownCredentials credentials(parts.ports, true, redaction);
  Recorder transport(redaction, nullptr);
  Onlooker directory(parts.ports);
  Decisions decided;
  dispatch::Metrics metrics;
  dispatch::Options limits = config.dispatch;
  // Nobody answers, so no request may wait for another's place: more places than an event has devices.
  constexpr std::size_t kPlaces = 1'000'000;
  limits.pushes_in_flight_max = limits.credential_in_flight_first = limits.credential_in_flight_max = kPlaces;
  dispatch::Dispatcher dispatcher(limits, directory, credentials, transport, decided, clock, metrics);
  parts.running = &dispatcher;
  const dispatch::Record record{dispatch::RecordId{1}, "dry-run", event, ""};
  dispatcher.accept({&record, 1});
  // All is decided in a few turns; then the requests that stand wait for answers that will not come.
  const MonoTime end = clock.mono() + timeout;
  std::size_t seen = 0;
  for (MonoTime quiet = clock.mono(); !decided.released && clock.mono() < end;) {
    if (const auto wake = dispatcher.next_wakeup(); wake && *wake <= clock.mono()) dispatcher.wake();
    parts.loop.restart();
    parts.loop.run_for(milliseconds(5));
    const std::size_t now = transport.requests.size() + decided.outcomes.size();
    if (now != seen) quiet = clock.mono();
    if (std::exchange(seen, now) == now && now > 0 && clock.mono() - quiet > milliseconds(300)) break;
  }
  parts.running = nullptr;
  return nlohmann::json{{"requests", std::move(transport.requests)},
                        {"outcomes", std::move(decided.outcomes)},
                        {"dead", decided.why_dead.empty() ? nlohmann::json() : nlohmann::json(decided.why_dead)}};
}

}  // namespace nightpost::app
