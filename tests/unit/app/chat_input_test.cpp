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
                                                   {"/group @TGS#7", What::Group, "@TGS#7", 0},
                                                   {"/join book club", What::Join, "book club", 0},
                                                   {"/create Public  Book club ", What::Create, "Book club", 0},
                                                   {"/invite a b", What::Invite, "", 0},
                                                   {"/kick a", What::Kick, "", 0},
                                                   {"/invitations", What::Invitations, "", 0},
                                                   {"/agree book club", What::Agree, "book club", 0},
                                                   {"/decline g", What::Decline, "g", 0},
                                                   {"/members", What::Members, "", 0},
                                                   {"/leave", What::Leave, "", 0},
                                                   {"/call", What::Call, "", 0},
                                                   {"/call 20 mia", What::Call, "", 20},
                                                   {"/accept 7-3", What::Accept, "7-3", 0},
                                                   {"/reject 7-3", What::Reject, "7-3", 0},
                                                   {"/cancel 7-3", What::Cancel, "7-3", 0},
                                                   {"/calls", What::Calls, "", 0},
                                                   {"/help", What::Help, "", 0}}) {
    CAPTURE(row.line);
    const auto read = parse_chat_line(row.line);
    REQUIRE(read);
    CHECK(read->what == row.what);
    CHECK(read->argument == row.argument);
    CHECK(read->number == row.number);
  }
  for (const char* line : {"/",          "/ list",      "/List",      "/nothing",       "/open",        "/open  ",
                           "/recall",    "/recall a b", "/history x", "/history 0",     "/history -1",  "/history 1 2",
                           "/token",     "/token 5",    "/token x y", "/token 5 a b",   "/read vinson", "/quit now",
                           "/group",     "/join ",      "/create",    "/create Public", "/invite",      "/kick ",
                           "/members x", "/leave now",  "/accept",    "/cancel a b",    "/calls now"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_chat_line(line));
  }
  CHECK(parse_chat_line("/create Work A  b")->word == "Work");
  CHECK(parse_chat_line("/invite  a   b")->words == std::vector<std::string>{"a", "b"});
}

}  // namespace
}  // namespace nightpost::app
