#include "observe/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <cmath>
#include <iterator>
#include <mutex>
#include <utility>

#include "core/text.h"
#include "observe/event_limit.h"

namespace nightpost::observe {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warn", "error", "off"};

const SystemClock kSystemClock;

/// Appends a field's value as JSON behind a key that append_json_member() cannot write.
struct AppendRaw {
  std::string& out;
  std::string_view key;

  void operator()(const std::string& text) const { append_json_member(out, key, utf8_repaired(text)); }
  void operator()(std::int64_t number) const { append_json_member(out, key, number); }
  void operator()(bool value) const { raw(value ? "true" : "false"); }
  void operator()(double value) const { raw(std::isfinite(value) ? fmt::format("{}", value) : "null"); }

 private:
  void raw(std::string_view value) const {
    fmt::format_to(std::back_inserter(out), "{}\"", out.ends_with('{') ? "" : ",");
    append_json_escaped(out, key);
    fmt::format_to(std::back_inserter(out), "\":{}", value);
  }
};

}  // namespace

std::string_view name_of(Level level) noexcept { return kLevels[std::size_t(level)]; }

std::optional<Level> level_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kLevels.size(); ++i)
    if (kLevels[i] == name) return Level(i);
  return std::nullopt;
}

std::string rfc3339(WallTime at) {
  const auto whole = std::chrono::floor<seconds>(at);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                     (at - whole).count());
}

std::string line_of(Level level, std::string_view at, std::string_view event, std::initializer_list<Field> fields,
                    std::uint64_t dropped) {
  std::string line = "{";
  append_json_member(line, "at", at);
  append_json_member(line, "level", name_of(level));
  append_json_member(line, "event", utf8_repaired(event));
  for (const Field& field : fields) std::visit(AppendRaw{line, field.key}, field.value);
  if (dropped > 0) append_json_member(line, "dropped", static_cast<std::int64_t>(dropped));
  line += '}';
  return line;
}

/// The sink is not of the locking kind: `mutex` already orders the limit and the lines.
struct Log::Impl {
  Impl(Level level_min, std::uint32_t per_second_max, spdlog::sink_ptr sink, const Clock& time)
      : level(level_min), clock(time), limit(per_second_max), lines("nightpost", std::move(sink)) {
    lines.set_pattern("%v");
    lines.set_level(spdlog::level::trace);
    lines.flush_on(spdlog::level::trace);
    lines.set_error_handler([](const std::string&) {});  // nowhere left to say it
  }

  void say(Level at_level, std::string_view event, std::initializer_list<Field> fields, std::uint64_t dropped) {
    lines.log(spdlog::level::info, line_of(at_level, rfc3339(clock.wall()), event, fields, dropped));
  }

  const Level level;
  const Clock& clock;
  std::mutex mutex;
  EventLimit limit;
  spdlog::logger lines;
};

Log::Log(Level level, std::uint32_t per_event_per_second_max)
    : impl_(std::make_unique<Impl>(level, per_event_per_second_max, std::make_shared<spdlog::sinks::stderr_sink_st>(),
                                   kSystemClock)) {}

Log::Log(Level level, std::uint32_t per_event_per_second_max, std::ostream& to, const Clock& clock)
    : impl_(std::make_unique<Impl>(level, per_event_per_second_max,
                                   std::make_shared<spdlog::sinks::ostream_sink_st>(to), clock)) {}

Log::~Log() {
  for (const auto& [event, dropped] : impl_->limit.take_dropped())
    impl_->say(Level::Warn, "log.dropped", {kv("of", event)}, dropped);
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < impl_->level) return;
  const std::lock_guard lock(impl_->mutex);
  if (const EventLimit::Verdict verdict = impl_->limit.admit(event, impl_->clock.mono()); verdict.passes)
    impl_->say(level, event, fields, verdict.dropped);
}

void Log::debug(std::string_view event, std::initializer_list<Field> fields) { write(Level::Debug, event, fields); }
void Log::info(std::string_view event, std::initializer_list<Field> fields) { write(Level::Info, event, fields); }
void Log::warn(std::string_view event, std::initializer_list<Field> fields) { write(Level::Warn, event, fields); }
void Log::error(std::string_view event, std::initializer_list<Field> fields) { write(Level::Error, event, fields); }

}  // namespace nightpost::observe
