// nightpost dlq: what could not be delivered, why, and another try for those who are left.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "app/command_print.h"
#include "app/commands.h"
#include "app/dead_topic.h"
#include "app/letter.h"
#include "app/letter_run.h"
#include "app/output.h"
#include "app/progress_line.h"
#include "app/stop_signal.h"
#include "app/when.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kRemoteLettersMax = 1'000;  // listed by one request to a server
constexpr std::size_t kRemoteRunMax = 1'000'000;  // replayed or dropped by one

/// What every subcommand takes.
struct DlqOptions {
  CommonOptions common;
  LetterFilter filter;
  std::string since, until;
  std::size_t limit = 0;
  std::int64_t wait_ms = 15'000;

  milliseconds wait() const { return milliseconds(wait_ms); }
  /// The filter with its times read; the exit code where they cannot be.
  std::expected<LetterFilter, int> asked(WallTime now) const {
    LetterFilter ready = filter;
    const std::pair<const std::string*, std::optional<WallTime>*> times[] = {{&since, &ready.since},
                                                                             {&until, &ready.until}};
    for (const auto& [text, time] : times) {
      if (text->empty()) continue;
      const auto at = parse_when(*text, now);
      if (!at)
        return std::unexpected(
            say_error(fmt::format("--{}: {}", text == &since ? "since" : "until", at.error().detail), kBadUsage));
      *time = *at;
    }
    return ready;
  }
};

/// Columns are fixed, so that a line is printed as its letter is read.
constexpr std::string_view kLine = "{}  {}  {}  {}  {}  {}  {}  {}\n";

void print_head() {
  fmt::print(kLine, fitted("WRITTEN (UTC)", 19), fitted("LETTER", 12), fitted("EVENT", 24), fitted("APP", 10),
             fitted("VENDOR", 6), fitted("REASON", 23), fitted("LEFT", 10), "CODE, DETAIL");
}

void print_line(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event, LetterState state,
                bool with_state) {
  std::string words;
  for (const std::string_view part :
       {with_state ? name_of(state) : std::string_view(), letter.header("code"), letter.header("detail")})
    if (!part.empty()) words += (words.empty() ? "" : ", ") + std::string(part);
  fmt::print(kLine, shown_time(letter.timestamp_ms), fitted(text_of(id_of(letter)), 12),
             fitted(printable(letter.header("event_id")), 24),
             fitted(event ? std::to_string(event->app.value) : "", 10), fitted(printable(letter.header("vendor")), 6),
             fitted(printable(letter.header("reason")), 23), fitted(left_text(left_of(letter)), 10), printable(words));
}

LetterDecoder decoder_for(const Config& config) {
  return LetterDecoder(config.producer.message_bytes_max, config.dispatch.receivers_max);
}

/// The API takes one of a kind.
int list_remotely(const DlqOptions& options, bool all) {
  const auto filter = options.asked(SystemClock().wall());
  if (!filter) return filter.error();
  bool single = filter->apps.size() <= 1;
  const auto one = [&single](const std::vector<std::string>& words) {
    single = single && words.size() <= 1;
    return words.empty() ? std::string() : words.front();
  };
  const auto time = [](const std::optional<WallTime>& at) { return at ? std::to_string(to_ms(*at)) : std::string(); };
  const std::size_t limit = options.limit == 0 ? kRemoteLettersMax : std::min(options.limit, kRemoteLettersMax);
  const std::string target =
      target_of("/v1/letters", {{"app", filter->apps.empty() ? "" : std::to_string(filter->apps.front())},
                                {"vendor", one(filter->vendors)},
                                {"rule", one(filter->reasons)},
                                {"code", one(filter->codes)},
                                {"stage", one(filter->stages)},
                                {"event", one(filter->events)},
                                {"user", one(filter->users)},
                                {"since", time(filter->since)},
                                {"until", time(filter->until)},
                                {"state", all ? "all" : "open"},
                                {"limit", std::to_string(limit)}});
  if (!single) return say_error("with --server each filter may be given once", kBadUsage);
  const auto heard = ask_server(options.common.remote, "GET", target);
  if (!heard) return heard.error();
  print_letters(heard->at("items"), all, options.common.json);
  if (!options.common.json && heard->at("more").get<bool>())
    fmt::print(stderr, "nightpost: only the first {}; name a filter, or --since\n", limit);
  return kDone;
}

int show_remotely(const DlqOptions& options, const std::string& which) {
  if (!letter_id_from(which)) return say_error("with --server a letter is named by PARTITION:OFFSET", kBadUsage);
  const auto heard = ask_server(options.common.remote, "GET", "/v1/letters/" + path_text(which));
  if (!heard) return heard.error();
  print_letter(*heard, options.common.json);
  return kDone;
}

int list(const DlqOptions& options, bool all) {
  if (options.common.is_remote()) return list_remotely(options, all);
  const auto config = options.common.load();
  if (!config) return config.error();
  const auto filter = options.asked(SystemClock().wall());
  if (!filter) return filter.error();
  auto dead = open_dead_topic(*config, options.wait());
  if (!dead) return say_error(dead.error());
  if (const auto begun = dead->letters->rewind(filter->since); !begun) return say_error(begun.error());
  LetterDecoder decoder = decoder_for(*config);
  std::size_t shown = 0;
  while (options.limit == 0 || shown < options.limit) {
    const auto letter = dead->letters->next();
    if (!letter) return say_error(letter.error());
    if (!*letter) break;
    const LetterState state = dead->marks.state_of(id_of(**letter));
    if (state != LetterState::Open && !all) continue;
    const dispatch::OfflineEvent* const event = decoder.event_of(**letter);
    if (!filter->matches(**letter, event)) continue;
    if (options.common.json) {
      print_json(as_json(**letter, event, state));
    } else {
      if (shown == 0) print_head();
      print_line(**letter, event, state, all);
      if (::isatty(STDOUT_FILENO) == 1) std::fflush(stdout);
    }
    ++shown;
  }
  if (shown == 0 && !options.common.json) fmt::print("no such letters\n");
  return kDone;
}

int show(const DlqOptions& options, const std::string& which) {
  if (options.common.is_remote()) return show_remotely(options, which);
  const auto config = options.common.load();
  if (!config) return config.error();
  auto dead = open_dead_topic(*config, options.wait());
  if (!dead) return say_error(dead.error());
  LetterDecoder decoder = decoder_for(*config);
  std::size_t shown = 0;
  const auto print = [&](const kafka::TailMessage& letter) {
    const dispatch::OfflineEvent* const event = decoder.event_of(letter);
    const LetterState state = dead->marks.state_of(id_of(letter));
    if (options.common.json) {
      nlohmann::ordered_json json = as_json(letter, event, state);
      json["key"] = letter.key;
      json["event"] = nlohmann::ordered_json::parse(letter.value, nullptr, false);
      if (json["event"].is_discarded()) json["event"] = letter.value;
      print_json(json);
    } else {
      fmt::print("{}{}", shown > 0 ? "\n" : "", letter_text(letter, event, state));
    }
    ++shown;
  };
  if (const auto id = letter_id_from(which)) {
    const auto letter = dead->letters->at(id->partition, id->offset);
    if (!letter) return say_error(letter.error());
    if (*letter) print(**letter);
  } else {
    if (const auto begun = dead->letters->rewind(); !begun) return say_error(begun.error());
    for (;;) {
      const auto letter = dead->letters->next();
      if (!letter) return say_error(letter.error());
      if (!*letter) break;
      if ((*letter)->header("event_id") == which) print(**letter);
    }
  }
  if (shown > 0) return kDone;
  return say_error(fmt::format("{}: no letter of {} is that", which, config->topics.dead), kNotAllWell);
}

std::string progress_text(const RunTally& tally, bool drop, double passed_s) {
  std::uint64_t refused = 0;
  for (const auto& [why, count] : tally.refused) refused += count;
  return fmt::format("{} {}, {} refused, {} looked at ({:.0f} %), {:.0f}/s", drop ? "dropped" : "replayed", tally.done,
                     refused, tally.read, 100 * tally.share_read, static_cast<double>(tally.done) / passed_s);
}

nlohmann::ordered_json as_json(const RunEnd& end, const RunOptions& run) {
  const RunTally& tally = end.tally;
  return {{"dry_run", run.dry_run},       {run.drop ? "dropped" : "replayed", tally.done},
          {"matched", tally.matched},     {"done_before", tally.done_before},
          {"copies", tally.copies},       {"too_late", tally.too_late},
          {"by_reason", tally.by_reason}, {"refused", tally.refused},
          {"stopped", end.stopped},       {"error", end.error ? nlohmann::ordered_json(end.error->detail) : nullptr}};
}

void print_end(const RunEnd& end, const RunOptions& run) {
  const RunTally& tally = end.tally;
  const auto line = [](std::uint64_t count, std::string_view what) {
    if (count > 0) fmt::print("{:>10}  {}\n", count, what);
  };
  fmt::print("{:>10}  {}{}\n", tally.done, run.dry_run ? "would be " : "", run.drop ? "dropped" : "replayed");
  line(tally.copies, "beside them: letters that stand twice, their devices are served by the other one");
  line(tally.too_late, "of them too late: the worker only says so (expired, too_old) and rings nobody");
  for (const auto& [why, count] : tally.refused) line(count, "left as they are: " + why);
  line(tally.done_before, "done before");
  if (run.dry_run)
    for (const auto& [reason, count] : tally.by_reason) line(count, "by reason: " + reason);
}

int say_end(const DlqOptions& options, const RunEnd& end, const RunOptions& asked) {
  if (options.common.json)
    print_json(as_json(end, asked));
  else
    print_end(end, asked);
  if (end.error) say_error(*end.error);
  if (end.taken_over) return kNotAllWell;
  if (end.error) return exit_code_of(*end.error);
  if (end.stopped) return say_error("stopped; whoever runs this again goes on from here", kNotAllWell);
  return end.tally.refused.empty() || asked.dry_run ? int{kDone} : int{kNotAllWell};
}

/// Of an answer of the admin API.
RunTally tally_in(const nlohmann::json& answer) {
  RunTally tally;
  tally.done = answer.at("done");
  tally.matched = answer.at("matched");
  tally.done_before = answer.at("done_before");
  tally.copies = answer.at("copies");
  tally.too_late = answer.at("too_late");
  for (const auto& [reason, count] : answer.at("by_reason").items()) tally.by_reason[reason] = count;
  for (const auto& [why, count] : answer.at("refused").items()) tally.refused[why] = count;
  return tally;
}

/// A request has its time; the same one goes on where the one before it stopped.
int run_remotely(const DlqOptions& options, const RunOptions& asked) {
  const auto filter = options.asked(SystemClock().wall());
  if (!filter) return filter.error();
  nlohmann::json body = {{"apps", filter->apps},   {"vendors", filter->vendors}, {"rules", filter->reasons},
                         {"codes", filter->codes}, {"stages", filter->stages},   {"events", filter->events},
                         {"users", filter->users}, {"dry_run", asked.dry_run}};
  if (filter->since) body["since"] = to_ms(*filter->since);
  if (filter->until) body["until"] = to_ms(*filter->until);
  if (filter->is_empty() && !filter->since && !filter->until) body["everything"] = true;
  RunEnd end;
  StopSignal signal;  // ends it between two requests
  for (std::size_t left = options.limit == 0 ? kRemoteRunMax : options.limit; left > 0;) {
    body["limit"] = std::min(left, kRemoteRunMax);
    const auto heard =
        ask_server(options.common.remote, "POST", asked.drop ? "/v1/letters/drop" : "/v1/letters/replay", body);
    if (!heard) return heard.error();
    const RunTally told = tally_in(*heard);
    end.tally.done += told.done;
    end.tally.matched += told.matched;
    end.tally.copies += told.copies;
    end.tally.too_late += told.too_late;
    end.tally.done_before = told.done_before;
    for (const auto& [reason, count] : told.by_reason) end.tally.by_reason[reason] += count;
    end.tally.refused = told.refused;  // of all letters that the request met, those of the one before among them
    end.stopped = heard->at("stopped").get<bool>();
    left -= std::min<std::size_t>(left, told.done);
    if (!end.stopped || asked.dry_run || told.done == 0 || signal.came()) break;
  }
  return say_end(options, end, asked);
}

int run(const DlqOptions& options, RunOptions asked) {
  if (options.common.is_remote()) return run_remotely(options, asked);
  const auto config = options.common.load();
  if (!config) return config.error();
  const SystemClock clock;
  auto filter = options.asked(clock.wall());
  if (!filter) return filter.error();
  asked.filter = *std::move(filter);
  asked.limit = options.limit;
  asked.wait = options.wait();
  StopSignal signal;  // ends the run between two transactions
  ProgressLine progress(clock);
  const RunHooks hooks = {
      .stopped = [&] { return signal.came(); },
      .progress =
          [&](const RunTally& tally) {
            progress.tell([&](double passed_s) { return progress_text(tally, asked.drop, passed_s); });
          },
      .remark =
          [&](const std::string& line) {
            progress.end_line();
            say_error(line, kDone);
          }};
  const RunEnd end = run_letters(*config, asked, clock, hooks);
  progress.end_line();
  return say_end(options, end, asked);
}

void add_common(CLI::App& command, DlqOptions& options) {
  options.common.add_store(command);
  options.common.add_json(command);
  command.add_option("--wait-ms", options.wait_ms, "for the brokers, at each step")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
}

void add_filters(CLI::App& command, DlqOptions& options) {
  add_common(command, options);
  command.add_option("--app", options.filter.apps, "of this app (tenant); may be repeated, as those below");
  command.add_option("--vendor", options.filter.vendors, "of the push that failed first");
  command.add_option("--rule", options.filter.reasons, "why: credential_bad, retries_exhausted, …");
  command.add_option("--code", options.filter.codes, "the vendor's word");
  command.add_option("--stage", options.filter.stages, "decode, resolve, plan or deliver");
  command.add_option("--event", options.filter.events, "event id");
  command.add_option("--user", options.filter.users, "receiver who is left");
  command.add_option("--since", options.since, "written since: 90s, 15m, 6h, 7d back, or UTC 2026-11-29T08:30:00Z");
  command.add_option("--until", options.until, "written before, likewise");
  command.add_option("--limit", options.limit, "the first so many; 0: all")->capture_default_str();
}

}  // namespace

void add_dlq_command(CLI::App& root, int& exit_code) {
  CLI::App* dlq = root.add_subcommand("dlq", "Dead letters, what could not be delivered: list, show, replay, drop");
  dlq->require_subcommand(1);

  auto listed = std::make_shared<DlqOptions>();
  auto all = std::make_shared<bool>(false);
  CLI::App* list_command = dlq->add_subcommand("list", "Letters that are open, as they are read from the topic");
  add_filters(*list_command, *listed);
  list_command->add_flag("--all", *all, "also those that were replayed or dropped");
  list_command->footer(
      "Examples:\n  nightpost dlq list --config config/dev.json --since 6h --vendor apns\n"
      "  nightpost dlq list --config config/dev.json --rule credential_bad --json | jq .event_id");
  list_command->callback([listed, all, &exit_code] { exit_code = list(*listed, *all); });

  auto shown = std::make_shared<DlqOptions>();
  auto which = std::make_shared<std::string>();
  CLI::App* show_command = dlq->add_subcommand("show", "All of a letter: why, what to do, who is left, the event");
  add_common(*show_command, *shown);
  show_command->add_option("letter", *which, "PARTITION:OFFSET as list shows it, or an event id")->required();
  show_command->footer(
      "Examples:\n  nightpost dlq show 0:4711 --config config/dev.json\n"
      "  nightpost dlq show msg-8c1f --config config/dev.json");
  show_command->callback([shown, which, &exit_code] { exit_code = show(*shown, *which); });

  auto replayed = std::make_shared<DlqOptions>();
  auto replay = std::make_shared<RunOptions>();
  CLI::App* replay_command =
      dlq->add_subcommand("replay", "Give letters another try, each once, for the devices that are left");
  add_filters(*replay_command, *replayed);
  CLI::Option* const rate = replay_command->add_option("--rate", replay->rate, "letters a second; without --server")
                                ->capture_default_str()
                                ->check(CLI::Range(0.01, 100'000.0));
  replay_command->add_flag("--dry-run", replay->dry_run, "count what would go, by reason, and write nothing");
  replay_command->footer(
      "A letter is published and marked in one transaction: after an interruption the same command goes on, and a\n"
      "second replay sends nothing twice. Of two at once the older one ends.\n"
      "Examples:\n  nightpost dlq replay --config config/dev.json --rule credential_bad --since 1d --dry-run\n"
      "  nightpost dlq replay --config config/dev.json --vendor huawei --rate 100");
  replay_command->callback([replayed, replay, rate, &exit_code] {
    exit_code = replayed->common.is_remote() && rate->count() > 0
                    ? say_error("--rate: goes without --server, which has its own pace", kBadUsage)
                    : run(*replayed, *replay);
  });

  auto dropped = std::make_shared<DlqOptions>();
  auto drop = std::make_shared<RunOptions>();
  auto everything = std::make_shared<bool>(false);
  drop->drop = true;
  CLI::App* drop_command = dlq->add_subcommand("drop", "Mark letters as done without another try");
  add_filters(*drop_command, *dropped);
  drop_command->add_flag("--dry-run", drop->dry_run, "count and write nothing");
  drop_command->add_flag("--everything", *everything, "where no filter is given: all of them");
  drop_command->footer(
      "Examples:\n  nightpost dlq drop --config config/dev.json --rule malformed\n"
      "  nightpost dlq drop --config config/dev.json --event msg-8c1f");
  drop_command->callback([dropped, drop, everything, &exit_code] {
    const bool chosen = !dropped->filter.is_empty() || !dropped->since.empty() || !dropped->until.empty();
    exit_code = chosen || *everything
                    ? run(*dropped, *drop)
                    : say_error("dlq drop: name a filter, or --everything for all letters", kBadUsage);
  });
}

}  // namespace nightpost::app
