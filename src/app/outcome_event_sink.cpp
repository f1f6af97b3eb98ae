#include "app/outcome_event_sink.h"

#include <utility>

#include "im/callbacks/push_outcome.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kOutcomeLooksEvery{5};    // for outcomes, while any is awaited
constexpr milliseconds kReceiptLooksEvery{100};  // for receipts, which come once nothing is awaited any more
constexpr milliseconds kRepeatEvery{1'000};      // for events that were lost
constexpr milliseconds kReadWait{100};           // how late the thread hears that it is to end
constexpr milliseconds kTopicsWait{10'000};
constexpr std::size_t kHeardMax = 10'000;  // then the thread waits: what the topics drop is published again

}  // namespace

Result<std::unique_ptr<OutcomeEventSink>> OutcomeEventSink::start(const Config& config,
                                                                  std::unique_ptr<kafka::Producer> producer,
                                                                  EventLoop& loop, OutcomeSinkMetrics& metrics) {
  auto tail = kafka::Tail::start(config.consumer.kafka, {config.topics.results, config.topics.dead}, kTopicsWait);
  if (!tail) return std::unexpected(tail.error());
  return std::unique_ptr<OutcomeEventSink>(
      new OutcomeEventSink(config, std::move(producer), *std::move(tail), loop, metrics));
}

OutcomeEventSink::OutcomeEventSink(const Config& config, std::unique_ptr<kafka::Producer> producer,
                                   std::unique_ptr<kafka::Tail> tail, EventLoop& loop, OutcomeSinkMetrics& metrics)
    : offline_(config.topics.offline),
      dead_(config.topics.dead),
      producer_(std::move(producer)),
      tail_(std::move(tail)),
      loop_(loop),
      metrics_(metrics),
      book_(config.all.outcome_wait),
      timer_(loop.make_timer([this] { look(); })),
      thread_([this](const std::stop_token& stop) { read(stop); }) {}

OutcomeEventSink::~OutcomeEventSink() = default;

void OutcomeEventSink::publish(std::string_view key, std::string_view event, std::uint64_t ticket) {
  if (closed_.load(std::memory_order_acquire)) return;
  auto named = named_devices(event);
  if (named) {
    book_.add(ticket, *std::move(named), {.key = std::string(key), .bytes = std::string(event)}, loop_.now());
    producer_->produce(nullptr, offline_, key, event);
  } else {
    over_.push_back(ticket);  // nobody is named, so nobody can have an outcome
  }
  measure();
  if (!std::exchange(looking_, true)) timer_->arm(loop_.now() + kOutcomeLooksEvery);
}

bool OutcomeEventSink::on_outcomes(HearOutcomes hear) {
  hear_ = std::move(hear);
  hearing_.store(true, std::memory_order_release);
  timer_->arm(loop_.now() + kReceiptLooksEvery);
  return true;
}

void OutcomeEventSink::say_durable(const std::vector<std::uint64_t>& tickets) {
  if (!durable_) return;
  for (const std::uint64_t ticket : tickets) durable_(ticket);  // each may publish what has waited
}

void OutcomeEventSink::lot_taken(std::uint64_t lot) {
  lots_[lot - first_lot_].taken = true;
  while (!lots_.empty() && lots_.front().taken) {
    const std::vector<std::uint64_t> over = std::move(lots_.front().over);
    lots_.pop_front();
    ++first_lot_;
    say_durable(over);
  }
  measure();
}

void OutcomeEventSink::look() {
  std::vector<Heard> heard;
  {
    const std::lock_guard lock(mutex_);
    heard.swap(heard_);
  }
  const MonoTime now = loop_.now();
  std::vector<std::uint64_t> over = std::exchange(over_, {});
  std::vector<im::PushOutcome> told;
  for (Heard& one : heard) {
    if (one.told) told.push_back(*std::move(one.told));
    const auto more = one.outcome ? book_.hear(*one.outcome, now) : book_.give_up(*one.unread);
    over.insert(over.end(), more.begin(), more.end());
  }
  if (now >= repeat_look_ && !closed_.load(std::memory_order_acquire)) {
    repeat_look_ = now + kRepeatEvery;
    for (const OutcomeBook::Event* lost : book_.overdue(now)) {
      metrics_.repeated.add();
      producer_->produce(nullptr, offline_, lost->key, lost->bytes);
    }
  }
  looking_ = book_.size() > 0;
  if (looking_)
    timer_->arm(now + kOutcomeLooksEvery);
  else if (hear_)
    timer_->arm(now + kReceiptLooksEvery);
  if (hear_ && !told.empty()) {
    lots_.push_back({.over = std::move(over)});
    hear_(std::move(told), [this, lot = first_lot_ + lots_.size() - 1] { lot_taken(lot); });
  } else if (!lots_.empty()) {  // an event's earlier outcomes may be in one that is not taken yet
    std::vector<std::uint64_t>& last = lots_.back().over;
    last.insert(last.end(), over.begin(), over.end());
  } else {
    say_durable(over);
  }
  measure();
}

void OutcomeEventSink::measure() {
  at_work_.store(book_.at_work() + lots_.size(), std::memory_order_release);
  metrics_.unsettled_bytes.set(book_.bytes());
  metrics_.put_off.set(book_.size() - book_.at_work());
}

void OutcomeEventSink::read(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto message = tail_->next(kReadWait);
    if (!message) continue;
    Heard heard;
    if (message->topic != dead_) {
      auto outcome = device_outcome(message->value);
      if (!outcome) {
        metrics_.unreadable.add();
        continue;
      }
      heard.outcome = *std::move(outcome);
      if (hearing_.load(std::memory_order_acquire)) heard.told = im::push_outcome(message->value);
    } else if (message->header("stage") == "decode") {  // of all others each device has its outcome
      auto named = named_devices(message->value);
      if (!named) continue;
      heard.unread = *std::move(named);
    } else {
      continue;
    }
    for (bool taken = false; !taken && !stop.stop_requested();) {
      std::unique_lock lock(mutex_);
      if (heard_.size() < kHeardMax) {
        heard_.push_back(std::move(heard));
        taken = true;
      } else {
        lock.unlock();
        std::this_thread::sleep_for(kOutcomeLooksEvery);
      }
    }
  }
}

}  // namespace nightpost::app
