// A lane on manual time against peers that do whatever a seed picks. See support/story_seeds.h.
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <span>

#include "support/story_seeds.h"
#include "unit/net/memory_rig.h"

namespace nightpost::net {
namespace {

using support::H2Peer;
using support::PeerRequest;

class LaneStory {
 public:
  explicit LaneStory(std::uint64_t seed)
      : random_(seed), rig_([this](LaneOptions& o) {
          o.connections_max = 1 + pick(3);
          o.streams_max = 1 + pick(20);
          o.queue_max = 50;
          o.warm_up = pick(2) == 0;
          o.draining_max = pick(3);
          o.response_timeout = milliseconds(100 + pick(400));
          o.ping_interval = milliseconds(200 + pick(400));
          o.ping_timeout = milliseconds(100);
          o.goaway_linger = milliseconds(100);
          o.idle_close = milliseconds(300);
          o.age_max = milliseconds(500 + pick(3'000));
          o.reconnect_first = milliseconds(5);
          o.reconnect_max = milliseconds(50);
          o.grow_after = milliseconds(5);
          o.response_bytes_max = 200;
        }) {
    rig_.peer_settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(1 + pick(30))}};
    rig_.script = [this](std::size_t number, H2Peer& peer, const PeerRequest& request) {
      serve(number, peer, request);
    };
  }

  void run() {
    for (std::size_t steps = 10 + pick(200); steps > 0; --steps) {
      for (std::size_t n = pick(8); n > 0; --n) {
        rig_.send(++last_tag_, milliseconds(20 + pick(1'500)), pick(20) == 0 ? 100'000 : 10);
      }
      rig_.lane->flush();
      if (pick(2)) answer_one();
      if (pick(30) == 0 && !rig_.connections.empty()) {
        const std::size_t number = pick(rig_.connections.size());
        rig_.connections[number]->peer->settings(
            {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(pick(10))}});
        rig_.connections[number]->deliver();
      }
      if (pick(40) == 0) rig_.lane->drain_connection(1 + pick(rig_.connections.size() + 1));
      rig_.loop.pass(milliseconds(pick(4) == 0 ? pick(400) : pick(5)));
    }
    rig_.loop.pass(milliseconds(1'600));
    CHECK(rig_.answers.size() == last_tag_);
    CHECK(rig_.lane->open_requests() == 0);
    CHECK(rig_.metrics.stray_answers.read() == 0);
    for (const auto& [tag, reply] : rig_.answers) {
      CAPTURE(tag);
      if (reply.response) {
        CHECK(reply.response->body == path_of(tag));  // its own, nobody else's
        continue;
      }
      CAPTURE(reply.response.error().detail);
      if (taken_.contains(tag)) CHECK(reply.maybe_sent);  // the peer had it whole, and did not say that it refuses
    }
    rig_.loop.pass(milliseconds(10'000));
    CHECK(rig_.metrics.open.read() == 0);
    CHECK(rig_.metrics.draining.read() == 0);
    CHECK(rig_.metrics.queued.read() == 0);
  }

 private:
  struct Owed {
    std::size_t connection;
    std::int32_t stream;
    std::string path;
  };

  static std::string path_of(std::uint64_t tag) { return "/3/device/" + std::to_string(tag); }
  static std::uint64_t tag_of(const std::string& path) { return std::stoull(path.substr(10)); }
  std::size_t pick(std::size_t below) { return below == 0 ? 0 : random_() % below; }

  void serve(std::size_t number, H2Peer& peer, const PeerRequest& request) {
    const std::string path = request.header(":path");
    const std::uint64_t tag = tag_of(path);
    // Its connection was sent away in the same read, below this stream.
    if (const auto away = last_.find(number); away != last_.end() && request.stream > away->second) return;
    taken_.insert(tag);
    on_[{number, request.stream}] = tag;
    switch (pick(16)) {
      case 0: {
        const auto broken = support::broken_responses();
        return peer.say(broken[pick(broken.size())].frames(request.stream));
      }
      case 1:
        return;  // silence
      case 2:
        taken_.erase(tag);
        return peer.reset(request.stream, NGHTTP2_REFUSED_STREAM);
      case 3:
        return peer.reset(request.stream, NGHTTP2_INTERNAL_ERROR);
      case 4: {
        if (pick(4) != 0) break;
        const std::int32_t last = std::max<std::int32_t>(request.stream - 2 * static_cast<std::int32_t>(pick(4)), 0);
        for (const auto& [where, of] : on_)
          if (where.first == number && where.second > last) taken_.erase(of);
        last_[number] = last;
        return peer.goaway(NGHTTP2_NO_ERROR, "bye", last);
      }
      case 5: {
        if (pick(4) != 0) break;
        support::Bytes rubbish(1 + pick(60));
        for (auto& byte : rubbish) byte = static_cast<std::uint8_t>(random_());
        // A GOAWAY would refuse requests without our knowing.
        auto type = static_cast<std::uint8_t>(pick(10));
        if (type == NGHTTP2_GOAWAY) type = NGHTTP2_PING;
        return peer.say(support::frame(type, static_cast<std::uint8_t>(random_()),
                                       static_cast<std::int32_t>(pick(2) ? request.stream : 0), rubbish));
      }
      case 6:
        return peer.respond(request.stream, 200, std::string(1'000, 'r'));  // more than we take
      case 7:
      case 8:
      case 9:
        owed_.push_back({number, request.stream, path});
        return;
      default:
        break;
    }
    peer.respond(request.stream, pick(5) ? 200 : 429, path);
  }

  void answer_one() {
    if (owed_.empty()) return;
    const std::size_t i = pick(owed_.size());
    const Owed owed = owed_[i];
    owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(i));
    rig_.connections[owed.connection]->peer->respond(owed.stream, 200, owed.path);
    rig_.connections[owed.connection]->deliver();
  }

  std::mt19937_64 random_;
  MemoryRig rig_;
  std::uint64_t last_tag_ = 0;
  std::set<std::uint64_t> taken_;  // requests that a peer read whole, and the last time did not refuse
  std::map<std::pair<std::size_t, std::int32_t>, std::uint64_t> on_;
  std::map<std::size_t, std::int32_t> last_;  // that a connection's GOAWAY named
  std::vector<Owed> owed_;
};

TEST_CASE("lane stories: each request is answered once, with its own answer, and honestly", "[net][story]") {
  const auto seeds = support::story_seeds(60);
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    CAPTURE(seed);
    LaneStory(seed).run();
  }
}

}  // namespace
}  // namespace nightpost::net
