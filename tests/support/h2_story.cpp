#include "support/h2_story.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "net/h2_session.h"
#include "support/h2_frames.h"

namespace nightpost::support {
namespace {

using net::H2Session;
using Fate = H2Session::Fate;
constexpr std::size_t kPrefaceBytes = 24;  // RFC 9113 §3.4
constexpr std::size_t kAnswerBytesMax = 300;
constexpr std::size_t kRequestsMax = 400;

std::uint32_t number_at(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + size && i < bytes.size(); ++i) value = value << 8 | bytes[i];
  return value;
}
Bytes number(std::uint32_t value, int size) {
  Bytes bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  return bytes;
}

/// Cuts a direction's bytes into frames, however they come.
class Wire {
 public:
  explicit Wire(std::size_t skip) : skip_(skip) {}
  std::function<void(std::uint8_t type, std::int32_t stream)> on_begin;
  std::function<void(std::uint8_t type, std::uint8_t flags, std::int32_t stream, std::span<const std::uint8_t>)>
      on_frame;

  void pass(std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) {
      if (skip_ > 0) {
        --skip_;
        continue;
      }
      frame_.push_back(byte);
      // A HEADERS frame has begun with its first byte; whose it is shows with its ninth.
      if (frame_.size() < 9) continue;
      const auto stream = static_cast<std::int32_t>(number_at(frame_, 5, 4) & 0x7fff'ffff);
      if (frame_.size() == 9 && on_begin) on_begin(frame_[3], stream);
      if (frame_.size() < 9 + number_at(frame_, 0, 3)) continue;
      on_frame(frame_[3], frame_[4], stream, std::span(frame_).subspan(9));
      frame_.clear();
    }
  }

 private:
  std::size_t skip_;
  Bytes frame_;
};

class Story {
 public:
  explicit Story(const Choices& choices)
      : choices_(choices),
        client_({.authority = "api.example", .streams_max = 50, .response_bytes_max = kAnswerBytesMax}) {
    sent_.on_begin = [this](std::uint8_t type, std::int32_t stream) {
      if (Request* r = type == NGHTTP2_HEADERS ? of(stream) : nullptr) r->begun = true;
    };
    sent_.on_frame = [this](std::uint8_t type, std::uint8_t flags, std::int32_t stream, auto) {
      Request* r = type == NGHTTP2_HEADERS || type == NGHTTP2_DATA ? of(stream) : nullptr;
      if (r && (flags & NGHTTP2_FLAG_END_STREAM)) r->whole = true;
      if (type == NGHTTP2_RST_STREAM) server_streams_.erase(stream);
    };
    said_.on_frame = [this](std::uint8_t type, std::uint8_t flags, std::int32_t stream, auto payload) {
      hear_server(type, flags, stream, payload);
    };
  }

  std::string run() {
    feed(frame(NGHTTP2_SETTINGS, 0, 0, {}));
    while (broken_.empty() && healthy_) {
      const auto what = choices_();
      if (!what) break;
      step(*what);
    }
    end();
    return broken_;
  }

 private:
  struct Request {
    HttpRequest http;
    std::uint64_t tag = 0;
    std::int32_t stream = 0;
    bool begun = false, whole = false;  // on the wire
    bool refused = false;               // the server said that it did not process it
    bool answered = false;              // the server ended its half
    bool padded = false;                // then `body` is not what it said
    std::string body;                   // that the server said
    std::optional<Fate> fate;           // by its Done or cancel(); nullopt: open
    bool cancelled = false;
    std::size_t goaways_before = 0;
  };

  Request* of(std::int32_t stream) {
    const auto found = by_stream_.find(stream);
    return found == by_stream_.end() ? nullptr : found->second;
  }
  void promise(bool kept, const std::string& what, const Request* r = nullptr) {
    if (kept || !broken_.empty()) return;
    broken_ = what;
    if (r) broken_ += " (request " + std::to_string(r->tag) + ", stream " + std::to_string(r->stream) + ")";
  }
  std::uint8_t choose() { return choices_().value_or(0); }
  std::uint32_t pick(std::size_t below) { return below == 0 ? 0 : choose() % static_cast<std::uint32_t>(below); }

  void hear_server(std::uint8_t type, std::uint8_t flags, std::int32_t stream, std::span<const std::uint8_t> payload) {
    if (type == NGHTTP2_GOAWAY && payload.size() >= 8) {
      const auto last = static_cast<std::int32_t>(number_at(payload, 0, 4) & 0x7fff'ffff);
      for (auto& [id, r] : by_stream_)
        if (id > last) r->refused = true;
    }
    Request* r = of(stream);
    if (!r) return;
    if (type == NGHTTP2_RST_STREAM && number_at(payload, 0, 4) == NGHTTP2_REFUSED_STREAM) r->refused = true;
    if (type == NGHTTP2_DATA && !r->answered) {
      r->padded |= (flags & NGHTTP2_FLAG_PADDED) != 0;
      r->body.append(payload.begin(), payload.end());
    }
    if ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && (flags & NGHTTP2_FLAG_END_STREAM)) r->answered = true;
  }

  /// In pieces of any size, as reads give them.
  void feed(const Bytes& bytes) {
    const std::size_t piece = bytes.size() < 2 ? 1 : std::array<std::size_t, 3>{1, 7, bytes.size()}[pick(3)];
    for (std::size_t at = 0; at < bytes.size() && healthy_; at += piece) {
      const auto some = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
      said_.pass(some);
      healthy_ = client_.feed(some).has_value();
    }
  }

  /// Hands so many bytes of the output to the wire.
  void send(std::size_t most) {
    while (most > 0) {
      const auto output = client_.next_output();
      if (output.empty()) break;
      const auto part = output.first(std::min(most, output.size()));
      sent_.pass(part);
      client_.mark_sent(part.size());
      most -= part.size();
    }
    std::vector<std::uint64_t> tags;
    client_.take_written(tags);
    for (const std::uint64_t tag : tags) {
      const auto found = by_tag_.find(tag);
      promise(found != by_tag_.end(), "a tag that nobody gave was written");
      if (found != by_tag_.end()) promise(found->second->whole, "called written, and is not", found->second);
    }
  }

  void take() {
    client_.take_done(done_);
    for (auto& done : done_) {
      const auto found = by_tag_.find(done.tag);
      promise(found != by_tag_.end(), "a Done for a tag that nobody gave");
      if (found == by_tag_.end()) continue;
      Request& r = *found->second;
      promise(!r.fate, r.cancelled ? "a Done after cancel()" : "a second Done", &r);
      promise(done.stream == r.stream, "a Done with another's stream", &r);
      promise(done.reply.has_value() == (done.fate == Fate::Answered), "a reply that its fate does not go with", &r);
      r.fate = done.fate;
      if (done.reply) {
        promise(r.answered, "answered, and the server did not", &r);
        promise(r.padded || done.reply->body == r.body, "an answer that is another's", &r);
      }
      judge(r);
    }
  }

  /// What is so now, and must be so at the end as well.
  void judge(const Request& r) {
    if (!r.fate) return;
    if (*r.fate == Fate::NeverSent) promise(!r.begun, "never sent, and some of it went out", &r);
    if (*r.fate == Fate::NotProcessed)
      promise(!r.whole || r.refused, "not processed, and all of it went out to a server that did not say so", &r);
  }

  void submit() {
    if (requests_.size() >= kRequestsMax) return;
    Request& r = requests_.emplace_back();
    r.tag = requests_.size() * 0x9e37'79b9'7f4a'7c15;
    r.http.path = "/3/device/" + std::to_string(requests_.size());
    r.http.body = std::string(std::array<std::size_t, 4>{0, 20, 5'000, 100'000}[pick(4)], 'b');
    const auto stream = client_.submit(r.http, r.tag);
    if (!stream) {
      promise(stream.error().code == Errc::Overloaded, "a good request was refused", &r);
      requests_.pop_back();
      return;
    }
    r.stream = *stream;
    promise(by_stream_.emplace(r.stream, &r).second, "a stream id given twice", &r);
    by_tag_.emplace(r.tag, &r);
    server_streams_.insert(r.stream);
  }

  /// The clock went on and nobody answered: the caller gives one up.
  void time_out() {
    std::vector<Request*> open;
    for (Request& r : requests_)
      if (!r.fate) open.push_back(&r);
    if (open.empty()) return;
    Request& r = *open[pick(open.size())];
    r.fate = client_.cancel(r.stream);
    r.cancelled = true;
    promise(*r.fate != Fate::Answered, "cancelled and answered", &r);
    judge(r);
  }

  /// A stream that the server may speak of: mostly one that is open.
  std::int32_t some_stream() {
    if (server_streams_.empty() || pick(16) == 0) return static_cast<std::int32_t>(pick(60));
    auto at = server_streams_.begin();
    std::advance(at, pick(server_streams_.size()));
    return *at;
  }

  void step(std::uint8_t what) {
    switch (what % 20) {
      case 0:
      case 1:
      case 2:
        return submit();
      case 3:
      case 4:
        return send(1'000'000);
      case 5:
        return send(choose());
      case 6:
      case 7:
        return take();
      case 8:
        return time_out();
      case 9: {
        const std::int32_t stream = some_stream();
        const std::string body(pick(4) * 90, 'r');
        feed(headers_frame(stream, {{":status", "200"}, {"apns-id", "x"}}, body.empty()));
        if (!body.empty()) feed(data_frame(stream, body + std::to_string(stream), true));
        return;
      }
      case 10: {
        const auto broken = broken_responses();
        return feed(broken[pick(broken.size())].frames(some_stream()));
      }
      case 11:
        return feed(frame(NGHTTP2_RST_STREAM, 0, some_stream(), number(pick(14), 4)));
      case 12:
        return feed(frame(NGHTTP2_WINDOW_UPDATE, 0, pick(2) ? some_stream() : 0, number(1 + 64 * choose(), 4)));
      case 13: {
        const std::array<std::uint32_t, 4> ids = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                                  NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
                                                  NGHTTP2_SETTINGS_HEADER_TABLE_SIZE};
        const std::uint32_t id = ids[pick(ids.size())];
        Bytes setting = number(id, 2);
        const Bytes value = number(id == NGHTTP2_SETTINGS_MAX_FRAME_SIZE ? 16'384 : pick(60), 4);
        setting.insert(setting.end(), value.begin(), value.end());
        return feed(frame(NGHTTP2_SETTINGS, 0, 0, setting));
      }
      case 14: {
        Bytes goaway = number(static_cast<std::uint32_t>(pick(4) ? 2 * pick(60) : some_stream()), 4);
        const Bytes code = number(pick(14), 4);
        goaway.insert(goaway.end(), code.begin(), code.end());
        return pick(8) ? void() : feed(frame(NGHTTP2_GOAWAY, 0, 0, goaway));
      }
      case 15:
        return pick(2) ? client_.withdraw_unsent() : client_.ping();
      case 16: {  // rubbish: a frame of any kind, on any stream
        Bytes payload(pick(40));
        for (auto& byte : payload) byte = choose();
        if (pick(4)) return feed(frame(NGHTTP2_DATA, choose() & 0x1, some_stream(), payload));
        return feed(frame(choose() % 12, choose(), some_stream(), payload));
      }
      case 17:
        return feed(headers_frame(some_stream(), {{":status", "103"}}, false));
      case 18:
        return feed(data_frame(some_stream(), std::string(choose(), 'd'), pick(4) == 0));
      default:
        return client_.trim(pick(3) * 50);
    }
  }

  void end() {
    send(10'000'000);
    take();
    if (healthy_) {
      // The server ends what it has not: then nothing is open.
      client_.withdraw_unsent();
      send(10'000'000);
      for (const Request& r : requests_)
        if (r.begun) feed(frame(NGHTTP2_RST_STREAM, 0, r.stream, number(NGHTTP2_CANCEL, 4)));
      send(10'000'000);
      take();
      if (healthy_) promise(client_.streams_open() == 0, "streams are open that have ended");
    }
    client_.abandon({Errc::ConnectionLost, "the end of the story"});
    take();
    for (const Request& r : requests_) {
      promise(r.fate.has_value(), "never ended", &r);
      judge(r);
    }
  }

  const Choices& choices_;
  H2Session client_;
  Wire sent_{kPrefaceBytes}, said_{0};
  std::deque<Request> requests_;  // borrowed by the session
  std::map<std::int32_t, Request*> by_stream_;
  std::map<std::uint64_t, Request*> by_tag_;
  std::set<std::int32_t> server_streams_;
  std::vector<H2Session::Done> done_;
  bool healthy_ = true;
  std::string broken_;
};

}  // namespace

std::string tell_h2_story(const Choices& choices) { return Story(choices).run(); }

}  // namespace nightpost::support
