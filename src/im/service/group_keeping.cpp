// What is known of a group's messages and kept with a group: who has read them, attributes, counters.
#include <algorithm>
#include <utility>

#include "im/service/group_admin_commands.h"

namespace nightpost::im {
namespace {

Answer<InGroup> keeper_in(Work& work, AppId app, const std::string& group) {
  return enter(work.tables, {{app, ""}, std::nullopt}, group);
}

std::optional<Message> sent_message(Work& work, const GroupRow& group, Seq seq) {
  auto found = work.tables.group_message(group, seq);
  if (!found || found->first.flags.recalled || found->first.flags.tip) return std::nullopt;
  return std::move(found->first);
}

std::optional<std::int64_t> value_in(const GroupCounters& counters, std::string_view name) {
  const auto found = std::ranges::find(counters, name, &GroupCounters::value_type::first);
  return found == counters.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Answer<std::vector<Receipt>> receipts(Work& work, AppId app, const std::string& id, const std::vector<Seq>& seqs) {
  const auto in = keeper_in(work, app, id);
  if (!in) return std::unexpected(in.error());
  std::vector<Receipt> out;
  for (const Seq seq : seqs) {
    out.push_back({.seq = seq});
    const auto message = sent_message(work, in->group, seq);
    if (!message) continue;
    const auto [all, read] = work.tables.receipt(message->id, message->from);
    out.back() = {.seq = seq, .known = true, .read = read, .unread = all - read};
  }
  return out;
}

Answer<ReceiptUsers> receipt_users(Work& work, AppId app, const ReceiptUsersRequest& request) {
  const auto in = keeper_in(work, app, request.group);
  if (!in) return std::unexpected(in.error());
  const auto message = sent_message(work, in->group, request.seq);
  if (!message) return refuse(Code::GroupMessageUnknown, "MsgSeq: no such message, or it was recalled");
  ReceiptUsers out;
  out.users = work.tables.receipt_users(message->id, message->from, request.read, request.after, request.limit + 1);
  out.more = out.users.size() > request.limit;
  if (out.more) out.users.pop_back();
  return out;
}

Answer<GroupAttributes> group_attributes(Work& work, AppId app, const std::string& id) {
  const auto in = keeper_in(work, app, id);
  if (!in) return std::unexpected(in.error());
  return work.tables.group_attributes(in->group.conv);
}

Answer<void> change_group_attributes(Work& work, AppId app, const std::string& id, const AttributesChange& change) {
  const auto in = keeper_in(work, app, id);
  if (!in) return std::unexpected(in.error());
  const ConvId conv = in->group.conv;
  std::vector<std::string> names;
  if (!change.clear)
    for (auto& [name, value] : work.tables.group_attributes(conv)) names.push_back(std::move(name));
  for (const auto& [name, value] : change.set)
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  const std::size_t most = work.options.groups.attributes_max;
  if (names.size() > most) return refuse(Code::TooLarge, "GroupAttr: more than " + std::to_string(most));
  if (change.clear) work.tables.erase_group_attributes(conv);
  for (const auto& [name, value] : change.set) work.tables.set_group_attribute(conv, name, value);
  return {};
}

Answer<GroupCounters> group_counters(Work& work, AppId app, const std::string& id) {
  const auto in = keeper_in(work, app, id);
  if (!in) return std::unexpected(in.error());
  return work.tables.group_counters(in->group.conv);
}

Answer<GroupCounters> change_group_counters(Work& work, AppId app, const std::string& id,
                                            const CountersChange& change) {
  const auto in = keeper_in(work, app, id);
  if (!in) return std::unexpected(in.error());
  const ConvId conv = in->group.conv;
  if (change.mode == CountersChange::Mode::Remove) {
    if (change.values.empty()) work.tables.erase_group_counters(conv);
    for (const auto& [name, value] : change.values) work.tables.erase_group_counter(conv, name);
    return GroupCounters();
  }
  GroupCounters now = work.tables.group_counters(conv), out;
  for (const auto& [name, value] : change.values) {
    std::int64_t next = value;
    if (change.mode == CountersChange::Mode::Add &&
        __builtin_add_overflow(value_in(now, name).value_or(0), value, &next))
      return refuse(Code::Malformed, "GroupCounter: " + name + " would leave 64 bits");
    if (auto known = std::ranges::find(now, name, &GroupCounters::value_type::first); known != now.end())
      known->second = next;
    else
      now.emplace_back(name, next);
  }
  const std::size_t most = work.options.groups.counters_max;
  if (now.size() > most) return refuse(Code::TooLarge, "GroupCounter: more than " + std::to_string(most));
  for (const auto& [name, value] : change.values) {
    const std::int64_t next = *value_in(now, name);
    work.tables.set_group_counter(conv, name, next);
    if (!value_in(out, name)) out.emplace_back(name, next);
  }
  return out;
}

}  // namespace nightpost::im
