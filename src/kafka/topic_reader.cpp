#include "kafka/topic_reader.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "kafka/client_conf.h"

namespace nightpost::kafka {
struct TopicReader::Impl {
  std::string topic;
  milliseconds wait{0};
  Opaque opaque;
  Client client;
  std::vector<Range> ranges;
  std::map<std::int32_t, std::int64_t> ends;  // of the partitions that are not read to their end
  std::string last_trouble;

  Error failed(rd_kafka_resp_err_t code) { return explained(client.get(), opaque, code, "topic " + topic); }
  Result<void> start(const ClientOptions& options);
  Result<void> find_partitions();
  Result<void> assign(const PartitionList& list);
  void finish(std::int32_t partition);
  /// What librdkafka says next; nullopt: nothing within `patience`.
  std::optional<Message> poll(milliseconds patience) {
    Message message(rd_kafka_consumer_poll(client.get(), ms_of(patience)));
    if (message == nullptr) return std::nullopt;
    return message;
  }
};

Result<void> TopicReader::Impl::start(const ClientOptions& options) {
  Result<Conf> conf = make_conf(options,
                                {{"group.id", "nightpost-reader"},  // REQUIRED by the API, never joined
                                 {"enable.auto.commit", "false"},
                                 {"enable.auto.offset.store", "false"},
                                 {"enable.partition.eof", "true"},
                                 {"auto.offset.reset", "earliest"},
                                 {"isolation.level", "read_committed"},
                                 {"queued.max.messages.kbytes", "16384"},
                                 {"fetch.wait.max.ms", "50"}},
                                opaque);
  if (!conf) return std::unexpected(std::move(conf.error()));
  rd_kafka_conf_set_error_cb(conf->get(), &note_error);
  Result<Client> made = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!made) return std::unexpected(std::move(made.error()));
  client = std::move(*made);
  rd_kafka_poll_set_consumer(client.get());
  return find_partitions();
}

Result<void> TopicReader::Impl::find_partitions() {
  const Topic handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  if (!handle) return fail(Errc::Malformed, "kafka: \"" + topic + "\" is not a topic's name");
  const rd_kafka_metadata_t* raw = nullptr;
  const auto asked = rd_kafka_metadata(client.get(), 0, handle.get(), &raw, ms_of(wait));
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(failed(asked));
  const Metadata metadata(raw);
  if (raw->topic_cnt != 1) return fail(Errc::Io, "topic " + topic + ": the broker says nothing of it");
  const rd_kafka_metadata_topic_t& found = raw->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return fail(Errc::NotFound, "Kafka has no topic " + topic);
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(failed(found.err));
  for (int i = 0; i < found.partition_cnt; ++i) {
    Range range{.partition = found.partitions[i].id};
    const auto bounds = rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), range.partition, &range.low,
                                                         &range.high, ms_of(wait));
    if (bounds != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(failed(bounds));
    ranges.push_back(range);
  }
  std::ranges::sort(ranges, {}, &Range::partition);
  return {};
}

Result<void> TopicReader::Impl::assign(const PartitionList& list) {
  const auto done = rd_kafka_assign(client.get(), list.get());
  if (done != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(failed(done));
  return {};
}

/// What was fetched of it beyond the end is thrown away, and nothing more is fetched. Not by a pause: a resume right
/// after the next assignment now and then left librdkafka fetching nothing at all.
void TopicReader::Impl::finish(std::int32_t partition) {
  if (ends.erase(partition) == 0) return;
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  const ClientError ignored(rd_kafka_incremental_unassign(client.get(), list.get()));  // it would only fetch too much
}

Result<std::unique_ptr<TopicReader>> TopicReader::open(const ClientOptions& options, const std::string& topic,
                                                       milliseconds wait) {
  auto impl = std::make_unique<Impl>();
  impl->topic = topic;
  impl->wait = wait;
  if (const Result<void> started = impl->start(options); !started) return std::unexpected(started.error());
  std::unique_ptr<TopicReader> reader(new TopicReader(std::move(impl)));
  if (const Result<void> rewound = reader->rewind(); !rewound) return std::unexpected(rewound.error());
  return reader;
}

TopicReader::TopicReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

TopicReader::~TopicReader() { rd_kafka_consumer_close(impl_->client.get()); }

std::span<const TopicReader::Range> TopicReader::ranges() const noexcept { return impl_->ranges; }

Result<void> TopicReader::rewind(std::optional<WallTime> since) {
  Impl& impl = *impl_;
  const PartitionList list(rd_kafka_topic_partition_list_new(8));
  const auto start_of = [&](const Range& range) { return since ? to_ms(*since) : range.low; };
  for (const Range& range : impl.ranges)
    if (range.low < range.high)
      rd_kafka_topic_partition_list_add(list.get(), impl.topic.c_str(), range.partition)->offset = start_of(range);
  if (since && list->cnt > 0) {
    const auto asked = rd_kafka_offsets_for_times(impl.client.get(), list.get(), ms_of(impl.wait));
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(impl.failed(asked));
  }
  const PartitionList begins(rd_kafka_topic_partition_list_new(8));
  impl.ends.clear();
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    const auto range = std::ranges::find(impl.ranges, each.partition, &Range::partition);
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(impl.failed(each.err));
    if (each.offset < 0 || each.offset >= range->high) continue;  // none that young
    rd_kafka_topic_partition_list_add(begins.get(), impl.topic.c_str(), each.partition)->offset = each.offset;
    impl.ends.emplace(each.partition, range->high);
  }
  return impl.assign(begins);
}

Result<std::optional<TailMessage>> TopicReader::next() {
  Impl& impl = *impl_;
  const MonoTime deadline = std::chrono::steady_clock::now() + impl.wait;
  while (!impl.ends.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= milliseconds(0))
      return fail(Errc::Timeout, "topic " + impl.topic + ": no broker answers" +
                                     (impl.last_trouble.empty() ? "" : ": " + impl.last_trouble));
    const auto message = impl.poll(left);
    if (!message) continue;
    const rd_kafka_message_t& each = **message;
    if (each.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      impl.finish(each.partition);
    } else if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      impl.last_trouble = rd_kafka_message_errstr(&each);
    } else if (const auto end = impl.ends.find(each.partition); end != impl.ends.end()) {
      const bool inside = each.offset < end->second;
      if (each.offset + 1 >= end->second) impl.finish(each.partition);
      if (inside) return tail_message(each);
    }
  }
  return std::nullopt;
}

Result<std::optional<TailMessage>> TopicReader::at(std::int32_t partition, std::int64_t offset) {
  Impl& impl = *impl_;
  impl.ends.clear();
  const auto range = std::ranges::find(impl.ranges, partition, &Range::partition);
  if (range == impl.ranges.end() || offset < range->low || offset >= range->high) return std::nullopt;
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), impl.topic.c_str(), partition)->offset = offset;
  if (const Result<void> assigned = impl.assign(list); !assigned) return std::unexpected(assigned.error());
  const MonoTime deadline = std::chrono::steady_clock::now() + impl.wait;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return fail(Errc::Timeout, "topic " + impl.topic + ": no broker answers");
    const auto message = impl.poll(left);
    if (!message) continue;
    const rd_kafka_message_t& each = **message;
    if (each.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return std::nullopt;
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR || each.partition != partition) continue;
    if (each.offset == offset) return tail_message(each);
    return std::nullopt;  // retention or compaction took it: the next one came
  }
}

}  // namespace nightpost::kafka
