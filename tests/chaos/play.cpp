#include "chaos/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <random>

#include "chaos/load.h"
#include "chaos/stage.h"
#include "chaos/watch.h"
#include "core/time.h"

namespace nightpost::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kTick = 100ms;
constexpr auto kTakeoverEcho = 15s;  // so long after a change of hands its repeats come: a session, and a grace
constexpr auto kLineEcho = 45s;  // so long after a line's trouble its repeats come: a response's time, and a back-off
constexpr auto kLeave = 60s;
constexpr auto kBeforeKills = 10s;
/// When calm nothing grows any more in the second half.
constexpr double kSettledFrom = 0.5;

std::int64_t now_ms() { return to_ms(SystemClock().wall()); }

nlohmann::json rule(const std::string& vendor, nlohmann::json act, nlohmann::json match = nlohmann::json::object()) {
  match["vendor"] = vendor;
  return {{"name", vendor}, {"match", std::move(match)}, {"act", std::move(act)}};
}

class Play {
 public:
  explicit Play(const PlayOptions& options)
      : options_(options),
        form_(options.form),
        random_(options.seed),
        stage_(options.program, form_),
        load_(stage_.brokers(), {.topic = stage_.names().offline, .users_each = kUsersEach}, book_),
        topics_(stage_.brokers(), {stage_.names().results, 4}, {stage_.names().dead, 1}, kUsersEach, book_),
        requests_(*stage_.sandbox, book_) {
    // Who is in trouble in the isolation part.
    std::vector<VendorNumber> all(kVendors);
    std::iota(all.begin(), all.end(), VendorNumber{0});
    std::ranges::shuffle(all, random_);
    troubled_ = {all.begin(), all.begin() + 3};
    well_ = {all.begin() + 3, all.end()};
  }

  Figures run() {
    stage_.start_fleet();
    if (form_.kills > 0) return kills();
    if (form_.soak) return soak();
    isolation();
    const std::vector<Act> lines = line_acts(options_.seed, form_.lines, form_.brief);
    part("lines", form_.lines, lines);
    if (form_.outage > 0s) outage();
    const std::vector<Act> fleet = fleet_acts(options_.seed, form_.workers, form_.brief);
    part("fleet", form_.workers, fleet);
    for (const Blow blow : left_out(lines, fleet)) not_played(fmt::format("{} (the time is too short)", name_of(blow)));
    settle();
    return count();
  }

 private:
  Figures kills() {
    begin("kills", form_.per_s);
    wait(kBeforeKills);
    strike(kill_acts(options_.seed, form_.kills), form_.workers);
    settle();
    return count();
  }

  Figures soak() {
    figures_.grown.resize(stage_.members.size());
    for (std::size_t i = 0; i < stage_.members.size(); ++i) figures_.grown[i].name = stage_.members[i]->name();
    soaked_from_ = steady_clock::now();
    part("soak", form_.lines, line_acts(options_.seed, form_.lines));
    soaked_from_.reset();
    settle();
    return count();
  }

  void note_growth(std::size_t member, const support::Usage& usage) {
    const auto quarter = 4 * (steady_clock::now() - *soaked_from_) / form_.lines;
    Growth& worker = figures_.grown[member];
    if (quarter == 1) {
      worker.early_kb = std::max(worker.early_kb, usage.rss_kb);
      worker.early_files = std::max(worker.early_files, usage.files);
    } else if (quarter >= 3) {
      worker.late_kb = std::max(worker.late_kb, usage.rss_kb);
      worker.late_files = std::max(worker.late_files, usage.files);
    }
  }

  void say(const std::string& text) const {
    std::cerr << fmt::format("{:6.1f} s  {}", std::chrono::duration<double>(steady_clock::now() - began_).count(), text)
              << std::endl;
  }
  std::string name(VendorNumber vendor) const { return stage_.vendors[vendor]; }
  void not_played(std::string what) {
    if (std::ranges::find(figures_.faults_not_played, what) == figures_.faults_not_played.end())
      figures_.faults_not_played.push_back(std::move(what));
  }

  // --- time passes ---

  void wait(milliseconds time) {
    const auto until = steady_clock::now() + time;
    for (; steady_clock::now() < until; support::pause_for(
             std::min<milliseconds>(kTick, std::chrono::ceil<milliseconds>(until - steady_clock::now()))))
      look_around();
  }

  void look_around() {
    for (std::size_t i = 0; i < stage_.members.size(); ++i) {
      Member& member = *stage_.members[i];
      if (auto end = member.look_after(store_hidden_)) figures_.unexpected_ends.push_back(std::move(*end));
      if (rss_ != nullptr && member.up()) (*rss_)[i] = std::max((*rss_)[i], member.worker().process().usage().rss_kb);
      if (soaked_from_ && member.up()) note_growth(i, member.worker().process().usage());
    }
  }

  std::int64_t begin(const std::string& phase, double per_s) {
    say(phase);
    book_.with([&](Book::Pages& pages) { pages.ledger.begin_phase(phase); });
    load_.pace(per_s);
    return now_ms();
  }

  void disturb(Disturbance::What what, std::int64_t from, std::optional<VendorNumber> vendor = {}) {
    const auto echo = what == Disturbance::What::Line ? kLineEcho : kTakeoverEcho;
    const std::int64_t now = now_ms();
    disturbances_.push_back(
        {.what = what, .from_ms = from, .to_ms = now + milliseconds(echo).count(), .vendor = vendor, .struck_ms = now});
  }

  // --- isolation ---

  void isolation() {
    begin("warm-up", form_.busy_per_s);
    wait(form_.warm_up);
    const std::int64_t calm = begin("calm", form_.busy_per_s);
    wait(milliseconds(std::int64_t(double(milliseconds(form_.calm).count()) * kSettledFrom)));
    rss_ = &rss_calm_;
    wait(milliseconds(std::int64_t(double(milliseconds(form_.calm).count()) * (1 - kSettledFrom))));
    const std::int64_t trouble = now_ms();
    rss_ = &rss_trouble_;

    const std::array acts = {nlohmann::json{{"hang", true}}, nlohmann::json{{"status", 503}},
                             nlohmann::json{{"status", 429}}};
    const std::array words = {"hang", "503", "429"};
    std::vector<nlohmann::json> rules;
    std::string phase;
    for (std::size_t i = 0; i < acts.size(); ++i) {
      rules.push_back(rule(name(troubled_[i]), acts[i]));
      stage_.script(rules);
      phase += fmt::format("{}{} {}", phase.empty() ? "" : " + ", name(troubled_[i]), words[i]);
      phases_in_trouble_.push_back(book_.with([](Book::Pages& pages) { return pages.ledger.phases({}, 0).size(); }));
      begin(phase, form_.busy_per_s);
      wait(form_.trouble);
    }
    stage_.script({});
    for (const VendorNumber vendor : troubled_) disturb(Disturbance::What::Line, trouble, vendor);
    const std::int64_t mended = begin("recovery", form_.busy_per_s);
    wait(form_.recovery);
    rss_ = nullptr;
    for (std::size_t i = 0; i < troubled_.size(); ++i)
      back_.push_back(
          {.vendor = troubled_[i], .trouble = words[i], .calm = {calm, trouble}, .after = {mended, now_ms()}});
  }

  void outage() {
    const VendorNumber vendor = troubled_[0];
    const std::int64_t from = begin("outage", form_.per_s);
    wait(30s);
    const std::int64_t down = now_ms();
    stage_.script({rule(name(vendor), {{"status", 503}})});
    say(name(vendor) + " is down");
    wait(form_.outage);
    stage_.script({});
    disturb(Disturbance::What::Line, down, vendor);
    const std::int64_t mended = now_ms();
    say(name(vendor) + " is back");
    wait(form_.outage / 2);
    back_.push_back({.vendor = vendor,
                     .trouble = fmt::format("down for {} s", form_.outage.count()),
                     .calm = {from, down},
                     .after = {mended, now_ms()}});
  }

  // --- blows ---

  void part(const std::string& phase, seconds length, const std::vector<Act>& acts) {
    if (length <= 0s) return;
    begin(phase, form_.per_s);
    const auto start = steady_clock::now();
    strike(acts, length);
    if (const auto left = start + length - steady_clock::now(); left > 0s) wait(std::chrono::ceil<milliseconds>(left));
  }

  void strike(const std::vector<Act>& acts, seconds length) {
    const auto start = steady_clock::now();
    for (const Act& act : acts) {
      if (const auto early = start + act.at - steady_clock::now(); early > 0s)
        wait(std::chrono::ceil<milliseconds>(early));
      if (steady_clock::now() > start + length) {
        not_played(fmt::format("{} (what came before took longer)", name_of(act.blow)));
        continue;
      }
      const std::int64_t from = now_ms();
      say(fmt::format("{}{}", name_of(act.blow), act.vendor ? " of " + name(*act.vendor) : ""));
      if (act.blow < Blow::Kill)
        strike_line(act, from);
      else
        strike_fleet(act, from);
    }
  }

  void strike_line(const Act& act, std::int64_t from) {
    ++figures_.line_faults;
    const VendorNumber v = act.vendor.value_or(0);
    switch (act.blow) {
      case Blow::Resets:
        stage_.script({rule(name(v), {{"reset", 7}}, {{"share", 0.15}, {"share_of", "requests"}}),
                       rule(name(v), {{"reset", 2}}, {{"share", 0.15}, {"share_of", "requests"}, {"seed", "2"}})});
        wait(act.lasts);
        break;
      case Blow::Goaways:
        stage_.script(
            {rule(name(v), {{"goaway", nlohmann::json::object()}}, {{"share", 0.1}, {"share_of", "requests"}})});
        wait(act.lasts);
        break;
      case Blow::Unavailable:
        stage_.script({rule(name(v), {{"status", 503}})});
        wait(act.lasts);
        break;
      case Blow::Cuts:
        for (const auto until = steady_clock::now() + act.lasts; steady_clock::now() < until;) {
          stage_.line(v).cut();
          wait(500ms);
        }
        break;
      case Blow::SlowLoris:
        stage_.line(v).be(Line::Slow);
        wait(act.lasts);
        break;
      case Blow::Silence:
        stage_.line(v).be(Line::Silent);
        wait(act.lasts);
        break;
      case Blow::Refusals:
        stage_.line(v).be(Line::Refused);
        wait(act.lasts);
        break;
      case Blow::Untrusted:
        stage_.trust(v, false);
        wait(act.lasts);
        stage_.trust(v, true);
        break;
      case Blow::ProxyLoss:
        stage_.proxy().be(Line::Refused);
        wait(act.lasts);
        break;
      case Blow::HostFrozen:
        stage_.sandbox->process().signal(SIGSTOP);
        wait(act.lasts);
        stage_.sandbox->process().signal(SIGCONT);
        break;
      default:
        break;
    }
    stage_.mend();
    disturb(Disturbance::What::Line, from, act.vendor);
  }

  void strike_fleet(const Act& act, std::int64_t from) {
    Member& victim = *stage_.members[random_() % stage_.members.size()];
    switch (act.blow) {
      case Blow::Kill:
        victim.kill();
        ++figures_.kills;
        break;
      case Blow::Rebalance:
        stage_.guest->start();
        if (!stage_.guest->worker().ready(30s)) figures_.unexpected_ends.push_back("a guest gets no partitions");
        wait(act.lasts);
        if (const auto code = stage_.guest->leave(kLeave); code != 0)
          figures_.unexpected_ends.push_back(fmt::format("a guest left with {}", code.value_or(-1)));
        figures_.rebalances += 2;
        break;
      case Blow::Freeze:
        victim.worker().process().signal(SIGSTOP);
        wait(act.lasts);
        victim.worker().process().signal(SIGCONT);
        ++figures_.freezes;
        break;
      case Blow::BrokerRestart:
        stage_.restart_broker(random_());
        ++figures_.broker_restarts;
        break;
      case Blow::ResultsRefused:
        stage_.refuse_results(true);
        wait(act.lasts);
        stage_.refuse_results(false);
        ++figures_.kafka_refusals;
        break;
      case Blow::StoreLocked:
        stage_.lock_store(true);
        remove_tokens(act.lasts);
        stage_.lock_store(false);
        ++figures_.store_faults;
        break;
      case Blow::StoreGone:
        store_hidden_ = true;
        stage_.hide_store(true);
        victim.kill();
        ++figures_.kills;
        wait(act.lasts);
        stage_.hide_store(false);
        // Whoever was started without it ends, or has ended; from now on a start succeeds.
        if (!support::eventually(30s, [&] {
              look_around();
              return victim.up() && victim.worker().ready(3s);
            }))
          figures_.unexpected_ends.push_back(victim.name() + " does not come up after the store is back");
        store_hidden_ = false;
        ++figures_.store_faults;
        break;
      case Blow::StoreFull:
        if (!stage_.can_fill_store()) return not_played("store full (no mounts of our own here)");
        stage_.fill_store(true);
        remove_tokens(act.lasts);
        stage_.fill_store(false);
        ++figures_.store_faults;
        break;
      default:
        break;
    }
    disturb(Disturbance::What::Takeover, from);
  }

  /// A few phones are gone, as their vendor says: each is a write to the store.
  void remove_tokens(milliseconds time) {
    stage_.script(
        {rule("apns", {{"status", 410}, {"reason", "Unregistered"}, {"timestamp", now_ms()}}, {{"times", 3}})});
    wait(time);
    stage_.script({});
  }

  // --- the end ---

  void settle() {
    load_.pace(0);
    load_.end();
    stage_.mend();
    say("no more events; waiting for the last outcomes");
    const auto until = steady_clock::now() + form_.settle;
    const auto finished = [&] {
      return book_.with([](Book::Pages& pages) { return pages.ledger.finished() == pages.ledger.units(); });
    };
    while (steady_clock::now() < until) {
      wait(500ms);
      figures_.uncommitted = std::uint64_t(stage_.uncommitted());
      if (figures_.uncommitted == 0 && finished()) break;
    }
    requests_.end();
    for (const auto& member : stage_.members) {
      const auto code = member->leave(kLeave);
      if (code != 0)
        figures_.unexpected_ends.push_back(fmt::format("{} told to leave: exit {}", member->name(), code.value_or(-1)));
    }
    // What the drain still told.
    for (std::uint64_t before = topics_.read() + 1; before != topics_.read();) {
      before = topics_.read();
      support::pause_for(1s);
    }
    figures_.uncommitted = std::uint64_t(stage_.uncommitted());
    stage_.each_waiting([&](std::string_view event) {
      const auto read = nlohmann::json::parse(event);
      book_.with([&](Book::Pages& pages) { pages.ledger.waits(read.at("event_id").get<std::string>()); });
    });
    ended_ms_ = now_ms();
    say("done");
  }

  Figures count() {
    book_.with([&](Book::Pages& pages) {
      const auto phases = pages.ledger.phases(well_, ended_ms_);
      const auto trouble = [](const Ledger::Phase& phase) {
        return Trouble{.name = phase.name,
                       .p50_ms = phase.latency.percentile(0.5),
                       .p99_ms = phase.latency.percentile(0.99),
                       .units = phase.latency.count()};
      };
      if (phases.size() > 1) figures_.calm = trouble(phases[1]);
      for (const std::size_t i : phases_in_trouble_) figures_.troubles.push_back(trouble(phases.at(i)));
      for (const Back& back : back_) {
        const auto [from, to] = back.after;
        const std::int64_t last_third = to - (to - from) / 3;
        figures_.recovered.push_back(
            {.vendor = name(back.vendor),
             .trouble = back.trouble,
             .calm_per_s = double(pages.requests.busiest(back.vendor, back.calm.first, back.calm.second)),
             .peak_per_s = double(pages.requests.busiest(back.vendor, from, to)),
             .offered_per_s = pages.offered.per_second(back.vendor, last_third, to),
             .taken_at_the_end_per_s = pages.taken.per_second(back.vendor, last_third, to)});
      }
      figures_.account = pages.ledger.account(disturbances_);
    });
    for (std::size_t i = 0; i < stage_.members.size(); ++i) {
      figures_.workers.push_back(
          {.name = stage_.members[i]->name(), .calm_kb = rss_calm_[i], .trouble_kb = rss_trouble_[i]});
      figures_.internal_errors += stage_.members[i]->bugs();
    }
    figures_.internal_errors += stage_.guest->bugs();
    keep_logs();
    return figures_;
  }

  void keep_logs() const {
    if (options_.keep_logs.empty()) return;
    std::filesystem::create_directories(options_.keep_logs);
    for (const auto& entry : std::filesystem::directory_iterator(stage_.folder.path()))
      if (entry.path().extension() == ".log")
        std::filesystem::copy_file(entry.path(), options_.keep_logs / entry.path().filename(),
                                   std::filesystem::copy_options::overwrite_existing);
  }

  struct Back {
    VendorNumber vendor;
    std::string trouble;
    std::pair<std::int64_t, std::int64_t> calm, after;
  };

  const PlayOptions& options_;
  const Form& form_;
  const steady_clock::time_point began_ = steady_clock::now();
  std::mt19937_64 random_;
  Book book_;
  Stage stage_;
  Load load_;
  TopicWatch topics_;
  VendorWatch requests_;

  std::vector<VendorNumber> troubled_, well_;
  std::vector<std::size_t> phases_in_trouble_;
  std::vector<Back> back_;
  std::vector<Disturbance> disturbances_;
  std::array<std::uint64_t, 2> rss_calm_{}, rss_trouble_{};
  std::array<std::uint64_t, 2>* rss_ = nullptr;
  std::optional<steady_clock::time_point> soaked_from_;
  bool store_hidden_ = false;
  std::int64_t ended_ms_ = 0;
  Figures figures_;
};

}  // namespace

Figures play(const PlayOptions& options) { return Play(options).run(); }

}  // namespace nightpost::chaos
