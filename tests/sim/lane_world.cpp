#include "sim/lane_world.h"

#include <algorithm>
#include <array>

namespace nightpost::sim {
namespace {
constexpr milliseconds kLate{8};      // two slots of the lane's wheel
constexpr int kTurnsMax = 4'000'000;  // a turn may move one byte, in no time

std::uint64_t tag_of(const support::PeerRequest& asked) { return std::stoull(asked.header("x-tag")); }
}  // namespace

void LaneTally::add(const LaneTally& other) {
  requests += other.requests;
  answered += other.answered;
  unsent += other.unsent;
  unknown += other.unknown;
  replays += other.replays;
  connections += other.connections;
  for (const auto& [fault, count] : other.faults) faults[fault] += count;
}

LaneWorld::LaneWorld(std::uint64_t seed) : random_(seed) {
  const auto dice = [this](std::uint64_t sides) { return net_.dice(sides); };
  options_.origin = "https://vendor.test";
  options_.jitter_seed = seed;
  options_.connections_max = 1 + dice(3);
  options_.streams_max = static_cast<std::uint32_t>(1 + dice(20));
  options_.queue_max = net_.chance(20) ? 3 : 1000;
  options_.warm_up = net_.chance(50);
  options_.connect_timeout = milliseconds(500 + dice(5'000));
  options_.response_timeout = milliseconds(50 + dice(3'000));
  options_.ping_interval = milliseconds(200 + dice(10'000));
  options_.ping_timeout = milliseconds(100 + dice(2'000));
  options_.idle_close = milliseconds(100 + dice(5'000));
  options_.age_max = milliseconds(500 + dice(30'000));
  options_.draining_max = dice(4);
  options_.response_bytes_max = 200;
  options_.goaway_linger = milliseconds(dice(2'000));
  options_.reconnect_first = milliseconds(10 + dice(500));
  options_.reconnect_max = milliseconds(1'000);
  options_.grow_after = milliseconds(dice(200));
  options_.goodbye_names_credential = [](std::string_view debug) { return debug == "ExpiredCredential"; };
  net_.delay_max = milliseconds(dice(60));
  net_.refused = net_.chance(30) ? static_cast<unsigned>(dice(60)) : 0;
  net_.hanging = net_.chance(20) ? static_cast<unsigned>(dice(40)) : 0;
  net_.stalls = net_.chance(40) ? static_cast<unsigned>(dice(50)) : 0;
  net_.slice_max = net_.chance(30) ? 1 + dice(40) : 16'384;
  net_.open_windows = !net_.chance(15);
  net_.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(1 + dice(30))}};
  if (net_.chance(20))
    net_.settings.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(dice(300))});
  vendor_.trouble = net_.chance(80) ? static_cast<unsigned>(dice(70)) : 0;
  vendor_.on_act = [this](const support::PeerRequest& asked) { act_on(asked); };
  vendor_.answer = [this](const support::PeerRequest& asked) { return answer(asked); };
  vendor_.met = [this](const char* fault) { met(fault); };
  lane_ = std::make_unique<net::Lane>(net::LaneGround{loop_.port(), std::make_unique<support::MemoryConnector>(net_)},
                                      options_, metrics_);
  to_send_ = 1 + dice(60);
}

void LaneWorld::send_some() {
  inside_call_ = true;
  for (std::size_t n = 1 + net_.dice(std::min<std::size_t>(to_send_, 12)); n > 0; --n, --to_send_) {
    const std::uint64_t tag = requests_.size() + 1;
    Request& request = requests_[tag];
    request.deadline = loop_.now() + milliseconds(net_.chance(5) ? 0 : 50 + net_.dice(8'000));
    ++open_;
    ++tally_.requests;
    lane_->send({.path = "/" + std::to_string(tag),
                 .headers = {{"x-tag", std::to_string(tag), Indexing::Never}},
                 .body = std::string(net_.dice(net_.slice_max > 1'000 && net_.chance(10) ? 70'000 : 400), 'b')},
                request.deadline, tag, *this);
  }
  lane_->flush();
  inside_call_ = false;
  if (to_send_ > 0) loop_.after(milliseconds(net_.dice(2'000)), [this] { send_some(); });
}

void LaneWorld::on_lane_reply(std::uint64_t tag, net::LaneReply reply) {
  must(!inside_call_, "an answer from inside a call");
  Request& request = requests_.at(tag);
  must(!request.answered, "answered twice: " + std::to_string(tag));
  must(loop_.now() <= request.deadline + kLate, "an answer after its deadline");
  request.answered = true;
  --open_;
  if (reply.response) {
    ++tally_.answered;
    must(reply.response->body == std::to_string(tag), "the answer to another request");
    must(reply.response->status == request.status, "a status that the peer did not say");
  } else {
    request.maybe_sent = reply.maybe_sent;
    ++(reply.maybe_sent ? tally_.unknown : tally_.unsent);
    must(reply.maybe_sent || request.processed == 0,
         "called unsent, and the peer acted on it: " + reply.response.error().detail);
  }
  if (reply.connection != 0 && net_.chance(2)) {
    met("a connection drained by who uses it");
    lane_->drain_connection(reply.connection);
  }
}

void LaneWorld::act_on(const support::PeerRequest& asked) {
  Request& request = requests_.at(tag_of(asked));
  must(++request.processed <= 1, "sent again though the peer acted on it");
  must(!request.answered || request.maybe_sent, "called unsent, and the peer acts on it later");
}

FaultyVendor::Answer LaneWorld::answer(const support::PeerRequest& asked) {
  constexpr std::array kStatuses = {200, 200, 200, 400, 401, 403, 410, 429, 500, 503};
  const std::uint64_t tag = tag_of(asked);
  requests_.at(tag).status = net_.chance(vendor_.trouble) ? kStatuses[net_.dice(kStatuses.size())] : 200;
  return {requests_.at(tag).status, std::to_string(tag)};
}

void LaneWorld::check() const {
  must(metrics_.connections.read() <= options_.connections_max + 1, "connections without a bound");
  must(metrics_.draining.read() <= options_.draining_max, "draining connections without a bound");
  must(metrics_.queued.read() <= options_.queue_max + 60, "a queue without a bound");
}

LaneTally LaneWorld::run() {
  loop_.after(milliseconds(0), [this] { send_some(); });
  const MonoTime end = loop_.now() + std::chrono::minutes(10);
  for (int turns = 0; to_send_ > 0 || open_ > 0; ++turns) {
    must(turns < kTurnsMax, "it never ends");
    must(loop_.step(end), "nothing is due, and requests are open");
    check();
  }
  // Nothing more may come of it, and nothing is kept.
  const MonoTime rest = loop_.now() + seconds(20);
  for (int turns = 0; loop_.step(rest); ++turns) must(turns < kTurnsMax, "it never rests");
  must(lane_->open_requests() == 0, "requests open that nobody waits for");
  for (const auto& [tag, request] : requests_) must(request.answered, "a request without an answer");
  tally_.connections = vendor_.connections;
  tally_.replays = metrics_.replays.read();
  tally_.faults["a connect refused"] += metrics_.connects_failed.read();
  tally_.faults["a full queue"] += metrics_.overloads.read();
  for (std::size_t reason = 0; reason < std::size_t(net::CloseReason::Count); ++reason)
    tally_.faults["closed: " + std::string(net::name_of(net::CloseReason(reason)))] +=
        metrics_.connections_closed[reason].read();
  lane_.reset();
  while (loop_.step(loop_.now() + seconds(60))) {
  }
  must(net_.open == 0, "a connection outlives its lane");
  return tally_;
}

}  // namespace nightpost::sim
