// What a vendor's room costs a device: a request built and its answer read, at the vendor's largest batch.
#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "app/dev_account.h"
#include "app/vendors.h"

namespace nightpost {
namespace {

/// All accepted, in each vendor's words.
HttpResponse good_reply(Vendor vendor) {
  const auto json = [](std::string body) { return HttpResponse{.status = 200, .body = std::move(body)}; };
  switch (vendor) {
    case Vendor::Apns:
      return {.status = 200, .headers = {{"apns-id", "EABE1A27-6F2F-4A4D-9B4E-0B1F2D3C4A5B"}}};
    case Vendor::Fcm:
      return json(R"({"name":"projects/demo-project/messages/0:1735689600123456%7606eb247606eb24"})");
    case Vendor::Huawei:
      return json(R"({"code":"80000000","msg":"Success","requestId":"157440955549500001002006"})");
    case Vendor::Honor:
      return json(
          R"({"code":200,"message":"success","data":{"sendResult":true,"requestId":"h-1","failTokens":[],"expireTokens":[]}})");
    case Vendor::Xiaomi:
      return json(R"({"result":"ok","trace_id":"Xdm1","code":0,"data":{"id":"sdm1"},"description":"成功"})");
    case Vendor::Oppo:
      return json(R"({"code":0,"message":"Success","data":{"message_id":"5c458a2d6df250feb7fb9753"}})");
    case Vendor::Vivo:
      return json(R"({"result":0,"desc":"请求成功","taskId":"101194006257","requestId":"r"})");
    case Vendor::Meizu:
      return json(R"({"code":"200","message":"","value":{},"msgId":"7d01c85f0c4f9d7a8b4c3e9d2a1b0c9f","redirect":""})");
    case Vendor::Count:
      break;
  }
  throw std::runtime_error("no such vendor");
}

void build_and_classify(benchmark::State& state) {
  const auto vendor = static_cast<Vendor>(state.range(0));
  const auto account = app::make_dev_account(vendor);
  if (!account) throw std::runtime_error(account.error().detail);
  Certificate claimed = account->certificate;
  claimed.name = "bench";
  auto inspected =
      app::inspect_upload(std::move(claimed), account->secret, wall_from_ms(1'795'225'887'405), std::nullopt);
  if (!inspected) throw std::runtime_error(inspected.error().detail);
  const auto parts = app::make_vendor_parts(*inspected, account->secret);
  if (!parts) throw std::runtime_error(parts.error().detail);
  const Provider& provider = *parts->provider;

  std::vector<DeviceToken> tokens;
  const std::size_t count = provider.batching().tokens ? 1000 : 1;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(app::dev_token(vendor, std::to_string(i)));
  const Notification notification{.title = "Climbing club",
                                  .body = "Denny: rope at eight? bring yours",
                                  .ext = R"({"conv":"group_climbers"})",
                                  .sound = "default",
                                  .badge = 3,
                                  .thread_id = "group_climbers",
                                  .collapse_id = "144115-1-7",
                                  .push_id = "8d8ac610-566d-4ef0-9c22-186b2a5ed793",
                                  .receipt_tag = "01JDEVENT",
                                  .sent_at = wall_from_ms(1'795'225'887'405),
                                  .expires_at = wall_from_ms(1'795'312'287'405)};
  const Grant grant{.authorization = "0123456789abcdef0123456789abcdef"};
  const HttpResponse reply = good_reply(vendor);
  std::size_t requests = 0;
  for (auto _ : state) {
    auto planned = provider.build(notification, tokens, grant);
    if (planned && planned->size() == 1 && planned->front().prepares) {
      auto addressed = provider.address(notification, tokens, reply, grant);
      if (!addressed) throw std::runtime_error("the content was refused");
      requests += 1;
      planned = std::move(*addressed);
    }
    if (!planned) throw std::runtime_error(planned.error().detail);
    for (const Planned& each : *planned) {
      const auto answers = provider.classify(each.kind, std::span(tokens).subspan(each.first, each.count), reply);
      if (answers.size() != each.count || answers.front().verdict != Verdict::Accepted)
        throw std::runtime_error("not accepted");
      ++requests;
    }
  }
  state.SetLabel(std::string(name_of(vendor)));
  state.counters["us_per_device"] = benchmark::Counter(double(tokens.size()) * double(state.iterations()) / 1e6,
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["devices_per_request"] = double(tokens.size()) * double(state.iterations()) / double(requests);
}

BENCHMARK(build_and_classify)->DenseRange(0, int(Vendor::Count) - 1);

}  // namespace
}  // namespace nightpost
