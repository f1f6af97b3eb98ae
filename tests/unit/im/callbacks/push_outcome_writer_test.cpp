// Outcomes of pushes are written, and again while the store is away.
#include "im/callbacks/push_outcome_writer.h"

#include <catch2/catch.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

struct OutcomeBed final : CallbackBook {
  support::ManualLoop loop;
  std::unique_ptr<EventLoop> port = loop.port();
  Counter refused;
  std::optional<PushOutcomeWriter> writer{std::in_place, *this, *port, nullptr, refused};
  std::deque<Reply<void>> asked;
  std::vector<std::string> events;

  std::shared_ptr<std::optional<bool>> write(const std::string& event) {
    auto done = std::make_shared<std::optional<bool>>();
    writer->write({{.app = AppId{1}, .event_id = event}}, [done](bool written) {
      CHECK_FALSE(*done);
      *done = written;
    });
    return done;
  }
  void answer(Answer<void> answer) {
    REQUIRE_FALSE(asked.empty());
    auto reply = std::move(asked.front());
    asked.pop_front();
    reply(std::move(answer));
  }
  void callbacks(AppId, std::int64_t, std::size_t, Reply<std::vector<CallbackJob>>) override {}
  void callback_settled(std::int64_t) override {}
  void push_outcomes(std::vector<PushOutcome> all, Reply<void> reply) override {
    for (const PushOutcome& each : all) events.push_back(each.event_id);
    asked.push_back(std::move(reply));
  }
};

const Answer<void> kBusy = refuse(Code::Busy, "away");

}  // namespace

TEST_CASE("push outcome writer: done once they are written", "[im][callbacks]") {
  OutcomeBed bed;
  const auto done = bed.write("1-1");
  CHECK_FALSE(*done);
  bed.answer({});
  CHECK(*done == true);
  CHECK(bed.refused.read() == 0);
}

TEST_CASE("push outcome writer: while the store is away they wait, and are written then", "[im][callbacks]") {
  OutcomeBed bed;
  const auto one = bed.write("1-1"), two = bed.write("1-2");
  bed.answer(kBusy);
  bed.answer(kBusy);
  CHECK(bed.writer->waiting() == 2);
  CHECK(bed.asked.empty());
  bed.loop.pass(milliseconds(500));
  bed.answer({});
  bed.answer(kBusy);
  CHECK(*one == true);
  CHECK_FALSE(*two);
  bed.loop.pass(milliseconds(500));
  bed.answer({});
  CHECK(*two == true);
  CHECK(bed.events == std::vector<std::string>{"1-1", "1-2", "1-1", "1-2", "1-2"});
}

TEST_CASE("push outcome writer: what can never be written holds nobody", "[im][callbacks]") {
  OutcomeBed bed;
  const auto done = bed.write("1-1");
  bed.answer(refuse(Code::Internal, "no"));
  CHECK(*done == true);
  CHECK(bed.refused.read() == 1);
  bed.loop.pass(milliseconds(5'000));
  CHECK(bed.asked.empty());
}

TEST_CASE("push outcome writer: its end says of the rest that it is not written", "[im][callbacks]") {
  OutcomeBed bed;
  const auto waits = bed.write("1-1");
  bed.answer(kBusy);
  const auto asked = bed.write("1-2");
  bed.writer.reset();
  CHECK(*waits == false);
  CHECK_FALSE(*asked);
  bed.answer({});
  CHECK(*asked == false);
  bed.loop.pass(milliseconds(5'000));
  CHECK(bed.asked.empty());
}
