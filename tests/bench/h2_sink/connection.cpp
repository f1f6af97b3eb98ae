#include "bench/h2_sink/connection.h"

#include <openssl/err.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <stdexcept>

namespace nightpost::bench {
namespace {

constexpr std::size_t kBodyKept = 8'192;              // bytes of a body that are looked at
constexpr std::size_t kOutputBatch = 65'536;          // gathered before TLS sees it
constexpr std::int32_t kConnectionWindow = 16 << 20;  // few WINDOW_UPDATEs, RFC 9113 §6.9.2

using Callbacks = Handle<nghttp2_session_callbacks, nghttp2_session_callbacks_del>;
using Options = Handle<nghttp2_option, nghttp2_option_del>;

std::int64_t now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

nghttp2_nv field(std::string_view name, std::string_view value, std::uint8_t flags) {
  auto bytes = [](std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); };
  const int no_copy = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  return {bytes(name), bytes(value), name.size(), value.size(), static_cast<std::uint8_t>(no_copy | flags)};
}

}  // namespace

Connection::Connection(int socket, SSL_CTX* context, const SessionOptions& options, Tally& tally)
    : socket_(socket), tally_(tally), ssl_(SSL_new(context)) {
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket) != 1) throw std::runtime_error("SSL_new");
  SSL_set_accept_state(ssl_.get());

  nghttp2_session_callbacks* raw_callbacks = nullptr;
  nghttp2_option* raw_options = nullptr;
  nghttp2_session* raw_session = nullptr;
  if (nghttp2_session_callbacks_new(&raw_callbacks) != 0) throw std::bad_alloc();
  const Callbacks callbacks(raw_callbacks);
  if (nghttp2_option_new(&raw_options) != 0) throw std::bad_alloc();
  const Options session_options(raw_options);
  nghttp2_session_callbacks_set_on_begin_headers_callback(raw_callbacks, on_begin);
  nghttp2_session_callbacks_set_on_header_callback(raw_callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw_callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(raw_callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw_callbacks, on_close);
  nghttp2_option_set_no_closed_streams(raw_options, 1);
  if (nghttp2_session_server_new2(&raw_session, raw_callbacks, this, raw_options) != 0) throw std::bad_alloc();
  session_.reset(raw_session);

  const std::array<nghttp2_settings_entry, 1> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max}}};
  nghttp2_submit_settings(raw_session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(raw_session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Connection::~Connection() {
  session_.reset();  // its close callbacks want the streams
  SSL_shutdown(ssl_.get());
  ::close(socket_);
}

int Connection::on_begin(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  auto& connection = *static_cast<Connection*>(self);
  if (connection.spare_.empty()) {
    connection.streams_.push_back(std::make_unique<Stream>());
    connection.spare_.push_back(connection.streams_.back().get());
  }
  Stream* stream = connection.spare_.back();
  connection.spare_.pop_back();
  stream->id = frame->hd.stream_id;
  stream->request.path.clear();
  stream->request.apns_id.clear();
  stream->request.collapse_id.clear();
  stream->request.body.clear();
  stream->request.body_bytes = 0;
  connection.current_ = stream;
  return nghttp2_session_set_stream_user_data(session, stream->id, stream);
}

Connection::Stream* Connection::stream(std::int32_t id) {
  if (current_ == nullptr || current_->id != id)
    current_ = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
  return current_;
}

int Connection::on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                          const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
  const std::string_view key(reinterpret_cast<const char*>(name), name_size);
  const std::string_view text(reinterpret_cast<const char*>(value), value_size);
  Stream* stream = static_cast<Connection*>(self)->stream(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (key == ":path") stream->request.path = text;
  if (key == "apns-id") stream->request.apns_id = text;
  if (key == "apns-collapse-id") stream->request.collapse_id = text;
  return 0;
}

int Connection::on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                        void* self) {
  Stream* stream = static_cast<Connection*>(self)->stream(id);
  if (stream == nullptr) return 0;
  stream->request.body_bytes += size;
  std::string& body = stream->request.body;
  body.append(reinterpret_cast<const char*>(data), std::min(size, kBodyKept - body.size()));
  return 0;
}

int Connection::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!carries || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  auto& connection = *static_cast<Connection*>(self);
  Stream* stream = connection.stream(frame->hd.stream_id);
  return stream == nullptr ? 0 : connection.answer(*stream);
}

int Connection::answer(Stream& stream) {
  tally_.saw(stream.request, now_us());
  // Nothing is copied: the stream's strings stay until on_close(), which comes after the answer was serialized.
  const std::array fields{field(":status", "200", 0),
                          field("apns-id", stream.request.apns_id, NGHTTP2_NV_FLAG_NO_INDEX)};
  const std::size_t count = stream.request.apns_id.empty() ? 1 : 2;
  return nghttp2_submit_response(session_.get(), stream.id, fields.data(), count, nullptr);
}

int Connection::on_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void* self) {
  auto& connection = *static_cast<Connection*>(self);
  if (auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id)); stream != nullptr) {
    connection.spare_.push_back(stream);
    if (connection.current_ == stream) connection.current_ = nullptr;
  }
  return 0;
}

bool Connection::read_some() {
  std::array<std::uint8_t, 16'384> record;  // TLS hands out a record a call, RFC 8446 §5.1
  drained_ = false;
  for (int records = 0; records < 16; ++records) {
    ERR_clear_error();
    const int n = SSL_read(ssl_.get(), record.data(), int(record.size()));
    if (n <= 0) {
      const int why = SSL_get_error(ssl_.get(), n);
      drained_ = true;
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }
    if (nghttp2_session_mem_recv(session_.get(), record.data(), std::size_t(n)) < 0) return false;
  }
  return true;
}

bool Connection::write_all() {
  for (;;) {
    if (written_ == output_.size()) {
      output_.clear();
      written_ = 0;
      while (output_.size() < kOutputBatch) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t n = nghttp2_session_mem_send(session_.get(), &bytes);
        if (n < 0) return false;
        if (n == 0) break;
        output_.append(reinterpret_cast<const char*>(bytes), std::size_t(n));
      }
      if (output_.empty()) return nghttp2_session_want_read(session_.get()) != 0;
    }
    ERR_clear_error();
    const int n = SSL_write(ssl_.get(), output_.data() + written_, int(output_.size() - written_));
    if (n > 0) {
      written_ += std::size_t(n);
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), n);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  }
}

Connection::State Connection::run() {
  if (!accepted_) {
    ERR_clear_error();
    if (const int n = SSL_accept(ssl_.get()); n != 1) {
      const int why = SSL_get_error(ssl_.get(), n);
      if (why == SSL_ERROR_WANT_READ) return State::Reading;
      return why == SSL_ERROR_WANT_WRITE ? State::WantsWrite : State::Over;
    }
    accepted_ = true;
    tally_.connected();
  }
  do {
    if (!write_all()) return State::Over;
    if (written_ < output_.size()) return State::WantsWrite;  // read on once the peer takes its answers
    if (!read_some()) return State::Over;
  } while (!drained_);
  if (!write_all()) return State::Over;
  return written_ < output_.size() ? State::WantsWrite : State::Reading;
}

}  // namespace nightpost::bench
