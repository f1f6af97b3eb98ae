// How commands speak: results to stdout as a table or as JSON, messages to stderr, one line each.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace nightpost::app {

/// The root README lists them.
enum ExitCode : int { kDone = 0, kNotAllWell = 1, kBadUsage = 2, kUnreachable = 3 };

/// The exit code that an error means to a script.
int exit_code_of(const Error& error) noexcept;
/// "nightpost: <detail>" on stderr; returns the exit code.
int say_error(const Error& error);
int say_error(std::string_view line, int exit_code);

/// One JSON value on one line of stdout. Invalid UTF-8 in it is replaced.
void print_json(const nlohmann::json& value);

/// Columns as wide as their widest cell, East Asian characters counted as two. Empty tables print `none`.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text(std::string_view none) const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns a text takes on a terminal.
std::size_t width_of(std::string_view utf8);
/// Cut or padded to exactly `columns`.
std::string fitted(std::string_view utf8, std::size_t columns);
/// Foreign text for a terminal: valid UTF-8, and nothing in it moves the cursor.
std::string printable(std::string_view text);
/// "1 device", "2 devices".
std::string counted(std::size_t count, std::string_view noun);
/// "2026-11-21 12:00:00" in UTC.
std::string shown_time(std::int64_t unix_ms);

}  // namespace nightpost::app
