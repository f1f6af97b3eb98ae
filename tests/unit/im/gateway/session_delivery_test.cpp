// What a session delivers, and what acknowledging it means.
#include <catch2/catch.hpp>

#include "session_rig.h"

namespace nightpost::im {
namespace {

using Rig = fake::SessionRig;
using fake::kHello;
using fake::login_reply;
using fake::new_message;
using fake::Words;

TEST_CASE("session: what is delivered is numbered, acknowledged and moves the cursor", "[im][session]") {
  Rig rig;
  rig.log_in(10);
  rig.deliver(11);
  rig.deliver(12);
  rig.deliver(new_message("denny", 13, "[]", "phone"));  // its own: the answer says it
  rig.deliver(new_message("denny", 14, "[]", "tablet"));
  CHECK(rig.heard() == Words{"deliver 1 11", "deliver 2 12", "deliver 3 14"});
  rig.ack(2);
  CHECK(rig.told() == Words{"acknowledged 12"});
  rig.ack(1);
  rig.ack(2);
  CHECK(rig.told().empty());
  rig.ack(3);
  CHECK(rig.service.acks == std::vector<Ver>{Ver{12}, Ver{14}});
  rig.ack(4);
  CHECK(rig.heard() == Words{"res 0 6017"});
  rig.ack_ver(15);
  CHECK(rig.heard() == Words{"res 0 6017"});
  CHECK(rig.last["why"] == "ver: the last was 14");
  rig.deliver(new_message("denny", 0));  // online-only
  CHECK(rig.heard() == Words{"deliver 4 0"});
  rig.ack(4);
  CHECK(rig.service.acks.size() == 2);
  CHECK(rig.session->acknowledged() == Ver{14});
}

TEST_CASE("session: a login amid traffic: each message once, none lost, none overtakes", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  rig.deliver(8);  // committed before the login was
  rig.deliver(9);
  rig.deliver(10);  // behind it, in the same batch
  rig.deliver(11);
  CHECK(rig.heard().empty());
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 9));
  rig.deliver(12);
  CHECK(rig.heard() == Words{"welcome 9", "deliver 1 10", "deliver 2 11", "deliver 3 12"});

  // Acknowledged frames do not move the cursor over what a sync has not brought yet.
  rig.told();
  rig.ack(3);
  CHECK(rig.told().empty());
  CHECK(rig.service.acks.empty());
  rig.ask(1, "sync", R"({"ver":4})");
  SyncReply reply;
  reply.ver = Ver{6};
  reply.more = true;
  rig.service.pop(rig.service.syncs).second(reply);
  rig.ack_ver(6);
  CHECK(rig.told() == Words{"acknowledged 6"});
  rig.ask(2, "sync", R"({"ver":6})");
  reply.ver = Ver{11};
  reply.more = false;
  rig.service.pop(rig.service.syncs).second(reply);
  rig.ack_ver(11);
  CHECK(rig.told() == Words{"acknowledged 12"});
  rig.deliver(13);
  rig.ack(4);
  CHECK(rig.service.acks.back() == Ver{13});
}

TEST_CASE("session: more than is held during a login leaves the client behind", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  for (int ver = 10; ver < 10 + 66; ++ver) rig.deliver(ver);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 9));
  const Words heard = rig.heard();
  REQUIRE(heard.size() == 66);
  CHECK(heard[1] == "deliver 1 10");
  CHECK(heard[64] == "deliver 64 73");
  CHECK(heard[65] == "behind 75");
  rig.deliver(76);
  CHECK(rig.heard().empty());
}

TEST_CASE("session: an unacknowledged client hears behind once, and a sync that has it all puts it on",
          "[im][session]") {
  Rig rig;
  rig.log_in(100);
  for (int ver = 101; ver <= 170; ++ver) rig.deliver(ver);
  rig.deliver(new_message("denny", 0));
  Words heard = rig.heard();
  REQUIRE(heard.size() == 65);
  CHECK(heard.back() == "behind 165");
  CHECK(rig.metrics.behind.read() == 1);
  rig.ack(64);
  CHECK(rig.told() == Words{"acknowledged 164"});
  rig.deliver(171);
  CHECK(rig.heard().empty());

  SyncReply reply;
  reply.ver = Ver{140};
  reply.more = true;
  rig.ask(1, "sync", R"({"ver":100})");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  CHECK(rig.last["body"]["more"] == true);
  // A sync that read before the last of what was dropped.
  reply.ver = Ver{170};
  reply.more = false;
  rig.ask(2, "sync", R"({"ver":140})");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  CHECK(rig.last["body"]["more"] == true);
  rig.deliver(172);
  reply.ver = Ver{173};  // which is delivered only after it
  rig.ask(3, "sync", R"({"ver":170})");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  CHECK(rig.last["body"]["more"] == false);
  rig.deliver(173);
  rig.deliver(174);
  CHECK(rig.heard() == Words{"deliver 65 174"});
  rig.ack(65);
  CHECK(rig.session->acknowledged() == Ver{164});  // not over what the sync brought
  rig.ack_ver(173);
  CHECK(rig.session->acknowledged() == Ver{174});
}

TEST_CASE("session: a sync without acknowledgements leads to behind again", "[im][session]") {
  Rig rig;
  rig.log_in(100);
  for (int ver = 101; ver <= 165; ++ver) rig.deliver(ver);
  SyncReply reply;
  reply.ver = Ver{165};
  rig.ask(1, "sync");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  rig.deliver(166);
  CHECK(rig.heard() == Words{"behind 166"});
}

TEST_CASE("session: bytes that are not acknowledged are bounded too", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  for (int ver = 1; ver <= 5; ++ver) rig.deliver(new_message("denny", ver, "[\"" + std::string(60'000, 'x') + "\"]"));
  CHECK(rig.heard() == Words{"deliver 1 1", "deliver 2 2", "deliver 3 3", "deliver 4 4", "behind 5"});
}

TEST_CASE("session: who does not acknowledge for 10 s is away until he does", "[im][session]") {
  Rig rig;
  rig.log_in(10);
  SECTION("a frame") {
    rig.deliver(11);
    rig.pass(seconds(5));
    rig.deliver(12);
    rig.pass(milliseconds(4'999));
    CHECK(rig.told().empty());
    rig.pass(milliseconds(1));
    CHECK(rig.told() == Words{"away"});
    CHECK_FALSE(rig.session->foreground());
    CHECK(rig.session->is_online());
    CHECK(rig.metrics.overdue.read() == 1);
    rig.pass(seconds(5));
    CHECK(rig.told().empty());  // said once
    rig.ack(1);
    CHECK(rig.told() == Words{"acknowledged 11"});  // the second frame is late too
    rig.ack(2);
    CHECK(rig.told() == Words{"acknowledged 12", "foreground"});
  }
  SECTION("in time") {
    rig.deliver(11);
    rig.pass(milliseconds(9'999));
    rig.ack(1);
    rig.pass(seconds(1));
    CHECK(rig.told() == Words{"acknowledged 11"});
  }
  SECTION("what was dropped") {
    for (int ver = 11; ver <= 75; ++ver) rig.deliver(ver);
    rig.ack(64);
    rig.told();
    rig.pass(milliseconds(9'999));
    CHECK(rig.told().empty());
    SyncReply reply;
    reply.ver = Ver{75};
    rig.ask(1, "sync");
    rig.service.pop(rig.service.syncs).second(reply);
    rig.pass(milliseconds(1));
    CHECK(rig.told() == Words{"away"});  // the sync's answer itself is no acknowledgement
    rig.ack_ver(75);
    CHECK(rig.told() == Words{"acknowledged 75", "foreground"});
  }
  SECTION("in the background nobody waits") {
    rig.ask(1, "state", R"({"foreground":false})");
    CHECK(rig.told().empty());
    rig.service.pop(rig.service.plain)(Answer<void>{});
    CHECK(rig.told() == Words{"away"});
    rig.deliver(11);
    CHECK(rig.heard() == Words{"res 1 0", "deliver 1 11"});
    rig.pass(seconds(11));
    CHECK(rig.told().empty());
    rig.ack(1);
    rig.ask(2, "state", R"({"foreground":true})");
    CHECK(rig.told() == Words{"acknowledged 11", "foreground"});
    rig.session->input_ended();
    CHECK(rig.told() == Words{"left foreground"});
  }
  SECTION("a background that the service refused is still one") {
    rig.ask(1, "state", R"({"foreground":false})");
    rig.service.pop(rig.service.plain)(refuse(Code::Busy, "full"));
    CHECK(rig.told().empty());
  }
}

TEST_CASE("session: a client that never says its ver after the login is away after 10 s", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 9));
  rig.told();
  rig.pass(milliseconds(9'999));
  CHECK(rig.told().empty());
  rig.pass(milliseconds(1));
  CHECK(rig.told() == Words{"away"});
  rig.ack_ver(9);
  CHECK(rig.told() == Words{"acknowledged 9", "foreground"});
}

}  // namespace
}  // namespace nightpost::im
