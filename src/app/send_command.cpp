// nightpost send: one test push through the very dispatcher the worker runs, without Kafka.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "app/command_print.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/send_run.h"
#include "app/worker.h"

namespace nightpost::app {
namespace {

struct SendOptions {
  CommonOptions common;
  std::int64_t app = 0;
  admin::PushQuestion push{.from = "nightpost", .priority = "normal"};  // as an event's that says nothing of it
  std::int64_t timeout_ms = 15'000;
};

int send_remotely(const SendOptions& options) {
  const admin::PushQuestion& push = options.push;
  nlohmann::json body = {{"app_id", options.app},   {"user_id", push.user}, {"badge_only", push.badge_only},
                         {"dry_run", push.dry_run}, {"ttl_s", push.ttl_s},  {"priority", push.priority},
                         {"from", push.from},       {"call", push.call}};
  for (const auto& [name, text] :
       {std::pair{"device_id", &push.device}, std::pair{"title", &push.title}, std::pair{"subtitle", &push.subtitle},
        std::pair{"desc", &push.desc}, std::pair{"ext", &push.ext}, std::pair{"sound", &push.sound},
        std::pair{"channel", &push.channel}, std::pair{"category", &push.category},
        std::pair{"interruption_level", &push.level}, std::pair{"image", &push.image}})
    if (!text->empty()) body[name] = *text;
  if (push.badge) body["badge"] = *push.badge;
  const auto heard = ask_server(options.common.remote, "POST", "/v1/push", body);
  if (!heard) return heard.error();
  for (const nlohmann::json& line : heard->at("trouble")) say_error(printable(line.get<std::string>()), kDone);
  return print_pushes(heard->at("items"), push.dry_run, options.common.json);
}

int run_send(const SendOptions& options) {
  if (options.common.is_remote()) return send_remotely(options);
  const auto config = options.common.load();
  if (!config) return config.error();
  auto store = open_store(*config, true);
  if (!store) return say_error(store.error());
  admin::PushQuestion push = options.push;
  push.app = AppId{options.app};
  auto results = send_test_push(*config, **store, push, milliseconds(options.timeout_ms), SystemClock(),
                                [](const std::string& line) { say_error(line, kDone); });
  if (!results) return say_error(results.error());

  return print_pushes(*results, options.push.dry_run, options.common.json);
}

}  // namespace

void add_send_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<SendOptions>();
  CLI::App* send = root.add_subcommand("send", "Send a test push to a user's devices, or show the exact request");
  options->common.add_store(*send);
  options->common.add_json(*send);
  send->add_option("--app", options->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  send->add_option("--user", options->push.user, "user id")->required();
  send->add_option("--device", options->push.device, "only this device");
  send->add_option("--title", options->push.title, "absent: the tenant's default title");
  CLI::Option* const desc = send->add_option("--desc", options->push.desc, "the text");
  send->add_option("--ext", options->push.ext,
                   "what the app finds under \"ext\": in userInfo, the intent's extras or the data");
  send->add_option("--sound", options->push.sound,
                   "file name in the app, default, or none for silent; apns only: on Android the channel decides");
  send->add_option("--subtitle", options->push.subtitle, "a second title line, on Apple's phones and OPPO's");
  send->add_option("--priority", options->push.priority,
                   "high, normal, low, lowest: of the message, as in an event; low ones do not wake the phone")
      ->capture_default_str()
      ->check(CLI::IsMember({"high", "normal", "low", "lowest"}));
  CLI::Option* const badge = send->add_option("--badge", options->push.badge,
                                              "the number on the icon; absent: what the app showed last plus one")
                                 ->check(CLI::Range(0, std::numeric_limits<std::int32_t>::max()));
  CLI::Option* const badge_only = send->add_flag("--badge-only", options->push.badge_only,
                                                 "set that number and show nothing; --desc is not needed");
  badge_only->needs(badge);
  send->add_flag("--call", options->push.call,
                 "ring as a call, on a phone with a VoIP token by that; --desc is not needed")
      ->excludes(badge_only);
  send->add_option("--channel", options->push.channel,
                   "android: the notification channel, instead of the certificate's");
  send->add_option("--category", options->push.category, "apns: the app's set of buttons");
  send->add_option("--interruption-level", options->push.level, "apns: passive, active, time-sensitive or critical");
  send->add_option("--image", options->push.image, "https URL of a picture");
  send->add_option("--ttl-s", options->push.ttl_s, "seconds the vendor keeps it for a phone that is off line")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{2'419'200}));
  send->add_option("--from", options->push.from, "sender's user id, for mutes")->capture_default_str();
  send->add_flag("--dry-run", options->push.dry_run,
                 "print the exact HTTP request, secrets redacted, and send nothing");
  send->add_option("--timeout-ms", options->timeout_ms, "for the vendor's answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  send->footer(
      "Example:\n  nightpost send --config config/dev.json --app 1400000001 --user vinson --title Denny \\\n"
      "    --desc 'are you coming tonight?' --ext '{\"conv\":\"c2c_denny\"}' --sound default --dry-run");
  send->callback([options, desc, &exit_code] {
    if (!options->push.badge_only && !options->push.call && desc->count() == 0) throw CLI::RequiredError("--desc");
    exit_code = run_send(*options);
  });
}

}  // namespace nightpost::app
