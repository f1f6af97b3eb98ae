// The calls of the page, as it has them.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

/// What the shell makes of a quoted argument with `'"$(text 'words')"'` in it.
std::string unquoted(std::string argument) {
  constexpr std::string_view kOpen = "'\"$(text '", kClose = "')\"'";
  for (std::size_t at; (at = argument.find(kOpen)) != argument.npos;) {
    const std::size_t words = at + kOpen.size(), end = argument.find(kClose, words);
    REQUIRE(end != argument.npos);
    argument.replace(at, end + kClose.size() - at, text_body(argument.substr(words, end - words)).dump());
  }
  REQUIRE(argument.find('\'', 1) == argument.size() - 1);
  return argument.substr(1, argument.size() - 2);
}

TEST_CASE("rest: what the page does by curl works, call by call", "[im][rest][commands]") {
  RestBed bed;
  bed.open_api(bed.service.get());
  std::ifstream file(NIGHTPOST_SOURCE_DIR "/src/im/README.md");
  std::string comments;
  std::size_t calls = 0;
  for (std::string line; std::getline(file, line);) {
    if (const std::size_t at = line.find(" # "); at != line.npos && !line.starts_with("|")) comments += line.substr(at);
    if (!line.starts_with("im ")) continue;
    CAPTURE(line);
    const std::size_t command = 3, body = line.find(' ', command) + 1, end = line.rfind('\'') + 1;
    REQUIRE((body > command && end > body));
    bed.done(line.substr(command, body - 1 - command), Json::parse(unquoted(line.substr(body, end - body))));
    bed.clock.pass(milliseconds(1'000));
    ++calls;
  }
  CHECK(calls > 15);
  // Each thing that a business server wants is one of these calls.
  for (const char* wish :
       {"genSig", "registerUser", "updateUser", "kickUser", "loginQuery", "batchSendMessage", "batchSendMessageOffline",
        "addOrgFriends", "deleteOrgFriends", "addFriend", "deleteFriend", "getOrCreateEntityQun", "joinQun", "quitQun",
        "sendQunMessage", "sendQunMessageOffline", "sendQunNotice"}) {
    CAPTURE(wish);
    CHECK(comments.contains(wish));
  }
}

}  // namespace
}  // namespace nightpost::im
