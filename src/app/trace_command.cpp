// nightpost trace: what became of one event, or of a user's latest ones.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "app/command_print.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/trace_look.h"
#include "app/trace_options.h"
#include "app/trace_results.h"
#include "app/trace_story.h"
#include "dispatch/content.h"
#include "kafka/start_at.h"
#include "store/trace_store.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kRemoteEventsMax = 1'000;  // by one request to a server

struct TraceCommandOptions {
  CommonOptions common;
  std::string event, user, device, since;
  std::int64_t app = 0;
  std::size_t limit = 50, devices = 20;
  bool from_results = false;
  std::size_t messages_max = 2'000'000;
  std::int64_t wait_ms = 15'000;
};

/// From when on; the epoch: all that is there.
std::expected<WallTime, int> since_of(const TraceCommandOptions& options, const char* otherwise) {
  const std::string text = options.since.empty() ? otherwise : options.since;
  const auto since = kafka::parse_start_at(text);
  if (since && since->from == kafka::StartAt::From::Back) return SystemClock().wall() - since->back;
  if (since && since->from == kafka::StartAt::From::Earliest) return WallTime{};
  return std::unexpected(
      say_error(fmt::format("--since {}: is neither earliest nor a duration like 90s, 15m, 6h, 7d", text), kBadUsage));
}

/// Why there may be nothing, for somebody who looks for it.
int say_nothing_found(const TraceCommandOptions& options, const Config& config, std::optional<WallTime> oldest) {
  say_error(options.event.empty() ? fmt::format("nothing is kept of user {} in app {}", options.user, options.app)
                                  : fmt::format("nothing is kept of event {}", options.event),
            kNotAllWell);
  for (const std::string& why : why_nothing_kept(config, oldest)) fmt::print(stderr, "  - {}\n", why);
  if (!options.event.empty() && !options.from_results)
    fmt::print(stderr, "  - --from-results looks into the results topic, which has the outcome of every push\n");
  return kNotAllWell;
}

std::expected<std::unique_ptr<store::TraceStore>, int> open_trace(const Config& config) {
  auto opened = open_trace_file(config);
  if (opened) return *std::move(opened);
  return std::unexpected(opened.error().code == Errc::NotFound ? say_error(opened.error().detail, kUnreachable)
                                                               : say_error(opened.error()));
}

/// What the results topic has beside; what was not read of it is said.
std::optional<int> add_results(const TraceCommandOptions& options, const Config& config,
                               std::vector<store::TraceHop>& hops) {
  const auto since = since_of(options, "1h");
  if (!since) return since.error();
  auto found = scan_results(config.consumer.kafka, {.topic = config.topics.results,
                                                    .event_id = options.event,
                                                    .receipt_tag = dispatch::receipt_tag_of(options.event),
                                                    .since = *since,
                                                    .wait = milliseconds(options.wait_ms),
                                                    .messages_max = options.messages_max});
  if (!found) return say_error(found.error().detail, kUnreachable);
  if (!found->whole)
    say_error(fmt::format("only {} messages of {} were read: name a shorter --since, or raise --messages-max",
                          found->read, config.topics.results),
              kDone);
  if (!options.user.empty())
    std::erase_if(found->hops, [&](const store::TraceHop& hop) { return hop.user_id != options.user; });
  add_missing(hops, std::move(found->hops));
  return std::nullopt;
}

int show_event(const TraceCommandOptions& options, const Config& config) {
  const std::string path = trace_path(config.trace, config.store_url);
  std::error_code ignored;
  std::vector<store::TraceHop> kept;
  std::optional<WallTime> begins;
  if (!options.from_results || std::filesystem::exists(path, ignored)) {
    auto trace = open_trace(config);
    if (!trace) return trace.error();
    auto hops = kept_hops(**trace, options.event, options.user);
    if (!hops) return say_error(hops.error());
    kept = *std::move(hops);
    if (const auto oldest = (*trace)->oldest()) begins = *oldest;
  }
  if (options.from_results)
    if (const auto failed = add_results(options, config, kept)) return *failed;
  keep_device(kept, options.device);
  if (kept.empty()) return say_nothing_found(options, config, begins);
  const WallTime now = SystemClock().wall();
  const TraceStory story = story_of(kept, now);
  if (options.common.json)
    print_json(trace_json(story));
  else
    fmt::print("{}", trace_text(story, now, options.devices));
  return kDone;
}

int list_user(const TraceCommandOptions& options, const Config& config) {
  const auto since = since_of(options, "24h");
  if (!since) return since.error();
  auto trace = open_trace(config);
  if (!trace) return trace.error();
  const auto found = (*trace)->of_user(AppId{options.app}, options.user, *since, options.limit);
  if (!found) return say_error(found.error());
  if (found->empty()) {
    const auto oldest = (*trace)->oldest();
    return say_nothing_found(options, config, oldest ? *oldest : std::nullopt);
  }
  print_latest_events(latest_json(*found), options.common.json);
  return kDone;
}

int trace_remotely(const TraceCommandOptions& options) {
  const RemoteOptions& remote = options.common.remote;
  if (options.from_results)
    return say_error("--from-results: goes without --server, where the brokers can be reached", kBadUsage);
  if (!options.event.empty()) {
    const auto heard = ask_server(
        remote, "GET",
        target_of("/v1/trace/events", {{"event", options.event}, {"user", options.user}, {"device", options.device}}));
    if (!heard) return heard.error();
    if (options.common.json)
      print_json(*heard);
    else
      fmt::print("{}", heard->at("text").get<std::string>());
    return kDone;
  }
  const auto since = since_of(options, "24h");
  if (!since) return since.error();
  const auto heard =
      ask_server(remote, "GET",
                 target_of("/v1/trace/users", {{"app", std::to_string(options.app)},
                                               {"user", options.user},
                                               {"since", std::to_string(to_ms(*since))},
                                               {"limit", std::to_string(std::min(options.limit, kRemoteEventsMax))}}));
  if (!heard) return heard.error();
  if (heard->at("items").empty())
    return say_error(fmt::format("nothing is kept of user {} in app {}", options.user, options.app), kNotAllWell);
  print_latest_events(heard->at("items"), options.common.json);
  return kDone;
}

int trace(const TraceCommandOptions& options) {
  if (options.event.empty() && (options.user.empty() || options.app == 0))
    return say_error("name an event, or a user with --user and --app", kBadUsage);
  if (options.common.is_remote()) return trace_remotely(options);
  const auto config = options.common.load();
  if (!config) return config.error();
  return options.event.empty() ? list_user(options, *config) : show_event(options, *config);
}

}  // namespace

void add_trace_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<TraceCommandOptions>();
  CLI::App* command =
      root.add_subcommand("trace", "Why a push did or did not arrive: one event hop by hop, or a user's latest events");
  options->common.add_store(*command);
  options->common.add_json(*command);
  command->add_option("event", options->event, "the event's id, as its producer gave it")->type_name("EVENT");
  command->add_option("--user", options->user, "only this receiver; without an event: their latest events");
  command->add_option("--device", options->device, "only this device");
  command->add_option("--app", options->app, "app (tenant) id, with --user alone")->check(CLI::PositiveNumber);
  command->add_option(
      "--since", options->since,
      "how far back: 90s, 15m, 6h, 7d or earliest; absent: 24h with --user alone, 1h with --from-results");
  command->add_flag("--from-results", options->from_results,
                    "also read the results topic, which has the outcome of every push, kept here or not");
  command->add_option("--messages-max", options->messages_max, "of the results topic that are read")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000'000));
  command->add_option("--wait-ms", options->wait_ms, "for the brokers, at each step")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--limit", options->limit, "events of a user that are listed")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_option("--devices", options->devices, "devices of an event that are shown, those that went wrong first")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->footer(
      "Workers keep all that failed and a sample of the rest (config/README.md, Trace).\n"
      "Exit codes: 0 found, 1 nothing is kept (it says why that may be), 2 bad usage, 3 no trace file, or no broker.\n"
      "Example:\n  nightpost trace --config config/dev.json 01JDQZ7B2M3N4P5Q6R7S8T9V0W\n"
      "  nightpost trace --config config/dev.json --user vinson --app 1400000001 --since 2h\n"
      "  nightpost trace --config config/dev.json 01JDQZ7B2M3N4P5Q6R7S8T9V0W --from-results --since 6h");
  command->callback([options, &exit_code] { exit_code = trace(*options); });
}

}  // namespace nightpost::app
