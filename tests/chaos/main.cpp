// ./dev chaos: faults of every kind against real Kafka, the sandbox and the release binary; a verdict a promise.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <random>

#include "chaos/play.h"
#include "chaos/stage.h"

namespace {

using namespace nightpost::chaos;

struct Arguments {
  std::string nightpost, keep_logs;
  std::int64_t minutes = 10;
  std::optional<std::uint64_t> seed;
  std::optional<std::size_t> kills;
  std::optional<std::int64_t> soak;
  std::optional<double> per_s, busy_per_s;
  bool brief = false, at_length = false, json = false;
};

/// What a short run may ask on a machine that others use too: the same promises, and more air around the clock.
Limits limits_of(const Form& form) {
  Limits limits;
  if (form.brief) {
    limits.others_slack_ms = 400;
    limits.memory_slack_kb = 32 * 1024;
  }
  return limits;
}

int run(const Arguments& arguments) {
  const std::uint64_t seed = arguments.seed.value_or(std::random_device{}());
  PlayOptions options{.program = arguments.nightpost,
                      .form = arguments.kills       ? kill_form(*arguments.kills, seed)
                              : arguments.soak      ? soak_form(std::chrono::minutes(*arguments.soak))
                              : arguments.brief     ? short_form()
                              : arguments.at_length ? long_form(std::chrono::minutes(arguments.minutes))
                                                    : form_of(std::chrono::minutes(arguments.minutes)),
                      .seed = seed,
                      .keep_logs = arguments.keep_logs};
  if (arguments.per_s) options.form.per_s = *arguments.per_s;
  if (arguments.busy_per_s) options.form.busy_per_s = *arguments.busy_per_s;
  own_mounts();  // if not, the store's disk cannot be filled, which the verdict says
  std::cerr << "seed " << seed << std::endl;
  const auto verdicts = judge(play(options), limits_of(options.form));
  if (arguments.json)
    std::cout << nlohmann::ordered_json{{"form", options.form.name}, {"seed", seed}, {"verdicts", as_json(verdicts)}}
              << '\n';
  else
    std::cout << '\n' << as_text(verdicts);
  return held(verdicts) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Faults of every kind against real Kafka, the sandbox and the release binary; a verdict a promise.");
  app.add_option("--nightpost", arguments.nightpost, "the release binary")->required();
  app.add_option("--minutes", arguments.minutes, "from the first event to the last")
      ->check(CLI::Range(3, 24 * 60))
      ->capture_default_str();
  app.add_option("--seed", arguments.seed, "repeats a run's schedule; absent: at random, and printed");
  app.add_option("--per-s", arguments.per_s, "events a second while lines and workers fail")
      ->check(CLI::Range(8, 10'000));
  app.add_option("--busy-per-s", arguments.busy_per_s, "events a second while the others are measured")
      ->check(CLI::Range(8, 10'000));
  CLI::Option* brief = app.add_flag("--short", arguments.brief, "about 90 s, the worker's limits a fraction");
  CLI::Option* at_length =
      app.add_flag("--long", arguments.at_length, "also a vendor that is down for five minutes")->excludes(brief);
  CLI::Option* kills =
      app.add_option(
             "--kills", arguments.kills,
             "nothing but so many kills of workers, a rebalance for five of them and a broker restart for fifty")
          ->check(CLI::Range(1, 100'000))
          ->excludes(brief)
          ->excludes(at_length);
  app.add_option("--soak", arguments.soak, "so many minutes of trouble on lines with every event traced: what grows?")
      ->type_name("MINUTES")
      ->check(CLI::Range(4, 24 * 60))
      ->excludes(brief)
      ->excludes(at_length)
      ->excludes(kills);
  app.add_option("--keep-logs", arguments.keep_logs, "a folder for the logs of workers and sandbox")->type_name("DIR");
  app.add_flag("--json", arguments.json);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(arguments);
  } catch (const std::exception& error) {
    std::cerr << "chaos: " << error.what() << '\n';
    return 3;
  }
}
