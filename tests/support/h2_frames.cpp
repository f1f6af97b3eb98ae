#include "support/h2_frames.h"

#include <nghttp2/nghttp2.h>

#include <array>

namespace nightpost::support {

Bytes frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream, std::span<const std::uint8_t> payload) {
  const auto byte = [](std::size_t value, int shift) { return static_cast<std::uint8_t>(value >> shift & 0xff); };
  const std::size_t size = payload.size();
  const auto id = static_cast<std::uint32_t>(stream);
  Bytes bytes{byte(size, 16), byte(size, 8), byte(size, 0), type,       flags,
              byte(id, 24),   byte(id, 16),  byte(id, 8),   byte(id, 0)};
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

Bytes headers_frame(std::int32_t stream, const Fields& fields, bool end_stream) {
  Bytes block;
  const auto add = [&](const std::string& text) {
    block.push_back(static_cast<std::uint8_t>(text.size()));
    block.insert(block.end(), text.begin(), text.end());
  };
  for (const auto& [name, value] : fields) {
    block.push_back(0x10);
    add(name);
    add(value);
  }
  const int flags = NGHTTP2_FLAG_END_HEADERS | (end_stream ? NGHTTP2_FLAG_END_STREAM : 0);
  return frame(NGHTTP2_HEADERS, static_cast<std::uint8_t>(flags), stream, block);
}

Bytes data_frame(std::int32_t stream, const std::string& body, bool end_stream) {
  const Bytes payload(body.begin(), body.end());
  return frame(NGHTTP2_DATA, end_stream ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE, stream, payload);
}

namespace {

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

constexpr std::array kBroken = {
    BrokenResponse{"an upper-case name",
                   [](std::int32_t s) { return headers_frame(s, {{":status", "200"}, {"Apns-Id", "x"}}, true); }},
    BrokenResponse{"no :status", [](std::int32_t s) { return headers_frame(s, {{"apns-id", "x"}}, true); }},
    BrokenResponse{":status twice",
                   [](std::int32_t s) { return headers_frame(s, {{":status", "200"}, {":status", "400"}}, true); }},
    BrokenResponse{":status that is no number",
                   [](std::int32_t s) { return headers_frame(s, {{":status", "2x0"}}, true); }},
    BrokenResponse{":status behind a field",
                   [](std::int32_t s) { return headers_frame(s, {{"apns-id", "x"}, {":status", "200"}}, true); }},
    BrokenResponse{"a request's pseudo header",
                   [](std::int32_t s) { return headers_frame(s, {{":status", "200"}, {":path", "/"}}, true); }},
    BrokenResponse{
        "a connection's own field",
        [](std::int32_t s) { return headers_frame(s, {{":status", "200"}, {"connection", "close"}}, true); }},
    BrokenResponse{
        "transfer-encoding",
        [](std::int32_t s) { return headers_frame(s, {{":status", "200"}, {"transfer-encoding", "chunked"}}, true); }},
    BrokenResponse{"101", [](std::int32_t s) { return headers_frame(s, {{":status", "101"}}, false); }},
    BrokenResponse{"an interim answer that ends the stream",
                   [](std::int32_t s) { return headers_frame(s, {{":status", "103"}}, true); }},
    BrokenResponse{"less than content-length says",
                   [](std::int32_t s) {
                     return joined({headers_frame(s, {{":status", "200"}, {"content-length", "9"}}, false),
                                    data_frame(s, "four", true)});
                   }},
    BrokenResponse{"more than content-length says",
                   [](std::int32_t s) {
                     return joined({headers_frame(s, {{":status", "200"}, {"content-length", "2"}}, false),
                                    data_frame(s, "four", true)});
                   }},
    BrokenResponse{
        "content-length and no body",
        [](std::int32_t s) { return headers_frame(s, {{":status", "200"}, {"content-length", "2"}}, true); }},
    BrokenResponse{"content-length twice",
                   [](std::int32_t s) {
                     return headers_frame(s, {{":status", "200"}, {"content-length", "0"}, {"content-length", "0"}},
                                          true);
                   }},
    BrokenResponse{"a pseudo header in the trailers",
                   [](std::int32_t s) {
                     return joined({headers_frame(s, {{":status", "200"}}, false), data_frame(s, "body", false),
                                    headers_frame(s, {{":status", "200"}}, true)});
                   }},
    BrokenResponse{"trailers that do not end the stream",
                   [](std::int32_t s) {
                     return joined({headers_frame(s, {{":status", "200"}}, false), data_frame(s, "body", false),
                                    headers_frame(s, {{"grpc-status", "0"}}, false)});
                   }},
};

}  // namespace

std::span<const BrokenResponse> broken_responses() { return kBroken; }

}  // namespace nightpost::support
