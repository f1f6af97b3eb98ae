// Provider tokens over time and connections.
#include "sandbox/apns_authority.h"

#include <catch2/catch.hpp>

#include "made_token.h"

namespace nightpost::sandbox::apns {
namespace {

constexpr std::int64_t kStart = 1'735'689'600;  // seconds
constexpr const char* kTeam = "DEF123GHIJ";
constexpr const char* kOtherTeam = "OTHERTEAM1";

WallTime at(std::int64_t s) { return WallTime(seconds(kStart + s)); }

/// One server with three keys: two of a team, one of another team, one for production only.
struct Server {
  SigningKey first, second, foreign, production;
  Knowledge known;
  State state;

  Server() {
    known.keys["KEY0000001"] = {.team_id = kTeam, .key = read_public_key(first.public_pem())};
    known.keys["KEY0000002"] = {.team_id = kTeam, .key = read_public_key(second.public_pem())};
    known.keys["KEY0000003"] = {.team_id = kOtherTeam, .key = read_public_key(foreign.public_pem())};
    known.keys["KEY0000004"] = {
        .team_id = kTeam, .key = read_public_key(production.public_pem()), .environment = Environment::Production};
  }
  std::string token(std::int64_t issued) { return made_token(first, {.kid = "KEY0000001", .iat = kStart + issued}); }
  std::string_view ask(std::uint64_t connection, const std::string& authorization, std::int64_t now) {
    return judge_provider_token(authorization, known, state, state.connections[connection], at(now)).reason;
  }
};

TEST_CASE("apns authority: a token is good for an hour", "[sandbox]") {
  struct Row {
    std::int64_t age;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({{-61, "InvalidProviderToken"},
                                        {-60, ""},
                                        {0, ""},
                                        {3600, ""},
                                        {3601, "ExpiredProviderToken"},
                                        {86'400, "ExpiredProviderToken"}}));
  CAPTURE(row.age);
  Server server;
  CHECK(server.ask(1, server.token(0), row.age) == row.want);
}

TEST_CASE("apns authority: a token that was good ages on its connection", "[sandbox]") {
  Server server;
  const std::string token = server.token(0);
  CHECK(server.ask(1, token, 10) == "");
  CHECK(server.ask(1, token, 3600) == "");
  CHECK(server.ask(1, token, 3601) == "ExpiredProviderToken");
  CHECK(server.ask(1, server.token(3600), 3601) == "");
}

TEST_CASE("apns authority: keys, teams and environments", "[sandbox]") {
  struct Row {
    const char* name;
    SigningKey Server::* signer;
    TokenWish wish;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"the key it says", &Server::first, {.kid = "KEY0000001", .iss = kTeam, .iat = kStart}, ""},
      {"another key's signature",
       &Server::second,
       {.kid = "KEY0000001", .iss = kTeam, .iat = kStart},
       "InvalidProviderToken"},
      {"another team's name",
       &Server::first,
       {.kid = "KEY0000001", .iss = kOtherTeam, .iat = kStart},
       "InvalidProviderToken"},
      {"a key never heard of",
       &Server::first,
       {.kid = "KEY0000009", .iss = kTeam, .iat = kStart},
       "InvalidProviderToken"},
      {"a key of the other environment",
       &Server::production,
       {.kid = "KEY0000004", .iss = kTeam, .iat = kStart},
       "BadEnvironmentKeyIdInToken"},
  }));
  CAPTURE(row.name);
  Server server;
  const std::string token = made_token(server.*row.signer, row.wish);
  CHECK(server.ask(1, token, 0) == row.want);
  CHECK(server.ask(1, token, 1) == row.want);  // from memory
}

TEST_CASE("apns authority: one key and one team a connection", "[sandbox]") {
  Server server;
  const std::string second = made_token(server.second, {.kid = "KEY0000002", .iss = kTeam, .iat = kStart});
  const std::string foreign = made_token(server.foreign, {.kid = "KEY0000003", .iss = kOtherTeam, .iat = kStart});
  CHECK(server.ask(1, server.token(0), 0) == "");
  CHECK(server.ask(1, second, 0) == "UnrelatedKeyIdInToken");
  CHECK(server.ask(1, foreign, 0) == "Forbidden");
  CHECK(server.ask(1, server.token(0), 0) == "");
  CHECK(server.ask(2, second, 0) == "");
  CHECK(server.ask(3, foreign, 0) == "");
}

TEST_CASE("apns authority: a refused token binds nothing", "[sandbox]") {
  Server server;
  const std::string second = made_token(server.second, {.kid = "KEY0000002", .iss = kTeam, .iat = kStart - 7200});
  CHECK(server.ask(1, second, 0) == "ExpiredProviderToken");
  CHECK(server.ask(1, server.token(0), 0) == "");
}

TEST_CASE("apns authority: renewal no more often than every 20 minutes", "[sandbox]") {
  Server server;
  CHECK(server.ask(1, server.token(0), 0) == "");
  CHECK(server.ask(1, server.token(1200), 1200) == "");
  CHECK(server.ask(1, server.token(0), 1201) == "");     // the older one is still good
  CHECK(server.ask(1, server.token(1200), 1201) == "");  // the same claims, another signature
  CHECK(server.ask(2, server.token(2399), 2399) == "TooManyProviderTokenUpdates");
  CHECK(server.ask(3, server.token(1200), 2399) == "");  // another connection, the newer good one
  CHECK(server.ask(3, server.token(2400), 2400) == "");
}

TEST_CASE("apns authority: tokens minted apart by a fleet are too many, in whatever order they come", "[sandbox]") {
  Server server;
  CHECK(server.ask(1, server.token(600), 700) == "");
  CHECK(server.ask(2, server.token(0), 700) == "TooManyProviderTokenUpdates");
}

TEST_CASE("apns authority: after too many updates the connection is unusable for a while", "[sandbox]") {
  Server server;
  CHECK(server.ask(1, server.token(0), 0) == "");
  CHECK(server.ask(1, server.token(60), 60) == "TooManyProviderTokenUpdates");
  CHECK(server.ask(1, server.token(0), 61) == "TooManyProviderTokenUpdates");
  CHECK(server.ask(2, server.token(0), 61) == "");
  CHECK(server.ask(1, server.token(0), 60 + 1200) == "");
}

TEST_CASE("apns authority: keys are counted apart", "[sandbox]") {
  Server server;
  CHECK(server.ask(1, server.token(0), 0) == "");
  CHECK(server.ask(2, made_token(server.second, {.kid = "KEY0000002", .iss = kTeam, .iat = kStart + 60}), 60) == "");
}

TEST_CASE("apns authority: what is newly taught counts at once", "[sandbox]") {
  Server server;
  const SigningKey late;
  const std::string token = made_token(late, {.kid = "KEY0000005", .iss = kTeam, .iat = kStart});
  CHECK(server.ask(1, token, 0) == "InvalidProviderToken");
  server.known.keys["KEY0000005"] = {.team_id = kTeam, .key = read_public_key(late.public_pem())};
  ++server.known.generation;
  CHECK(server.ask(1, token, 0) == "");
}

TEST_CASE("apns authority: the table of keys is bounded", "[sandbox]") {
  Server server;
  server.known.accept_any = true;
  server.state.keys_tracked_max = 10;
  for (int i = 0; i < 100; ++i) {
    const std::string kid = "MANY00000" + std::string(1, static_cast<char>('0' + i % 10));
    const std::string iss = "TEAM0000" + std::to_string(10 + i / 10);
    CHECK(server.ask(100 + static_cast<std::uint64_t>(i),
                     made_token(server.first, {.kid = kid, .iss = iss, .iat = kStart}), 0) == "");
  }
  CHECK(server.state.tokens_by_key.size() <= 10);
}

}  // namespace
}  // namespace nightpost::sandbox::apns
