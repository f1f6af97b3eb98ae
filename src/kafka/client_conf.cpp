#include "kafka/client_conf.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "observe/log.h"

namespace nightpost::kafka {
namespace {

/// Settings (and their aliases) that Nightpost's promises hang on, or that have a key of their own in its config.
constexpr std::array<std::string_view, 44> kOwnKeys = {
    "acks",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "batch.num.messages",
    "bootstrap.servers",
    "compression.codec",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "enabled_events",
    "fetch.wait.max.ms",
    "go.delivery.reports",
    "group.id",
    "group.instance.id",
    "linger.ms",
    "log.queue",
    "log_level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "partition.assignment.strategy",
    "partitioner",
    "plugin.library.paths",
    "produce.offset.report",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "request.required.acks",
    "retries",
    "transactional.id",
};
static_assert(std::ranges::is_sorted(kOwnKeys));

Result<void> put(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  std::array<char, 512> words{};
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), words.data(), words.size()) == RD_KAFKA_CONF_OK) return {};
  return fail(Errc::Malformed, "kafka setting " + key + ": " + words.data());
}

// librdkafka calls "error" what is a degraded minute here: a broker that went away.
void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  const auto* opaque = static_cast<const Opaque*>(rd_kafka_opaque(client));
  observe::Log* const log = opaque == nullptr ? nullptr : opaque->log.load(std::memory_order_acquire);
  if (log == nullptr) return;
  const auto write = level <= 2   ? &observe::Log::error
                     : level <= 4 ? &observe::Log::warn
                     : level <= 6 ? &observe::Log::info
                                  : &observe::Log::debug;
  (log->*write)("kafka.library", {observe::kv("facility", facility), observe::kv("text", text)});
}

}  // namespace

Result<void> check_client_settings(const std::map<std::string, std::string>& client) {
  const Conf scratch(rd_kafka_conf_new());
  for (const auto& [key, value] : client) {
    if (std::ranges::binary_search(kOwnKeys, std::string_view(key)))
      return fail(Errc::Malformed, "kafka setting " + key + ": set by Nightpost, its promises hang on it");
    if (Result<void> known = put(scratch.get(), key, value); !known) return known;
  }
  return {};
}

Result<Conf> make_conf(const ClientOptions& options,
                       std::initializer_list<std::pair<std::string_view, std::string>> own, Opaque& opaque) {
  if (Result<void> allowed = check_client_settings(options.client); !allowed)
    return std::unexpected(std::move(allowed.error()));
  Conf conf(rd_kafka_conf_new());
  for (const auto& [key, value] : options.client)
    if (Result<void> set = put(conf.get(), key, value); !set) return std::unexpected(std::move(set.error()));
  if (Result<void> set = put(conf.get(), "bootstrap.servers", options.brokers); !set)
    return std::unexpected(std::move(set.error()));
  for (const auto& [key, value] : own)
    if (Result<void> set = put(conf.get(), std::string(key), value); !set)
      return std::unexpected(std::move(set.error()));
  opaque.log.store(options.log, std::memory_order_release);
  rd_kafka_conf_set_opaque(conf.get(), &opaque);
  rd_kafka_conf_set_log_cb(conf.get(), &on_log);
  return conf;
}

Result<Client> make_client(rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> words{};
  rd_kafka_t* const client = rd_kafka_new(type, conf.get(), words.data(), words.size());
  if (client == nullptr) return fail(Errc::Io, std::string("kafka client: ") + words.data());
  std::ignore = conf.release();  // rd_kafka_new took it over
  return Client(client);
}

Error fatal_error_of(rd_kafka_t* client) {
  std::array<char, 512> words{};
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(client, words.data(), words.size());
  const char* const todo = code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
                               ? "; another worker has this kafka.group_instance_id: give each one of its own"
                               : "";
  return {Errc::Io, std::string("kafka: ") + rd_kafka_err2name(code) + ": " + words.data() + todo};
}

}  // namespace nightpost::kafka
