// Grants that a token endpoint gives out: who asks it, when, and what the others are told meanwhile.
#include <catch2/catch.hpp>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "resolve/grant_book.h"
#include "unit/resolve/fakes.h"

namespace nightpost::resolve {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kStart = WallTime(hours(500'000));

/// Grants that live an hour and are renewed at 55 minutes. The endpoint's word is in the status: 200, 401, or anything.
class EndpointAuthorizer final : public Authorizer {
 public:
  Result<GrantStep> begin(WallTime) const override {
    for (int i = 0; i < 100; ++i) std::this_thread::yield();  // long enough for a second flight to show
    ++begun;
    return GrantRequest{.origin = "https://tokens.test", .http = {.path = "/token"}};
  }
  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    if (reply.status == 401) return fail(Errc::Unauthorized, "invalid client");
    if (reply.status == 666) throw std::runtime_error("near " + reply.body);
    if (reply.status != 200) return fail(Errc::Io, "HTTP " + std::to_string(reply.status));
    return Grant{
        .authorization = reply.body, .issued_at = now, .renew_at = now + minutes(55), .expires_at = now + life};
  }
  milliseconds age_min() const noexcept override { return minutes(1); }
  std::string signer() const override { return "k"; }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }

  milliseconds life = hours(1);
  mutable std::atomic<int> begun = 0;
};

HttpResponse answer_of(int status, std::string body = "") {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

struct Bed {
  GrantOptions options;
  GrantBook book{options};
  EndpointAuthorizer authorizer;
  FakeWaiter waiter;
  WallTime now = kStart;

  Result<GrantAnswer> current() { return book.current("k", authorizer, now, waiter); }
  Result<GrantAnswer> refresh(const Grant& refused) { return book.refresh("k", authorizer, refused, now, waiter); }
  GrantBook::Settled settle(const GrantOrder& order, const Result<HttpResponse>& reply) {
    return book.settle(order, authorizer, reply, now);
  }
  GrantOrder ordered() {
    auto answer = current();
    REQUIRE(answer);
    REQUIRE(answer->order);
    return *std::move(answer->order);
  }
  /// A grant with that text, asked for and got.
  std::shared_ptr<const HeldGrant> get(const std::string& text) {
    CHECK_FALSE(settle(ordered(), answer_of(200, text)).failed);
    return current().value().grant;
  }
};

}  // namespace

TEST_CASE("grant orders: one asks, the others wait, all are told", "[resolve][grants]") {
  Bed b;
  FakeWaiter other;
  const auto first = b.current().value();
  CHECK(first.grant == nullptr);
  REQUIRE(first.order);
  CHECK(first.order->key == "k");
  CHECK(first.order->request.origin == "https://tokens.test");
  for (FakeWaiter* waiter : {&b.waiter, &other, &other}) {
    const auto again = b.book.current("k", b.authorizer, b.now, *waiter).value();
    CHECK(again.grant == nullptr);
    CHECK_FALSE(again.order);
  }
  CHECK(b.authorizer.begun == 1);
  const auto settled = b.settle(*first.order, answer_of(200, "Bearer 1"));
  CHECK_FALSE(settled.failed);
  CHECK(settled.waiters == std::vector<GrantWaiter*>{&b.waiter, &other});
  const auto got = b.current().value();
  REQUIRE(got.grant);
  CHECK(got.grant->authorization == "Bearer 1");
  CHECK(got.ask_at == kStart + minutes(55));
  CHECK_FALSE(got.order);
}

TEST_CASE("grant orders: renewed in the background, while the old one serves", "[resolve][grants]") {
  Bed b;
  const auto old = b.get("one");
  b.now = kStart + minutes(55) - milliseconds(1);
  CHECK_FALSE(b.current()->order);
  b.now = kStart + minutes(55);
  auto renewing = b.current().value();
  CHECK(renewing.grant == old);
  REQUIRE(renewing.order);
  CHECK(renewing.ask_at == b.now + seconds(1));
  CHECK(b.current()->grant == old);
  CHECK_FALSE(b.current()->order);
  SECTION("and comes") {
    const auto settled = b.settle(*renewing.order, answer_of(200, "two"));
    CHECK(settled.waiters.empty());
    CHECK(b.current()->grant->authorization == "two");
    CHECK_FALSE(old->withdrawn());
  }
  SECTION("and fails: the old one serves to its end, asked for now and then") {
    CHECK(b.settle(*renewing.order, answer_of(500)).failed->code == Errc::Io);
    CHECK(b.current()->grant == old);
    CHECK_FALSE(b.current()->order);
    b.now += seconds(1);
    CHECK(b.current()->grant == old);
    b.now = kStart + hours(1);
    const auto late = b.current();  // that one's order is still out
    CHECK((late && late->grant == nullptr));
  }
  SECTION("and is refused") {
    CHECK(b.settle(*renewing.order, answer_of(401)).failed->code == Errc::Unauthorized);
    CHECK(b.current()->grant == old);
    b.now = kStart + hours(1) - milliseconds(1);
    CHECK(b.current()->grant == old);
  }
}

TEST_CASE("grant orders: a failed fetch backs off, doubling up to a cap", "[resolve][grants]") {
  Bed b;
  const Result<HttpResponse> failure =
      GENERATE(values<Result<HttpResponse>>({answer_of(500), answer_of(0), fail(Errc::Timeout, "slow"),
                                             fail(Errc::ConnectionLost, "gone"), fail(Errc::Overloaded, "full")}));
  const Errc code = failure ? Errc::Io : failure.error().code;
  for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
    const auto settled = b.settle(b.ordered(), failure);
    CHECK(settled.failed->code == code);
    CHECK(settled.waiters.size() == 1);
    CHECK(b.current().error().code == code);
    b.now += seconds(pause) - milliseconds(1);
    CHECK(b.current().error().code == code);
    b.now += milliseconds(1);
  }
  b.get("better");
  b.now += hours(2);
  b.settle(b.ordered(), failure);
  b.now += seconds(1);
  b.ordered();  // begins at the first pause again
}

TEST_CASE("grant orders: a refused credential is not asked for again for long", "[resolve][grants]") {
  Bed b;
  b.settle(b.ordered(), answer_of(401));
  CHECK(b.current().error().code == Errc::Unauthorized);
  b.now += minutes(1) - milliseconds(1);
  CHECK(b.current().error().code == Errc::Unauthorized);
  b.now += milliseconds(1);
  b.get("mended");
}

TEST_CASE("grant orders: a clock set back does not stretch a pause", "[resolve][grants]") {
  Bed b;
  b.settle(b.ordered(), answer_of(401));
  b.now -= hours(3);
  b.ordered();
  b.now -= hours(3);  // nor a lost order
  b.ordered();
}

TEST_CASE("grant orders: one that nobody settles is given anew", "[resolve][grants]") {
  Bed b;
  const GrantOrder lost = b.ordered();
  b.now += b.options.fetch_deadline + seconds(5) - milliseconds(1);
  CHECK_FALSE(b.current()->order);
  b.now += milliseconds(1);
  const GrantOrder again = b.ordered();
  CHECK(again.number != lost.number);
  SECTION("its late failure ends nothing") {
    const auto settled = b.settle(lost, answer_of(500));
    CHECK(settled.failed);
    CHECK(settled.waiters.empty());
    CHECK(b.current()->grant == nullptr);
    CHECK(b.settle(again, answer_of(200, "x")).waiters.size() == 1);
  }
  SECTION("its late success is as good as any") {
    CHECK(b.settle(lost, answer_of(200, "late")).waiters.size() == 1);
    CHECK(b.current()->grant->authorization == "late");
  }
}

TEST_CASE("grant orders: however many refusals, one fetch", "[resolve][grants]") {
  Bed b;
  const auto old = b.get("old");
  b.now += minutes(5);
  auto first = b.refresh(*old).value();
  CHECK(first.grant == nullptr);
  REQUIRE(first.order);
  CHECK(old->withdrawn());  // no shard's own copy serves any longer
  for (int i = 0; i < 10; ++i) {
    const auto again = b.refresh(*old).value();
    CHECK(again.grant == nullptr);
    CHECK_FALSE(again.order);
  }
  CHECK(b.current()->grant == nullptr);
  CHECK(b.settle(*first.order, answer_of(200, "new")).waiters.size() == 1);
  const auto newer = b.current()->grant;
  CHECK(newer->authorization == "new");
  CHECK_FALSE(newer->withdrawn());
  CHECK(b.refresh(*old)->grant == newer);  // whoever comes late gets it
  CHECK_FALSE(b.refresh(*old)->order);
  CHECK(b.authorizer.begun == 2);
}

TEST_CASE("grant orders: a grant is refused, and so is the next", "[resolve][grants]") {
  Bed b;
  const auto old = b.get("old");
  auto first = b.refresh(*old).value();  // at once: it may have been revoked
  REQUIRE(first.order);
  b.settle(*first.order, answer_of(200, "new"));
  const auto newer = b.current()->grant;
  CHECK(b.refresh(*newer).error().code == Errc::Unauthorized);
  CHECK_FALSE(newer->withdrawn());
  b.now += minutes(1) - milliseconds(1);
  CHECK(b.refresh(*newer).error().code == Errc::Unauthorized);
  b.now += milliseconds(1);
  CHECK(b.refresh(*newer)->order);
}

TEST_CASE("grant orders: the endpoint gives the refused one again", "[resolve][grants]") {
  Bed b;
  const auto old = b.get("same");
  b.now += minutes(5);
  auto first = b.refresh(*old).value();
  REQUIRE(first.order);
  CHECK(b.settle(*first.order, answer_of(200, "same")).failed->code == Errc::Unauthorized);
  CHECK(b.current().error().code == Errc::Unauthorized);
  CHECK(b.refresh(*old).error().code == Errc::Unauthorized);
  b.now += minutes(1);
  b.get("another");
}

TEST_CASE("grant orders: a refusal while the next is on its way waits for it", "[resolve][grants]") {
  Bed b;
  const auto old = b.get("old");
  b.now += minutes(55);
  auto renewing = b.current().value();
  REQUIRE(renewing.order);
  const auto refused = b.refresh(*old).value();
  CHECK(refused.grant == nullptr);
  CHECK_FALSE(refused.order);
  CHECK(b.current()->grant == nullptr);
  CHECK(b.settle(*renewing.order, answer_of(200, "new")).waiters.size() == 1);
  CHECK(b.current()->grant->authorization == "new");
}

TEST_CASE("grant orders: a refusal while fetches fail hears why", "[resolve][grants]") {
  Bed b;
  const auto old = b.get("old");
  b.now += minutes(55);
  b.settle(b.ordered(), answer_of(500));
  CHECK(b.current()->grant == old);
  CHECK(b.refresh(*old).error().code == Errc::Io);
  CHECK(b.current().error().code == Errc::Io);  // the refused one does not serve again
}

TEST_CASE("grant orders: a grant that has ended already is none", "[resolve][grants]") {
  Bed b;
  b.authorizer.life = GENERATE(milliseconds(0), -hours(1), milliseconds(0));
  CHECK(b.settle(b.ordered(), answer_of(200, "x")).failed->code == Errc::Io);
  CHECK(b.current().error().code == Errc::Io);
}

TEST_CASE("grant orders: one that is to be renewed at once does not storm the endpoint", "[resolve][grants]") {
  Bed b;
  b.authorizer.life = seconds(90);  // and renew_at long before: the least gap is a second
  b.get("short");
  for (int i = 0; i < 100; ++i) {
    b.now += milliseconds(10);
    if (const auto answer = b.current(); answer && answer->order)
      b.settle(*answer->order, answer_of(200, std::to_string(i)));
  }
  CHECK(b.authorizer.begun <= 3);
}

TEST_CASE("grant orders: signers are bounded, the one unused for longest goes", "[resolve][grants]") {
  GrantBook book(GrantOptions{.signers_max = 3});
  const FakeAuthorizer local;
  const EndpointAuthorizer endpoint;
  FakeWaiter waiter;
  const auto order = book.current("out", endpoint, kStart, waiter).value().order;  // never goes while it is out
  REQUIRE(order);
  const auto a = current(book, "a", local, kStart).value();
  const auto b = current(book, "b", local, kStart).value();
  CHECK(current(book, "a", local, kStart).value() == a);
  CHECK(current(book, "c", local, kStart));
  CHECK(current(book, "a", local, kStart).value() == a);
  CHECK(current(book, "b", local, kStart).value() != b);
  CHECK(book.settle(*order, endpoint, answer_of(200, "x"), kStart).waiters.size() == 1);
}

TEST_CASE("grant orders: threads that ask at once get one order", "[resolve][grants][threads]") {
  constexpr int kThreads = 8;
  Bed b;
  std::vector<FakeWaiter> waiters(kThreads);
  const auto at_once = [&](auto ask) {
    std::vector<std::optional<GrantOrder>> orders(kThreads);
    std::latch start(kThreads);
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
          start.arrive_and_wait();
          auto answer = ask(waiters[static_cast<std::size_t>(t)]);
          if (answer) orders[static_cast<std::size_t>(t)] = std::move(answer->order);
        });
    }
    std::erase_if(orders, [](const auto& order) { return !order; });
    REQUIRE(orders.size() == 1);
    return *orders.front();
  };
  const GrantOrder first = at_once([&](FakeWaiter& w) { return b.book.current("k", b.authorizer, b.now, w); });
  CHECK(b.settle(first, answer_of(200, "one")).waiters.size() == kThreads);
  const auto one = b.current()->grant;
  b.now += minutes(2);
  const GrantOrder second = at_once([&](FakeWaiter& w) { return b.book.refresh("k", b.authorizer, *one, b.now, w); });
  CHECK(b.settle(second, answer_of(200, "two")).waiters.size() == kThreads);
  CHECK(b.authorizer.begun == 2);
}

TEST_CASE("grant orders: however it goes, what is handed out holds and was not refused", "[resolve][grants]") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Bed b;
  std::optional<GrantOrder> out;
  std::shared_ptr<const HeldGrant> held;
  std::string refused;
  int given = 0;
  for (int i = 0; i < 5000; ++i) {
    b.now += seconds(random() % 600);
    if (out && random() % 2 == 0) {
      const int what = static_cast<int>(random() % 4);
      if (what == 0)
        b.settle(*out, answer_of(500));
      else if (what == 1)
        b.settle(*out, fail(Errc::Timeout, "slow"));
      else
        b.settle(*out, answer_of(200, std::to_string(++given)));
      out.reset();
      continue;
    }
    const bool refuse = held != nullptr && random() % 4 == 0;
    auto answer = refuse ? b.refresh(*held) : b.current();
    if (refuse && answer) refused = held->authorization;
    if (!answer) continue;
    if (answer->order) out = std::move(answer->order);
    if (answer->grant == nullptr) continue;
    held = answer->grant;
    REQUIRE(b.now < held->expires_at);
    REQUIRE_FALSE(held->withdrawn());
    REQUIRE(held->authorization != refused);
  }
  CHECK(given > 100);
}

TEST_CASE("orders: an answer that makes the vendor's room throw is a failed fetch", "[resolve][grants]") {
  GrantBook book;
  EndpointAuthorizer authorizer;
  FakeWaiter waiter;
  const auto asked = book.current("k", authorizer, kStart, waiter);
  REQUIRE(asked);
  REQUIRE(asked->order);
  const auto settled = book.settle(*asked->order, authorizer, HttpResponse{.status = 666, .body = "s3cret"}, kStart);
  REQUIRE(settled.failed);
  CHECK(settled.failed->code == Errc::Io);
  CHECK(settled.failed->detail.find("s3cret") == std::string::npos);
  CHECK(settled.waiters == std::vector<GrantWaiter*>{&waiter});
  CHECK_FALSE(book.current("k", authorizer, kStart, waiter));  // rests
  const auto again = book.current("k", authorizer, kStart + minutes(2), waiter);
  REQUIRE(again);  // then asks anew
  CHECK(again->order);
}

}  // namespace nightpost::resolve
