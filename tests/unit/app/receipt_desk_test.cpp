#include "app/receipt_desk.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "unit/app/receipt_fakes.h"

namespace nightpost::app {
namespace {

/// A desk with one certificate of Huawei's and what it needs.
struct ReceiptsDesk {
  explicit ReceiptsDesk(ReceiptOptions the_options = {}) : options(std::move(the_options)) {}
  ReceiptOptions options;
  ManualClock clock;
  std::ostringstream lines;
  observe::Log log{observe::Level::Debug, 1'000, lines, clock};
  std::unique_ptr<store::Store> store = store_in_memory();
  CertificateId certificate = add_certificate(*store, Vendor::Huawei);
  FakeSink sink;
  ReceiptMetrics metrics;
  dispatch::SignerLedger signers;
  ReceiptDesk desk{options, *store, sink, signers, clock, log, metrics, plain_reader_of};

  std::string target() const { return "/receipts/huawei/" + std::to_string(certificate.value) + "?key=s3cret-key"; }
  server::ServerResponse post(std::string target, std::string body) {
    return desk.answer({.method = "POST", .target = std::move(target), .body = std::move(body)});
  }
  server::ServerResponse post(std::string body) { return post(target(), std::move(body)); }
  std::uint64_t refused(ReceiptRefusal why) const { return metrics.refused[std::size_t(why)].read(); }
  std::uint64_t counted(Receipt::Kind kind) const {
    return metrics.receipts[std::size_t(Vendor::Huawei)][std::size_t(kind)].read();
  }
};

constexpr const char* kDelivered = R"({"receipts":[{"token":"t"}],"answer":"{\"code\":\"0\"}"})";
constexpr const char* kGone = R"({"receipts":[{"kind":2,"token":"t","at":1795225890000}]})";
const WallTime kBefore = wall_from_ms(1'795'225'880'000);

TEST_CASE("receipt desk: a receipt is told before it is answered", "[app][receipts]") {
  ReceiptsDesk desk;
  add_device(*desk.store, desk.certificate, "vinson", "t", kBefore);
  const auto answer = desk.post(kDelivered);
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"code":"0"})");
  CHECK(answer.headers == std::vector<std::pair<std::string, std::string>>{{"content-type", "application/json"}});
  REQUIRE(desk.sink.written.size() == 1);
  CHECK(desk.sink.written[0].kind == OutcomeKind::Delivered);
  CHECK(desk.sink.written[0].user_id == "vinson");
  CHECK(desk.sink.written[0].event_id == "event-1");
  CHECK(desk.counted(Receipt::Kind::Delivered) == 1);
  CHECK(desk.metrics.outcomes[std::size_t(OutcomeKind::Delivered)].read() == 1);
  CHECK(desk.lines.str().empty());
}

TEST_CASE("receipt desk: a token that is gone goes, after the outcome is written", "[app][receipts]") {
  ReceiptsDesk desk;
  add_device(*desk.store, desk.certificate, "vinson", "t", kBefore);
  add_device(*desk.store, desk.certificate, "since", "t", kNow, AppId{7});
  add_device(*desk.store, desk.certificate, "other", "another", kBefore);
  std::size_t devices_at_writing = 0;
  desk.sink.before_write = [&] { devices_at_writing = desk.store->devices(kApp, std::nullopt, 10)->size(); };
  CHECK(desk.post(kGone).status == 200);
  CHECK(devices_at_writing == 2);
  const auto left = desk.store->devices(kApp, std::nullopt, 10);
  REQUIRE(left->size() == 1);
  CHECK((*left)[0].user_id == "other");
  CHECK(desk.store->devices(AppId{7}, std::nullopt, 10)->size() == 1);
  CHECK(desk.metrics.tokens_removed.read() == 1);
  CHECK(desk.sink.written.size() == 1);
}

TEST_CASE("receipt desk: when too many tokens are called gone at once they stay, until enough are delivered to",
          "[app][receipts]") {
  ReceiptOptions options;
  options.removals.mass_removal_window = 4;
  ReceiptsDesk desk{options};
  const auto call = [](int gone, int delivered) {
    std::string receipts;
    for (int i = 0; i < gone + delivered; ++i)
      receipts += (i > 0 ? R"(,{"kind":)" : R"({"kind":)") + std::string(i < gone ? "2" : "0") + R"(,"token":"t)" +
                  std::to_string(i) + R"("})";
    return R"({"receipts":[)" + receipts + "]}";
  };
  for (int i = 0; i < 4; ++i)
    add_device(*desk.store, desk.certificate, "u" + std::to_string(i), "t" + std::to_string(i), kNow - seconds(60));
  const auto left = [&] { return desk.store->devices(kApp, std::nullopt, 10)->size(); };
  CHECK(desk.post(call(4, 0)).status == 200);
  CHECK(left() == 4);
  CHECK(desk.metrics.removals_held.read() == 4);
  REQUIRE(desk.sink.written.size() == 4);
  CHECK(desk.sink.written[0].kind == OutcomeKind::Rejected);
  CHECK(desk.sink.written[0].rule == "removal_held");
  CHECK(desk.lines.str().contains("receipts.token_removals_held"));
  CHECK(desk.lines.str().contains("approve-removals"));
  const auto books = desk.signers.held_removals(desk.clock.mono());
  REQUIRE(books.size() == 1);
  const auto news = books[0]->take();
  CHECK(news.where == dispatch::RemovalBook::Heard::Receipts);
  REQUIRE(news.kept.size() == 4);
  CHECK(news.kept[3] ==
        HeldRemoval{.app = kApp, .user_id = "u3", .device_id = "u3-phone", .registered_at = kNow - seconds(60)});
  CHECK(desk.post(call(2, 2)).status == 200);
  CHECK(left() == 2);
  CHECK(desk.lines.str().contains("receipts.token_removals_released"));
  CHECK(desk.metrics.tokens_removed.read() == 2);
}

TEST_CASE("receipt desk: what answers hold is held here too, whatever receipts say", "[app][receipts]") {
  ReceiptOptions options;
  options.removals.mass_removal_window = 4;
  ReceiptsDesk desk{options};
  add_device(*desk.store, desk.certificate, "vinson", "t", kBefore);
  const auto book = desk.signers.removals_of(desk.store->certificate(desk.certificate).value(), desk.options.removals);
  book->count(dispatch::RemovalBook::Heard::Answers, {.dead = 4}, desk.clock.mono());
  CHECK(desk.post(kDelivered).status == 200);
  CHECK(desk.post(kGone).status == 200);
  CHECK(desk.store->devices(kApp, std::nullopt, 10)->size() == 1);
  CHECK(desk.metrics.removals_held.read() == 1);
  SECTION("until ops say that they are dead") { book->approve(desk.clock.mono() + seconds(60)); }
  SECTION("or an edit of the certificate makes it another") {
    REQUIRE(desk.store->set_certificate_status(desk.certificate, CertificateStatus::Active));
  }
  CHECK(desk.post(kGone).status == 200);
  CHECK(desk.store->devices(kApp, std::nullopt, 10)->empty());
}

TEST_CASE("receipt desk: a device moves to the token that the vendor names instead", "[app][receipts]") {
  ReceiptsDesk desk;
  const CertificateId certificate{1};
  add_device(*desk.store, certificate, "vinson", "old", kNow - seconds(60));
  CHECK(desk.post(R"({"receipts":[{"kind":2,"token":"old","moved_to":"new"}]})").status == 200);
  CHECK(desk.store->devices_with_token(certificate, "old", 9)->empty());
  const auto moved = desk.store->devices_with_token(certificate, "new", 9);
  REQUIRE(moved);
  REQUIRE(moved->size() == 1);
  CHECK(moved->front().user_id == "vinson");
  CHECK(moved->front().device.registered_at == kNow);
  REQUIRE(desk.sink.written.size() == 1);
  CHECK(desk.sink.written[0].kind == OutcomeKind::TokenRemoved);
}

TEST_CASE("receipt desk: a signed call that comes again does nothing", "[app][receipts]") {
  ReceiptsDesk desk;
  const std::string call = R"({"receipts":[{"token":"t"}],"answer":"{\"code\":\"0\"}","nonce":"n1"})";
  // Signed the same, with a body that it does not cover.
  const std::string forged = R"({"receipts":[{"kind":2,"token":"t"}],"answer":"{\"code\":\"0\"}","nonce":"n1"})";
  add_device(*desk.store, desk.certificate, "vinson", "t", kBefore);
  desk.sink.failing = true;
  CHECK(desk.post(call).status == 503);
  desk.sink.failing = false;
  CHECK(desk.post(call).status == 200);  // the one before did nothing, so it counts
  CHECK(desk.metrics.calls_repeated.read() == 0);
  for (const std::string& again : {call, forged}) {
    const auto answer = desk.post(again);
    CHECK(answer.status == 200);
    CHECK(answer.body == R"({"code":"0"})");
  }
  CHECK(desk.metrics.calls_repeated.read() == 2);
  CHECK(desk.sink.written.size() == 1);
  CHECK(desk.store->devices(kApp, std::nullopt, 10)->size() == 1);
  CHECK(desk.counted(Receipt::Kind::Delivered) == 1);

  desk.clock.mono_now += kNonceLife - milliseconds(1);
  CHECK(desk.post(call).status == 200);
  CHECK(desk.sink.written.size() == 1);
  desk.clock.mono_now += milliseconds(1);  // by now the vendor's reader would refuse it
  CHECK(desk.post(call).status == 200);
  CHECK(desk.sink.written.size() == 2);
}

TEST_CASE("receipt memory: one certificate's nonce is not another's, and the oldest go first", "[app][receipts]") {
  ReceiptMemory memory(2, kNonceLife);
  const MonoTime now{seconds(1)};
  CHECK_FALSE(memory.knows({1}, "a", now));
  memory.add({1}, "a", now);
  memory.add({1}, "a", now);
  CHECK(memory.size() == 1);
  CHECK(memory.knows({1}, "a", now));
  CHECK_FALSE(memory.knows({2}, "a", now));
  CHECK_FALSE(memory.knows({1}, "A", now));
  CHECK_FALSE(memory.knows({1}, "", now));
  memory.add({2}, "a", now);
  memory.add({1}, "b", now);
  CHECK(memory.size() == 2);
  CHECK_FALSE(memory.knows({1}, "a", now));
  CHECK(memory.knows({2}, "a", now));
  CHECK(memory.knows({1}, "b", now + kNonceLife - milliseconds(1)));
  CHECK_FALSE(memory.knows({1}, "b", now + kNonceLife));
  CHECK(memory.size() == 0);
}

TEST_CASE("receipt desk: what Kafka has not is not answered 200, and nothing is removed", "[app][receipts]") {
  ReceiptsDesk desk;
  add_device(*desk.store, desk.certificate, "vinson", "t", kBefore);
  desk.sink.failing = true;
  const auto refused = desk.post(kGone);
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.body.contains("kafka"));
  CHECK(desk.store->devices(kApp, std::nullopt, 10)->size() == 1);
  CHECK(desk.refused(ReceiptRefusal::Kafka) == 1);
  CHECK(desk.counted(Receipt::Kind::TokenGone) == 0);
  CHECK(desk.lines.str().contains("receipts.not_taken"));
  desk.sink.failing = false;
  CHECK(desk.post(kGone).status == 200);  // the vendor repeats, and nothing is lost
  CHECK(desk.sink.written.at(0).user_id == "vinson");
  CHECK(desk.store->devices(kApp, std::nullopt, 10)->empty());
}

TEST_CASE("receipt desk: what is not answered 200", "[app][receipts]") {
  struct Row {
    const char* name;
    std::string method, target, body;
    int status;
    ReceiptRefusal why;
  };
  const Row row = GENERATE(values<Row>({
      {"no such path", "POST", "/", "{}", 404, ReceiptRefusal::NotFound},
      {"no vendor", "POST", "/receipts/", "{}", 404, ReceiptRefusal::NotFound},
      {"no certificate", "POST", "/receipts/huawei", "{}", 404, ReceiptRefusal::NotFound},
      {"an empty certificate", "POST", "/receipts/huawei/?key=s3cret-key", "{}", 404, ReceiptRefusal::NotFound},
      {"a vendor nobody knows", "POST", "/receipts/nokia/1", "{}", 404, ReceiptRefusal::NotFound},
      {"a vendor that sends none", "POST", "/receipts/apns/1", "{}", 404, ReceiptRefusal::NotFound},
      {"another vendor's certificate", "POST", "/receipts/oppo/1?key=s3cret-key", "{}", 404, ReceiptRefusal::NotFound},
      {"no such certificate", "POST", "/receipts/huawei/2", "{}", 404, ReceiptRefusal::NotFound},
      {"a sign", "POST", "/receipts/huawei/+1", "{}", 404, ReceiptRefusal::NotFound},
      {"below nothing", "POST", "/receipts/huawei/-1", "{}", 404, ReceiptRefusal::NotFound},
      {"letters behind the id", "POST", "/receipts/huawei/1a", "{}", 404, ReceiptRefusal::NotFound},
      {"a path behind the id", "POST", "/receipts/huawei/1/", "{}", 404, ReceiptRefusal::NotFound},
      {"an id of 2^64 + 1", "POST", "/receipts/huawei/18446744073709551617", "{}", 404, ReceiptRefusal::NotFound},
      {"an escaped path", "POST", "/receipts/%68uawei/1", "{}", 404, ReceiptRefusal::NotFound},
      {"GET", "GET", "/receipts/huawei/1?key=s3cret-key", "", 405, ReceiptRefusal::Method},
      {"PUT", "PUT", "/receipts/huawei/1?key=s3cret-key", kDelivered, 405, ReceiptRefusal::Method},
      {"no key", "POST", "/receipts/huawei/1", kDelivered, 401, ReceiptRefusal::Unauthorized},
      {"another key", "POST", "/receipts/huawei/1?key=S3CRET-KEY", kDelivered, 401, ReceiptRefusal::Unauthorized},
      {"no body", "POST", "/receipts/huawei/1?key=s3cret-key", "", 400, ReceiptRefusal::Malformed},
      {"cut short", "POST", "/receipts/huawei/1?key=s3cret-key", R"({"receipts":[{)", 400, ReceiptRefusal::Malformed},
      {"too many", "POST", "/receipts/huawei/1?key=s3cret-key", R"({"receipts":[{},{},{}]})", 413,
       ReceiptRefusal::TooMany},
  }));
  CAPTURE(row.name);
  ReceiptsDesk desk({.receipts_per_call_max = 2});
  REQUIRE(desk.certificate.value == 1);
  const auto answer = desk.desk.answer({.method = row.method, .target = row.target, .body = row.body});
  CHECK(answer.status == row.status);
  CHECK(desk.refused(row.why) == 1);
  CHECK(desk.sink.calls == 0);
  CHECK_FALSE(desk.lines.str().contains("s3cret-key"));
  CHECK_FALSE(answer.body.contains("s3cret-key"));
  if (row.status == 400) CHECK(answer.body == "receipts: missing\n");
  if (row.status == 401) {
    CHECK(desk.lines.str().contains("receipts.unauthorized"));
    CHECK(answer.body == "the signature or key is wrong\n");
  }
}

TEST_CASE("receipt desk: without a receipt key nobody is believed", "[app][receipts]") {
  ReceiptsDesk desk;
  const auto keyless = add_certificate(*desk.store, Vendor::Oppo, "");
  CHECK(desk.post("/receipts/oppo/" + std::to_string(keyless.value) + "?key=", kDelivered).status == 401);
  CHECK(desk.sink.calls == 0);
}

TEST_CASE("receipt desk: a disabled certificate's receipts still count", "[app][receipts]") {
  ReceiptsDesk desk;
  REQUIRE(desk.store->set_certificate_status(desk.certificate, CertificateStatus::Disabled));
  CHECK(desk.post(kDelivered).status == 200);
}

TEST_CASE("receipt desk: a call without receipts is answered, and writes nothing new", "[app][receipts]") {
  ReceiptsDesk desk;
  CHECK(desk.post(R"({"receipts":[]})").status == 200);
  CHECK(desk.sink.written.empty());
}

TEST_CASE("receipt desk: each certificate has its own rate, of which strangers take nothing", "[app][receipts]") {
  ReceiptsDesk desk({.requests_per_second_max = 3});
  const auto other = add_certificate(*desk.store, Vendor::Oppo);
  CHECK(desk.post(kDelivered).status == 200);
  for (int i = 0; i < 10; ++i) CHECK(desk.post("/receipts/huawei/1?key=guess", kDelivered).status == 401);
  CHECK(desk.post(kDelivered).status == 200);
  CHECK(desk.post(kDelivered).status == 200);
  const auto refused = desk.post(kDelivered);
  CHECK(refused.status == 429);
  CHECK(refused.headers.back() == std::pair<std::string, std::string>{"retry-after", "1"});
  CHECK(desk.post("/receipts/oppo/" + std::to_string(other.value) + "?key=s3cret-key", kDelivered).status == 200);
  desk.clock.mono_now += milliseconds(400);
  CHECK(desk.post(kDelivered).status == 200);
  CHECK(desk.post(kDelivered).status == 429);
  CHECK(desk.refused(ReceiptRefusal::TooOften) == 2);
}

TEST_CASE("receipt desk: a store that cannot be read is a matter of time", "[app][receipts]") {
  std::string path = "/tmp/nightpost-receipts-XXXXXX";
  REQUIRE(::mkdtemp(path.data()) != nullptr);
  const std::string file = path + "/store.db";
  const auto sealer = store::Sealer::from_key_text(store::Sealer::new_key_text()).value();
  auto right = store::open_sqlite(file, sealer);
  REQUIRE(right);
  const auto id = add_certificate(**right, Vendor::Huawei);
  auto wrong = store::open_sqlite(file, nullptr);
  REQUIRE(wrong);
  ReceiptsDesk desk;
  ReceiptDesk without_key{desk.options, **wrong,  desk.sink,    desk.signers,
                          desk.clock,   desk.log, desk.metrics, plain_reader_of};
  const auto answer = without_key.answer(
      {.method = "POST", .target = "/receipts/huawei/" + std::to_string(id.value) + "?key=s3cret-key", .body = "{}"});
  CHECK(answer.status == 503);
  CHECK(answer.body == "try again later\n");
  CHECK(desk.refused(ReceiptRefusal::Store) == 1);
  CHECK(desk.lines.str().contains("master key"));
  std::filesystem::remove_all(path);
}

TEST_CASE("receipt desk: a reader that throws is 500 and a line, and the next call is read", "[app][receipts]") {
  ReceiptsDesk desk;
  const auto answer = desk.post(R"({"receipts":[{"token":7}]})");  // the tests' own reader throws at a number
  CHECK(answer.status == 500);
  CHECK(answer.body == "internal error\n");
  CHECK(desk.refused(ReceiptRefusal::Internal) == 1);
  CHECK(desk.lines.str().contains("receipts.internal_error"));
  CHECK_FALSE(desk.lines.str().contains("s3cret"));
  CHECK(desk.sink.calls == 0);
  CHECK(desk.post(kDelivered).status == 200);
}

}  // namespace
}  // namespace nightpost::app
