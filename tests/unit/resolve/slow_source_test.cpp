// Receivers from a source that answers later: what is kept of it, who shares a read, what an end leaves.
#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <random>

#include "resolve/resolver.h"
#include "unit/resolve/fakes.h"

namespace nightpost::resolve {
namespace {

using Receivers = std::vector<std::shared_ptr<const Receiver>>;

/// Reads at once, as a server may, and answers when it is told to.
struct SlowSource final : Source {
  struct Question {
    std::vector<ReceiverKey> keys;
    std::vector<Receiver> read;
    Found found;
  };
  void receivers(std::span<const ReceiverKey> keys, Found found) override {
    Question question{{keys.begin(), keys.end()}, {}, std::move(found)};
    for (const ReceiverKey& key : keys) question.read.push_back(store.users[{key.app.value, key.user_id}]);
    questions.push_back(std::move(question));
  }
  void answer(std::size_t which = 0) {
    Question question = take(which);
    question.found(std::move(question.read));
  }
  void refuse(std::size_t which = 0) { take(which).found(fail(Errc::Timeout, "no answer in time")); }
  Question take(std::size_t which) {
    REQUIRE(which < questions.size());
    Question question = std::move(questions[which]);
    questions.erase(questions.begin() + std::ptrdiff_t(which));
    return question;
  }
  Result<bool> app_known(AppId app) override { return store.app_known(app); }
  void remove_token(AppId app, std::string_view user, const Device& device, Removed removed) override {
    store.remove_token(app, user, device, std::move(removed));
  }
  Result<Certificate> certificate(CertificateId id) override { return store.certificate(id); }
  Result<CertificateSecret> secret(CertificateId id) override { return store.secret(id); }
  Result<Changes> changes() override { return store.changes(); }

  FakeSource store;
  std::deque<Question> questions;
};

struct Bed {
  explicit Bed(ResolverOptions options = {})
      : resolver(std::make_unique<Resolver>(options, source, grants, VendorFactory{}, clock, metrics)) {
    source.store.changes();
  }

  struct Answer {
    int told = 0;
    Result<Receivers> found;
    /// Devices by receiver; -1: could not be read.
    std::vector<int> devices() const {
      std::vector<int> out;
      for (const auto& receiver : found.value()) out.push_back(receiver ? int(receiver->devices.size()) : -1);
      return out;
    }
  };
  std::shared_ptr<Answer> find(const std::vector<std::string>& users, AppId app = kApp) {
    std::vector<ReceiverKey> keys;
    for (const std::string& user : users) keys.push_back({app, user});
    auto answer = std::make_shared<Answer>();
    resolver->receivers(keys, [answer](auto found) {
      ++answer->told;
      answer->found = std::move(found);
    });
    return answer;
  }
  bool is_kept(const std::string& user, AppId app = kApp) {
    const std::size_t before = source.questions.size();
    find({user}, app);
    const bool asked = source.questions.size() > before;
    if (asked) source.questions.pop_back();
    return !asked;
  }

  FakeClock clock;
  SlowSource source;
  GrantBook grants;
  ResolverMetrics metrics;
  std::unique_ptr<Resolver> resolver;
};

using Counts = std::vector<int>;

TEST_CASE("slow source: an answer comes later, in order, and is kept", "[resolve][slow]") {
  Bed bed;
  bed.source.store.put("a", 1);
  bed.source.store.put("b", 2);
  const auto first = bed.find({"b", "nobody", "a"});
  CHECK(first->told == 0);
  bed.source.answer();
  CHECK(first->told == 1);
  CHECK(first->devices() == Counts{2, 0, 1});
  const auto second = bed.find({"a", "b", "nobody"});
  CHECK(second->told == 1);
  CHECK(bed.source.questions.empty());
  CHECK(bed.find({})->told == 1);
}

TEST_CASE("slow source: what changes while it is read is told and not kept", "[resolve][slow]") {
  struct Row {
    const char* name;
    Changes changed;
    bool kept;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", {}, true},
      {"this user", {.receivers = {{kApp, "a"}}}, false},
      {"another user", {.receivers = {{kApp, "b"}}}, true},
      {"a user of that name of another app", {.receivers = {{AppId{7}, "a"}}}, true},
      {"the app", {.apps = {kApp}}, false},
      {"another app", {.apps = {AppId{7}}}, true},
      {"a certificate", {.certificates = true}, true},
      {"everything", {.everything = true}, false},
  }));
  CAPTURE(row.name);
  const bool heard_by_another = GENERATE(false, true);
  Bed bed;
  bed.source.store.put("a", 1);
  bed.find({});  // hears of that
  const auto found = bed.find({"a"});
  bed.source.store.changed = row.changed;
  if (heard_by_another) bed.find({});  // else the change is heard of with the answer
  bed.source.answer();
  CHECK(found->devices() == Counts{1});
  CHECK(bed.is_kept("a") == row.kept);
}

TEST_CASE("slow source: of a batch, only what has changed is not kept", "[resolve][slow]") {
  Bed bed;
  for (const char* user : {"a", "b", "c"}) bed.source.store.put(user, 1);
  bed.find({});
  const auto found = bed.find({"a", "b", "c"});
  bed.source.store.put("b", 2);
  bed.source.answer();
  CHECK(found->devices() == Counts{1, 1, 1});
  CHECK(bed.is_kept("a"));
  CHECK_FALSE(bed.is_kept("b"));
  CHECK(bed.is_kept("c"));
}

TEST_CASE("slow source: a token removed meanwhile is not kept", "[resolve][slow]") {
  Bed bed;
  bed.source.store.put("a", 1);
  bed.find({});
  const auto found = bed.find({"a"});
  bed.resolver->remove_token(kApp, "a", {}, [](auto) {});
  bed.source.answer();
  CHECK(found->devices() == Counts{1});
  CHECK_FALSE(bed.is_kept("a"));
}

TEST_CASE("slow source: two finds of one key share a read", "[resolve][slow]") {
  Bed bed;
  for (const char* user : {"a", "b", "c"}) bed.source.store.put(user, 1);
  bed.find({});
  const auto first = bed.find({"a", "b"});
  const auto second = bed.find({"b", "c"});
  const auto third = bed.find({"b", "a", "b"});
  REQUIRE(bed.source.questions.size() == 2);
  CHECK(bed.source.questions[1].keys.size() == 1);
  SECTION("the shared one comes first") {
    bed.source.answer();
    CHECK(first->told == 1);
    CHECK(second->told == 0);
    CHECK(third->devices() == Counts{1, 1, 1});
    bed.source.answer();
    CHECK(second->devices() == Counts{1, 1});
  }
  SECTION("the shared one comes last") {
    bed.source.answer(1);
    CHECK(second->told == 0);
    bed.source.answer();
    CHECK(first->devices() == Counts{1, 1});
    CHECK(second->devices() == Counts{1, 1});
    CHECK(third->told == 1);
  }
  SECTION("the shared one fails") {
    bed.source.refuse();
    CHECK(first->found.error().code == Errc::Timeout);
    CHECK(third->found.error().code == Errc::Timeout);
    CHECK(second->told == 0);
    bed.source.answer();
    CHECK(second->devices() == Counts{-1, 1});
    CHECK(bed.is_kept("c"));
    CHECK_FALSE(bed.is_kept("b"));
  }
}

TEST_CASE("slow source: nobody joins a read that began before the change", "[resolve][slow]") {
  Bed bed;
  bed.source.store.put("a", 1);
  bed.find({});
  const auto old = bed.find({"a"});
  bed.source.store.put("a", 2);
  const auto fresh = bed.find({"a"});
  REQUIRE(bed.source.questions.size() == 2);
  const bool old_first = GENERATE(true, false);
  bed.source.answer(old_first ? 0 : 1);
  bed.source.answer();
  CHECK(old->devices() == Counts{1});
  CHECK(fresh->devices() == Counts{2});
  CHECK(bed.find({"a"})->devices() == Counts{2});
}

TEST_CASE("slow source: an error is told, not kept, and cached receivers go on", "[resolve][slow]") {
  Bed bed;
  bed.source.store.put("a", 1);
  bed.find({"a"});
  bed.source.answer();
  const auto lost = bed.find({"b"});
  const auto half = bed.find({"a", "c"});
  bed.source.refuse();
  bed.source.refuse();
  CHECK(lost->found.error().code == Errc::Timeout);
  CHECK(half->devices() == Counts{1, -1});
  CHECK(bed.metrics.store_errors.read() == 2);
  CHECK(bed.find({"a"})->told == 1);
  const auto again = bed.find({"b"});
  bed.source.answer();
  CHECK(again->devices() == Counts{0});
}

TEST_CASE("slow source: an answer for another number of users is an error", "[resolve][slow]") {
  Bed bed;
  const auto found = bed.find({"a", "b"});
  bed.source.questions[0].read.pop_back();
  bed.source.answer();
  CHECK(found->found.error().code == Errc::Io);
  CHECK_FALSE(bed.is_kept("a"));
}

TEST_CASE("slow source: who is told may ask again", "[resolve][slow]") {
  Bed bed;
  bed.source.store.put("a", 1);
  int told = 0;
  const ReceiverKey key{kApp, "a"}, other{kApp, "b"};
  bed.resolver->receivers({&key, 1}, [&](auto) {
    ++told;
    bed.resolver->receivers({&key, 1}, [&](auto) { ++told; });
    bed.resolver->receivers({&other, 1}, [&](auto) { ++told; });
  });
  bed.source.answer();
  CHECK(told == 2);
  bed.source.answer();
  CHECK(told == 3);
}

TEST_CASE("slow source: an answer after the end finds nobody", "[resolve][slow]") {
  Bed bed;
  const auto found = bed.find({"a"});
  const auto joined = bed.find({"a"});
  bed.resolver.reset();
  bed.source.answer();
  CHECK(found->told == 0);
  CHECK(joined->told == 0);
}

TEST_CASE("slow source: whatever comes when, the cache is never older than what was heard of", "[resolve][slow]") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Bed bed({.receivers_cached_max = 5});
  std::vector<std::shared_ptr<Bed::Answer>> all;
  for (int i = 0; i < 5'000; ++i) {
    const std::string user(1, char('a' + random() % 8));
    switch (random() % 4) {
      case 0:
        bed.source.store.put(user, random() % 100);
        break;
      case 1: {
        std::vector<std::string> users;
        for (std::size_t n = random() % 5; n > 0; --n) users.emplace_back(1, char('a' + random() % 8));
        all.push_back(bed.find(users));
        break;
      }
      case 2:
        if (!bed.source.questions.empty()) bed.source.answer(random() % bed.source.questions.size());
        break;
      default:
        if (random() % 10 == 0 && !bed.source.questions.empty()) bed.source.refuse();
        const auto now = bed.find({user});  // hears of all changes first
        if (now->told == 0) break;
        REQUIRE(now->devices() == Counts{int(bed.source.store.users[{kApp.value, user}].devices.size())});
    }
  }
  while (!bed.source.questions.empty()) bed.source.answer();
  for (const auto& answer : all) REQUIRE(answer->told == 1);
}

}  // namespace
}  // namespace nightpost::resolve
