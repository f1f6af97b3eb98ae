// A group whose members are away, each with a phone; and one send in groups of several sizes.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "bench/im/measure.h"
#include "bench/im/phases.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kEventMembersMax = 1'000;
constexpr auto kAllEvents = 60s;

std::string away_member(std::size_t number) { return fmt::format("away-{}", number); }
std::string sized_member(std::size_t number) { return fmt::format("sized-{}", number); }

std::string group_message(const std::string& group, const std::string& from, std::size_t random) {
  return fmt::format(R"({{"GroupId":"{}","From_Account":"{}","Random":{},"MsgBody":[{{"MsgType":"TIMTextElem",)"
                     R"("MsgContent":{{"Text":"{} Shall we meet at the station?"}}}}]}})",
                     group, from, random, random);
}

/// One call and its answer, in ms.
double call_ms(Callers& callers, std::string_view command, std::string body) {
  const auto start = Clock::now();
  callers.call_all(command, {std::move(body)});
  return seconds_of(Clock::now() - start) * 1'000;
}

void wait_for_members(const ImBed& bed, double members) {
  double is = 0;
  if (!support::eventually(
          kAllEvents, [&] { return (is = bed.metric("nightpost_im_group_event_members_total")) >= members; }, 100ms))
    throw std::runtime_error(fmt::format("events for {} members of {}", is, members));
  bed.expect_metric("nightpost_im_group_intents_held", 0);  // all are durable
}

/// In the topic: everyone once a message, in events of at most 1000.
double compare_events(const ImGround& ground, const ImBed& bed, std::size_t members) {
  support::Topics topics(ground.brokers);
  std::map<std::string, std::set<std::string>> named;  // by message
  std::size_t events = 0;
  topics.read(bed.offline_topic(), [&](const support::ReadRecord& record) {
    const nlohmann::json event = nlohmann::json::parse(record.value);
    if (!event.contains("message")) return;
    ++events;
    if (event.at("to").size() > kEventMembersMax) throw std::runtime_error("an event of more than 1000 receivers");
    std::set<std::string>& those = named[event.at("message").at("id")];
    for (const nlohmann::json& to : event.at("to"))
      if (!those.insert(to.at("user_id")).second) throw std::runtime_error("a member is named twice");
  });
  for (const auto& [message, those] : named)
    if (those.size() != members)
      throw std::runtime_error(fmt::format("message {}: {} members of {}", message, those.size(), members));
  return static_cast<double>(events) / static_cast<double>(named.size());
}

/// By then the relay has looked at each member for each message: 30 million of them in the largest group.
constexpr auto kWalked = 5min;

}  // namespace

void measure_group_away(const ImPlan& plan, const ImGround& ground, ImBed& bed, Measured& run) {
  std::vector<std::string> users;
  for (std::size_t i = 0; i < plan.group_members; ++i) users.push_back(away_member(i));
  Callers callers(bed, RestHttp::One, 16);
  import_accounts(callers, users);
  import_accounts(callers, {"away-owner"});
  import_group(callers, "away", "away-owner", users);
  {
    Crowd crowd(bed.port(), bed.tls());
    for (const std::string& user : users) crowd.add(user);
    crowd.login_all(0, plan.logins_at_once);
    bed.expect_metric("nightpost_im_online", static_cast<double>(users.size()));
  }
  bed.expect_metric("nightpost_im_online", 0);
  const auto members = static_cast<double>(users.size());
  call_ms(callers, "group_open_http_svc/send_group_msg", group_message("away", "away-owner", 1));
  wait_for_members(bed, members);  // what is counted once is counted

  const ImBed::Commits before = bed.commits();
  const auto cpu = bed.usage().cpu;
  const auto start = Clock::now();
  run["away_send_ms"] = call_ms(callers, "group_open_http_svc/send_group_msg", group_message("away", "away-owner", 2));
  wait_for_members(bed, 2 * members);
  run["away_events_ms"] = seconds_of(Clock::now() - start) * 1'000;
  run["away_cpu_ms"] = static_cast<double>((bed.usage().cpu - cpu).count()) / 1'000;
  run["away_members"] = members;
  run["away_commits"] = bed.commits().commits - before.commits;
  run["away_events"] = compare_events(ground, bed, users.size());
}

void measure_group_sizes(const ImPlan& plan, ImBed& bed, Measured& run) {
  Callers callers(bed, RestHttp::One, 16);
  std::vector<std::string> users;
  for (std::size_t i = 0; i < std::ranges::max(plan.group_sizes); ++i) users.push_back(sized_member(i));
  import_accounts(callers, users);
  for (const std::size_t size : plan.group_sizes) {
    const std::string group = fmt::format("sized-{}", size);
    import_group(callers, group, users.front(), {users.begin() + 1, users.begin() + std::ptrdiff_t(size)});
    call_ms(callers, "group_open_http_svc/send_group_msg", group_message(group, users.front(), 1));
    bed.expect_metric("nightpost_im_group_intents_held", 0, kWalked);
    const ImBed::Commits before = bed.commits();
    const auto cpu = bed.usage().cpu;
    std::vector<Clock::duration> took;
    for (std::size_t i = 0; i < plan.size_sends; ++i) {
      const auto start = Clock::now();
      callers.call_all("group_open_http_svc/send_group_msg", {group_message(group, users.front(), 2 + i)});
      took.push_back(Clock::now() - start);
    }
    bed.expect_metric("nightpost_im_group_intents_held", 0, kWalked);
    const auto cpu_used = bed.usage().cpu - cpu;
    const auto sends = static_cast<double>(plan.size_sends);
    const std::string prefix = fmt::format("size_{}_", size);
    run[prefix + "p50_ms"] = percentile_ms(took, 0.5);
    run[prefix + "p99_ms"] = percentile_ms(took, 0.99);
    run[prefix + "cpu_us_per_send"] = static_cast<double>(cpu_used.count()) / sends;
    run[prefix + "commits_per_send"] = (bed.commits().commits - before.commits) / sends;
  }
}

}  // namespace nightpost::bench
