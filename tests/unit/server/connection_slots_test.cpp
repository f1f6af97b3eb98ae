// Who gets a connection, and who goes for it: tables.
#include "server/connection_slots.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::server {
namespace {

using boost::asio::ip::make_address;

ConnectionSlots::Limits limits(std::size_t all, std::size_t each, std::size_t reserved = 0) {
  return {.connections_max = all,
          .connections_per_address_max = each,
          .connections_reserved = reserved,
          .reserved_addresses = {*AddressRange::parse("127.0.0.0/8")}};
}

/// Slots with the connections that hold them; who is evicted goes.
struct Listener {
  explicit Listener(ConnectionSlots::Limits its) : slots(std::move(its)) {}

  /// "" (let in), "-3" (let in for 3), or the refusal.
  std::string open(std::uint64_t id, const std::string& address, bool serving = false, bool idle = false) {
    const auto holder = slots.holder_of(make_address(address));
    const auto decision = slots.admit(holder, [&] { return held; });
    if (decision.refused) return std::string(name_of(*decision.refused));
    if (decision.evict) close(*decision.evict);
    held.push_back({.id = id,
                    .holder = holder,
                    .serving = serving,
                    .idle = idle,
                    .since = MonoTime(seconds(static_cast<std::int64_t>(id)))});
    return decision.evict ? "-" + std::to_string(*decision.evict) : "";
  }
  void close(std::uint64_t id) {
    const auto found = std::ranges::find(held, id, &ConnectionSlots::Candidate::id);
    REQUIRE(found != held.end());
    slots.release(found->holder);
    held.erase(found);
  }

  ConnectionSlots slots;
  std::vector<ConnectionSlots::Candidate> held;
};

TEST_CASE("connection slots: the oldest unfinished goes, half-sent before idle", "[server][slots]") {
  Listener at(limits(3, 3));
  CHECK(at.open(1, "192.0.2.1", false, true).empty());
  CHECK(at.open(2, "192.0.2.2").empty());
  CHECK(at.open(3, "192.0.2.3").empty());
  CHECK(at.open(4, "192.0.2.4", true) == "-2");
  CHECK(at.open(5, "192.0.2.5", true) == "-3");
  CHECK(at.open(6, "192.0.2.6", true) == "-1");
  CHECK(at.open(7, "192.0.2.7") == "full");
  CHECK(at.slots.open() == 3);
  at.close(5);
  CHECK(at.open(8, "192.0.2.7").empty());
}

TEST_CASE("connection slots: an address beyond its share pays itself", "[server][slots]") {
  Listener at(limits(10, 2));
  CHECK(at.open(1, "192.0.2.9").empty());
  CHECK(at.open(2, "192.0.2.1").empty());
  CHECK(at.open(3, "192.0.2.1").empty());
  CHECK(at.open(4, "192.0.2.1", true) == "-2");
  CHECK(at.open(5, "192.0.2.1", true) == "-3");
  CHECK(at.open(6, "192.0.2.1") == "address_full");
  CHECK(at.open(7, "192.0.2.2").empty());
  CHECK(at.slots.open() == 4);
}

TEST_CASE("connection slots: an IPv6 host cannot change its address to get more", "[server][slots]") {
  Listener at(limits(10, 1));
  CHECK(at.open(1, "2001:db8:0:1::1", true).empty());
  CHECK(at.open(2, "2001:db8:0:1:ffff::2") == "address_full");
  CHECK(at.open(3, "2001:db8:0:2::1").empty());
  CHECK(at.open(4, "192.0.2.1", true).empty());
  CHECK(at.open(5, "::ffff:192.0.2.1") == "address_full");
  CHECK(at.open(6, "::ffff:192.0.2.2").empty());
}

TEST_CASE("connection slots: strangers never hold the reserved ones", "[server][slots]") {
  Listener at(limits(4, 4, 2));
  CHECK(at.open(1, "192.0.2.1", true).empty());
  CHECK(at.open(2, "192.0.2.2", true).empty());
  CHECK(at.open(3, "192.0.2.3") == "full");
  CHECK(at.open(4, "127.0.0.1").empty());
  CHECK(at.open(5, "127.0.0.1").empty());
  CHECK(at.open(6, "192.0.2.3") == "full");      // a stranger closes no reserved one
  CHECK(at.open(7, "127.0.0.2", true) == "-4");  // all strangers are at work: the own oldest goes
  CHECK(at.open(8, "127.0.0.2", true) == "-5");
  CHECK(at.open(9, "127.0.0.2") == "full");
}

TEST_CASE("connection slots: a reserved address takes a stranger's slot first", "[server][slots]") {
  Listener at(limits(3, 3, 1));
  CHECK(at.open(1, "127.0.0.1").empty());
  CHECK(at.open(2, "192.0.2.1").empty());
  CHECK(at.open(3, "192.0.2.2").empty());
  CHECK(at.open(4, "127.0.0.1") == "-2");
  CHECK(at.open(5, "127.0.0.1") == "-3");
  CHECK(at.open(6, "192.0.2.1") == "full");  // no stranger's slot is left to take
}

TEST_CASE("address range: what it holds, and what is none", "[server][slots]") {
  struct Row {
    const char* range;
    const char* address;
    bool in;
  };
  const Row row = GENERATE(values<Row>({{"10.0.0.0/8", "10.255.1.2", true},
                                        {"10.0.0.0/8", "11.0.0.0", false},
                                        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
                                        {"10.128.0.0/9", "10.127.255.255", false},
                                        {"10.1.2.3", "10.1.2.3", true},
                                        {"10.1.2.3", "10.1.2.2", false},
                                        {"0.0.0.0/0", "1.2.3.4", true},
                                        {"0.0.0.0/0", "2001:db8::1", false},
                                        {"::1", "::1", true},
                                        {"::1", "::2", false},
                                        {"fd00::/8", "fdff::1", true},
                                        {"fd00::/8", "fe00::1", false},
                                        {"::/0", "2001:db8::1", true}}));
  CAPTURE(row.range, row.address);
  const auto range = AddressRange::parse(row.range);
  REQUIRE(range.has_value());
  CHECK(range->contains(bytes_of(make_address(row.address))) == row.in);
  for (const char* wrong :
       {"", "/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/", "10.0.0", "host", "::/129"}) {
    CAPTURE(wrong);
    CHECK_FALSE(AddressRange::parse(wrong).has_value());
  }
}

}  // namespace
}  // namespace nightpost::server
