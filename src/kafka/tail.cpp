#include "kafka/tail.h"

#include <librdkafka/rdkafka.h>

#include <array>

#include "kafka/client_conf.h"

namespace nightpost::kafka {
namespace {

Result<void> set(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  std::array<char, 256> why{};
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
    return fail(Errc::Malformed, why.data());
  return {};
}

Result<void> add_partitions(rd_kafka_t* client, const std::string& topic, milliseconds wait, std::int64_t offset,
                            rd_kafka_topic_partition_list_t* list) {
  const Handle<rd_kafka_topic_t, rd_kafka_topic_destroy> handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  const auto asked = rd_kafka_metadata(client, 0, handle.get(), &raw, static_cast<int>(wait.count()));
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(Errc::Io, std::string("Kafka: ") + rd_kafka_err2str(asked));
  const Metadata metadata(raw);
  if (raw->topic_cnt != 1 || raw->topics[0].partition_cnt == 0)
    return fail(Errc::NotFound, "Kafka has no topic " + topic);
  for (int i = 0; i < raw->topics[0].partition_cnt; ++i)
    rd_kafka_topic_partition_list_add(list, topic.c_str(), raw->topics[0].partitions[i].id)->offset = offset;
  return {};
}

}  // namespace

struct Tail::Impl {
  Client client;
};

std::string_view TailMessage::header(std::string_view name) const noexcept {
  for (const auto& [header, text] : headers)
    if (header == name) return text;
  return {};
}

TailMessage tail_message(const rd_kafka_message_s& message) {
  TailMessage read;
  read.topic = rd_kafka_topic_name(message.rkt);
  read.partition = message.partition;
  read.offset = message.offset;
  if (const std::int64_t at = rd_kafka_message_timestamp(&message, nullptr); at > 0) read.timestamp_ms = at;
  if (message.key != nullptr) read.key.assign(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) read.value.assign(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      read.headers.emplace_back(name, value == nullptr ? "" : std::string(static_cast<const char*>(value), size));
  }
  return read;
}

Result<std::unique_ptr<Tail>> Tail::start(const ClientOptions& options, const std::vector<std::string>& topics,
                                          milliseconds wait, From from) {
  Conf conf(rd_kafka_conf_new());
  std::vector<std::pair<std::string, std::string>> settings = {
      {"bootstrap.servers", options.brokers},
      {"group.id", "nightpost-tail"},  // REQUIRED by the API, never joined
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.wait.max.ms", "20"},
      {"log_level", "2"}};
  const auto theirs = client_settings(options);
  if (!theirs) return std::unexpected(theirs.error());
  settings.insert(settings.end(), theirs->begin(), theirs->end());
  for (const auto& [key, value] : settings)
    if (const auto done = set(conf.get(), key, value); !done) return std::unexpected(done.error());
  std::array<char, 256> why{};
  Client client(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), why.data(), why.size()));
  if (client == nullptr) return fail(Errc::Io, why.data());
  conf.release();  // NOLINT(bugprone-unused-return-value): rd_kafka_new took it
  rd_kafka_poll_set_consumer(client.get());

  const PartitionList list(rd_kafka_topic_partition_list_new(8));
  for (const std::string& topic : topics)
    if (const auto added = add_partitions(
            client.get(), topic, wait, from == From::End ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING, list.get());
        !added)
      return std::unexpected(added.error());
  if (const auto assigned = rd_kafka_assign(client.get(), list.get()); assigned != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(Errc::Io, rd_kafka_err2str(assigned));
  auto impl = std::make_unique<Impl>();
  impl->client = std::move(client);
  return std::unique_ptr<Tail>(new Tail(std::move(impl)));
}

Tail::Tail(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Tail::~Tail() { rd_kafka_consumer_close(impl_->client.get()); }

std::optional<TailMessage> Tail::next(milliseconds wait) {
  const Message message(rd_kafka_consumer_poll(impl_->client.get(), static_cast<int>(wait.count())));
  if (message == nullptr || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return tail_message(*message);
}

}  // namespace nightpost::kafka
