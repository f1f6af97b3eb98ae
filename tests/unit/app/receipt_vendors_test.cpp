// What the vendors' documents say they post, by hand, through the desk and the vendors' own rooms.
#include <catch2/catch.hpp>

#include "app/receipt_desk.h"
#include "app/vendors.h"
#include "unit/app/receipt_fakes.h"

namespace nightpost::app {
namespace {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

const HttpHeaders kJson = {{"content-type", "application/json"}};
const HttpHeaders kForm = {{"content-type", "application/x-www-form-urlencoded"}};
/// Huawei's vector for user pushuser.
const HttpHeaders kSigned = {{"content-type", "application/json"},
                             {"x-huawei-callback-id",
                              "timestamp=1735689600123; nonce=3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55; "
                              "value=OxrndStw7B6Xzm2pjZT+dN21wnsa5rlQi/FRPBE7qmg="}};
constexpr const char* kHuaweiKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

struct Call {
  const char* name;
  Vendor vendor;
  std::string query;
  HttpHeaders headers;
  std::string body;
  int status;
  std::string want;    // "kind rule event user": of each outcome
  std::string answer;  // the body
};

const std::string kHuaweiBody =
    R"({"statuses":[{"biTag":"e1","appid":"100000001","token":"t1","status":0,"timestamp":1735689601000,"requestId":"r"},)"
    R"({"biTag":"e2","appid":"100000001","token":"t2","status":2,"timestamp":1735689601000,"requestId":"r"},)"
    R"({"biTag":"e3","appid":"100000001","token":"t3","status":6,"timestamp":1735689601000,"requestId":"r"}]})";
constexpr const char* kSuccess = R"({"code":"0","message":"success"})";

// {"scm1":{"param":"e1","type":1,"targets":"t1,t3"},"scm2":{"param":"e2","type":16,"targets":"t2","errorCode":1}}
constexpr const char* kXiaomiBody =
    "data=%7B%22scm1%22%3A%7B%22param%22%3A%22e1%22%2C%22type%22%3A1%2C%22targets%22%3A%22t1%2Ct3%22%7D%2C%22scm2%22%3A"
    "%7B%22param%22%3A%22e2%22%2C%22type%22%3A16%2C%22targets%22%3A%22t2%22%2C%22errorCode%22%3A1%7D%7D";
constexpr const char* kOppoBody =
    R"([{"messageId":"m","appId":"3000001","taskId":"m","registrationIds":"t1","eventTime":"1735689600000","param":"e1",)"
    R"("eventType":"push_arrive"},{"messageId":"m","taskId":"m","registrationIds":"t2","eventTime":"1735689600000",)"
    R"("param":"e2","eventType":"regid_invalid"}])";
constexpr const char* kVivoBody =
    R"({"342982232646":{"targets":"t1","ackTime":1735689600000,"param":"e1","ackType":"0"}})";
// {"c2ee-1":{"param":"e1","type":1,"targets":["t1"]},"c2ef-2":{"param":"e2","type":2,"targets":["t1"]}}
constexpr const char* kMeizuCb =
    "&cb=%7B%22c2ee-1%22%3A%7B%22param%22%3A%22e1%22%2C%22type%22%3A1%2C%22targets%22%3A%5B%22t1%22%5D%7D%2C%22c2ef-2%"
    "22"
    "%3A%7B%22param%22%3A%22e2%22%2C%22type%22%3A2%2C%22targets%22%3A%5B%22t1%22%5D%7D%7D";

TEST_CASE("receipt vendors: what each posts, and what becomes of it", "[app][receipts]") {
  const Call call = GENERATE(values<Call>({
      {"huawei", Vendor::Huawei, "", kSigned, kHuaweiBody, 200,
       "delivered receipt e1 u1, token_removed receipt e2 u2, suppressed receipt e3 u3", kSuccess},
      {"huawei, not signed", Vendor::Huawei, "", kJson, kHuaweiBody, 401, "", ""},
      {"huawei, no statuses", Vendor::Huawei, "", kSigned, "{}", 400, "", ""},
      {"honor", Vendor::Honor, "?key=s3cret-key", kJson, kHuaweiBody, 200,
       "delivered receipt e1 u1, token_removed receipt e2 u2, suppressed receipt e3 u3", kSuccess},
      {"honor, no key", Vendor::Honor, "", kJson, kHuaweiBody, 401, "", ""},
      {"xiaomi", Vendor::Xiaomi, "?key=s3cret-key", kForm, kXiaomiBody, 200,
       "delivered receipt e1 u1, delivered receipt e1 u3, token_removed receipt e2 u2", ""},
      {"xiaomi, another key", Vendor::Xiaomi, "?key=s3cret", kForm, kXiaomiBody, 401, "", ""},
      {"xiaomi, JSON instead of a form", Vendor::Xiaomi, "?key=s3cret-key", kJson, "{}", 400, "", ""},
      {"oppo", Vendor::Oppo, "?key=s3cret-key", kJson, kOppoBody, 200,
       "delivered receipt e1 u1, token_removed receipt e2 u2", ""},
      {"oppo, no key", Vendor::Oppo, "", kJson, kOppoBody, 401, "", ""},
      {"oppo, an object", Vendor::Oppo, "?key=s3cret-key", kJson, "{}", 400, "", ""},
      {"vivo", Vendor::Vivo, "?key=s3cret-key", kJson, kVivoBody, 200, "delivered receipt e1 u1", ""},
      {"vivo, no key", Vendor::Vivo, "?", kJson, kVivoBody, 401, "", ""},
      {"vivo, an array", Vendor::Vivo, "?key=s3cret-key", kJson, "[]", 400, "", ""},
      {"meizu", Vendor::Meizu, "", kForm, std::string("access_token=s3cret-key") + kMeizuCb, 200,
       "delivered receipt e1 u1, clicked receipt e2 u1", ""},
      {"meizu, another token", Vendor::Meizu, "", kForm, std::string("access_token=x") + kMeizuCb, 401, "", ""},
      {"meizu, no cb", Vendor::Meizu, "", kForm, "access_token=s3cret-key", 400, "", ""},
  }));
  CAPTURE(call.name);
  ManualClock clock;
  clock.wall_now = wall_from_ms(1'735'689'602'000);
  std::ostringstream lines;
  observe::Log log(observe::Level::Debug, 1'000, lines, clock);
  const auto store = store_in_memory();
  const bool huawei = call.vendor == Vendor::Huawei;
  const auto id =
      add_certificate(*store, call.vendor, huawei ? kHuaweiKey : "s3cret-key", {{"receipt_user", "pushuser"}});
  for (const char* n : {"1", "2", "3"})
    add_device(*store, id, std::string("u") + n, std::string("t") + n, wall_from_ms(1'735'000'000'000));
  FakeSink sink;
  ReceiptMetrics metrics;
  const ReceiptOptions options;
  dispatch::SignerLedger signers;
  ReceiptDesk desk(options, *store, sink, signers, clock, log, metrics, receipt_reader_of);

  const auto answer = desk.answer(
      {.method = "POST",
       .target = "/receipts/" + std::string(name_of(call.vendor)) + "/" + std::to_string(id.value) + call.query,
       .headers = call.headers,
       .body = call.body});
  CAPTURE(answer.body, lines.str());
  CHECK(answer.status == call.status);
  if (call.status == 200) CHECK(answer.body == call.answer);
  std::string said;
  for (const Outcome& one : sink.written)
    said += std::string(said.empty() ? "" : ", ") + std::string(name_of(one.kind)) + " " + std::string(one.rule) + " " +
            one.event_id + " " + one.user_id;
  CHECK(said == call.want);
  CHECK(sink.calls == (call.status == 200 ? 1 : 0));
  CHECK_FALSE(lines.str().contains("s3cret-key"));
}

}  // namespace
}  // namespace nightpost::app
