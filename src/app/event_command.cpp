// nightpost event: put offline events onto the topic, as an IM server would.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "app/command_print.h"
#include "app/commands.h"
#include "app/event_publish.h"
#include "app/event_time.h"
#include "app/output.h"
#include "app/send_run.h"
#include "app/worker.h"
#include "dispatch/decode.h"
#include "kafka/metrics.h"
#include "kafka/producer.h"

namespace nightpost::app {
namespace {

struct PublishOptions {
  CommonOptions common;
  std::vector<std::string> files;
  bool unchecked = false, now = false, dry_run = false;
  std::int64_t wait_ms = 10'000;
};

struct Source {
  std::string place;  // "events.ndjson:3"
  std::string bytes;
};

/// One JSON document, or one event a line: a file whose first line alone is not JSON is a document.
std::vector<Source> split(const std::string& path, const std::string& text) {
  if (nlohmann::json::accept(text) || !text.contains('\n')) return {{path, text}};
  const std::string first =
      text.substr(text.find_first_not_of(" \t\r\n") == std::string::npos ? 0 : text.find_first_not_of(" \t\r\n"));
  if (!nlohmann::json::accept(first.substr(0, first.find('\n')))) {
    // A broken document, or lines of which the first is broken: the second line tells.
    const std::size_t next = first.find('\n');
    const std::string second =
        next == std::string::npos ? "" : first.substr(next + 1, first.find('\n', next + 1) - next - 1);
    if (!nlohmann::json::accept(second)) return {{path, text}};
  }
  std::vector<Source> lines;
  std::istringstream stream(text);
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back({fmt::format("{}:{}", path, number), std::move(line)});
  }
  return lines;
}

int publish(const PublishOptions& options) {
  const auto config = options.common.load();
  if (!config) return config.error();
  // Everything is read and checked before anything is sent: a mistake in line 9 does not leave lines 1 to 8 behind.
  struct Event {
    std::string key, bytes, place;
  };
  std::vector<Event> events;
  int mistakes = 0;
  dispatch::Decoder decoder(config->dispatch.event_bytes_max, config->dispatch.receivers_max);
  dispatch::OfflineEvent event;
  for (const std::string& path : options.files) {
    const auto text = read_file(path);
    if (!text) return say_error(text.error());
    for (Source& source : split(path == "-" ? "stdin" : path, *text)) {
      if (options.now) source.bytes = occurred_now(std::move(source.bytes), SystemClock().wall());
      event.reset();
      const auto decoded = decoder.decode(source.bytes, event);
      if (!decoded && !options.unchecked) {
        say_error(fmt::format("{}: {}", source.place, decoded.error().detail), kBadUsage);
        ++mistakes;
      }
      events.push_back({decoded ? key_of(event) : source.place, std::move(source.bytes), source.place});
    }
  }
  if (mistakes > 0) return say_error("nothing was published; --unchecked publishes events as they are", kBadUsage);
  if (options.dry_run) {
    auto store = open_store(*config, true);
    if (!store) return say_error(store.error());
    int exit_code = kDone;
    for (const Event& one : events) {
      auto decided = dry_run_event(*config, **store, one.bytes, milliseconds(options.wait_ms), SystemClock());
      if (!decided) return say_error(decided.error());
      (*decided)["event"] = one.place;
      if (options.common.json)
        print_json(*decided);
      else
        exit_code = std::max(exit_code, print_event_dry_run(*decided, one.place));
      if (!(*decided)["dead"].is_null()) exit_code = kNotAllWell;
    }
    return exit_code;
  }

  kafka::ProducerMetrics metrics;
  auto producer = kafka::Producer::start(config->producer, [](const Error& error) { say_error(error); }, metrics);
  if (!producer) return say_error(producer.error());
  for (const Event& one : events) {
    const auto written =
        (*producer)->produce_and_wait(config->topics.offline, one.key, one.bytes, {}, milliseconds(options.wait_ms));
    if (!written)
      return say_error(fmt::format("{}: {}", config->producer.kafka.brokers, written.error().detail), kUnreachable);
    if (options.common.json) {
      print_json({{"topic", written->topic}, {"partition", written->partition}, {"offset", written->offset}});
    } else {
      fmt::print("{} {} {}\n", written->topic, written->partition, written->offset);
    }
  }
  return kDone;
}

}  // namespace

void add_event_command(CLI::App& root, int& exit_code) {
  CLI::App* event = root.add_subcommand("event", "Offline events: publish");
  event->require_subcommand(1);
  auto options = std::make_shared<PublishOptions>();
  CLI::App* command = event->add_subcommand(
      "publish", "Check events and write them to the offline topic; prints topic, partition, offset");
  options->common.add_config(*command);
  options->common.add_json(*command);
  command->add_option("file", options->files, "one event a line, or one JSON document; - is stdin")
      ->required()
      ->type_name("FILE...");
  command->add_flag("--unchecked", options->unchecked, "publish as it is, to see what the dispatcher says of it");
  command->add_flag("--now", options->now, "as if the events occurred now, for examples and replays: sets occurred_at");
  command->add_flag("--dry-run", options->dry_run,
                    "print what would become of each event: every request, secrets redacted, and why the others get "
                    "none; publish and send nothing");
  command->add_option("--wait-ms", options->wait_ms, "for the broker's acknowledgement, or a dry run of one event")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->footer(
      "Kinds: c2c and group are messages; system is not pushed; cancel takes a message back, or what was read of a\n"
      "conversation; badge sets the icon's number alone; call rings. A cancel is published under its message's\n"
      "key, so name its from, or its group. config/schemas/offline-event.schema.json has examples.\n\n"
      "Examples:\n  nightpost event publish --config config/dev.json --now config/example-event.json\n"
      "  nightpost event publish --config config/dev.json --now --dry-run config/example-event.json");
  command->callback([options, &exit_code] { exit_code = publish(*options); });
}

}  // namespace nightpost::app
