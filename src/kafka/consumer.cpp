#include "kafka/consumer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <tuple>
#include <utility>

#include "kafka/consumer_impl.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr std::size_t kPollMax = 1000;  // records a round, so that completions and commits have their turn
constexpr milliseconds kIdleWait{20};   // for a record; also how late a completion is noticed, or that one is due
constexpr milliseconds kHoldSlice{1};   // between two looks at completions while an intake is full
constexpr milliseconds kMeasureInterval{500};
constexpr milliseconds kEndsInterval{2'000};          // between questions for the ends of paused partitions
constexpr milliseconds kWaitingEndsInterval{10'000};  // of those that wait for a record's time, as they always do
constexpr milliseconds kEndsWait{200};                // so long the loop may stand for it
constexpr milliseconds kCloseWait{1'000};             // at the least, for a client to leave its group
constexpr int kSilentHeartbeats = 3;                  // one of them may be late

std::string_view view(const void* bytes, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

RecordHeaders headers_of(const rd_kafka_message_t& message) {
  RecordHeaders read;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return read;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    read.take(name, view(value, size));
  return read;
}

WallTime wall_now() { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); }

std::vector<std::string> topics_of(const ConsumerOptions& options) {
  std::vector<std::string> topics = {options.topic};
  for (const DelayTopic& each : options.delay_topics) topics.push_back(each.name);
  return topics;
}

BookLimits limits_of(const ConsumerOptions& options) {
  BookLimits limits = {.shards = options.shards,
                       .in_flight_max = options.in_flight_max,
                       .in_flight_bytes_max = options.in_flight_bytes_max,
                       .hold_before_pause = options.hold_before_pause,
                       .delay_rate_min = options.delay_rate_min,
                       .delay_rate_share = options.delay_rate_share,
                       .commit_interval = options.commit_interval};
  for (const DelayTopic& each : options.delay_topics) limits.delays.push_back(each.delay);
  return limits;
}

Result<void> check_topics(const ConsumerOptions& options) {
  std::vector<std::string> names = topics_of(options);
  if (names.size() > kSourceTopicsMax) return fail(Errc::Malformed, "kafka: too many delay topics");
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    return fail(Errc::Malformed, "kafka: topic " + *twice + " is read twice");
  for (const DelayTopic& each : options.delay_topics)
    if (each.delay <= milliseconds(0))
      return fail(Errc::Malformed, "kafka: delay topic " + each.name + " has no delay");
  return {};
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

Consumer::Impl::Impl(ConsumerOptions the_options, ConsumerHandlers the_handlers, ConsumerMetrics& the_metrics)
    : options(std::move(the_options)),
      topics(topics_of(options)),
      handlers(std::move(the_handlers)),
      metrics(the_metrics),
      book(limits_of(options), metrics) {}

Consumer::Impl::~Impl() { stop(); }

Result<void> Consumer::Impl::start() {
  if (Result<void> checked = check_topics(options); !checked) return checked;
  if (Result<void> made = make_member(Group::Fresh); !made) return made;
  if (!options.delay_topics.empty())
    if (Result<void> made = make_member(Group::Delays); !made) return made;
  for (std::size_t i = 0; i < book.intakes(); ++i) {
    const auto& member = members[static_cast<std::size_t>(book.group_of_intake(i))];
    records.emplace_back(rd_kafka_queue_new(member.client.get()));
    wakeup.watch(records.back().get());
  }
  for (Member& member : members)
    if (Result<void> subscribed = subscribe(member); !subscribed) return subscribed;
  thread = std::thread([this] { run(); });
  return {};
}

Result<void> Consumer::Impl::make_member(Group group) {
  Member& member = members.emplace_back(
      *this, group,
      group == Group::Fresh ? options.group_id : delay_group_id(options.delay_group_id, options.group_id));
  member.link->owner = &member;
  const GroupTiming timing = group_timing(options.group_timing, options.kafka.client);
  if (const Result<void> checked = check_group_timing(timing); !checked)
    return fail(Errc::Malformed, "kafka: the session's time-out: " + checked.error().detail);
  const auto ms = [](milliseconds time) { return std::to_string(time.count()); };
  Result<Conf> conf =
      make_conf(options.kafka,
                {{"group.id", member.group_id},
                 {"session.timeout.ms", ms(timing.session)},
                 {"heartbeat.interval.ms", ms(timing.heartbeat)},
                 {"max.poll.interval.ms", ms(timing.max_poll)},
                 {"partition.assignment.strategy", "cooperative-sticky"},
                 {"enable.auto.commit", "false"},
                 {"enable.auto.offset.store", "false"},
                 {"auto.offset.reset", "earliest"},
                 // librdkafka 2.0.2 stops fetching for a second once either is passed
                 {"queued.min.messages", "1000000"},
                 // Each intake has a queue of its own, and librdkafka's limit is that of a queue.
                 {"queued.max.messages.kbytes",
                  std::to_string(std::max<std::size_t>(options.fetch_queue_kbytes / book.intakes(), 1))},
                 {"fetch.wait.max.ms", "20"}},
                *member.link);
  if (!conf) return std::unexpected(std::move(conf.error()));
  if (const std::string id = group_instance_id(options.group_instance_id, host_name());
      !id.empty() && rd_kafka_conf_set(conf->get(), "group.instance.id", id.c_str(), nullptr, 0) != RD_KAFKA_CONF_OK)
    return fail(Errc::Malformed, "kafka: group.instance.id is not taken");
  silence = std::max(options.silence, kSilentHeartbeats * timing.heartbeat);
  member.link->heard.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  rd_kafka_conf_set_rebalance_cb(conf->get(), &Impl::on_rebalance);
  rd_kafka_conf_set_error_cb(conf->get(), &Impl::on_error);
  rd_kafka_conf_interceptor_add_on_new(conf->get(), "nightpost", &Impl::on_new, member.link.get());

  Result<Client> made = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!made) return std::unexpected(std::move(made.error()));
  member.client = std::move(*made);
  rd_kafka_poll_set_consumer(member.client.get());
  member.news.reset(rd_kafka_queue_get_consumer(member.client.get()));
  wakeup.watch(member.news.get());
  member.commit_news.reset(rd_kafka_queue_new(member.client.get()));
  return {};
}

Result<void> Consumer::Impl::subscribe(Member& member) {
  const PartitionList wanted(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (std::uint32_t topic = 0; topic < topics.size(); ++topic)
    if (group_of({.topic = topic}) == member.group)
      rd_kafka_topic_partition_list_add(wanted.get(), topics[topic].c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(member.client.get(), wanted.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(error_of(code, "kafka: subscribe"));
  return {};
}

void Consumer::Impl::stop() {
  stopping.store(true, std::memory_order_release);
  wakeup.wake();
  if (thread.joinable()) thread.join();
}

void Consumer::Impl::run() {
  while (!stopping.load(std::memory_order_acquire)) {
    const MonoTime now = std::chrono::steady_clock::now();
    settle_finished();
    for (Member& member : members) {
      rebalance(member, now);
      commit_when_due(member, now);
    }
    if (draining.load(std::memory_order_relaxed)) book.stop_taking();
    book.steer(now);
    book.unpark(now, wall_now());
    hand_out();
    apply_pauses();
    measure(now);
    const bool moves = std::ranges::any_of(members, [](const Member& member) { return !member.rebalances.empty(); });
    if (poll() == 0) wakeup.sleep(book.is_holding() || moves ? kHoldSlice : kIdleWait);
  }
  close();
}

void Consumer::Impl::close() {
  // librdkafka 2.0.2 aborts the process when a client is destroyed between its first join and its first assignment. So
  // that assignment is awaited; a client that does not get it in time is closed and left to the end of the process.
  const auto is_between = [](const Member& member) {
    return member.link->asked_to_join.load(std::memory_order_acquire) && !member.was_assigned &&
           member.rebalances.empty();
  };
  const MonoTime deadline = std::chrono::steady_clock::now() + options.commit_wait;
  while (std::ranges::any_of(members, is_between) && std::chrono::steady_clock::now() < deadline) {
    for (Member& member : members) take_news(member);
    wakeup.sleep(kIdleWait);
  }
  std::vector<Member*> left;
  for (Member& member : members)
    if (is_between(member)) left.push_back(&member);

  closing = true;
  settle_finished();
  // Of both groups at once: brokers that do not answer are waited for once.
  const MonoTime give_up = std::chrono::steady_clock::now() + options.commit_wait;
  for (Member& member : members)
    if (!book.commit_on_way(member.group) && !member.link->joining.load(std::memory_order_acquire))
      send_commits(member, book.commits_of(member.group, book.partitions()));
  for (Member& member : members) commit_and_wait(member, book.partitions(), give_up);
  for (Member* const member : close_clients(std::max(give_up, std::chrono::steady_clock::now() + kCloseWait)))
    if (std::ranges::find(left, member) == left.end()) left.push_back(member);
  book.retire(book.partitions());
  in_flight_seen.store(book.in_flight(), std::memory_order_relaxed);
  measure(next_measure);
  if (left.empty()) return;
  for (const Queue& queue : records) Wakeup::forget(queue.get());
  for (Member* const member : left) {
    Wakeup::forget(member->news.get());
    member->link->log.store(nullptr, std::memory_order_release);
    std::ignore = member->link.release();
    std::ignore = member->client.release();
  }
}

/// Those that do not come to their end by then. Not rd_kafka_consumer_close(): with a commit on its way to brokers that
/// are gone, librdkafka 2.0.2 asks for their coordinator for ever (its #3740), and the worker would never end.
std::vector<Consumer::Impl::Member*> Consumer::Impl::close_clients(MonoTime deadline) {
  struct Closing {
    Member* member;
    Queue calls;  // rebalances to be answered
  };
  std::vector<Closing> open;
  for (Member& member : members) {
    for (const Rebalance& change : member.rebalances) answer_in_closing(member, change.code, change.partitions.get());
    Queue calls(rd_kafka_queue_new(member.client.get()));
    // Refused after a fatal error alone, and then there is nothing to close.
    if (const ClientError refused(rd_kafka_consumer_close_queue(member.client.get(), calls.get())); !refused)
      open.push_back({.member = &member, .calls = std::move(calls)});
  }
  const auto has_ended = [](const Closing& each) { return rd_kafka_consumer_closed(each.member->client.get()) != 0; };
  while (std::erase_if(open, has_ended), !open.empty() && std::chrono::steady_clock::now() < deadline)
    for (const Closing& each : open) rd_kafka_queue_poll_callback(each.calls.get(), ms_of(kHoldSlice));
  std::vector<Member*> left;
  for (const Closing& each : open) left.push_back(each.member);
  return left;
}

// One message a call and not rd_kafka_consume_batch_queue(): in librdkafka 2.0.2 a rebalance or pause that arrives
// while a batch is being filled throws messages out of the batch again, with the position already past them (known
// issue of 2.0.0, mended in 2.1.0). The ledger would take the hole for compacted offsets, and they would be lost.
std::size_t Consumer::Impl::poll() {
  for (Member& member : members) take_news(member);
  std::size_t taken = 0;
  const MonoTime now = std::chrono::steady_clock::now();
  const WallTime wall = wall_now();
  for (std::size_t intake = 0; intake < records.size(); ++intake) {
    Member& member = members[static_cast<std::size_t>(book.group_of_intake(intake))];
    for (std::size_t room = kPollMax / records.size() + 1; room > 0 && book.is_open(intake); --room, ++taken) {
      const Message message(rd_kafka_consume_queue(records[intake].get(), 0));
      if (!message) break;
      on_message(member, *message, now, wall);
    }
  }
  hand_out();
  return taken;
}

/// Calls the callbacks of what the group has to say.
void Consumer::Impl::take_news(Member& member) {
  while (const Message message{rd_kafka_consume_queue(member.news.get(), 0)})
    on_message(member, *message, std::chrono::steady_clock::now(), wall_now());
}

void Consumer::Impl::on_message(Member& member, const rd_kafka_message_t& message, MonoTime now, WallTime wall) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    failed(member, message.err, rd_kafka_message_errstr(&message));
    return;
  }
  if (draining.load(std::memory_order_relaxed)) return;
  const RecordHeaders headers = headers_of(message);
  const PartitionBook::Offer offered =
      book.offer({.at = {index_of(rd_kafka_topic_name(message.rkt)), message.partition},
                  .offset = message.offset,
                  .key = view(message.key, message.key_len),
                  .value = view(message.payload, message.len),
                  .traceparent = headers.traceparent(),
                  .remainder = headers.remainder(),
                  .due_at = headers.due_at(),
                  .written_at = wall_from_ms(std::max<std::int64_t>(rd_kafka_message_timestamp(&message, nullptr), 0)),
                  .origin = headers.origin()},
                 now, wall);
  if (offered == PartitionBook::Offer::Parked) apply_pauses();
}

void Consumer::Impl::hand_out() {
  in_flight_seen.store(book.in_flight(), std::memory_order_relaxed);
  for (const PartitionBook::Rewind& rewind : book.take_rewinds())
    if (observe::Log* const log = options.kafka.log)
      log->warn("kafka.rewound",
                {observe::kv("topic", topic_of(rewind.at)), observe::kv("partition", rewind.at.partition),
                 observe::kv("to", rewind.to), observe::kv("committed", rewind.committed)});
  book.hand_out(handlers.on_batch);
  for (const PartitionBook::Gap& gap : book.take_gaps()) {
    std::int64_t low = -1, high = -1;  // as the fetch that brought the record after the gap has it
    if (rd_kafka_get_watermark_offsets(client_of(gap.at), topic_of(gap.at), gap.at.partition, &low, &high) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
      tell_lost(gap.at, gap.from, low, book.count_lost(gap, low));
  }
  tell_ended();  // after the batches, for they may have records of a stay that a rewind has ended
}

void Consumer::Impl::settle_finished() {
  book.settle();
  in_flight_seen.store(book.in_flight(), std::memory_order_relaxed);
}

void Consumer::Impl::apply_pauses() {
  const PartitionBook::Pauses changed = book.take_pauses();
  if (changed.pause.empty() && changed.resume.empty()) return;
  for (const Member& member : members) {
    const PartitionList pause = list_of(member.group, changed.pause), resume = list_of(member.group, changed.resume);
    if (pause->cnt > 0) rd_kafka_pause_partitions(member.client.get(), pause.get());
    if (resume->cnt > 0) rd_kafka_resume_partitions(member.client.get(), resume.get());
  }
}

void Consumer::Impl::measure(MonoTime now) {
  book.measure_in_flight();
  if (now < next_measure) return;
  next_measure = now + kMeasureInterval;
  for (const TopicPartition at : book.partitions()) {
    std::int64_t low = -1, high = -1;
    if (book.is_paused(at)) continue;  // what librdkafka remembers of it stands still
    if (rd_kafka_get_watermark_offsets(client_of(at), topic_of(at), at.partition, &low, &high) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
      book.set_log(at, low, high);
  }
  ask_ends(now);
  const auto is_deaf = [&](const Member& member) {
    return now - member.link->heard.load(std::memory_order_relaxed) > silence;
  };
  set(metrics.brokers_down, std::ranges::all_of(members, is_deaf) ? 1 : 0);
  book.measure(now);
}

/// Of paused partitions, for they are not fetched: without this their lag would not grow.
void Consumer::Impl::ask_ends(MonoTime now) {
  if (now < next_ends || closing) return;
  const bool of_waiting = now >= next_waiting_ends;
  std::vector<TopicPartition> paused;
  for (const TopicPartition at : book.partitions())
    if (book.is_limited(at) || (of_waiting && book.is_paused(at))) paused.push_back(at);
  if (paused.empty()) return;
  next_ends = now + kEndsInterval;
  if (of_waiting) next_waiting_ends = now + kWaitingEndsInterval;
  for (const Member& member : members) {
    const PartitionList list = list_of(member.group, paused);
    if (list->cnt == 0) continue;
    const std::vector<std::int64_t> ends = ask_offsets(member.client.get(), *list, RD_KAFKA_OFFSET_END, kEndsWait);
    for (std::size_t i = 0; i < ends.size(); ++i) book.set_log(at_of(list->elems[i]), -1, ends[i]);
  }
}

std::uint32_t Consumer::Impl::index_of(std::string_view topic) const noexcept {
  const auto known = std::ranges::find(topics, topic);
  assert(known != topics.end());  // the group deals out what we subscribe to
  return static_cast<std::uint32_t>(known - topics.begin());
}

/// Those of the group.
PartitionList Consumer::Impl::list_of(Group group, std::span<const TopicPartition> partitions) const {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition at : partitions)
    if (group_of(at) == group) put(list, at);
  return list;
}

rd_kafka_t* Consumer::Impl::client_of(TopicPartition at) const noexcept {
  return members[static_cast<std::size_t>(group_of(at))].client.get();
}

void Consumer::Impl::failed(Member& member, rd_kafka_resp_err_t code, const char* words) {
  add(metrics.errors);
  note_failure(*member.link, code, words);
  if (observe::Log* const log = options.kafka.log)
    log->warn("kafka.consumer", {observe::kv("group", member.group_id), observe::kv("code", rd_kafka_err2name(code)),
                                 observe::kv("text", words == nullptr ? "" : words)});
  rd_kafka_t* const client = member.client.get();
  if (rd_kafka_fatal_error(client, nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR || was_fatal) return;
  was_fatal = true;
  if (handlers.on_fatal) handlers.on_fatal(fatal_error_of(client));
}

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() = default;

Result<std::unique_ptr<Consumer>> Consumer::start(ConsumerOptions options, ConsumerHandlers handlers,
                                                  ConsumerMetrics& metrics) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handlers), metrics);
  if (Result<void> started = impl->start(); !started) return std::unexpected(std::move(started.error()));
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

void Consumer::release(PendingRecord* pending) noexcept { pending->drop(); }
void Consumer::give_back(PendingRecord* pending) noexcept { pending->give_back(); }
void Consumer::stop_fetching() { impl_->draining.store(true, std::memory_order_relaxed); }
std::size_t Consumer::in_flight() const noexcept { return impl_->in_flight_seen.load(std::memory_order_relaxed); }
std::vector<ConnectionTrouble> Consumer::connection_troubles() const {
  std::vector<ConnectionTrouble> all;
  for (const Impl::Member& member : impl_->members)
    if (member.link)
      std::ranges::move(member.link->troubles.current(std::chrono::steady_clock::now()), std::back_inserter(all));
  return all;
}
void Consumer::stop() { impl_->stop(); }

}  // namespace nightpost::kafka
