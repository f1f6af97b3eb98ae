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
