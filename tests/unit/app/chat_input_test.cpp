#include "app/chat_input.h"

#include <catch2/catch.hpp>

namespace nightpost::app {
namespace {

TEST_CASE("chat_input: what is typed", "[app][chat]") {
  using What = ChatLine::What;
  struct Row {
    std::string_view line;
    What what;
    std::string_view argument;
    std::int64_t number;
  };
  for (const Row& row : std::initializer_list<Row>{{"", What::Nothing, "", 0},
                                                   {"  \t", What::Nothing, "", 0},
                                                   {" hi ", What::Text, " hi ", 0},
                                                   {"//list", What::Text, "/list", 0},
                                                   {"/list", What::List, "", 0},
                                                   {"/list  ", What::List, "", 0},
                                                   {"/open a b", What::Open, "a b", 0},
                                                   {"/history 7", What::History, "", 7},
                                                   {"/recall 1-2", What::Recall, "1-2", 0},
                                                   {"/token\t5  abc", What::Token, "abc", 5},
                                                   {"/help", What::Help, "", 0}}) {
    CAPTURE(row.line);
    const auto read = parse_chat_line(row.line);
    REQUIRE(read);
    CHECK(read->what == row.what);
    CHECK(read->argument == row.argument);
    CHECK(read->number == row.number);
  }
  for (const char* line : {"/", "/ list", "/List", "/nothing", "/open", "/open  ", "/recall", "/recall a b",
                           "/history x", "/history 0", "/history -1", "/history 1 2", "/token", "/token 5",
                           "/token x y", "/token 5 a b", "/read vinson", "/quit now"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_chat_line(line));
  }
}

}  // namespace
}  // namespace nightpost::app
