#include "sim/faulty_vendor.h"

#include <algorithm>
#include <array>

namespace nightpost::sim {

FaultyVendor::FaultyVendor(support::MemoryNet& net) : net_(net) {
  net.on_peer = [this](support::H2Peer& peer, const Wire& wire) {
    ++connections;
    streams_[&peer] = {};  // a new peer may stand where an old one stood
    peer.on_request = [this, wire](support::H2Peer& at, const support::PeerRequest& asked) { serve(at, asked, wire); };
  };
}

void FaultyVendor::act_on(const support::PeerRequest& asked, Streams& streams) const {
  streams.processed = std::max(streams.processed, asked.stream);
  on_act(asked);
}

void FaultyVendor::respond(support::H2Peer& peer, const support::PeerRequest& asked, const Wire& wire) const {
  const Answer said = answer(asked);
  peer.respond(asked.stream, said.status, said.body);
  if (const auto open = wire.lock()) open->pump_peer();
}

void FaultyVendor::serve(support::H2Peer& peer, const support::PeerRequest& asked, const Wire& wire) {
  const std::int32_t stream = asked.stream;
  Streams& streams = streams_.at(&peer);
  if (stream > streams.accepted) return;  // it has said that it will not
  if (!net_.chance(trouble)) {
    act_on(asked, streams);
    return respond(peer, asked, wire);
  }
  switch (net_.dice(12)) {
    case 0:
      met("a slow answer");
      act_on(asked, streams);
      net_.loop.after(milliseconds(net_.dice(4'000)), [this, &peer, asked, wire] {
        if (wire.lock()) respond(peer, asked, wire);
      });
      break;
    case 1:
      met("silence");
      act_on(asked, streams);
      break;
    case 2:
      met("a refused stream");
      peer.reset(stream, NGHTTP2_REFUSED_STREAM);
      break;
    case 3:
      met("a stream reset after it was acted on");
      act_on(asked, streams);
      peer.reset(stream, NGHTTP2_INTERNAL_ERROR);
      break;
    case 4: {
      met("a GOAWAY");
      const bool refuses = stream > streams.processed && net_.chance(50);
      if (!refuses) act_on(asked, streams);
      streams.accepted = streams.processed;
      peer.goaway(NGHTTP2_NO_ERROR, "bye", streams.accepted);
      if (!refuses) respond(peer, asked, wire);
      break;
    }
    case 5:
      act_on(asked, streams);
      if (!net_.chance(20)) break;
      met("a GOAWAY that blames the credential");
      streams.accepted = streams.processed;
      peer.goaway(NGHTTP2_NO_ERROR, credential_goodbye, streams.accepted);
      break;
    case 6:
      met("SETTINGS that take streams away");
      act_on(asked, streams);
      peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(net_.dice(4))}});
      respond(peer, asked, wire);
      break;
    case 7:
      met("a wire that broke");
      act_on(asked, streams);
      if (const auto open = wire.lock()) open->snap();
      break;
    case 8:
      met("a response that breaks HTTP");
      act_on(asked, streams);
      peer.say(broken_[net_.dice(broken_.size())].frames(stream));
      break;
    case 9: {
      met("a frame of rubbish");
      act_on(asked, streams);
      support::Bytes rubbish(1 + net_.dice(60));
      for (auto& byte : rubbish) byte = static_cast<std::uint8_t>(net_.dice(256));
      // No GOAWAY, which would refuse without our knowing, and no HEADERS, which might be an answer.
      constexpr std::array kTypes = {NGHTTP2_DATA,     NGHTTP2_PRIORITY,     NGHTTP2_RST_STREAM,
                                     NGHTTP2_SETTINGS, NGHTTP2_PUSH_PROMISE, NGHTTP2_PING};
      const auto type = static_cast<std::uint8_t>(kTypes[net_.dice(kTypes.size())]);
      peer.say(support::frame(type, static_cast<std::uint8_t>(net_.dice(256)), net_.chance(50) ? stream : 0, rubbish));
      break;
    }
    case 10:
      met("an answer that is too large");
      act_on(asked, streams);
      peer.respond(stream, 200, std::string(1'000, 'r'));
      break;
    default:
      met("an interim response first");
      act_on(asked, streams);
      peer.interim(stream, 103);
      respond(peer, asked, wire);
      break;
  }
}

}  // namespace nightpost::sim
