// sendmsg at a steady rate, then every answer compared with history.
#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <iostream>
#include <stdexcept>

#include "bench/im/callers.h"
#include "bench/im/measure.h"
#include "bench/im/phases.h"
#include "bench/im/rest_book.h"

namespace nightpost::bench {
namespace {

using std::chrono::microseconds;

class RestLoad {
 public:
  RestLoad(const ImPlan& plan, const ImBed& bed, RestHttp http)
      : plan_(plan), bed_(bed), callers_(bed, http, plan.rest_at_once), book_(plan.pairs) {
    std::vector<std::string> users;
    for (std::size_t pair = 0; pair < plan.pairs; ++pair) {
      users.push_back(sender(pair));
      users.push_back(receiver(pair));
    }
    import_accounts(callers_, users);
    callers_.answered = [this](std::uint64_t tag, std::string_view body) { answered(tag, body); };
    for (std::size_t pair = 0; pair < plan.pairs; ++pair) send(Clock::now());  // conversations come into being
    callers_.turn_until_answered("the first messages");
  }

  void measure(const std::string& prefix, Measured& run) {
    const double bare = bed_.bare_commits_per_s(plan_.sync_span);
    latencies_.clear();
    const ImBed::Commits before = bed_.commits();
    MachineLoad machine;
    const auto cpu = bed_.usage().cpu;
    const auto own = own_cpu();
    const auto start = Clock::now();
    offer(start);
    const double time = seconds_of(last_answer_ - start);
    const double share = machine.share();
    const auto cpu_used = bed_.usage().cpu - cpu;
    const auto own_used = own_cpu() - own;
    const ImBed::Commits after = bed_.commits();
    const auto count = static_cast<double>(latencies_.size());
    const Limits limits{.offered_per_s = plan_.rest_per_s,
                        .reached_per_s = count / time,
                        .machine_load = share,
                        .commits_per_s = (after.commits - before.commits) / time,
                        .bare_commits_per_s = bare};
    run[prefix + "offered_per_s"] = limits.offered_per_s;
    run[prefix + "calls_per_s"] = limits.reached_per_s;
    run[prefix + "p50_ms"] = percentile_ms(latencies_, 0.5);
    run[prefix + "p99_ms"] = percentile_ms(latencies_, 0.99);
    run[prefix + "cpu_us_per_call"] = static_cast<double>(cpu_used.count()) / count;
    run[prefix + "generator_cpu_us_per_call"] = static_cast<double>(own_used.count()) / count;
    run[prefix + "machine_load"] = share;
    run[prefix + "commits_per_s"] = limits.commits_per_s;
    run[prefix + "commands_per_commit"] = (after.commands - before.commands) / (after.commits - before.commits);
    run[prefix + "bare_commits_per_s"] = bare;
    std::cerr << fmt::format("{}: {:.0f}/s; limited by {}", prefix, limits.reached_per_s, what_limits(limits))
              << std::endl;
    compare();
    run[prefix + "compared"] = book_.sent();
  }

 private:
  static std::string sender(std::size_t pair) { return fmt::format("rest-sender-{}", pair); }
  static std::string receiver(std::size_t pair) { return fmt::format("rest-receiver-{}", pair); }

  void offer(Clock::time_point start) {
    const auto count = static_cast<std::size_t>(plan_.rest_per_s * static_cast<double>(plan_.seconds.count()));
    for (std::size_t i = 0; i < count; ++i) {
      const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(static_cast<double>(i) / plan_.rest_per_s));
      while (Clock::now() < due) callers_.turn(due);
      send(due);
    }
    callers_.turn_until_answered("the steady rate");
  }
  void send(Clock::time_point due) {
    const std::size_t number = book_.send();
    due_.push_back(due);
    const std::size_t pair = book_.pair_of(number);
    callers_.call(
        number, "openim/sendmsg",
        fmt::format(R"({{"From_Account":"{}","To_Account":"{}","MsgRandom":{},"MsgBody":[{{"MsgType":)"
                    R"("TIMTextElem","MsgContent":{{"Text":"{} Shall we meet at the station at seven?"}}}}]}})",
                    sender(pair), receiver(pair), number + 1, number));
  }
  void answered(std::uint64_t number, std::string_view body) {
    last_answer_ = Clock::now();
    latencies_.push_back(last_answer_ - due_.at(number));
    const simdjson::dom::element reply = parser_.parse(body.data(), body.size());
    book_.answered(number, reply["MsgKey"]);
  }
  /// Each conversation page by page, from its newest message on.
  void compare() {
    std::size_t open = plan_.pairs;
    callers_.answered = [&](std::uint64_t pair, std::string_view body) {
      const simdjson::dom::element page = parser_.parse(body.data(), body.size());
      for (const simdjson::dom::element row : page["MsgList"].get_array()) {
        const std::string_view text = row["MsgBody"].at(0)["MsgContent"]["Text"];
        std::size_t number = SIZE_MAX;
        std::from_chars(text.data(), text.data() + text.size(), number);
        book_.in_history(pair, number, row["MsgKey"]);
      }
      if (std::int64_t(page["Complete"]) == 1) {
        --open;
      } else {
        ask_history(pair, std::int64_t(page["LastMsgTime"]), std::string_view(page["LastMsgKey"]));
      }
    };
    for (std::size_t pair = 0; pair < plan_.pairs; ++pair) ask_history(pair, std::int64_t{0xffff'ffff}, "");
    callers_.turn_until_answered("history");
    if (open > 0) throw std::runtime_error("a history that does not end");
    book_.close();
  }
  void ask_history(std::size_t pair, std::int64_t to, std::string_view last) {
    callers_.call(pair, "openim/admin_getroammsg",
                  fmt::format(R"({{"Operator_Account":"{}","Peer_Account":"{}","MaxCnt":100,"MinTime":0,"MaxTime":{},)"
                              R"("LastMsgKey":"{}"}})",
                              sender(pair), receiver(pair), to, last));
  }

  const ImPlan& plan_;
  const ImBed& bed_;
  Callers callers_;
  RestBook book_;
  std::vector<Clock::time_point> due_;  // by number
  std::vector<Clock::duration> latencies_;
  Clock::time_point last_answer_;
  simdjson::dom::parser parser_;
};

}  // namespace

void import_accounts(Callers& callers, const std::vector<std::string>& users) {
  constexpr std::size_t kOneCall = 100;  // the API's
  std::vector<std::string> bodies;
  for (std::size_t from = 0; from < users.size(); from += kOneCall) {
    nlohmann::json names = nlohmann::json::array();
    for (std::size_t i = from; i < std::min(users.size(), from + kOneCall); ++i) names.push_back(users[i]);
    bodies.push_back(nlohmann::json{{"Accounts", std::move(names)}}.dump());
  }
  callers.call_all("im_open_login_svc/multiaccount_import", std::move(bodies), [](std::string_view body) {
    if (!body.contains(R"("FailAccounts":[])")) throw std::runtime_error("accounts: " + std::string(body));
  });
}

void measure_rest(const ImPlan& plan, ImBed& bed, Measured& run) {
  RestLoad(plan, bed, RestHttp::One).measure("rest_", run);
}
void measure_rest_h2(const ImPlan& plan, ImBed& bed, Measured& run) {
  RestLoad(plan, bed, RestHttp::Two).measure("rest_h2_", run);
}

}  // namespace nightpost::bench
