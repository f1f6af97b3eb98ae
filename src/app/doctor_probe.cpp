#include "app/doctor_probe.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "app/clock_skew.h"
#include "app/lane_transport.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "net/curl_metrics.h"
#include "net/origin.h"
#include "net/trust_store.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "store/sealer.h"

namespace nightpost::app {
namespace {

/// What of a store's file can be seen before it is opened as a store, which would bring it up to date.
void look_at_file(const Config& config, StoreFacts& facts) {
  std::error_code unknown;
  facts.is_there = std::filesystem::is_regular_file(facts.path, unknown);
  if (!facts.is_there) return;
  std::filesystem::path folder = std::filesystem::path(facts.path).parent_path();
  if (folder.empty()) folder = ".";
  facts.is_writable = ::access(facts.path.c_str(), W_OK) == 0 && ::access(folder.c_str(), W_OK) == 0;
  if (const auto space = std::filesystem::space(folder, unknown); !unknown) facts.free_bytes = space.available;
  facts.schema_ours = store::schema_version();
  if (auto connection = store::Connection::open(facts.path, config.store)) {
    const auto version = connection->number("PRAGMA user_version", "schema version");
    facts.schema = version ? *version : 0;
  }
}

/// Hears the answers of one round of requests.
class Round final : public net::LaneHandler {
 public:
  Round(boost::asio::io_context& loop, const Clock& clock) : loop_(loop), clock_(clock) {}

  struct Answer {
    std::optional<net::LaneReply> reply;  // nullopt: none until the end
    bool is_untrusted = false;
    std::string words;  // the connection's trouble
    WallTime sent{}, received{};
  };
  void ask(const net::CurlLaneOptions& settings, const std::string& origin, const std::string& ca_pem,
           HttpRequest request, MonoTime deadline) {
    const std::size_t tag = answers_.size();
    Answer& answer = answers_.emplace_back();
    net::CurlLaneOptions options = settings;
    options.origin = origin;
    options.ca_pem = ca_pem;
    options.watch = [this, tag](const net::LaneEvent& event) {
      if (event.what == net::LaneEvent::What::Reconnected) return;
      answers_[tag].is_untrusted |= event.what == net::LaneEvent::What::UntrustedPeer;
      answers_[tag].words = event.detail;
    };
    answer.sent = clock_.wall();
    net::CurlLane& lane = *lanes_.emplace_back(std::make_unique<net::CurlLane>(loop_, std::move(options), metrics_));
    lane.send(std::move(request), deadline, tag, *this);
    lane.flush();
    ++open_;
  }
  void wait(MonoTime deadline) {
    while (open_ > 0 && clock_.mono() < deadline) {
      loop_.restart();
      loop_.run_for(milliseconds(20));
    }
    lanes_.clear();  // nothing calls back any more
  }
  const Answer& answer(std::size_t tag) const { return answers_[tag]; }

 private:
  void on_lane_reply(std::uint64_t tag, net::LaneReply reply) override {
    Answer& answer = answers_[tag];
    answer.received = clock_.wall();
    answer.reply = std::move(reply);
    --open_;
  }

  boost::asio::io_context& loop_;
  const Clock& clock_;
  net::CurlMetrics metrics_;
  std::deque<Answer> answers_;  // stay where they are
  std::size_t open_ = 0;
  std::vector<std::unique_ptr<net::CurlLane>> lanes_;
};

HostFacts host_facts(const std::string& origin, const std::set<std::string>& vendors,
                     const std::optional<net::Proxy>& proxy, const Round::Answer& answer) {
  HostFacts facts{.origin = origin, .vendors = {}, .proxy = {}, .words = answer.words, .skew = {}};
  for (const std::string& vendor : vendors) facts.vendors += (facts.vendors.empty() ? "" : ", ") + vendor;
  if (const auto parsed = net::parse_origin(origin))
    if (const net::Proxy* const through = net::proxy_for(proxy, parsed->host)) facts.proxy = through->authority();
  if (!answer.reply) {
    facts.words = "no answer in time";
  } else if (answer.reply->response) {
    facts.reached = HostFacts::Reached::Answered;
    facts.skew = clock_skew(answer.sent, answer.received, *answer.reply->response);
  } else {
    if (facts.words.empty()) facts.words = answer.reply->response.error().detail;
    facts.reached = answer.is_untrusted        ? HostFacts::Reached::Untrusted
                    : answer.reply->maybe_sent ? HostFacts::Reached::Connected
                                               : HostFacts::Reached::Not;
  }
  return facts;
}

Result<void> grant_in(const Round::Answer& answer, const Authorizer& authorizer, WallTime now) {
  if (!answer.reply) return fail(Errc::Timeout, "no answer in time");
  if (!answer.reply->response) return std::unexpected(answer.reply->response.error());
  const auto grant = authorizer.finish(*answer.reply->response, now);
  if (!grant) return std::unexpected(grant.error());
  return {};
}

/// Opens the store and each active credential in it; what went wrong, in words, or nothing.
std::string look_at_credentials(const Config& config, bool with_secrets, StoreLook& look) {
  auto store = open_store(config, with_secrets);
  if (!store) return store.error().detail;
  const auto certificates = (*store)->certificates(std::nullopt);
  if (!certificates) return certificates.error().detail;
  auto holds = (*store)->removal_holds(std::nullopt);
  if (!holds) return holds.error().detail;
  look.holds = *std::move(holds);
  for (const Certificate& certificate : *certificates) {
    CredentialFacts& each = look.credentials.emplace_back();
    each.certificate = certificate;
    if (certificate.status == CertificateStatus::Disabled) continue;
    auto secret = (*store)->secret(certificate.id);
    if (!secret) {
      each.trouble = secret.error().detail;
      continue;
    }
    auto parts = make_vendor_parts(certificate, *secret);
    store::wipe(secret->bytes);
    store::wipe(secret->password);
    store::wipe(secret->receipt_key);
    if (parts)
      look.open.push_back({look.credentials.size() - 1, *std::move(parts)});
    else
      each.trouble = parts.error().detail;
  }
  return {};
}

}  // namespace

StoreLook look_at_store(const Config& config) {
  StoreLook look;
  std::string key_trouble;
  if (const auto key = store::Sealer::from_file_or_environment(config.master_key_file); !key)
    key_trouble = key.error().detail;
  if (config.store_url.kind == store::StoreUrl::Kind::Postgres) {
    DatabaseFacts facts{config.store_url.shown(), key_trouble, {}, {}};
    if (auto server = store::look_at_postgres(config.store_url.place, config.store))
      facts.server = *std::move(server);
    else
      facts.open_trouble = server.error().detail;
    if (facts.open_trouble.empty()) facts.open_trouble = look_at_credentials(config, key_trouble.empty(), look);
    look.opens = facts.open_trouble.empty();
    look.answers = facts.open_trouble.empty();
    look.findings = judge(facts);
    return look;
  }
  StoreFacts facts;
  facts.path = config.store_url.place;
  facts.key_trouble = key_trouble;
  look_at_file(config, facts);
  if (facts.is_there) facts.open_trouble = look_at_credentials(config, key_trouble.empty(), look);
  look.opens = facts.is_there && facts.open_trouble.empty();
  look.answers = facts.open_trouble.empty();
  look.findings = judge(facts);
  return look;
}
std::vector<HostFacts> look_at_hosts(const Config& config, const std::optional<net::Proxy>& proxy, StoreLook& look,
                                     bool online, MonoTime deadline, const Clock& clock) {
  boost::asio::io_context loop(1);
  net::TrustStores trust_stores;
  net::CurlLaneOptions settings = config.http;
  settings.trust_stores = &trust_stores;
  settings.proxy = proxy;
  Round round(loop, clock);

  // Hosts first, in the order of the map, then grants in the order of `asked_grants`.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> hosts;  // origin and authority → vendors
  std::vector<std::pair<const OpenCredential*, GrantRequest>> asked_grants;
  std::set<std::string> signers;
  for (const OpenCredential& open : look.open) {
    CredentialFacts& facts = look.credentials[open.index];
    const Certificate& certificate = facts.certificate;
    const std::string vendor(name_of(certificate.vendor));
    hosts[{open.parts.provider->origin(), certificate.ca_pem}].insert(vendor);
    auto step = open.parts.authorizer->begin(clock.wall());
    if (!step) {
      facts.trouble = step.error().detail;
      continue;
    }
    auto* const request = std::get_if<GrantRequest>(&*step);
    if (request == nullptr) continue;
    hosts[{request->origin, certificate.ca_pem}].insert(vendor);
    const std::string signer = open.parts.authorizer->signer();
    if (online && (signer.empty() || signers.insert(signer).second))
      asked_grants.emplace_back(&open, std::move(*request));
  }
  for (const auto& [host, vendors] : hosts)
    round.ask(settings, host.first, host.second, {.method = "GET", .path = "/", .headers = {}, .body = {}}, deadline);
  for (auto& [open, request] : asked_grants)
    round.ask(settings, request.origin, look.credentials[open->index].certificate.ca_pem, std::move(request.http),
              deadline);
  round.wait(deadline + milliseconds(100));

  std::vector<HostFacts> all;
  std::size_t tag = 0;
  for (const auto& [host, vendors] : hosts) all.push_back(host_facts(host.first, vendors, proxy, round.answer(tag++)));
  for (const auto& [open, request] : asked_grants)
    look.credentials[open->index].granted = grant_in(round.answer(tag++), *open->parts.authorizer, clock.wall());
  return all;
}

}  // namespace nightpost::app
