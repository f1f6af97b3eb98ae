// Whom lanes believe, read once for all of them.
#include "net/trust_store.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "net/tls_client.h"
#include "support/h2_peer.h"

namespace nightpost::net {
namespace {

std::multiset<const X509*> certificates_of(const TrustStore& store) {
  std::multiset<const X509*> all;
  STACK_OF(X509)* const stack = X509_STORE_get1_all_certs(store.get());
  while (X509* const one = sk_X509_pop(stack)) {
    all.insert(one);
    X509_free(one);  // the store holds it
  }
  sk_X509_free(stack);
  return all;
}

/// A distinct set of authorities each time: text around a PEM block is no part of it.
std::string anchors(int number) { return "# " + std::to_string(number) + "\n" + support::test_pki().ca_pem; }

}  // namespace

TEST_CASE("trust: one store for each set of authorities", "[net][trust]") {
  TrustStores stores;
  const auto one = stores.get(anchors(1));
  REQUIRE(one);
  CHECK(stores.get(anchors(1))->get() == one->get());
  CHECK(stores.get(anchors(2))->get() != one->get());
  CHECK(stores.get("")->get() == stores.get("")->get());
  CHECK(stores.get("")->get() != one->get());
  CHECK(stores.size() == 2);
  CHECK(TrustStores().get(anchors(1))->get() != one->get());  // another object shares nothing with it
}

TEST_CASE("trust: the system's authorities are read once and shared", "[net][trust]") {
  TrustStores stores;
  const auto system = certificates_of(*stores.get(""));
  auto with_own = certificates_of(*stores.get(anchors(1)));
  CHECK(with_own.size() == system.size() + 1);
  for (const X509* authority : system) CHECK(with_own.erase(authority) == 1);
}

TEST_CASE("trust: authorities that cannot be used", "[net][trust]") {
  const std::string good = support::test_pki().ca_pem;
  struct Row {
    const char* name;
    std::string pem;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"blanks", " \n"},
      {"words", "nonsense"},
      {"a key", support::test_pki().server_key_pem},
      {"a block without an end", good.substr(0, good.size() / 2)},
      {"a block of other bytes", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
      {"a good one, then one that is cut", good + good.substr(0, good.size() / 2)},
      {"a good one, then one of other bytes",
       good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + good},
  }));
  CAPTURE(row.name);
  TrustStores stores;
  const auto store = stores.get(row.pem);
  REQUIRE_FALSE(store);
  CHECK(store.error().code == Errc::Malformed);
  CHECK(store.error().detail.contains("ca_pem"));
  CHECK(stores.size() == 0);
}

TEST_CASE("trust: the same authority twice, and words behind, are no mistake", "[net][trust]") {
  const std::string good = support::test_pki().ca_pem;
  CHECK(TrustStores().get(good + good + "\nthe end\n"));
}

TEST_CASE("trust: stores that nobody uses are kept up to a limit, those in use always", "[net][trust]") {
  TrustStores stores;
  const auto used = stores.get(anchors(0));
  REQUIRE(used);
  for (int i = 1; i <= 200; ++i) REQUIRE(stores.get(anchors(i)));
  CHECK(stores.size() == TrustStores::kUnusedMax + 1);
  CHECK(stores.get(anchors(0))->get() == used->get());
}

TEST_CASE("trust: shards ask at the same time", "[net][trust]") {
  TrustStores stores;
  std::vector<std::thread> shards;
  std::vector<std::set<const X509_STORE*>> seen(4);
  for (auto& mine : seen)
    shards.emplace_back([&stores, &mine] {
      for (int i = 0; i < 50; ++i)
        if (const auto store = stores.get(anchors(7))) mine.insert(store->get());
    });
  for (std::thread& shard : shards) shard.join();
  for (const auto& mine : seen) CHECK((mine.size() == 1 && mine == seen.front()));
}

TEST_CASE("tls: any number of lanes uses one of OpenSSL's few BIO numbers", "[net][tls]") {
  TrustStores stores;
  const auto client = [&] { return TlsClient::make("localhost", *stores.get(""), std::nullopt); };
  REQUIRE(client());
  REQUIRE((*client())->open(0));  // has its number now
  const int before = BIO_get_new_index();
  for (int i = 0; i < 10; ++i) REQUIRE((*client())->open(0));
  CHECK(BIO_get_new_index() == before + 1);
}

TEST_CASE("tls: a host that cannot be verified is not spoken to", "[net][tls]") {
  TrustStores stores;
  struct Row {
    const char* name;
    std::string host;
  };
  using namespace std::string_literals;
  const Row row = GENERATE(values<Row>({
      {"no name", ""},
      {"a zero byte", "good.test\0.bad.test"s},
      {"longer than SNI can say", std::string(256, 'a')},
  }));
  CAPTURE(row.name);
  const auto client = TlsClient::make(row.host, *stores.get(""), std::nullopt);
  const Result<TlsSocket> socket = client ? (*client)->open(0) : Result<TlsSocket>(std::unexpected(client.error()));
  REQUIRE_FALSE(socket);
  CHECK(socket.error().code == Errc::Malformed);
  CHECK(socket.error().detail.contains("host name"));
}

}  // namespace nightpost::net
