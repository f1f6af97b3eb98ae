// How callbacks are told: in order, again until taken, each app for itself, within its bounds.
#include "im/callbacks/callback_sender.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

const AppId kOne{1}, kOther{2};
using Names = std::vector<std::string>;

struct SenderBed final : CallbackBook, CallbackPoster, Clock {
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  CallbackSenderOptions options{
      .targets = {{kOne, {"https://one.example/", ""}}, {kOther, {"https://other.example/", ""}}},
      .open_max = 2,
      .held_max = 8};
  CallbackMetrics metrics;
  std::unique_ptr<CallbackSender> made;
  std::map<std::int64_t, CallbackJob> rows;
  bool store_away = false;
  int reads = 0;
  Names posts;  // "1-3": the callback ids
  std::deque<std::pair<std::string, Posted>> open;

  CallbackSender& sender() {
    if (!made)
      made = std::make_unique<CallbackSender>(
          CallbackSender::Parts{.book = *this, .poster = *this, .loop = *port, .clock = *this, .metrics = metrics},
          options);
    return *made;
  }
  void add(int count, AppId app = kOne, const std::string& command = "C2C.CallbackAfterSendMsg") {
    Committed told;
    for (int i = 0; i < count; ++i) {
      const auto id = static_cast<std::int64_t>(next_++);
      rows[id] = {.id = id, .app = app, .command = command, .at = wall(), .body = R"({"Events":[{}]})"};
      told.callbacks.push_back(app);
    }
    sender().committed(told);
  }
  /// The first that is open is answered.
  void answer(Result<int> status) {
    REQUIRE_FALSE(open.empty());
    auto [id, posted] = std::move(open.front());
    open.pop_front();
    posted(std::move(status));
  }
  void answer_all(const Result<int>& status) {
    for (std::size_t left = open.size(); left > 0; --left) answer(status);
  }
  Names take_posts() { return std::exchange(posts, {}); }

  void callbacks(AppId app, std::int64_t after, std::size_t limit, Reply<std::vector<CallbackJob>> reply) override {
    reads += app == kOne ? 1 : 0;
    loop.after(milliseconds(0), [this, app, after, limit, reply = std::move(reply)]() mutable {
      if (store_away) return reply(refuse(Code::Busy, "away"));
      std::vector<CallbackJob> page;
      for (const auto& [id, row] : rows)
        if (row.app == app && id > after && page.size() < limit) page.push_back(row);
      reply(std::move(page));
    });
  }
  void push_outcomes(std::vector<PushOutcome>, Reply<void>) override {}
  void callback_settled(std::int64_t id) override { CHECK(rows.erase(id) == 1); }
  void post(CallbackPost what, Posted posted) override {
    const std::string& whole = what.headers.at(1).second;
    const std::string id = whole.substr(0, whole.find('.'));  // of the first that shares it
    posts.push_back(id);
    open.emplace_back(id, std::move(posted));
  }
  WallTime wall() const noexcept override { return wall_from_ms(to_ms_(loop.now())); }
  MonoTime mono() const noexcept override { return loop.now(); }

 private:
  static std::int64_t to_ms_(MonoTime at) {
    return 1'700'000'000'000 + std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
  }
  int next_ = 1;
};

const Result<int> kLost = fail(Errc::Timeout, "nothing came");

}  // namespace

TEST_CASE("callback sender: in order, so many at once, and gone once taken", "[im][callbacks]") {
  SenderBed bed;
  bed.add(3);
  bed.loop.pass(milliseconds(0));
  CHECK(bed.take_posts() == Names{"1-1", "1-2"});
  bed.answer(200);
  CHECK(bed.take_posts() == Names{"1-3"});
  CHECK(bed.rows.size() == 2);
  bed.answer(204);
  bed.answer(200);
  CHECK(bed.rows.empty());
  CHECK(bed.sender().idle());
  CHECK(bed.metrics.taken.read() == 3);
  CHECK(bed.metrics.failed.read() == 0);
  CHECK(bed.metrics.held.read() == 0);
}

TEST_CASE("callback sender: what an earlier process left is told first", "[im][callbacks]") {
  SenderBed bed;
  bed.rows[5] = {.id = 5, .app = kOne, .command = "x", .at = bed.wall(), .body = "{}"};
  bed.rows[6] = {.id = 6, .app = AppId{9}, .command = "x", .at = bed.wall(), .body = "{}"};  // of no app of ours
  bed.sender().start();
  bed.loop.pass(milliseconds(0));
  CHECK(bed.take_posts() == Names{"1-5"});
}

TEST_CASE("callback sender: what was not taken comes again, under the same id and later each time", "[im][callbacks]") {
  SenderBed bed;
  const Result<int> answer = GENERATE(Result<int>(500), Result<int>(404), Result<int>(302), Result<int>(199), kLost);
  bed.add(1);
  bed.loop.pass(milliseconds(0));
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 9; ++i) {
    CHECK(bed.take_posts() == Names{"1-1"});
    bed.answer(answer);
    CHECK(bed.rows.size() == 1);
    std::int64_t waited = 0;
    for (; bed.posts.empty() && waited < 100'000; waited += 500) bed.loop.pass(milliseconds(500));
    waits.push_back(waited / 1'000);
  }
  CHECK(waits == std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 60, 60, 60});
  CHECK(bed.metrics.failed.read() == 9);
  CHECK(bed.metrics.failing.read() == 1);
  bed.answer(200);
  CHECK(bed.rows.empty());
  CHECK(bed.metrics.failing.read() == 0);
}

TEST_CASE("callback sender: one that is never taken holds no other", "[im][callbacks]") {
  SenderBed bed;
  bed.add(1);
  bed.loop.pass(milliseconds(0));
  bed.answer(500);
  bed.take_posts();
  for (int i = 0; i < 20; ++i) {
    bed.add(1);
    bed.loop.pass(milliseconds(0));
    bed.answer(200);
  }
  CHECK(bed.rows.size() == 1);
  CHECK(bed.take_posts().size() == 20);
  bed.loop.pass(milliseconds(1'000));
  CHECK(bed.take_posts() == Names{"1-1"});
}

TEST_CASE("callback sender: one that is never taken, and made its server fail, holds no other", "[im][callbacks]") {
  SenderBed bed;
  bed.add(1);
  for (int s = 0; s < 600; ++s) {
    bed.loop.pass(milliseconds(1'000));
    bed.answer_all(500);
  }
  CHECK(bed.metrics.failing.read() == 1);
  bed.add(3);
  for (int s = 0; s < 130; ++s) {
    bed.loop.pass(milliseconds(1'000));
    while (!bed.open.empty()) bed.answer(bed.open.front().first == "1-1" ? 500 : 200);
  }
  CHECK(bed.rows.size() == 1);
  CHECK(bed.rows.contains(1));
}

TEST_CASE("callback sender: posts that fail together are one failure more", "[im][callbacks]") {
  SenderBed bed;
  bed.options.open_max = 8;
  bed.add(8);
  bed.loop.pass(milliseconds(0));
  CHECK(bed.take_posts().size() == 8);
  bed.answer_all(kLost);
  bed.loop.pass(milliseconds(2'000));
  CHECK(bed.take_posts().size() == 1);
}

TEST_CASE("callback sender: a server that is away for long leaves no more than is young enough", "[im][callbacks]") {
  SenderBed bed;
  bed.options.kept = milliseconds(10'000);
  bed.add(40);
  for (int s = 0; s < 90; ++s) {
    bed.loop.pass(milliseconds(1'000));
    bed.answer_all(kLost);
  }
  CHECK(bed.rows.empty());
  CHECK(bed.metrics.given_up.read() == 40);
  CHECK(bed.take_posts().size() < 20);
  bed.add(1);
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.take_posts() == Names{"1-41"});
}

TEST_CASE("callback sender: a server that fails is asked by one post at a time", "[im][callbacks]") {
  SenderBed bed;
  bed.add(6);
  bed.loop.pass(milliseconds(0));
  bed.answer(kLost);  // two were open, and a third goes out
  CHECK(bed.take_posts().size() == 3);
  bed.answer(kLost);
  bed.answer(kLost);
  CHECK(bed.take_posts() == Names{"1-4"});  // before the third had failed
  bed.answer(kLost);
  std::size_t tried = 0;
  for (int s = 0; s < 60; ++s) {
    bed.loop.pass(milliseconds(1'000));
    CHECK(bed.open.size() <= 1);
    tried += bed.take_posts().size();
    bed.answer_all(kLost);
  }
  CHECK(tried > 3);
  CHECK(tried < 10);
  CHECK(bed.rows.size() == 6);
  bed.loop.pass(milliseconds(120'000));
  bed.answer(200);  // it is there again: all of it goes out
  for (int s = 0; s < 10; ++s) {
    bed.loop.pass(milliseconds(60'000));
    bed.answer_all(200);
  }
  CHECK(bed.rows.empty());
}

TEST_CASE("callback sender: a server that hangs holds no other app", "[im][callbacks]") {
  SenderBed bed;
  bed.add(5);
  bed.add(2, kOther);
  bed.loop.pass(milliseconds(0));
  CHECK(bed.take_posts() == Names{"1-1", "1-2", "2-6", "2-7"});
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.take_posts().empty());
}

TEST_CASE("callback sender: memory is bounded, and the store has the rest", "[im][callbacks]") {
  SenderBed bed;
  bed.add(40);
  bed.loop.pass(milliseconds(0));
  CHECK(bed.metrics.held.read() == 8);
  Names all = bed.take_posts();
  for (int i = 0; i < 200 && !bed.rows.empty(); ++i) {
    if (!bed.open.empty()) bed.answer(200);
    bed.loop.pass(milliseconds(0));
    CHECK(bed.metrics.held.read() <= 8);
    for (std::string& post : bed.take_posts()) all.push_back(std::move(post));
  }
  REQUIRE(all.size() == 40);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == 40);
  CHECK(all.back() == "1-40");
}

TEST_CASE("callback sender: what is too old and not taken is given up", "[im][callbacks]") {
  SenderBed bed;
  bed.options.kept = milliseconds(10'000);
  bed.add(1);
  bed.loop.pass(milliseconds(0));
  for (int i = 0; i < 60; ++i) {
    bed.answer_all(500);
    bed.loop.pass(milliseconds(1'000));
  }
  CHECK(bed.rows.empty());
  CHECK(bed.metrics.given_up.read() == 1);
  CHECK(bed.take_posts().size() < 10);
  CHECK(bed.sender().idle());
}

TEST_CASE("callback sender: a store that is away is asked again", "[im][callbacks]") {
  SenderBed bed;
  bed.store_away = true;
  bed.add(1);
  bed.loop.pass(milliseconds(5'500));
  CHECK((bed.reads > 3 && bed.reads < 8));
  CHECK(bed.posts.empty());
  bed.store_away = false;
  bed.loop.pass(milliseconds(1'000));
  CHECK(bed.take_posts() == Names{"1-1"});
}

TEST_CASE("callback sender: an app is posted to at its rate, and no other waits for it", "[im][callbacks]") {
  SenderBed bed;
  bed.options.per_second = 4;
  bed.options.held_max = 100;
  bed.add(20);
  bed.add(1, kOther);
  std::vector<std::size_t> posts;
  for (int half = 0; half < 6; ++half) {
    bed.loop.pass(milliseconds(0));
    std::size_t count = 0;
    for (; !bed.open.empty(); ++count) bed.answer(200);
    posts.push_back(count);
    bed.loop.pass(milliseconds(500));
  }
  CHECK(posts == std::vector<std::size_t>{5, 2, 2, 2, 2, 2});  // a second's at once, and that of the other app
  CHECK(bed.take_posts().size() == 17);
  for (; !bed.open.empty();) bed.answer(200);
  bed.loop.pass(seconds(60));
  CHECK(bed.open.size() == 2);  // as many as may be open, however long nothing was sent
}

TEST_CASE("callback sender: results of pushes share posts, others do not", "[im][callbacks]") {
  SenderBed bed;
  bed.options.held_max = 300;
  bed.add(1);
  bed.add(110, kOne, "Push.OfflinePush");
  bed.add(1);
  bed.loop.pass(milliseconds(0));
  CHECK(bed.take_posts() == Names{"1-1", "1-2"});
  bed.answer(200);
  CHECK(bed.rows.size() == 111);
  bed.answer(200);
  CHECK(bed.rows.size() == 11);
  bed.answer_all(200);
  CHECK(bed.take_posts() == Names{"1-102", "1-112"});
  CHECK(bed.rows.empty());
}

TEST_CASE("callback sender: a stop posts nothing more, and forgets nothing", "[im][callbacks]") {
  SenderBed bed;
  bed.add(3);
  bed.loop.pass(milliseconds(0));
  bed.sender().drain();
  CHECK_FALSE(bed.sender().idle());
  bed.answer(200);
  bed.answer(500);
  bed.loop.pass(milliseconds(60'000));
  CHECK(bed.take_posts() == Names{"1-1", "1-2"});
  CHECK(bed.rows.size() == 2);
  CHECK(bed.sender().idle());
  bed.sender().committed({});
  bed.made.reset();
  bed.loop.pass(milliseconds(60'000));
}

TEST_CASE("callback sender: an answer after its end is no matter", "[im][callbacks]") {
  SenderBed bed;
  bed.add(2);
  bed.sender().start();  // a read is on its way
  bed.loop.pass(milliseconds(0));
  bed.add(1, kOther);
  bed.made.reset();
  bed.loop.pass(milliseconds(0));
  bed.answer_all(200);
  CHECK(bed.rows.size() == 3);
}
