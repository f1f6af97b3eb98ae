// The companion's users and groups, as its tables have them; what changes them is the IM server's to do.
#include "admin/companion_views.h"
#include "admin/routes.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

using im::ConsoleReader;

ConsoleReader::Search search_of(const Values& query) {
  return {.prefix = query.text("prefix"),
          .part = query.text("name"),
          .after = query.text("after"),
          .limit = static_cast<std::size_t>(query.number("limit", 100))};
}

template <class Item, class View>
Answer page_answer_of(const ConsoleReader::Page<Item>& page, View view) {
  nlohmann::json items = nlohmann::json::array();
  for (const Item& each : page.items) items.push_back(view(each));
  return {200, {{"items", std::move(items)}, {"next", page.next ? nlohmann::json(*page.next) : nlohmann::json()}}};
}

auto companion_refused(const Error& error) { return std::unexpected(companion_refusal(error)); }

im::UserKey user_asked_for(const Request& request) { return {request.app(), request.query.text("user")}; }

auto no_user(const im::UserKey& who) { return not_found("app " + std::to_string(who.app.value) + " has no such user"); }
auto no_group(AppId app) { return not_found("app " + std::to_string(app.value) + " has no such group"); }

/// The user, of whom something is to change.
std::expected<ConsoleReader::User, Refusal> known_user(const Request& request) {
  const im::UserKey who = user_asked_for(request);
  auto found = request.tools.companion.user(who);
  if (!found) return companion_refused(found.error());
  if (!*found || (*found)->item.removed) return no_user(who);
  return **std::move(found);
}

nlohmann::json silence_note(WallTime chats, WallTime groups) {
  return {{"chats_until", to_ms(chats)}, {"groups_until", to_ms(groups)}};
}

}  // namespace

Refusal companion_refusal(const Error& error) {
  if (error.code == Errc::NotFound) return {404, "no_companion", error.detail};
  if (error.code == Errc::Malformed) return {503, "unavailable", error.detail};  // of another version, not the input
  return refusal_of(error);
}

Reply companion_totals(Request& request) {
  const auto totals = request.tools.companion.totals(request.app());
  if (!totals) return companion_refused(totals.error());
  return Answer{200, companion_totals_view(request.app(), *totals)};
}

Reply list_companion_users(Request& request) {
  const auto page = request.tools.companion.users(request.app(), search_of(request.query));
  if (!page) return companion_refused(page.error());
  return page_answer_of(*page, companion_user_item);
}

Reply show_companion_user(Request& request) {
  const im::UserKey who = user_asked_for(request);
  const auto user = request.tools.companion.user(who);
  if (!user) return companion_refused(user.error());
  if (!*user) return no_user(who);
  const auto devices = request.tools.store.devices(who.app, who.user, request.tools.options.list_max);
  if (!devices) return refused(devices.error());
  return Answer{200, companion_user_view(who.app, **user, *devices)};
}

Reply kick_companion_user(Request& request) {
  const im::UserKey who = user_asked_for(request);
  if (const auto known = known_user(request); !known) return std::unexpected(known.error());
  request.note = {.made = true, .app = who.app, .object = who.user};
  if (const auto done = request.tools.im_server.kick(who); !done) return std::unexpected(done.error());
  return Answer{204, nullptr};
}

Reply silence_companion_user(Request& request) {
  const im::UserKey who = user_asked_for(request);
  const auto chats = request.body.time("chats_until"), groups = request.body.time("groups_until");
  if (!chats && !groups) return malformed("name one of chats_until and groups_until", "chats_until");
  const auto known = known_user(request);
  if (!known) return std::unexpected(known.error());
  const WallTime chats_were = known->silent_in_chats_until, groups_were = known->silent_in_groups_until;
  request.note = {.made = true,
                  .app = who.app,
                  .object = who.user,
                  .before = silence_note(chats_were, groups_were),
                  .after = silence_note(chats.value_or(chats_were), groups.value_or(groups_were))};
  const auto for_how_long = [&](std::optional<WallTime> until) -> std::optional<seconds> {
    if (!until) return std::nullopt;
    return std::max(seconds(0), std::chrono::ceil<seconds>(*until - request.now));
  };
  const auto done =
      request.tools.im_server.silence(who, {.chats = for_how_long(chats), .groups = for_how_long(groups)});
  if (!done) return std::unexpected(done.error());
  return Answer{204, nullptr};
}

Reply list_companion_groups(Request& request) {
  const auto page = request.tools.companion.groups(request.app(), search_of(request.query));
  if (!page) return companion_refused(page.error());
  return page_answer_of(*page, companion_group_item);
}

Reply show_companion_group(Request& request) {
  const auto group = request.tools.companion.group(request.app(), request.query.text("group"));
  if (!group) return companion_refused(group.error());
  if (!*group) return no_group(request.app());
  return Answer{200, companion_group_view(request.app(), **group)};
}

Reply list_companion_members(Request& request) {
  const std::optional<im::GroupRole> role =
      request.query.has("role") ? im::group_role_from(request.query.text("role")) : std::nullopt;
  const auto page =
      request.tools.companion.members(request.app(), request.query.text("group"), role, request.query.text("after"),
                                      static_cast<std::size_t>(request.query.number("limit", 100)));
  if (!page) return companion_refused(page.error());
  if (!*page) return no_group(request.app());
  return page_answer_of(**page, companion_member_view);
}

}  // namespace nightpost::admin
