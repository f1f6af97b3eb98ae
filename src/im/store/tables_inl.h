// What the sources of Tables share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "im/store/name_lines.h"
#include "im/store/tables.h"

namespace nightpost::im {

template <class Read>
void Tables::each(sql::Rows&& rows, Read read) {
  if (failure_) return;
  while (!failure_ && rows.next()) read(std::as_const(rows));
  if (failure_) return;
  if (auto done = rows.done(); !done) failed(std::move(done.error()));
}

template <class... Args>
void Tables::change(sql::Statement& statement, const Args&... args) {
  if (failure_) return;
  if (auto sent = statement.later(args...); !sent) failed(std::move(sent.error()));
}

template <class... Args>
std::int64_t Tables::changed(sql::Statement& statement, const Args&... args) {
  if (failure_) return 0;
  auto rows = statement.change(args...);
  if (rows) return *rows;
  failed(std::move(rows.error()));
  return 0;
}

template <class Read>
Tables::Page Tables::page(sql::Rows&& rows, std::size_t limit, std::size_t bytes, Read read) {
  Page out;
  std::size_t taken = 0;
  while (!failure_ && !out.more && rows.next()) {
    Message message = read(std::as_const(rows));
    taken += message.elements.size() + message.push.size() + message.cloud_data.size();
    out.more = out.messages.size() == limit || (taken > bytes && !out.messages.empty());
    if (!out.more) out.messages.push_back(std::move(message));
  }
  if (auto done = rows.done(); !done) failed(std::move(done.error()));
  return out;
}

}  // namespace nightpost::im
