#include "server/h2_server_session.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace nightpost::server {
namespace {

constexpr std::uint8_t kFlagAck = 0x1;
constexpr std::size_t kFrameHeaderBytes = 9;       // RFC 9113 §4.1
constexpr std::size_t kSettingBytes = 6;           // §6.5.1
constexpr std::uint32_t kNoLimit = 0x7fffffff;     // what nghttp2 itself is told: the limit is kept here
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
  bool answered = false;
  std::string body;  // of the answer
  std::size_t sent = 0;
};

struct H2ServerSession::Hooks {
  static H2ServerSession& self(void* user) { return *static_cast<H2ServerSession*>(user); }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    H2ServerSession& me = self(user);
    const std::int32_t id = frame->hd.stream_id;
    if (me.streams_.size() >= me.streams_max_)  // RFC 9113 §5.1.2
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    auto stream = std::make_unique<Stream>();
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
    if (stream->header_bytes > me.options_.headers_bytes_max) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
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
    if (!stream || stream->answered) return 0;
    if (stream->request.body.size() + size > me.options_.body_bytes_max) {
      stream->request.body.clear();
      me.respond(id, *stream, {.status = 413});
    } else {
      stream->request.body.append(text_of(data, size));
    }
    return 0;
  }

  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    H2ServerSession& me = self(user);
    Stream* stream = me.find(frame->hd.stream_id);
    if (!stream || stream->answered) return 0;
    if (me.options_.any_scheme && !whole(*stream))
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
    me.complete_.push_back(std::move(stream->request));
    return 0;
  }

  static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    // An answer before the end of the request: tell the peer to stop sending (RFC 9113 §8.1).
    const bool answer = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    const bool ends = answer && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    if (ends && nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    self(user).streams_.erase(id);
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

H2ServerSession::H2ServerSession(Options options) : options_(options), streams_max_(options.streams_max_first) {
  nghttp2_session_callbacks* raw = nullptr;
  if (nghttp2_session_callbacks_new(&raw) != 0) throw std::bad_alloc();
  const Callbacks callbacks(raw);
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
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, raw, this, raw_option) != 0) throw std::bad_alloc();
  session_.reset(session);
  queue_settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max_first},
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

Result<void> H2ServerSession::feed(std::string_view received) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(received.data());
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes, received.size());
  if (used < 0) return fail(Errc::Malformed, nghttp2_strerror(static_cast<int>(used)));
  return {};
}

std::vector<ServerRequest> H2ServerSession::take_requests() { return std::exchange(complete_, {}); }

// nghttp2 ends the connection when an acknowledged MAX_CONCURRENT_STREAMS is exceeded; RFC 9113 §5.1.2 also allows what
// Apple does, to refuse the stream. So nghttp2 learns no limit, the frame is given ours on its way out (pump), and
// on_begin_headers keeps it.
void H2ServerSession::queue_settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries) {
  std::vector<nghttp2_settings_entry> out;
  std::vector<std::uint32_t> limits;
  for (const auto& [id, value] : entries) {
    const bool is_limit = id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;
    if (is_limit) limits.push_back(value);
    out.push_back({id, is_limit ? kNoLimit : value});
  }
  if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, out.data(), out.size()) != 0) return;
  announcing_.insert(announcing_.end(), limits.begin(), limits.end());
  if (!limits.empty()) streams_max_ = limits.back();
}

void H2ServerSession::respond(std::int32_t id, Stream& stream, const ServerResponse& response) {
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
  nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(), with_body ? &body : nullptr);
}

void H2ServerSession::perform(std::int32_t id, const ServerAction& action) {
  if (!action.settings.empty()) queue_settings(action.settings);
  if (Stream* stream = id == 0 ? nullptr : find(id); stream && !stream->answered) {
    if (action.reset) {
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, *action.reset);
    } else if (action.respond) {
      respond(id, *stream, *action.respond);
    }
  }
  if (action.goaway) {
    pump();  // nghttp2 would write the GOAWAY before the answer's DATA
    const std::int32_t seen = nghttp2_session_get_last_proc_stream_id(session_.get());
    const std::int32_t wanted = std::max(action.goaway->last_stream.value_or(seen), 0);
    const std::int32_t last = wanted > 0 && wanted % 2 == 0 ? wanted - 1 : wanted;
    const std::string& debug = action.goaway->debug;
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, action.goaway->code,
                          reinterpret_cast<const std::uint8_t*>(debug.data()), debug.size());
  }
}

void H2ServerSession::pump() {
  for (;;) {
    const std::uint8_t* frame = nullptr;  // always one whole frame
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &frame);
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
  return output_.empty() && !nghttp2_session_want_read(session_.get()) && !nghttp2_session_want_write(session_.get());
}

}  // namespace nightpost::server
