#include "resolve/resolver.h"

#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <stdexcept>

#include "unit/resolve/fakes.h"

namespace nightpost::resolve {
namespace {

/// A resolver and the world around it.
struct Bed {
  explicit Bed(ResolverOptions options = {}) : resolver(options, source, grants, factory(), clock, metrics) {}

  VendorFactory factory() {
    return [this](const Certificate& certificate, const CertificateSecret& secret) -> Result<VendorParts> {
      ++made;
      if (secret.bytes == "throws") throw std::runtime_error("near " + secret.bytes);
      if (secret.bytes != "good") return fail(Errc::Unauthorized, "the vendor's room cannot read this key");
      return VendorParts{nullptr, std::make_shared<FakeAuthorizer>(certificate.name)};
    };
  }
  /// Of a source that answers at once.
  Result<std::vector<std::shared_ptr<const Receiver>>> receivers(std::span<const ReceiverKey> keys) {
    std::optional<Result<std::vector<std::shared_ptr<const Receiver>>>> told;
    resolver.receivers(keys, [&](auto found) { told = std::move(found); });
    REQUIRE(told);
    return *std::move(told);
  }
  std::vector<std::size_t> devices(const std::vector<std::string>& users) {
    std::vector<ReceiverKey> keys;
    for (const std::string& user : users) keys.push_back({kApp, user});
    const auto found = receivers(keys);
    REQUIRE(found);
    std::vector<std::size_t> out;
    for (const auto& receiver : *found) out.push_back(receiver->devices.size());
    return out;
  }
  /// How many users the last batch asked the store for; 0: it did not ask.
  std::size_t asked(const std::vector<std::string>& users) {
    source.asked.clear();
    devices(users);
    REQUIRE(source.asked.size() <= 1);
    return source.asked.empty() ? 0 : source.asked[0].size();
  }
  void add_certificate(std::int64_t id, std::int64_t version = 1, AppId app = kApp) {
    source.put(Certificate{.id = {id}, .app = app, .name = "signer-" + std::to_string(id), .version = version});
  }
  Result<bool> remove(const std::string& user) {
    Result<bool> told = fail(Errc::Timeout, "not told");
    resolver.remove_token(kApp, user, {}, [&](Result<bool> removed) { told = std::move(removed); });
    return told;
  }
  /// As at the start of any batch: the resolver looks whether the store has changed.
  void look() { devices({}); }

  FakeClock clock;
  FakeSource source;
  GrantBook grants;
  ResolverMetrics metrics;
  int made = 0;
  Resolver resolver;
};

using Counts = std::vector<std::size_t>;

TEST_CASE("resolver: a batch is answered in order and asks once for what it lacks", "[resolve]") {
  Bed bed;
  bed.source.put("a", 1);
  bed.source.put("b", 2);
  CHECK(bed.devices({"b", "nobody", "a"}) == Counts{2, 0, 1});
  REQUIRE(bed.source.asked.size() == 1);
  CHECK(bed.source.asked[0].size() == 3);
  CHECK(bed.devices({"a", "b", "nobody", "a"}) == Counts{1, 2, 0, 1});
  CHECK(bed.source.asked.size() == 1);  // unknown users are remembered too
  CHECK(bed.asked({"a", "c"}) == 1);
  CHECK(bed.devices({}).empty());
  CHECK(bed.metrics.receiver_hits.read() == 5);
  CHECK(bed.metrics.receiver_misses.read() == 4);
}

TEST_CASE("resolver: users of two apps are two", "[resolve]") {
  Bed bed;
  bed.source.put("a", 1);
  const std::vector<ReceiverKey> keys = {{kApp, "a"}, {AppId{7}, "a"}};
  for (int i = 0; i < 2; ++i) {
    const auto found = bed.receivers(keys);
    REQUIRE(found);
    CHECK((*found)[0]->devices.size() == 1);
    CHECK((*found)[1]->devices.empty());
  }
}

TEST_CASE("resolver: what another process wrote is seen with the next batch", "[resolve]") {
  Bed bed;
  bed.source.put("a", 1);
  CHECK(bed.devices({"a"}) == Counts{1});
  bed.source.put("a", 3);
  CHECK(bed.devices({"a"}) == Counts{3});
  bed.source.put("b", 1);
  CHECK(bed.asked({"a", "b"}) == 1);
  CHECK(bed.asked({"a", "b"}) == 0);
  CHECK(bed.metrics.changes.read() == 3);
  CHECK(bed.metrics.invalidations.read() == 0);
}

TEST_CASE("resolver: a change costs what it names", "[resolve]") {
  const AppId other{7};
  const ReceiverKey others = {other, "a"};
  struct Row {
    const char* name;
    Changes changed;
    std::size_t asked;  // of a, b and c of the app
    bool others_asked = false;
    std::uint64_t invalidations = 0;
  };
  const Row row = GENERATE_REF(values<Row>({
      {"nothing", {}, 0},
      {"a user", {.receivers = {{kApp, "b"}}}, 1},
      {"a user, twice", {.receivers = {{kApp, "b"}, {kApp, "b"}}}, 1},
      {"two users", {.receivers = {{kApp, "b"}, {kApp, "c"}}}, 2},
      {"nobody known here", {.receivers = {{kApp, "x"}}}, 0},
      {"another app's user of that name", {.receivers = {others}}, 0, true},
      {"a certificate", {.certificates = true}, 0},
      {"an app", {.apps = {kApp}}, 3},
      {"another app", {.apps = {other}}, 0, true},
      {"an app without users", {.apps = {AppId{8}}}, 0},
      {"both apps and a user", {.apps = {kApp, other}, .receivers = {{kApp, "b"}}}, 3, true},
      {"everything", {.everything = true}, 3, true, 1},
  }));
  CAPTURE(row.name);
  Bed bed;
  bed.devices({"a", "b", "c"});
  REQUIRE(bed.receivers({&others, 1}));
  bed.source.changed = row.changed;
  CHECK(bed.asked({"a", "b", "c"}) == row.asked);
  bed.source.asked.clear();
  REQUIRE(bed.receivers({&others, 1}));
  CHECK(bed.source.asked.size() == (row.others_asked ? 1 : 0));
  CHECK(bed.metrics.invalidations.read() == row.invalidations);
  CHECK(bed.metrics.receivers_cached.read() == 4);
}

TEST_CASE("resolver: only a change of certificates has them compared", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  bed.look();
  REQUIRE(bed.resolver.certificate(kApp, {1}));
  const int asked = bed.source.certificates_asked;
  for (int i = 0; i < 5; ++i) {
    bed.source.put("a", 1);
    bed.look();
    REQUIRE(bed.resolver.certificate(kApp, {1}));
  }
  CHECK(bed.source.certificates_asked == asked);
  bed.source.changed.everything = true;
  bed.look();
  REQUIRE(bed.resolver.certificate(kApp, {1}));
  CHECK(bed.source.certificates_asked == asked + 1);
}

TEST_CASE("resolver: what has changed is asked once a batch, however large", "[resolve]") {
  Bed bed;
  bed.devices({"a", "b", "c", "d"});
  CHECK(bed.source.changes_asked == 1);
}

TEST_CASE("resolver: a removed token's user is asked for anew", "[resolve]") {
  Bed bed;
  bed.source.put("a", 1);
  bed.source.put("b", 1);
  bed.devices({"a", "b"});
  CHECK(bed.remove("a") == true);
  CHECK(bed.asked({"a", "b"}) == 1);
  CHECK(bed.devices({"a", "b"}) == Counts{0, 1});
  CHECK(bed.remove("a") == false);
  CHECK(bed.remove("never seen") == false);
}

TEST_CASE("resolver: who holds a receiver keeps it, whatever becomes of the cache", "[resolve]") {
  Bed bed({.receivers_cached_max = 1});
  bed.source.put("a", 2);
  const ReceiverKey key{kApp, "a"};
  const auto held = bed.receivers({&key, 1}).value()[0];
  bed.source.put("a", 0);
  bed.devices({"b", "c", "a"});
  CHECK(held->devices.size() == 2);
}

TEST_CASE("resolver: the store's errors", "[resolve]") {
  Bed bed;
  bed.source.put("a", 1);
  bed.devices({"a"});
  bed.source.broken = Error{Errc::Io, "disk"};
  const std::vector<ReceiverKey> known = {{kApp, "a"}}, mixed = {{kApp, "a"}, {kApp, "b"}};
  CHECK(bed.receivers(known));  // what is cached still serves
  const auto half = bed.receivers(mixed);
  REQUIRE(half);
  CHECK(half->at(0)->devices.size() == 1);
  CHECK(half->at(1) == nullptr);
  CHECK(bed.receivers({mixed.begin() + 1, mixed.end()}).error().code == Errc::Io);
  CHECK(bed.resolver.app_known(kApp).error().code == Errc::Io);
  CHECK(bed.remove("a").error().code == Errc::Io);
  CHECK(bed.resolver.certificate(kApp, {1}).error().code == Errc::Io);
  CHECK(bed.metrics.store_errors.read() > 0);
  bed.source.broken.reset();
  CHECK(bed.devices({"a", "b"}) == Counts{1, 0});
  CHECK(bed.resolver.app_known(kApp) == true);
  bed.source.forgetful = true;
  const std::vector<ReceiverKey> fresh = {{kApp, "x"}, {kApp, "y"}};
  CHECK(bed.receivers(fresh).error().code == Errc::Io);
}

TEST_CASE("resolver: the least recently used receiver goes first, and the bound holds", "[resolve]") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::size_t max = GENERATE(0, 1, 2, 7, 50);
  Bed bed({.receivers_cached_max = max});
  std::deque<std::string> order;  // the model: most recently used in front
  for (int i = 0; i < 3000; ++i) {
    const std::string user = std::to_string(random() % 60);
    const auto place = std::ranges::find(order, user);
    const bool hit = place != order.end();
    REQUIRE(bed.asked({user}) == (hit ? 0 : 1));
    if (hit) order.erase(place);
    order.push_front(user);
    if (order.size() > max) order.pop_back();
    REQUIRE(bed.metrics.receivers_cached.read() == order.size());
    if (random() % 20 == 0 && !order.empty()) {
      const std::string gone = order[random() % order.size()];
      (void)bed.remove(gone);
      std::erase(order, gone);
    }
    if (random() % 20 == 0) {
      const std::string changed = std::to_string(random() % 60);
      bed.source.put(changed, 1);
      std::erase(order, changed);
    }
    if (random() % 500 == 0) {
      bed.source.changed.everything = true;
      order.clear();
    }
  }
  if (max < 50) CHECK(bed.metrics.receiver_evictions.read() > 0);
}

TEST_CASE("resolver: a batch larger than the cache is answered whole", "[resolve]") {
  Bed bed({.receivers_cached_max = 3});
  std::vector<std::string> users;
  for (int i = 0; i < 50; ++i) {
    users.push_back(std::to_string(i));
    bed.source.put(users.back(), static_cast<std::size_t>(i));
  }
  const Counts found = bed.devices(users);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == i);
  CHECK(bed.metrics.receivers_cached.read() == 3);
}

TEST_CASE("resolver: apps are remembered until the store changes, a limited number", "[resolve]") {
  Bed bed({.routes_cached_max = 10});
  bed.look();
  for (int i = 0; i < 3; ++i) {
    CHECK(bed.resolver.app_known(kApp) == true);
    CHECK(bed.resolver.app_known(AppId{7}) == false);
  }
  CHECK(bed.source.apps_asked == 2);
  bed.source.put("a", 1);
  bed.look();
  CHECK(bed.resolver.app_known(AppId{7}) == false);
  CHECK(bed.source.apps_asked == 3);
  for (int i = 0; i < 1000; ++i) (void)bed.resolver.app_known(AppId{100 + i});  // bounded: asan and the next line
  CHECK(bed.resolver.app_known(kApp) == true);
}

TEST_CASE("resolver: a certificate is made ready once", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  bed.add_certificate(2);
  const auto one = bed.resolver.certificate(kApp, {1});
  REQUIRE(one);
  CHECK((*one)->certificate.id.value == 1);
  CHECK(bed.resolver.certificate(kApp, {1}).value() == *one);
  const auto two = bed.resolver.certificate(kApp, {2});
  REQUIRE(two);
  CHECK((*two)->id != (*one)->id);
  CHECK(bed.made == 2);
  bed.source.put("a", 1);  // the store changed, this certificate did not
  bed.look();
  CHECK(bed.resolver.certificate(kApp, {1}).value() == *one);
  CHECK(bed.made == 2);
  CHECK(bed.source.secrets_asked == 2);
}

TEST_CASE("resolver: ids of ready certificates are unique in the process", "[resolve][routes]") {
  Bed one, two;
  one.add_certificate(1);
  two.add_certificate(1);
  CHECK(one.resolver.certificate(kApp, {1}).value()->id != two.resolver.certificate(kApp, {1}).value()->id);
}

TEST_CASE("resolver: an edited certificate is a new one", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  const auto before = bed.resolver.certificate(kApp, {1}).value();
  bed.add_certificate(1, 2);
  bed.look();
  const auto after = bed.resolver.certificate(kApp, {1}).value();
  CHECK(after->id != before->id);
  CHECK(after->certificate.version == 2);
  CHECK(before->certificate.version == 1);  // who still sends with it keeps it
}

TEST_CASE("resolver: a bad edit does not replace a good certificate, a good one then does", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  const auto good = bed.resolver.certificate(kApp, {1}).value();
  const bool unsealed = GENERATE(false, true);
  if (unsealed)
    bed.source.secret_bytes = "bad";
  else
    bed.source.sealed = Error{Errc::Unauthorized, "another master key"};
  bed.add_certificate(1, 2);
  bed.look();
  for (int i = 0; i < 5; ++i) CHECK(bed.resolver.certificate(kApp, {1}).value() == good);
  CHECK(bed.source.secrets_asked == 2);  // tried once, then left alone
  bed.clock.now += seconds(5);
  CHECK(bed.resolver.certificate(kApp, {1}).value() == good);
  CHECK(bed.source.secrets_asked == 3);
  CHECK(bed.metrics.routes_refused.read() == 2);

  bed.source.secret_bytes = "good";
  bed.source.sealed.reset();
  bed.add_certificate(1, 3);
  bed.look();
  CHECK(bed.resolver.certificate(kApp, {1}).value()->certificate.version == 3);
}

TEST_CASE("resolver: a store that fails for a moment takes no certificate away", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  const auto good = bed.resolver.certificate(kApp, {1}).value();
  bed.add_certificate(1, 2);
  bed.look();
  bed.source.broken = Error{Errc::Overloaded, "busy"};
  CHECK(bed.resolver.certificate(kApp, {1}).value() == good);
  bed.source.broken.reset();
  bed.clock.now += seconds(5);
  CHECK(bed.resolver.certificate(kApp, {1}).value()->certificate.version == 2);
}

TEST_CASE("resolver: what cannot be used says why, and is not tried at every push", "[resolve][routes]") {
  struct Row {
    const char* name;
    void (*spoil)(Bed&);
    AppId app;
    Errc code;
    const char* words;
  };
  const Row row = GENERATE(values<Row>({
      {"not there", [](Bed& b) { b.source.certificates.clear(); }, kApp, Errc::NotFound, "no such"},
      {"another app's", [](Bed&) {}, AppId{7}, Errc::NotFound, "another app"},
      {"sealed by another key", [](Bed& b) { b.source.sealed = Error{Errc::Unauthorized, "another master key"}; }, kApp,
       Errc::Malformed, "another master key"},
      {"refused by the vendor's room", [](Bed& b) { b.source.secret_bytes = "bad"; }, kApp, Errc::Malformed,
       "cannot read this key"},
      {"secret unreadable for a moment", [](Bed& b) { b.source.sealed = Error{Errc::Overloaded, "busy"}; }, kApp,
       Errc::Overloaded, "busy"},
      {"store broken", [](Bed& b) { b.source.broken = Error{Errc::Io, "disk"}; }, kApp, Errc::Io, "disk"},
  }));
  CAPTURE(row.name);
  Bed bed;
  bed.add_certificate(1);
  row.spoil(bed);
  for (int i = 0; i < 10; ++i) {
    const auto found = bed.resolver.certificate(row.app, {1});
    REQUIRE_FALSE(found);
    CHECK(found.error().code == row.code);
    CHECK(found.error().detail.contains(row.words));
  }
  CHECK(bed.source.certificates_asked == 1);
  CHECK(bed.source.secrets_asked <= 1);

  bed.source.broken.reset();
  bed.source.sealed.reset();
  bed.source.secret_bytes = "good";
  if (GENERATE(false, true)) {
    bed.clock.now += seconds(5);  // time alone mends it
    if (!bed.source.certificates.contains(1)) bed.add_certificate(1);
  } else {
    bed.add_certificate(1, 2);  // so does an edit, at once
    bed.look();
  }
  CHECK(bed.resolver.certificate(kApp, {1}));
}

TEST_CASE("resolver: a certificate that was removed is gone, good as it was", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  REQUIRE(bed.resolver.certificate(kApp, {1}));
  bed.source.certificates.clear();
  bed.source.changed.certificates = true;
  bed.look();
  CHECK(bed.resolver.certificate(kApp, {1}).error().code == Errc::NotFound);
}

TEST_CASE("resolver: certificate ids that nobody has cannot fill the memory", "[resolve][routes]") {
  Bed bed({.routes_cached_max = 10});
  bed.add_certificate(1);
  for (int i = 0; i < 1000; ++i) CHECK(bed.resolver.certificate(kApp, {1000 + i}).error().code == Errc::NotFound);
  CHECK(bed.resolver.certificate(kApp, {1}));
}

TEST_CASE("resolver: unknown certificate ids take no route away", "[resolve][routes]") {
  Bed bed;  // 10,000 of each
  for (std::int64_t id = 1; id <= 3; ++id) bed.add_certificate(id);
  bed.look();
  std::vector<std::uint64_t> before;
  for (std::int64_t id = 1; id <= 3; ++id) before.push_back(bed.resolver.certificate(kApp, {id}).value()->id);
  for (int i = 0; i < 25'000; ++i) REQUIRE(bed.resolver.certificate(kApp, {1000 + i}).error().code == Errc::NotFound);
  const int asked = bed.source.certificates_asked;
  for (std::int64_t id = 1; id <= 3; ++id)
    CHECK(bed.resolver.certificate(kApp, {id}).value()->id == before[std::size_t(id - 1)]);
  CHECK(bed.source.certificates_asked == asked);
}

TEST_CASE("resolver: of more certificates than are kept the least recently used goes", "[resolve][routes]") {
  Bed bed({.routes_cached_max = 3});
  for (std::int64_t id = 1; id <= 4; ++id) bed.add_certificate(id);
  bed.look();
  const auto id_of = [&](std::int64_t id) { return bed.resolver.certificate(kApp, {id}).value()->id; };
  const auto one = id_of(1), two = id_of(2), three = id_of(3);
  CHECK(id_of(1) == one);
  id_of(4);
  CHECK(id_of(1) == one);
  CHECK(id_of(3) == three);
  CHECK(id_of(2) != two);
}

TEST_CASE("resolver: unknown ids are remembered for a while, a limited number", "[resolve][routes]") {
  Bed bed({.routes_cached_max = 10, .bad_route_retry = seconds(5)});
  for (int i = 0; i < 10; ++i) (void)bed.resolver.certificate(kApp, {1000 + i});
  for (int i = 0; i < 10; ++i) (void)bed.resolver.certificate(kApp, {1000 + i});
  CHECK(bed.source.certificates_asked == 10);
  (void)bed.resolver.certificate(kApp, {2000});  // the oldest goes for it
  (void)bed.resolver.certificate(kApp, {1009});
  CHECK(bed.source.certificates_asked == 11);
  (void)bed.resolver.certificate(kApp, {1000});
  CHECK(bed.source.certificates_asked == 12);
  bed.clock.now += seconds(5);
  (void)bed.resolver.certificate(kApp, {1009});
  CHECK(bed.source.certificates_asked == 13);
}

TEST_CASE("resolver: unknown apps take no known one away", "[resolve]") {
  Bed bed({.routes_cached_max = 10});
  CHECK(bed.resolver.app_known(kApp) == true);
  for (int i = 0; i < 100; ++i) CHECK(bed.resolver.app_known(AppId{100 + i}) == false);
  const int asked = bed.source.apps_asked;
  CHECK(bed.resolver.app_known(kApp) == true);
  CHECK(bed.source.apps_asked == asked);
}

TEST_CASE("resolver: a vendor's room that throws refuses the certificate", "[resolve][routes]") {
  Bed bed;
  bed.add_certificate(1);
  bed.source.secret_bytes = "throws";
  for (int i = 0; i < 3; ++i) {
    const auto refused = bed.resolver.certificate(kApp, {1});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Malformed);
    CHECK(refused.error().detail.find("internal error") != std::string::npos);
    CHECK(refused.error().detail.find("near") == std::string::npos);  // its words could hold the secret
  }
  CHECK(bed.made == 1);  // not once a push
  CHECK(bed.metrics.internal_errors.read() == 1);
  bed.source.secret_bytes = "good";
  bed.clock.now += seconds(5);
  const auto id = bed.resolver.certificate(kApp, {1}).value()->id;
  bed.source.secret_bytes = "throws";  // an edit that makes it throw leaves the good one
  bed.add_certificate(1, 2);
  bed.look();
  CHECK(bed.resolver.certificate(kApp, {1}).value()->id == id);
}

TEST_CASE("resolver: certificates of one signer share its grant, in every shard", "[resolve][routes]") {
  FakeClock clock;
  FakeSource source;
  GrantBook grants;
  ResolverMetrics metrics;
  std::vector<std::shared_ptr<FakeAuthorizer>> signers;
  const VendorFactory factory = [&](const Certificate& certificate, const CertificateSecret&) -> Result<VendorParts> {
    signers.push_back(std::make_shared<FakeAuthorizer>(certificate.bundle_id));
    return VendorParts{nullptr, signers.back()};
  };
  for (std::int64_t id = 1; id <= 3; ++id)
    source.put(Certificate{.id = {id}, .app = kApp, .bundle_id = id == 3 ? "" : "shared"});
  Resolver one({}, source, grants, factory, clock, metrics), two({}, source, grants, factory, clock, metrics);
  const auto a = one.certificate(kApp, {1}).value(), b = two.certificate(kApp, {2}).value();
  const auto grant = granted(one.grant(*a, clock.now, nobody())).value();
  CHECK(granted(two.grant(*b, clock.now, nobody())).value() == grant);
  const auto alone = one.certificate(kApp, {3}).value(), alone_too = two.certificate(kApp, {3}).value();
  CHECK(granted(one.grant(*alone, clock.now, nobody())).value() != grant);
  CHECK(granted(two.grant(*alone_too, clock.now, nobody())).value() !=
        granted(one.grant(*alone, clock.now, nobody())).value());

  const WallTime later = clock.now + std::chrono::minutes(25);
  const auto newer = granted(one.refresh(*a, *grant, later, nobody())).value();
  CHECK(newer != grant);
  CHECK(granted(two.refresh(*b, *grant, later, nobody())).value() == newer);
  CHECK(granted(two.refresh(*b, *newer, later, nobody())).error().code == Errc::Unauthorized);
  CHECK(signers[0]->signed_so_far() == 2);
  CHECK(signers[1]->signed_so_far() == 0);
}

}  // namespace
}  // namespace nightpost::resolve
