#include "sim/fleet_log.h"

#include <algorithm>
#include <utility>

#include "dispatch/remainder.h"
#include "kafka/ledger_metadata.h"
#include "sim/judge.h"

namespace nightpost::sim {
namespace {

std::string said(const kafka::Headers& headers, std::string_view name) {
  const auto header = std::ranges::find(headers, name, &kafka::Headers::value_type::first);
  must(header != headers.end(), "a record without " + std::string(name));
  return header->second;
}

}  // namespace

FleetLog::FleetLog(std::vector<Topic> topics, const Devices& devices) : topics_(std::move(topics)), devices_(devices) {
  for (std::uint32_t topic = 0; topic < topics_.size(); ++topic) {
    sources_.emplace_back(topics_[topic].partitions);
    for (std::size_t p = 0; p < topics_[topic].partitions; ++p) all_.push_back({topic, static_cast<std::int32_t>(p)});
  }
}

FleetRecord& FleetLog::append(At at, FleetRecord record) {
  record.number = ++records_;
  FleetRecord& kept = of(at).records.emplace_back(std::move(record));
  kept.event->records.push_back(&kept);
  return kept;
}

FleetEvent& FleetLog::append_event(At at, FleetEvent event, const std::string& due_at, WallTime due) {
  const std::string id = event.id;
  FleetEvent& kept = events_[id] = std::move(event);
  append(at, {.event = &kept, .due_at = due_at, .remainder = {}, .due = due, .left = {}});
  return kept;
}

std::vector<FleetLog::At> FleetLog::take_all(std::uint64_t member) {
  std::vector<At> had;
  for (const At at : all_)
    if (owner(at) == member) had.push_back(at);
  for (const At at : had) give(at, 0);
  return had;
}

bool FleetLog::commit(std::uint64_t member, std::uint64_t generation, At at, std::int64_t next,
                      const std::string& metadata) {
  Source& source = of(at);
  if (source.owner != member || source.generation != generation) return false;
  must(next <= end(at), "a commit beyond the log's end");
  must(!source.committed || next >= source.committed->next, "a commit that goes back");
  const auto later = kafka::parse_done(next, metadata);
  must(later.has_value(), "metadata that cannot be read");
  const std::int64_t first = next / kafka::kOffsetsPerBlock * kafka::kOffsetsPerBlock;  // of the first block
  for (std::int64_t offset = 0; offset < end(at); ++offset) {
    const auto bit = static_cast<std::size_t>(std::max<std::int64_t>(offset - first, 0));
    const bool named = offset >= next && bit / 8 < later->size() && ((*later)[bit / 8] >> (bit % 8) & 1) != 0;
    if (offset < next || named) check_done(source.records[static_cast<std::size_t>(offset)]);
  }
  source.committed = Committed{next, metadata};
  return true;
}

/// A later record has it.
bool FleetLog::goes_on(const FleetRecord& record, const std::string& user, const std::string& device) {
  return std::ranges::any_of(record.event->records, [&](const FleetRecord* other) {
    return other->number > record.number && other->is_of(user, device);
  });
}

void FleetLog::check_done(FleetRecord& record) const {
  if (std::exchange(record.committed, true)) return;
  const FleetEvent& event = *record.event;
  if (event.malformed) return must(event.letter, "committed " + event.id + ", malformed, without its letter");
  const auto ended = [&](const std::string& who) {
    const auto outcome = event.outcomes.find(who);
    return outcome != event.outcomes.end() && (outcome->second || event.letter);
  };
  for (const std::string& user : event.users) {
    if (ended(user)) continue;
    const auto devices = devices_.find(user);
    if (devices == devices_.end() || devices->second.empty()) {
      must(!record.is_of(user, "") || goes_on(record, user, ""),
           "committed " + event.id + " without a word on " + user);
      continue;
    }
    for (const std::string& device : devices->second)
      must(!record.is_of(user, device) || ended(user + "/" + device) || goes_on(record, user, device),
           "committed " + event.id + " without a word on " + user + "/" + device);
  }
}

bool FleetLog::all_committed() const {
  return std::ranges::all_of(all_, [this](At at) {
    return std::ranges::all_of(of(at).records, [](const FleetRecord& record) { return record.committed; });
  });
}

std::string FleetLog::open_records() const {
  std::string all;
  for (const At at : all_)
    for (const FleetRecord& record : of(at).records)
      if (!record.committed)
        all += " " + record.event->id + " of topic " + std::to_string(at.topic) + " partition " +
               std::to_string(at.partition) + " (owner " + std::to_string(owner(at)) + ", taken " +
               std::to_string(record.taken) + ", outcomes " + std::to_string(record.event->outcomes.size()) +
               (record.event->letter ? ", letter" : "") + (record.event->malformed ? ", malformed)" : ")");
  return all;
}

void FleetLog::taken(At at, std::int64_t offset, WallTime now) {
  FleetRecord& record = of(at).records.at(static_cast<std::size_t>(offset));
  must(now >= record.due, "delivered " + record.event->id + " before it is due");
  ++record.taken;
}

int FleetLog::taken(const FleetEvent& event, const std::string& user, const std::string& device) {
  int times = 0;
  for (const FleetRecord* record : event.records) times += record->is_of(user, device) ? record->taken : 0;
  return times;
}

bool FleetLog::is_over(const FleetEvent& event, const std::string& user, const std::string& device) {
  return std::ranges::none_of(event.records, [&](const FleetRecord* record) {
    return record->is_of(user, device) && (!record->committed || record->taken > 1);
  });
}

void FleetLog::write_outcome(std::string_view event_id, std::string_view json) {
  const auto event = events_.find(event_id);
  must(event != events_.end(), "an outcome of no event");
  const std::string device = member_of(json, "device_id"), kind = member_of(json, "outcome");
  const std::string who = member_of(json, "user_id") + (device.empty() ? "" : "/" + device);
  if (on_outcome) on_outcome(event->second, json);
  if (kind == "retrying") return;  // no end
  bool& lives = event->second.outcomes[who];
  lives = lives || kind != "dead";
}

std::uint32_t FleetLog::index_of(const std::string& topic) const {
  const auto known = std::ranges::find(topics_, topic, &Topic::name);
  must(known != topics_.end(), "a topic that nobody reads: " + topic);
  return static_cast<std::uint32_t>(known - topics_.begin());
}

FleetEvent& FleetLog::event_of(const kafka::Headers& headers) {
  const At at{index_of(said(headers, "source_topic")),
              static_cast<std::int32_t>(std::stoll(said(headers, "source_partition")))};
  return *of(at).records.at(std::size_t(std::stoll(said(headers, "source_offset")))).event;
}

void FleetLog::write_deferral(const std::string& topic, std::string_view key, std::string_view value,
                              const kafka::Headers& headers) {
  FleetEvent& event = event_of(headers);
  must(key == event.id && value == event.value, "put off " + event.id + ", but not whole");
  FleetRecord record = {.event = &event,
                        .due_at = said(headers, "due_at"),
                        .remainder = said(headers, "remainder"),
                        .due = wall_from_ms(std::stoll(said(headers, "due_at"))),
                        .left = std::set<std::string>()};
  const Result<dispatch::Remainder> left = dispatch::read_remainder(record.remainder);
  must(left.has_value(), "a remainder that cannot be read");
  for (const dispatch::ReceiverLeft& receiver : left->left) {
    if (receiver.devices.empty()) record.left->insert(receiver.user_id);
    for (const dispatch::DeviceLeft& device : receiver.devices)
      record.left->insert(receiver.user_id + "/" + device.device_id);
  }
  const std::uint32_t index = index_of(topic);
  append({index, static_cast<std::int32_t>(std::hash<std::string_view>()(key) % partitions(index))}, std::move(record));
}

void FleetLog::write_letter(const kafka::Headers& headers) { event_of(headers).letter = true; }

}  // namespace nightpost::sim
