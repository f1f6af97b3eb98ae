// A lane against h2_sink over TLS 1.3: CPU of this process a request, as many in flight as a shard has. The sink is
// another process, so its time is not in it.
#include <benchmark/benchmark.h>

#include <boost/asio/io_context.hpp>
#include <string>

#include "net/lane.h"
#include "net/lane_metrics.h"
#include "support/process.h"
#include "support/spine/fleet.h"
#include "support/spine/rig.h"

namespace nightpost::net {
namespace {

/// Sends a new request for each answer, until `wanted` were sent.
class Load final : public LaneHandler {
 public:
  Load(Lane& lane, std::size_t wanted) : lane_(lane), wanted_(wanted) {}

  void send_one() {
    const std::string token = support::user_token(sent_);
    HttpRequest request{.path = "/3/device/" + token,
                        .headers = {{"authorization", authorization_, Indexing::Never},
                                    {"apns-topic", "com.example.bench", Indexing::Always},
                                    {"apns-push-type", "alert", Indexing::Always},
                                    {"apns-priority", "10", Indexing::Always},
                                    {"apns-id", token.substr(0, 36), Indexing::FirstOnly},
                                    {"apns-expiration", "1795312287", Indexing::FirstOnly},
                                    {"apns-collapse-id", token.substr(0, 32), Indexing::FirstOnly}},
                        .body = body_};
    ++sent_;
    lane_.send(std::move(request), std::chrono::steady_clock::now() + seconds(60), sent_, *this);
  }

  void on_lane_reply(std::uint64_t, LaneReply reply) override {
    ++answered_;
    failed_ += !reply.response || reply.response->status != 200;
    if (sent_ < wanted_) {
      send_one();
      flush_due_ = true;
    }
  }

  bool done() const noexcept { return answered_ == wanted_; }
  std::size_t failed() const noexcept { return failed_; }
  bool take_flush_due() noexcept { return std::exchange(flush_due_, false); }

 private:
  Lane& lane_;
  const std::size_t wanted_;
  const std::string authorization_ = "bearer " + std::string(220, 'j');
  const std::string body_ = std::string(240, 'b');
  std::size_t sent_ = 0, answered_ = 0, failed_ = 0;
  bool flush_due_ = false;
};

void requests(benchmark::State& state) {
  constexpr std::size_t kRequests = 100'000;
  const auto in_flight = static_cast<std::size_t>(state.range(0));
  const support::TempFolder folder("lane-bench");
  support::Sink sink({.program = NIGHTPOST_SINK}, folder);
  for (auto _ : state) {
    boost::asio::io_context loop(1);
    LaneMetrics metrics;
    Lane lane(loop, {.origin = sink.origin(), .ca_pem = support::read_file(sink.ca_file())}, metrics);
    Load load(lane, kRequests);
    for (std::size_t i = 0; i < in_flight; ++i) load.send_one();
    lane.flush();
    while (!load.done()) {
      if (loop.run_one() == 0) return state.SkipWithError("the lane has nothing to do");
      loop.poll();  // a flush for all that has come, as a shard does it
      if (load.take_flush_due()) lane.flush();
    }
    if (load.failed() > 0) return state.SkipWithError("not all were answered 200");
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t(kRequests));
}
BENCHMARK(requests)
    ->ArgName("in_flight")
    ->Arg(100)
    ->Arg(1'000)
    ->Arg(4'000)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nightpost::net
