#include "bench/im/rest_book.h"

#include <catch2/catch.hpp>
#include <functional>
#include <stdexcept>

namespace nightpost::bench {
namespace {

/// Four messages in two conversations, all answered: 0 and 2, 1 and 3.
RestBook answered_book() {
  RestBook book(2);
  for (const char* key : {"k0", "k1", "k2", "k3"}) book.answered(book.send(), key);
  return book;
}

TEST_CASE("rest book: history has every answered message once", "[bench]") {
  RestBook book = answered_book();
  CHECK(book.sent() == 4);
  book.in_history(0, 2, "k2");  // from the newest on
  book.in_history(0, 0, "k0");
  book.in_history(1, 3, "k3");
  book.in_history(1, 1, "k1");
  CHECK_NOTHROW(book.close());
}

TEST_CASE("rest book: what must not be is refused", "[bench]") {
  struct Row {
    const char* name;
    std::function<void(RestBook&)> act;
  };
  const Row row = GENERATE(values<Row>({
      {"an answer to nothing", [](RestBook& book) { book.answered(4, "k4"); }},
      {"a second answer", [](RestBook& book) { book.answered(0, "k0"); }},
      {"an answer without a key", [](RestBook& book) { book.answered(book.send(), ""); }},
      {"never sent", [](RestBook& book) { book.in_history(0, 4, "k4"); }},
      {"a text without a number", [](RestBook& book) { book.in_history(0, SIZE_MAX, "k0"); }},
      {"of another conversation", [](RestBook& book) { book.in_history(1, 0, "k0"); }},
      {"another key", [](RestBook& book) { book.in_history(0, 0, "k2"); }},
      {"doubled",
       [](RestBook& book) {
         book.in_history(0, 0, "k0");
         book.in_history(0, 0, "k0");
       }},
      {"not answered, and there",
       [](RestBook& book) {
         const std::size_t number = book.send();
         book.in_history(book.pair_of(number), number, "k4");
       }},
      {"nothing is there", [](RestBook& book) { book.close(); }},
      {"one is lost",
       [](RestBook& book) {
         for (const std::size_t number : {0, 1, 3})
           book.in_history(book.pair_of(number), number, "k" + std::to_string(number));
         book.close();
       }},
      {"the last one is lost",
       [](RestBook& book) {
         for (const std::size_t number : {0, 1, 2})
           book.in_history(book.pair_of(number), number, "k" + std::to_string(number));
         book.close();
       }},
      {"one is not answered",
       [](RestBook& book) {
         for (const std::size_t number : {0, 1, 2, 3})
           book.in_history(book.pair_of(number), number, "k" + std::to_string(number));
         book.send();
         book.close();
       }},
  }));
  CAPTURE(row.name);
  RestBook book = answered_book();
  CHECK_THROWS_AS(row.act(book), std::runtime_error);
}

}  // namespace
}  // namespace nightpost::bench
