#include "kafka/refusal.h"

#include <algorithm>

namespace nightpost::kafka {

std::string_view name_of(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::TooLarge:
      return "too_large";
    case Refusal::TopicMissing:
      return "topic_missing";
    case Refusal::Forbidden:
      return "forbidden";
    case Refusal::Other:
      break;
  }
  return "other";
}

std::string_view remedy_of(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::TooLarge:
      return "raise the topic's max.message.bytes to kafka.message_bytes_max";
    case Refusal::TopicMissing:
      return "create the topic, or correct its name in kafka.topics";
    case Refusal::Forbidden:
      return "allow this client to write to the topic";
    case Refusal::Other:
      break;
  }
  return "see the broker's log";
}

milliseconds refusal_backoff(int refusals, milliseconds first, milliseconds max, std::minstd_rand& rng) {
  const int doublings = std::clamp(refusals - 1, 0, 20);
  const std::int64_t whole = std::max<std::int64_t>(std::min(first.count() << doublings, max.count()), 1);
  return milliseconds((whole + 1) / 2 + std::uniform_int_distribution<std::int64_t>(0, whole / 2)(rng));
}

ShortMessage shortened(std::string_view key, std::string_view value, const Headers& headers) {
  ShortMessage made{.key = std::string(key.substr(0, kShortenedBytes)),
                    .value = std::string(value.substr(0, kShortenedBytes)),
                    .headers = {}};
  for (const auto& [name, text] : headers) made.headers.emplace_back(name, text.substr(0, kShortenedBytes));
  made.headers.emplace_back("truncated", "true");
  made.headers.emplace_back("original_bytes", std::to_string(value.size()));
  if (key.size() > kShortenedBytes) made.headers.emplace_back("original_key_bytes", std::to_string(key.size()));
  return made;
}

}  // namespace nightpost::kafka
