#include "admin/static_files.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <string>
#include <string_view>

using namespace nightpost;
using admin::StaticFile;

namespace {

std::string_view ending_of(std::string_view path) { return path.substr(std::min(path.rfind('.'), path.size())); }

}  // namespace

TEST_CASE("admin: the page's files are built in, sorted, each with its type and a tag of its own", "[admin][page]") {
  const auto files = admin::static_files();
  REQUIRE(files.size() > 20);
  CHECK(std::ranges::is_sorted(files, {}, &StaticFile::path));
  for (const StaticFile& file : files) {
    CAPTURE(file.path);
    CHECK(file.path.starts_with('/'));
    const std::string_view ending = ending_of(file.path);
    CHECK(file.type == (ending == ".html"  ? "text/html; charset=utf-8"
                        : ending == ".css" ? "text/css; charset=utf-8"
                        : ending == ".svg" ? "image/svg+xml"
                                           : "text/javascript; charset=utf-8"));
    CHECK(file.etag.size() == 34);
    CHECK((file.etag.starts_with('"') && file.etag.ends_with('"')));
    CHECK_FALSE(file.bytes.empty());
    CHECK(file.bytes.find('\0') == std::string_view::npos);
    CHECK(std::ranges::count(files, file.etag, &StaticFile::etag) == 1);
  }
  const auto index = std::ranges::find(files, "/index.html", &StaticFile::path);
  REQUIRE(index != files.end());
  CHECK(index->bytes.starts_with("<!doctype html>"));
  CHECK(index->bytes.ends_with("</html>\n"));
}

/// What the page says of addresses ("https://host") names no host.
constexpr std::string_view kHostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

TEST_CASE("admin: nothing of the page is inline or from another host", "[admin][page]") {
  for (const StaticFile& file : admin::static_files()) {
    CAPTURE(file.path);
    for (std::size_t at = file.bytes.find("http"); at != std::string_view::npos; at = file.bytes.find("http", at + 4)) {
      const std::string_view rest = file.bytes.substr(at, 40);
      const std::size_t scheme = rest.starts_with("http://") ? 7 : rest.starts_with("https://") ? 8 : rest.size();
      const std::string_view host = rest.substr(scheme, rest.find_first_not_of(kHostLetters, scheme) - scheme);
      CAPTURE(rest);
      CHECK((!host.contains('.') || host == "www.w3.org"));  // a namespace, which nobody fetches
    }
    if (ending_of(file.path) != ".html") continue;
    CHECK_FALSE(file.bytes.contains("<style"));
    CHECK_FALSE(file.bytes.contains(" style="));
    CHECK_FALSE(file.bytes.contains("onload="));
    for (std::size_t at = file.bytes.find("<script"); at != std::string_view::npos;
         at = file.bytes.find("<script", at + 1))
      CHECK(file.bytes.substr(at, file.bytes.find('>', at) - at).contains(" src=\"/"));
  }
}
