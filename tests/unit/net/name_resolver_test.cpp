// Names against a name server that answers as told.
#include "net/name_resolver.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "unit/net/dns_peer.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct ResolverRig {
  void open(const std::function<void(NameResolverOptions&)>& adjust = {}) {
    NameResolverOptions options;
    options.servers = dns.servers();
    options.server_timeout = 100ms;
    if (adjust) adjust(options);
    names.emplace(loop, std::move(options));
  }
  void ask(const std::string& host) {
    names->resolve(host, [this, host](const Result<NameResolver::Addresses>& found) {
      ++answers[host];
      results.insert_or_assign(host, found);
    });
  }
  template <class What>
  bool until(What&& what) {
    const auto give_up = std::chrono::steady_clock::now() + 5s;
    while (!what() && std::chrono::steady_clock::now() < give_up) loop.run_one_for(20ms);
    return what();
  }
  bool answered(const std::string& host, int times = 1) {
    return until([&] { return answers[host] >= times; });
  }
  /// "192.0.2.1 2001:db8::1", or the error's words.
  std::string result(const std::string& host) {
    const auto& found = results.at(host);
    if (!found) return std::string(name_of(found.error().code)) + ": " + found.error().detail;
    std::string text;
    for (const auto& address : *found) text += (text.empty() ? "" : " ") + address.to_string();
    return text;
  }

  asio::io_context loop;
  DnsPeer dns{loop};
  std::map<std::string, int> answers;
  std::map<std::string, Result<NameResolver::Addresses>> results;
  std::optional<NameResolver> names;  // last: goes first
};

std::optional<DnsAnswer> four(const DnsQuestion& q) {
  return q.six ? DnsAnswer{} : DnsAnswer{.addresses = {"192.0.2.1"}};
}

}  // namespace

TEST_CASE("names: what servers say becomes addresses", "[net][names]") {
  struct Row {
    const char* name;
    std::optional<DnsAnswer> four, six;
    std::string result;
  };
  const DnsAnswer kNone{.addresses = {}, .code = 3}, kServfail{.addresses = {}, .code = 2}, kEmpty{};
  const Row row = GENERATE_COPY(values<Row>({
      {"IPv4", DnsAnswer{{"192.0.2.1"}}, kEmpty, "192.0.2.1"},
      {"IPv6", kEmpty, DnsAnswer{{"2001:db8::1"}}, "2001:db8::1"},
      {"both", DnsAnswer{{"192.0.2.1"}}, DnsAnswer{{"2001:db8::1"}}, "2001:db8::1 192.0.2.1"},
      {"IPv4 while IPv6's server is silent", DnsAnswer{{"192.0.2.1"}}, {}, "192.0.2.1"},
      {"IPv6 while IPv4's server is silent", {}, DnsAnswer{{"2001:db8::1"}}, "2001:db8::1"},
      {"IPv4 while IPv6's server fails", DnsAnswer{{"192.0.2.1"}}, kServfail, "192.0.2.1"},
      {"no such name", kNone, kNone, "connection_lost: resolving push.test: Domain name not found"},
      {"a name without addresses", kEmpty, kEmpty,
       "connection_lost: resolving push.test: DNS server returned answer with no data"},
      {"servers that fail", kServfail, kServfail, "resolving push.test: "},
      {"no such name, while IPv6's server is silent", kNone, {}, "resolving push.test: "},
      {"silence", {}, {}, "timeout: resolving push.test: "},
  }));
  CAPTURE(row.name);
  ResolverRig b;
  b.dns.script() = [&](const DnsQuestion& q) { return q.six ? row.six : row.four; };
  b.open([](NameResolverOptions& o) { o.lookup_timeout = 1s; });
  b.ask("push.test");
  REQUIRE(b.answered("push.test"));
  CHECK_THAT(b.result("push.test"), Catch::Matchers::Contains(row.result));
  b.loop.run_for(10ms);
  CHECK(b.answers["push.test"] == 1);
}

TEST_CASE("names: a name whose servers are silent holds up no other", "[net][names]") {
  ResolverRig b;
  b.dns.script() = [](const DnsQuestion& q) { return q.name.starts_with("hole") ? std::nullopt : four(q); };
  b.open();
  for (int i = 0; i < 50; ++i) b.ask("hole" + std::to_string(i) + ".test");
  b.ask("push.test");
  REQUIRE(b.answered("push.test"));
  CHECK(b.result("push.test") == "192.0.2.1");
  for (int i = 0; i < 50; ++i) CHECK(b.answers["hole" + std::to_string(i) + ".test"] == 0);
}

TEST_CASE("names: one look-up for all that ask, and its answer is kept", "[net][names]") {
  ResolverRig b;
  b.dns.script() = four;
  b.open();
  for (int i = 0; i < 10; ++i) b.ask("push.test");
  REQUIRE(b.answered("push.test", 10));
  CHECK(b.dns.count("push.test") == 1);
  b.ask("push.test");
  CHECK(b.answers["push.test"] == 11);  // at once
  CHECK(b.dns.count("push.test") == 1);
}

TEST_CASE("names: an answer is used for its time and no longer", "[net][names]") {
  ResolverRig b;
  std::string address = "192.0.2.1";
  b.dns.script() = [&](const DnsQuestion& q) {
    return q.six ? DnsAnswer{} : DnsAnswer{.addresses = {address}, .ttl = 86'400};
  };
  SECTION("bounded above") {
    b.open([](NameResolverOptions& o) { o.ttl_min = o.ttl_max = 0ms; });
    b.ask("push.test");
    REQUIRE(b.answered("push.test"));
    address = "192.0.2.2";
    b.ask("push.test");
    REQUIRE(b.answered("push.test", 2));
    CHECK(b.result("push.test") == "192.0.2.2");
  }
  SECTION("bounded below") {
    b.dns.script() = [&](const DnsQuestion& q) {
      return q.six ? DnsAnswer{} : DnsAnswer{.addresses = {address}, .ttl = 0};
    };
    b.open([](NameResolverOptions& o) {
      o.ttl_min = 1h;
      o.ttl_max = 1h;
    });
    for (int i = 1; i <= 2; ++i) {
      b.ask("push.test");
      REQUIRE(b.answered("push.test", i));
    }
    CHECK(b.dns.count("push.test") == 1);
  }
  SECTION("a failure likewise") {
    b.dns.script() = [](const DnsQuestion&) { return DnsAnswer{.code = 3}; };
    b.open([](NameResolverOptions& o) { o.failure_ttl = 0ms; });
    for (int i = 1; i <= 2; ++i) {
      b.ask("push.test");
      REQUIRE(b.answered("push.test", i));
    }
    CHECK(b.dns.count("push.test") == 2);
  }
}

TEST_CASE("names: who asks of a silent server waits only for the limit, again and again", "[net][names]") {
  ResolverRig b;
  b.open([](NameResolverOptions& o) {
    o.lookup_timeout = 30ms;
    o.server_timeout = 1h;
  });
  for (int i = 1; i <= 3; ++i) {
    b.ask("hole.test");
    REQUIRE(b.answered("hole.test", i));
    CHECK(b.result("hole.test") == "timeout: resolving hole.test: no name server answered within 30 ms");
  }
  CHECK(b.dns.count("hole.test") == 1);  // still the first question
}

TEST_CASE("names: as many as the limit are kept, and asked for at once", "[net][names]") {
  ResolverRig b;
  b.open([](NameResolverOptions& o) { o.names_max = 4; });
  SECTION("answered ones make room") {
    b.dns.script() = four;
    for (int i = 0; i < 20; ++i) {
      const std::string name = "push" + std::to_string(i) + ".test";
      b.ask(name);
      REQUIRE(b.answered(name));
      CHECK(b.result(name) == "192.0.2.1");
    }
    CHECK(b.names->names_known() == 4);
  }
  SECTION("those under way do not") {
    for (int i = 0; i < 5; ++i) b.ask("hole" + std::to_string(i) + ".test");
    CHECK(b.result("hole4.test").starts_with("overloaded: resolving hole4.test"));
    CHECK(b.names->names_known() == 4);
  }
}

TEST_CASE("names: this host needs no server", "[net][names]") {
  ResolverRig b;
  b.open();
  for (const std::string& name : {std::string("localhost"), std::string("push.localhost")}) {
    b.ask(name);
    CHECK(b.answers[name] == 1);  // at once
    CHECK(b.result(name) == "::1 127.0.0.1");
  }
  CHECK(b.dns.questions().empty());
}

TEST_CASE("names: what is no name, and servers that are none", "[net][names]") {
  ResolverRig b;
  SECTION("not a name") {
    b.open([](NameResolverOptions& o) { o.lookup_timeout = 1s; });
    for (const std::string& name : {std::string(300, 'a'), std::string("a..b"), std::string("")}) {
      CAPTURE(name);
      b.ask(name);
      REQUIRE(b.answered(name));
      CHECK_FALSE(b.results.at(name));
    }
  }
  SECTION("no address of a server") {
    b.open([](NameResolverOptions& o) { o.servers = "nonsense"; });
    b.ask("push.test");
    REQUIRE(b.answered("push.test"));
    CHECK_FALSE(b.results.at("push.test"));
  }
}

TEST_CASE("names: a resolver that goes calls nobody back", "[net][names]") {
  ResolverRig b;
  b.open();
  b.ask("hole.test");
  b.until([&] { return !b.dns.questions().empty(); });
  b.names.reset();
  b.loop.run_for(20ms);
  CHECK(b.answers["hole.test"] == 0);
}

}  // namespace nightpost::net
