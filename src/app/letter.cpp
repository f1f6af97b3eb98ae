#include "app/letter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "app/letter_advice.h"
#include "app/output.h"
#include "core/text.h"
#include "kafka/refusal.h"

namespace nightpost::app {
namespace {

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

bool names(const std::vector<std::string>& wanted, std::string_view word) {
  return wanted.empty() || std::ranges::find(wanted, word) != wanted.end();
}

bool concerns(const std::vector<std::string>& users, const kafka::TailMessage& letter,
              const dispatch::OfflineEvent* event) {
  if (users.empty()) return true;
  if (const auto left = left_of(letter); left && *left)
    return std::ranges::any_of((*left)->left, [&](const auto& each) { return names(users, each.user_id); });
  return event != nullptr &&
         std::ranges::any_of(event->to, [&](const auto& each) { return names(users, each.user_id); });
}

std::size_t devices_in(const dispatch::Remainder& remainder) {
  std::size_t count = 0;
  for (const dispatch::ReceiverLeft& each : remainder.left) count += each.devices.size();
  return count;
}

/// The event's own text, pretty where it is JSON.
std::string pretty(const std::string& value) {
  const auto json = nlohmann::ordered_json::parse(value, nullptr, false);
  if (json.is_discarded()) return printable(value);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

const dispatch::OfflineEvent* LetterDecoder::event_of(std::string_view value) {
  event_.reset();
  return decoder_.decode(value, event_) ? &event_ : nullptr;
}

const dispatch::OfflineEvent* LetterDecoder::event_of(const kafka::TailMessage& letter) {
  return is_cut(letter) ? nullptr : event_of(letter.value);
}

LetterId id_of(const kafka::TailMessage& letter) { return {letter.partition, letter.offset}; }

std::optional<LetterSource> source_of(const kafka::TailMessage& letter) {
  const auto partition = number_in<std::int32_t>(letter.header("source_partition"));
  const auto offset = number_in<std::int64_t>(letter.header("source_offset"));
  const std::string_view topic = letter.header("source_topic");
  if (!partition || !offset || topic.empty()) return std::nullopt;
  return LetterSource{std::string(topic), *partition, *offset};
}

bool is_cut(const kafka::TailMessage& letter) { return letter.header("truncated") == "true"; }

Result<std::optional<dispatch::Remainder>> left_of(const kafka::TailMessage& letter) {
  const std::string_view text = letter.header("remainder");
  if (text.empty()) return std::nullopt;
  auto read = dispatch::read_remainder(text);
  if (read) return *std::move(read);
  if (is_cut(letter) && text.size() >= kafka::kShortenedBytes)
    return fail(Errc::Malformed, "the list of the devices left was cut with the letter");
  return fail(Errc::Malformed, "header remainder: " + read.error().detail);
}

bool LetterFilter::is_empty() const noexcept {
  return apps.empty() && vendors.empty() && reasons.empty() && codes.empty() && stages.empty() && events.empty() &&
         users.empty() && !since && !until;
}

bool LetterFilter::matches(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event) const {
  const WallTime at = wall_from_ms(letter.timestamp_ms);
  if ((since && at < *since) || (until && at >= *until)) return false;
  if (!names(vendors, letter.header("vendor")) || !names(reasons, letter.header("reason")) ||
      !names(codes, letter.header("code")) || !names(stages, letter.header("stage")) ||
      !names(events, letter.header("event_id")))
    return false;
  if (!apps.empty() && (event == nullptr || std::ranges::find(apps, event->app.value) == apps.end())) return false;
  return concerns(users, letter, event);
}

bool is_too_late(const dispatch::OfflineEvent& event, WallTime now, milliseconds age_max) noexcept {
  return now >= event.expires_at || (age_max > milliseconds(0) && now - event.occurred_at > age_max);
}

Result<Original> original_of(const kafka::TailMessage& letter, std::optional<kafka::TailMessage> source) {
  if (!is_cut(letter)) return Original{letter.key, letter.value};
  if (!source) return fail(Errc::NotFound, "it was cut, and its first record is gone");
  const auto bytes = number_in<std::size_t>(letter.header("original_bytes"));
  const std::string_view key_bytes = letter.header("original_key_bytes");
  const bool same_key = key_bytes.empty()
                            ? source->key == letter.key
                            : std::to_string(source->key.size()) == key_bytes && source->key.starts_with(letter.key);
  if (bytes != source->value.size() || !source->value.starts_with(letter.value) || !same_key)
    return fail(Errc::NotFound, "it was cut, and another record stands where its first one was");
  return Original{std::move(source->key), std::move(source->value)};
}

kafka::Transactions::Message replay_of(const kafka::TailMessage& letter, Original original,
                                       const std::optional<dispatch::Remainder>& left, const std::string& topic,
                                       int partitions) {
  kafka::Transactions::Message message{
      .topic = topic, .key = std::move(original.key), .value = std::move(original.value), .headers = {}};
  const auto add = [&](const char* name, std::string_view text) {
    if (!text.empty()) message.headers.emplace_back(name, text);
  };
  add("traceparent", letter.header("traceparent"));
  if (left) {
    // Time and tries begin anew: the first ones were used up.
    dispatch::Remainder fresh;
    for (const dispatch::ReceiverLeft& receiver : left->left) {
      dispatch::ReceiverLeft& each = fresh.left.emplace_back();
      each.user_id = receiver.user_id;
      for (const dispatch::DeviceLeft& device : receiver.devices)
        each.devices.emplace_back().device_id = device.device_id;
    }
    add("remainder", to_json(fresh));
  }
  for (const char* name : {"source_topic", "source_partition", "source_offset"}) add(name, letter.header(name));
  if (const auto source = source_of(letter); source && source->topic == topic && source->partition < partitions)
    message.partition = source->partition;
  return message;
}

nlohmann::ordered_json as_json(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event,
                               LetterState state) {
  nlohmann::ordered_json json = {
      {"partition", letter.partition},
      {"offset", letter.offset},
      {"at", letter.timestamp_ms},
      {"state", name_of(state)},
      {"event_id", letter.header("event_id")},
      {"app_id", event == nullptr ? nlohmann::ordered_json() : nlohmann::ordered_json(event->app.value)}};
  for (const char* name : {"stage", "reason", "vendor", "code", "detail"}) json[name] = letter.header(name);
  json["attempts"] = number_in<int>(letter.header("attempts")).value_or(0);
  json["truncated"] = is_cut(letter);
  const auto source = source_of(letter);
  json["source"] = source ? nlohmann::ordered_json{{"topic", source->topic},
                                                   {"partition", source->partition},
                                                   {"offset", source->offset}}
                          : nlohmann::ordered_json();
  json["left"] = nlohmann::ordered_json();  // null: everybody, or not known
  if (const auto left = left_of(letter); left && *left) {
    json["left"] = nlohmann::ordered_json::array();
    for (const dispatch::ReceiverLeft& receiver : (*left)->left) {
      nlohmann::ordered_json devices = nlohmann::ordered_json::array();
      for (const dispatch::DeviceLeft& device : receiver.devices) devices.push_back(device.device_id);
      json["left"].push_back({{"user_id", receiver.user_id}, {"devices", std::move(devices)}});
    }
  }
  return json;
}

std::string left_text(const Result<std::optional<dispatch::Remainder>>& left) {
  if (!left) return "unknown";
  if (!*left) return "everybody";
  if (const std::size_t devices = devices_in(**left); devices > 0) return counted(devices, "device");
  return counted((*left)->left.size(), "user");
}

std::string letter_text(const kafka::TailMessage& letter, const dispatch::OfflineEvent* event, LetterState state) {
  std::string text;
  const auto line = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, printable(value));
  };
  line("letter", text_of(id_of(letter)));
  line("written", shown_time(letter.timestamp_ms) + " UTC");
  line("state", name_of(state));
  line("event", letter.header("event_id"));
  if (event != nullptr) {
    line("app", std::to_string(event->app.value));
    line("occurred", shown_time(to_ms(event->occurred_at)) + " UTC");
    line("expires", shown_time(to_ms(event->expires_at)) + " UTC");
  }
  if (const auto source = source_of(letter))
    line("source", fmt::format("{} {}:{}", source->topic, source->partition, source->offset));
  line("trace", letter.header("traceparent"));
  const std::string_view reason = letter.header("reason"), stage = letter.header("stage");
  line("stopped", fmt::format("{}{}", stage, when_dead(stage).empty() ? "" : fmt::format(", {}", when_dead(stage))));
  line("reason", fmt::format("{}: {}", reason, why_dead(reason)));
  line("vendor", letter.header("vendor"));
  line("code", letter.header("code"));
  line("attempts", letter.header("attempts"));
  line("detail", letter.header("detail"));
  line("to do", what_to_do(reason));
  const auto left = left_of(letter);
  line("left", left ? left_text(left) : left.error().detail);
  if (left && *left)
    for (const dispatch::ReceiverLeft& receiver : (*left)->left) {
      if (receiver.devices.empty()) text += fmt::format("  {}: all devices\n", printable(receiver.user_id));
      for (const dispatch::DeviceLeft& device : receiver.devices) {
        std::string what;
        const auto add = [&what](std::string_view word) {
          if (!word.empty()) what += (what.empty() ? "" : " ") + std::string(word);
        };
        add(device.vendor);
        add(device.rule);
        add(device.code);
        if (device.sent > 0) add(fmt::format("sent {}", counted(std::size_t(device.sent), "time")));
        text += fmt::format("  {} {}{}\n", printable(receiver.user_id), printable(device.device_id),
                            what.empty() ? "" : ": " + printable(what));
      }
    }
  if (is_cut(letter))
    text += fmt::format("\nthe event was too large for the dead topic: this is its beginning, of {} bytes\n",
                        letter.header("original_bytes"));
  text += "\n" + pretty(letter.value) + "\n";
  return text;
}

}  // namespace nightpost::app
