// How apps' servers are asked: once, so many at a time, and what holds while one does not answer.
#include "im/callbacks/before_caller.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;
using Is = BeforeVerdict::Is;

namespace {

const AppId kOpenApp{1}, kClosedApp{2};
const std::string kYes = R"({"ErrorCode":0})";

struct CallerBed final : CallbackQuestioner, Clock {
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  BeforeCallerOptions options{.targets = {{kOpenApp, {{"https://open.example/", "s"}, false}},
                                          {kClosedApp, {{"https://closed.example/", ""}, true}}},
                              .open_max = 2,
                              .retry_first = milliseconds(1'000),
                              .retry_max = milliseconds(3'000)};
  BeforeMetrics metrics;
  std::unique_ptr<BeforeCaller> made;
  std::deque<std::pair<CallbackPost, Answered>> open;
  std::vector<milliseconds> timeouts;
  std::vector<std::string> heard;  // "a allowed"

  BeforeCaller& caller() {
    if (!made)
      made = std::make_unique<BeforeCaller>(
          BeforeCaller::Parts{.questioner = *this, .loop = *port, .clock = *this, .metrics = metrics}, options);
    return *made;
  }
  void ask(CallbackPost what, milliseconds timeout, Answered answered) override {
    timeouts.push_back(timeout);
    open.emplace_back(std::move(what), std::move(answered));
  }
  void question(const std::string& name, AppId app = kOpenApp, Before what = Before::Send) {
    caller().ask({.app = app,
                  .what = what,
                  .client_ip = "192.0.2.1",
                  .platform = "iOS",
                  .body = R"({"CallbackCommand":"x","MsgBody":[{"type":"text","text":")" + name + R"("}]})"},
                 [this, name](const BeforeVerdict& verdict) {
                   const bool failed = verdict.refusal.code == Code::CallbackFailed;
                   heard.push_back(name + (verdict.is == Is::Allowed   ? " allowed"
                                           : verdict.is == Is::Dropped ? " dropped"
                                           : failed                    ? " withheld"
                                                                       : " refused"));
                 });
    loop.pass(milliseconds(0));
  }
  void answer(Result<CallbackAnswer> with) {
    REQUIRE_FALSE(open.empty());
    auto [post, answered] = std::move(open.front());
    open.pop_front();
    answered(std::move(with));
    loop.pass(milliseconds(0));
  }
  void yes() { answer(CallbackAnswer{200, kYes}); }
  void lost() { answer(fail(Errc::Timeout, "nothing came")); }
  std::vector<std::string> take() { return std::exchange(heard, {}); }
  WallTime wall() const noexcept override { return wall_from_ms(1'700'000'000'000); }
  MonoTime mono() const noexcept override { return loop.now(); }
};

using Heard = std::vector<std::string>;

}  // namespace

TEST_CASE("before caller: a question is posted as a callback is, and answered once", "[im][callbacks][before]") {
  CallerBed bed;
  bed.question("hi");
  REQUIRE(bed.open.size() == 1);
  const CallbackPost& post = bed.open[0].first;
  CHECK(
      post.url.starts_with("https://open.example/?SdkAppid=1&CallbackCommand=C2C.CallbackBeforeSendMsg&contenttype="
                           "json&ClientIP=192.0.2.1&OptPlatform=iOS&RequestTime="));
  std::map<std::string, std::string> headers(post.headers.begin(), post.headers.end());
  CHECK(headers["x-nightpost-callback-id"] == "1-before-1700000000000-1");
  CHECK(headers.contains("x-nightpost-signature"));
  CHECK(post.body == R"({"CallbackCommand":"x","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]})");
  CHECK(bed.timeouts == std::vector{milliseconds(2'000)});
  CHECK(bed.heard.empty());
  bed.yes();
  CHECK(bed.take() == Heard{"hi allowed"});
  CHECK(bed.metrics.allowed.read() == 1);
  bed.question("no");
  bed.answer(CallbackAnswer{200, R"({"ErrorCode":120001})"});
  bed.question("drop", kOpenApp, Before::GroupSend);
  bed.answer(CallbackAnswer{200, R"({"ErrorCode":2})"});
  bed.question("change");
  bed.answer(CallbackAnswer{200, R"({"ErrorCode":0,"CloudCustomData":"c"})"});
  CHECK(bed.take() == Heard{"no refused", "drop dropped", "change allowed"});
  CHECK(bed.metrics.refused.read() == 1);
  CHECK(bed.metrics.dropped.read() == 1);
  CHECK(bed.metrics.changed.read() == 1);
}

TEST_CASE("before caller: so many at once, the others in their order", "[im][callbacks][before]") {
  CallerBed bed;
  for (const char* const name : {"a", "b", "c", "d"}) bed.question(name);
  CHECK(bed.open.size() == 2);
  bed.question("other", kClosedApp);  // has places of its own
  CHECK(bed.open.size() == 3);
  bed.yes();
  CHECK(bed.open.size() == 3);
  while (!bed.open.empty()) bed.yes();
  CHECK(bed.take() == Heard{"a allowed", "b allowed", "other allowed", "c allowed", "d allowed"});
}

TEST_CASE("before caller: without an answer the app's choice stands", "[im][callbacks][before]") {
  CallerBed bed;
  bed.question("a");
  bed.lost();
  bed.question("b", kClosedApp);
  bed.lost();
  bed.question("c", kClosedApp);
  bed.answer(CallbackAnswer{200, "{}"});
  bed.question("d", kClosedApp);  // a good answer in between: the server does not fail
  bed.yes();
  CHECK(bed.take() == Heard{"a allowed", "b withheld", "c withheld", "d allowed"});
  CHECK(bed.metrics.failed.read() == 3);
  CHECK(bed.metrics.let_by.read() == 1);
  CHECK(bed.metrics.withheld.read() == 2);
  CHECK(bed.metrics.failing.read() == 0);
}

TEST_CASE("before caller: a server that hangs holds nobody, and is asked by few", "[im][callbacks][before]") {
  const bool closed = GENERATE(false, true);
  const AppId app = closed ? kClosedApp : kOpenApp;
  const std::string word = closed ? " withheld" : " allowed";
  CallerBed bed;
  for (const char* const name : {"a", "b", "c", "d", "e"}) bed.question(name, app);
  bed.lost();
  bed.lost();
  CHECK(bed.take().size() == 2);
  CHECK(bed.open.size() == 2);  // c, d
  bed.lost();                   // the third in a row: who waits goes on at once
  CHECK(bed.take() == Heard{"c" + word, "e" + word});
  CHECK(bed.metrics.failing.read() == 1);
  bed.question("f", app);
  CHECK(bed.take() == Heard{"f" + word});
  bed.lost();  // d, which had been asked before; that doubles nothing
  CHECK(bed.take() == Heard{"d" + word});
  CHECK(bed.open.empty());
  bed.loop.pass(milliseconds(999));
  bed.question("g", app);
  CHECK(bed.open.empty());
  bed.loop.pass(milliseconds(1'001));
  bed.question("probe", app);
  CHECK(bed.open.size() == 1);
  bed.question("h", app);  // one at a time tries
  CHECK(bed.take() == Heard{"g" + word, "h" + word});
  bed.lost();
  bed.loop.pass(milliseconds(2'999));
  bed.question("i", app);
  CHECK(bed.open.empty());  // the wait has doubled, up to the most
  bed.loop.pass(milliseconds(2));
  bed.question("probe again", app);
  REQUIRE(bed.open.size() == 1);
  bed.yes();
  CHECK(bed.metrics.failing.read() == 0);
  bed.question("j", app);
  bed.question("k", app);
  CHECK(bed.open.size() == 2);
  bed.question("other", closed ? kOpenApp : kClosedApp);  // another app's server answered all the time
  CHECK(bed.open.size() == 3);
}

TEST_CASE("before caller: bad answers are no server that fails", "[im][callbacks][before]") {
  CallerBed bed;
  for (const char* const name : {"a", "b", "c"}) {
    bed.question(name, kClosedApp);
    bed.answer(CallbackAnswer{200, R"({"ErrorCode":0,"MsgBody":7})"});
  }
  CHECK(bed.take() == Heard{"a withheld", "b withheld", "c withheld"});
  CHECK(bed.metrics.failed.read() == 3);
  CHECK(bed.metrics.failing.read() == 0);
  bed.question("d", kClosedApp);
  CHECK(bed.open.size() == 1);  // others are asked about
}

TEST_CASE("before caller: an app without a target is let by, and after its end nobody hears",
          "[im][callbacks][before]") {
  CallerBed bed;
  bed.question("a", AppId{9});
  CHECK(bed.take() == Heard{"a allowed"});
  bed.question("b");
  bed.question("c", AppId{9});
  bed.take();
  bed.made.reset();
  bed.answer(CallbackAnswer{200, kYes});
  CHECK(bed.heard.empty());
}
