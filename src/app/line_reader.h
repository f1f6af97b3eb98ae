// The lines of a file or of stdin, numbered from 1, in bounded memory whatever their length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/c_handle.h"
#include "core/result.h"

namespace nightpost::app {

class LineReader {
 public:
  struct Line {
    std::uint64_t number = 0;
    std::string_view text;  // without its line break; valid until the next call of next()
    bool too_long = false;  // then `text` is empty
  };

  /// "-" is stdin. `stopped` is asked before each read and while a pipe is silent. Malformed: it cannot be opened.
  static Result<LineReader> open(const std::string& path, std::size_t line_bytes_max, std::function<bool()> stopped);

  /// nullopt: the end, or `stopped` said so. A byte order mark at the beginning is skipped. Io: it cannot be read.
  Result<std::optional<Line>> next();
  /// Of the file, as far as lines were handed out.
  std::uint64_t bytes_read() const noexcept { return read_ - (end_ - begin_); }

 private:
  LineReader(std::string name, std::size_t line_bytes_max, std::function<bool()> stopped);
  /// Reads more behind what is there. False: there is no more.
  Result<bool> fill();
  Line line(std::size_t length);

  Handle<std::FILE, std::fclose> file_;  // null: stdin, which stays open
  std::string name_;                     // for errors
  std::size_t line_bytes_max_;
  std::function<bool()> stopped_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what was read and not handed out
  std::uint64_t read_ = 0, number_ = 0;
  bool passing_over_ = false;  // inside of a line that is too long
};

}  // namespace nightpost::app
