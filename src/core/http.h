// HTTP requests and responses as values. The origin belongs to the lane, not to the request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost {

/// How a header goes into HPACK's dynamic table (RFC 7541 §6.2). HTTP/1.1 ignores it.
enum class Indexing : std::uint8_t {
  Always,     // the same on most requests
  FirstOnly,  // name worth indexing, value not: indexed the first time on a connection, literal afterwards
  Never,      // secret or unique: literal, never indexed
};

struct Header {
  std::string_view name;  // REQUIRED: static storage, lower case
  std::string value;
  Indexing indexing = Indexing::Always;
};

struct HttpRequest {
  std::string_view method = "POST";  // static storage
  std::string path;                  // from "/" on, with the query; never indexed
  std::vector<Header> headers;
  std::string body;
};

struct HttpResponse {
  struct Field {
    std::string name;  // lower case
    std::string value;
  };
  int status = 0;
  std::vector<Field> headers;
  std::string body;  // at most the lane's response_bytes_max

  std::optional<std::string_view> header(std::string_view name) const noexcept {
    for (const Field& field : headers)
      if (field.name == name) return field.value;
    return std::nullopt;
  }
};

}  // namespace nightpost
