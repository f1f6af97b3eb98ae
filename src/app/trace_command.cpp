// nightpost trace: what became of one event, or of a user's latest ones.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "app/commands.h"
#include "app/output.h"
#include "app/trace_options.h"
#include "app/trace_results.h"
#include "app/trace_story.h"
#include "dispatch/content.h"
#include "kafka/start_at.h"
#include "store/trace_store.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kHopsMax = 20'000;  // of one event that are read

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
int say_nothing_found(const TraceCommandOptions& options, const Config& config, const std::string& path,
                      std::optional<WallTime> oldest) {
  say_error(options.event.empty() ? fmt::format("nothing is kept of user {} in app {}", options.user, options.app)
                                  : fmt::format("nothing is kept of event {}", options.event),
            kNotAllWell);
  const auto hint = [](const std::string& line) { fmt::print(stderr, "  - {}\n", line); };
  if (!config.trace.enabled) hint("trace.enabled is false in this config: workers keep nothing");
  if (config.trace.sample < 1)
    hint(
        fmt::format("of events that went well, or were ruled out by the sender's or the user's wish, only {:g} % are "
                    "kept (trace.sample); all that failed are",
                    config.trace.sample * 100));
  hint(oldest ? fmt::format("{} begins at {} UTC: what was before is deleted (trace.keep_ms, trace.rows_max)", path,
                            shown_time(to_ms(*oldest)))
              : fmt::format("{} is empty", path));
  hint(
      "in a storm of failures what is over trace.rows_per_second_max is not kept (nightpost_trace_rows_dropped_total)");
  hint("it may not have been consumed yet: see nightpost_kafka_lag and nightpost_kafka_oldest_unsettled_seconds");
  hint("a worker on another machine keeps its own file");
  if (!options.event.empty() && !options.from_results)
    hint("--from-results looks into the results topic, which has the outcome of every push");
  return kNotAllWell;
}

/// A trace file that is there; opening would make one that is not.
std::expected<std::unique_ptr<store::TraceStore>, int> open_trace(const Config& config, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return std::unexpected(
        say_error(fmt::format("there is no trace file {}: no worker with this config has kept anything here{}", path,
                              config.trace.enabled ? "" : " (trace.enabled is false)"),
                  kUnreachable));
  auto opened = store::open_sqlite_trace(path, config.store);
  if (!opened) return std::unexpected(say_error(opened.error()));
  return *std::move(opened);
}

/// Of the event, and what receipts brought under the tag that vendors send back for it.
Result<std::vector<store::TraceHop>> hops_of(store::TraceStore& trace, const TraceCommandOptions& options) {
  const auto user = options.user.empty() ? std::nullopt : std::optional<std::string_view>(options.user);
  auto hops = trace.of_event(options.event, user, kHopsMax);
  if (!hops || dispatch::is_receipt_tag(options.event)) return hops;
  auto receipts = trace.of_event(dispatch::receipt_tag_of(options.event), user, kHopsMax);
  if (!receipts) return receipts;
  for (store::TraceHop& receipt : *receipts) {
    receipt.event_id = options.event;
    hops->push_back(std::move(receipt));
  }
  return hops;
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
    auto trace = open_trace(config, path);
    if (!trace) return trace.error();
    auto hops = hops_of(**trace, options);
    if (!hops) return say_error(hops.error());
    kept = *std::move(hops);
    if (const auto oldest = (*trace)->oldest()) begins = *oldest;
  }
  if (options.from_results)
    if (const auto failed = add_results(options, config, kept)) return *failed;
  if (!options.device.empty())
    std::erase_if(
        kept, [&](const store::TraceHop& hop) { return !hop.device_id.empty() && hop.device_id != options.device; });
  if (kept.empty()) return say_nothing_found(options, config, path, begins);
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
  const std::string path = trace_path(config.trace, config.store_url);
  auto trace = open_trace(config, path);
  if (!trace) return trace.error();
  const auto found = (*trace)->of_user(AppId{options.app}, options.user, *since, options.limit);
  if (!found) return say_error(found.error());
  if (found->empty()) {
    const auto oldest = (*trace)->oldest();
    return say_nothing_found(options, config, path, oldest ? *oldest : std::nullopt);
  }
  nlohmann::json all = nlohmann::json::array();
  Table table({"TIME (UTC)", "EVENT", "DEVICE", "LAST", "WHY"});
  for (const store::TraceHop& hop : *found) {
    nlohmann::json facts = nlohmann::json::parse(hop.facts, nullptr, false);
    if (!facts.is_object()) facts = nlohmann::json::object();
    const std::string last = hop.hop == "attempt" ? "being tried again" : facts.value("outcome", hop.hop);
    const std::string why = facts.value("reason", "");
    all.push_back({{"event_id", hop.event_id},
                   {"device_id", hop.device_id},
                   {"at", to_ms(hop.at)},
                   {"last", last},
                   {"rule", facts.value("rule", "")},
                   {"reason", why}});
    table.row({shown_time(to_ms(hop.at)), printable(hop.event_id), printable(hop.device_id), printable(last),
               printable(why)});
  }
  if (options.common.json)
    print_json(all);
  else
    fmt::print("{}", table.text(""));
  return kDone;
}

int trace(const TraceCommandOptions& options) {
  if (options.event.empty() && (options.user.empty() || options.app == 0))
    return say_error("name an event, or a user with --user and --app", kBadUsage);
  const auto config = options.common.load();
  if (!config) return config.error();
  return options.event.empty() ? list_user(options, *config) : show_event(options, *config);
}

}  // namespace

void add_trace_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<TraceCommandOptions>();
  CLI::App* command =
      root.add_subcommand("trace", "Why a push did or did not arrive: one event hop by hop, or a user's latest events");
  options->common.add_config(*command);
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
