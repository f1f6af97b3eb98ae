#include "app/im_redis.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include "net/asio_loop.h"
#include "store/secret_file.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kRedisLookMax{5'000};
constexpr std::size_t kRedisPrefixMax = 64;  // bytes

/// `key`: whose path it is.
Result<std::string> redis_pem(std::string_view key, const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof())
    return fail(Errc::Io, "im.redis." + std::string(key) + ": " + path + " cannot be read");
  if (text.empty())
    return fail(Errc::Io, "im.redis." + std::string(key) + ": " + path + " cannot be read, or is empty");
  return text;
}

std::uint64_t drawn() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

/// For people who read another node's log: which machine and process this one is.
std::string name_of_node() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

}  // namespace

void read_redis(JsonSection section, ImOptions& options) {
  im::RedisOptions& redis = options.redis;
  std::string url;
  section.text("url", url, true);
  if (!url.empty()) {
    if (auto parsed = im::parse_redis_url(url))
      redis.url = *std::move(parsed);
    else
      section.mistake("url", parsed.error().detail);
  }
  section.text("password_file", options.redis_files.password, true);
  if (!redis.url.user.empty() && options.redis_files.password.empty())
    section.mistake("password_file", "goes with the user that im.redis.url names");
  section.text("ca_file", options.redis_files.ca, true);
  section.text("certificate_file", options.redis_files.certificate, true);
  section.text("key_file", options.redis_files.key, true);
  if (options.redis_files.certificate.empty() != options.redis_files.key.empty())
    section.mistake("key_file", "goes with im.redis.certificate_file");
  section.text("prefix", redis.prefix);
  const auto is_plain = [](char c) { return c > ' ' && c <= '~'; };
  if (redis.prefix.size() > kRedisPrefixMax || !std::ranges::all_of(redis.prefix, is_plain))
    section.mistake("prefix", "is not 1-64 printable characters without blanks");
  section.duration_ms("connect_timeout_ms", redis.connect_timeout, 10, 600'000);
  section.duration_ms("command_timeout_ms", redis.command_timeout, 10, 600'000);
  section.duration_ms("reconnect_first_ms", redis.reconnect_first, 1, 60'000);
  section.duration_ms("reconnect_max_ms", redis.reconnect_max, 1, 600'000);
  if (redis.reconnect_first > redis.reconnect_max) section.mistake("reconnect_first_ms", "is above reconnect_max_ms");
  section.integer("queue_bytes_max", redis.queue_bytes_max, 65'536, std::int64_t{1} << 30);
  section.integer("message_bytes_max", redis.message_bytes_max, 65'536, std::int64_t{64} << 20);
  im::PeerOptions& peers = options.peers;
  section.duration_ms("lease_ms", peers.directory.lease, 1'000, 600'000);
  section.integer("remote_devices_max", peers.directory.remote_devices_max, 0, 100'000'000);
  peers.message_bytes_max = redis.message_bytes_max;
  if (options.has_peers())
    options.service.node_facts = {.message_bytes_max = static_cast<std::int64_t>(redis.message_bytes_max),
                                  .channel = redis.url.shown() + " " + im::peer_channel_name(redis.prefix)};
  peers.heartbeat = std::min(peers.heartbeat, peers.directory.lease / 5);
}

Result<im::RedisOptions> open_redis_options(const ImOptions& options) {
  im::RedisOptions redis = options.redis;
  if (!options.redis_files.password.empty()) {
    auto password = store::read_secret_file("im.redis.password_file", options.redis_files.password);
    if (!password) return std::unexpected(std::move(password.error()));
    redis.password = *std::move(password);
    while (redis.password.ends_with('\n') || redis.password.ends_with('\r')) redis.password.pop_back();
    if (redis.password.empty())
      return fail(Errc::Malformed, "im.redis.password_file " + options.redis_files.password + " is empty");
  }
  auto ca = redis_pem("ca_file", options.redis_files.ca);
  if (!ca) return std::unexpected(std::move(ca.error()));
  redis.ca_pem = *std::move(ca);
  auto certificate = redis_pem("certificate_file", options.redis_files.certificate);
  if (!certificate) return std::unexpected(std::move(certificate.error()));
  redis.certificate_pem = *std::move(certificate);
  if (options.redis_files.key.empty()) return redis;
  auto key = store::read_secret_file("im.redis.key_file", options.redis_files.key);
  if (!key) return std::unexpected(std::move(key.error()));
  redis.private_key_pem = *std::move(key);
  return redis;
}

Result<std::unique_ptr<ImPeers>> open_peers(const ImOptions& options, ImPeers::Parts parts) {
  auto redis = open_redis_options(options);
  if (!redis) return std::unexpected(std::move(redis.error()));
  auto channel = im::RedisChannel::make(
      {.context = parts.context, .loop = parts.loop, .metrics = parts.redis, .log = &parts.log, .seed = drawn()},
      *redis);
  if (!channel) return fail(channel.error().code, "im.redis: " + channel.error().detail);
  auto peers = std::make_unique<ImPeers>();
  peers->channel = *std::move(channel);
  peers->link = std::make_unique<im::PeerLink>(im::PeerLink::Parts{.loop = parts.loop,
                                                                   .channel = *peers->channel,
                                                                   .ears = parts.ears,
                                                                   .local = parts.local,
                                                                   .metrics = parts.nodes,
                                                                   .log = &parts.log,
                                                                   .self = drawn() | 1,  // never 0
                                                                   .name = name_of_node()},
                                               options.peers);
  return peers;
}

std::vector<Finding> look_at_redis(const Config& config, MonoTime deadline) {
  if (!config.im.has_peers()) return {};
  const std::string subject = config.im.redis.url.shown();
  const auto fault = [&](const std::string& what) {
    return std::vector<Finding>{{Health::Fault, "redis", subject, what,
                                 "correct im.redis, or start Redis: until then messages of other nodes come late, and "
                                 "are pushed to devices that are connected there"}};
  };
  auto options = open_redis_options(config.im);
  if (!options) return fault(options.error().detail);
  boost::asio::io_context context;
  net::AsioLoop loop(context);
  im::RedisMetrics metrics;
  auto channel = im::RedisChannel::make({.context = context, .loop = loop, .metrics = metrics}, *options);
  if (!channel) return fault(channel.error().detail);
  (*channel)->start();
  const MonoTime until = std::min(deadline, loop.now() + kRedisLookMax);
  while (!(*channel)->works() && (*channel)->trouble().empty() && loop.now() < until) context.run_one_until(until);
  if ((*channel)->works())
    return {{Health::Ok, "redis", subject, "takes us, and lets us read " + im::peer_channel_name(options->prefix), ""}};
  return fault((*channel)->trouble().empty() ? "does not answer" : (*channel)->trouble());
}

}  // namespace nightpost::app
