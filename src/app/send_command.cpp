// nightpost send: one test push through the very dispatcher the worker runs, without Kafka.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "app/commands.h"
#include "app/grant_fetcher.h"
#include "app/lane_transport.h"
#include "app/output.h"
#include "app/ports.h"
#include "app/redaction.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "core/uuid.h"
#include "dispatch/dispatcher.h"
#include "net/curl_metrics.h"
#include "net/lane_metrics.h"
#include "providers/form_field.h"
#include "providers/settings.h"
#include "resolve/resolver_metrics.h"

namespace nightpost::app {
namespace {

struct SendOptions {
  CommonOptions common;
  std::int64_t app = 0;
  std::string user, device, title, subtitle, desc, ext, sound, channel, category, level, image, from = "nightpost";
  std::string priority = "normal";  // as an event's that says nothing of it
  std::optional<std::int32_t> badge;
  std::int64_t ttl_s = 3600;
  bool badge_only = false, dry_run = false;
  std::int64_t timeout_ms = 15'000;
};

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
    text = redaction_.shown(request.body);
    recorded = {{"vendor", name_of(route->certificate.vendor)},
                {"certificate", route->certificate.id.value},
                {"request",
                 {{"method", request.method},
                  {"url", redaction_.shown(route->provider->origin() + request.path)},
                  {"headers", std::move(headers)},
                  {"body", body_of(text)}}}};
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
  nlohmann::json recorded;  // null: nothing was sent
  std::string text;         // its body, as it stands on the wire but for secrets

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

std::string event_for(const SendOptions& options, WallTime now) {
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
                          {"app_id", options.app},
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
  return event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Says it where the vendor may refuse what is signed here.
SkewWatch skew_told(const Config& config) {
  return [limit = config.skew_warn](const Certificate& certificate, std::string_view origin, milliseconds skew) {
    if (std::chrono::abs(skew) <= limit) return;
    const auto apart = std::chrono::round<seconds>(std::chrono::abs(skew)).count();
    say_error(fmt::format("this machine's clock is {} s {} that of {} ({})", apart,
                          skew.count() > 0 ? "ahead of" : "behind", origin, name_of(certificate.vendor)),
              kDone);
  };
}

/// The dispatcher at work, for grants that come.
using Running = dispatch::Dispatcher*;

/// Runs one event for one device to its end; with dry_run until the request stands.
nlohmann::json run_one(const SendOptions& options, const Config& config, const LaneSettings& lane_options,
                       boost::asio::io_context& loop, dispatch::Credentials& real_credentials, Running& running,
                       std::shared_ptr<const Receiver> receiver, const Clock& clock) {
  net::LaneMetrics lane_metrics;
  net::CurlMetrics curl_metrics;
  // A test does not wait for a host to come back: the first failure to reach it is the answer.
  std::optional<std::pair<std::uint64_t, std::string>> unreachable;  // route and why
  LaneSettings settings = lane_options;
  settings.watch = [&unreachable](const dispatch::Route& route, const net::LaneEvent& event) {
    if (event.what != net::LaneEvent::What::Reconnected && !unreachable)
      unreachable.emplace(route.id, fmt::format("cannot reach {}: {}", event.origin, event.detail));
  };
  settings.skew = skew_told(config);
  LoopMetrics loop_metrics;
  const CoarseClock coarse_clock;
  LoopMonitor monitor(config.stall, coarse_clock, loop_metrics);
  LaneTransport lanes(loop, std::move(settings), lane_metrics, curl_metrics, clock, monitor, [] {});
  Redaction redaction;
  ShownCredentials credentials(real_credentials, options.dry_run, redaction);
  Recorder transport(redaction, options.dry_run ? nullptr : &lanes);
  Collector settler;
  OneDevice directory(std::move(receiver));
  dispatch::Metrics metrics;
  dispatch::Options limits = config.dispatch;
  limits.attempts_max = 1;  // a test wants the vendor's first word
  limits.push_deadline = milliseconds(options.timeout_ms);
  dispatch::Dispatcher dispatcher(limits, directory, credentials, transport, settler, clock, metrics);
  running = &dispatcher;

  const std::string event = event_for(options, clock.wall());
  const dispatch::Record record{dispatch::RecordId{1}, "send", event, ""};
  dispatcher.accept({&record, 1});
  const MonoTime end = clock.mono() + milliseconds(options.timeout_ms) + seconds(1);
  while (!settler.released && clock.mono() < end && !(options.dry_run && !transport.recorded.is_null())) {
    if (const auto wake = dispatcher.next_wakeup(); wake && *wake <= clock.mono()) dispatcher.wake();
    loop.restart();
    loop.run_for(milliseconds(5));
    if (unreachable) lanes.withdraw(unreachable->first, unreachable->second);
  }
  if (unreachable && !options.dry_run) say_error(unreachable->second, kUnreachable);
  running = nullptr;
  if (!settler.why_dead.empty() && settler.outcome_json.is_null())
    settler.outcome_json = {{"outcome", "dead"}, {"reason", settler.why_dead}};
  nlohmann::json result = transport.recorded;
  if (options.dry_run && !options.common.json && !result.is_null()) result["text"] = transport.text;
  if (result.is_null()) result = {{"vendor", nullptr}, {"certificate", nullptr}, {"request", nullptr}};
  result["outcome"] = options.dry_run && !result["request"].is_null() ? nlohmann::json() : settler.outcome_json;
  return result;
}

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// As it would go out: `text` is the body, byte for byte but for secrets.
void print_request(const nlohmann::json& request, const std::string& text) {
  fmt::print("{} {}\n", text_at(request, "method"), text_at(request, "url"));
  for (const auto& [name, value] : request["headers"].items()) fmt::print("{}: {}\n", name, value.get<std::string>());
  fmt::print("\n{}\n\n", text);
}

int run_send(const SendOptions& options) {
  auto config = options.common.load();
  if (!config) return config.error();
  auto store = open_store(*config, true);
  if (!store) return say_error(store.error());
  StoreSource source(**store);
  const SystemClock clock;
  boost::asio::io_context loop(1);
  resolve::GrantBook grants(config->grants);
  net::CurlMetrics grant_lanes;
  GrantMetrics grant_metrics;
  net::TrustStores trust_stores;
  net::NameResolver names(loop, config->dns);
  const auto proxy = open_proxy(config->proxy);
  if (!proxy) return say_error(proxy.error());
  const LaneSettings lanes = lane_settings(*config, {trust_stores, names, *proxy});
  GrantFetcher fetcher(loop, lanes.http, config->grants.fetch_deadline, grants, clock, grant_lanes, grant_metrics, {},
                       skew_told(*config));
  resolve::ResolverMetrics metrics;
  resolve::Resolver resolver(config->resolve, source, grants, make_vendor_parts, clock, metrics);
  Running running = nullptr;
  ResolverPorts credentials(
      resolver, fetcher, [&loop](std::function<void()> work) { boost::asio::post(loop, std::move(work)); },
      [&running](std::uint64_t route) {
        if (running != nullptr) running->on_grant(route);
      },
      grant_metrics, config->resolve.routes_cached_max);

  const ReceiverKey key{AppId{options.app}, options.user};
  Result<std::vector<std::shared_ptr<const Receiver>>> found;
  resolver.receivers({&key, 1},
                     [&found](auto answer) { found = std::move(answer); });  // at once: the source is a store
  if (!found) return say_error(found.error());
  const Receiver& receiver = *found->front();
  std::vector<std::shared_ptr<const Receiver>>
      targets;  // one a device; a user without any still gets the rule that says so
  for (const Device& device : receiver.devices)
    if (options.device.empty() || device.device_id == options.device)
      targets.push_back(std::make_shared<Receiver>(Receiver{receiver.settings, {device}, receiver.mutes}));
  if (!options.device.empty() && targets.empty())
    return say_error(fmt::format("user {} of app {} has no device {}", options.user, options.app, options.device),
                     kNotAllWell);
  if (targets.empty()) targets.push_back(std::make_shared<Receiver>(Receiver{receiver.settings, {}, receiver.mutes}));

  nlohmann::json results = nlohmann::json::array();
  for (auto& target : targets)
    results.push_back(run_one(options, *config, lanes, loop, credentials, running, target, clock));

  int exit_code = kDone;
  for (const nlohmann::json& result : results) {
    const nlohmann::json& outcome = result["outcome"];
    if (options.dry_run && !result["request"].is_null()) continue;
    if (text_at(outcome, "outcome") == "accepted") continue;
    // The code is the vendor's word where there is one, else the name of what kept us from hearing it.
    const std::string code = text_at(outcome, "code");
    const bool unheard = code == name_of(Errc::Timeout) || code == name_of(Errc::ConnectionLost);
    exit_code = std::max<int>(exit_code, unheard ? kUnreachable : kNotAllWell);
  }
  if (options.common.json) {
    print_json(results);
    return exit_code;
  }
  Table table({"DEVICE", "VENDOR", "CERTIFICATE", "OUTCOME", "CODE", "VENDOR ID", "WHAT IT MEANS"});
  for (const nlohmann::json& result : results) {
    const nlohmann::json& outcome = result["outcome"];
    if (options.dry_run && !result["request"].is_null()) {
      print_request(result["request"], text_at(result, "text"));
      continue;
    }
    table.row({text_at(outcome, "device_id"), text_at(outcome, "vendor"), text_at(outcome, "certificate_id"),
               text_at(outcome, "outcome"),
               text_at(outcome, "code").empty() ? text_at(outcome, "rule") : text_at(outcome, "code"),
               text_at(outcome, "vendor_id"), text_at(outcome, "reason")});
  }
  fmt::print("{}", table.text(options.dry_run ? "dry run: nothing was sent" : "nothing to send"));
  return exit_code;
}

}  // namespace

void add_send_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<SendOptions>();
  CLI::App* send = root.add_subcommand("send", "Send a test push to a user's devices, or show the exact request");
  options->common.add_config(*send);
  options->common.add_json(*send);
  send->add_option("--app", options->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  send->add_option("--user", options->user, "user id")->required();
  send->add_option("--device", options->device, "only this device");
  send->add_option("--title", options->title, "absent: the tenant's default title");
  CLI::Option* const desc = send->add_option("--desc", options->desc, "the text");
  send->add_option("--ext", options->ext,
                   "what the app finds under \"ext\": in userInfo, the intent's extras or the data");
  send->add_option("--sound", options->sound,
                   "file name in the app, default, or none for silent; apns only: on Android the channel decides");
  send->add_option("--subtitle", options->subtitle, "a second title line, on Apple's phones and OPPO's");
  send->add_option("--priority", options->priority,
                   "high, normal, low, lowest: of the message, as in an event; low ones do not wake the phone")
      ->capture_default_str()
      ->check(CLI::IsMember({"high", "normal", "low", "lowest"}));
  CLI::Option* const badge =
      send->add_option("--badge", options->badge, "the number on the icon; absent: what the app showed last plus one")
          ->check(CLI::Range(0, std::numeric_limits<std::int32_t>::max()));
  CLI::Option* const badge_only =
      send->add_flag("--badge-only", options->badge_only, "set that number and show nothing; --desc is not needed");
  badge_only->needs(badge);
  send->add_option("--channel", options->channel, "android: the notification channel, instead of the certificate's");
  send->add_option("--category", options->category, "apns: the app's set of buttons");
  send->add_option("--interruption-level", options->level, "apns: passive, active, time-sensitive or critical");
  send->add_option("--image", options->image, "https URL of a picture");
  send->add_option("--ttl-s", options->ttl_s, "seconds the vendor keeps it for a phone that is off line")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{2'419'200}));
  send->add_option("--from", options->from, "sender's user id, for mutes")->capture_default_str();
  send->add_flag("--dry-run", options->dry_run, "print the exact HTTP request, secrets redacted, and send nothing");
  send->add_option("--timeout-ms", options->timeout_ms, "for the vendor's answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  send->footer(
      "Example:\n  nightpost send --config config/dev.json --app 1400000001 --user vinson --title Denny \\\n"
      "    --desc 'are you coming tonight?' --ext '{\"conv\":\"c2c_denny\"}' --sound default --dry-run");
  send->callback([options, desc, &exit_code] {
    if (!options->badge_only && desc->count() == 0) throw CLI::RequiredError("--desc");
    exit_code = run_send(*options);
  });
}

}  // namespace nightpost::app
