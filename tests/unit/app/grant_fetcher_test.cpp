// A token endpoint over TLS, the book's orders, and two shards' loops that wait.
#include "app/grant_fetcher.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <functional>

#include "app/ports.h"
#include "sandbox/throwaway_ca.h"
#include "server/fault_injection.h"
#include "server/http_server.h"

namespace nightpost::app {
namespace {

using std::chrono::minutes;

class TokenAuthorizer final : public Authorizer {
 public:
  explicit TokenAuthorizer(std::string origin) : origin_(std::move(origin)) {}
  Result<GrantStep> begin(WallTime) const override {
    return GrantRequest{.origin = origin_, .http = {.path = "/token", .headers = {}, .body = "secret"}};
  }
  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    if (reply.status == 401) return fail(Errc::Unauthorized, "no such client");
    if (reply.status != 200) return fail(Errc::Io, "busy");
    return Grant{reply.body, now, now + minutes(50), now + minutes(60)};
  }
  milliseconds age_min() const noexcept override { return minutes(1); }
  std::string signer() const override { return "token:one"; }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }

 private:
  std::string origin_;
};

struct OneCertificate final : resolve::Source {
  explicit OneCertificate(Certificate c) : certificate_(std::move(c)) {}
  void receivers(std::span<const ReceiverKey> keys, Found found) override { found(std::vector<Receiver>(keys.size())); }
  Result<bool> app_known(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(false); }
  Result<Certificate> certificate(CertificateId) override { return certificate_; }
  Result<CertificateSecret> secret(CertificateId) override { return CertificateSecret{}; }
  Result<Changes> changes() override { return Changes{}; }
  Certificate certificate_;
};

struct GrantWorld {
  GrantWorld() {
    auto made = sandbox::make_identity(clock.wall());
    REQUIRE(made);
    certificate.ca_pem = made->ca_pem;
    auto started = server::TlsServer::start(
        loop, {}, {.certificate_pem = made->certificate_pem, .private_key_pem = made->private_key_pem},
        server::with_faults([this](const server::ServerRequest& request) {
          CHECK(request.target == "/token");
          CHECK(request.body == "secret");
          ++asked;
          if (hangs) return server::FaultAction{};
          return server::FaultAction{.respond = server::ServerResponse{.status = status,
                                                                       .headers = headers,
                                                                       .body = "grant " + std::to_string(asked)}};
        }));
    REQUIRE(started);
    server = *std::move(started);
    authorizer = std::make_shared<TokenAuthorizer>("https://localhost:" + std::to_string(server->port()));
  }
  template <class What>
  bool until(What&& what) {
    const auto give_up = std::chrono::steady_clock::now() + seconds(5);
    while (!what() && std::chrono::steady_clock::now() < give_up) loop.run_one_for(milliseconds(20));
    return what();
  }

  SystemClock clock;
  boost::asio::io_context loop;
  Certificate certificate{.id = {1}, .app = {7}};
  resolve::GrantBook book;
  std::shared_ptr<TokenAuthorizer> authorizer;
  std::unique_ptr<server::TlsServer> server;
  int asked = 0, status = 200;
  bool hangs = false;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// What a shard has of it.
struct Side {
  explicit Side(GrantWorld& w, milliseconds deadline = seconds(5))
      : world(w),
        source(w.certificate),
        fetcher(w.loop, {}, deadline, w.book, w.clock, curl, metrics, {},
                [this](const Certificate&, std::string_view, milliseconds skew) { skews.push_back(skew); }),
        resolver(
            {}, source, w.book,
            [&w](const Certificate&, const CertificateSecret&) -> Result<resolve::VendorParts> {
              return resolve::VendorParts{nullptr, w.authorizer};
            },
            w.clock, resolver_metrics),
        ports(
            resolver, fetcher, [&w](std::function<void()> work) { boost::asio::post(w.loop, std::move(work)); },
            [this](std::uint64_t id) { told.push_back(id); }, metrics, 100),
        route(ports.route({7}, {1}).value()) {}
  auto grant() { return ports.grant(*route, world.clock.wall()); }
  auto refresh(const Grant& refused) { return ports.refresh(*route, refused, world.clock.wall()); }

  GrantWorld& world;
  OneCertificate source;
  net::CurlMetrics curl;
  GrantMetrics metrics;
  resolve::ResolverMetrics resolver_metrics;
  std::vector<milliseconds> skews;
  GrantFetcher fetcher;
  resolve::Resolver resolver;
  std::vector<std::uint64_t> told;
  ResolverPorts ports;
  std::shared_ptr<const dispatch::Route> route;
};

}  // namespace

TEST_CASE("grants: one shard asks the endpoint, both are told", "[app][grants]") {
  GrantWorld w;
  Side a(w), b(w);
  CHECK(a.grant().value() == nullptr);
  CHECK(b.grant().value() == nullptr);
  CHECK(a.metrics.waiting.read() == 1);
  REQUIRE(w.until([&] { return !a.told.empty() && !b.told.empty(); }));
  CHECK(a.told == std::vector{a.route->id});
  CHECK(b.told == std::vector{b.route->id});
  const auto grant = a.grant().value();
  CHECK(grant->authorization == "grant 1");
  CHECK(b.grant().value() == grant);
  CHECK(w.asked == 1);
  CHECK(a.metrics.fetches.read() + b.metrics.fetches.read() == 1);
  CHECK(a.metrics.waiting.read() == 0);

  // Refused by the vendor on both: one more, and neither shard's own copy of the old one serves meanwhile.
  CHECK(b.refresh(*grant).value() == nullptr);
  CHECK(a.grant().value() == nullptr);
  CHECK(a.refresh(*grant).value() == nullptr);
  REQUIRE(w.until([&] { return a.told.size() == 2 && b.told.size() == 2; }));
  CHECK(a.grant().value()->authorization == "grant 2");
  CHECK(b.refresh(*grant).value()->authorization == "grant 2");
  CHECK(w.asked == 2);
}

TEST_CASE("grants: the endpoint's clock is looked at", "[app][grants][skew]") {
  GrantWorld w;
  Side a(w);
  w.headers = {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  CHECK(a.grant().value() == nullptr);
  REQUIRE(w.until([&] { return !a.told.empty(); }));
  REQUIRE(a.skews.size() == 1);
  CHECK(a.skews.front() > std::chrono::years(30));
}

TEST_CASE("grants: what is said when there is none to be had", "[app][grants]") {
  struct Row {
    const char* name;
    int status;
    bool hangs, gone;
    Errc code;
  };
  const Row row = GENERATE(values<Row>({
      {"the credential is refused", 401, false, false, Errc::Unauthorized},
      {"the endpoint is busy", 503, false, false, Errc::Io},
      {"it hangs", 200, true, false, Errc::Timeout},
      {"nobody is there", 200, false, true, Errc::ConnectionLost},
  }));
  CAPTURE(row.name);
  GrantWorld w;
  w.status = row.status;
  w.hangs = row.hangs;
  if (row.gone) w.server.reset();
  Side a(w, milliseconds(300));
  CHECK(a.grant().value() == nullptr);
  REQUIRE(w.until([&] { return !a.told.empty(); }));
  CHECK(a.grant().error().code == row.code);
  CHECK(a.grant().error().code == row.code);
  CHECK(w.asked == (row.gone ? 0 : 1));
  CHECK(a.metrics.failures[std::size_t(row.code)].read() == 1);
}

}  // namespace nightpost::app
