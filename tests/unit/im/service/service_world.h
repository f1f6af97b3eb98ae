// A service on a file or a database of its own, with a loop that the test turns and clocks that it moves. The store is
// SQLite, or what $NIGHTPOST_TEST_STORE says: "postgres".
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/domain/user_sig.h"
#include "im/service/store_service.h"
#include "im/store/rule_editor.h"
#include "store/connection.h"
#include "store/postgres.h"
#include "store/store_url.h"
#include "support/postgres_server.h"

namespace nightpost::im {

inline const AppId kApp{1400000001};
inline const std::string kKey = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

/// post() from any thread; timers fire in pass() alone.
class TestLoop final : public EventLoop {
 public:
  MonoTime now() const noexcept override { return now_; }
  void post(std::move_only_function<void()> work) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
    changed_.notify_one();
  }
  std::unique_ptr<LoopTimer> make_timer(std::function<void()> fire) override {
    return std::make_unique<Timer>(*this, std::move(fire));
  }
  void pass(milliseconds time) {
    now_ += time;
    for (bool fired = true; fired;) {
      fired = false;
      for (Timer* timer : std::vector(timers_))
        if (std::ranges::find(timers_, timer) != timers_.end() && timer->due <= now_) {
          timer->due = MonoTime::max();
          timer->fire();
          fired = true;
        }
    }
  }
  /// Runs what is posted until then, and `meanwhile` where that is nothing. False: half a minute has passed.
  bool until(const std::function<bool()>& reached, const std::function<void()>& meanwhile = {}) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!reached()) {
      std::move_only_function<void()> next;
      {
        std::unique_lock lock(mutex_);
        const auto wake = meanwhile ? std::chrono::steady_clock::now() + milliseconds(1) : deadline;
        if (changed_.wait_until(lock, wake, [this] { return !posted_.empty(); })) {
          next = std::move(posted_.front());
          posted_.pop_front();
        } else if (std::chrono::steady_clock::now() >= deadline) {
          return false;
        }
      }
      if (next)
        next();
      else if (meanwhile)
        meanwhile();
    }
    return true;
  }

 private:
  struct Timer final : LoopTimer {
    Timer(TestLoop& of, std::function<void()> what) : loop(of), fire(std::move(what)) { loop.timers_.push_back(this); }
    ~Timer() override { std::erase(loop.timers_, this); }
    void arm(MonoTime at) override { due = at; }
    TestLoop& loop;
    std::function<void()> fire;
    MonoTime due = MonoTime::max();
  };

  MonoTime now_ = MonoTime(std::chrono::hours(1));
  std::vector<Timer*> timers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> posted_;
};

class TestClock final : public Clock {
 public:
  WallTime wall() const noexcept override { return wall_from_ms(ms_.load()); }
  MonoTime mono() const noexcept override { return {}; }
  void pass(milliseconds time) { ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'795'225'887'000};
};

using StoreKind = store::StoreUrl::Kind;

inline StoreKind store_kind() {
  const char* const said = std::getenv("NIGHTPOST_TEST_STORE");
  return said != nullptr && std::string_view(said) == "postgres" ? StoreKind::Postgres : StoreKind::Sqlite;
}

class World : public Listener {
 public:
  explicit World(ServiceOptions with = {}) : World(std::move(with), store_kind()) {}
  /// Another node of the same store, with a loop and clocks of its own.
  World(ServiceOptions with, const World& beside)
      : options(std::move(with)), url(beside.url), is_guest_(true), database_(beside.url) {
    start();
  }
  World(ServiceOptions with, StoreKind kind) : options(std::move(with)) {
    url.kind = kind;
    if (on_server()) {
      url.place = support::PostgresServer::shared().new_database();
    } else {
      std::string name = (std::filesystem::temp_directory_path() / "nightpost-im-XXXXXX").string();
      REQUIRE(::mkdtemp(name.data()) != nullptr);
      folder_ = name;
      url.place = (folder_ / "store.db").string();
    }
    database_ = url;
    start();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() override {
    service.reset();
    if (is_guest_) return;
    if (on_server())
      support::PostgresServer::shared().give_back(database_.place);
    else
      std::filesystem::remove_all(folder_);
  }

  bool on_server() const { return url.kind == StoreKind::Postgres; }
  std::unique_ptr<store::Store> open_store() const {
    auto opened = on_server() ? store::open_postgres(url.place, nullptr, store_options)
                              : store::open_sqlite(url.place, nullptr, store_options);
    if (!opened) FAIL(opened.error().detail);
    return *std::move(opened);
  }
  Result<std::unique_ptr<StoreService>> try_start() {
    return StoreService::open(url, store_options, open_store(), {{kApp, {kKey}}}, options,
                              {.loop = loop,
                               .clock = clock,
                               .listener = *this,
                               .log = log,
                               .metrics = &metrics,
                               .deposed = [this](const Error& error) {
                                 ++deposed;
                                 deposed_why = error.detail;
                               }});
  }
  void start() {
    auto opened = try_start();
    if (!opened) FAIL(opened.error().detail);
    service = *std::move(opened);
  }
  /// A stop and a start.
  void restart() {
    service.reset();
    start();
  }
  /// As a process that is killed now: the tables as they are, and nothing that a stop would save.
  void crash() {
    if (on_server()) {
      sql("UPDATE im_nodes SET process = 'another' WHERE process <> ''");  // whose commits are no more
      service.reset();
      told.clear();
      return start();
    }
    const auto aside = [](std::string file) { return std::move(file) + ".aside"; };
    for (const std::string& file : {url.place, url.place + "-wal"})
      std::filesystem::copy_file(file, aside(file), std::filesystem::copy_options::overwrite_existing);
    service.reset();
    for (const std::string& file : {url.place, url.place + "-wal"}) std::filesystem::rename(aside(file), file);
    std::filesystem::remove(url.place + "-shm");
    told.clear();
    start();
  }
  /// A statement of somebody else's.
  void sql(const std::string& text) const {
    if (on_server()) return support::PostgresClient(database_.place).run(text);
    auto connection = store::Connection::open(url.place, store_options);
    REQUIRE(connection);
    const auto done = connection->run(text.c_str(), "test");
    if (!done) FAIL(done.error().detail);
  }
  std::int64_t number(const std::string& text) const {
    if (on_server()) return std::stoll(support::PostgresClient(database_.place).text(text));
    auto connection = store::Connection::open(url.place, store_options);
    REQUIRE(connection);
    return connection->number(text, "test").value();
  }

  /// What this node's answers may wait for: other nodes, which tell what they have committed when their loops turn.
  std::function<void()> turn_others;

  void committed(Committed what) override { told.push_back(std::move(what)); }
  void missed(WallTime since, const Concerned& whom) override {
    missed_since.push_back(since);
    missed_whom.push_back(whom);
  }
  void leads() override { ++led; }
  void took_over() override { ++taken; }

  /// Asks and waits.
  template <class T, class Call>
  Answer<T> ask(Call call) {
    // Shared: one that comes when the test has failed, at the service's end, still has its place.
    const auto answer = std::make_shared<std::optional<Answer<T>>>();
    call(Reply<T>([answer](Answer<T> got) {
      CHECK_FALSE(answer->has_value());  // once
      answer->emplace(std::move(got));
    }));
    CHECK_FALSE(answer->has_value());  // never from inside the call
    if (!loop.until([&] { return answer->has_value(); }, turn_others))
      FAIL("no answer; told up to " << service->told_up_to() << " of "
                                    << (on_server() ? number("SELECT number FROM im_commits") : 0)
                                    << ", commits held: " << metrics.order_held.read());
    return std::move(**answer);
  }

  LoginRequest login_request(const std::string& user, const std::string& device, Platform platform) {
    return {.app = kApp,
            .user = user,
            .signature = make_user_sig(kApp, user, kKey, clock.wall(), std::chrono::hours(24)),
            .device = device,
            .platform = platform};
  }
  Answer<LoginReply> try_login(LoginRequest request) {
    return ask<LoginReply>([&](auto reply) { service->login(std::move(request), std::move(reply)); });
  }
  Terminal login(const std::string& user, const std::string& device = "phone", Platform platform = Platform::Ios) {
    auto reply = try_login(login_request(user, device, platform));
    if (!reply) FAIL(reply.error().why);
    return reply->terminal;
  }
  Answer<void> logout(const Terminal& who) {
    return ask<void>([&](auto reply) { service->logout(who, std::move(reply)); });
  }
  Answer<SendReply> try_send(const Terminal& who, SendRequest request) {
    return ask<SendReply>([&](auto reply) { service->send(who, std::move(request), std::move(reply)); });
  }
  SendRequest text(const std::string& to, const std::string& words = "hello") {
    return {.to = to,
            .client_id = "c" + std::to_string(++sent_),
            .elements = R"([{"type":"text","text":")" + words + R"("}])"};
  }
  SendReply send(const Terminal& who, SendRequest request) {
    auto reply = try_send(who, std::move(request));
    if (!reply) FAIL(reply.error().why);
    return *std::move(reply);
  }
  SendReply send(const Terminal& who, const std::string& to) { return send(who, text(to)); }
  Answer<Ver> recall(const Terminal& who, MessageId id) {
    return ask<Ver>([&](auto reply) { service->recall(who, id, std::move(reply)); });
  }
  Answer<Ver> remove(const Terminal& who, std::vector<MessageId> ids) {
    return ask<Ver>([&](auto reply) { service->remove(who, std::move(ids), std::move(reply)); });
  }
  Answer<ReadReply> read(const Terminal& who, ReadRequest request) {
    return ask<ReadReply>([&](auto reply) { service->read(who, std::move(request), std::move(reply)); });
  }
  Answer<Ver> change(const Terminal& who, ChatChange change) {
    return ask<Ver>([&](auto reply) { service->change_chat(who, std::move(change), std::move(reply)); });
  }
  Answer<SyncReply> try_sync(const Terminal& who, SyncRequest request = {}) {
    return ask<SyncReply>([&](auto reply) { service->sync(who, request, std::move(reply)); });
  }
  SyncReply sync(const Terminal& who, SyncRequest request = {}) {
    auto reply = try_sync(who, request);
    if (!reply) FAIL(reply.error().why);
    return *std::move(reply);
  }
  /// The only chat with that user.
  Chat chat(const Terminal& who, const std::string& peer) {
    const SyncReply all = sync(who);
    const auto found = std::ranges::find(all.chats, peer, &Chat::peer);
    if (found == all.chats.end()) FAIL("no chat with " + peer);
    return *found;
  }
  Answer<PullReply> try_pull(const Terminal& who, PullRequest request) {
    return ask<PullReply>([&](auto reply) { service->pull(who, std::move(request), std::move(reply)); });
  }
  PullReply pull(const Terminal& who, PullRequest request) {
    auto reply = try_pull(who, std::move(request));
    if (!reply) FAIL(reply.error().why);
    return *std::move(reply);
  }
  Answer<void> block(const Terminal& who, const std::string& user, bool on = true) {
    return ask<void>([&](auto reply) { service->set_blacklisted(who, {user, on}, std::move(reply)); });
  }
  Answer<void> report_token(const Terminal& who, const std::string& token) {
    return ask<void>(
        [&](auto reply) { service->report_token(who, {CertificateId{7}, DeviceToken(token)}, std::move(reply)); });
  }
  Answer<void> kick(const std::string& user) {
    return ask<void>([&](auto reply) { service->kick({kApp, user}, std::move(reply)); });
  }
  Answer<void> import(const std::string& user, const std::string& nick = "") {
    return ask<void>(
        [&](auto reply) { service->import_account({kApp, user}, {nick, std::nullopt}, std::move(reply)); });
  }
  /// What an operator changes, and the server has read once this returns.
  void set_rules(const std::function<void(RuleEditor&)>& change) {
    auto editor = RuleEditor::open(url, store_options);
    if (!editor) FAIL(editor.error().detail);
    const auto done = editor->together([&]() -> Result<void> {
      change(*editor);
      return {};
    });
    if (!done) FAIL(done.error().detail);
    const std::uint64_t before = metrics.rules_read.read();
    loop.pass(options.rules_looked_at);
    REQUIRE(loop.until([&] { return metrics.rules_read.read() > before; }));
  }
  void set_words(const std::vector<Word>& words) {
    set_rules([&](RuleEditor& editor) {
      for (const Word& word : words) REQUIRE(editor.set_word(kApp, word, options.words_max));
    });
  }
  void set(const std::string& setting, const std::string& value) {
    set_rules([&](RuleEditor& editor) { REQUIRE(editor.set_setting(kApp, setting, value)); });
  }
  std::vector<Intent> intents() {
    auto reply = ask<std::vector<Intent>>([&](auto reply) { service->intents(0, 1'000, std::move(reply)); });
    REQUIRE(reply);
    return *std::move(reply);
  }
  std::vector<FollowUp> follow_ups() {
    auto reply = ask<std::vector<FollowUp>>([&](auto reply) { service->follow_ups(0, 1'000, std::move(reply)); });
    REQUIRE(reply);
    return *std::move(reply);
  }
  /// The token ids that the dispatcher has of a user.
  std::vector<std::string> bound(const std::string& user) const {
    std::vector<std::string> out;
    for (const auto& row : open_store()->devices(kApp, user, 100).value()) out.push_back(row.device.device_id);
    return out;
  }
  /// Everything told since the last call, as if by one commit.
  Committed news() {
    Committed out;
    const auto add = [](auto& to, auto& from) { std::ranges::move(from, std::back_inserter(to)); };
    for (Committed& each : std::exchange(told, {})) {
      add(out.deliveries, each.deliveries);
      add(out.intents, each.intents);
      add(out.follow_ups, each.follow_ups);
      add(out.recalled, each.recalled);
      add(out.read, each.read);
      add(out.ended, each.ended);
      add(out.group_intents, each.group_intents);
      add(out.callbacks, each.callbacks);
      out.mass_push = out.mass_push || each.mass_push;
    }
    return out;
  }

  ServiceOptions options;
  store::StoreOptions store_options{// Nodes wait for each other's commits.
                                    .busy_timeout = milliseconds(options.node_name.empty() ? 100 : 10'000),
                                    .mmap_bytes = 1 << 20,
                                    .connect_timeout = std::chrono::seconds(60)};
  TestLoop loop;
  TestClock clock;
  observe::Log log{observe::Level::Off};
  std::vector<Committed> told;
  std::vector<WallTime> missed_since;
  std::vector<Concerned> missed_whom;
  int led = 0, taken = 0;
  ServiceMetrics metrics;
  std::atomic<int> deposed{0};
  std::string deposed_why;  // once it is 1
  store::StoreUrl url;      // what the service is given
  std::unique_ptr<StoreService> service;

 private:
  const bool is_guest_ = false;
  std::filesystem::path folder_;
  store::StoreUrl database_;  // without what a test puts between
  int sent_ = 0;
};

/// Two users, each with a phone.
struct Two : World {
  explicit Two(ServiceOptions with = {}, StoreKind kind = store_kind())
      : World(std::move(with), kind), anna(login("anna")), denny(login("denny")) {
    news();
  }
  /// From anna to denny.
  void write(int count) {
    for (int i = 0; i < count; ++i) send(anna, "denny");
    news();
  }
  Terminal anna, denny;
};

template <class T>
Code code_of(const Answer<T>& answer) {
  REQUIRE_FALSE(answer);
  return answer.error().code;
}

}  // namespace nightpost::im
