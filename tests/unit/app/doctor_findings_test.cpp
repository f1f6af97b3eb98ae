#include "app/doctor_findings.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace nightpost;
using namespace nightpost::app;

namespace {

constexpr std::int64_t kJudgedAt = 1'795'942'800'000;  // 2026-11-29T09:00:00Z
using Use = TopicRole::Use;

/// One finding is worse than ok, and says this and that.
void check_one(const std::vector<Finding>& findings, Health health, std::string_view what, std::string_view todo) {
  CAPTURE(text_of(findings));
  CHECK(worst_of(findings) == health);
  int found = 0;
  for (const Finding& each : findings) {
    CHECK((each.health == Health::Ok) == each.todo.empty());  // whoever complains says what to do
    if (each.health == health && each.what.contains(what) && each.todo.contains(todo)) ++found;
  }
  CHECK(found == 1);
}

kafka::TopicFacts good_topic(const std::string& name, Use use) {
  kafka::TopicFacts facts;
  facts.name = name;
  facts.partitions = use == Use::Marks ? 1 : 12;
  facts.replicas = 3;
  facts.settings = {{"retention.ms", "1209600000"},
                    {"cleanup.policy", use == Use::Marks ? "compact" : "delete"},
                    {"max.message.bytes", use == Use::Dead || use == Use::Retry ? "12582912" : "1048588"},
                    {"min.insync.replicas", "2"}};
  return facts;
}

/// Of a cluster where all is well, but for one topic of this use.
std::vector<Finding> judged(Use use, const std::function<void(kafka::TopicFacts&, Config&)>& spoil, int members = 2) {
  Config config;
  kafka::ClusterFacts facts;
  facts.brokers = {"a:9092"};
  facts.groups = {{.name = config.consumer.group_id, .trouble = {}, .members = members}};
  const std::vector<TopicRole> roles = {{"t", use}};
  facts.topics.push_back(good_topic("t", use));
  spoil(facts.topics[0], config);
  return judge(facts, roles, config);
}

Certificate certificate() {
  Certificate made;
  made.id = {3};
  made.app = {7};
  made.vendor = Vendor::Apns;
  made.name = "shop";
  return made;
}

}  // namespace

TEST_CASE("doctor: what a store on PostgreSQL may have", "[app][doctor]") {
  const DatabaseFacts good{"postgresql://np@db/push",
                           {},
                           {},
                           store::PostgresFacts{.server = "15.18",
                                                .encrypted = true,
                                                .writable = true,
                                                .connected_in = milliseconds(7),
                                                .answered_in = std::chrono::microseconds(1'250),
                                                .schema = 1,
                                                .schema_ours = 2}};
  const auto all_well = judge(good);
  REQUIRE(all_well.size() == 1);
  CHECK(all_well[0].health == Health::Ok);
  CHECK(all_well[0].what == "PostgreSQL 15.18, TLS, connected in 7 ms, answers in 1.2 ms, schema 2 (was 1)");
  struct Row {
    const char* name;
    std::function<void(DatabaseFacts&)> spoil;
    Health health;
    std::string what, todo;
  };
  const Row row = GENERATE(values<Row>({
      {"no key", [](auto& f) { f.key_trouble = "no master key"; }, Health::Fault, "no master key", "master_key_file"},
      {"not reached",
       [](auto& f) {
         f.server.reset();
         f.open_trouble = "refused";
       },
       Health::Fault, "refused", "store.url"},
      {"newer",
       [](auto& f) {
         f.server->schema = 9;
         f.open_trouble = "newer";
       },
       Health::Fault, "newer", "run the newer"},
      {"a standby", [](auto& f) { f.server->writable = false; }, Health::Fault, "takes no writes", "read-write"},
      {"no TLS", [](auto& f) { f.server->encrypted = false; }, Health::Warning, "without TLS", "verify-full"},
  }));
  CAPTURE(row.name);
  DatabaseFacts facts = good;
  row.spoil(facts);
  std::vector<Finding> findings = judge(facts);
  std::erase_if(findings, [](const Finding& finding) { return finding.health == Health::Ok; });
  check_one(findings, row.health, row.what, row.todo);
  for (const char* here : {"postgresql://np@localhost/x", "postgresql://127.0.0.1:5/x", "postgresql://[::1]/x",
                           "postgresql:///x", "postgresql://np@/x"}) {
    DatabaseFacts local = good;
    local.address = here;
    local.server->encrypted = false;
    CHECK(worst_of(judge(local)) == Health::Ok);
  }
}

TEST_CASE("doctor: a good store", "[app][doctor]") {
  const StoreFacts good{.path = "s.db",
                        .is_there = true,
                        .is_writable = true,
                        .key_trouble = {},
                        .open_trouble = {},
                        .schema = 5,
                        .schema_ours = 5,
                        .free_bytes = std::uint64_t{1} << 40};
  CHECK(worst_of(judge(good)) == Health::Ok);
  StoreFacts older = good;
  older.schema = 4;
  CHECK(worst_of(judge(older)) == Health::Ok);
  StoreFacts unknown_space = good;
  unknown_space.free_bytes.reset();
  CHECK(worst_of(judge(unknown_space)) == Health::Ok);
}

TEST_CASE("doctor: what a store may have", "[app][doctor]") {
  struct Row {
    const char* name;
    std::function<void(StoreFacts&)> spoil;
    Health health;
    std::string what, todo;
  };
  const Row row = GENERATE(values<Row>({
      {"no key", [](auto& f) { f.key_trouble = "no master key"; }, Health::Fault, "no master key", "master_key_file"},
      {"no file", [](auto& f) { f.is_there = false; }, Health::Fault, "is not there", "store.url"},
      {"not ours", [](auto& f) { f.open_trouble = "of another program"; }, Health::Fault, "another program", "backup"},
      {"newer",
       [](auto& f) {
         f.open_trouble = "newer";
         f.schema = 9;
       },
       Health::Fault, "newer", "run the newer"},
      {"read only", [](auto& f) { f.is_writable = false; }, Health::Fault, "cannot be written", "write-ahead"},
      {"little room", [](auto& f) { f.free_bytes = 500u << 20; }, Health::Warning, "500 MiB", "make room"},
      {"no room", [](auto& f) { f.free_bytes = 63u << 20; }, Health::Fault, "63 MiB", "make room"},
  }));
  CAPTURE(row.name);
  StoreFacts facts{.path = "s.db",
                   .is_there = true,
                   .is_writable = true,
                   .key_trouble = {},
                   .open_trouble = {},
                   .schema = 5,
                   .schema_ours = 5,
                   .free_bytes = std::uint64_t{1} << 40};
  row.spoil(facts);
  check_one(judge(facts), row.health, row.what, row.todo);
}

TEST_CASE("doctor: good topics of each use", "[app][doctor]") {
  const Use use = GENERATE(Use::Offline, Use::Results, Use::Dead, Use::Retry, Use::Marks);
  const auto findings = judged(use, [](auto&, auto&) {});
  CAPTURE(text_of(findings));
  CHECK(worst_of(findings) == Health::Ok);
}

TEST_CASE("doctor: what a topic may have", "[app][doctor]") {
  using Facts = kafka::TopicFacts;
  struct Row {
    const char* name;
    Use use;
    std::function<void(Facts&, Config&)> spoil;
    Health health;
    std::string what, todo;
  };
  const auto setting = [](const char* name, const char* value) {
    return [name, value](Facts& facts, Config&) { facts.settings[name] = value; };
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"missing", Use::Offline, [](Facts& f, Config&) { f.trouble = kafka::Refusal::TopicMissing; }, Health::Fault,
       "is not there", "--create --topic t --partitions 8"},
      {"missing dead topic", Use::Dead, [](Facts& f, Config&) { f.trouble = kafka::Refusal::TopicMissing; },
       Health::Fault, "is not there", "max.message.bytes=12582912"},
      {"forbidden", Use::Results, [](Facts& f, Config&) { f.trouble = kafka::Refusal::Forbidden; }, Health::Fault,
       "may not look", "write it"},
      {"no leader", Use::Offline, [](Facts& f, Config&) { f.leaderless = 2; }, Health::Fault, "2 of its 12", "brokers"},
      {"out of sync", Use::Offline, [](Facts& f, Config&) { f.under_replicated = 1; }, Health::Warning, "1 of its 12",
       "down or slow"},
      {"fewer partitions than shards", Use::Offline, [](Facts&, Config& c) { c.shards = 16; }, Health::Warning,
       "12 partitions for 16 shards", "worker.shards to 12"},
      {"fewer partitions than workers", Use::Offline, [](Facts& f, Config&) { f.partitions = 1; }, Health::Warning,
       "1 partitions for 2 workers", "stop workers"},
      {"compacted events", Use::Offline, setting("cleanup.policy", "compact,delete"), Health::Fault, "compact,delete",
       "cleanup.policy=delete"},
      {"compacted letters", Use::Dead, setting("cleanup.policy", "compact"), Health::Fault, "a conversation",
       "cleanup.policy=delete"},
      {"marks that vanish", Use::Marks, setting("cleanup.policy", "delete"), Health::Fault, "replayed again",
       "cleanup.policy=compact"},
      {"marks in many partitions", Use::Marks, [](Facts& f, Config&) { f.partitions = 3; }, Health::Warning,
       "3 partitions", "one is enough"},
      {"short retention", Use::Dead, setting("retention.ms", "86400000"), Health::Warning, "after 1.0 days",
       "retention.ms=604800000"},
      {"small letters", Use::Dead, setting("max.message.bytes", "1048588"), Health::Warning, "letters are cut",
       "max.message.bytes=12582912"},
      {"small deferrals", Use::Retry, setting("max.message.bytes", "1048588"), Health::Warning, "cannot be put off",
       "max.message.bytes=12582912"},
      {"larger events than letters", Use::Offline, setting("max.message.bytes", "20000000"), Health::Warning,
       "cannot become letters", "message_bytes_max to 20000000"},
      {"one replica", Use::Results, [](Facts& f, Config&) { f.replicas = 1; }, Health::Warning, "one replica", "three"},
      {"one broker's word", Use::Results, setting("min.insync.replicas", "1"), Health::Warning, "is 1",
       "min.insync.replicas=2"},
      {"all brokers' word", Use::Results, setting("min.insync.replicas", "3"), Health::Warning, "stops all writing",
       "min.insync.replicas=2"},
      {"settings unknown", Use::Dead,
       [](Facts& f, Config&) {
         f.settings.clear();
         f.settings_trouble = "denied";
       },
       Health::Warning, "denied", "describe its configs"},
      {"records of the future", Use::Offline, [](Facts& f, Config&) { f.has_future_record = true; }, Health::Warning,
       "of the future", "NTP"},
  }));
  CAPTURE(row.name);
  check_one(judged(row.use, row.spoil), row.health, row.what, row.todo);
}

TEST_CASE("doctor: what a topic may have and still be well", "[app][doctor]") {
  const auto well = [](Use use, const std::function<void(kafka::TopicFacts&, Config&)>& change) {
    const auto findings = judged(use, change);
    CAPTURE(text_of(findings));
    CHECK(worst_of(findings) == Health::Ok);
  };
  well(Use::Dead, [](auto& f, auto&) { f.settings["retention.ms"] = "-1"; });
  well(Use::Dead, [](auto& f, auto&) { f.settings["retention.ms"] = "604800000"; });
  well(Use::Dead, [](auto& f, auto&) { f.settings["max.message.bytes"] = "20000000"; });
  well(Use::Dead, [](auto& f, auto&) { f.settings.clear(); });
  well(Use::Dead, [](auto& f, auto&) { f.settings["retention.ms"] = "a week"; });
  well(Use::Marks, [](auto& f, auto&) { f.trouble = kafka::Refusal::TopicMissing; });
  well(Use::Offline, [](auto&, auto& c) { c.shards = 12; });
}

TEST_CASE("doctor: brokers and the group", "[app][doctor]") {
  Config config;
  kafka::ClusterFacts facts;
  facts.brokers = {"a:9092"};
  const std::string fresh = config.consumer.group_id, delays = fresh + ".delay";
  facts.groups = {{.name = fresh, .trouble = {}, .members = 2, .lag = 80'000},
                  {.name = delays, .trouble = {}, .members = 2, .lag = 1'000'000}};  // they wait for their time
  CHECK(worst_of(judge(facts, {}, config)) == Health::Ok);
  facts.groups[0].lag = 80'001;  // more than two workers may have in flight
  check_one(judge(facts, {}, config), Health::Warning, "80001 records behind", "add workers");
  facts.groups[0] = {.name = fresh, .trouble = {}, .members = 0, .lag = 5, .never_committed = 3};
  check_one(judge(facts, {}, config), Health::Warning, "5 records behind, 3 partitions never",
            "start nightpost worker");
  facts.groups[0] = {.name = fresh, .trouble = "denied"};
  check_one(judge(facts, {}, config), Health::Warning, "denied", "describe the group");
  facts.groups[0] = {.name = fresh, .trouble = {}, .members = 1};
  facts.groups[1] = {.name = delays, .trouble = {}, .members = 0, .lag = 5};
  check_one(judge(facts, {}, config), Health::Warning, "no worker is in it; 5 records wait", "start nightpost worker");
  facts.groups[1] = {.name = delays, .trouble = "denied"};
  check_one(judge(facts, {}, config), Health::Warning, "denied", "describe the group");
  facts.groups[1] = {.name = delays, .trouble = {}, .members = 1};
  facts.connections = {{"b:9092", kafka::ConnectionFault::Expired, "words", "renew it"}};
  check_one(judge(facts, {}, config), Health::Fault, "expired: words", "renew it");
  kafka::ClusterFacts silent;
  silent.trouble = "timed out";
  const auto findings = judge(silent, {}, config);
  CHECK(findings.size() == 1);
  check_one(findings, Health::Fault, "no broker answers: timed out", "kafka.brokers");
}

TEST_CASE("doctor: credentials", "[app][doctor]") {
  struct Row {
    const char* name;
    std::function<void(CredentialFacts&)> change;
    Health health;
    std::string what, todo;
  };
  const auto expires = [](const char* at) {
    return [at](CredentialFacts& f) { f.certificate.facts["not_after"] = at; };
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"a key", [](auto&) {}, Health::Ok, "no date of expiry", ""},
      {"far from expiry", expires("2027-11-29T09:00:00Z"), Health::Ok, "365 days left", ""},
      {"thirty days", expires("2026-12-29T09:00:00Z"), Health::Ok, "30 days left", ""},
      {"near expiry", expires("2026-12-29T08:59:59Z"), Health::Warning, "expires in 29 days", "cert update 3"},
      {"expired", expires("2026-11-29T09:00:00Z"), Health::Fault, "expired on", "cert update 3"},
      {"a date that cannot be read", expires("soon"), Health::Ok, "no date of expiry", ""},
      {"sealed by another key", [](auto& f) { f.trouble = "sealed by master key 12"; }, Health::Fault, "sealed by",
       "master key"},
      {"disabled",
       [](auto& f) {
         f.trouble = "x";
         f.certificate.status = CertificateStatus::Disabled;
       },
       Health::Ok, "disabled", ""},
      {"granted", [](auto& f) { f.granted = Result<void>(); }, Health::Ok, "gives a grant", ""},
      {"refused", [](auto& f) { f.granted = fail(Errc::Unauthorized, "invalid_client"); }, Health::Fault,
       "invalid_client", "replace the credential"},
      {"not heard", [](auto& f) { f.granted = fail(Errc::Timeout, "no answer"); }, Health::Warning, "no answer",
       "try again"},
  }));
  CAPTURE(row.name);
  CredentialFacts facts{.certificate = certificate(), .trouble = {}, .granted = {}};
  row.change(facts);
  const Finding finding = judge(facts, wall_from_ms(kJudgedAt));
  CHECK(finding.subject == "3 (apns shop of app 7)");
  check_one({finding}, row.health, row.what, row.todo);
}

TEST_CASE("doctor: removals that are held", "[app][doctor]") {
  const CredentialFacts known{.certificate = certificate(), .trouble = {}, .granted = {}};
  store::RemovalHold hold{.certificate = {3},
                          .worker = "w",
                          .heard = "answers",
                          .code = "Unregistered",
                          .since = wall_from_ms(kJudgedAt),
                          .kept = 7};
  const auto findings = judge({&hold, 1}, {&known, 1});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].subject == "3 (apns shop of app 7)");
  check_one(findings, Health::Warning, "7 dead tokens are not removed", "cert approve-removals 3");
  hold.certificate = {4};
  CHECK(judge({&hold, 1}, {&known, 1}).empty());
  CHECK(judge(std::span<const store::RemovalHold>(), {&known, 1}).empty());
}

TEST_CASE("doctor: vendors' hosts", "[app][doctor]") {
  using Reached = HostFacts::Reached;
  const auto judged = [](HostFacts facts) { return judge(facts, milliseconds(10'000)); };
  HostFacts facts{.origin = "https://v",
                  .vendors = "apns",
                  .proxy = {},
                  .reached = Reached::Answered,
                  .words = {},
                  .skew = milliseconds(10'000)};
  CHECK(worst_of(judged(facts)) == Health::Ok);
  facts.skew = milliseconds(-10'001);
  check_one(judged(facts), Health::Fault, "10 s behind", "NTP");
  facts.skew = milliseconds(3'600'000);
  check_one(judged(facts), Health::Fault, "3600 s ahead of", "NTP");
  facts.skew.reset();
  facts.words = "words";
  facts.reached = Reached::Connected;
  check_one(judged(facts), Health::Warning, "no answer: words", "firewall");
  facts.reached = Reached::Untrusted;
  check_one(judged(facts), Health::Fault, "does not pass: words", "--ca-file");
  facts.reached = Reached::Not;
  check_one(judged(facts), Health::Fault, "cannot be reached: words", "proxy.url");
  facts.proxy = "proxy:3128";
  check_one(judged(facts), Health::Fault, "cannot be reached: words", "let the proxy through");
  CHECK(judged(facts)[0].subject == "https://v (apns, through proxy:3128)");
}

TEST_CASE("doctor: the report", "[app][doctor]") {
  const std::vector<Finding> findings = {{Health::Ok, "config", "dev.json", "good", ""},
                                         {Health::Fault, "kafka", "", "no\x1b[0m answer", "look"}};
  CHECK(text_of(findings) ==
        "ok       config      dev.json: good\n"
        "fault    kafka       no[0m answer\n"
        "                     → look\n");
  CHECK(worst_of({}) == Health::Ok);
}
