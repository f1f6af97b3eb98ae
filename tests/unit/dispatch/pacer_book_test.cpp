#include "dispatch/pacer_book.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {
const MonoTime kNow = MonoTime(std::chrono::hours(1));

/// So that it can be told from a new one.
void mark(Pacer& pacer) {
  Pacer::Heard heard;
  pacer.hear(heard, Answer{.verdict = Verdict::Accepted}, {}, nullptr, kNow);
}

Options with(std::size_t routes_max) {
  Options options;
  options.routes_max = routes_max;
  options.credential_in_flight_first = 2;
  return options;
}
}  // namespace

TEST_CASE("pacer book: the least recently used goes, one for each that comes", "[dispatch]") {
  const Options options = with(10);
  PacerBook book(options);
  for (std::uint64_t id = 1; id <= 10; ++id) mark(book.of(id, kNow));
  book.of(1, kNow);  // used again
  for (std::uint64_t id = 100; id < 109; ++id) book.of(id, kNow);
  CHECK(book.size() == 10);
  CHECK(book.of(1, kNow).allowed() == 4);
  CHECK(book.of(2, kNow).allowed() == 2);  // anew
}

TEST_CASE("pacer book: nothing goes that a request, a pause, a quota or an open breaker hangs on", "[dispatch]") {
  const Options options = with(4);
  PacerBook book(options);
  for (std::uint64_t id = 1; id <= 4; ++id) mark(book.of(id, kNow));
  Pacer& sent = book.of(1, kNow);
  sent.sent();
  Pacer::Heard heard;
  const Answer full{.verdict = Verdict::Throttled, .retry_after = seconds(1), .scope = Scope::Credential};
  book.of(2, kNow).hear(heard, full, {}, nullptr, kNow);
  book.of(2, kNow).conclude(heard, false, full, 1, kNow, kNow);
  book.of(3, kNow).admit(false, 1, kNow);
  book.of(4, kNow).refuse(false, "bad", "", kNow);
  for (std::uint64_t id = 100; id < 1'100; ++id) book.of(id, kNow);
  CHECK(&book.of(1, kNow) == &sent);
  CHECK(book.of(2, kNow).paused_until() > kNow);
  CHECK_FALSE(book.of(3, kNow).is_idle(kNow));
  CHECK(book.of(4, kNow).refusal() == "bad");
  CHECK(book.size() <= 5);
  const MonoTime later = kNow + std::chrono::minutes(2);
  book.of(1, later).answered();
  for (std::uint64_t id = 2'000; id < 2'100; ++id) book.of(id, later);
  CHECK(book.of(4, later).refusal().empty());
}
