#include "support/h2_peer.h"

#include <array>
#include <cstring>

namespace nightpost::support {
namespace {

std::uint8_t* bytes_of(const std::string& text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}
nghttp2_nv nv_of(const std::string& name, const std::string& value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

std::string PeerRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

struct H2Peer::Callbacks {
  static H2Peer& of(void* self) { return *static_cast<H2Peer*>(self); }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    PeerRequest& request = of(self).open[frame->hd.stream_id];
    request.stream = frame->hd.stream_id;
    request.headers.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                                 std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                     std::size_t size, void* self) {
    of(self).open[stream].body.append(reinterpret_cast<const char*>(data), size);
    (void)session;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    H2Peer& me = of(self);
    const std::int32_t stream = frame->hd.stream_id;
    const bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
      case NGHTTP2_PING:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) ++me.pings;
        break;
      case NGHTTP2_SETTINGS:
        for (std::size_t i = 0; i < frame->settings.niv; ++i)
          me.client_settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
        break;
      case NGHTTP2_RST_STREAM:
        me.resets[stream] = frame->rst_stream.error_code;
        break;
      case NGHTTP2_HEADERS:
        me.highest = std::max(me.highest, stream);
        me.open[stream].headers_ended_stream = ended;
        me.open[stream].prioritized = frame->hd.flags & NGHTTP2_FLAG_PRIORITY;
        if (me.on_headers) me.on_headers(me, me.open[stream]);
        break;
      default:
        break;
    }
    const bool carries_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (ended && carries_request && me.open.contains(stream)) {
      me.requests.push_back(std::move(me.open[stream]));
      me.open.erase(stream);
      if (me.on_request) me.on_request(me, me.requests.back());
    }
    return 0;
  }
  static ssize_t read(nghttp2_session* session, std::int32_t stream, std::uint8_t* into, std::size_t room,
                      std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Answer& answer = of(self).answers_[stream];
    const std::size_t size = std::min(room, answer.body.size() - answer.sent);
    std::memcpy(into, answer.body.data() + answer.sent, size);
    answer.sent += size;
    if (answer.sent < answer.body.size()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!answer.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      std::vector<nghttp2_nv> fields;
      for (const auto& [name, value] : answer.trailers) fields.push_back(nv_of(name, value));
      nghttp2_submit_trailer(session, stream, fields.data(), fields.size());
    }
    return static_cast<ssize_t>(size);
  }
};

H2Peer::H2Peer(const Settings& first, bool open_windows) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* session = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, open_windows ? 0 : 1);
  nghttp2_session_server_new2(&session, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  settings(first);
}
H2Peer::~H2Peer() = default;

bool H2Peer::feed(std::span<const std::uint8_t> bytes) {
  return nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size()) >= 0;
}

std::vector<std::uint8_t> H2Peer::output() {
  std::vector<std::uint8_t> all;
  const std::uint8_t* data = nullptr;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_.get(), &data)) > 0;)
    all.insert(all.end(), data, data + size);
  all.insert(all.end(), said_.begin(), said_.end());
  said_.clear();
  return all;
}

void H2Peer::respond(std::int32_t stream, int status, const std::string& body, const Fields& headers,
                     const Fields& trailers) {
  const std::string status_name = ":status", status_text = std::to_string(status);
  std::vector<nghttp2_nv> fields{nv_of(status_name, status_text)};
  for (const auto& [name, value] : headers) fields.push_back(nv_of(name, value));
  answers_[stream] = {body, 0, trailers};
  const nghttp2_data_provider provider{{.ptr = nullptr}, Callbacks::read};
  const bool bare = body.empty() && trailers.empty();
  nghttp2_submit_response(session_.get(), stream, fields.data(), fields.size(), bare ? nullptr : &provider);
}
void H2Peer::interim(std::int32_t stream, int status) {
  const std::string name = ":status", text = std::to_string(status), hint = "link", to = "</hint>";
  const std::array fields{nv_of(name, text), nv_of(hint, to)};
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, fields.data(), fields.size(), nullptr);
}
void H2Peer::reset(std::int32_t stream, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, code);
}
void H2Peer::goaway(std::uint32_t code, const std::string& debug, std::int32_t last_stream) {
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last_stream, code, bytes_of(debug), debug.size());
}
void H2Peer::settings(const Settings& settings) {
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
}
void H2Peer::open_window(std::int32_t stream, std::int32_t bytes) {
  nghttp2_session_consume(session_.get(), stream, static_cast<std::size_t>(bytes));
}
void H2Peer::say(const Bytes& frames) { said_.insert(said_.end(), frames.begin(), frames.end()); }

}  // namespace nightpost::support
