#include "net/h2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <cstring>
#include <deque>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "core/c_handle.h"
#include "net/peak_watch.h"

namespace nightpost::net {
namespace {

namespace bi = boost::intrusive;

constexpr std::size_t kOutputBytes = 65'536;         // gathered before we ask the socket to take some
constexpr std::size_t kRequestBytes = 256;           // of output, for one of its buffers' kEntriesKept
constexpr std::int32_t kConnectionWindow = 1 << 24;  // answers of a thousand streams never wait for WINDOW_UPDATE
constexpr std::size_t kFieldOverhead = 32;           // RFC 9113 §6.5.2
constexpr std::size_t kGoawayDebugBytes = 1024;
constexpr std::size_t kAnswerBytesKept = 1024;  // by an exchange that waits for the next request
constexpr std::size_t kIndexedOnceMax = 16;     // names of Indexing::FirstOnly remembered; more are never indexed
constexpr std::uint64_t kNotYet = std::numeric_limits<std::uint64_t>::max();

using Session = Handle<nghttp2_session, nghttp2_session_del>;
using Callbacks = Handle<nghttp2_session_callbacks, nghttp2_session_callbacks_del>;
using Option = Handle<nghttp2_option, nghttp2_option_del>;
using Hook = bi::list_member_hook<bi::link_mode<bi::safe_link>>;

/// One stream. Stays allocated until nghttp2 closed the stream, whatever became of its request.
struct Exchange {
  Hook live_hook, writing_hook;
  const HttpRequest* request = nullptr;  // null: its Done is out, only the stream is left
  std::uint64_t tag = 0;
  std::int32_t stream = 0;
  std::size_t body_sent = 0;
  std::uint64_t begins_at = kNotYet;  // where its HEADERS stand in the output
  std::uint64_t ends_at = kNotYet;    // where its END_STREAM ends
  HttpResponse response;
  std::size_t field_bytes = 0;
  bool trailers = false;
  bool counted = false;  // in `open`
};
using Live = bi::list<Exchange, bi::member_hook<Exchange, Hook, &Exchange::live_hook>>;
using Writing = bi::list<Exchange, bi::member_hook<Exchange, Hook, &Exchange::writing_hook>>;

nghttp2_nv field(std::string_view name, std::string_view value, bool index) {
  // nghttp2 reads both while it serializes HEADERS; the request is borrowed for that long. It never writes to them.
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  const int flags =
      NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE | (index ? 0 : NGHTTP2_NV_FLAG_NO_INDEX);
  return {bytes(name), bytes(value), name.size(), value.size(), static_cast<std::uint8_t>(flags)};
}

/// What would let a value break out of its field on a later HTTP/1.1 hop (RFC 9113 §8.2.1).
bool has_control_bytes(std::string_view text) {
  bool found = false;  // no early exit: the loop vectorizes
  for (const char c : text) found |= (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  return found;
}

std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

struct H2Session::Impl {
  explicit Impl(Options o) : options(std::move(o)) {}

  Options options;
  Session session;
  std::deque<Exchange> store;
  std::vector<Exchange*> spare;
  Live live;                      // a request without a Done, in order of its stream id
  Writing writing;                // its END_STREAM is in the output, not yet with the socket
  Exchange* finishing = nullptr;  // its END_STREAM is in the frame being gathered
  Exchange* reading = nullptr;    // whose fields are coming in
  std::size_t open = 0;           // streams nghttp2 has not closed, but for those it was told not to open
  std::vector<Done> done;
  std::vector<std::uint64_t> written;
  std::vector<std::uint8_t> output;
  std::size_t output_head = 0;
  std::uint64_t gathered = 0, handed = 0;  // bytes since the beginning
  std::vector<nghttp2_nv> fields;
  std::array<std::string_view, kIndexedOnceMax> indexed_once;
  std::size_t indexed_count = 0;
  std::uint64_t pings = 0, goaways = 0;
  std::optional<Goaway> goaway;
  bool settings = false, poisoned = false;
  std::string fault;  // nghttp2's words for what the peer did wrong

  /// How far it came, if not one byte more is written than `end`: `handed` where the connection is over, else all that
  /// was gathered, for that goes out.
  static Fate fate_of(const Exchange& x, std::uint64_t end) {
    if (x.ends_at <= end) return Fate::Unknown;
    return x.begins_at < end ? Fate::NotProcessed : Fate::NeverSent;
  }

  Exchange& open_exchange(const HttpRequest& request, std::uint64_t tag) {
    if (spare.empty()) spare.push_back(&store.emplace_back());
    Exchange& x = *spare.back();
    spare.pop_back();
    x.request = &request;
    x.tag = tag;
    x.body_sent = x.field_bytes = 0;
    x.begins_at = x.ends_at = kNotYet;
    x.trailers = false;
    x.response.status = 0;
    x.response.headers.clear();
    x.response.body.clear();
    return x;
  }

  /// The request is off our hands; the stream may linger.
  void let_go(Exchange& x) {
    x.request = nullptr;
    if (x.begins_at == kNotYet) uncount(x);  // nghttp2 holds it until the peer grants the stream that it will not open
    if (x.response.body.capacity() > kAnswerBytesKept) release(x.response);  // which nobody took
    if (x.live_hook.is_linked()) live.erase(live.iterator_to(x));
    if (x.writing_hook.is_linked()) writing.erase(writing.iterator_to(x));
  }
  void uncount(Exchange& x) {
    if (std::exchange(x.counted, false)) --open;
  }
  void recycle(Exchange& x) {
    if (x.request) let_go(x);
    if (finishing == &x) finishing = nullptr;
    if (reading == &x) reading = nullptr;
    uncount(x);
    spare.push_back(&x);
  }
  void finish(Exchange& x, Fate fate, Result<HttpResponse> reply, bool refused = false) {
    done.push_back({x.tag, x.stream, fate, std::move(reply), refused});
    let_go(x);
  }
  void reset(const Exchange& x) {
    nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, x.stream, NGHTTP2_CANCEL);
  }
  /// An answer we will not hold: the peer surely processed the request.
  void refuse_answer(Exchange& x, std::string why) {
    reset(x);
    finish(x, Fate::Unknown, fail(Errc::ConnectionLost, std::move(why)));
  }

  /// Of a request that has ended: what its Done, which nobody will see now, said of it.
  Fate forget(std::int32_t stream) {
    const auto ended = std::ranges::find(done, stream, &Done::stream);
    if (ended != done.end()) {
      const Fate fate = ended->fate == Fate::Answered ? Fate::Unknown : ended->fate;
      done.erase(ended);
      return fate;
    }
    const std::uint32_t next = nghttp2_session_get_next_stream_id(session.get());
    return static_cast<std::uint32_t>(stream) < next ? Fate::Unknown : Fate::NeverSent;
  }

  Exchange* exchange_of(std::int32_t stream) {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session.get(), stream));
  }

  bool index(const Header& header) {
    if (header.indexing != Indexing::FirstOnly) return header.indexing == Indexing::Always;
    const auto end = indexed_once.begin() + static_cast<std::ptrdiff_t>(indexed_count);
    if (indexed_count == kIndexedOnceMax || std::find(indexed_once.begin(), end, header.name) != end) return false;
    indexed_once[indexed_count++] = header.name;
    return true;
  }

  // nghttp2's callbacks. None of them calls back into the caller, and none lets an exception through: only bad_alloc
  // could come, and without memory the process ends anyway (noexcept).
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    me.reading = me.exchange_of(frame->hd.stream_id);
    if (me.reading) me.reading->trailers = me.reading->response.status >= 200;
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    Exchange* x = me.reading;
    if (!x || !x->request || x->trailers) return 0;  // trailers say nothing we need
    x->field_bytes += name_size + value_size + kFieldOverhead;
    if (x->field_bytes > me.options.header_bytes_max) {
      me.refuse_answer(*x, "answer's header fields are larger than we take");
      return 0;
    }
    if (name[0] == ':') {  // ":status" alone may come (nghttp2 checked it); a 1xx before it is forgotten
      x->response.status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
      x->response.headers.clear();
      x->response.headers.reserve(4);
      return 0;
    }
    x->response.headers.emplace_back(std::string(view(name, name_size)), std::string(view(value, value_size)));
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size,
                     void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    Exchange* x = me.exchange_of(stream);
    if (!x || !x->request) return 0;
    if (size > me.options.response_bytes_max - x->response.body.size())
      me.refuse_answer(*x, "answer's body is larger than we take");
    else
      x->response.body.append(view(data, size));
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) me.settings = true;
        break;
      case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK) ++me.pings;
        break;
      case NGHTTP2_GOAWAY: {
        const nghttp2_goaway& g = frame->goaway;
        ++me.goaways;
        me.goaway = Goaway{g.error_code, g.last_stream_id,
                           std::string(view(g.opaque_data, std::min(g.opaque_data_len, kGoawayDebugBytes)))};
        break;
      }
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) me.on_answered(frame->hd.stream_id);
        break;
      default:
        break;
    }
    return 0;
  }
  void on_answered(std::int32_t stream) {
    Exchange* x = exchange_of(stream);
    if (!x || !x->request) return;
    if (x->ends_at == kNotYet) reset(*x);  // it answered before it heard us out: no use saying the rest
    finish(*x, Fate::Answered, std::move(x->response));
  }
  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    Exchange* x = me.exchange_of(stream);
    if (!x) return 0;
    if (x->request) {
      const bool refused = code == NGHTTP2_REFUSED_STREAM;
      Fate fate = fate_of(*x, me.gathered);
      if (refused && fate == Fate::Unknown) fate = Fate::NotProcessed;
      me.finish(*x, fate,
                fail(Errc::ConnectionLost, std::string("stream reset by the peer: ") + nghttp2_http2_strerror(code)),
                refused);
    }
    me.recycle(*x);
    return 0;
  }
  static int before_send(nghttp2_session*, const nghttp2_frame* frame, void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    if (frame->hd.type == NGHTTP2_HEADERS)
      if (Exchange* x = me.exchange_of(frame->hd.stream_id)) x->begins_at = me.gathered;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) me.poisoned = true;
    return 0;
  }
  static int on_fault(nghttp2_session*, int, const char* text, std::size_t size, void* self) noexcept {
    static_cast<Impl*>(self)->fault.assign(text, size);
    return 0;
  }
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int code, void* self) noexcept {
    auto& me = *static_cast<Impl*>(self);
    if (me.fault.empty()) me.fault = nghttp2_strerror(code);
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags,
                           nghttp2_data_source* source, void* self) noexcept {
    auto& x = *static_cast<Exchange*>(source->ptr);
    if (!x.request) return NGHTTP2_ERR_DEFERRED;  // let go; its RST_STREAM is on the way
    const std::string& body = x.request->body;
    const std::size_t size = std::min(room, body.size() - x.body_sent);
    if (size) std::memcpy(into, body.data() + x.body_sent, size);
    x.body_sent += size;
    if (x.body_sent == body.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      static_cast<Impl*>(self)->finishing = &x;
    }
    return static_cast<ssize_t>(size);
  }

  void start() {
    nghttp2_session_callbacks* raw_callbacks = nullptr;
    nghttp2_option* raw_option = nullptr;
    nghttp2_session* raw_session = nullptr;
    if (nghttp2_session_callbacks_new(&raw_callbacks)) throw std::bad_alloc();
    const Callbacks callbacks(raw_callbacks);
    if (nghttp2_option_new(&raw_option)) throw std::bad_alloc();
    const Option option(raw_option);
    nghttp2_session_callbacks_set_on_begin_headers_callback(raw_callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(raw_callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw_callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(raw_callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(raw_callbacks, on_close);
    nghttp2_session_callbacks_set_before_frame_send_callback(raw_callbacks, before_send);
    nghttp2_session_callbacks_set_error_callback2(raw_callbacks, on_fault);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(raw_callbacks, on_invalid_frame);
    nghttp2_option_set_no_closed_streams(raw_option, 1);
    if (nghttp2_session_client_new2(&raw_session, raw_callbacks, this, raw_option)) throw std::bad_alloc();
    session.reset(raw_session);

    const std::array settings_out = {
        nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                               static_cast<std::uint32_t>(options.header_bytes_max)},
    };
    nghttp2_submit_settings(raw_session, NGHTTP2_FLAG_NONE, settings_out.data(), settings_out.size());
    nghttp2_session_set_local_window_size(raw_session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  }

  Result<void> check(const HttpRequest& request) const {
    const std::size_t peer_max =
        nghttp2_session_get_remote_settings(session.get(), NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
    std::size_t size = request.path.size() + options.authority.size() + request.method.size() + 4 * kFieldOverhead + 40;
    bool clean = request.path.starts_with('/') && !has_control_bytes(request.path) &&
                 request.path.find(' ') == std::string::npos;
    for (const Header& header : request.headers) {
      size += header.name.size() + header.value.size() + kFieldOverhead;
      clean = clean && !has_control_bytes(header.value);
    }
    if (!clean) return fail(Errc::Malformed, "request has a control byte in a header, or no path");
    if (size > std::min(options.header_bytes_max, peer_max))
      return fail(Errc::Malformed, "request's header fields are larger than the peer takes");
    return {};
  }
};

H2Session::H2Session(Options options) : impl_(std::make_unique<Impl>(std::move(options))) { impl_->start(); }
H2Session::~H2Session() {
  // nghttp2 first: it calls nobody when it goes, but it points at the exchanges.
  impl_->session.reset();
  impl_->live.clear();
  impl_->writing.clear();
}

Result<std::int32_t> H2Session::submit(const HttpRequest& request, std::uint64_t tag) {
  Impl& me = *impl_;
  if (me.open >= streams_limit()) return fail(Errc::Overloaded, "no free stream on this connection");
  // A request that was cancelled before nghttp2 could begin it stays in there until the wire takes something.
  if (me.store.size() - me.spare.size() >= 2 * std::size_t{me.options.streams_max})
    return fail(Errc::Overloaded, "too many cancelled requests wait for the wire");
  if (auto fit = me.check(request); !fit) return std::unexpected(std::move(fit.error()));

  me.fields.clear();
  me.fields.push_back(field(":method", request.method, true));
  me.fields.push_back(field(":scheme", "https", true));
  me.fields.push_back(field(":authority", me.options.authority, true));
  me.fields.push_back(field(":path", request.path, false));
  for (const Header& header : request.headers) me.fields.push_back(field(header.name, header.value, me.index(header)));

  Exchange& x = me.open_exchange(request, tag);
  nghttp2_data_provider body{{.ptr = &x}, Impl::read_body};
  x.stream = nghttp2_submit_request(me.session.get(), nullptr, me.fields.data(), me.fields.size(), &body, &x);
  if (x.stream < 0) {
    me.spare.push_back(&x);
    return fail(Errc::Overloaded, std::string("nghttp2: ") + nghttp2_strerror(x.stream));
  }
  ++me.open;
  x.counted = true;
  me.live.push_back(x);
  return x.stream;
}

H2Session::Fate H2Session::cancel(std::int32_t stream) {
  Impl& me = *impl_;
  Exchange* x = me.exchange_of(stream);
  // A stream whose HEADERS wait inside nghttp2 is not known to it yet; such streams are the youngest.
  for (auto it = me.live.rbegin(); !x && it != me.live.rend() && it->stream >= stream; ++it)
    if (it->stream == stream) x = &*it;
  if (!x || !x->request) return me.forget(stream);
  const Fate fate = Impl::fate_of(*x, me.gathered);
  me.reset(*x);
  me.let_go(*x);
  return fate;
}

void H2Session::withdraw_unsent() {
  Impl& me = *impl_;
  auto first = me.live.end();
  while (first != me.live.begin() && std::prev(first)->begins_at == kNotYet) --first;
  while (first != me.live.end()) {
    Exchange& x = *first++;
    me.reset(x);
    me.finish(x, Fate::NeverSent, fail(Errc::ConnectionLost, "withdrawn before it was sent"));
  }
}

void H2Session::abandon(const Error& error) {
  Impl& me = *impl_;
  me.poisoned = true;
  while (!me.live.empty()) {
    Exchange& x = me.live.front();
    me.finish(x, Impl::fate_of(x, me.handed), std::unexpected(error));
  }
}

Result<void> H2Session::feed(std::span<const std::uint8_t> received) {
  Impl& me = *impl_;
  const ssize_t taken = nghttp2_session_mem_recv(me.session.get(), received.data(), received.size());
  if (taken < 0 && me.fault.empty()) me.fault = nghttp2_strerror(static_cast<int>(taken));
  // nghttp2 answers a broken rule of the connection with a GOAWAY of its own and takes no request from then on.
  const bool dismissed = !me.goaway && !nghttp2_session_check_request_allowed(me.session.get());
  if (taken < 0 || dismissed) me.poisoned = true;
  if (me.poisoned) return fail(Errc::ConnectionLost, "peer broke HTTP/2: " + me.fault);
  me.fault.clear();  // it was one stream's, and its Done says so
  return {};
}

std::span<const std::uint8_t> H2Session::next_output() {
  Impl& me = *impl_;
  if (me.output_head < me.output.size()) return std::span(me.output).subspan(me.output_head);
  me.output.clear();
  me.output_head = 0;
  while (me.output.size() < kOutputBytes) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(me.session.get(), &data);
    if (size < 0) me.poisoned = true;
    if (size <= 0) break;
    me.output.insert(me.output.end(), data, data + size);
    me.gathered += static_cast<std::uint64_t>(size);
    if (Exchange* x = std::exchange(me.finishing, nullptr)) {
      x->ends_at = me.gathered;
      if (x->request) me.writing.push_back(*x);
    }
  }
  return me.output;
}

void H2Session::mark_sent(std::size_t bytes) {
  Impl& me = *impl_;
  me.output_head += bytes;
  me.handed += bytes;
  while (!me.writing.empty() && me.writing.front().ends_at <= me.handed) {
    me.written.push_back(me.writing.front().tag);
    me.writing.pop_front();
  }
}

void H2Session::ping() { nghttp2_submit_ping(impl_->session.get(), NGHTTP2_FLAG_NONE, nullptr); }

void H2Session::take_done(std::vector<Done>& done) {
  done.clear();
  std::swap(done, impl_->done);
}
void H2Session::take_written(std::vector<std::uint64_t>& tags) {
  tags.clear();
  std::swap(tags, impl_->written);
}

void H2Session::trim(std::size_t peak) {
  Impl& me = *impl_;
  if (me.spare.size() == me.store.size() && outgrew(me.store.size(), peak)) {  // nghttp2 points at none of them
    release(me.spare);
    release(me.store);
  }
  if (me.output_head == me.output.size() && outgrew(me.output.capacity() / kRequestBytes, peak)) {
    release(me.output);
    me.output_head = 0;
  }
  me.fields.clear();
  net::trim(me.fields, 0);
  net::trim(me.done, peak);
  net::trim(me.written, peak);
}
std::size_t H2Session::kept_bytes() const noexcept {
  const Impl& me = *impl_;
  return me.store.size() * sizeof(Exchange) + bytes_of(me.spare) + bytes_of(me.output) + bytes_of(me.done) +
         bytes_of(me.written) + bytes_of(me.fields);
}

std::uint64_t H2Session::pings_acked() const noexcept { return impl_->pings; }
bool H2Session::settings_seen() const noexcept { return impl_->settings; }
std::uint32_t H2Session::streams_limit() const noexcept {
  const Impl& me = *impl_;
  if (!me.settings || me.goaway || me.poisoned || ids_used_up()) return 0;
  return std::min(me.options.streams_max,
                  nghttp2_session_get_remote_settings(me.session.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}
std::size_t H2Session::streams_open() const noexcept { return impl_->open; }
bool H2Session::ids_used_up() const noexcept {
  return nghttp2_session_get_next_stream_id(impl_->session.get()) >
         static_cast<std::uint32_t>(impl_->options.stream_id_max);
}
std::uint64_t H2Session::goaways_seen() const noexcept { return impl_->goaways; }
const std::optional<H2Session::Goaway>& H2Session::goaway() const noexcept { return impl_->goaway; }
bool H2Session::wants_io() const noexcept {
  const Impl& me = *impl_;
  return me.output.size() > me.output_head || nghttp2_session_want_read(me.session.get()) ||
         nghttp2_session_want_write(me.session.get());
}

}  // namespace nightpost::net
