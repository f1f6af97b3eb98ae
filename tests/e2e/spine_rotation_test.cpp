// A credential gets new versions through the console's API, one after the other, while two workers push with it under a
// steady load. When each took effect on each worker is what the vendor saw, and is printed; that most did within a
// second, and that nothing was refused, lost or sent with an older key afterwards, is asserted. NIGHTPOST_ROTATIONS=100
// makes it a hundred, by hand. The master key is replaced likewise, by `cert rekey`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "core/text.h"
#include "core/time.h"
#include "e2e/spine_bed.h"
#include "store/postgres.h"
#include "store/sealer.h"
#include "support/postgres_server.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::milliseconds;
using Worker = support::Nightpost::Worker;

constexpr int kRotationsUsual = 10;
constexpr std::size_t kRotationUsers = 500;
constexpr auto kRotationEventEvery = 5ms;
constexpr std::size_t kSettledPushes = 20;  // of a worker, with the newest key alone: then the next one comes
constexpr std::array<const char*, 2> kRotationWorkers = {"one", "two"};

int rotations_wanted() {
  const char* text = std::getenv("NIGHTPOST_ROTATIONS");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? kRotationsUsual : std::max(1, std::atoi(text));
}

std::string rotated_key(int version) { return fmt::format("ROT{:07}", version); }

/// A push as the vendor saw it.
struct RotationPush {
  std::size_t worker = 0;
  int key = 0;  // which rotation brought it; 0: the first one
  int status = 0;
  std::int64_t at_ms = 0;
};

RotationPush rotation_push(const nlohmann::json& request) {
  RotationPush push{.status = request.at("verdict").at("status"), .at_ms = request.at("at")};
  const auto body = nlohmann::json::parse(request.at("body").get<std::string>());
  push.worker = body.at("aps").at("alert").at("title") == kRotationWorkers[0] ? 0 : 1;
  for (const auto& header : request.at("headers")) {
    if (header.at(0) != "authorization") continue;
    std::string_view token = header.at(1).get_ref<const std::string&>();
    token.remove_prefix(std::string_view("bearer ").size());
    const auto head = from_base64url(token.substr(0, token.find('.')));
    const std::string kid = nlohmann::json::parse(head.value()).at("kid");
    push.key = kid.starts_with("ROT") ? std::stoi(kid.substr(3)) : 0;
  }
  return push;
}

struct RotationBed : Bed {
  explicit RotationBed(bool on_postgres) {
    if (on_postgres) server.emplace(std::vector<std::string>{"fsync=off"});
    url = server ? server->new_database() : "sqlite:" + nightpost.store_path();
    for (std::size_t i = 0; i < configs.size(); ++i)
      configs[i] = nightpost.config(std::string(kRotationWorkers[i]) + ".json", names,
                                    {{"store", {{"url", url}}},
                                     {"console", {{"listen", "127.0.0.1:0"}, {"http_listen", "127.0.0.1:0"}}},
                                     {"content", {{"language", "en"}, {"titles", {{"en", kRotationWorkers[i]}}}}}});
    certificate = nightpost.add_certificate(configs[0], sandbox.url("apns"), sandbox.ca_file());
    auto store = server ? store::open_postgres(url, nullptr) : store::open_sqlite(nightpost.store_path(), nullptr);
    if (!store) throw std::runtime_error(store.error().detail);
    support::add_users(**store, certificate, kRotationUsers);
  }
  /// `nightpost console`, and a token of an operator's.
  void start_console() {
    const std::string ready = folder.file("console.ready");
    console.emplace(
        std::vector<std::string>{program(), "console", "--config", configs[0], "--ready-file", ready},
        support::ProcessOptions{.environment = {}, .folder = folder.path(), .log_file = folder.file("console.log")});
    REQUIRE(support::eventually(30s, [&] { return std::filesystem::exists(ready) || !console->running(); }));
    REQUIRE(console->running());
    console_url = nlohmann::json::parse(support::read_file(ready)).at("url");
    const support::Ran made =
        nightpost.run({"token", "add", "--config", configs[0], "--name", "rotator", "--role", "operator"});
    REQUIRE(made.exit_code == 0);
    token = made.out.substr(0, made.out.find('\n'));
  }
  /// Gives the certificate a new key, by the API. When it was asked for, in ms since the epoch.
  std::int64_t rotate(int version) {
    const nlohmann::json change = {{"file", base64(support::new_p8())}, {"key_id", rotated_key(version)}};
    const std::string body = folder.write("rotation.json", change.dump());
    const std::int64_t asked = to_ms(SystemClock().wall());
    const support::Ran ran =
        support::run_command({"curl", "-sS", "--fail-with-body", "-X", "PATCH", "-H", "authorization: Bearer " + token,
                              "-H", "content-type: application/json", "--data-binary", "@" + body,
                              fmt::format("{}/v1/certificates/{}", console_url, certificate)},
                             30s);
    INFO(ran.out);
    REQUIRE(ran.exit_code == 0);
    CHECK(nlohmann::json::parse(ran.out).at("version") == version + 1);
    return asked;
  }
  /// What came to the vendor since the last call.
  void look() {
    const auto answers = sandbox.requests_after({{"apns", looked_until}});
    for (const auto& request : answers.at(0)) {
      const std::uint64_t number = request.at("n");
      if (number != looked_until + 1) throw std::runtime_error("the sandbox forgot requests");
      looked_until = number;
      pushes.push_back(rotation_push(request));
    }
  }
  /// Each worker's last pushes were all made with this key.
  bool settled(int key) {
    look();
    for (std::size_t worker = 0; worker < kRotationWorkers.size(); ++worker) {
      std::size_t with_it = 0;
      for (auto at = pushes.rbegin(); at != pushes.rend() && with_it < kSettledPushes; ++at) {
        if (at->worker != worker) continue;
        if (at->key != key) return false;
        ++with_it;
      }
      if (with_it < kSettledPushes) return false;
    }
    return true;
  }

  /// Of the pushes from number `from` on, each worker has made some.
  bool each_pushed(std::size_t from) {
    look();
    std::array<std::size_t, kRotationWorkers.size()> made{};
    for (std::size_t i = from; i < pushes.size(); ++i) ++made[pushes[i].worker];
    return std::ranges::min(made) >= kSettledPushes;
  }
  /// Once all events are committed: the vendor refused no push, and each event was accepted.
  void expect_no_push_failed(std::size_t events) {
    look();
    CHECK(std::ranges::count_if(pushes, [](const RotationPush& push) { return push.status != 200; }) == 0);
    std::set<std::string> accepted;
    for (const nlohmann::json& outcome : outcomes()) {
      CHECK(outcome.at("outcome") == "accepted");
      accepted.insert(outcome.at("event_id"));
    }
    CHECK(accepted.size() == events);
    CHECK(topics.size(names.dead) == 0);
  }
  /// In one step, as an editor or a deployment does: nobody reads half a file.
  void write_master_keys(const std::string& lines) {
    std::filesystem::rename(folder.write("master.key.new", lines), nightpost.file("master.key"));
  }
  Result<CertificateSecret> secret_by(const std::string& master_key) const {
    auto sealer = store::Sealer::from_key_text(master_key);
    if (!sealer) return std::unexpected(std::move(sealer.error()));
    auto store = store::open_postgres(url, *std::move(sealer));
    if (!store) return std::unexpected(std::move(store.error()));
    return (*store)->secret(CertificateId{certificate});
  }

  std::optional<support::PostgresServer> server;
  support::SandboxProcess sandbox{program(), {"apns"}, folder};
  std::array<std::string, 2> configs;
  std::int64_t certificate = 0;
  std::optional<support::Process> console;
  std::string url, console_url, token;
  std::vector<RotationPush> pushes;  // in the order that they came
  std::uint64_t looked_until = 0;
};

/// One event every 5 ms until it ends. Nobody else may touch the bed's topics meanwhile.
class RotationLoad {
 public:
  explicit RotationLoad(Bed& bed) : thread_([this, &bed](const std::stop_token& stop) { run(bed, stop); }) {}
  std::size_t end() {
    thread_.request_stop();
    thread_.join();
    return produced_;
  }

 private:
  void run(Bed& bed, const std::stop_token& stop) {
    for (auto next = std::chrono::steady_clock::now(); !stop.stop_requested(); ++produced_) {
      const std::size_t user = produced_ % kRotationUsers;
      bed.topics.produce(bed.names.offline, support::user_name(user),
                         support::event_json("rotation-" + std::to_string(produced_), user));
      std::this_thread::sleep_until(next += kRotationEventEvery);
    }
    bed.topics.flush(60s);
  }

  std::size_t produced_ = 0;
  std::jthread thread_;
};

/// From the call to a worker's first push with the new key, or its last one with an older one: the later of both.
std::vector<std::int64_t> rotation_times(const std::vector<RotationPush>& pushes, std::size_t worker,
                                         const std::vector<std::int64_t>& asked) {
  std::vector<std::int64_t> times;
  for (int key = 1; key <= std::ssize(asked); ++key) {
    std::int64_t first_new = 0, last_old = 0;
    for (const RotationPush& push : pushes) {
      if (push.worker != worker) continue;
      if (push.key < key) last_old = push.at_ms;
      if (push.key == key && first_new == 0) first_new = push.at_ms;
    }
    times.push_back(std::max(first_new, last_old) - asked[static_cast<std::size_t>(key) - 1]);
  }
  std::ranges::sort(times);
  return times;
}

void rotate_under_load(bool on_postgres) {
  RotationBed bed(on_postgres);
  bed.start_console();
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t i = 0; i < kRotationWorkers.size(); ++i) {
    workers.push_back(std::make_unique<Worker>(bed.nightpost, kRotationWorkers[i], bed.configs[i]));
    REQUIRE(workers.back()->ready(60s));
  }
  RotationLoad load(bed);
  REQUIRE(support::eventually(90s, [&] { return bed.settled(0); }));  // both have partitions by then

  const int rotations = rotations_wanted();
  std::vector<std::int64_t> asked;
  for (int version = 1; version <= rotations; ++version) {
    asked.push_back(bed.rotate(version));
    CAPTURE(version, workers[0]->log(), workers[1]->log());
    REQUIRE(support::eventually(60s, [&] { return bed.settled(version); }));
  }
  const std::size_t events = load.end();
  REQUIRE(bed.committed(static_cast<std::int64_t>(events), 60s));
  bed.look();

  for (std::size_t i = 0; i < kRotationWorkers.size(); ++i) {
    const auto times = rotation_times(bed.pushes, i, asked);
    std::cerr << rotations << " rotations on " << (on_postgres ? "PostgreSQL" : "SQLite") << ": in effect on worker "
              << kRotationWorkers[i] << " after p50 " << times[times.size() / 2] << " ms, max " << times.back() << " ms"
              << std::endl;
    CHECK(times[times.size() / 2] <= 1'000);  // a single one may meet a machine that is busy with other work
  }
  std::size_t older = 0;
  for (const RotationPush& push : bed.pushes) {
    // The key before the last one had gone before the last one was asked for.
    const auto next = static_cast<std::size_t>(push.key) + 1;
    older += next < asked.size() && push.at_ms > asked[next] ? 1 : 0;
  }
  CHECK(older == 0);
  bed.expect_no_push_failed(events);
  for (const auto& worker : workers) {
    worker->process().signal(SIGTERM);
    CHECK(worker->process().wait(60s) == 0);
  }
}

TEST_CASE("a key is replaced under load by the console: no push fails, and both workers use it soon",
          "[e2e][spine][rotation]") {
  rotate_under_load(true);
}

TEST_CASE("a key is replaced under load by the console, on one file", "[.][spine][rotation_sqlite]") {
  rotate_under_load(false);
}

TEST_CASE("the master key is replaced under load by cert rekey: no push fails, and both workers go on with the new one",
          "[e2e][spine][rekey]") {
  RotationBed bed(true);
  bed.start_console();
  std::vector<std::unique_ptr<Worker>> workers;
  const auto begin = [&](std::size_t i) {
    auto worker = std::make_unique<Worker>(bed.nightpost, kRotationWorkers[i], bed.configs[i]);
    REQUIRE(worker->ready(60s));
    return worker;
  };
  for (std::size_t i = 0; i < kRotationWorkers.size(); ++i) workers.push_back(begin(i));
  RotationLoad load(bed);
  REQUIRE(support::eventually(90s, [&] { return bed.settled(0); }));

  const std::string old_key = support::read_file(bed.nightpost.file("master.key"));
  const std::string new_key = store::Sealer::new_key_text();
  bed.write_master_keys(new_key + "\n" + old_key);
  const support::Ran ran = bed.nightpost.run({"cert", "rekey", "--config", bed.configs[0]});
  INFO(ran.out);
  REQUIRE(ran.exit_code == 0);
  CHECK(ran.out.contains("1 secret sealed anew"));
  bed.write_master_keys(new_key);
  CHECK(bed.secret_by(new_key));
  const auto by_old = bed.secret_by(old_key);
  REQUIRE_FALSE(by_old);
  CHECK(by_old.error().code == Errc::Unauthorized);
  const std::size_t rekeyed_at = bed.pushes.size();
  REQUIRE(support::eventually(60s, [&] { return bed.each_pushed(rekeyed_at); }));

  // What is sealed by the new key alone, and a worker that never had the old one.
  bed.rotate(1);
  REQUIRE(support::eventually(60s, [&] { return bed.settled(1); }));
  workers[0]->process().signal(SIGTERM);
  CHECK(workers[0]->process().wait(60s) == 0);
  workers[0] = begin(0);
  bed.look();
  const std::size_t restarted_at = bed.pushes.size();
  REQUIRE(support::eventually(90s, [&] { return bed.each_pushed(restarted_at) && bed.settled(1); }));

  const std::size_t events = load.end();
  REQUIRE(bed.committed(static_cast<std::int64_t>(events), 60s));
  bed.expect_no_push_failed(events);
  for (const auto& worker : workers) {
    worker->process().signal(SIGTERM);
    CHECK(worker->process().wait(60s) == 0);
    CHECK_FALSE(worker->log().contains("master key"));
  }
}

}  // namespace
}  // namespace nightpost::e2e
