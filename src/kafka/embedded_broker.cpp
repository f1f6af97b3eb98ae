#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka/client_conf.h"
#include "kafka/producer.h"

namespace nightpost::kafka {

struct EmbeddedBroker::Impl {
  Opaque opaque;
  Client client;  // the mock cluster lives inside a client
  Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy> cluster;
  std::string brokers;
};

EmbeddedBroker::EmbeddedBroker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedBroker::~EmbeddedBroker() = default;
const std::string& EmbeddedBroker::brokers() const noexcept { return impl_->brokers; }

namespace {

rd_kafka_resp_err_t code_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::TooLarge:
      return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    case Refusal::TopicMissing:
      return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    case Refusal::Forbidden:
      return RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    case Refusal::Other:
      break;
  }
  return RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

// Of Kafka's protocol, the keys of requests.
constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kOffsetCommit = 8;

}  // namespace

void EmbeddedBroker::set_trouble(const std::string& topic, std::optional<Refusal> trouble) {
  rd_kafka_mock_topic_set_error(impl_->cluster.get(), topic.c_str(),
                                trouble ? code_of(*trouble) : RD_KAFKA_RESP_ERR_NO_ERROR);
}

void EmbeddedBroker::refuse_next(std::span<const Refusal> refusals) {
  std::vector<rd_kafka_resp_err_t> codes;
  for (const Refusal refusal : refusals) codes.push_back(code_of(refusal));
  rd_kafka_mock_push_request_errors_array(impl_->cluster.get(), kProduce, codes.size(), codes.data());
}

void EmbeddedBroker::refuse_metadata(int commits) {
  const std::vector<rd_kafka_resp_err_t> codes(static_cast<std::size_t>(commits),
                                               RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
  rd_kafka_mock_push_request_errors_array(impl_->cluster.get(), kOffsetCommit, codes.size(), codes.data());
}

void EmbeddedBroker::answer_after(milliseconds late) {
  rd_kafka_mock_broker_set_rtt(impl_->cluster.get(), -1, ms_of(late));
}

Result<std::unique_ptr<EmbeddedBroker>> EmbeddedBroker::start(
    const std::vector<std::pair<std::string, int>>& topics_and_partitions) {
  auto impl = std::make_unique<Impl>();
  Result<Conf> conf = make_conf({.brokers = ""}, {}, impl->opaque);
  if (!conf) return std::unexpected(std::move(conf.error()));
  Result<Client> client = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return std::unexpected(std::move(client.error()));
  impl->client = std::move(*client);
  impl->cluster.reset(rd_kafka_mock_cluster_new(impl->client.get(), 1));
  if (!impl->cluster) return fail(Errc::Io, "embedded broker: no socket to listen on");
  for (const auto& [topic, partitions] : topics_and_partitions) {
    const auto code = rd_kafka_mock_topic_create(impl->cluster.get(), topic.c_str(), partitions, 1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(error_of(code, "embedded broker: topic " + topic));
  }
  impl->brokers = rd_kafka_mock_cluster_bootstraps(impl->cluster.get());
  return std::unique_ptr<EmbeddedBroker>(new EmbeddedBroker(std::move(impl)));
}

}  // namespace nightpost::kafka
