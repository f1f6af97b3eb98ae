// nightpost user: a user's standing wishes, by hand: push on or off, sounds, mutes.
#include <fmt/format.h>

#include "admin/views.h"
#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/push_decision.h"

namespace nightpost::app {
namespace {

struct UserOptions {
  CommonOptions common;
  std::int64_t app = 0;
  std::string user, push, badge, language, sound_c2c, sound_group, peer, group;
  std::string from = "nightpost", kind = "message";
  std::int64_t seconds = 0;
  bool unless_mentioned = false, mentioned = false;

  std::string target(std::string_view path) const {
    return target_of(path, {{"app", std::to_string(app)}, {"user", user}});
  }
  void add_to(CLI::App& command) {
    common.add_store(command);
    common.add_json(command);
    command.add_option("--app", app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
    command.add_option("--user", user, "user id")->required();
  }
};

nlohmann::json as_json(const Receiver& receiver) {
  nlohmann::json mutes = nlohmann::json::array();
  for (const Mute& mute : receiver.mutes)
    mutes.push_back({{"kind", name_of(mute.kind)},
                     {"target", mute.target},
                     {"until", mute.until == WallTime::max() ? nlohmann::json() : nlohmann::json(to_ms(mute.until))},
                     {"unless_mentioned", mute.unless_mentioned}});
  const PushSettings& settings = receiver.settings;
  return {{"push", settings.enabled},
          {"badge", settings.badge},
          {"language", settings.language},
          {"sound_c2c", settings.sound_c2c},
          {"sound_group", settings.sound_group},
          {"devices", receiver.devices.size()},
          {"mutes", mutes}};
}

Result<Receiver> receiver_of(store::Store& store, const UserOptions& options) {
  const ReceiverKey key{AppId{options.app}, options.user};
  auto found = store.receivers({&key, 1});
  if (!found) return std::unexpected(found.error());
  return std::move(found->front());
}

/// Prints what stands in the store now.
int show(const UserOptions& options, store::Store& store) {
  const auto receiver = receiver_of(store, options);
  if (!receiver) return say_error(receiver.error());
  print_user(as_json(*receiver), options.common.json);
  return kDone;
}

/// What a server says of the user now, or its refusal.
int show(const UserOptions& options, const std::expected<nlohmann::json, int>& heard) {
  if (heard) print_user(*heard, options.common.json);
  return heard ? int{kDone} : heard.error();
}

std::expected<bool, int> on_or_off(std::string_view option, std::string_view word, bool otherwise) {
  if (word.empty()) return otherwise;
  if (word == "on") return true;
  if (word == "off") return false;
  return std::unexpected(say_error(fmt::format("{} {}: neither on nor off", option, word), kBadUsage));
}

int set_remotely(const UserOptions& options) {
  nlohmann::json body = nlohmann::json::object();
  for (const auto& [option, name, word] :
       {std::tuple{"--push", "push", &options.push}, std::tuple{"--badge", "badge", &options.badge}}) {
    const auto on = on_or_off(option, *word, true);
    if (!on) return on.error();
    if (!word->empty()) body[name] = *on;
  }
  for (const auto& [name, text] : {std::pair{"language", &options.language}, std::pair{"sound_c2c", &options.sound_c2c},
                                   std::pair{"sound_group", &options.sound_group}})
    if (!text->empty()) body[name] = *text;
  return show(options, ask_server(options.common.remote, "PATCH", options.target("/v1/users"), body));
}

int set(const UserOptions& options) {
  if (options.common.is_remote()) return set_remotely(options);
  auto store = open_store(options.common, false);
  if (!store) return store.error();
  const auto receiver = receiver_of(**store, options);
  if (!receiver) return say_error(receiver.error());
  PushSettings settings = receiver->settings;
  const auto push = on_or_off("--push", options.push, settings.enabled);
  if (!push) return push.error();
  const auto badge = on_or_off("--badge", options.badge, settings.badge);
  if (!badge) return badge.error();
  settings.enabled = *push;
  settings.badge = *badge;
  if (!options.language.empty()) settings.language = options.language;
  if (!options.sound_c2c.empty()) settings.sound_c2c = options.sound_c2c;
  if (!options.sound_group.empty()) settings.sound_group = options.sound_group;
  const auto done = recorded(**store, "user.settings", [&](store::AuditEntry& entry) {
    entry.app = AppId{options.app};
    entry.object = options.user;
    entry.before = admin::settings_note(receiver->settings).dump();
    entry.after = admin::settings_note(settings).dump();
    return (*store)->set_settings(AppId{options.app}, options.user, settings);
  });
  if (!done) return say_error(done.error());
  return show(options, **store);
}

int why(const UserOptions& options) {
  if (options.common.is_remote()) {
    const auto heard = ask_server(options.common.remote, "GET",
                                  target_of("/v1/users/decision", {{"app", std::to_string(options.app)},
                                                                   {"user", options.user},
                                                                   {"from", options.from},
                                                                   {"group", options.group},
                                                                   {"kind", options.kind},
                                                                   {"mentioned", options.mentioned ? "true" : ""}}));
    if (heard) print_decision(*heard, options.common.json);
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(options.common, true);
  if (!store) return store.error();
  const auto decision = push_decision(**store,
                                      {.app = AppId{options.app},
                                       .user = options.user,
                                       .from = options.from,
                                       .group = options.group,
                                       .kind = options.kind,
                                       .mentioned = options.mentioned},
                                      SystemClock().wall());
  if (!decision) return say_error(decision.error());
  print_decision(*decision, options.common.json);
  return kDone;
}

Mute mute_of(const UserOptions& options) {
  Mute mute;
  if (!options.peer.empty()) {
    mute.kind = Mute::Kind::Peer;
    mute.target = options.peer;
  } else if (!options.group.empty()) {
    mute.kind = Mute::Kind::Group;
    mute.target = options.group;
  }
  if (options.seconds > 0) mute.until = SystemClock().wall() + seconds(options.seconds);
  mute.unless_mentioned = options.unless_mentioned;
  return mute;
}

int change_mute_remotely(const UserOptions& options, const Mute& mute, bool muted) {
  const std::string kind(name_of(mute.kind));
  if (!muted)
    return show(options, ask_server(options.common.remote, "DELETE",
                                    target_of("/v1/users/mutes", {{"app", std::to_string(options.app)},
                                                                  {"user", options.user},
                                                                  {"kind", kind},
                                                                  {"target", mute.target}})));
  nlohmann::json body = {{"kind", kind}, {"target", mute.target}, {"unless_mentioned", mute.unless_mentioned}};
  if (mute.until != WallTime::max()) body["until"] = to_ms(mute.until);
  return show(options, ask_server(options.common.remote, "PUT", options.target("/v1/users/mutes"), body));
}

int change_mute(const UserOptions& options, bool muted) {
  const Mute mute = mute_of(options);
  if (options.common.is_remote()) return change_mute_remotely(options, mute, muted);
  auto store = open_store(options.common, false);
  if (!store) return store.error();
  const auto done = recorded(**store, muted ? "user.mute" : "user.unmute", [&](store::AuditEntry& entry) {
    entry.app = AppId{options.app};
    entry.object = options.user;
    (muted ? entry.after : entry.before) = admin::mute_view(mute, SystemClock().wall()).dump();
    return muted ? (*store)->set_mute(AppId{options.app}, options.user, mute)
                 : (*store)->remove_mute(AppId{options.app}, options.user, mute.kind, mute.target);
  });
  if (!done) return say_error(done.error());
  return show(options, **store);
}

}  // namespace

void add_user_command(CLI::App& root, int& exit_code) {
  CLI::App* user =
      root.add_subcommand("user", "Users' push settings and mutes: show, why, set, mute, unmute, import, export");
  user->require_subcommand(1);
  const auto command = [&](const char* name, const char* what, const char* example) {
    CLI::App* added = user->add_subcommand(name, what);
    added->footer(std::string("Example:\n  nightpost user ") + name +
                  " --config config/dev.json --app 1400000001 --user vinson" + example);
    return added;
  };

  auto shown = std::make_shared<UserOptions>();
  CLI::App* show_command = command("show", "What holds for the user", "");
  shown->add_to(*show_command);
  show_command->callback([shown, &exit_code] {
    if (shown->common.is_remote()) {
      exit_code = show(*shown, ask_server(shown->common.remote, "GET", shown->target("/v1/users")));
      return;
    }
    auto store = open_store(shown->common, false);
    exit_code = store ? show(*shown, **store) : store.error();
  });

  auto asked = std::make_shared<UserOptions>();
  CLI::App* why_command = command("why", "What a push to the user would do now, rule by rule; sends nothing", "");
  asked->add_to(*why_command);
  why_command->add_option("--from", asked->from, "sender's user id")->capture_default_str();
  why_command->add_option("--group", asked->group, "the group it is written in; absent: one to one");
  why_command->add_option("--kind", asked->kind, "message, call or badge")
      ->check(CLI::IsMember({"message", "call", "badge"}))
      ->capture_default_str();
  why_command->add_flag("--mentioned", asked->mentioned, "it mentions the user");
  why_command->callback([asked, &exit_code] { exit_code = why(*asked); });

  auto given = std::make_shared<UserOptions>();
  CLI::App* set_command = command("set", "Change what is named, leave the rest", " --push off");
  given->add_to(*set_command);
  set_command->add_option("--push", given->push, "on or off");
  set_command->add_option("--badge", given->badge, "on or off: whether unread messages are counted on the icon");
  set_command->add_option("--language", given->language, "zh, en, …");
  set_command->add_option("--sound-c2c", given->sound_c2c, "sound file for one-to-one messages");
  set_command->add_option("--sound-group", given->sound_group, "sound file for group messages");
  set_command->callback([given, &exit_code] { exit_code = set(*given); });

  for (const bool muted : {true, false}) {
    auto options = std::make_shared<UserOptions>();
    CLI::App* mute_command = muted
                                 ? command("mute", "Silence everything, a peer or a group", " --group team --for 28800")
                                 : command("unmute", "Undo a mute", " --group team");
    options->add_to(*mute_command);
    auto* peer = mute_command->add_option("--peer", options->peer, "messages of this user");
    mute_command->add_option("--group", options->group, "messages of this group")->excludes(peer);
    if (muted) {
      mute_command->add_option("--for", options->seconds, "seconds; absent: for good")->check(CLI::PositiveNumber);
      mute_command->add_flag("--unless-mentioned", options->unless_mentioned,
                             "a message that mentions the user still comes");
    }
    mute_command->callback([options, muted, &exit_code] { exit_code = change_mute(*options, muted); });
  }
  add_user_file_commands(*user, exit_code);
}

}  // namespace nightpost::app
