#include "admin/routes.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

Result<Receiver> receiver_of(const Request& request) {
  const ReceiverKey key{request.app(), request.query.text("user")};
  auto found = request.tools.store.receivers({&key, 1});
  if (!found) return std::unexpected(found.error());
  return std::move(found->front());
}

Reply user_answer(const Request& request) {
  const auto receiver = receiver_of(request);
  if (!receiver) return refused(receiver.error());
  return Answer{200, user_view(request.app(), request.query.text("user"), *receiver, request.now)};
}

}  // namespace

Reply show_user(Request& request) { return user_answer(request); }

Reply set_user(Request& request) {
  const auto receiver = receiver_of(request);
  if (!receiver) return refused(receiver.error());
  if (request.body.empty()) return malformed("nothing is named that is to change");
  const PushSettings& was = receiver->settings;
  const Values& body = request.body;
  const PushSettings settings{.enabled = body.flag("push", was.enabled),
                              .language = body.text("language", was.language),
                              .sound_c2c = body.text("sound_c2c", was.sound_c2c),
                              .sound_group = body.text("sound_group", was.sound_group),
                              .badge = body.flag("badge", was.badge)};
  request.note = {.made = true,
                  .app = request.app(),
                  .object = request.query.text("user"),
                  .before = settings_note(was),
                  .after = settings_note(settings)};
  const auto set = request.tools.store.set_settings(request.app(), request.query.text("user"), settings);
  if (!set) return refused(set.error());
  return user_answer(request);
}

Reply mute_user(Request& request) {
  Mute mute;
  mute.kind = mute_kind_from(request.body.text("kind")).value_or(Mute::Kind::All);  // the table has checked it
  mute.target = request.body.text("target");
  mute.unless_mentioned = request.body.flag("unless_mentioned");
  if (const auto until = request.body.time("until")) mute.until = *until;
  if (mute.until <= request.now) return invalid("is past", "until");
  request.note = {
      .made = true, .app = request.app(), .object = request.query.text("user"), .after = mute_view(mute, request.now)};
  const auto set = request.tools.store.set_mute(request.app(), request.query.text("user"), mute);
  if (!set) return refused(set.error());
  return user_answer(request);
}

Reply unmute_user(Request& request) {
  const Mute::Kind kind = mute_kind_from(request.query.text("kind")).value_or(Mute::Kind::All);
  const std::string target = request.query.text("target");
  request.note = {.made = true,
                  .app = request.app(),
                  .object = request.query.text("user"),
                  .before = {{"kind", nightpost::name_of(kind)}, {"target", target}}};
  const auto removed = request.tools.store.remove_mute(request.app(), request.query.text("user"), kind, target);
  if (!removed) return refused(removed.error());
  return user_answer(request);
}

Reply show_decision(Request& request) {
  const Values& query = request.query;
  return request.tools.pushes.decide({.app = request.app(),
                                      .user = query.text("user"),
                                      .from = query.text("from", "nightpost"),
                                      .group = query.text("group"),
                                      .kind = query.text("kind", "message"),
                                      .mentioned = query.flag("mentioned")},
                                     request.now);
}

}  // namespace nightpost::admin
