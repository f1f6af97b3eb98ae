#include "sim/fleet_log.h"

#include <algorithm>
#include <utility>

#include "kafka/ledger_metadata.h"
#include "sim/judge.h"

namespace nightpost::sim {

FleetEvent& FleetLog::append(std::int32_t partition, FleetEvent event) {
  std::deque<FleetEvent>& events = of(partition).events;
  by_id_[event.id] = {partition, std::int64_t(events.size())};
  return events.emplace_back(std::move(event));
}

std::vector<std::int32_t> FleetLog::take_all(std::uint64_t member) {
  std::vector<std::int32_t> had;
  for (std::size_t p = 0; p < partitions_.size(); ++p)
    if (partitions_[p].owner == member) had.push_back(static_cast<std::int32_t>(p));
  for (const std::int32_t partition : had) give(partition, 0);
  return had;
}

bool FleetLog::commit(std::uint64_t member, std::uint64_t generation, std::int32_t partition, std::int64_t next,
                      const std::string& metadata) {
  Source& source = of(partition);
  if (source.owner != member || source.generation != generation) return false;
  must(next <= end(partition), "a commit beyond the log's end");
  must(!source.committed || next >= source.committed->next, "a commit that goes back");
  const auto later = kafka::parse_done(next, metadata);
  must(later.has_value(), "metadata that cannot be read");
  const std::int64_t first = next / kafka::kOffsetsPerBlock * kafka::kOffsetsPerBlock;  // of the first block
  for (std::int64_t offset = 0; offset < end(partition); ++offset) {
    const auto bit = static_cast<std::size_t>(std::max<std::int64_t>(offset - first, 0));
    const bool named = offset >= next && bit / 8 < later->size() && ((*later)[bit / 8] >> (bit % 8) & 1) != 0;
    if (offset < next || named) check_done(source.events[static_cast<std::size_t>(offset)]);
  }
  source.committed = Committed{next, metadata};
  return true;
}

void FleetLog::check_done(FleetEvent& event) const {
  if (std::exchange(event.committed, true)) return;
  if (event.malformed) return must(event.letter, "committed " + event.id + ", malformed, without its letter");
  const auto ended = [&](const std::string& who) {
    const auto outcome = event.outcomes.find(who);
    return outcome != event.outcomes.end() && (outcome->second || event.letter);
  };
  for (const std::string& user : event.users) {
    if (ended(user)) continue;
    const auto devices = devices_.find(user);
    must(devices != devices_.end() && !devices->second.empty(), "committed " + event.id + " without a word on " + user);
    for (const std::string& device : devices->second)
      must(ended(user + "/" + device), "committed " + event.id + " without a word on " + user + "/" + device);
  }
}

bool FleetLog::all_committed() const {
  return std::ranges::all_of(partitions_, [](const Source& source) {
    return std::ranges::all_of(source.events, [](const FleetEvent& event) { return event.committed; });
  });
}

std::string FleetLog::open_events() const {
  std::string all;
  for (std::size_t p = 0; p < partitions_.size(); ++p)
    for (const FleetEvent& event : partitions_[p].events)
      if (!event.committed)
        all += " " + event.id + " of partition " + std::to_string(p) + " (owner " +
               std::to_string(partitions_[p].owner) + ", taken " + std::to_string(event.taken) + ", outcomes " +
               std::to_string(event.outcomes.size()) + (event.letter ? ", letter" : "") +
               (event.malformed ? ", malformed)" : ")");
  return all;
}

void FleetLog::write_outcome(std::string_view event_id, std::string_view json) {
  const auto place = by_id_.find(event_id);
  must(place != by_id_.end(), "an outcome of no event");
  const std::string device = member_of(json, "device_id");
  const std::string who = member_of(json, "user_id") + (device.empty() ? "" : "/" + device);
  FleetEvent& event = of(place->second.partition).events[static_cast<std::size_t>(place->second.offset)];
  if (on_outcome) on_outcome(event, json);
  bool& lives = event.outcomes[who];
  lives = lives || member_of(json, "outcome") != "dead";
}

void FleetLog::write_letter(const kafka::Headers& headers) {
  const auto number = [&](std::string_view name) {
    const auto header = std::ranges::find(headers, name, &kafka::Headers::value_type::first);
    must(header != headers.end(), "a letter that does not say where its event is");
    return std::stoll(header->second);
  };
  of(static_cast<std::int32_t>(number("source_partition"))).events.at(std::size_t(number("source_offset"))).letter =
      true;
}

}  // namespace nightpost::sim
