#include "sandbox/apns_certificate.h"

#include <catch2/catch.hpp>

#include "support/test_identity.h"

namespace nightpost::sandbox::apns {
namespace {

constexpr const char* kDevelopment = "1.2.840.113635.100.6.3.1";
constexpr const char* kProduction = "1.2.840.113635.100.6.3.2";

TEST_CASE("apns certificate: facts", "[sandbox]") {
  const auto one =
      read_certificate(probe::client_identity({.uid = "com.example.shop", .oids = {kDevelopment}}).certificate_pem);
  REQUIRE(one);
  CHECK(one->bundle_id == "com.example.shop");
  CHECK(one->development);
  CHECK_FALSE(one->production);
  CHECK(one->topics.empty());
  CHECK(one->not_before < one->not_after);

  const std::vector<std::string> topics = {"com.example.shop", "com.example.shop.voip",
                                           "com.example.shop." + std::string(100, 'x')};
  const auto all =
      read_certificate(probe::client_identity({.oids = {kDevelopment, kProduction}, .topics = topics}).certificate_pem);
  REQUIRE(all);
  CHECK(all->bundle_id.empty());
  CHECK(all->development);
  CHECK(all->production);
  CHECK(all->topics == topics);
}

TEST_CASE("apns certificate: what is none", "[sandbox]") {
  CHECK_FALSE(read_certificate("").has_value());
  CHECK_FALSE(read_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").has_value());
  const auto bare = read_certificate(probe::server_identity().certificate_pem);
  REQUIRE(bare);
  CHECK(bare->bundle_id.empty());
  CHECK_FALSE(bare->development);
  CHECK_FALSE(bare->production);
}

}  // namespace
}  // namespace nightpost::sandbox::apns
