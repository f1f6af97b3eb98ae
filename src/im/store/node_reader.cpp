#include "im/store/node_reader.h"

#include <string>
#include <utility>

#include "im/store/schema.h"
#include "im/store/sql.h"

namespace nightpost::im {
namespace {

constexpr store::PostgresQuery kNodesNow = {
    "im_nodes_now", "im_nodes",
    "SELECT id, name, seen_at, clock_ahead, message_bytes_max, channel FROM im_nodes WHERE process <> '' ORDER BY id"};
constexpr store::PostgresQuery kServerNow = {"im_server_now", "im_nodes",
                                             "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"};

}  // namespace

Result<NodesSeen> read_nodes(const store::StoreUrl& url, const store::StoreOptions& options) {
  auto database = sql::Database::open(url, options, sql::Use::Read);
  if (!database) return std::unexpected(std::move(database.error()));
  store::PostgresConnection& server = *(*database)->server();
  const auto version = stored_version(server);
  if (!version) return std::unexpected(version.error());
  if (*version == 0) return fail(Errc::NotFound, "this store has no companion yet");
  if (*version != schema_version())
    return fail(Errc::Malformed, "the companion's tables have version " + std::to_string(*version) +
                                     ", this binary knows " + std::to_string(schema_version()));
  NodesSeen out;
  auto rows = server.query(kNodesNow);
  if (!rows) return std::unexpected(std::move(rows.error()));
  while (rows->next())
    out.nodes.push_back({.id = rows->integer(0),
                         .name = std::string(rows->text(1)),
                         .seen_at = wall_from_ms(rows->integer(2)),
                         .facts = {.clock_ahead = milliseconds(rows->integer(3)),
                                   .message_bytes_max = rows->integer(4),
                                   .channel = std::string(rows->text(5))}});
  auto now = server.query(kServerNow);
  if (!now) return std::unexpected(std::move(now.error()));
  if (now->next()) out.now = wall_from_ms(now->integer(0));
  return out;
}

}  // namespace nightpost::im
