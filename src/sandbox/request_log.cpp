#include "sandbox/request_log.h"

#include <utility>

#include "core/text.h"

namespace nightpost::sandbox {

void RequestLog::add(const server::ServerRequest& request, int status, std::string_view reason, std::string_view detail,
                     WallTime at, std::string_view shows) {
  if (limits_.requests_max == 0) return;
  Entry entry;
  if (entries_.size() >= limits_.requests_max) {
    entry = std::move(entries_.front());
    entries_.pop_front();
    bytes_ -= entry.text.size();
    entry.text.clear();
    entry.ends.clear();
  }
  const std::string_view body = std::string_view(request.body).substr(0, limits_.body_kept_max);
  std::size_t size =
      request.method.size() + request.target.size() + body.size() + reason.size() + detail.size() + shows.size();
  for (const auto& [name, value] : request.headers) size += name.size() + value.size();
  entry.text.reserve(size);
  entry.ends.reserve(2 * request.headers.size() + 6);
  const auto put = [&](std::string_view piece) {
    entry.text += piece;
    entry.ends.push_back(static_cast<std::uint32_t>(entry.text.size()));
  };
  put(request.method);
  put(request.target);
  for (const auto& [name, value] : request.headers) {
    put(name);
    put(value);
  }
  put(body);
  put(reason);
  put(detail);
  put(shows);
  entry.cut_from = body.size() < request.body.size() ? request.body.size() : 0;
  entry.connection = request.connection;
  entry.stream = request.stream;
  entry.status = status;
  entry.at = at;
  bytes_ += entry.text.size();
  entries_.push_back(std::move(entry));
  while (bytes_ > limits_.bytes_max) {
    bytes_ -= entries_.front().text.size();
    entries_.pop_front();
  }
}

void RequestLog::clear() {
  entries_.clear();
  bytes_ = 0;
}

void RequestLog::append(std::string& out, const Entry& entry) {
  std::size_t piece = 0;
  const auto next = [&] {
    const std::size_t start = piece == 0 ? 0 : entry.ends[piece - 1];
    return utf8_repaired(std::string_view(entry.text).substr(start, entry.ends[piece++] - start));
  };
  out += '{';
  append_json_member(out, "method", next());
  append_json_member(out, "path", next());
  out += ",\"headers\":[";
  while (piece + 4 < entry.ends.size()) {
    out += piece == 2 ? "[\"" : ",[\"";
    append_json_escaped(out, next());
    out += "\",\"";
    append_json_escaped(out, next());
    out += "\"]";
  }
  out += ']';
  append_json_member(out, "body", next());
  if (entry.cut_from > 0) append_json_member(out, "body_bytes", static_cast<std::int64_t>(entry.cut_from));
  out += ",\"verdict\":{";
  append_json_member(out, "status", entry.status);
  append_json_member(out, "reason", next());
  if (const std::string detail = next(); !detail.empty()) append_json_member(out, "detail", detail);
  out += '}';
  if (const std::string shows = next(); !shows.empty()) out.append(R"(,"shows":)").append(shows);
  append_json_member(out, "at", to_ms(entry.at));
  append_json_member(out, "connection", static_cast<std::int64_t>(entry.connection));
  append_json_member(out, "stream", entry.stream);
  out += '}';
}

std::string RequestLog::json() const {
  std::string out = "[";
  for (const Entry& entry : entries_) {
    if (out.size() > 1) out += ',';
    append(out, entry);
  }
  out += ']';
  return out;
}

}  // namespace nightpost::sandbox
