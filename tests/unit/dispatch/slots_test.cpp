#include "dispatch/slots.h"

#include <catch2/catch.hpp>

using nightpost::dispatch::Slots;

TEST_CASE("slots: one more fits below the limit, and into the last request that is being put together", "[dispatch]") {
  struct Row {
    std::size_t in_flight, reserved, max;
    bool fits;
    std::size_t room;
  };
  const auto row = GENERATE(values<Row>({
      {0, 0, 0, false, 0},
      {0, 0, 1, true, 1},
      {0, 1, 1, true, 0},  // company for the one
      {1, 0, 1, false, 0},
      {1, 1, 1, false, 0},
      {0, 2, 1, false, 0},
      {1, 1, 2, true, 0},
      {2, 1, 2, false, 0},
      {5, 0, 2, false, 0},  // the limit fell meanwhile
      {3, 2, 10, true, 5},
  }));
  CAPTURE(row.in_flight, row.reserved, row.max);
  Slots slots;
  for (std::size_t i = 0; i < row.in_flight; ++i) slots.take();
  for (std::size_t i = 0; i < row.reserved; ++i) slots.reserve();
  CHECK(slots.fits(row.max) == row.fits);
  CHECK(slots.room(row.max) == row.room);
  CHECK(slots.empty() == (row.in_flight + row.reserved == 0));
  for (std::size_t i = 0; i < row.in_flight; ++i) slots.give_back();
  for (std::size_t i = 0; i < row.reserved; ++i) slots.unreserve();
  CHECK(slots.empty());
  CHECK(slots.room(row.max) == row.max);
}
