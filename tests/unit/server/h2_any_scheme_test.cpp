// What a server takes that does not insist on :scheme, and what it still refuses.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/h2_server_session.h"

namespace nightpost::server {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// The bytes of one request without a body; nothing is checked on the way out.
std::string request_bytes(const Fields& fields) {
  nghttp2_session_callbacks* raw_callbacks = nullptr;
  REQUIRE(nghttp2_session_callbacks_new(&raw_callbacks) == 0);
  const Handle<nghttp2_session_callbacks, nghttp2_session_callbacks_del> callbacks(raw_callbacks);
  nghttp2_session* raw = nullptr;
  REQUIRE(nghttp2_session_client_new(&raw, raw_callbacks, nullptr) == 0);
  const Handle<nghttp2_session, nghttp2_session_del> session(raw);
  nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, nullptr, 0);
  std::vector<nghttp2_nv> out;
  for (const auto& [name, value] : fields)
    out.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                   reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                   NGHTTP2_NV_FLAG_NONE});
  nghttp2_submit_request(raw, nullptr, out.data(), out.size(), nullptr, nullptr);
  std::string bytes;
  const std::uint8_t* data = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(raw, &data)) > 0;)
    bytes.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  return bytes;
}

TEST_CASE("h2 server: any scheme, but no malformed request", "[net][h2]") {
  struct Row {
    const char* name;
    Fields fields;
    bool strict;   // taken with nghttp2's checks
    bool lenient;  // taken without
  };
  const Row row = GENERATE(values<Row>({
      {"as it should be", {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}, true, true},
      {"Google's Node client",
       {{":method", "GET"}, {":scheme", "https:"}, {":authority", "a"}, {":path", "/"}},
       false,
       true},
      {"no method", {{":scheme", "https"}, {":path", "/"}}, false, false},
      {"no path", {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}}, false, false},
      {"empty path", {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", ""}}, false, false},
      {"two paths", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":path", "/b"}}, false, false},
      {"a pseudo header behind others",
       {{":method", "GET"}, {":scheme", "https"}, {"a", "b"}, {":path", "/"}},
       false,
       false},
      {"one nobody knows", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":x", "y"}}, false, false},
      {"an answer's", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":status", "200"}}, false, false},
      {"a line break in a value",
       {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}, {"x", "a\r\nb"}},
       false,
       false},
      {"a body that was announced",
       {{":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}, {"content-length", "5"}},
       false,
       false},
  }));
  CAPTURE(row.name);
  for (const bool lenient : {false, true}) {
    CAPTURE(lenient);
    H2ServerSession session({.streams_max_first = 10, .any_scheme = lenient}, MonoTime{});
    CHECK(session.feed(request_bytes(row.fields), MonoTime{}).has_value());
    CHECK(session.take_requests().size() == (lenient ? row.lenient : row.strict));
    std::string out;
    session.pull_output(out);  // a refusal goes out
    CHECK_FALSE(out.empty());
  }
}

}  // namespace
}  // namespace nightpost::server
