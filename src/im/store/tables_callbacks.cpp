// What an app's server is to be told.
#include <utility>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {

void Tables::add_callback(const CallbackJob& job) {
  change(callbacks_.add, job.app.value, job.command, to_ms(job.at), job.client_ip, job.platform, job.body);
}

std::vector<CallbackJob> Tables::callbacks_after(AppId app, std::int64_t id, std::size_t limit) {
  std::vector<CallbackJob> out;
  each(callbacks_.after.query(app.value, id, limit), [&](const sql::Rows& rows) {
    out.push_back({.id = rows.integer(0),
                   .app = app,
                   .command = std::string(rows.text(1)),
                   .at = wall_from_ms(rows.integer(2)),
                   .client_ip = std::string(rows.text(3)),
                   .platform = std::string(rows.text(4)),
                   .body = std::string(rows.text(5))});
  });
  return out;
}

std::size_t Tables::count_callbacks(AppId app, std::size_t most) {
  std::size_t out = 0;
  each(callbacks_.count.query(app.value, most),
       [&](const sql::Rows& rows) { out = static_cast<std::size_t>(rows.integer(0)); });
  return out;
}

void Tables::settle_callback(std::int64_t id) { change(callbacks_.settle, id); }

std::size_t Tables::prune_callbacks(WallTime before, std::size_t limit) {
  return static_cast<std::size_t>(changed(callbacks_.prune, to_ms(before), limit));
}

std::optional<WireName> Tables::wire_name_of(MessageId id) {
  std::optional<WireName> out;
  each(callbacks_.wire_name.query(id.conv.value, id.seq.value), [&](const sql::Rows& rows) {
    out = {static_cast<std::uint32_t>(rows.integer(0)), static_cast<std::uint32_t>(rows.integer(1)),
           wall_from_ms(rows.integer(2))};
  });
  return out;
}

}  // namespace nightpost::im
