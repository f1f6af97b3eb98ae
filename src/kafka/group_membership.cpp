#include "kafka/group_membership.h"

#include <charconv>

namespace nightpost::kafka {
namespace {

constexpr int kHeartbeatsMin = 3;
constexpr std::string_view kHostname = "{hostname}";

milliseconds chosen(milliseconds ours, const std::map<std::string, std::string>& client, const char* key) {
  const auto theirs = client.find(key);
  if (theirs == client.end()) return ours;
  int ms = 0;
  const char* const end = theirs->second.data() + theirs->second.size();
  const auto read = std::from_chars(theirs->second.data(), end, ms);
  return read.ec == std::errc() && read.ptr == end ? milliseconds(ms) : ours;
}

}  // namespace

GroupTiming group_timing(GroupTiming ours, const std::map<std::string, std::string>& client) {
  return {.session = chosen(ours.session, client, "session.timeout.ms"),
          .heartbeat = chosen(ours.heartbeat, client, "heartbeat.interval.ms"),
          .max_poll = chosen(ours.max_poll, client, "max.poll.interval.ms")};
}

Result<void> check_group_timing(const GroupTiming& timing) {
  const auto ms = [](milliseconds time) { return std::to_string(time.count()); };
  if (timing.heartbeat * kHeartbeatsMin > timing.session)
    return fail(Errc::Malformed,
                ms(timing.session) + " is less than three heartbeats (" + ms(timing.heartbeat) + " each)");
  if (timing.session >= timing.max_poll)
    return fail(Errc::Malformed,
                ms(timing.session) + " is not below max.poll.interval.ms (" + ms(timing.max_poll) + ")");
  return {};
}

std::string group_instance_id(std::string_view pattern, std::string_view hostname) {
  std::string id(pattern);
  for (std::size_t at = id.find(kHostname); at != std::string::npos; at = id.find(kHostname, at + hostname.size()))
    id.replace(at, kHostname.size(), hostname);
  return id;
}

std::string delay_group_id(std::string_view chosen, std::string_view group_id) {
  return chosen.empty() ? std::string(group_id) + ".delay" : std::string(chosen);
}

}  // namespace nightpost::kafka
