#include "app/live_reader.h"

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/json_members.h"
#include "kafka/tail.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kLiveLookEvery{100};   // whether somebody watches; and for the next record
constexpr milliseconds kLiveTryAgain{5'000};  // after the brokers did not answer
constexpr const char* kLiveOpening = "the results topic is being opened";

/// False: the stop came.
bool live_rest(const std::stop_token& stop, milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

std::optional<admin::LiveRow> live_row_of(std::string_view json) {
  if (json.size() > admin::kLiveRowBytesMax) return std::nullopt;
  const auto outcome = nlohmann::json::parse(json, nullptr, false);
  if (!outcome.is_object()) return std::nullopt;
  admin::LiveRow row{.app = {nightpost::number_in(outcome, "app_id")},
                     .vendor = nightpost::text_in(outcome, "vendor"),
                     .outcome = nightpost::text_in(outcome, "outcome"),
                     .rule = nightpost::text_in(outcome, "rule"),
                     .user = nightpost::text_in(outcome, "user_id"),
                     .event = nightpost::text_in(outcome, "event_id"),
                     .json = std::string(json)};
  if (row.outcome.empty()) return std::nullopt;
  return row;
}

LiveReader::LiveReader(const Config& config, const Clock& clock, admin::LiveTail& tail)
    : config_(config), clock_(clock), tail_(tail), thread_([this](const std::stop_token& stop) { run(stop); }) {
  tail_.set_trouble(kLiveOpening);
}

void LiveReader::run(const std::stop_token& stop) {
  do {
    if (tail_.is_watched(clock_.mono())) read(stop);
  } while (live_rest(stop, kLiveLookEvery));
}

void LiveReader::read(const std::stop_token& stop) {
  auto topic = kafka::Tail::start(config_.consumer.kafka, {config_.topics.results}, config_.console.kafka_wait,
                                  kafka::Tail::From::End);
  if (!topic) {
    tail_.set_trouble(topic.error().detail);
    (void)live_rest(stop, kLiveTryAgain);
    return;
  }
  tail_.set_trouble("");
  while (!stop.stop_requested() && tail_.is_watched(clock_.mono())) {
    const auto message = (*topic)->next(kLiveLookEvery);
    if (!message || !tail_.has_room(clock_.mono())) continue;
    if (auto row = live_row_of(message->value))
      tail_.add(*std::move(row));
    else
      tail_.leave_out();
  }
  tail_.set_trouble(kLiveOpening);
}

}  // namespace nightpost::app
