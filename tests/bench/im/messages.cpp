#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <vector>

#include "bench/im/book.h"
#include "bench/im/measure.h"
#include "bench/im/phases.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// Senders are the clients [0, pairs), receivers [pairs, 2 · pairs).
class Pairs {
 public:
  Pairs(const ImPlan& plan, const ImBed& bed) : bed_(bed), crowd_(bed.port(), bed.tls()), pairs_(plan.pairs) {
    for (const char* role : {"sender", "receiver"})
      for (std::size_t i = 0; i < pairs_.size(); ++i) crowd_.add(fmt::format("{}-{}", role, i));
    crowd_.login_all(0, plan.logins_at_once);
    crowd_.events.res = [this](Crowd::Index sender, std::int64_t id, Crowd::Json) {
      Pair& pair = pairs_.at(sender);
      if (id != ++pair.answered) throw std::runtime_error(fmt::format("answer {} instead of {}", id, pair.answered));
      ended(sender);
    };
    crowd_.events.deliver = [this](Crowd::Index receiver, Crowd::Json frame) { delivered(receiver, frame); };
  }

  struct Span {
    Clock::duration time{};
    microseconds cpu{0}, own_cpu{0};
    double commits = 0, commands = 0;
    std::vector<Clock::duration> latencies;
  };
  /// Each pair's next message leaves once the last one was answered and delivered.
  Span closed(std::size_t messages) {
    return measured([&] {
      left_ = messages;
      for (std::size_t i = 0; i < pairs_.size() && left_ > 0; ++i) send_next(i);
      crowd_.turn_until([&] { return left_ == 0 && open_ == 0; }, "closed loop");
    });
  }
  /// One pair after the other; a message's clock starts when it is due.
  Span steady(double per_s, std::chrono::seconds span) {
    return measured([&] {
      const auto count = static_cast<std::size_t>(per_s * seconds_of(span));
      const auto start = Clock::now();
      for (std::size_t i = 0; i < count; ++i) {
        const auto due =
            start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(double(i) / per_s));
        while (Clock::now() < due) crowd_.turn(due);
        send(i % pairs_.size(), due);
      }
      crowd_.turn_until([&] { return open_ == 0; }, "steady rate");
    });
  }
  std::size_t total() const {
    std::size_t all = 0;
    for (const Pair& pair : pairs_) all += static_cast<std::size_t>(pair.book.arrived());
    return all;
  }

 private:
  struct Pair {
    Book book;
    std::int64_t answered = 0;
    std::deque<Clock::time_point> due;  // of those on their way
  };

  Span measured(const std::function<void()>& load) {
    latencies_.clear();
    const ImBed::Commits before = bed_.commits();
    const auto cpu = bed_.usage().cpu;
    const auto own = own_cpu();
    const auto start = Clock::now();
    load();
    Span span{.time = Clock::now() - start,
              .cpu = bed_.usage().cpu - cpu,
              .own_cpu = own_cpu() - own,
              .latencies = std::move(latencies_)};
    const ImBed::Commits after = bed_.commits();
    span.commits = after.commits - before.commits;
    span.commands = after.commands - before.commands;
    for (const Pair& pair : pairs_)
      if (pair.book.arrived() != pair.book.sent() || pair.answered != pair.book.sent())
        throw std::runtime_error(
            fmt::format("{} sent, {} answered, {} delivered", pair.book.sent(), pair.answered, pair.book.arrived()));
    return span;
  }
  void send_next(std::size_t pair) {
    --left_;
    send(pair, Clock::now());
  }
  void send(std::size_t index, Clock::time_point due) {
    Pair& pair = pairs_[index];
    const std::int64_t number = pair.book.send();
    pair.due.push_back(due);
    open_ += 2;  // its answer and its delivery
    crowd_.say(index,
               fmt::format(R"({{"type":"req","id":{0},"op":"send","body":{{"to":"receiver-{1}","client_id":"c-{0}",)"
                           R"("elements":[{{"type":"text","text":"{0} Shall we meet at the station at seven?"}}]}}}})",
                           number, index));
  }
  void delivered(Crowd::Index receiver, Crowd::Json frame) {
    const std::size_t index = receiver - pairs_.size();
    Pair& pair = pairs_.at(index);
    for (const Crowd::Json item : frame["items"].get_array()) {
      if (std::string_view(item["kind"]) != "message") continue;
      const Crowd::Json message = item["message"];
      const std::string_view text = message["elements"].at(0)["text"];
      std::int64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      pair.book.came(number, message["id"]);
      latencies_.push_back(Clock::now() - pair.due.front());
      pair.due.pop_front();
    }
    crowd_.say(receiver, fmt::format(R"({{"type":"ack","pos":{}}})", std::int64_t(frame["pos"])));
    ended(index);
  }
  void ended(std::size_t index) {
    --open_;
    const Pair& pair = pairs_[index];
    if (left_ > 0 && pair.answered == pair.book.sent() && pair.book.arrived() == pair.book.sent()) send_next(index);
  }

  const ImBed& bed_;
  Crowd crowd_;
  std::vector<Pair> pairs_;
  std::size_t left_ = 0, open_ = 0;
  std::vector<Clock::duration> latencies_;
};

void add(Measured& run, const std::string& prefix, Pairs::Span& span) {
  const auto count = static_cast<double>(span.latencies.size());
  run[prefix + "messages_per_s"] = count / seconds_of(span.time);
  run[prefix + "cpu_us_per_message"] = static_cast<double>(span.cpu.count()) / count;
  run[prefix + "p50_ms"] = percentile_ms(span.latencies, 0.5);
  run[prefix + "p99_ms"] = percentile_ms(span.latencies, 0.99);
  run[prefix + "commits"] = span.commits;
  run[prefix + "commands_per_commit"] = span.commands / span.commits;
}

}  // namespace

void measure_messages(const ImPlan& plan, ImBed& bed, Measured& run) {
  const double syncs_per_s = bed.bare_commits_per_s(plan.sync_span);
  Pairs pairs(plan, bed);
  pairs.closed(plan.pairs);  // conversations come into being, unmeasured
  Pairs::Span closed = pairs.closed(plan.messages);
  add(run, "", closed);
  run["generator_cpu_us_per_message"] =
      static_cast<double>(closed.own_cpu.count()) / static_cast<double>(closed.latencies.size());
  run["commits_per_s"] = closed.commits / seconds_of(closed.time);
  run["bare_commits_per_s"] = syncs_per_s;
  run["commits_ratio"] = run["commits_per_s"].get<double>() / syncs_per_s;
  Pairs::Span half = pairs.steady(run["messages_per_s"].get<double>() / 2, plan.half_rate);
  add(run, "half_", half);
  // Every acknowledgement came in time, or there would be events for the phones.
  bed.expect_metric("nightpost_im_intents_ended_total{why=\"acknowledged\"}", static_cast<double>(pairs.total()));
  bed.expect_metric("nightpost_im_events_total", 0);
}

}  // namespace nightpost::bench
