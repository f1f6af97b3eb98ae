// The section im.redis, its files, and the doctor's look.
#include "app/im_redis.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <string>

#include "app/config.h"
#include "support/redis_server.h"

using namespace nightpost;
using namespace nightpost::app;

namespace {

std::expected<Config, ConfigErrors> config_with_redis(const std::string& redis,
                                                      const std::string& store = "postgresql://n@h/d") {
  return parse_config(R"({"store": {"url": ")" + store + R"("}, "im": {"ack_timeout_ms": 700, "redis": )" + redis +
                      "}}");
}

std::string redis_errors(const std::string& redis, const std::string& store = "postgresql://n@h/d") {
  const auto config = config_with_redis(redis, store);
  std::string all;
  if (!config)
    for (const std::string& line : config.error().lines) all += line + "\n";
  return all;
}

Config config_at(const std::string& url, const std::string& password_file = "") {
  const auto config = config_with_redis(R"({"url": ")" + url + R"(", "password_file": ")" + password_file + R"("})");
  REQUIRE(config);
  return *config;
}

MonoTime in_a_while() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

}  // namespace

TEST_CASE("im.redis: what is set arrives", "[app][im][redis]") {
  const auto config = config_with_redis(
      R"({"url": "rediss://im@r:7", "password_file": "p", "ca_file": "c", "certificate_file": "d", "key_file": "k",
    "prefix": "shop", "lease_ms": 2000, "remote_devices_max": 9, "connect_timeout_ms": 11, "command_timeout_ms": 12,
    "reconnect_first_ms": 13, "reconnect_max_ms": 14, "queue_bytes_max": 70000, "message_bytes_max": 80000})");
  REQUIRE(config);
  const ImOptions& im = config->im;
  CHECK(im.has_peers());
  CHECK(im.redis.url.shown() == "rediss://im@r:7");
  CHECK(im.redis.prefix == "shop");
  CHECK(im.redis_files.password == "p");
  CHECK(im.redis_files.ca == "c");
  CHECK(im.redis_files.certificate == "d");
  CHECK(im.redis_files.key == "k");
  CHECK(im.redis.connect_timeout == milliseconds(11));
  CHECK(im.redis.command_timeout == milliseconds(12));
  CHECK(im.redis.reconnect_first == milliseconds(13));
  CHECK(im.redis.reconnect_max == milliseconds(14));
  CHECK(im.redis.queue_bytes_max == 70'000);
  CHECK(im.redis.message_bytes_max == 80'000);
  CHECK(im.peers.message_bytes_max == 80'000);
  CHECK(im.peers.directory.lease == milliseconds(2'000));
  CHECK(im.peers.directory.remote_devices_max == 9);
  CHECK(im.peers.directory.ack_timeout == milliseconds(700));
  CHECK(im.peers.heartbeat == milliseconds(400));
}

TEST_CASE("im.redis: nothing set, no other nodes", "[app][im][redis]") {
  CHECK_FALSE(parse_config("{}")->im.has_peers());
  CHECK(look_at_redis(*parse_config("{}"), in_a_while()).empty());
  CHECK(redis_errors(R"({"url": ""})", "sqlite:a.db").empty());
}

TEST_CASE("im.redis: what is refused, and with which words", "[app][im][redis]") {
  struct Row {
    const char* redis;
    const char* error;
  };
  const Row row = GENERATE(
      values<Row>({{R"({"url": "localhost:6379"})", "im.redis.url: is not redis://"},
                   {R"({"url": "redis://:secret@h"})", "im.redis.url: has a password inside"},
                   {R"({"url": "redis://h/0"})", "im.redis.url: has something behind the port"},
                   {R"({"url": "redis://im@h"})", "im.redis.password_file: goes with the user"},
                   {R"({"certificate_file": "c"})", "im.redis.key_file: goes with im.redis.certificate_file"},
                   {R"({"key_file": "c"})", "im.redis.key_file: goes with im.redis.certificate_file"},
                   {R"({"prefix": ""})", "im.redis.prefix: "},
                   {R"({"prefix": "a b"})", "im.redis.prefix: is not 1-64 printable"},
                   {R"({"prefix": "a\nb"})", "im.redis.prefix: is not 1-64 printable"},
                   {R"({"lease_ms": 999})", "im.redis.lease_ms: 999 is not in"},
                   {R"({"message_bytes_max": 1})", "im.redis.message_bytes_max: 1 is not in"},
                   {R"({"reconnect_first_ms": 9000})", "im.redis.reconnect_first_ms: is above reconnect_max_ms"},
                   {R"({"password": "hunter2"})", "im.redis.password: unknown key"}}));
  CAPTURE(row.redis);
  CHECK_THAT(redis_errors(row.redis), Catch::Contains(row.error));
  CHECK_THAT(redis_errors(row.redis), !Catch::Contains("secret") && !Catch::Contains("hunter2"));
}

TEST_CASE("im.redis: a store in a file is one node's", "[app][im][redis]") {
  CHECK_THAT(redis_errors(R"({"url": "redis://h"})", "sqlite:a.db"),
             Catch::Contains("im.redis.url: store.url is a file, which is one node's"));
}

TEST_CASE("im.redis: files that cannot be used", "[app][im][redis]") {
  const support::TempFolder folder("redis_files");
  ImOptions options;
  const auto why = [&] {
    const auto opened = open_redis_options(options);
    return opened ? std::string() : opened.error().detail;
  };
  options.redis_files.password = folder.file("none");
  CHECK_THAT(why(), Catch::Contains("im.redis.password_file"));
  options.redis_files.password = folder.write("empty", "\n");
  CHECK_THAT(why(), Catch::Contains("is empty"));
  options.redis_files.password = folder.write("open", "s3cret\n");
  REQUIRE(::chmod(options.redis_files.password.c_str(), 0644) == 0);
  CHECK_THAT(why(), Catch::Contains("im.redis.password_file"));
  options.redis_files.password = folder.write("good", "s3cret\n");
  CHECK(open_redis_options(options)->password == "s3cret");
  options.redis_files.ca = folder.file("none");
  CHECK_THAT(why(), Catch::Contains("im.redis.ca_file"));
  options.redis_files.ca = folder.write("ca", "PEM");
  CHECK(open_redis_options(options)->ca_pem == "PEM");
  options.redis_files.certificate = folder.file("none");
  CHECK_THAT(why(), Catch::Contains("im.redis.certificate_file"));
  options.redis_files.certificate = folder.write("certificate", "PEM");
  options.redis_files.key = folder.file("none");
  CHECK_THAT(why(), Catch::Contains("im.redis.key_file"));
}

TEST_CASE("im.redis: what the doctor finds", "[app][im][redis]") {
  const support::TempFolder folder("redis_doctor");
  support::RedisServer server({"requirepass=s3cret"});
  const auto found = [](const Config& config) {
    const auto findings = look_at_redis(config, in_a_while());
    REQUIRE(findings.size() == 1);
    return findings.front();
  };
  const Finding good = found(config_at(server.url(), folder.write("good", "s3cret")));
  CHECK(good.health == Health::Ok);
  CHECK_THAT(good.what, Catch::Contains("nightpost:im"));
  const Finding refused = found(config_at(server.url(), folder.write("bad", "hunter2")));
  CHECK(refused.health == Health::Fault);
  CHECK_THAT(refused.what, Catch::Contains("WRONGPASS") && !Catch::Contains("hunter2"));
  CHECK_THAT(refused.todo, Catch::Contains("correct im.redis"));
  CHECK(found(config_at(server.url())).health == Health::Fault);
  const Finding file = found(config_at(server.url(), folder.file("none")));
  CHECK_THAT(file.what, Catch::Contains("im.redis.password_file"));
  server.stop();
  CHECK_THAT(found(config_at(server.url())).what, Catch::Contains("refused"));
}
