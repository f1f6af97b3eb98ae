#include "server/h2_server_session.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace nightpost::server {
namespace {

constexpr std::uint8_t kFlagAck = 0x1;
constexpr std::size_t kFrameHeaderBytes = 9;       // RFC 9113 §4.1
constexpr std::size_t kSettingBytes = 6;           // §6.5.1
constexpr std::uint32_t kNoLimit = 0x7fffffff;     // what nghttp2 itself is told: the limit is kept here
constexpr std::size_t kDataBytesUseful = 64;       // a smaller DATA frame inside a body counts as a control frame
constexpr std::size_t kIndexedValueBytesMax = 32;  // longer values are ids and dates: not worth a place in the table

using Callbacks = Handle<nghttp2_session_callbacks, nghttp2_session_callbacks_del>;
using SessionOption = Handle<nghttp2_option, nghttp2_option_del>;

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));  // nghttp2 copies it
  };
  const std::uint8_t flags = value.size() > kIndexedValueBytesMax ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::uint32_t big_endian(const char* bytes, int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

}  // namespace

struct H2ServerSession::Stream {
  ServerRequest request;
  std::size_t header_bytes = 0;
  bool head = false;       // kept here: the request leaves with take_requests()
  bool malformed = false;  // by our own checks, where nghttp2's are off
  int refused = 0;         // the status to answer with once the header block has ended
  bool whole = false;      // END_STREAM came, the request is out
  bool over = false;       // there was no room for its head
  bool cut = false;        // reset for what it would bring
  std::size_t held = 0;    // bytes of unfinished_bytes_
  bool answered = false;
  bool done = false;   // the answer's END_STREAM is in the output
  bool reset = false;  // by us, on purpose
  MonoTime since;      // its header block, then its answer
  std::string body;    // of the answer
  std::size_t sent = 0;
};

struct H2ServerSession::Hooks {
  static H2ServerSession& self(void* user) { return *static_cast<H2ServerSession*>(user); }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2ServerSession& me = self(user);
    if (!me.head_since_) me.head_since_ = me.now_;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const std::int32_t id = frame->hd.stream_id;
    if (me.streams_.size() >= me.streams_max_) {  // RFC 9113 §5.1.2
      me.count_reset();
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    }
    auto stream = std::make_unique<Stream>();
    stream->since = me.now_;
    stream->request.stream = id;
    stream->request.http2 = true;
    stream->request.headers.reserve(12);
    nghttp2_session_set_stream_user_data(session, id, stream.get());
    me.streams_.emplace(id, std::move(stream));
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    H2ServerSession& me = self(user);
    Stream* stream = me.find(frame->hd.stream_id);
    if (!stream || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers say nothing to us
    stream->header_bytes += name_size + value_size + 32;                  // as RFC 9113 §6.5.2 counts
    if (stream->header_bytes > me.options_.limits.headers_bytes_max) {
      stream->refused = 431;
      return 0;
    }
    if (stream->over || !me.hold(*stream, name_size + value_size + 32)) {
      stream->over = true;
      return 0;
    }
    const std::string_view key = text_of(name, name_size);
    const std::string_view text = text_of(value, value_size);
    ServerRequest& request = stream->request;
    if (me.options_.any_scheme && !fits(request, key, text)) stream->malformed = true;
    if (key == ":method") {
      request.method = text;
      stream->head = text == "HEAD";
    } else if (key == ":path") {
      request.target = text;
    } else if (key == ":authority") {
      request.authority = text;
    } else if (!key.starts_with(':')) {
      request.headers.emplace_back(key, text);
    }
    return 0;
  }

  /// RFC 9113 §8.2.1, 8.3: characters, order and repeats, as far as nghttp2 would look at them.
  static bool fits(const ServerRequest& request, std::string_view key, std::string_view value) {
    const auto bytes = [](std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); };
    if (!nghttp2_check_header_value(bytes(value), value.size())) return false;
    if (!key.starts_with(':')) return nghttp2_check_header_name(bytes(key), key.size()) != 0;
    if (!request.headers.empty()) return false;
    if (key == ":method") return request.method.empty() && !value.empty();
    if (key == ":path") return request.target.empty() && (value.starts_with('/') || value == "*");
    if (key == ":authority") return request.authority.empty();
    return key == ":scheme";
  }

  /// Likewise §8.1.1: is what was announced what came?
  static bool whole(const Stream& stream) {
    const ServerRequest& request = stream.request;
    if (stream.malformed || request.method.empty() || request.target.empty()) return false;
    for (const auto& [name, value] : request.headers)
      if (name == "content-length" && value != std::to_string(request.body.size())) return false;
    return true;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* user) {
    H2ServerSession& me = self(user);
    Stream* stream = me.find(id);
    if (!stream || stream->answered || stream->cut) return 0;
    if (stream->request.body.size() + size > me.options_.limits.body_bytes_max) {
      me.let_go(*stream);
      me.note(ServerRefusal::BodyTooLarge);
      me.answer(id, *stream, {.status = 413});
    } else if (!me.hold(*stream, size)) {
      me.cut(*stream);
    } else {
      stream->request.body.append(text_of(data, size));
    }
    return 0;
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    H2ServerSession& me = self(user);
    return me.count_frame(*frame) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2ServerSession& me = self(user);
    me.preface_since_.reset();
    if (frame->hd.type == NGHTTP2_HEADERS) me.head_since_.reset();
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    const std::int32_t id = frame->hd.stream_id;
    Stream* stream = me.find(id);
    if (!stream || stream->answered || stream->cut) return 0;
    if (stream->refused != 0) {
      me.let_go(*stream);
      me.note(ServerRefusal::HeadTooLarge);
      me.answer(id, *stream, {.status = stream->refused});
      return 0;
    }
    if (stream->over) {
      me.cut(*stream);
      return 0;
    }
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    if (me.options_.any_scheme && !whole(*stream)) {
      me.note(ServerRefusal::Malformed);
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    }
    stream->whole = true;
    me.control_frames_.give_back();
    me.complete_.push_back(std::move(stream->request));
    me.let_go(*stream);
    return 0;
  }

  static int on_invalid_frame_recv(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    H2ServerSession& me = self(user);
    me.note(ServerRefusal::Malformed);
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    me.head_invalid_ = true;  // nobody will be told of its end
    if (!me.head_continues_) me.head_since_.reset();
    return 0;
  }

  static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    const bool answer = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!answer || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    const std::int32_t id = frame->hd.stream_id;
    if (Stream* stream = self(user).find(id)) stream->done = true;
    // An answer before the end of the request: tell the peer to stop sending (RFC 9113 §8.1).
    if (nghttp2_session_get_stream_remote_close(session, id) == 0)
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    H2ServerSession& me = self(user);
    const auto stream = me.streams_.find(id);
    if (stream == me.streams_.end()) return 0;
    // Whether the peer reset it or made us reset it (by frames that break the rules): its work is for nothing.
    if (!stream->second->done && !stream->second->reset) me.count_reset();
    if (stream->second->whole) std::erase_if(me.complete_, [id](const auto& request) { return request.stream == id; });
    me.let_go(*stream->second);
    me.streams_.erase(stream);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t count = std::min(room, stream.body.size() - stream.sent);
    std::memcpy(to, stream.body.data() + stream.sent, count);
    stream.sent += count;
    if (stream.sent == stream.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

H2ServerSession::H2ServerSession(const Options& options, MonoTime now)
    : options_(options),
      streams_max_(options.streams_max_first),
      now_(now),
      preface_since_(now),
      resets_(options.floods.resets_burst_max, options.floods.resets_per_second_max),
      control_frames_(options.floods.control_frames_burst_max, options.floods.control_frames_per_second_max) {
  nghttp2_session_callbacks* raw = nullptr;
  if (nghttp2_session_callbacks_new(&raw) != 0) throw std::bad_alloc();
  const Callbacks callbacks(raw);
  nghttp2_session_callbacks_set_on_begin_frame_callback(raw, Hooks::on_begin_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(raw, Hooks::on_invalid_frame_recv);
  nghttp2_session_callbacks_set_on_begin_headers_callback(raw, Hooks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(raw, Hooks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw, Hooks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(raw, Hooks::on_frame_recv);
  nghttp2_session_callbacks_set_on_frame_send_callback(raw, Hooks::on_frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw, Hooks::on_stream_close);
  nghttp2_option* raw_option = nullptr;
  if (nghttp2_option_new(&raw_option) != 0) throw std::bad_alloc();
  const SessionOption option(raw_option);
  nghttp2_option_set_no_http_messaging(raw_option, options.any_scheme ? 1 : 0);
  nghttp2_option_set_max_outbound_ack(raw_option, options.floods.acks_queued_max);
  nghttp2_option_set_max_settings(raw_option, options.floods.settings_per_frame_max);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, raw, this, raw_option) != 0) throw std::bad_alloc();
  session_.reset(session);
  announce({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max_first},
            {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window_first}});
  // A window for one stream is of no use behind a smaller one for the connection (RFC 9113 §6.9.2: 65,535 at first).
  if (options.window_first > 65'535)
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                          static_cast<std::int32_t>(options.window_first));
}

H2ServerSession::~H2ServerSession() = default;

H2ServerSession::Stream* H2ServerSession::find(std::int32_t id) noexcept {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

Result<void> H2ServerSession::feed(std::string_view received, MonoTime now) {
  if (over_) return fail(Errc::Malformed, "after the end");
  now_ = now;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(received.data());
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes, received.size());
  if (used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) flood_ = ServerRefusal::FrameFlood;
  if (flood_) {
    end_calmly(*flood_);
    return fail(Errc::Malformed, "flood");
  }
  if (used < 0) {
    note(ServerRefusal::Malformed);
    return fail(Errc::Malformed, nghttp2_strerror(static_cast<int>(used)));
  }
  return {};
}

std::vector<ServerRequest> H2ServerSession::take_requests() { return std::exchange(complete_, {}); }

/// Counts what an unfinished request is about to keep. False: the connection holds too much already.
bool H2ServerSession::hold(Stream& stream, std::size_t bytes) {
  if (bytes > options_.limits.unfinished_bytes_max - unfinished_bytes_) return false;
  unfinished_bytes_ += bytes;
  stream.held += bytes;
  return true;
}

/// The request left, or will not be served.
void H2ServerSession::let_go(Stream& stream) {
  unfinished_bytes_ -= std::exchange(stream.held, 0);
  if (!stream.whole) std::string().swap(stream.request.body);
}

/// Counted as a reset by the peer once it is closed: who does nothing else loses the connection.
void H2ServerSession::cut(Stream& stream) {
  stream.cut = true;
  let_go(stream);
  note(ServerRefusal::UnfinishedTooLarge);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.request.stream, NGHTTP2_ENHANCE_YOUR_CALM);
}

/// Frames that carry nothing of a request (CVE-2019-9512, -9515, -9518 and CONTINUATION floods). False: too many.
bool H2ServerSession::count_frame(const nghttp2_frame_hd& frame) {
  if (flood_) return false;
  const bool head = frame.type == NGHTTP2_HEADERS || frame.type == NGHTTP2_CONTINUATION;
  if (frame.type != NGHTTP2_CONTINUATION) {
    head_since_.reset();
    head_invalid_ = false;
  }
  head_continues_ = head && !(frame.flags & NGHTTP2_FLAG_END_HEADERS);
  if (head_invalid_ && !head_continues_) head_since_.reset();
  const bool last = frame.flags & NGHTTP2_FLAG_END_STREAM;
  if (frame.type == NGHTTP2_HEADERS) return true;
  if (frame.type == NGHTTP2_DATA && (last || frame.length >= kDataBytesUseful)) return true;
  if (control_frames_.spend(now_)) return true;
  flood_ = ServerRefusal::FrameFlood;
  return false;
}

/// A stream that ended without its answer (CVE-2023-44487): cheap for the peer, not for us.
void H2ServerSession::count_reset() {
  if (!resets_.spend(now_) && !flood_) flood_ = ServerRefusal::ResetFlood;
}

/// Says ENHANCE_YOUR_CALM by hand: after an error from inside nghttp2 the session is not to be used.
void H2ServerSession::end_calmly(ServerRefusal why) {
  if (over_) return;
  over_ = true;
  note(why);
  complete_.clear();
  const auto last = static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(session_.get()));
  output_ += {0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0};
  for (const std::uint32_t word : {last, std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM}})
    for (int shift = 24; shift >= 0; shift -= 8) output_ += static_cast<char>(word >> shift);
}

// nghttp2 ends the connection when an acknowledged MAX_CONCURRENT_STREAMS is exceeded; RFC 9113 §5.1.2 also allows what
// Apple does, to refuse the stream. So nghttp2 learns no limit, the frame is given ours on its way out (pump), and
// on_begin_headers keeps it.
void H2ServerSession::announce(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings) {
  if (over_ || settings.empty()) return;
  std::vector<nghttp2_settings_entry> out;
  std::vector<std::uint32_t> limits;
  for (const auto& [id, value] : settings) {
    const bool is_limit = id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;
    if (is_limit) limits.push_back(value);
    out.push_back({id, is_limit ? kNoLimit : value});
  }
  if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, out.data(), out.size()) != 0) return;
  announcing_.insert(announcing_.end(), limits.begin(), limits.end());
  if (!limits.empty()) streams_max_ = limits.back();
}

void H2ServerSession::answer(std::int32_t id, Stream& stream, const ServerResponse& response) {
  std::array<char, 12> status{};
  const char* end = std::to_chars(status.data(), status.data() + status.size(), response.status).ptr;
  std::array<char, 20> length{};
  std::vector<nghttp2_nv> fields;
  fields.reserve(response.headers.size() + 2);
  fields.push_back(field_of(":status", {status.data(), end}));
  for (const auto& [name, value] : response.headers) fields.push_back(field_of(name, value));
  nghttp2_data_provider body{.source = {.ptr = &stream}, .read_callback = Hooks::read_body};
  const bool with_body = !response.body.empty() && !stream.head;
  if (with_body) {
    stream.body = response.body;
    const char* stop = std::to_chars(length.data(), length.data() + length.size(), stream.body.size()).ptr;
    fields.push_back(field_of("content-length", {length.data(), stop}));
  }
  stream.answered = true;
  stream.since = now_;
  nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(), with_body ? &body : nullptr);
}

void H2ServerSession::respond(std::int32_t id, const ServerResponse& response, MonoTime now) {
  if (over_) return;
  now_ = now;
  if (Stream* stream = find(id); stream && !stream->answered) answer(id, *stream, response);
}

void H2ServerSession::reset(std::int32_t id, std::uint32_t code) {
  Stream* stream = over_ ? nullptr : find(id);
  if (!stream || stream->answered) return;
  stream->reset = true;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, code);
}

void H2ServerSession::goaway(const ServerGoaway& goaway) {
  if (over_) return;
  pump();  // nghttp2 would write the GOAWAY before the answer's DATA
  const std::int32_t seen = nghttp2_session_get_last_proc_stream_id(session_.get());
  const std::int32_t wanted = std::max(goaway.last_stream.value_or(seen), 0);
  const std::int32_t last = wanted > 0 && wanted % 2 == 0 ? wanted - 1 : wanted;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, goaway.code,
                        reinterpret_cast<const std::uint8_t*>(goaway.debug.data()), goaway.debug.size());
}

bool H2ServerSession::serving() const noexcept {
  return !over_ && std::ranges::any_of(streams_, [](const auto& entry) { return entry.second->whole; });
}

/// The rest of the request, or the peer's reading of the answer. A handler's time is its own.
std::optional<MonoTime> H2ServerSession::due_of(const Stream& stream) const {
  const SessionLimits& limits = options_.limits;
  const std::size_t rate = limits.transfer_bytes_per_second_min;
  if (stream.answered) return transfer_due(stream.since, limits.write_timeout, stream.sent, rate);
  if (stream.whole || stream.cut) return std::nullopt;
  return transfer_due(stream.since, limits.body_timeout, stream.request.body.size(), rate);
}

/// A header block holds up the whole connection (RFC 9113 §4.3), and so does a preface that does not come.
std::optional<MonoTime> H2ServerSession::due_of_head() const {
  const auto since = preface_since_ ? preface_since_ : head_since_;
  return since ? std::optional(*since + options_.limits.head_timeout) : std::nullopt;
}

std::optional<MonoTime> H2ServerSession::deadline() const {
  if (over_) return std::nullopt;
  std::optional<MonoTime> first = due_of_head();
  for (const auto& [id, stream] : streams_)
    if (const auto due = due_of(*stream); due && (!first || *due < *first)) first = due;
  return first;
}

void H2ServerSession::expire(MonoTime now) {
  if (over_) return;
  now_ = now;
  if (const auto due = due_of_head(); due && *due <= now) return end_calmly(ServerRefusal::HeadTimeout);
  for (const auto& [id, stream] : streams_) {
    const auto due = due_of(*stream);
    if (!due || now < *due) continue;
    note(stream->answered ? ServerRefusal::WriteTimeout : ServerRefusal::BodyTimeout);
    if (stream->answered) {
      stream->reset = true;
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    } else {
      let_go(*stream);
      answer(id, *stream, {.status = 408});
    }
  }
}

void H2ServerSession::pump() {
  while (!over_) {
    const std::uint8_t* frame = nullptr;  // always one whole frame
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &frame);
    if (flood_) return end_calmly(*flood_);
    if (size <= 0) return;
    const std::size_t start = output_.size();
    output_.append(text_of(frame, static_cast<std::size_t>(size)));
    if (frame[3] != NGHTTP2_SETTINGS || (frame[4] & kFlagAck)) continue;
    for (std::size_t at = start + kFrameHeaderBytes; at + kSettingBytes <= output_.size(); at += kSettingBytes) {
      if (big_endian(&output_[at], 2) != NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS || announcing_.empty()) continue;
      for (std::size_t i = 0; i < 4; ++i) output_[at + 2 + i] = static_cast<char>(announcing_.front() >> (24 - 8 * i));
      announcing_.pop_front();
    }
  }
}

void H2ServerSession::pull_output(std::string& out) {
  pump();
  if (out.empty()) {
    std::swap(out, output_);
  } else {
    out += output_;
    output_.clear();
  }
}

bool H2ServerSession::finished() const noexcept {
  if (over_) return output_.empty();
  return output_.empty() && !nghttp2_session_want_read(session_.get()) && !nghttp2_session_want_write(session_.get());
}

}  // namespace nightpost::server
