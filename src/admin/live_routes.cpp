// What becomes of pushes now.
#include "admin/routes.h"

namespace nightpost::admin {

Reply watch_live(Request& request) {
  const Values& query = request.query;
  const LiveFilter filter{.app = query.has("app") ? std::optional(request.app()) : std::nullopt,
                          .vendor = query.text("vendor"),
                          .outcome = query.text("outcome"),
                          .rule = query.text("rule"),
                          .user = query.text("user"),
                          .event = query.text("event")};
  const auto after =
      query.has("after") ? std::optional(static_cast<std::uint64_t>(query.number("after"))) : std::nullopt;
  const LiveTail::Page page = request.tools.live.look(
      after, filter, [&caller = request.caller](AppId app) { return caller.may_see(app); },
      static_cast<std::size_t>(query.number("limit", 100)), request.tools.clock.mono());
  nlohmann::json items = nlohmann::json::array();
  for (const LiveRow& row : page.rows) {
    nlohmann::json item = nlohmann::json::parse(row.json, nullptr, false);
    if (!item.is_object()) continue;  // add() is given objects
    item["number"] = row.number;
    items.push_back(std::move(item));
  }
  return Answer{200,
                {{"items", std::move(items)},
                 {"next", page.next},
                 {"missed", page.missed},
                 {"left_out", page.left_out},
                 {"trouble", page.trouble}}};
}

}  // namespace nightpost::admin
