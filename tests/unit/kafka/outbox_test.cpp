#include "kafka/outbox.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace nightpost::kafka {
namespace {

constexpr MonoTime kStart{seconds(100)};
constexpr milliseconds kLinger{15};
constexpr Outbox::Limits kLimits{.messages = 3, .bytes = 1000, .linger = kLinger};

std::vector<std::string> values(const Parcel& parcel) {
  std::vector<std::string> all;
  for (const Parcel::Message& message : parcel.messages) all.emplace_back(parcel.value(message));
  return all;
}

using Values = std::vector<std::string>;

TEST_CASE("outbox: a parcel leaves when it is full, has waited, or is hurried", "[kafka][outbox]") {
  Outbox box(kLimits);
  CHECK_FALSE(box.due());
  CHECK(box.next(kStart, true) == nullptr);
  CHECK(box.add(0, nullptr, "k", "a", kStart));
  CHECK(box.due() == kStart + kLinger);
  CHECK(box.next(kStart + kLinger - milliseconds(1), false) == nullptr);
  CHECK_FALSE(box.add(0, nullptr, "k", "b", kStart + milliseconds(10)));

  SECTION("waited since its first message") {
    const auto parcel = box.next(kStart + kLinger, false);
    REQUIRE(parcel);
    CHECK(values(*parcel) == Values{"a", "b"});
  }
  SECTION("hurried") {
    const auto parcel = box.next(kStart + milliseconds(10), true);
    REQUIRE(parcel);
    CHECK(values(*parcel) == Values{"a", "b"});
  }
  SECTION("full by number") {
    CHECK(box.add(0, nullptr, "k", "c", kStart + milliseconds(10)));
    const auto parcel = box.next(kStart + milliseconds(10), false);
    REQUIRE(parcel);
    CHECK(values(*parcel) == Values{"a", "b", "c"});
  }
  SECTION("full by bytes: what does not fit opens another") {
    const std::string large(900, 'x');
    CHECK(box.add(0, nullptr, "k", large, kStart + milliseconds(10)));
    const auto parcel = box.next(kStart + milliseconds(10), false);
    REQUIRE(parcel);
    CHECK(values(*parcel) == Values{"a", "b"});
  }
}

TEST_CASE("outbox: a message beyond every limit goes alone", "[kafka][outbox]") {
  Outbox box(kLimits);
  const std::string huge(5000, 'x');
  box.add(0, nullptr, "", "before", kStart);
  box.add(0, nullptr, "", huge, kStart);
  box.add(0, nullptr, "", "after", kStart);
  for (const std::string& want : {std::string("before"), huge, std::string("after")}) {
    auto parcel = box.next(kStart + kLinger, false);
    REQUIRE(parcel);
    CHECK(values(*parcel) == Values{want});
    box.done(std::move(parcel));
  }
}

TEST_CASE("outbox: a lane has one parcel out", "[kafka][outbox]") {
  Outbox box(kLimits);
  box.spread(2);
  CHECK(box.add(0, nullptr, "", "a", kStart));
  auto parcel = box.next(kStart, true);
  REQUIRE(parcel);
  // However much comes and however long it waits: nothing of this lane, and nobody need look.
  for (const char* value : {"b", "c", "d", "e"}) CHECK_FALSE(box.add(0, nullptr, "", value, kStart));
  CHECK(box.next(kStart + seconds(9), true) == nullptr);
  CHECK_FALSE(box.due());
  // The other lane is not held up by it.
  CHECK(box.add(1, nullptr, "", "other", kStart));
  const auto other = box.next(kStart + kLinger, false);
  REQUIRE(other);
  CHECK(values(*other) == Values{"other"});

  box.done(std::move(parcel));
  parcel = box.next(kStart, false);
  REQUIRE(parcel);
  CHECK(values(*parcel) == Values{"b", "c", "d"});
  CHECK(box.next(kStart, true) == nullptr);
  box.done(std::move(parcel));
  CHECK(box.next(kStart, false) == nullptr);  // "e" is neither full nor old
  CHECK(box.due() == kStart + kLinger);
  parcel = box.next(kStart, true);
  REQUIRE(parcel);
  CHECK(values(*parcel) == Values{"e"});
}

TEST_CASE("outbox: more or fewer lanes keep every message, each key's in order", "[kafka][outbox]") {
  Outbox box(kLimits);
  std::map<std::uint32_t, Values> want, got;
  int number = 0;
  const auto add = [&] {
    for (std::uint32_t hash = 0; hash < 7; ++hash) {
      want[hash].push_back(std::to_string(number++));
      box.add(hash, nullptr, "key", want[hash].back(), kStart);
    }
  };
  for (const std::size_t lanes : {1u, 4u, 8u, 3u, 1u, 5u}) {
    box.spread(lanes);
    CHECK(box.lanes() == lanes);
    add();
  }
  std::size_t parcels = 0;
  while (auto parcel = box.next(kStart, true)) {
    for (const Parcel::Message& message : parcel->messages) {
      CHECK(message.in == parcel.get());
      CHECK(message.hash % 5 == parcel->lane);
      CHECK(parcel->key(message) == "key");
      got[message.hash].emplace_back(parcel->value(message));
    }
    CHECK(parcel->messages.size() <= kLimits.messages);
    box.done(std::move(parcel));
    ++parcels;
  }
  CHECK(got == want);
  CHECK(parcels >= 42 / kLimits.messages);
}

TEST_CASE("outbox: a parcel that was out while the lanes changed frees its lane, if there still is one",
          "[kafka][outbox]") {
  Outbox box(kLimits);
  box.spread(3);
  box.add(2, nullptr, "", "a", kStart);
  auto parcel = box.next(kStart, true);
  REQUIRE(parcel);
  SECTION("it is still out") {
    box.spread(4);
    box.add(2, nullptr, "", "b", kStart);
    CHECK(box.next(kStart, true) == nullptr);
    box.done(std::move(parcel));
    CHECK(box.next(kStart, true) != nullptr);
  }
  SECTION("it is gone") {
    box.spread(2);
    box.done(std::move(parcel));
    box.add(2, nullptr, "", "b", kStart);
    CHECK(box.next(kStart, true) != nullptr);
  }
}

TEST_CASE("outbox: a used parcel comes back empty", "[kafka][outbox]") {
  Outbox box(kLimits);
  for (const char* value : {"first", "second", "third"}) {
    box.add(0, nullptr, "k", value, kStart);
    auto parcel = box.next(kStart, true);
    REQUIRE(parcel);
    CHECK(values(*parcel) == Values{value});
    CHECK(parcel->bytes.size() == 1 + std::string(value).size());
    box.done(std::move(parcel));
  }
}

}  // namespace
}  // namespace nightpost::kafka
