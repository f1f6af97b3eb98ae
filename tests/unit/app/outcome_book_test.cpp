// Which outcomes end which of the companion's events.
#include "app/outcome_book.h"

#include <catch2/catch.hpp>
#include <set>

using namespace nightpost;
using namespace nightpost::app;

namespace {

using Tickets = std::vector<std::uint64_t>;
constexpr milliseconds kPatience{1'000};
const MonoTime kStart{seconds(100)};

/// Of bob's.
DeviceOutcome outcome(std::string event, std::string device, OutcomeKind kind, milliseconds wait = milliseconds(0)) {
  return {.event_id = std::move(event), .user_id = "bob", .device_id = std::move(device), .kind = kind, .wait = wait};
}
std::vector<NamedDevice> bobs(std::vector<std::string> devices) {
  std::vector<NamedDevice> all;
  for (std::string& device : devices) all.push_back({"bob", std::move(device)});
  return all;
}
void add(OutcomeBook& book, std::uint64_t ticket, std::string event, std::vector<std::string> devices) {
  book.add(ticket, {.event_id = event, .devices = bobs(std::move(devices))}, {.key = "k", .bytes = event + " bytes"},
           kStart);
}
std::vector<std::string> overdue(OutcomeBook& book, MonoTime now) {
  std::vector<std::string> all;
  for (const OutcomeBook::Event* event : book.overdue(now)) all.push_back(event->bytes);
  return all;
}

}  // namespace

TEST_CASE("outcome book: what is final", "[app][outcome_book]") {
  const std::set<std::string_view> final = {"accepted", "token_removed", "suppressed", "expired", "rejected", "dead"};
  for (std::size_t i = 0; i < static_cast<std::size_t>(OutcomeKind::Count); ++i) {
    const auto kind = static_cast<OutcomeKind>(i);
    CAPTURE(name_of(kind));
    CHECK(is_final(kind) == final.contains(name_of(kind)));
    OutcomeBook book(kPatience);
    add(book, 7, "1-1", {"phone"});
    CHECK(book.hear(outcome("1-1", "phone", kind), kStart) == (is_final(kind) ? Tickets{7} : Tickets{}));
    CHECK(book.size() == (is_final(kind) ? 0 : 1));
    CHECK(book.bytes() == (is_final(kind) ? 0 : 9));
    CHECK(book.at_work() == (is_final(kind) || kind == OutcomeKind::Retrying ? 0 : 1));
  }
}

TEST_CASE("outcome book: an event ends with the last of its devices, once", "[app][outcome_book]") {
  struct Row {
    const char* name;
    std::vector<DeviceOutcome> heard;
    std::vector<Tickets> over;  // after each
  };
  using K = OutcomeKind;
  // Ticket 1: event 1-1, phone and pad. Ticket 2: the same event, later, for the watch. Ticket 3: event 1-2, phone.
  const Row row = GENERATE(values<Row>({
      {"one of two", {outcome("1-1", "phone", K::Accepted)}, {{}}},
      {"both", {outcome("1-1", "phone", K::Accepted), outcome("1-1", "pad", K::Dead)}, {{}, {1}}},
      {"one twice", {outcome("1-1", "phone", K::Accepted), outcome("1-1", "phone", K::Accepted)}, {{}, {}}},
      {"again after the end",
       {outcome("1-1", "phone", K::Accepted), outcome("1-1", "pad", K::Accepted), outcome("1-1", "pad", K::Accepted)},
       {{}, {1}, {}}},
      {"put off, then final",
       {outcome("1-2", "phone", K::Retrying), outcome("1-2", "phone", K::Retrying),
        outcome("1-2", "phone", K::Expired)},
       {{}, {}, {3}}},
      {"put off after the end counts for nothing",
       {outcome("1-2", "phone", K::TokenRemoved), outcome("1-2", "phone", K::Retrying)},
       {{3}, {}}},
      {"a later event for another device", {outcome("1-1", "watch", K::Suppressed)}, {{2}}},
      {"another device", {outcome("1-2", "pad", K::Accepted)}, {{}}},
      {"another event", {outcome("1-3", "phone", K::Accepted)}, {{}}},
      {"no device", {outcome("1-2", "", K::Suppressed)}, {{}}},
      {"a receipt", {outcome("1-2", "phone", K::Delivered), outcome("1-2", "phone", K::Clicked)}, {{}, {}}},
  }));
  CAPTURE(row.name);
  OutcomeBook book(kPatience);
  add(book, 1, "1-1", {"phone", "pad"});
  add(book, 2, "1-1", {"watch"});
  add(book, 3, "1-2", {"phone"});
  std::size_t ended = 0;
  for (std::size_t i = 0; i < row.heard.size(); ++i) {
    CHECK(book.hear(row.heard[i], kStart) == row.over[i]);
    ended += row.over[i].size();
  }
  CHECK(book.size() == 3 - ended);
  CHECK(book.bytes() == 9 * (3 - ended));
}

TEST_CASE("outcome book: one that cannot be read is over for its devices alone", "[app][outcome_book]") {
  OutcomeBook book(kPatience);
  add(book, 1, "1-1", {"phone", "pad"});
  add(book, 2, "1-1", {"watch"});
  CHECK(book.give_up({.event_id = "1-2", .devices = bobs({"phone", "pad"})}).empty());
  CHECK(book.give_up({.event_id = "1-1", .devices = bobs({"phone"})}).empty());
  CHECK(book.give_up({.event_id = "1-1", .devices = bobs({"phone", "pad"})}) == Tickets{1});
  CHECK(book.size() == 1);
}

TEST_CASE("outcome book: published again where nothing is heard, each time later", "[app][outcome_book]") {
  OutcomeBook book(kPatience);
  add(book, 1, "1-1", {"phone"});
  add(book, 2, "1-2", {"phone"});
  CHECK(overdue(book, kStart + kPatience - milliseconds(1)).empty());
  // Put off by 3 s: nothing is due before twice that, and the patience.
  book.hear(outcome("1-2", "phone", OutcomeKind::Retrying, milliseconds(3'000)), kStart);
  CHECK(book.at_work() == 1);
  CHECK(overdue(book, kStart + kPatience) == std::vector<std::string>{"1-1 bytes"});
  CHECK(overdue(book, kStart + kPatience).empty());
  CHECK(overdue(book, kStart + 3 * kPatience - milliseconds(1)).empty());
  CHECK(overdue(book, kStart + 3 * kPatience) == std::vector<std::string>{"1-1 bytes"});
  CHECK(overdue(book, kStart + 7 * kPatience - milliseconds(1)).empty());
  CHECK(overdue(book, kStart + 7 * kPatience).size() == 2);
  CHECK(book.at_work() == 2);  // the dispatcher has both anew
  // An outcome of the lost one ends it still.
  CHECK(book.hear(outcome("1-1", "phone", OutcomeKind::Accepted), kStart + seconds(9)) == Tickets{1});
}

TEST_CASE("outcome book: a group's event ends with the last device of the last member", "[app][outcome_book]") {
  OutcomeBook book(kPatience);
  book.add(1, {.event_id = "5-1.0", .devices = {{"bob", "phone"}, {"mia", "phone"}}}, {.key = "k", .bytes = "x"},
           kStart);
  CHECK(book.hear({.event_id = "5-1.0", .user_id = "sam", .device_id = "phone", .kind = OutcomeKind::Accepted}, kStart)
            .empty());
  CHECK(book.hear({.event_id = "5-1.0", .user_id = "mia", .device_id = "phone", .kind = OutcomeKind::Retrying}, kStart)
            .empty());
  CHECK(book.at_work() == 1);
  CHECK(book.hear(outcome("5-1.0", "phone", OutcomeKind::Accepted), kStart).empty());
  CHECK(book.hear(outcome("5-1.0", "phone", OutcomeKind::Accepted), kStart).empty());  // bob's again: not mia's
  CHECK(book.at_work() == 0);
  CHECK(book.hear({.event_id = "5-1.0", .user_id = "mia", .device_id = "phone", .kind = OutcomeKind::Dead}, kStart) ==
        Tickets{1});
}

TEST_CASE("outcome book: whom an event names", "[app][outcome_book]") {
  const auto named = named_devices(
      R"({"event_id": "1-1", "to": [{"user_id": "bob", "devices": ["phone", "pa\\d"]}], "message": {"id": "x"}})");
  REQUIRE(named);
  CHECK(named->event_id == "1-1");
  CHECK(named->devices == bobs({"phone", "pa\\d"}));
  const auto group = named_devices(
      R"({"event_id": "5-1.0", "to": [{"user_id": "bob", "devices": ["phone"]}, {"user_id": "mia", "devices": ["phone", "pad"]}]})");
  REQUIRE(group);
  CHECK(group->devices == std::vector<NamedDevice>{{"bob", "phone"}, {"mia", "phone"}, {"mia", "pad"}});
  const char* const event =
      GENERATE("", "null", "[]", "{", R"({"event_id": "1-1"})", R"({"event_id": 1, "to": [{"devices": ["a"]}]})",
               R"({"event_id": "", "to": [{"devices": ["a"]}]})", R"({"event_id": "1-1", "to": []})",
               R"({"event_id": "1-1", "to": {"devices": ["a"]}})", R"({"event_id": "1-1", "to": ["a"]})",
               R"({"event_id": "1-1", "to": [{"user_id": "bob"}]})", R"({"event_id": "1-1", "to": [{"devices": []}]})",
               R"({"event_id": "1-1", "to": [{"devices": [1]}]})", R"({"event_id": "1-1", "to": [{"devices": "a"}]})",
               R"({"event_id": "1-1", "to": [{"devices": ["a"]}, {"devices": ["b"]}]})",
               R"({"event_id": "1-1", "to": [{"user_id": "bob", "devices": ["a"]}, {"user_id": "mia"}]})",
               R"({"event_id": "1-1", "to": [{"user_id": "bob", "devices": ["a"]}, 7]})");
  CAPTURE(event);
  CHECK_FALSE(named_devices(event));
}

TEST_CASE("outcome book: what an outcome says", "[app][outcome_book]") {
  const auto accepted =
      device_outcome(R"({"v":1,"event_id":"1-1","user_id":"bob","device_id":"phone","outcome":"accepted","at":5})");
  REQUIRE(accepted);
  CHECK(accepted->user_id == "bob");
  CHECK(accepted->event_id == "1-1");
  CHECK(accepted->device_id == "phone");
  CHECK(accepted->kind == OutcomeKind::Accepted);
  CHECK(accepted->wait == milliseconds(0));
  const auto put_off =
      device_outcome(R"({"event_id":"1-1","device_id":"phone","outcome":"retrying","at":1000,"not_before":4000})");
  REQUIRE(put_off);
  CHECK(put_off->wait == milliseconds(3'000));
  const auto past =
      device_outcome(R"({"event_id":"1-1","device_id":"phone","outcome":"retrying","at":5000,"not_before":4000})");
  REQUIRE(past);
  CHECK(past->wait == milliseconds(0));
  const char* const broken = GENERATE("", "7", "{", R"({"outcome":"accepted"})", R"({"event_id":"1-1"})",
                                      R"({"event_id":"1-1","outcome":"from_the_future"})",
                                      R"({"event_id":"1-1","outcome":5})", R"({"event_id":["1-1"],"outcome":"dead"})");
  CAPTURE(broken);
  CHECK_FALSE(device_outcome(broken));
}
