#include "bench/im/book.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace nightpost::bench {
namespace {

struct Came {
  std::int64_t number;
  std::string id;
};

Book book_after(std::int64_t sent, const std::vector<Came>& came) {
  Book book;
  for (std::int64_t i = 0; i < sent; ++i) book.send();
  for (const Came& each : came) book.came(each.number, each.id);
  return book;
}

TEST_CASE("book: each message once, in order", "[bench]") {
  const Book book = book_after(3, {{1, "77-1"}, {2, "77-2"}});
  CHECK(book.sent() == 3);
  CHECK(book.arrived() == 2);
}

TEST_CASE("book: what a load must not meet is refused", "[bench]") {
  struct Row {
    const char* name;
    std::vector<Came> came;
  };
  const Row row = GENERATE(values<Row>({
      {"doubled", {{1, "77-1"}, {1, "77-1"}}},
      {"an older one behind a newer", {{1, "77-1"}, {2, "77-2"}, {1, "77-1"}}},
      {"one is lost before it", {{2, "77-2"}}},
      {"never sent", {{1, "77-1"}, {2, "77-2"}, {3, "77-3"}, {4, "77-4"}}},
      {"no number", {{0, "77-0"}}},
      {"a seq that jumps", {{1, "77-2"}}},
      {"of another conversation", {{1, "77-1"}, {2, "78-2"}}},
      {"no id", {{1, ""}}},
      {"an id without a seq", {{1, "77"}}},
  }));
  CAPTURE(row.name);
  CHECK_THROWS_AS(book_after(3, row.came), std::runtime_error);
}

}  // namespace
}  // namespace nightpost::bench
