// What the app's server does with groups.
#include <limits>
#include <utility>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

std::string_view type_word(std::optional<GroupType> type) { return type ? name_of(*type) : std::string_view(); }

}  // namespace

std::vector<std::pair<ConvId, std::string>> Tables::group_ids(AppId app, ConvId after, std::optional<GroupType> type,
                                                              std::size_t limit) {
  std::vector<std::pair<ConvId, std::string>> out;
  each(groups_.ids.query(app.value, after.value, type_word(type), limit),
       [&](const sql::Rows& rows) { out.emplace_back(ConvId{rows.integer(0)}, rows.text(1)); });
  return out;
}

std::int64_t Tables::count_groups(AppId app, std::optional<GroupType> type) {
  std::int64_t out = 0;
  each(groups_.ids_count.query(app.value, type_word(type)), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

Seq Tables::unread_from(ConvId conv, std::string_view reader, std::int64_t n) {
  Seq out;
  each(groups_.unread_from.query(conv.value, reader, n - 1), [&](const sql::Rows& rows) { out = {rows.integer(0)}; });
  return out;
}

std::vector<Seq> Tables::seqs_of_sender(ConvId conv, std::string_view sender, Seq below, std::size_t limit) {
  std::vector<Seq> out;
  each(groups_.by_sender.query(conv.value, below.value, sender, limit),
       [&](const sql::Rows& rows) { out.push_back({rows.integer(0)}); });
  return out;
}

std::pair<std::int64_t, std::int64_t> Tables::receipt(MessageId id, std::string_view sender) {
  std::pair<std::int64_t, std::int64_t> out;
  each(groups_.receipt.query(id.conv.value, id.seq.value, sender),
       [&](const sql::Rows& rows) { out = {rows.integer(0), rows.integer(1)}; });
  return out;
}

std::vector<std::string> Tables::receipt_users(MessageId id, std::string_view sender, bool read, std::string_view after,
                                               std::size_t limit) {
  std::vector<std::string> out;
  const std::int64_t slot = after.empty() ? -1 : member_slot(after);
  const std::int64_t seq = id.seq.value;
  const std::int64_t least = read ? seq : 0;
  const std::int64_t most = read ? std::numeric_limits<std::int64_t>::max() : seq - 1;
  each(groups_.receipt_users.query(id.conv.value, slot, after, seq, sender, least, most, limit),
       [&](const sql::Rows& rows) { out.emplace_back(rows.text(0)); });
  return out;
}

std::vector<std::pair<std::string, std::string>> Tables::group_attributes(ConvId conv) {
  std::vector<std::pair<std::string, std::string>> out;
  each(groups_.attributes.query(conv.value),
       [&](const sql::Rows& rows) { out.emplace_back(rows.text(0), rows.text(1)); });
  return out;
}

void Tables::set_group_attribute(ConvId conv, std::string_view name, std::string_view value) {
  change(groups_.attribute_set, conv.value, name, value);
}

void Tables::erase_group_attributes(ConvId conv) { change(groups_.attributes_erase, conv.value); }

std::vector<std::pair<std::string, std::int64_t>> Tables::group_counters(ConvId conv) {
  std::vector<std::pair<std::string, std::int64_t>> out;
  each(groups_.counters.query(conv.value),
       [&](const sql::Rows& rows) { out.emplace_back(rows.text(0), rows.integer(1)); });
  return out;
}

void Tables::set_group_counter(ConvId conv, std::string_view name, std::int64_t value) {
  change(groups_.counter_set, conv.value, name, value);
}

void Tables::erase_group_counter(ConvId conv, std::string_view name) {
  change(groups_.counter_erase, conv.value, name);
}

void Tables::erase_group_counters(ConvId conv) { change(groups_.counters_erase, conv.value); }

}  // namespace nightpost::im
