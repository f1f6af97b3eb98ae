#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "app/line_reader.h"

namespace nightpost::app {
namespace {

class File {
 public:
  explicit File(const std::string& text) {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    std::ofstream(path(), std::ios::binary) << text;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::filesystem::remove_all(folder_); }
  std::string folder() const { return folder_; }
  std::string path() const { return folder_ + "/lines"; }

 private:
  std::string folder_ = "/tmp/nightpost-lines-XXXXXX";
};

const auto kNever = [] { return false; };

/// "number:text", or "number!" where it is too long.
std::vector<std::string> lines_of(const std::string& text, std::size_t bytes_max = 10) {
  const File file(text);
  auto reader = LineReader::open(file.path(), bytes_max, kNever);
  REQUIRE(reader);
  std::vector<std::string> out;
  for (;;) {
    const auto line = reader->next();
    REQUIRE(line);
    if (!*line) break;
    out.push_back(std::to_string((*line)->number) + ((*line)->too_long ? "!" : ":") + std::string((*line)->text));
  }
  CHECK(reader->bytes_read() == text.size());
  CHECK_FALSE(reader->next()->has_value());
  return out;
}

TEST_CASE("line reader: lines", "[app][import]") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of("") == Lines{});
  CHECK(lines_of("\n") == Lines{"1:"});
  CHECK(lines_of("a\nb") == Lines{"1:a", "2:b"});
  CHECK(lines_of("a\n\nb\n") == Lines{"1:a", "2:", "3:b"});
  CHECK(lines_of("a\r\nb\r\n") == Lines{"1:a", "2:b"});
  CHECK(lines_of("\xef\xbb\xbf{}\n\xef\xbb\xbf\n") == Lines{"1:{}", "2:\xef\xbb\xbf"});  // only at the beginning
  CHECK(lines_of(std::string("a\0b\n", 4)) == Lines{std::string("1:a\0b", 5)});
  CHECK(lines_of("0123456789\nb") == Lines{"1:0123456789", "2:b"});
  CHECK(lines_of("0123456789x\nb") == Lines{"1!", "2:b"});
  CHECK(lines_of("a\n0123456789x") == Lines{"1:a", "2!"});
}

TEST_CASE("line reader: a line of any length costs no memory, and the next one is whole", "[app][import]") {
  const std::string huge(3'000'000, 'x');
  CHECK(lines_of("a\n" + huge + "\nb\n" + huge + "\n" + huge) ==
        std::vector<std::string>{"1:a", "2!", "3:b", "4!", "5!"});
}

TEST_CASE("line reader: lines stand across the reads' bounds", "[app][import]") {
  std::string text;
  std::vector<std::string> expected;
  for (std::size_t i = 1; text.size() < 1'000'000; ++i) {
    const std::string line(i % 1'000, static_cast<char>('a' + i % 26));
    text += line + "\n";
    expected.push_back(std::to_string(i) + ":" + line);
  }
  CHECK(lines_of(text, 1'000) == expected);
}

TEST_CASE("line reader: stops when it is told to, with whole lines only", "[app][import]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string text = "one\ntwo\nhal";
  REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  int asked = 0;
  auto reader =
      LineReader::open("/dev/fd/" + std::to_string(ends[0]), 10, [&] { return ++asked > 2; });  // the pipe stays open
  REQUIRE(reader);
  CHECK(reader->next()->value().text == "one");
  CHECK(reader->next()->value().text == "two");
  CHECK_FALSE(reader->next()->has_value());
  CHECK(reader->bytes_read() == 8);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("line reader: what cannot be read", "[app][import]") {
  const File file("");
  const auto none = LineReader::open(file.path() + "-none", 10, kNever);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::Malformed);
  CHECK(none.error().detail.contains("-none: cannot be read"));
  auto folder = LineReader::open(file.folder(), 10, kNever);
  REQUIRE(folder);
  const auto line = folder->next();
  REQUIRE_FALSE(line);
  CHECK(line.error().code == Errc::Io);
}

}  // namespace
}  // namespace nightpost::app
