// nightpost doctor: is all there that a worker of this config needs, and what is to be done?
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

#include "app/commands.h"
#include "app/doctor_findings.h"
#include "app/doctor_nodes.h"
#include "app/doctor_probe.h"
#include "app/im_redis.h"
#include "app/output.h"
#include "app/proxy_options.h"

namespace nightpost::app {
namespace {

struct DoctorOptions {
  CommonOptions common;
  double timeout_s = 20;
  bool online = false;
};

nlohmann::ordered_json as_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Finding& each : findings)
    all.push_back({{"health", name_of(each.health)},
                   {"area", each.area},
                   {"subject", each.subject},
                   {"what", each.what},
                   {"todo", each.todo}});
  return {{"health", name_of(worst_of(findings))}, {"findings", std::move(all)}};
}

int run(const DoctorOptions& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  const SystemClock clock;
  const auto limit = milliseconds(static_cast<std::int64_t>(options.timeout_s * 1000));
  const MonoTime deadline = clock.mono() + limit;
  std::vector<Finding> findings;
  const std::string& path = options.common.config_path;
  findings.push_back({Health::Ok, "config", path.empty() ? "built-in defaults" : path, "good", ""});

  const std::vector<TopicRole> roles = topics_of(*config);
  const auto& retry = config->topics.retry;
  kafka::ClusterQuestion question{
      .topics = {},
      .groups = {{config->consumer.group_id, {config->topics.offline}},
                 {kafka::delay_group_id(config->consumer.delay_group_id, config->consumer.group_id),
                  {retry.begin(), retry.end()}}},
      .future = clock.wall() + config->skew_warn};
  for (const TopicRole& role : roles) question.topics.push_back(role.topic);
  // Brokers and vendors are asked side by side.
  std::future<kafka::ClusterFacts> cluster =
      std::async(std::launch::async, [&] { return kafka::look_at_cluster(config->consumer.kafka, question, limit); });

  StoreLook look = look_at_store(*config);
  const auto add = [&findings](std::vector<Finding> more) { std::ranges::move(more, std::back_inserter(findings)); };
  add(std::move(look.findings));
  std::vector<HostFacts> hosts;
  const auto proxy = open_proxy(config->proxy);
  if (proxy)
    hosts = look_at_hosts(*config, *proxy, look, options.online, deadline, clock);
  else
    findings.push_back({Health::Fault, "proxy", config->proxy.credentials_file, proxy.error().detail,
                        "correct proxy.credentials_file: user:password, mode 0600"});
  for (const CredentialFacts& each : look.credentials) findings.push_back(judge(each, clock.wall()));
  add(judge(look.holds, look.credentials));
  if (look.opens && look.credentials.empty())
    findings.push_back({Health::Warning, "credential", "", "there is none: nothing can be sent",
                        "add one: nightpost cert add --help"});
  for (const HostFacts& each : hosts) add(judge(each, config->skew_warn));
  auto redis = look_at_redis(*config, deadline);
  const bool redis_works = worst_of(redis) == Health::Ok;
  add(std::move(redis));
  if (redis_works) add(look_at_redis_server(*config, deadline));
  if (look.opens) add(look_at_nodes(*config));
  const kafka::ClusterFacts facts = cluster.get();
  add(judge(facts, roles, *config));

  if (options.common.json)
    print_json(as_json(findings));
  else
    fmt::print("{}", text_of(findings));
  if (!facts.trouble.empty() || !look.answers) return kUnreachable;
  return worst_of(findings) == Health::Ok ? int{kDone} : int{kNotAllWell};
}

}  // namespace

void add_doctor_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* doctor = root.add_subcommand("doctor", "Check all that a worker of this config needs, and say what to do");
  options->common.add_config(*doctor);
  options->common.add_json(*doctor);
  doctor->add_option("--timeout", options->timeout_s, "seconds for all of it")
      ->capture_default_str()
      ->check(CLI::Range(1, 600));
  doctor->add_flag("--online", options->online, "ask token endpoints for grants too, as a worker would");
  doctor->footer(
      "It looks at config, master key, store, credentials, vendors' hosts (TLS, name, clock; no push is sent), "
      "brokers,\n"
      "topics and their settings, the group and its lag; on PostgreSQL the companion's nodes (leases, clocks, what "
      "they\n"
      "are set to), and their Redis where im.redis.url names one. Exit codes: 0 all is well, 1 warnings or faults,\n"
      "2 the config is wrong, 3 the brokers or the store cannot be reached.\n"
      "Examples:\n  nightpost doctor --config config/dev.json\n"
      "  nightpost doctor --config config/dev.json --online --json | jq '.findings[] | select(.health != \"ok\")'");
  doctor->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace nightpost::app
