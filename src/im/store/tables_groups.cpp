#include <algorithm>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

constexpr int kGroupColumns = 25;  // of GroupQueries' rows of both: the member's begin behind them
constexpr int kMemberColumns = 18;

std::int64_t ms_or_0(const std::optional<WallTime>& time) { return time ? to_ms(*time) : 0; }

}  // namespace

GroupRow Tables::group_row_of(const sql::Rows& rows) {
  const auto type = group_type_from(rows.text(3));
  const auto join = join_option_from(rows.text(9));
  // A column that came later: empty, as long as nobody has set it.
  const auto invite = !type                   ? std::nullopt
                      : rows.text(23).empty() ? std::optional(traits_of(*type).invite)
                                              : invite_option_from(rows.text(23));
  if (!type || !join || !invite) {
    damaged("im_groups");
    return {};
  }
  return {.conv = {rows.integer(0)},
          .app = {rows.integer(1)},
          .id = std::string(rows.text(2)),
          .type = *type,
          .name = std::string(rows.text(4)),
          .introduction = std::string(rows.text(5)),
          .notification = std::string(rows.text(6)),
          .face = std::string(rows.text(7)),
          .owner = std::string(rows.text(8)),
          .join = *join,
          .members = rows.integer(10),
          .members_max = rows.integer(11),
          .all_silenced = rows.integer(12) != 0,
          .fields = std::string(rows.text(13)),
          .invite = *invite,
          .invite_consent = rows.integer(24) != 0,
          .created_at = wall_from_ms(rows.integer(14)),
          .info_at = wall_from_ms(rows.integer(15)),
          .dismissed = rows.integer(16) != 0,
          .seq = {rows.integer(17)},
          .changes = rows.integer(18),
          .last_at = wall_from_ms(rows.integer(19)),
          .counted = rows.integer(20),
          .erased = rows.integer(21),
          .recalled_to = {rows.integer(22)}};
}

MemberRow Tables::member_of(const sql::Rows& rows, int from) {
  const auto number = [&](int column) { return rows.integer(from + column); };
  const std::int64_t role = number(3);
  const std::int64_t option = number(10);
  if (role < 0 || role > static_cast<std::int64_t>(GroupRole::Owner) || option < 0 ||
      option > static_cast<std::int64_t>(ReceiveOption::Discard)) {
    damaged("im_members");
    return {};
  }
  MemberRow out{.who = {{number(2)}, std::string(rows.text(from + 1))},
                .conv = {number(0)},
                .role = static_cast<GroupRole>(role),
                .joined_at = wall_from_ms(number(4)),
                .cleared = {number(6)},
                .read = {number(7)},
                .read_count = number(8),
                .own_since = number(9),
                .option = static_cast<ReceiveOption>(option),
                .silenced_until = wall_from_ms(number(11)),
                .last_sent_at = wall_from_ms(number(12)),
                .card = std::string(rows.text(from + 13)),
                .pinned = number(14) != 0,
                .hidden_to = {number(15)},
                .mark = std::string(rows.text(from + 16)),
                .ver = {number(17)}};
  if (number(5) != 0) out.left_at = wall_from_ms(number(5));
  return out;
}

Tables::NamedMember Tables::named_member_of(const sql::Rows& rows) {
  return {member_of(rows, 0), std::string(rows.text(kMemberColumns))};
}

std::vector<Tables::Joined> Tables::joined_of(sql::Rows&& rows) {
  std::vector<Joined> out;
  each(std::move(rows),
       [&](const sql::Rows& row) { out.push_back({group_row_of(row), member_of(row, kGroupColumns)}); });
  return out;
}

std::vector<MemberRow> Tables::members_in(sql::Rows&& rows) {
  std::vector<MemberRow> out;
  each(std::move(rows), [&](const sql::Rows& row) { out.push_back(member_of(row, 0)); });
  return out;
}

std::optional<GroupRow> Tables::group(AppId app, std::string_view id) {
  std::optional<GroupRow> out;
  each(groups_.group.query(app.value, id), [&](const sql::Rows& rows) { out = group_row_of(rows); });
  return out;
}

std::optional<GroupRow> Tables::group(ConvId conv) {
  std::optional<GroupRow> out;
  each(groups_.group_of_conv.query(conv.value), [&](const sql::Rows& rows) { out = group_row_of(rows); });
  return out;
}

void Tables::add_group(GroupRow& row) {
  row.conv = add_conv(row.app, "", row.id).id;
  if (row.id.empty()) {
    row.id = made_group_id(row.conv);
    change(groups_.conv_name, row.conv.value, row.id);
  }
  change(groups_.group_add, row.conv.value, row.app.value, row.id, name_of(row.type), row.name, row.introduction,
         row.notification, row.face, row.owner, name_of(row.join), row.members, row.members_max, row.all_silenced,
         row.fields, to_ms(row.created_at), to_ms(row.info_at), name_of(row.invite), row.invite_consent);
}

void Tables::save_group(const GroupRow& row) {
  change(groups_.group_save, row.conv.value, row.name, row.introduction, row.notification, row.face, row.owner,
         name_of(row.join), row.members, row.members_max, row.all_silenced, row.fields, to_ms(row.info_at),
         row.dismissed ? to_ms(row.info_at) : 0, name_of(row.invite), row.invite_consent);
}

void Tables::release_group_id(const GroupRow& row) {
  change(groups_.conv_name, row.conv.value, row.id + "\n" + std::to_string(row.conv.value));
  change(groups_.intents_erase_all, row.conv.value);
}

void Tables::erase_group(ConvId conv) {
  for (auto* const statement :
       {&groups_.mentions_erase_all, &groups_.targets_erase_all, &groups_.hides_erase_all, &groups_.changes_erase_all,
        &groups_.applications_erase_all, &groups_.intents_erase_all, &groups_.attributes_erase, &groups_.counters_erase,
        &groups_.live_rules_erase, &groups_.group_erase, &groups_.conv_erase})
    change(*statement, conv.value);
}

void Tables::advance_group(const GroupRow& row, WallTime now) {
  change(groups_.conv_count, row.conv.value, row.seq.value, to_ms(row.last_at), row.counted, to_ms(now));
}

void Tables::move_group(ConvId conv, WallTime now) { change(groups_.conv_moved, conv.value, to_ms(now)); }

std::optional<ConvId> Tables::dismissed_before(WallTime time) {
  std::optional<ConvId> out;
  each(groups_.dismissed_before.query(to_ms(time)), [&](const sql::Rows& rows) { out = {{rows.integer(0)}}; });
  return out;
}

// ---- Members ----

std::optional<MemberRow> Tables::member(ConvId conv, const UserKey& who) {
  std::optional<MemberRow> out;
  each(groups_.member.query(conv.value, member_slot(who.user), who.user),
       [&](const sql::Rows& rows) { out = member_of(rows, 0); });
  return out;
}

void Tables::save_member(const MemberRow& row) {
  change(groups_.member_save, member_slot(row.who.user), row.conv.value, row.who.user, row.who.app.value,
         static_cast<std::int64_t>(row.role), to_ms(row.joined_at), ms_or_0(row.left_at), row.cleared.value,
         row.read.value, row.read_count, row.own_since, static_cast<std::int64_t>(row.option),
         to_ms(row.silenced_until), to_ms(row.last_sent_at), row.card, row.pinned, row.hidden_to.value, row.mark,
         row.ver.value);
}

void Tables::note_sent(const MemberRow& row, bool counts, WallTime at) {
  change(groups_.member_sent, row.conv.value, member_slot(row.who.user), row.who.user, counts, to_ms(at));
}

std::vector<Tables::NamedMember> Tables::members(ConvId conv, std::string_view after, std::optional<GroupRole> role,
                                                 std::optional<WallTime> silenced_at, std::size_t limit) {
  std::vector<NamedMember> out;
  const std::int64_t slot = after.empty() ? -1 : member_slot(after);
  const std::int64_t only = role ? static_cast<std::int64_t>(*role) : -1;
  each(groups_.members.query(conv.value, slot, after, only, ms_or_0(silenced_at), limit),
       [&](const sql::Rows& rows) { out.push_back(named_member_of(rows)); });
  return out;
}

std::optional<Tables::NamedMember> Tables::member_named(ConvId conv, const std::string& user) {
  std::optional<NamedMember> out;
  each(groups_.members_named.query(conv.value, member_slot(user), user),
       [&](const sql::Rows& rows) { out = named_member_of(rows); });
  return out;
}

std::size_t Tables::groups_of(const UserKey& who) {
  std::int64_t out = 0;
  each(groups_.groups_count.query(who.app.value, who.user), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return static_cast<std::size_t>(out);
}

std::vector<ConvId> Tables::subscriptions(const UserKey& who) {
  std::vector<ConvId> out;
  each(groups_.subscriptions.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out.push_back({rows.integer(0)}); });
  return out;
}

std::vector<MemberRow> Tables::memberships(const UserKey& who) {
  return members_in(groups_.memberships.query(who.app.value, who.user));
}

std::vector<ReceiverRow> Tables::receivers(MessageId message, SlotRange slots, std::string_view sender) {
  std::vector<ReceiverRow> out;
  each(
      groups_.receivers.query(message.conv.value, slots.first, slots.last, message.seq.value, sender),
      [&](const sql::Rows& rows) {
        out.push_back({std::string(rows.text(0)),
                       rows.integer(1) == static_cast<std::int64_t>(ReceiveOption::NotNotify) ? ReceiveOption::NotNotify
                                                                                              : ReceiveOption::Notify,
                       rows.integer(2) > 0});
      });
  return out;
}

std::vector<Tables::Joined> Tables::joined(const UserKey& who, ConvId after, std::optional<GroupType> type,
                                           std::size_t limit) {
  const std::string_view only = type ? name_of(*type) : std::string_view();
  return joined_of(groups_.joined.query(who.app.value, who.user, after.value, only, limit));
}

std::vector<Tables::Joined> Tables::groups_above(const UserKey& who, Ver ver, std::size_t limit) {
  return joined_of(groups_.groups_above.query(who.app.value, who.user, ver.value, limit));
}

std::vector<Tables::Joined> Tables::groups_moved(const UserKey& who, WallTime since, ConvId after, std::size_t limit) {
  return joined_of(groups_.groups_moved.query(who.app.value, who.user, to_ms(since), after.value, limit));
}

std::int64_t Tables::group_unread_total(const UserKey& who) {
  std::int64_t out = 0;
  each(groups_.unread_total.query(who.app.value, who.user), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

std::int64_t Tables::recalled_above(ConvId conv, Seq seq, std::string_view reader) {
  std::int64_t out = 0;
  each(groups_.recalled_above.query(conv.value, seq.value, reader),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

std::vector<MemberRow> Tables::left_before(WallTime time, std::size_t limit) {
  return members_in(groups_.left_before.query(to_ms(time), limit));
}

std::vector<MemberRow> Tables::members_of(ConvId conv, std::size_t limit) {
  return members_in(groups_.members_of.query(conv.value, limit));
}

void Tables::forget_member(const MemberRow& row) {
  change(groups_.floor_raise, row.who.app.value, row.who.user, row.ver.value);
  change(groups_.member_forget, row.conv.value, member_slot(row.who.user), row.who.user);
}

// ---- Applications and intents ----

ApplicationRow Tables::application_of(const sql::Rows& rows) {
  const std::int64_t state = rows.integer(1);
  if (state < 0 || state > static_cast<std::int64_t>(ApplicationRow::State::Refused)) {
    damaged("im_applications");
    return {};
  }
  return {.user = std::string(rows.text(0)),
          .state = static_cast<ApplicationRow::State>(state),
          .at = wall_from_ms(rows.integer(2)),
          .note = std::string(rows.text(3)),
          .by = std::string(rows.text(4)),
          .answer = std::string(rows.text(5)),
          .decided_at = wall_from_ms(rows.integer(6)),
          .inviter = std::string(rows.text(7)),
          .for_user = rows.integer(8) != 0};
}

std::optional<ApplicationRow> Tables::application(ConvId conv, std::string_view user) {
  std::optional<ApplicationRow> out;
  each(groups_.application.query(conv.value, user), [&](const sql::Rows& rows) { out = application_of(rows); });
  return out;
}

void Tables::save_application(ConvId conv, const ApplicationRow& row) {
  change(groups_.application_save, conv.value, row.user, static_cast<std::int64_t>(row.state), to_ms(row.at), row.note,
         row.by, row.answer, to_ms(row.decided_at), row.inviter, row.for_user);
}

std::vector<ApplicationRow> Tables::applications(ConvId conv, std::size_t limit) {
  std::vector<ApplicationRow> out;
  each(groups_.applications.query(conv.value, limit),
       [&](const sql::Rows& rows) { out.push_back(application_of(rows)); });
  return out;
}

std::size_t Tables::applications_waiting(ConvId conv) {
  std::int64_t out = 0;
  each(groups_.applications_waiting.query(conv.value), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return static_cast<std::size_t>(out);
}

void Tables::void_invitation(ConvId conv, std::string_view user, std::string_view by, WallTime now) {
  change(groups_.invitation_void, conv.value, user, by, to_ms(now));
}

void Tables::prune_invitations(WallTime before) { change(groups_.invitations_prune, to_ms(before)); }

std::vector<InvitationRow> Tables::invitations_of(const UserKey& who, WallTime since, std::size_t limit) {
  std::vector<InvitationRow> out;
  each(groups_.invitations_of.query(who.app.value, who.user, to_ms(since), limit), [&](const sql::Rows& rows) {
    out.push_back(
        {{rows.integer(0)}, std::string(rows.text(1)), wall_from_ms(rows.integer(2)), std::string(rows.text(3))});
  });
  return out;
}

void Tables::prune_applications(WallTime before) { change(groups_.applications_prune, to_ms(before)); }

std::int64_t Tables::add_group_intent(MessageId message, std::int64_t ranges) {
  std::int64_t out = 0;
  each(groups_.intent_add.query(message.conv.value, message.seq.value, ranges, node_),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

bool Tables::erase_group_intent(MessageId message) {
  return changed(groups_.intent_erase, message.conv.value, message.seq.value) > 0;
}

void Tables::group_intent_done(std::int64_t id, std::int64_t ranges) { change(groups_.intent_done, id, ranges); }

void Tables::settle_group_intent(std::int64_t id) { change(groups_.intent_settle, id); }

std::vector<GroupIntentRow> Tables::group_intents_after(std::int64_t id, std::size_t limit) {
  std::vector<GroupIntentRow> out;
  each(groups_.intents_after.query(id, limit, node_), [&](const sql::Rows& rows) {
    out.push_back({.id = rows.integer(0),
                   .message = {{rows.integer(1)}, {rows.integer(2)}},
                   .ranges = std::max<std::int64_t>(rows.integer(3), 1),
                   .done = rows.integer(4)});
  });
  return out;
}

}  // namespace nightpost::im
