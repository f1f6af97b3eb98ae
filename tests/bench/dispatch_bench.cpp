// CPU of the pipeline alone: the world around it answers at once and costs next to nothing.
#include <benchmark/benchmark.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/uuid.h"
#include "dispatch/decode.h"
#include "dispatch/dispatcher.h"
#include "providers/apns/apns.h"

namespace {

using namespace nightpost;
using namespace nightpost::dispatch;

std::string event_text(std::size_t receivers) {
  std::string to;
  for (std::size_t i = 0; i < receivers; ++i)
    to += std::string(i == 0 ? "" : ", ") + R"({ "user_id": "vinson)" + std::to_string(i) +
          R"(", "unread": 3, "mentioned": false })";
  return R"({ "event_id": "01JDZK3V5WQ8E2J6T9R4X7B1CM", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405,
  "kind": "c2c",
  "from":  { "user_id": "denny", "nick": "Denny", "name_card": "" },
  "group": null,
  "message": { "id": "144115-1-7", "seq": 7, "sent_at": 1795225887300, "priority": "normal",
               "elements": [ { "type": "text", "text": "are you coming tonight?" } ] },
  "push": { "disabled": false, "title": "", "desc": "", "ext": "{\"conv\":\"c2c_denny\"}",
            "android": { "title": "", "desc": "", "channel": { "oppo": "tuikit", "xiaomi": "118", "huawei": "IM" } },
            "apns": { "title": "", "desc": "", "sound": "default", "badge": "count", "mutable_content": false } },
  "to": [ )" +
         to + " ] }";
}

/// Takes a request and keeps its tag; costs nothing else.
class NullWorld : public Directory, public Credentials, public Transport, public Settler, public Clock {
 public:
  NullWorld() {
    auto receiver = std::make_shared<Receiver>();
    Device device;
    device.device_id = "8A1F2C3D-4E5F-6071-8293-A4B5C6D7E8F9";
    device.certificate = {1};
    device.token = DeviceToken("9d3c0f5b0a7e4d2f8b61c7a4e5d2930f1b8c6a7d4e3f2a1b0c9d8e7f6a5b4c3d");
    receiver->devices.push_back(device);
    receiver_ = std::move(receiver);
    grant_ = std::make_shared<Grant>(Grant{.authorization = "bearer " + std::string(180, 'x')});
    route_ = std::make_shared<Route>();
    route_->id = 1;
    route_->certificate.bundle_id = "com.example.shop";
  }
  Route& route_parts() { return *route_; }

  WallTime wall() const noexcept override { return wall_from_ms(1'795'225'887'505); }
  MonoTime mono() const noexcept override { return MonoTime(std::chrono::hours(1)); }
  void find(std::span<const ReceiverKey> keys, Found found) override {
    found(std::vector<std::shared_ptr<const Receiver>>(keys.size(), receiver_));
  }
  Result<bool> knows(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(true); }
  Result<std::shared_ptr<const Route>> route(AppId, CertificateId) override { return route_; }
  Result<std::shared_ptr<const Grant>> grant(const Route&, WallTime) override { return grant_; }
  Result<std::shared_ptr<const Grant>> refresh(const Route&, const Grant&, WallTime) override { return grant_; }
  void send(const std::shared_ptr<const Route>&, HttpRequest request, MonoTime, std::uint64_t tag,
            ReplyHandler&) override {
    benchmark::DoNotOptimize(request.body.data());
    tags.push_back(tag);
  }
  void drain_connection(const Route&, std::uint64_t) override {}
  void withdraw_queued(const Route&) override {}
  void flush() override {}
  void outcome(RecordId, std::string_view, std::string_view json) override { benchmark::DoNotOptimize(json.data()); }
  void dead(RecordId, DeadLetter) override { std::abort(); }
  void defer(RecordId, Deferral) override { std::abort(); }
  void release(RecordId) override { ++released; }
  void hand_back(RecordId) override { std::abort(); }

  std::vector<std::uint64_t> tags;
  std::uint64_t released = 0;

 private:
  std::shared_ptr<const Receiver> receiver_;
  std::shared_ptr<const Grant> grant_;
  std::shared_ptr<Route> route_;
};

/// The least a provider can do: what is left is dispatch's own.
class LeastProvider final : public Provider {
 public:
  Vendor vendor() const noexcept override { return Vendor::Apns; }
  const std::string& origin() const noexcept override { return origin_; }
  Result<std::vector<Planned>> build(const Notification&, std::span<const DeviceToken>, const Grant&) const override {
    return std::vector<Planned>(1);
  }
  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken>, const HttpResponse&) const override {
    return std::vector<Answer>(1, Answer{.verdict = Verdict::Accepted});
  }
  bool goodbye_names_credential(std::string_view) const noexcept override { return false; }
  bool well_formed(const DeviceToken&) const noexcept override { return true; }

 private:
  std::string origin_;
};

void decode(benchmark::State& state) {
  const std::string text = event_text(static_cast<std::size_t>(state.range(0)));
  Decoder decoder(1'000'000, 1000);
  OfflineEvent event;
  for (auto _ : state) benchmark::DoNotOptimize(decoder.decode(text, event));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

/// Batches of events in, one answer for each request, all of it settled.
void pipeline(benchmark::State& state, std::shared_ptr<const Provider> provider) {
  const auto receivers = static_cast<std::size_t>(state.range(0));
  const auto events = static_cast<std::size_t>(state.range(1));
  const std::string text = event_text(receivers);
  NullWorld world;
  world.route_parts().provider = std::move(provider);
  Metrics metrics;
  Options options;
  options.jitter_seed = 1;
  Dispatcher dispatcher(options, world, world, world, world, world, metrics);
  std::vector<Record> batch;
  for (std::size_t i = 0; i < events; ++i) batch.push_back({RecordId{i}, "c2c_denny_vinson", text, {}});
  const HttpResponse accepted{.status = 200, .headers = {{"apns-id", "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70"}}};
  std::uint64_t pushes = 0;
  std::vector<std::uint64_t> answered;
  std::vector<TaggedReply> replies;  // what one turn of a lane gives
  for (auto _ : state) {
    dispatcher.accept(batch);
    const auto goes_on = [&] { return dispatcher.next_wakeup().value_or(MonoTime::max()) <= world.mono(); };
    while (!world.tags.empty() || goes_on()) {
      if (world.tags.empty()) dispatcher.wake();
      answered.swap(world.tags);
      pushes += answered.size();
      for (const std::uint64_t tag : answered) replies.push_back({tag, {.response = accepted}});
      dispatcher.on_replies(replies);
      replies.clear();
      answered.clear();
    }
  }
  if (world.released != events * static_cast<std::uint64_t>(state.iterations()))
    state.SkipWithError("not all released");
  state.SetItemsProcessed(static_cast<std::int64_t>(pushes));
  state.counters["per_push"] =
      benchmark::Counter(static_cast<double>(pushes), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void pipeline_alone(benchmark::State& state) { pipeline(state, std::make_shared<LeastProvider>()); }

void pipeline_apns(benchmark::State& state) {
  Certificate certificate;
  certificate.bundle_id = "com.example.shop";
  certificate.facts = {{"kind", "p8"}, {"key_id", "ABC123DEFG"}, {"team_id", "DEF123GHIJ"}};
  auto provider = apns::make_provider(certificate);
  if (!provider) return state.SkipWithError(provider.error().detail.c_str());
  pipeline(state, *provider);
}

void push_id(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(uuid_of({"01JDZK3V5WQ8E2J6T9R4X7B1CM", "vinson", "8A1F2C3D-4E5F-6071-8293-A4B5C6D7E8F9"}));
}

BENCHMARK(decode)->Arg(1)->Arg(1000);
BENCHMARK(pipeline_alone)->Args({1, 500})->Args({1000, 1});
BENCHMARK(pipeline_apns)->Args({1, 500})->Args({1000, 1});
BENCHMARK(push_id);

}  // namespace
