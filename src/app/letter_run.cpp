#include "app/letter_run.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "app/replay_pace.h"
#include "kafka/cluster_facts.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kStepBytesMax = std::size_t{8} << 20;  // of one transaction; may be passed by one letter
constexpr std::size_t kDropStep = 5'000;                     // letters in one, where nothing but marks is written
constexpr std::uint64_t kHookEvery = 256;                    // letters
constexpr milliseconds kNap{50};
constexpr std::size_t kSourcesMax = 16;  // topics that cut letters came from

class LetterRun {
 public:
  LetterRun(const Config& config, const RunOptions& options, const Clock& clock, const RunHooks& hooks)
      : config_(config),
        options_(options),
        clock_(clock),
        hooks_(hooks),
        decoder_(config.producer.message_bytes_max, config.dispatch.receivers_max),
        pace_(options.rate) {}

  RunEnd run() {
    if (auto done = go(); !done) end_.error = std::move(done.error());
    return std::move(end_);
  }

 private:
  struct Item {
    LetterMarks::Mark mark;
    std::optional<kafka::Transactions::Message> message;  // absent: only marked
  };

  Result<void> go();
  Result<void> open();
  Result<void> make_marks_topic();
  Result<void> look_at(kafka::TailMessage& letter);
  Result<void> replay(kafka::TailMessage& letter);
  /// The whole record of a cut letter; nullopt: it is gone.
  Result<std::optional<kafka::TailMessage>> source_record(const kafka::TailMessage& letter);
  void add(const kafka::TailMessage& letter, LetterState state, std::optional<kafka::Transactions::Message> message);
  bool step_is_full() const;
  Result<void> write_step();
  /// False: the hook wants it to end.
  bool wait_for_pace();
  bool limit_reached() const { return options_.limit > 0 && end_.tally.done + items_.size() >= options_.limit; }
  void refuse(const std::string& why) { ++end_.tally.refused[why]; }
  void say(const std::string& remark) const {
    if (hooks_.remark) hooks_.remark(remark);
  }
  bool stopped() {
    if (hooks_.progress) hooks_.progress(end_.tally);
    if (hooks_.stopped && hooks_.stopped()) end_.stopped = true;
    return end_.stopped;
  }
  void follow(const kafka::TailMessage& letter);

  const Config& config_;
  const RunOptions& options_;
  const Clock& clock_;
  const RunHooks& hooks_;
  RunEnd end_;
  std::unique_ptr<kafka::Transactions> transactions_;  // null: a dry run
  std::optional<DeadTopic> dead_;
  LetterDecoder decoder_;
  SentDevices sent_;
  ReplayPace pace_;
  int partitions_ = 0;                                                  // of the offline topic
  std::map<std::string, std::unique_ptr<kafka::TopicReader>> sources_;  // null: there is no such topic
  std::vector<Item> items_;                                             // of the next transaction
  std::size_t items_bytes_ = 0;
  std::map<std::int32_t, std::int64_t> read_to_;
};

Result<void> LetterRun::make_marks_topic() {
  const auto there = kafka::TopicReader::open(config_.consumer.kafka, config_.topics.dead_marks, options_.wait);
  if (there) return {};
  if (there.error().code != Errc::NotFound) return std::unexpected(there.error());
  auto made = kafka::create_topic(config_.consumer.kafka, config_.topics.dead_marks, 1, {{"cleanup.policy", "compact"}},
                                  options_.wait);
  if (!made) made.error().detail += "; make it: 1 partition, cleanup.policy=compact";
  return made;
}

Result<void> LetterRun::open() {
  if (!options_.dry_run) {
    if (auto there = make_marks_topic(); !there) return there;
    auto started = kafka::Transactions::start({.kafka = config_.producer.kafka,
                                               .id = "nightpost-dlq." + config_.topics.dead,
                                               .message_bytes_max = config_.producer.message_bytes_max,
                                               .compression = config_.producer.compression,
                                               .wait = options_.wait});
    if (!started) return std::unexpected(started.error());
    transactions_ = *std::move(started);
  }
  // Only now, so that nothing is missed of what another run has committed.
  auto dead = open_dead_topic(config_, options_.wait);
  if (!dead) return std::unexpected(dead.error());
  dead_.emplace(*std::move(dead));
  if (dead_->forgotten > 0)
    say("topic " + config_.topics.dead + " was made anew: the marks of its former letters are forgotten");
  if (!options_.drop) {
    const auto offline = kafka::TopicReader::open(config_.consumer.kafka, config_.topics.offline, options_.wait);
    if (!offline) return std::unexpected(offline.error());
    partitions_ = static_cast<int>((*offline)->ranges().size());
  }
  return dead_->letters->rewind(options_.filter.since);
}

Result<void> LetterRun::go() {
  if (auto opened = open(); !opened) return opened;
  while (!limit_reached()) {
    auto letter = dead_->letters->next();
    if (!letter) return std::unexpected(letter.error());
    if (!*letter) break;
    follow(**letter);
    if (end_.tally.read % kHookEvery == 0 && stopped()) return {};
    if (auto looked = look_at(**letter); !looked) return looked;
    if (!step_is_full()) continue;
    if (!wait_for_pace()) return {};
    if (auto written = write_step(); !written) return written;
  }
  if (!wait_for_pace()) return {};
  return write_step();
}

void LetterRun::follow(const kafka::TailMessage& letter) {
  ++end_.tally.read;
  read_to_[letter.partition] = letter.offset + 1;
  if (end_.tally.read % kHookEvery != 0) return;
  std::int64_t behind = 0, all = 0;
  for (const auto& range : dead_->letters->ranges()) {
    all += range.high - range.low;
    if (const auto read = read_to_.find(range.partition); read != read_to_.end()) behind += read->second - range.low;
  }
  end_.tally.share_read = all > 0 ? static_cast<double>(behind) / static_cast<double>(all) : 1;
}

Result<void> LetterRun::look_at(kafka::TailMessage& letter) {
  const LetterState state = dead_->marks.state_of(id_of(letter));
  const bool is_open = state == LetterState::Open;
  if (!is_open && !options_.drop)
    if (const auto left = left_of(letter)) sent_.note(letter, *left, dead_->marks.until(id_of(letter)));
  if (!options_.filter.matches(letter, decoder_.event_of(letter))) return {};
  if (!is_open) {
    ++end_.tally.done_before;
    return {};
  }
  ++end_.tally.matched;
  ++end_.tally.by_reason[std::string(letter.header("reason"))];
  if (!options_.drop) return replay(letter);
  add(letter, LetterState::Dropped, std::nullopt);
  return {};
}

Result<void> LetterRun::replay(kafka::TailMessage& letter) {
  auto left = left_of(letter);
  if (!left) {
    refuse(left.error().detail);
    return {};
  }
  std::optional<kafka::TailMessage> source;
  if (is_cut(letter)) {
    auto found = source_record(letter);
    if (!found) return std::unexpected(found.error());
    source = *std::move(found);
  }
  auto original = original_of(letter, std::move(source));
  if (!original) {
    refuse(original.error().detail);
    return {};
  }
  if (!sent_.subtract(letter, *left)) {
    ++end_.tally.copies;
    add(letter, LetterState::Replayed, std::nullopt);
    return {};
  }
  sent_.note(letter, *left, dead_->end_of(letter.partition));
  if (const auto* const event = decoder_.event_of(original->value);
      event != nullptr && is_too_late(*event, clock_.wall(), config_.dispatch.age_max))
    ++end_.tally.too_late;
  add(letter, LetterState::Replayed,
      replay_of(letter, *std::move(original), *left, config_.topics.offline, partitions_));
  return {};
}

Result<std::optional<kafka::TailMessage>> LetterRun::source_record(const kafka::TailMessage& letter) {
  const auto source = source_of(letter);
  if (!source) return std::nullopt;
  auto reader = sources_.find(source->topic);
  if (reader == sources_.end()) {
    if (sources_.size() >= kSourcesMax) sources_.clear();
    auto opened = kafka::TopicReader::open(config_.consumer.kafka, source->topic, options_.wait);
    if (!opened && opened.error().code != Errc::NotFound) return std::unexpected(opened.error());
    reader = sources_.emplace(source->topic, opened ? *std::move(opened) : nullptr).first;
  }
  if (reader->second == nullptr) return std::nullopt;
  return reader->second->at(source->partition, source->offset);
}

void LetterRun::add(const kafka::TailMessage& letter, LetterState state,
                    std::optional<kafka::Transactions::Message> message) {
  if (message) items_bytes_ += message->key.size() + message->value.size();
  items_.push_back({.mark = {.id = id_of(letter),
                             .at = letter.timestamp_ms,
                             .until = dead_->end_of(letter.partition),
                             .state = state},
                    .message = std::move(message)});
  if (!options_.dry_run) return;
  // Of a dry run nothing is kept but the counts.
  if (options_.drop || items_.back().message) ++end_.tally.done;
  items_.clear();
  items_bytes_ = 0;
}

bool LetterRun::step_is_full() const {
  return items_.size() >= (options_.drop ? kDropStep : pace_.step()) || items_bytes_ >= kStepBytesMax;
}

bool LetterRun::wait_for_pace() {
  if (options_.drop || items_.empty()) return !stopped();
  for (const MonoTime next = pace_.next(); clock_.mono() < next;) {
    if (stopped()) return false;
    std::this_thread::sleep_for(std::min<MonoTime::duration>(next - clock_.mono(), kNap));
  }
  return !stopped();
}

Result<void> LetterRun::write_step() {
  while (!items_.empty()) {
    std::vector<kafka::Transactions::Message> messages;
    std::vector<LetterMarks::Mark> marks;
    std::vector<std::size_t> item_of;  // by message
    for (std::size_t i = 0; i < items_.size(); ++i) {
      marks.push_back(items_[i].mark);
      if (!items_[i].message) continue;
      messages.push_back(*items_[i].message);
      item_of.push_back(i);
    }
    const std::size_t letters = messages.size();
    for (LetterMarks::Record& record : dead_->marks.records_with(marks))
      messages.push_back({.topic = config_.topics.dead_marks,
                          .key = std::move(record.key),
                          .value = std::move(record.value),
                          .headers = {}});
    const auto written = transactions_->write(messages);
    if (written) {
      dead_->marks.apply(marks);
      end_.tally.done += options_.drop ? items_.size() : letters;
      pace_.on_sent(letters, clock_.mono());
      items_.clear();
      items_bytes_ = 0;
      break;
    }
    const kafka::Transactions::Failure& failure = written.error();
    end_.taken_over = failure.taken_over;
    if (failure.taken_over || !failure.message || *failure.message >= letters) {
      Error error = failure.error;
      if (failure.taken_over) error = {Errc::Overloaded, "another replay or drop of these letters has begun"};
      if (failure.unknown) error.detail += "; whether the last letters went is seen by whoever runs this again";
      return std::unexpected(std::move(error));
    }
    refuse(failure.error.detail);
    items_.erase(items_.begin() + std::ptrdiff_t(item_of[*failure.message]));
  }
  return {};
}

}  // namespace

RunEnd run_letters(const Config& config, const RunOptions& options, const Clock& clock, const RunHooks& hooks) {
  return LetterRun(config, options, clock, hooks).run();
}

}  // namespace nightpost::app
