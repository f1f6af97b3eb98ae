// What the answers must be found as.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "e2e/checker/groups.h"

namespace nightpost::e2e::checker {
namespace {

constexpr int kNoMember = 10007;

bool holds(const std::vector<std::string>& users, const std::string& user) {
  return std::ranges::find(users, user) != users.end();
}

}  // namespace

void Groups::read_logs(ImClient& witness) {
  for (Group& in : groups_) {
    GroupLog& log = in.log.emplace(in.created);
    for (bool more = true; more;) {
      const json page = witness.done("group_pull", {{"group", in.id}, {"after", log.head()}, {"limit", 100}});
      for (const json& message : page.at("messages")) {
        INFO(message.dump());
        LogEntry entry = entry_of(message);
        if (const auto send = sends_.find(entry.client_id); send != sends_.end()) entry.targets = send->second.targets;
        CHECK(log.add(std::move(entry)) == "");
      }
      CHECK(page.at("to") == log.head());
      more = page.at("more");
    }
    CHECK(log.head() >= in.head);
    for (const Device& device : devices_) {
      frames_off_[{in.id, device.user}] = windows(in, device.user, true);
      pushes_off_[{in.id, device.user}] = windows(in, device.user, false);
    }
    check_log(in);
    check_recalls(in);
  }
}

/// What was taken stands in it once, what was refused does not.
void Groups::check_log(const Group& in) const {
  std::map<std::string, std::int64_t> places;
  for (std::int64_t seq = 1; seq <= in.log->head(); ++seq) {
    const LogEntry& entry = in.log->at(seq);
    if (entry.is_tip()) continue;
    INFO(in.id << " " << seq << ": " << entry.client_id);
    CHECK(places.emplace(entry.client_id, seq).second);
    const auto send = sends_.find(entry.client_id);
    REQUIRE(send != sends_.end());
    const GroupRequest& request = *send->second.request;
    CHECK(request.group == in.id);
    CHECK(request.user == entry.from);
    // An attempt whose answer was lost may have come after the one that was refused.
    CHECK((request.succeeded() || request.attempts > 1));
  }
  for (const auto& [client_id, send] : sends_) {
    if (send.request->group != in.id || !send.request->succeeded()) continue;
    CAPTURE(in.id, client_id);
    REQUIRE(places.contains(client_id));
    CHECK(places.at(client_id) == send.seq);
  }
}

void Groups::check_recalls(const Group& in) const {
  std::map<std::int64_t, bool> recalls;  // of these seqs; true: for sure
  for (const auto& request : requests_)
    if (request->op == "recall" && request->group == in.id)
      if (request->succeeded() || request->attempts > 1) recalls[request->seq] |= request->succeeded();
  for (std::int64_t seq = 1; seq <= in.log->head(); ++seq) {
    CAPTURE(in.id, seq);
    const auto recall = recalls.find(seq);
    if (in.log->at(seq).recalled) CHECK(recall != recalls.end());
    if (recall != recalls.end() && recall->second) CHECK(in.log->at(seq).recalled);
  }
}

void Groups::check_answers() const {
  for (const auto& request : requests_) {
    REQUIRE_FALSE(request->outcome.empty());
    const auto in = std::ranges::find(groups_, request->group, &Group::id);
    CHECK(judge(*in->log, *request) == "");
  }
}

// ---- Live ----

std::vector<Groups::Window> Groups::windows(const Group& in, const std::string& user, bool frames) const {
  const auto is_off = [&](const GroupRequest& request) {
    const std::string option = request.body.at("option");
    return option == "discard" || (option == "not_notify" && !frames);
  };
  const auto is_his = [&](const GroupRequest& request) {
    return request.op == "option" && request.user == user && request.group == in.id;
  };
  const auto end_of = [&](std::uint64_t round) {  // what was off then
    std::int64_t end = std::numeric_limits<std::int64_t>::max();
    for (const auto& on : requests_)
      if (is_his(*on) && !is_off(*on) && on->succeeded() && on->asked_in > round && on->high >= 0)
        end = std::min(end, on->high);
    return end;
  };
  std::vector<Window> out;
  if (in.created.type == "Meeting" && !frames) out.push_back({0, end_of(0)});  // so it begins
  for (const auto& off : requests_)
    if (is_his(*off) && is_off(*off) && (off->succeeded() || off->attempts > 1))
      out.push_back({off->first_low, end_of(off->answered_in)});
  return out;
}

bool Groups::may_be_off(const Group& in, const std::string& user, std::int64_t seq) const {
  return std::ranges::any_of(frames_off_.at({in.id, user}),
                             [&](const Window& window) { return window.from < seq && seq <= window.to; });
}

const Groups::Send* Groups::send_at(const Group& in, std::int64_t seq) const {
  const auto found = sends_.find(in.log->at(seq).client_id);
  return found == sends_.end() ? nullptr : &found->second;
}

/// A device is not told of what it sent.
bool Groups::is_shown_live(const Group& in, const Device& device, std::int64_t seq) const {
  const Send* const send = send_at(in, seq);
  return in.log->is_for(device.user, seq) && (send == nullptr || send->device != device.name);
}

/// Live frames begin behind it: the head by the sync. A sync leaves out groups that the user is not in, so without one
/// it is the last place, up to the head that was seen after the sync, where he was no member.
std::int64_t Groups::begin_of(const Group& in, const Device& device, const GroupsShown& shown) const {
  if (const auto known = shown.known.find(in.conv); known != shown.known.end()) return known->second;
  std::int64_t seq = shown.round < in.heads.size() ? in.heads[shown.round] : in.log->head();
  while (seq > 0 && in.log->after(seq).member(device.user) != nullptr) --seq;
  return seq;
}

/// Of what frames were to bring up to there, what they did not.
std::vector<std::int64_t> Groups::missed(const Group& in, const Device& device, const GroupsShown& shown,
                                         std::int64_t to) const {
  const auto live = shown.live.find(in.conv);
  std::vector<std::int64_t> out;
  for (std::int64_t seq = begin_of(in, device, shown) + 1; seq <= to; ++seq)
    if (is_shown_live(in, device, seq) && !may_be_off(in, device.user, seq) &&
        (live == shown.live.end() || std::ranges::find(live->second, seq) == live->second.end()))
      out.push_back(seq);
  return out;
}

bool Groups::has_all(const Device& device) const {
  if (!device.connected() || device.groups_shown.empty()) return false;
  return std::ranges::all_of(
      groups_, [&](const Group& in) { return missed(in, device, device.groups_shown.back(), in.log->head()).empty(); });
}

/// Nobody is shown what is not for him; and of what is, nothing is left out between a sync and the last frame. On
/// several nodes (`may_miss`) one that was not told of a commit in time shows later messages before it says `behind`;
/// the sync after that, or after a loss, makes up for the hole.
void Groups::check_live(const Device& device, bool may_miss) const {
  for (const GroupsShown& shown : device.groups_shown) {
    const bool made_up = may_miss && (device.away || &shown != &device.groups_shown.back());
    for (const auto& [conv, live] : shown.live) {
      const auto in = std::ranges::find(groups_, conv, &Group::conv);
      REQUIRE(in != groups_.end());
      CAPTURE(device.name, in->id, begin_of(*in, device, shown), live);
      for (const std::int64_t seq : live) {
        CAPTURE(seq);
        REQUIRE(seq <= in->log->head());
        CHECK(is_shown_live(*in, device, seq));
      }
      if (!made_up) CHECK(missed(*in, device, shown, live.back()) == std::vector<std::int64_t>());
    }
  }
}

// ---- Histories ----

void Groups::check_histories(const std::string& user, ImClient& client, const json& synced, std::int64_t& total) {
  const json rows = synced.value("groups", json::array());
  for (const Group& in : groups_) {
    CAPTURE(user, in.id);
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const json& each) { return each.at("conv") == in.conv; });
    if (in.log->after(in.log->head()).member(user) == nullptr) {
      CHECK(row == rows.end());
      CHECK(client.ask("group_pull", {{"group", in.id}}).at("code") == kNoMember);
      continue;
    }
    REQUIRE(row != rows.end());
    check_pages(in, user, client);
    total += check_row(in, user, *row);
  }
}

void Groups::check_pages(const Group& in, const std::string& user, ImClient& client) const {
  std::vector<std::int64_t> seen;
  std::int64_t after = 0;
  for (bool more = true; more;) {
    const json page = client.done("group_pull", {{"group", in.id}, {"after", after}, {"limit", 40}});
    CHECK(page.at("from") == after + 1);  // the ranges join
    for (const json& message : page.at("messages")) {
      INFO(message.dump());
      const LogEntry entry = entry_of(message);
      REQUIRE(entry.seq <= in.log->head());
      const LogEntry& known = in.log->at(entry.seq);
      CHECK(entry.client_id == known.client_id);
      CHECK(entry.from == known.from);
      CHECK(entry.recalled == known.recalled);
      CHECK(message.at("group") == in.id);
      if (entry.recalled) CHECK(message.at("elements").empty());
      if (!entry.recalled && !entry.is_tip()) CHECK(message.at("elements").at(0).at("text") == entry.client_id);
      seen.push_back(entry.seq);
    }
    after = page.at("to");
    more = page.at("more");
  }
  CHECK(after == in.log->head());
  CHECK(seen == in.log->history_of(user));
}

std::int64_t Groups::check_row(const Group& in, const std::string& user, const json& row) {
  INFO(row.dump());
  const Membership& member = *in.log->after(in.log->head()).member(user);
  CHECK(row.value("head", std::int64_t{0}) == in.log->head());
  CHECK(row.value("cleared", std::int64_t{0}) == member.floor);
  CHECK(row.at("role") == (member.role == Role::Owner ? "owner" : member.role == Role::Admin ? "admin" : "member"));
  const std::int64_t read = row.value("read", std::int64_t{0}), answered = reads_[{in.id, user}];
  marks_[{in.id, user}] = read;
  // Who ends `discard` counts from the head of that moment.
  if (frames_off_.at({in.id, user}).empty()) CHECK(read == std::max(member.floor, answered));
  CHECK(read >= std::max(member.floor, answered));
  std::int64_t unread = 0;
  for (std::int64_t seq = read + 1; seq <= in.log->head(); ++seq) {
    const LogEntry& entry = in.log->at(seq);
    if (!entry.is_tip() && !entry.recalled && entry.from != user && send_at(in, seq)->counts) ++unread;
  }
  if (row.at("option") == "discard" || in.created.type == "Meeting") unread = 0;
  CHECK(row.value("unread", std::int64_t{0}) == unread);
  check_mentions(in, user, read, row);
  return unread;
}

void Groups::check_mentions(const Group& in, const std::string& user, std::int64_t read, const json& row) const {
  std::int64_t me = 0, all = 0;
  for (std::int64_t seq = read + 1; seq <= in.log->head(); ++seq) {
    if (in.log->at(seq).is_tip() || in.log->at(seq).recalled) continue;
    const std::vector<std::string>& mentions = send_at(in, seq)->mentions;
    if (holds(mentions, user)) me = seq;
    if (holds(mentions, "@TIM#ALL")) all = seq;
  }
  CHECK(row.value("mentioned", false) == (me > 0));
  CHECK(row.value("mentioned_all", false) == (all > 0));
  CHECK(row.value("mention", std::int64_t{0}) == std::max(me, all));
}

// ---- Events ----

bool Groups::is_due(const Group& in, const Device& device, const Send& send) const {
  const auto kept = device.groups_kept.find(in.conv);
  const bool has_it = device.acknowledged.contains(in.conv + "-" + std::to_string(send.seq)) ||
                      (kept != device.groups_kept.end() && send.seq <= kept->second);
  const auto mark = marks_.find({in.id, device.user});
  const bool has_read = mark != marks_.end() && send.seq <= mark->second;
  return !has_it && !has_read && device.user != send.request->user && in.log->is_for(device.user, send.seq) &&
         in.log->stayed(device.user, send.seq) && !in.log->at(send.seq).recalled &&
         std::ranges::none_of(pushes_off_.at({in.id, device.user}),
                              [&](const Window& window) { return send.seq <= window.to; });
}

void Groups::check_events(const Events& events, int repeats) const {
  for (const json& event : events.pushes) {
    if (event.at("kind") != "group") continue;
    INFO(event.dump());
    const std::string id = event.at("message").at("id");
    const auto in = std::ranges::find(groups_, conv_of(id), &Group::conv);
    REQUIRE(in != groups_.end());
    REQUIRE(seq_of(id) <= in->log->head());
    const LogEntry& entry = in->log->at(seq_of(id));
    CHECK_FALSE(entry.is_tip());
    CHECK(event.at("group").at("group_id") == in->id);
    CHECK(event.at("event_id") == id + ".0");  // of one range: a repeat is the same push
    for (const json& member : event.at("to")) {
      CHECK(member.at("user_id") != entry.from);
      CHECK(in->log->is_for(member.at("user_id"), entry.seq));
      for (const json& device : member.at("devices"))
        CHECK(device.get<std::string>().starts_with(member.at("user_id").get<std::string>() + "-"));
    }
  }
  std::size_t due = 0;
  for (const Group& in : groups_)
    for (std::int64_t seq = 1; seq <= in.log->head(); ++seq) {
      if (in.log->at(seq).is_tip()) continue;
      Send send = *send_at(in, seq);
      send.seq = seq;
      for (const Device& device : devices_) {
        CAPTURE(in.id, seq, device.name, send.device);
        const int named = events.naming(in.conv + "-" + std::to_string(seq), device.name);
        CHECK(named <= 1 + repeats);
        if (!is_due(in, device, send)) continue;
        ++due;
        CHECK(named > 0);
      }
    }
  if (sends_.size() > 100) CHECK(due > 0);
}

}  // namespace nightpost::e2e::checker
