// The rows of a bulk write that limits.h takes, those of a user together. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "store/limits.h"
#include "store/store.h"

namespace nightpost::store {

// Malformed: the field and what is wrong with it; never its value.
inline Result<void> check(const Store::DeviceRow& row) {
  if (auto ok = check_user(row.app, row.user_id); !ok) return ok;
  return check(row.device);
}
inline Result<void> check(const Store::UserRow& row) {
  if (auto ok = check_user(row.app, row.user_id); !ok) return ok;
  if (row.settings)
    if (auto ok = check(*row.settings); !ok) return ok;
  for (std::size_t i = 0; i < row.mutes.size(); ++i)
    if (auto ok = check(row.mutes[i]); !ok)
      return fail(ok.error().code, "mutes[" + std::to_string(i) + "]: " + ok.error().detail);
  return {};
}

/// Why a user with so many devices beside the one that is set cannot have it.
inline std::string too_many_devices(std::size_t beside) {
  return "devices: this user already has " + std::to_string(beside) + ", as many as store.devices_per_user_max allows";
}

template <class Row>
bool of_one_user(const Row& one, const Row& two) {
  return one.app == two.app && one.user_id == two.user_id;
}

/// How many rows a bulk write may change: a user's mutes have one each.
inline std::size_t rows_written(std::span<const Store::DeviceRow> rows) { return rows.size(); }
inline std::size_t rows_written(std::span<const Store::UserRow> rows) {
  std::size_t count = rows.size();
  for (const Store::UserRow& row : rows) count += row.mutes.size();
  return count;
}

/// The places of the good rows by user and app, the order of the stores' keys. Rows of one user keep the order they
/// came in, so that the last of two for one device wins. `refused` gets the bad ones.
template <class Row>
std::vector<std::size_t> good_rows_by_user(std::span<const Row> rows, std::vector<Store::RefusedRow>& refused) {
  std::vector<std::size_t> order;
  order.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (const auto ok = check(rows[i]); ok)
      order.push_back(i);
    else
      refused.push_back({i, ok.error().detail});
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    if (const int users = rows[a].user_id.compare(rows[b].user_id); users != 0) return users < 0;
    if (rows[a].app != rows[b].app) return rows[a].app < rows[b].app;
    return a < b;
  });
  return order;
}

}  // namespace nightpost::store
