#include "app/chat_screen.h"

#include <catch2/catch.hpp>

namespace nightpost::app {
namespace {

using nlohmann::json;

TEST_CASE("chat_screen: lines for a person, safe for his terminal", "[app][chat]") {
  CHECK(chat_text({{"event", "message"},
                   {"peer", "vinson"},
                   {"from", "vinson"},
                   {"nick", "Vin\x1b[2Json"},
                   {"time", 1'795'225'887'405},
                   {"text", "a\nb\x07"},
                   {"id", "5-1"},
                   {"own", false}}) == "01:51:27 Vin[2Json: a b   (5-1)\n");
  CHECK(
      chat_text({{"event", "failed"}, {"op", "send"}, {"code", 20007}, {"name", "blacklisted"}, {"why", "because"}}) ==
      "!! send: because [20007 blacklisted]\n");
  CHECK(chat_text({{"event", "offline"}, {"why", "lost"}, {"retry_in_ms", 1500}}) ==
        "-- offline: lost; again in 1.5 s\n");
  CHECK(chat_text({{"event", "offline"}, {"why", "lost"}}) == "-- offline: lost; given up\n");
  CHECK(chat_text({{"event", "history"},
                   {"more", true},
                   {"messages", {{{"seq", 4}, {"id", "5-4"}, {"from", "a"}, {"text", "x"}, {"time", 0}}}}}) ==
        "-- older ones: /history 4\n1970-01-01 00:00:00 a: x   (5-4)\n");
  CHECK(chat_text({{"event", "removed"}, {"peer", "vin"}, {"ids", {"5-4", "5-\n7"}}}) ==
        "-- vin: deleted by you: 5-4, 5- 7\n");
  CHECK(chat_text({{"event", "of the future"}}).empty());
  CHECK(chat_text(json::object()).empty());
}

}  // namespace
}  // namespace nightpost::app
