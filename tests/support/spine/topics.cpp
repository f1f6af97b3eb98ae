#include "support/spine/topics.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <stdexcept>

#include "support/process.h"

namespace nightpost::support {
namespace {

constexpr int kPatienceMs = 30'000;

using List = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using Message = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;

void need(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
}

using Settings = std::map<std::string, std::string>;

rd_kafka_t* make_client(rd_kafka_type_t type, const Settings& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size()) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    throw std::runtime_error(why.data());
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, why.data(), why.size());  // takes conf when it succeeds
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    throw std::runtime_error(why.data());
  }
  return client;
}

std::vector<std::pair<std::string, std::string>> headers_of(const rd_kafka_message_t* message) {
  std::vector<std::pair<std::string, std::string>> all;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    all.emplace_back(name, std::string(static_cast<const char*>(value), size));
  return all;
}

}  // namespace

Topics::Topics(std::string brokers, const Settings& producer_settings) : brokers_(std::move(brokers)) {
  Settings settings{{"bootstrap.servers", brokers_},   {"enable.idempotence", "true"},
                    {"compression.type", "lz4"},       {"linger.ms", "5"},
                    {"message.max.bytes", "20000000"}, {"log_level", "3"}};
  for (const auto& [key, value] : producer_settings) settings[key] = value;
  producer_.reset(make_client(RD_KAFKA_PRODUCER, settings));
}

Topics::~Topics() { rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT); }

Topics::Client Topics::consumer(const std::string& group) const {
  return Client(make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers_},
                                                {"group.id", group},
                                                {"enable.auto.commit", "false"},
                                                {"enable.partition.eof", "false"},
                                                {"fetch.message.max.bytes", "20000000"},
                                                {"log_level", "3"}}));
}

void Topics::create(const std::string& topic, int partitions, const Settings& settings) {
  std::array<char, 512> why{};
  Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, why.data(), why.size()));
  if (!wanted) throw std::runtime_error(why.data());
  // 10 MB events are part of the contract's bad input; the broker's default refuses them before we see one.
  Settings all = settings;
  all.try_emplace("max.message.bytes", "20000000");
  for (const auto& [name, value] : all)
    need(rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str()), topic);
  const Queue queue(rd_kafka_queue_new(producer_.get()));
  rd_kafka_NewTopic_t* raw = wanted.get();
  rd_kafka_CreateTopics(producer_.get(), &raw, 1, nullptr, queue.get());
  const Handle<rd_kafka_event_t, rd_kafka_event_destroy> done(rd_kafka_queue_poll(queue.get(), kPatienceMs));
  if (!done) throw std::runtime_error("create " + topic + ": no answer");
  need(rd_kafka_event_error(done.get()), "create " + topic);
  std::size_t count = 0;
  const auto* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(done.get()), &count);
  for (std::size_t i = 0; i < count; ++i) need(rd_kafka_topic_result_error(results[i]), "create " + topic);
  // Its controller knows it before the broker serves it.
  if (!eventually(std::chrono::milliseconds(kPatienceMs), [&] { return served(topic) == partitions; }))
    throw std::runtime_error("create " + topic + ": it is not served");
  partitions_[topic] = partitions;
}

void Topics::limit_message_bytes(const std::string& topic, int bytes) {
  const Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy> wanted(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  need(rd_kafka_ConfigResource_set_config(wanted.get(), "max.message.bytes", std::to_string(bytes).c_str()), topic);
  const Queue queue(rd_kafka_queue_new(producer_.get()));
  rd_kafka_ConfigResource_t* all = wanted.get();
  rd_kafka_AlterConfigs(producer_.get(), &all, 1, nullptr, queue.get());
  const Handle<rd_kafka_event_t, rd_kafka_event_destroy> done(rd_kafka_queue_poll(queue.get(), kPatienceMs));
  if (!done) throw std::runtime_error("configure " + topic + ": no answer");
  need(rd_kafka_event_error(done.get()), "configure " + topic);
  std::size_t count = 0;
  const auto* results = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(done.get()), &count);
  for (std::size_t i = 0; i < count; ++i) need(rd_kafka_ConfigResource_error(results[i]), "configure " + topic);
}

void Topics::produce(const std::string& topic, std::string_view key, std::string_view value) {
  for (;;) {
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
                          RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    rd_kafka_poll(producer_.get(), error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) need(error, "produce to " + topic);
  }
}

void Topics::flush(std::chrono::milliseconds patience) {
  need(rd_kafka_flush(producer_.get(), static_cast<int>(patience.count())), "flush");
}

/// Partitions that have a leader, as the broker tells; 0: no such topic.
int Topics::served(const std::string& topic) {
  const struct rd_kafka_metadata* read = nullptr;
  const Handle<rd_kafka_topic_t, rd_kafka_topic_destroy> asked(
      rd_kafka_topic_new(producer_.get(), topic.c_str(), nullptr));
  need(rd_kafka_metadata(producer_.get(), 0, asked.get(), &read, kPatienceMs), topic);
  const std::span partitions(read->topics[0].partitions, std::size_t(read->topics[0].partition_cnt));
  const auto led = std::ranges::count_if(partitions, [](const auto& each) { return each.leader >= 0; });
  rd_kafka_metadata_destroy(read);
  return int(led);
}

int Topics::partitions(const std::string& topic) {
  if (const auto known = partitions_.find(topic); known != partitions_.end()) return known->second;
  const int count = served(topic);
  if (count == 0) throw std::runtime_error(topic + ": is not there");
  return partitions_[topic] = count;
}

std::pair<std::int64_t, std::int64_t> Topics::bounds(const std::string& topic, int partition) {
  std::int64_t low = 0, high = 0;
  need(rd_kafka_query_watermark_offsets(producer_.get(), topic.c_str(), partition, &low, &high, kPatienceMs), topic);
  return {low, high};
}

std::int64_t Topics::size(const std::string& topic) {
  std::int64_t sum = 0;
  for (int p = 0; p < partitions(topic); ++p) {
    const auto [low, high] = bounds(topic, p);
    sum += high - low;
  }
  return sum;
}

std::vector<std::int64_t> Topics::committed_offsets(const std::string& group, const std::string& topic) {
  Client& asker = groups_[group];
  if (!asker) asker = consumer(group);
  const List list(rd_kafka_topic_partition_list_new(partitions(topic)));
  for (int p = 0; p < partitions(topic); ++p) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
  need(rd_kafka_committed(asker.get(), list.get(), kPatienceMs), "committed offsets of " + group);
  std::vector<std::int64_t> offsets;
  for (int p = 0; p < list->cnt; ++p) offsets.push_back(list->elems[p].offset);
  return offsets;
}

std::int64_t Topics::committed(const std::string& group, const std::string& topic) {
  std::int64_t sum = 0;
  const std::vector<std::int64_t> offsets = committed_offsets(group, topic);
  for (std::size_t p = 0; p < offsets.size(); ++p)
    if (offsets[p] >= 0) sum += offsets[p] - bounds(topic, static_cast<int>(p)).first;
  return sum;
}

void Topics::read_uncommitted(const std::string& group, const std::string& topic,
                              const std::function<void(const ReadRecord&)>& take) {
  const std::vector<std::int64_t> offsets = committed_offsets(group, topic);
  read(topic, [&](const ReadRecord& record) {
    if (record.offset >= offsets.at(static_cast<std::size_t>(record.partition))) take(record);
  });
}

void Topics::read(const std::string& topic, const std::function<void(const ReadRecord&)>& take) {
  std::map<std::int32_t, std::int64_t> ends;
  const List list(rd_kafka_topic_partition_list_new(partitions(topic)));
  for (int p = 0; p < partitions(topic); ++p) {
    const auto [low, high] = bounds(topic, p);
    if (low == high) continue;
    ends[p] = high;
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = low;
  }
  if (ends.empty()) return;
  const Client reader = consumer("nightpost-reader");
  need(rd_kafka_poll_set_consumer(reader.get()), topic);
  need(rd_kafka_assign(reader.get(), list.get()), topic);
  while (!ends.empty()) {
    const Message message(rd_kafka_consumer_poll(reader.get(), kPatienceMs));
    if (!message) throw std::runtime_error(topic + ": records do not come");
    if (message->err == RD_KAFKA_RESP_ERR__TRANSPORT || message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) continue;
    need(message->err, topic);
    const auto end = ends.find(message->partition);
    if (end == ends.end() || message->offset >= end->second) continue;
    take({.partition = message->partition,
          .offset = message->offset,
          .key = {static_cast<const char*>(message->key), message->key_len},
          .value = {static_cast<const char*>(message->payload), message->len},
          .headers = headers_of(message.get())});
    if (message->offset + 1 == end->second) ends.erase(end);
  }
}

}  // namespace nightpost::support
