// What the sources of Tables share.
#pragma once

#include <utility>

#include "im/store/tables.h"

namespace nightpost::im {

template <class Read>
void Tables::each(store::Rows&& rows, Read read) {
  if (failure_) return;
  while (!failure_ && rows.next()) read(std::as_const(rows));
  if (failure_) return;
  if (auto done = rows.done(); !done) failed(std::move(done.error()));
}

template <class... Args>
std::int64_t Tables::change(store::Statement& statement, const Args&... args) {
  if (failure_) return 0;
  auto changed = statement.change(args...);
  if (changed) return *changed;
  failed(std::move(changed.error()));
  return 0;
}

}  // namespace nightpost::im
