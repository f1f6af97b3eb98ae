// Who may not speak in a live room, or not be there.
#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

LiveRule live_rule_of(const sql::Rows& rows) {
  return {std::string(rows.text(0)), wall_from_ms(rows.integer(1)), wall_from_ms(rows.integer(2))};
}

}  // namespace

std::size_t Tables::count_live_groups(AppId app) {
  std::int64_t out = 0;
  each(groups_.live_count.query(app.value), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return static_cast<std::size_t>(out);
}

std::size_t Tables::count_live_groups_of(const UserKey& owner) {
  std::int64_t out = 0;
  each(groups_.live_count_of.query(owner.app.value, owner.user), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return static_cast<std::size_t>(out);
}

void Tables::disown_live_groups(const UserKey& owner) { change(groups_.live_disown, owner.app.value, owner.user); }

std::optional<LiveRule> Tables::live_rule(ConvId conv, std::string_view user) {
  std::optional<LiveRule> out;
  each(groups_.live_rule.query(conv.value, user), [&](const sql::Rows& rows) { out = live_rule_of(rows); });
  return out;
}

void Tables::save_live_rule(ConvId conv, const LiveRule& rule) {
  change(groups_.live_rule_save, conv.value, rule.user, to_ms(rule.silenced_until), to_ms(rule.banned_until));
}

void Tables::erase_live_rule(ConvId conv, std::string_view user) { change(groups_.live_rule_erase, conv.value, user); }

std::size_t Tables::count_live_rules(ConvId conv) {
  std::int64_t out = 0;
  each(groups_.live_rules_count.query(conv.value), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return static_cast<std::size_t>(out);
}

void Tables::prune_live_rules(ConvId conv, WallTime now) { change(groups_.live_rules_prune, conv.value, to_ms(now)); }

std::vector<LiveRule> Tables::live_rules(ConvId conv, std::string_view after, WallTime now, bool banned,
                                         std::size_t limit) {
  std::vector<LiveRule> out;
  auto& statement = banned ? groups_.live_banned : groups_.live_silenced;
  each(statement.query(conv.value, after, to_ms(now), limit),
       [&](const sql::Rows& rows) { out.push_back(live_rule_of(rows)); });
  return out;
}

}  // namespace nightpost::im
