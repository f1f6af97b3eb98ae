// One group in which a few members talk as fast as they can.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "bench/im/measure.h"
#include "bench/im/phases.h"

namespace nightpost::bench {
namespace {

constexpr std::int64_t kAckEvery = 16;  // deliver frames

std::string hot_writer(std::size_t number) { return fmt::format("hot-{}", number); }

class HotGroup {
 public:
  HotGroup(const ImPlan& plan, const ImBed& bed) : plan_(plan), bed_(bed), crowd_(bed.port(), bed.tls()) {
    std::vector<std::string> users;
    for (std::size_t i = 0; i < plan.hot_writers; ++i) users.push_back(hot_writer(i));
    Callers callers(bed, RestHttp::One, 8);
    import_accounts(callers, users);
    import_group(callers, "hot", users.front(), {users.begin() + 1, users.end()});
    for (const std::string& user : users) crowd_.add(user);
    crowd_.login_all(0, plan.hot_writers);
    heard_.resize(plan.hot_writers);
    sent_at_.resize(plan.hot_writers);
    crowd_.events.res = [this](Crowd::Index writer, std::int64_t id, Crowd::Json body) { answered(writer, id, body); };
    crowd_.events.deliver = [this](Crowd::Index writer, Crowd::Json frame) { delivered(writer, frame); };
  }

  void measure(Measured& run) {
    const double bare = bed_.bare_commits_per_s(plan_.sync_span);
    const ImBed::Commits before = bed_.commits();
    const auto cpu = bed_.usage().cpu;
    const auto start = Clock::now();
    for (std::size_t open = 0; open < plan_.hot_open; ++open)
      for (std::size_t writer = 0; writer < plan_.hot_writers; ++writer) send(writer);
    crowd_.turn_until([&] { return seqs_.size() == plan_.hot_messages; }, "a hot group");
    const double time = seconds_of(Clock::now() - start);
    const auto cpu_used = bed_.usage().cpu - cpu;
    const ImBed::Commits after = bed_.commits();
    check();
    const auto count = static_cast<double>(plan_.hot_messages);
    run["hot_group_sends_per_s"] = count / time;
    run["hot_group_cpu_us_per_send"] = static_cast<double>(cpu_used.count()) / count;
    run["hot_group_p50_ms"] = percentile_ms(latencies_, 0.5);
    run["hot_group_p99_ms"] = percentile_ms(latencies_, 0.99);
    run["hot_group_commands_per_commit"] = (after.commands - before.commands) / (after.commits - before.commits);
    run["hot_group_commits_per_s"] = (after.commits - before.commits) / time;
    run["hot_group_bare_commits_per_s"] = bare;
  }

 private:
  void send(Crowd::Index writer) {
    if (sent_ == plan_.hot_messages) return;
    ++sent_;
    std::vector<Clock::time_point>& own = sent_at_[writer];
    own.push_back(Clock::now());
    crowd_.say(writer, fmt::format(R"({{"type":"req","id":{0},"op":"group_send","body":{{"group":"hot","client_id":)"
                                   R"("c-{0}","elements":[{{"type":"text","text":"Shall we meet at seven?"}}]}}}})",
                                   own.size()));
  }
  void answered(Crowd::Index writer, std::int64_t id, Crowd::Json body) {
    const std::string_view name = body["id"];
    std::int64_t seq = 0;
    const std::size_t dash = name.find('-');
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), seq);
    seqs_.push_back(seq);
    latencies_.push_back(Clock::now() - sent_at_[writer].at(std::size_t(id) - 1));
    send(writer);
  }
  void delivered(Crowd::Index writer, Crowd::Json frame) {
    for (const Crowd::Json item : frame["items"].get_array()) {
      if (std::string_view(item["kind"]) != "message") throw std::runtime_error("a hot group: news that nobody made");
      ++heard_[writer];
    }
    if (const std::int64_t pos = frame["pos"]; pos % kAckEvery == 0)
      crowd_.say(writer, fmt::format(R"({{"type":"ack","pos":{}}})", pos));
  }
  /// The sequence is dense, and everyone heard what the others said.
  void check() {
    std::ranges::sort(seqs_);
    for (std::size_t i = 0; i < seqs_.size(); ++i)
      if (seqs_[i] != seqs_.front() + std::int64_t(i))
        throw std::runtime_error(fmt::format("a hot group: seq {} behind {} messages", seqs_[i], i));
    const auto all_heard = [&] {
      for (std::size_t writer = 0; writer < heard_.size(); ++writer)
        if (heard_[writer] + sent_at_[writer].size() != plan_.hot_messages) return false;
      return true;
    };
    crowd_.turn_until(all_heard, "a hot group's last messages");
  }

  const ImPlan& plan_;
  const ImBed& bed_;
  Crowd crowd_;
  std::size_t sent_ = 0;
  std::vector<std::size_t> heard_;                       // messages, by writer
  std::vector<std::vector<Clock::time_point>> sent_at_;  // by writer and request
  std::vector<std::int64_t> seqs_;                       // of the answers
  std::vector<Clock::duration> latencies_;
};

}  // namespace

void import_group(Callers& callers, const std::string& group, const std::string& owner,
                  const std::vector<std::string>& users) {
  constexpr std::size_t kOneCall = 300;  // the API's
  callers.call_all(
      "group_open_http_svc/import_group",
      {nlohmann::json{{"Owner_Account", owner}, {"Type", "Public"}, {"GroupId", group}, {"Name", group}}.dump()});
  std::vector<std::string> bodies;
  for (std::size_t from = 0; from < users.size(); from += kOneCall) {
    nlohmann::json members = nlohmann::json::array();
    for (std::size_t i = from; i < std::min(users.size(), from + kOneCall); ++i)
      members.push_back({{"Member_Account", users[i]}});
    bodies.push_back(nlohmann::json{{"GroupId", group}, {"MemberList", std::move(members)}}.dump());
  }
  callers.call_all("group_open_http_svc/import_group_member", std::move(bodies), [&](std::string_view body) {
    if (body.contains(R"("Result":0)")) throw std::runtime_error("members of " + group + ": " + std::string(body));
  });
}

void measure_hot_group(const ImPlan& plan, ImBed& bed, Measured& run) { HotGroup(plan, bed).measure(run); }

}  // namespace nightpost::bench
