#include "app/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace nightpost::app {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr int kLookUpMs = 250;  // how long a silent pipe keeps us from asking whether to stop
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

LineReader::LineReader(std::string name, std::size_t line_bytes_max, std::function<bool()> stopped)
    : name_(std::move(name)), line_bytes_max_(line_bytes_max), stopped_(std::move(stopped)) {
  buffer_.resize(line_bytes_max_ + kReadBytes);
}

Result<LineReader> LineReader::open(const std::string& path, std::size_t line_bytes_max,
                                    std::function<bool()> stopped) {
  LineReader out(path == "-" ? "stdin" : path, line_bytes_max, std::move(stopped));
  if (path == "-") return out;
  out.file_.reset(std::fopen(path.c_str(), "rbe"));
  if (!out.file_) return fail(Errc::Malformed, path + ": cannot be read: " + std::strerror(errno));
  return out;
}

Result<bool> LineReader::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const int fd = file_ ? ::fileno(file_.get()) : STDIN_FILENO;
  for (;;) {
    if (stopped_()) return false;
    pollfd ready{fd, POLLIN, 0};
    const int polled = ::poll(&ready, 1, kLookUpMs);
    if (polled == 0 || (polled < 0 && errno == EINTR)) continue;
    const ssize_t got = polled < 0 ? -1 : ::read(fd, buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::Io, name_ + ": cannot be read: " + std::strerror(errno));
    end_ += static_cast<std::size_t>(got);
    read_ += static_cast<std::uint64_t>(got);
    return got > 0;
  }
}

LineReader::Line LineReader::line(std::size_t length) {
  Line out{.number = ++number_, .text = std::string_view(buffer_).substr(begin_, length), .too_long = false};
  if (out.text.ends_with('\r')) out.text.remove_suffix(1);
  if (number_ == 1 && out.text.starts_with(kByteOrderMark)) out.text.remove_prefix(kByteOrderMark.size());
  if (passing_over_ || length > line_bytes_max_) {
    out.text = {};
    out.too_long = true;
  }
  passing_over_ = false;
  return out;
}

Result<std::optional<LineReader::Line>> LineReader::next() {
  for (std::size_t looked_at = 0;;) {
    const char* const from = buffer_.data() + begin_ + looked_at;
    const std::size_t behind = end_ - begin_ - looked_at;
    if (const void* found = std::memchr(from, '\n', behind); found != nullptr) {
      const std::size_t length = looked_at + static_cast<std::size_t>(static_cast<const char*>(found) - from);
      const Line out = line(length);
      begin_ += length + 1;
      return out;
    }
    if (end_ - begin_ > line_bytes_max_) {
      passing_over_ = true;
      begin_ = end_;
    }
    looked_at = end_ - begin_;
    const auto more = fill();
    if (!more) return std::unexpected(more.error());
    if (*more) continue;
    if (stopped_() || (looked_at == 0 && !passing_over_)) return std::nullopt;
    const Line out = line(looked_at);  // the last one, without a line break
    begin_ = end_;
    return out;
  }
}

}  // namespace nightpost::app
