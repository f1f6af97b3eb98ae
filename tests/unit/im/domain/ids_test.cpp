#include "im/domain/ids.h"

#include <catch2/catch.hpp>

namespace nightpost::im {
namespace {

TEST_CASE("ids: a message's id reads back as it was written, and nothing else reads", "[im][domain]") {
  CHECK(text_of({ConvId{144115}, Seq{7}}) == "144115-7");
  CHECK(message_id_from("144115-7") == MessageId{ConvId{144115}, Seq{7}});
  CHECK(message_id_from("9223372036854775807-1") == MessageId{ConvId{9223372036854775807}, Seq{1}});
  for (const char* text : {"", "-", "1-", "-1", "0-1", "1-0", "01-1", "1-01", "1--1", "1-1-1", "1 -1", " 1-1", "1-1 ",
                           "+1-1", "a-1", "1-b", "1", "9223372036854775808-1", "1-99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(message_id_from(text));
  }
}

}  // namespace
}  // namespace nightpost::im
