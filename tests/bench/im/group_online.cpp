// One group whose members are all online: how many deliveries a second, at what cost, how late; beside a bare writer.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "bench/im/bare_writer.h"
#include "bench/im/measure.h"
#include "bench/im/phases.h"

namespace nightpost::bench {
namespace {

constexpr std::size_t kWindow = 4;          // messages on their way in the closed loop
constexpr std::size_t kAckFrames = 16;      // a member acknowledges after so many
constexpr double kSteadyShare = 0.8;        // of the closed loop's rate, where that is below the wanted one
constexpr std::size_t kOtherFiles = 1'000;  // what the bare writer leaves of the limit

std::string online_member(std::size_t number) { return fmt::format("online-{}", number); }

/// The number behind the first `key` of `frame`; -1: it is not there.
std::int64_t number_after(std::string_view frame, std::string_view key) {
  const std::size_t at = frame.find(key);
  std::int64_t number = -1;
  if (at != std::string_view::npos)
    std::from_chars(frame.data() + at + key.size(), frame.data() + frame.size(), number);
  return number;
}

/// Client 0 writes, the others hear. A message's text is its number, from 1.
class OnlineGroup {
 public:
  OnlineGroup(const ImPlan& plan, const ImBed& bed)
      : plan_(plan),
        bed_(bed),
        crowd_(bed.port(), bed.tls()),
        heard_(plan.group_members),
        owed_(plan.group_members),
        due_(1),
        arrived_(1) {
    std::vector<std::string> users;
    for (std::size_t i = 0; i < plan.group_members; ++i) users.push_back(online_member(i));
    Callers callers(bed, RestHttp::One, 16);
    import_accounts(callers, users);
    import_group(callers, "online", users.front(), {users.begin() + 1, users.end()});
    for (const std::string& user : users) crowd_.add(user);
    crowd_.login_all(0, plan.logins_at_once);
    crowd_.events.res = [](Crowd::Index, std::int64_t, Crowd::Json) {};
    crowd_.events.deliver = [](Crowd::Index, Crowd::Json) { throw std::runtime_error("news that nobody made"); };
    crowd_.events.raw = [this](Crowd::Index member, std::string_view frame) { return take(member, frame); };
  }

  void measure(const std::string& prefix, Measured& run) {
    closed(kWindow * 2);  // unmeasured
    const Span fast = measured([&] { closed(plan_.group_messages); });
    run[prefix + "members"] = plan_.group_members;
    run[prefix + "deliveries_per_s"] = fast.deliveries / fast.time;
    run[prefix + "cpu_us_per_delivery"] = fast.cpu_us / fast.deliveries;
    run[prefix + "frames_per_read"] = fast.deliveries / fast.reads;
    run[prefix + "generator_cpu_us_per_delivery"] = fast.own_cpu_us / fast.deliveries;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const std::size_t most = (files.rlim_cur - kOtherFiles) / 2;  // both ends are in this process
    // The clients' sockets are still open.
    const std::size_t bare = std::min(plan_.group_members - 1, most - std::min(most - 1, plan_.group_members / 2));
    const BareFanOut writer = bare_fan_out(bare, frame_bytes_, plan_.group_messages, kWindow, bed_.tls());
    run[prefix + "bare_connections"] = bare;
    run[prefix + "bare_deliveries_per_s"] = writer.deliveries_per_s;
    run[prefix + "bare_cpu_us"] = writer.cpu_us;
    run[prefix + "cpu_ratio"] = run[prefix + "cpu_us_per_delivery"].get<double>() / writer.cpu_us;

    const double fastest = fast.deliveries / fast.time / static_cast<double>(plan_.group_members - 1);
    const double per_s = std::min(plan_.group_per_s, kSteadyShare * fastest);
    Span held = measured([&] { steady(per_s); });
    run[prefix + "held_messages_per_s"] = per_s;
    run[prefix + "held_deliveries_per_s"] = held.deliveries / held.time;
    run[prefix + "held_cpu_us_per_delivery"] = held.cpu_us / held.deliveries;
    run[prefix + "held_frames_per_read"] = held.deliveries / held.reads;
    run[prefix + "held_p50_ms"] = percentile_ms(held.latencies, 0.5);
    run[prefix + "held_p99_ms"] = percentile_ms(held.latencies, 0.99);
  }

 private:
  struct Span {
    double time = 0, cpu_us = 0, own_cpu_us = 0, deliveries = 0, reads = 0;
    std::vector<Clock::duration> latencies;
  };
  Span measured(const std::function<void()>& load) {
    latencies_.clear();
    const auto reads = crowd_.reads();
    const auto cpu = bed_.usage().cpu;
    const auto own = own_cpu();
    const auto start = Clock::now();
    load();
    Span span{.time = seconds_of(Clock::now() - start),
              .cpu_us = static_cast<double>((bed_.usage().cpu - cpu).count()),
              .own_cpu_us = static_cast<double>((own_cpu() - own).count()),
              .deliveries = static_cast<double>(latencies_.size()),
              .reads = static_cast<double>(crowd_.reads() - reads),
              .latencies = {}};
    span.latencies = std::move(latencies_);
    acknowledge_all();
    return span;
  }
  std::size_t sent() const noexcept { return due_.size() - 1; }
  bool all_came() const noexcept { return whole_ == sent(); }
  void closed(std::size_t messages) {
    const std::size_t last = sent() + messages;
    const auto go_on = [&] {
      while (sent() < last && sent() - whole_ < kWindow) send(Clock::now());
      return sent() == last && all_came();
    };
    crowd_.turn_until(go_on, "a group that is online");
  }
  void steady(double per_s) {
    const auto count = static_cast<std::size_t>(per_s * static_cast<double>(plan_.seconds.count()));
    const auto start = Clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(static_cast<double>(i) / per_s));
      while (Clock::now() < due) crowd_.turn(due);
      send(due);
      crowd_.turn(Clock::now());  // behind its time, too
    }
    crowd_.turn_until([&] { return all_came(); }, "a group's steady rate");
  }
  void send(Clock::time_point due) {
    due_.push_back(due);
    arrived_.push_back(0);
    crowd_.say(0,
               fmt::format(R"({{"type":"req","id":{0},"op":"group_send","body":{{"group":"online","client_id":"c-{0}",)"
                           R"("elements":[{{"type":"text","text":"{0} Shall we meet at the station at seven?"}}]}}}})",
                           sent()));
  }
  bool take(Crowd::Index member, std::string_view frame) {
    if (!frame.starts_with(R"({"type":"deliver")")) return false;
    const std::int64_t number = number_after(frame, R"("text":")");
    if (number != ++heard_[member])
      throw std::runtime_error(fmt::format("member {}: message {} instead of {}", member, number, heard_[member]));
    const auto at = static_cast<std::size_t>(number);
    latencies_.push_back(Clock::now() - due_.at(at));
    frame_bytes_ = frame.size();
    owed_[member] = number_after(frame, R"("pos":)");
    if (at % kAckFrames == 0) acknowledge(member);
    if (++arrived_[at] == plan_.group_members - 1) ++whole_;
    return true;
  }
  void acknowledge(Crowd::Index member) {
    crowd_.say(member, fmt::format(R"({{"type":"ack","pos":{}}})", std::exchange(owed_[member], 0)));
  }
  /// The last frames, too: after `im.ack_timeout_ms` without it the server pushes them to every phone, beside whatever
  /// is measured next.
  void acknowledge_all() {
    for (Crowd::Index member = 0; member < owed_.size(); ++member)
      if (owed_[member] > 0) acknowledge(member);
    crowd_.turn(Clock::now());
    bed_.expect_metric("nightpost_im_group_intents_held", 0);
    bed_.expect_metric("nightpost_im_group_event_members_total", 0);
  }

  const ImPlan& plan_;
  const ImBed& bed_;
  Crowd crowd_;
  std::vector<std::int64_t> heard_;     // the last message, by member
  std::vector<std::int64_t> owed_;      // likewise: the last frame that is not acknowledged; 0: none
  std::vector<Clock::time_point> due_;  // by message
  std::vector<std::size_t> arrived_;    // likewise: members that have it
  std::size_t whole_ = 0;               // messages that all have
  std::size_t frame_bytes_ = 0;
  std::vector<Clock::duration> latencies_;
};

}  // namespace

void measure_group_online(const ImPlan& plan, ImBed& bed, Measured& run) {
  OnlineGroup(plan, bed).measure(bed.tls() ? "group_tls_" : "group_", run);
}

}  // namespace nightpost::bench
