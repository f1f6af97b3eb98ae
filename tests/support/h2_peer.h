// The other end of a client's HTTP/2 connection, scripted: a server session without a socket for pairs joined in
// memory, and the same over TLS on loopback for lanes. What it is not told to do it does not do: no answer by default.
#pragma once

#include <nghttp2/nghttp2.h>

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/c_handle.h"
#include "support/h2_frames.h"

namespace nightpost::support {

struct PeerRequest {
  std::int32_t stream = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // in order, pseudo headers too
  std::string body;
  bool headers_ended_stream = false;
  bool prioritized = false;
  std::string header(std::string_view name) const;
};

class H2Peer {
 public:
  using Settings = std::vector<nghttp2_settings_entry>;
  /// Sends `settings` first. `open_windows`: gives back what it reads; else the client's windows only shrink.
  explicit H2Peer(const Settings& settings, bool open_windows = true);
  ~H2Peer();

  /// Called when a request's HEADERS, or its END_STREAM, are in. May call any member below.
  std::function<void(H2Peer&, const PeerRequest&)> on_headers, on_request;

  bool feed(std::span<const std::uint8_t> bytes);  // false: the client broke a rule
  std::vector<std::uint8_t> output();

  using Fields = support::Fields;
  void respond(std::int32_t stream, int status, const std::string& body = "", const Fields& headers = {},
               const Fields& trailers = {});
  void interim(std::int32_t stream, int status);  // 1xx
  void reset(std::int32_t stream, std::uint32_t code);
  void goaway(std::uint32_t code, const std::string& debug, std::int32_t last_stream);
  void settings(const Settings& settings);
  void open_window(std::int32_t stream, std::int32_t bytes);  // stream 0: the connection's
  /// Frames as they are (h2_frames.h), after all that was said before; the session behind this knows nothing of them.
  void say(const Bytes& frames);

  std::map<std::int32_t, PeerRequest> open;      // begun, not ended
  std::vector<PeerRequest> requests;             // ended, in order
  std::map<std::int32_t, std::uint32_t> resets;  // RST_STREAM from the client
  std::map<std::int32_t, std::uint32_t> client_settings;
  int pings = 0;
  std::int32_t highest = 0;

 private:
  struct Callbacks;
  Handle<nghttp2_session, nghttp2_session_del> session_;
  struct Answer {
    std::string body;
    std::size_t sent = 0;
    Fields trailers;
  };
  std::map<std::int32_t, Answer> answers_;
  Bytes said_;  // not yet in output()
};

/// A certificate authority made for one test run, with what it signed. EC P-256, PEM.
struct TestPki {
  TestPki();  // takes a few ms
  std::string ca_pem;
  std::string server_pem, server_key_pem;  // for localhost, 127.0.0.1 and ::1
  std::string client_pem, client_key_pem;
  std::string other_server_pem, other_server_key_pem;  // for elsewhere.test only
};
const TestPki& test_pki();  // one a process: immutable

struct TlsPeerOptions {
  H2Peer::Settings settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}};
  bool open_windows = true;
  bool wrong_name = false;  // presents a certificate for another host
  bool tls12 = false;       // no TLS 1.3
  std::string alpn = "h2";  // empty: none agreed
  bool require_client_certificate = false;
  bool trust_client_certificate = true;
  bool silent = false;  // takes TCP connections and says nothing at all
};

/// Listens on 127.0.0.1 and a free port; all on one loop. Connections are numbered from 0 in the order of arrival.
class TlsPeer {
 public:
  TlsPeer(boost::asio::io_context& loop, TlsPeerOptions options = {});
  ~TlsPeer();
  std::uint16_t port() const;
  /// Called for every connection once its TLS is up, before a byte of HTTP/2 moved: sets its on_request.
  std::function<void(std::size_t connection, H2Peer&)> on_connection;

  std::size_t connections() const;  // TCP connections taken so far
  std::size_t open_connections() const;
  H2Peer& peer(std::size_t connection);  // REQUIRED: its TLS is up
  void flush(std::size_t connection);    // sends what calls from outside its hooks queued
  void drop(std::size_t connection);     // closes TCP without another byte, after what is being written
  void mute(std::size_t connection);     // reads and writes no more, and does not close
  void refuse_new();                     // closes the listener

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with its handlers in the loop
};

}  // namespace nightpost::support
