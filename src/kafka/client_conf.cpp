#include "kafka/client_conf.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>

#include "observe/log.h"

namespace nightpost::kafka {
namespace {

/// Settings (and their aliases) that Nightpost's promises hang on, or that have a key of their own in its config.
constexpr std::array<std::string_view, 45> kOwnKeys = {
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
    "isolation.level",
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

/// Never in the config's text.
constexpr std::array<std::string_view, 5> kSecretKeys = {
    "sasl.oauthbearer.client.secret", "sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
};
static_assert(std::ranges::is_sorted(kSecretKeys));
constexpr std::size_t kSecretBytesMax = 65'536;

// Of Kafka's protocol, the keys of the requests of a handshake: their answers say nothing of whether we may go on.
constexpr std::int16_t kSaslHandshake = 17;
constexpr std::int16_t kApiVersions = 18;
constexpr std::int16_t kSaslAuthenticate = 36;

Result<void> put(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  std::array<char, 512> words{};
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), words.data(), words.size()) == RD_KAFKA_CONF_OK) return {};
  return fail(Errc::Malformed, "kafka setting " + key + ": " + words.data());
}

// librdkafka calls "error" what is a degraded minute here: a broker that went away.
void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  auto* const opaque = static_cast<Opaque*>(rd_kafka_opaque(client));
  // Newer ones tell an application only errors of their own making, and a broker that hangs up in their log.
  if (opaque != nullptr && std::string_view(facility) == "FAIL")
    note_failure(*opaque, RD_KAFKA_RESP_ERR_NO_ERROR, text);
  observe::Log* const log = opaque == nullptr ? nullptr : opaque->log.load(std::memory_order_acquire);
  if (log == nullptr) return;
  const auto write = level <= 2   ? &observe::Log::error
                     : level <= 4 ? &observe::Log::warn
                     : level <= 6 ? &observe::Log::info
                                  : &observe::Log::debug;
  (log->*write)("kafka.library", {observe::kv("facility", facility), observe::kv("text", text)});
}

void note(Opaque& opaque, ConnectionFault why, std::string broker, std::string words) {
  std::string todo = remedy_of(why, words, rd_kafka_version());
  const ConnectionTrouble trouble = {std::move(broker), why, std::move(words), std::move(todo)};
  if (!opaque.troubles.note(trouble, std::chrono::steady_clock::now())) return;
  if (observe::Log* const log = opaque.log.load(std::memory_order_acquire))
    log->error("kafka.broker_refused", {observe::kv("broker", trouble.broker), observe::kv("why", name_of(trouble.why)),
                                        observe::kv("text", trouble.words), observe::kv("todo", trouble.todo)});
}

// librdkafka's words are the same for all certificates that do not pass, so it is asked here why. Its threads.
int on_certificate(rd_kafka_t*, const char* broker, std::int32_t, int* x509_error, int, const char*, std::size_t,
                   char* words, std::size_t words_size, void* opaque) {
  if (*x509_error == 0) return 1;
  const ConnectionFault fault = fault_of_certificate(*x509_error);
  const std::string said = "its certificate does not pass, OpenSSL's error " + std::to_string(*x509_error);
  said.copy(words, words_size - 1);
  words[std::min(said.size(), words_size - 1)] = '\0';
  note(*static_cast<Opaque*>(opaque), fault, broker_of(broker), said);
  return 0;
}

rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char* broker, std::int32_t, std::int16_t api, std::int16_t,
                                std::int32_t, std::size_t, std::int64_t, rd_kafka_resp_err_t code, void* opaque) {
  auto& link = *static_cast<Opaque*>(opaque);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || is_handshake(api) || !link.troubles.heard(broker))
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  if (observe::Log* const log = link.log.load(std::memory_order_acquire))
    log->info("kafka.broker_usable", {observe::kv("broker", broker_of(broker))});
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* opaque, char*, std::size_t) {
  return rd_kafka_interceptor_add_on_response_received(client, "nightpost.connections", &on_response, opaque);
}

Result<std::string> read_secret(const std::string& key, const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(path, unknown))  // a FIFO would hang the start
    return fail(Errc::NotFound, "kafka setting " + key + ": file " + path + " is not there, or no regular file");
  if (std::filesystem::file_size(path, unknown) > kSecretBytesMax)
    return fail(Errc::Malformed, "kafka setting " + key + ": file " + path + " is larger than 64 KiB");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return fail(Errc::NotFound, "kafka setting " + key + ": file " + path + " cannot be read or is empty");
  std::string value = std::move(text).str();
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

/// As librdkafka has understood the settings.
bool verifies_certificates(const rd_kafka_conf_t* conf) {
  std::array<char, 8> value{};
  std::size_t size = value.size();
  return rd_kafka_conf_get(conf, "enable.ssl.certificate.verification", value.data(), &size) != RD_KAFKA_CONF_OK ||
         std::string_view(value.data()) != "false";
}

}  // namespace

bool is_handshake(std::int16_t api) noexcept {
  return api == kSaslHandshake || api == kApiVersions || api == kSaslAuthenticate;
}

void note_failure(Opaque& opaque, rd_kafka_resp_err_t code, const char* words) {
  if (words == nullptr) return;
  const auto fault = connection_fault(rd_kafka_err2name(code), words);
  if (fault) note(opaque, *fault, broker_of(words), words);
}

Result<void> check_client_settings(const std::map<std::string, std::string>& client,
                                   const std::map<std::string, std::string>& client_files) {
  const Conf scratch(rd_kafka_conf_new());
  const auto is_own = [](std::string_view key) { return std::ranges::binary_search(kOwnKeys, key); };
  for (const auto& [key, value] : client) {
    if (is_own(key))
      return fail(Errc::Malformed, "kafka setting " + key + ": set by Nightpost, its promises hang on it");
    if (std::ranges::binary_search(kSecretKeys, std::string_view(key)))
      return fail(Errc::Malformed,
                  "kafka setting " + key + ": a secret; name a file that holds it in kafka.client_files");
    if (Result<void> known = put(scratch.get(), key, value); !known) return known;
  }
  for (const auto& [key, path] : client_files) {
    if (is_own(key) || client.contains(key))
      return fail(Errc::Malformed, "kafka setting " + key + ": set elsewhere, so it cannot be a file");
    if (rd_kafka_conf_set(scratch.get(), key.c_str(), "any", nullptr, 0) == RD_KAFKA_CONF_UNKNOWN)
      return fail(Errc::Malformed, "kafka setting " + key + ": unknown to librdkafka");
    if (path.empty()) return fail(Errc::Malformed, "kafka setting " + key + ": no file is named");
  }
  return {};
}

Result<std::map<std::string, std::string>> client_settings(const ClientOptions& options) {
  if (Result<void> allowed = check_client_settings(options.client, options.client_files); !allowed)
    return std::unexpected(std::move(allowed.error()));
  std::map<std::string, std::string> all = options.client;
  const Conf scratch(rd_kafka_conf_new());
  for (const auto& [key, path] : options.client_files) {
    Result<std::string> value = read_secret(key, path);
    if (!value) return std::unexpected(std::move(value.error()));
    if (!put(scratch.get(), key, *value))  // librdkafka's words might tell it
      return fail(Errc::Malformed, "kafka setting " + key + ": what file " + path + " holds is not taken");
    all[key] = *std::move(value);
  }
  return all;
}

Result<Conf> make_conf(const ClientOptions& options,
                       std::initializer_list<std::pair<std::string_view, std::string>> own, Opaque& opaque) {
  const Result<std::map<std::string, std::string>> settings = client_settings(options);
  if (!settings) return std::unexpected(settings.error());
  Conf conf(rd_kafka_conf_new());
  for (const auto& [key, value] : *settings)
    if (Result<void> set = put(conf.get(), key, value); !set) return std::unexpected(std::move(set.error()));
  if (Result<void> set = put(conf.get(), "bootstrap.servers", options.brokers); !set)
    return std::unexpected(std::move(set.error()));
  for (const auto& [key, value] : own)
    if (Result<void> set = put(conf.get(), std::string(key), value); !set)
      return std::unexpected(std::move(set.error()));
  opaque.log.store(options.log, std::memory_order_release);
  rd_kafka_conf_set_opaque(conf.get(), &opaque);
  rd_kafka_conf_set_log_cb(conf.get(), &on_log);
  rd_kafka_conf_interceptor_add_on_new(conf.get(), "nightpost.connections", &on_new, &opaque);
  if (verifies_certificates(conf.get())) rd_kafka_conf_set_ssl_cert_verify_cb(conf.get(), &on_certificate);
  return conf;
}

Result<Client> make_client(rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> words{};
  rd_kafka_t* const client = rd_kafka_new(type, conf.get(), words.data(), words.size());
  if (client == nullptr) return fail(Errc::Io, std::string("kafka client: ") + words.data());
  std::ignore = conf.release();  // rd_kafka_new took it over
  return Client(client);
}

Error explained(rd_kafka_t* client, Opaque& opaque, rd_kafka_resp_err_t code, std::string_view what) {
  // What its error callback still has to be told says more.
  if (rd_kafka_type(client) == RD_KAFKA_CONSUMER)
    const Message dropped(rd_kafka_consumer_poll(client, 0));
  else
    rd_kafka_poll(client, 0);
  const std::vector<ConnectionTrouble> troubles = opaque.troubles.current(std::chrono::steady_clock::now());
  Error error = error_of(code, what);
  if (!troubles.empty())
    error.detail += "; broker " + troubles.front().broker + ": " + std::string(name_of(troubles.front().why)) + " (" +
                    troubles.front().words + "); " + troubles.front().todo;
  return error;
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
