#include "dispatch/event.h"

#include <simdjson.h>
#include <array>
#include <cstring>
#include <utility>

namespace nightpost::dispatch {
namespace {
constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;
constexpr std::array<std::string_view, 6> kKinds = {"c2c", "group", "system", "cancel", "badge", "call"};
}  // namespace

std::string_view name_of(EventKind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }

void EventBuffer::assign(std::string_view bytes) {
  const std::size_t wanted = 2 * (bytes.size() + kPadding);
  if (wanted > capacity_) {
    data_ = std::make_unique_for_overwrite<char[]>(wanted);
    capacity_ = wanted;
  }
  size_ = bytes.size();
  if (!bytes.empty()) std::memcpy(data_.get(), bytes.data(), bytes.size());
  std::memset(data_.get() + size_, 0, kPadding);
}

std::size_t EventBuffer::padded_size() const noexcept { return size_ + kPadding; }

std::uint8_t* EventBuffer::text_begin() const noexcept {
  return reinterpret_cast<std::uint8_t*>(data_.get()) + padded_size();
}

void OfflineEvent::reset() {
  std::vector<Element> kept_elements = std::move(elements);
  std::vector<EventReceiver> kept_to = std::move(to);
  std::vector<std::string_view> kept_due = std::move(due_devices);
  EventBuffer kept_buffer = std::move(buffer);
  *this = OfflineEvent();
  kept_elements.clear();
  kept_to.clear();
  kept_due.clear();
  kept_buffer.clear();
  elements = std::move(kept_elements);
  to = std::move(kept_to);
  due_devices = std::move(kept_due);
  buffer = std::move(kept_buffer);
}

}  // namespace nightpost::dispatch
