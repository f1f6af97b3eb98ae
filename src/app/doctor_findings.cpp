#include "app/doctor_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "app/held_removals.h"
#include "app/output.h"
#include "app/when.h"

namespace nightpost::app {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kFreeFault = 64 * kMiB;
constexpr std::uint64_t kFreeWarning = 1024 * kMiB;
/// A night, a weekend and a day of a holiday: as long somebody may not look.
constexpr milliseconds kRetentionMin = std::chrono::days(7);
constexpr milliseconds kExpirySoon = std::chrono::days(30);

Finding ok(std::string area, std::string subject, std::string what) {
  return {Health::Ok, std::move(area), std::move(subject), std::move(what), ""};
}
Finding warning(std::string area, std::string subject, std::string what, std::string todo) {
  return {Health::Warning, std::move(area), std::move(subject), std::move(what), std::move(todo)};
}
Finding fault(std::string area, std::string subject, std::string what, std::string todo) {
  return {Health::Fault, std::move(area), std::move(subject), std::move(what), std::move(todo)};
}

std::string subject_of(const Certificate& certificate) {
  return fmt::format("{} ({} {} of app {})", certificate.id.value, name_of(certificate.vendor), certificate.name,
                     certificate.app.value);
}

std::optional<std::int64_t> number_in(const kafka::TopicFacts& facts, const char* name) {
  const auto found = facts.settings.find(name);
  if (found == facts.settings.end()) return std::nullopt;
  std::int64_t number = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string alter(const std::string& topic, std::string_view setting) {
  return fmt::format("kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config {}", topic, setting);
}

std::string create(const TopicRole& role, const Config& config) {
  using Use = TopicRole::Use;
  const std::size_t partitions = role.use == Use::Marks ? 1 : std::max<std::size_t>(8, config.shards);
  std::string command = fmt::format("kafka-topics.sh --create --topic {} --partitions {}", role.topic, partitions);
  if (role.use == Use::Marks) command += " --config cleanup.policy=compact";
  if (role.use == Use::Dead || role.use == Use::Retry)
    command += fmt::format(" --config max.message.bytes={}", config.producer.message_bytes_max);
  return "create it: " + command;
}

/// Faults and warnings of one topic are gathered here; if there are none, it is ok.
struct TopicJudge {
  const kafka::TopicFacts& facts;
  const TopicRole& role;
  const Config& config;
  int members;
  std::vector<Finding>& findings;

  void warn(std::string what, std::string todo) {
    findings.push_back(warning("topic", facts.name, std::move(what), std::move(todo)));
  }
  void blame(std::string what, std::string todo) {
    findings.push_back(fault("topic", facts.name, std::move(what), std::move(todo)));
  }
  void judge_existence();
  void judge_partitions();
  void judge_policy();
  void judge_sizes();
  void judge_replicas();
};

void TopicJudge::judge_existence() {
  switch (*facts.trouble) {
    case kafka::Refusal::TopicMissing:
      if (role.use == TopicRole::Use::Marks)
        findings.push_back(ok("topic", facts.name, "not there yet: the first dlq replay or drop makes it"));
      else
        blame("is not there", create(role, config) + "; or correct its name in kafka.topics");
      break;
    case kafka::Refusal::Forbidden:
      blame("we may not look at it: " + facts.words, role.use == TopicRole::Use::Offline
                                                         ? "allow this client to describe and read it"
                                                         : "allow this client to describe, read and write it");
      break;
    default:
      blame(facts.words, "see the broker's log");
  }
}

void TopicJudge::judge_partitions() {
  if (facts.leaderless > 0)
    blame(fmt::format("{} of its {} partitions have no leader", facts.leaderless, facts.partitions),
          "bring back the brokers that hold them");
  if (facts.under_replicated > 0)
    warn(fmt::format("{} of its {} partitions have replicas that are not in sync", facts.under_replicated,
                     facts.partitions),
         "look for a broker that is down or slow");
  if (role.use == TopicRole::Use::Marks && facts.partitions != 1)
    warn(fmt::format("{} partitions", facts.partitions), "one is enough");
  if (role.use != TopicRole::Use::Offline) return;
  if (std::cmp_less(facts.partitions, config.shards))
    warn(fmt::format("{} partitions for {} shards of each worker: some shards have nothing to do", facts.partitions,
                     config.shards),
         fmt::format("add partitions (order per conversation breaks once), or lower worker.shards to {}",
                     facts.partitions));
  if (members > facts.partitions)
    warn(fmt::format("{} partitions for {} workers: some workers have nothing to do", facts.partitions, members),
         "add partitions (order per conversation breaks once), or stop workers");
}

void TopicJudge::judge_policy() {
  const auto policy = facts.settings.find("cleanup.policy");
  const bool compacts = policy != facts.settings.end() && policy->second.contains("compact");
  if (role.use == TopicRole::Use::Marks) {
    if (policy != facts.settings.end() && policy->second != "compact")
      blame("cleanup.policy is " + policy->second + ": marks vanish, and what was replayed is replayed again",
            alter(facts.name, "cleanup.policy=compact"));
    return;
  }
  if (compacts)
    blame(
        "cleanup.policy is " + policy->second + ": of records with one key, here a conversation, only the last is kept",
        alter(facts.name, "cleanup.policy=delete"));
  const auto retention = number_in(facts, "retention.ms");
  if (retention && *retention >= 0 && milliseconds(*retention) < kRetentionMin)
    warn(fmt::format("retention.ms is {}: records go after {:.1f} days, {}", *retention,
                     double(*retention) / double(milliseconds(std::chrono::days(1)).count()),
                     role.use == TopicRole::Use::Results ? "and nobody can look them up any more" : "done or not"),
         alter(facts.name, fmt::format("retention.ms={}", kRetentionMin.count())));
}

void TopicJudge::judge_sizes() {
  const auto bytes = number_in(facts, "max.message.bytes");
  if (!bytes) return;
  const auto wanted = static_cast<std::int64_t>(config.producer.message_bytes_max);
  if (role.use == TopicRole::Use::Dead && *bytes < wanted)
    warn(fmt::format("max.message.bytes is {}, below kafka.message_bytes_max ({}): larger letters are cut", *bytes,
                     wanted),
         alter(facts.name, fmt::format("max.message.bytes={}", wanted)));
  if (role.use == TopicRole::Use::Retry && *bytes < wanted)
    warn(fmt::format("max.message.bytes is {}, below kafka.message_bytes_max ({}): larger events cannot be put off",
                     *bytes, wanted),
         alter(facts.name, fmt::format("max.message.bytes={}", wanted)));
  if (role.use == TopicRole::Use::Offline && *bytes > wanted)
    warn(fmt::format("max.message.bytes is {}, above kafka.message_bytes_max ({}): larger events cannot become letters "
                     "whole",
                     *bytes, wanted),
         fmt::format("raise kafka.message_bytes_max to {}, or lower the topic's", *bytes));
}

void TopicJudge::judge_replicas() {
  if (facts.replicas < 2) {
    warn("one replica: a broker that is lost takes it along", "give it three replicas, with min.insync.replicas=2");
    return;
  }
  const auto in_sync = number_in(facts, "min.insync.replicas");
  if (!in_sync) return;
  if (*in_sync < 2)
    warn("min.insync.replicas is 1: what one broker alone has taken counts as written",
         alter(facts.name, "min.insync.replicas=2"));
  else if (*in_sync >= facts.replicas)
    warn(fmt::format("min.insync.replicas is {} of {} replicas: one broker that is away stops all writing", *in_sync,
                     facts.replicas),
         alter(facts.name, fmt::format("min.insync.replicas={}", facts.replicas - 1)));
}

void judge_topic(TopicJudge judge) {
  const std::size_t before = judge.findings.size();
  const kafka::TopicFacts& facts = judge.facts;
  if (facts.trouble) return judge.judge_existence();
  judge.judge_partitions();
  if (facts.settings_trouble.empty()) {
    judge.judge_policy();
    judge.judge_sizes();
  } else {
    judge.warn("its settings cannot be read: " + facts.settings_trouble,
               "allow this client to describe its configs, or check retention, size and cleanup.policy by hand");
  }
  judge.judge_replicas();
  if (facts.has_future_record)
    judge.warn("it has records of the future",
               "the clock of whoever wrote them is ahead, or this machine's is behind: let all follow NTP");
  if (judge.findings.size() == before)
    judge.findings.push_back(
        ok("topic", facts.name, fmt::format("{} partitions, {} replicas", facts.partitions, facts.replicas)));
}

Finding judge_group(const kafka::GroupFacts& group, const Config& config) {
  const std::string& name = group.name;
  if (!group.trouble.empty())
    return warning("group", name, group.trouble, "allow this client to describe the group and read its offsets");
  const bool is_fresh = name == config.consumer.group_id;
  const std::string lag = fmt::format(
      "{} records {}{}", group.lag, is_fresh ? "behind" : "wait for their time or are behind",
      group.never_committed > 0 ? fmt::format(", {} partitions never committed", group.never_committed) : "");
  if (group.members == 0) return warning("group", name, "no worker is in it; " + lag, "start nightpost worker");
  // What a worker holds in flight is behind too.
  if (is_fresh && group.lag > static_cast<std::int64_t>(config.consumer.in_flight_max) * group.members)
    return warning("group", name, fmt::format("{} workers; {}", group.members, lag),
                   "see nightpost_kafka_oldest_unsettled_seconds and the breakers on /metrics; add workers");
  return ok("group", name, fmt::format("{} workers, {}", group.members, lag));
}

Finding key_fault(const std::string& trouble) {
  return fault("store", "master key", trouble,
               "name the key that sealed the credentials in store.master_key_file (mode 0600), or in the environment's "
               "NIGHTPOST_MASTER_KEY");
}

/// A socket in the file system, or a loopback address: nobody is between.
bool is_on_this_machine(std::string_view address) {
  const auto at = std::max(address.rfind('@') + 1, address.find("://") + 3);  // npos + 1 is 0
  const std::string_view host = address.substr(at);
  return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]") ||
         host.starts_with('/') || host.starts_with("%2F") || host.empty();
}

}  // namespace

std::string_view name_of(Health health) noexcept {
  switch (health) {
    case Health::Warning:
      return "warning";
    case Health::Fault:
      return "fault";
    case Health::Ok:
      break;
  }
  return "ok";
}

std::vector<Finding> judge(const StoreFacts& facts) {
  std::vector<Finding> findings;
  if (!facts.key_trouble.empty()) findings.push_back(key_fault(facts.key_trouble));
  if (!facts.is_there) {
    findings.push_back(fault("store", facts.path, "is not there",
                             "correct store.url (a relative one counts from the working directory), or make it by "
                             "adding a credential: nightpost cert add --help"));
    return findings;
  }
  if (!facts.open_trouble.empty()) {
    findings.push_back(fault("store", facts.path, facts.open_trouble,
                             facts.schema > facts.schema_ours ? "run the newer Nightpost that wrote it"
                                                              : "put back the file from its backup, or correct its "
                                                                "owner, mode and store.url"));
    return findings;
  }
  if (!facts.is_writable)
    findings.push_back(fault("store", facts.path, "cannot be written by this user: dead tokens stay, devices too",
                             "let this user write the file and its folder, where the write-ahead log lies"));
  if (facts.free_bytes && *facts.free_bytes < kFreeWarning) {
    const std::string what = fmt::format("{} MiB are free where it lies", *facts.free_bytes / kMiB);
    constexpr const char* kTodo = "make room: a full disk stops every write to the store";
    findings.push_back(*facts.free_bytes < kFreeFault ? fault("store", facts.path, what, kTodo)
                                                      : warning("store", facts.path, what, kTodo));
  }
  if (facts.schema < facts.schema_ours && facts.schema > 0)
    findings.push_back(
        ok("store", facts.path, fmt::format("was of schema {} and is now of {}", facts.schema, facts.schema_ours)));
  if (worst_of(findings) == Health::Ok)
    findings.push_back(ok("store", facts.path, fmt::format("opens, schema {}", facts.schema_ours)));
  return findings;
}

std::vector<Finding> judge(const DatabaseFacts& facts) {
  std::vector<Finding> findings;
  if (!facts.key_trouble.empty()) findings.push_back(key_fault(facts.key_trouble));
  if (!facts.open_trouble.empty())
    findings.push_back(fault("store", facts.address, facts.open_trouble,
                             facts.server && facts.server->schema > facts.server->schema_ours
                                 ? "run the newer Nightpost that wrote it"
                                 : "check store.url, store.password_file, whether the server runs and lets this "
                                   "machine in (pg_hba.conf)"));
  if (!facts.server) return findings;
  const store::PostgresFacts& server = *facts.server;
  if (!server.writable)
    findings.push_back(fault("store", facts.address, "takes no writes: dead tokens stay, devices too",
                             "name the primary in store.url, or all hosts and target_session_attrs=read-write"));
  if (!server.encrypted && !is_on_this_machine(facts.address))
    findings.push_back(warning("store", facts.address, "is reached without TLS",
                               "let the server offer it and add sslmode=verify-full to store.url"));
  if (!facts.open_trouble.empty()) return findings;
  findings.push_back(
      ok("store", facts.address,
         fmt::format(
             "PostgreSQL {}, {}, connected in {} ms, answers in {:.1f} ms, schema {}{}", server.server,
             server.encrypted ? "TLS" : "no TLS", server.connected_in.count(),
             static_cast<double>(server.answered_in.count()) / 1'000, server.schema_ours,
             server.schema > 0 && server.schema < server.schema_ours ? fmt::format(" (was {})", server.schema) : "")));
  return findings;
}

std::vector<TopicRole> topics_of(const Config& config) {
  using Use = TopicRole::Use;
  std::vector<TopicRole> roles = {
      {config.topics.offline, Use::Offline}, {config.topics.results, Use::Results}, {config.topics.dead, Use::Dead}};
  for (const std::string& topic : config.topics.retry) roles.push_back({topic, Use::Retry});
  roles.push_back({config.topics.dead_marks, Use::Marks});
  return roles;
}

std::vector<Finding> judge(const kafka::ClusterFacts& facts, std::span<const TopicRole> roles, const Config& config) {
  std::vector<Finding> findings;
  for (const kafka::ConnectionTrouble& trouble : facts.connections)
    findings.push_back(fault("kafka", trouble.broker, fmt::format("{}: {}", kafka::name_of(trouble.why), trouble.words),
                             trouble.todo));
  if (!facts.trouble.empty()) {
    findings.push_back(fault("kafka", config.consumer.kafka.brokers, "no broker answers: " + facts.trouble,
                             facts.connections.empty()
                                 ? "check kafka.brokers, the network between, and whether the brokers run"
                                 : "first what stands above"));
    return findings;
  }
  findings.push_back(ok("kafka", fmt::format("{}", fmt::join(facts.brokers, ",")),
                        fmt::format("{} broker{}", facts.brokers.size(), facts.brokers.size() == 1 ? "" : "s")));
  for (std::size_t i = 0; i < facts.topics.size() && i < roles.size(); ++i)
    judge_topic({facts.topics[i], roles[i], config, facts.groups.empty() ? 0 : facts.groups[0].members, findings});
  for (const kafka::GroupFacts& group : facts.groups) findings.push_back(judge_group(group, config));
  return findings;
}

Finding judge(const CredentialFacts& facts, WallTime now) {
  const Certificate& certificate = facts.certificate;
  const std::string subject = subject_of(certificate);
  const auto found = [&](Health health, std::string what, std::string todo) {
    return Finding{health, "credential", subject, std::move(what), std::move(todo)};
  };
  const std::string update = fmt::format("nightpost cert update {}", certificate.id.value);
  if (certificate.status == CertificateStatus::Disabled)
    return found(Health::Ok, "disabled: nothing is sent with it", "");
  if (!facts.trouble.empty())
    return found(Health::Fault, facts.trouble, "bring back the master key that sealed it, or seal it anew: " + update);
  if (facts.granted && !*facts.granted) {
    const Error& error = facts.granted->error();
    return error.code == Errc::Unauthorized
               ? found(Health::Fault, "the vendor gives no grant: " + error.detail, "replace the credential: " + update)
               : found(Health::Warning, "no grant could be had: " + error.detail,
                       "try again; if it stays so, look at the way to the vendor's token endpoint");
  }
  const std::string granted = facts.granted ? ", the vendor gives a grant" : "";
  const auto expiry = certificate.facts.find("not_after");
  const auto until = expiry == certificate.facts.end() ? std::optional<WallTime>() : [&]() -> std::optional<WallTime> {
    const auto parsed = parse_when(expiry->second, now);
    if (!parsed) return std::nullopt;
    return *parsed;
  }();
  if (!until) return found(Health::Ok, "opens; it has no date of expiry" + granted, "");
  const auto days = std::chrono::floor<std::chrono::days>(*until - now).count();
  if (*until <= now)
    return found(Health::Fault, "expired on " + expiry->second, "renew it at the vendor, then: " + update);
  if (*until - now < kExpirySoon)
    return found(Health::Warning, fmt::format("expires in {} days, on {}", days, expiry->second),
                 "renew it at the vendor, then: " + update);
  return found(Health::Ok, fmt::format("opens; {} days left{}", days, granted), "");
}

std::vector<Finding> judge(std::span<const store::RemovalHold> holds, std::span<const CredentialFacts> certificates) {
  std::vector<Finding> findings;
  for (const auto& [id, held] : summarize(holds)) {
    const auto found = std::ranges::find(certificates, CertificateId{id},
                                         [](const CredentialFacts& each) { return each.certificate.id; });
    if (found == certificates.end()) continue;  // removed in this moment
    findings.push_back(warning("removals", subject_of(found->certificate), sentence_of(held),
                               fmt::format("check its bundle id or package, and its environment; if they are right: "
                                           "nightpost cert approve-removals {}",
                                           id)));
  }
  return findings;
}

std::vector<Finding> judge(const HostFacts& facts, milliseconds skew_warn) {
  std::vector<Finding> findings;
  const std::string subject =
      fmt::format("{} ({}{})", facts.origin, facts.vendors, facts.proxy.empty() ? "" : ", through " + facts.proxy);
  switch (facts.reached) {
    case HostFacts::Reached::Answered:
      findings.push_back(ok("vendor", subject, "reached, its certificate passes"));
      break;
    case HostFacts::Reached::Connected:
      findings.push_back(warning("vendor", subject, "connected, its certificate passes, but no answer: " + facts.words,
                                 "try again; if it stays so, look for a firewall that cuts connections"));
      break;
    case HostFacts::Reached::Untrusted:
      findings.push_back(fault("vendor", subject, "its certificate does not pass: " + facts.words,
                               "something on the way ends TLS, or the host is the wrong one; an authority of your own "
                               "goes with the credential: cert update --ca-file"));
      break;
    case HostFacts::Reached::Not:
      findings.push_back(fault("vendor", subject, "cannot be reached: " + facts.words,
                               facts.proxy.empty()
                                   ? "open the way out (DNS, firewall), or name the proxy in proxy.url"
                                   : "let the proxy through to it, or correct proxy.url and proxy.credentials_file"));
      break;
  }
  if (facts.skew && std::chrono::abs(*facts.skew) > skew_warn)
    findings.push_back(fault("vendor", subject,
                             fmt::format("this machine's clock is {} s {} the host's",
                                         std::chrono::round<seconds>(std::chrono::abs(*facts.skew)).count(),
                                         facts.skew->count() > 0 ? "ahead of" : "behind"),
                             "let this machine follow NTP: signed tokens and timestamps are refused"));
  return findings;
}

Health worst_of(std::span<const Finding> findings) noexcept {
  Health worst = Health::Ok;
  for (const Finding& finding : findings) worst = std::max(worst, finding.health);
  return worst;
}

std::string text_of(std::span<const Finding> findings) {
  std::string text;
  for (const Finding& finding : findings) {
    const std::string subject = finding.subject.empty() ? "" : finding.subject + ": ";
    text += fmt::format("{:<8} {:<11} {}{}\n", name_of(finding.health), finding.area, printable(subject),
                        printable(finding.what));
    if (!finding.todo.empty()) text += fmt::format("{:<20} → {}\n", "", printable(finding.todo));
  }
  return text;
}

}  // namespace nightpost::app
