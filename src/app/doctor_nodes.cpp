#include "app/doctor_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "app/im_redis.h"
#include "im/nodes/redis_line.h"
#include "net/asio_loop.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kNodeClockWarn{1'000};
constexpr milliseconds kInfoMax{5'000};
constexpr std::int64_t kRedisMajorMin = 6;  // the oldest with ACLs

std::string node_named(const im::NodeRow& node) { return fmt::format("{} ({})", node.name, node.id); }

double seconds_of(milliseconds time) { return static_cast<double>(time.count()) / 1'000; }

std::optional<Finding> judge_clock(const std::string& subject, std::string_view whose, milliseconds ahead,
                                   milliseconds fault_at) {
  if (std::chrono::abs(ahead) <= kNodeClockWarn) return std::nullopt;
  return Finding{std::chrono::abs(ahead) > fault_at ? Health::Fault : Health::Warning, "node", subject,
                 fmt::format("{} clock is {:.1f} s {} the store's", whose, seconds_of(std::chrono::abs(ahead)),
                             ahead.count() > 0 ? "ahead of" : "behind"),
                 "let its machine follow NTP, as PostgreSQL's: silences, time-outs and the age of what is kept go by "
                 "the clock of the node that decides"};
}

/// Where nodes do not agree: what each of them has.
template <class Of>
std::string unequal(const std::vector<im::NodeRow>& nodes, Of of) {
  std::set<std::string> different;
  std::string all;
  for (const im::NodeRow& node : nodes) {
    const std::string value = of(node.facts);
    different.insert(value);
    all += fmt::format("{}{}: {}", all.empty() ? "" : ", ", node_named(node), value.empty() ? "none" : value);
  }
  return different.size() > 1 ? all : "";
}

void judge_agreement(const std::vector<im::NodeRow>& nodes, std::vector<Finding>& findings) {
  if (const std::string all = unequal(nodes, [](const im::NodeFacts& facts) { return facts.channel; }); !all.empty())
    findings.push_back({Health::Warning, "node", "im.redis",
                        "nodes name different Redis servers or channels (" + all +
                            "): those that do not share one do "
                            "not hear each other, and push to each other's devices",
                        "give all the same im.redis.url and im.redis.prefix; two names of one server are no fault"});
  std::vector<im::NodeRow> telling;
  std::ranges::copy_if(nodes, std::back_inserter(telling),
                       [](const im::NodeRow& node) { return node.facts.message_bytes_max > 0; });
  const std::string bytes =
      unequal(telling, [](const im::NodeFacts& facts) { return std::to_string(facts.message_bytes_max); });
  if (!bytes.empty())
    findings.push_back({Health::Warning, "node", "im.redis.message_bytes_max",
                        "differs (" + bytes + "): one with less reads longer messages of the others from the store",
                        "give all the same, and restart them one by one"});
  std::map<std::string, int> names;
  for (const im::NodeRow& node : nodes) ++names[node.name];
  for (const auto& [name, count] : names)
    if (count > 1)
      findings.push_back({Health::Warning, "node", name, fmt::format("{} nodes have this name", count),
                          "name them apart by im.node_name: one that starts goes on in the place of one of its name"});
}

}  // namespace

std::vector<Finding> judge(const im::NodesSeen& seen, WallTime here, const Config& config) {
  std::vector<Finding> findings;
  const milliseconds ahead = std::chrono::floor<milliseconds>(here - seen.now);
  if (auto found = judge_clock("this machine", "its", ahead, config.skew_warn)) findings.push_back(*std::move(found));
  if (seen.nodes.empty()) {
    findings.push_back({Health::Ok, "node", "", "no IM server has this store now", ""});
    return findings;
  }
  const milliseconds lease = config.im.service.node_lease;
  const auto silence_of = [&](const im::NodeRow& node) {
    return std::chrono::floor<milliseconds>(seen.now - node.seen_at);
  };
  const auto last = std::ranges::max_element(seen.nodes, {}, &im::NodeRow::seen_at);
  if (silence_of(*last) > lease) {
    findings.push_back(
        {Health::Warning, "node", node_named(*last),
         fmt::format("none of {} IM servers runs: this one was the last, and committed {:.1f} s ago", seen.nodes.size(),
                     seconds_of(silence_of(*last))),
         "start nightpost im, or see its log and the way to PostgreSQL: until then nobody can write, and "
         "what waits for a push waits"});
    return findings;
  }
  for (const im::NodeRow& node : seen.nodes) {
    const std::size_t before = findings.size();
    const std::string subject = node_named(node);
    const milliseconds silent = silence_of(node);
    if (silent > lease)
      findings.push_back({Health::Fault, "node", subject,
                          fmt::format("has not committed for {:.1f} s, and its lease is {:.1f} s: its devices get no "
                                      "pushes until another takes over what it left",
                                      seconds_of(silent), seconds_of(lease)),
                          "see whether it runs and reaches PostgreSQL; the others give it up by themselves, or the "
                          "next that starts"});
    else if (silent > lease / 2)
      findings.push_back({Health::Warning, "node", subject,
                          fmt::format("has not committed for {:.1f} s of its lease of {:.1f} s", seconds_of(silent),
                                      seconds_of(lease)),
                          "look again; if it stays so, see its log (im.write_failed) and the way to PostgreSQL"});
    if (auto found = judge_clock(subject, "its", node.facts.clock_ahead, config.skew_warn))
      findings.push_back(*std::move(found));
    if (findings.size() == before)
      findings.push_back(
          {Health::Ok, "node", subject,
           fmt::format("committed {:.1f} s ago, clock {:+} ms", seconds_of(silent), node.facts.clock_ahead.count()),
           ""});
  }
  judge_agreement(seen.nodes, findings);
  return findings;
}

RedisFacts parse_redis_info(std::string_view text) {
  RedisFacts facts;
  const auto number = [](std::string_view digits) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size() ? out : 0;
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == line.npos) continue;
    const std::string_view name = line.substr(0, colon), value = line.substr(colon + 1);
    if (name == "redis_version") facts.version = value;
    if (name == "redis_mode") facts.mode = value;
    if (name == "role") facts.role = value;
    if (name == "maxmemory_policy") facts.maxmemory_policy = value;
    if (name == "used_memory") facts.memory = number(value);
    if (name == "maxmemory") facts.memory_max = number(value);
  }
  return facts;
}

std::vector<Finding> judge(const RedisFacts& facts, const std::string& address) {
  std::vector<Finding> findings;
  const auto add = [&](Health health, std::string what, std::string todo) {
    findings.push_back({health, "redis", address, std::move(what), std::move(todo)});
  };
  std::int64_t major = 0;
  std::from_chars(facts.version.data(), facts.version.data() + facts.version.size(), major);
  if (facts.version.empty())
    add(Health::Warning, "does not say its version: it may be no Redis, or something in front of one",
        "name the Redis itself, or a server that speaks its protocol whole (PUBLISH, SUBSCRIBE, PING)");
  else if (major < kRedisMajorMin)
    add(Health::Warning, "is version " + facts.version + ", which is not tried here and has no users of its own",
        fmt::format("run Redis {} or newer", kRedisMajorMin));
  if (facts.mode == "sentinel")
    add(Health::Fault, "is a sentinel, whose channels are its own", "name the Redis that it watches over");
  if (facts.role == "slave")
    add(Health::Warning, "is a replica: what is published there comes to those alone that are connected to it",
        "let all nodes name the primary, or all this one");
  if (facts.memory_max > 0 && facts.memory >= facts.memory_max / 10 * 9)
    add(Health::Warning, fmt::format("{} of {} MiB of its memory are used", facts.memory >> 20, facts.memory_max >> 20),
        "see what else it holds: Nightpost writes no key, but a subscriber that is slow is put out for want of memory");
  if (findings.empty())
    add(Health::Ok,
        fmt::format("Redis {}, {}, maxmemory-policy {} (no key is written, so none is evicted)", facts.version,
                    facts.mode.empty() ? "standalone" : facts.mode,
                    facts.maxmemory_policy.empty() ? "not told" : facts.maxmemory_policy),
        "");
  return findings;
}

std::vector<Finding> look_at_nodes(const Config& config) {
  if (config.store_url.kind != store::StoreUrl::Kind::Postgres) return {};
  const auto seen = im::read_nodes(config.store_url, config.store);
  if (seen) return judge(*seen, SystemClock().wall(), config);
  if (seen.error().code == Errc::NotFound) return {};
  return {{Health::Warning, "node", "", "cannot be looked at: " + seen.error().detail,
           "first what stands above of the store; of another version, run that version's doctor"}};
}

std::vector<Finding> look_at_redis_server(const Config& config, MonoTime deadline) {
  if (!config.im.has_peers()) return {};
  const auto options = open_redis_options(config.im);
  if (!options) return {};  // look_at_redis() has said it
  boost::asio::io_context context;
  const net::AsioLoop loop(context);
  std::unique_ptr<im::RedisLine> line;
  std::optional<im::RedisReply> answer;
  std::string trouble;
  auto made = im::RedisLine::make(context, *options, 0,
                                  {.up =
                                       [&line] {
                                         std::string command;
                                         im::append_redis_command(command, {"INFO"});
                                         line->send(command);
                                       },
                                   .down = [&trouble](const Error& why) { trouble = why.detail; },
                                   .answer = [&answer](im::RedisReply reply) { answer.emplace(std::move(reply)); }});
  if (!made) return {};
  line = *std::move(made);
  line->start();
  const MonoTime until = std::min(deadline, loop.now() + kInfoMax);
  while (!answer && trouble.empty() && loop.now() < until) context.run_one_until(until);
  if (answer && answer->kind == im::RedisReply::Kind::Error) trouble = im::words_of(*answer);
  if (answer && answer->kind == im::RedisReply::Kind::String)
    return judge(parse_redis_info(answer->text), config.im.redis.url.shown());
  return {{Health::Warning, "redis", config.im.redis.url.shown(),
           "does not say what it is: " + (trouble.empty() ? "no answer to INFO" : trouble),
           "allow this user the command INFO, or see by hand that it is a primary and no sentinel"}};
}

}  // namespace nightpost::app
