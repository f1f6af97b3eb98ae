#include "sandbox/request_log.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace nightpost::sandbox {
namespace {

constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// The words of `body` that begin with `mark`, each once, with blanks between.
std::string marks_in(std::string_view body, std::string_view mark) {
  std::string marks;
  for (std::size_t at = 0; (at = body.find(mark, at)) != body.npos;) {
    const std::size_t end = std::min(body.find_first_not_of(kWord, at), body.size());
    const std::string_view word = body.substr(at, end - at);
    at = std::max(end, at + 1);
    const std::string padded = ' ' + marks + ' ';
    if (padded.contains(' ' + std::string(word) + ' ')) continue;
    if (!marks.empty()) marks += ' ';
    marks += word;
  }
  return marks;
}

}  // namespace

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
  const bool marks_only = !limits_.mark.empty();
  const std::string marks = marks_only ? marks_in(request.body, limits_.mark) : std::string();
  const std::string_view body = marks_only ? marks : std::string_view(request.body).substr(0, limits_.body_kept_max);
  std::size_t size =
      request.method.size() + request.target.size() + body.size() + reason.size() + detail.size() + shows.size();
  if (!marks_only)
    for (const auto& [name, value] : request.headers) size += name.size() + value.size();
  entry.text.reserve(size);
  entry.ends.reserve(2 * request.headers.size() + 6);
  const auto put = [&](std::string_view piece) {
    entry.text += piece;
    entry.ends.push_back(static_cast<std::uint32_t>(entry.text.size()));
  };
  put(request.method);
  put(request.target);
  if (!marks_only)
    for (const auto& [name, value] : request.headers) {
      put(name);
      put(value);
    }
  put(body);
  put(reason);
  put(detail);
  put(shows);
  entry.cut_from = !marks_only && body.size() < request.body.size() ? request.body.size() : 0;
  entry.number = ++added_;
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

void RequestLog::append(std::string& out, const Entry& entry) const {
  std::size_t piece = 0;
  const auto next = [&] {
    const std::size_t start = piece == 0 ? 0 : entry.ends[piece - 1];
    return utf8_repaired(std::string_view(entry.text).substr(start, entry.ends[piece++] - start));
  };
  out += '{';
  append_json_member(out, "n", static_cast<std::int64_t>(entry.number));
  append_json_member(out, "method", next());
  append_json_member(out, "path", next());
  if (limits_.mark.empty()) {
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
  } else {
    out += ",\"marks\":[";
    std::string marks = next();
    for (std::size_t at = 0; !marks.empty() && (at = marks.find(' ', at)) != marks.npos; at += 3)
      marks.replace(at, 1, "\",\"");
    out += marks.empty() ? "]" : '"' + marks + "\"]";
  }
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

std::string RequestLog::json(std::uint64_t after) const {
  std::string out = "[";
  const auto first =
      std::ranges::upper_bound(entries_, after, std::ranges::less(), [](const Entry& entry) { return entry.number; });
  for (const Entry& entry : std::ranges::subrange(first, entries_.end())) {
    if (out.size() > 1) out += ',';
    append(out, entry);
  }
  out += ']';
  return out;
}

}  // namespace nightpost::sandbox
