#include "kafka/transactions.h"

#include <algorithm>
#include <tuple>

#include "kafka/client_conf.h"

namespace nightpost::kafka {
namespace {

/// librdkafka wants it to be below the transaction's own time.
constexpr milliseconds kSocketMargin{1'000};

bool is_taken_over(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

struct Link {
  Opaque opaque;
  /// Of the first message that was refused for good; the transaction can then only be undone.
  std::optional<std::size_t> refused;
  rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR_NO_ERROR;
};

void on_error(rd_kafka_t*, int code, const char* words, void* opaque) {
  note_failure(static_cast<Link*>(static_cast<Opaque*>(opaque)->owner)->opaque, static_cast<rd_kafka_resp_err_t>(code),
               words);
}

void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& link = *static_cast<Link*>(static_cast<Opaque*>(opaque)->owner);
  const bool is_fault = message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
                        message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (!is_fault || link.refused) return;
  link.refused = reinterpret_cast<std::uintptr_t>(message->_private) - 1;
  link.why = message->err;
}

rd_kafka_resp_err_t produce(rd_kafka_t* client, const Transactions::Message& message, std::size_t index) {
  rd_kafka_headers_t* const headers = rd_kafka_headers_new(message.headers.size());
  for (const auto& [name, text] : message.headers)
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  const rd_kafka_resp_err_t code =
      rd_kafka_producev(client, RD_KAFKA_V_TOPIC(message.topic.c_str()), RD_KAFKA_V_PARTITION(message.partition),
                        RD_KAFKA_V_KEY(message.key.data(), message.key.size()),
                        RD_KAFKA_V_VALUE(const_cast<char*>(message.value.data()), message.value.size()),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
                        RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(index + 1)), RD_KAFKA_V_END);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);  // else they went with it
  return code;
}

}  // namespace

struct Transactions::Impl {
  TransactionsOptions options;
  Link link;
  Client client;

  Result<void> start();
  Failure failure_of(const rd_kafka_error_t* error, std::string_view what);
  /// Calls `step` again while that may help.
  template <class Step>
  ClientError repeated(Step step) {
    const MonoTime deadline = std::chrono::steady_clock::now() + options.wait;
    for (;;) {
      ClientError error(step(ms_of(options.wait)));
      if (!error || !rd_kafka_error_is_retriable(error.get()) || std::chrono::steady_clock::now() >= deadline)
        return error;
      rd_kafka_poll(client.get(), 50);
    }
  }
  void undo() {
    std::ignore = repeated([this](int wait) { return rd_kafka_abort_transaction(client.get(), wait); });
  }
};

Result<void> Transactions::Impl::start() {
  link.opaque.owner = &link;
  Result<Conf> conf = make_conf(options.kafka,
                                {{"transactional.id", options.id},
                                 {"enable.idempotence", "true"},
                                 {"acks", "all"},
                                 {"partitioner", "murmur2_random"},
                                 {"linger.ms", "1"},
                                 {"compression.codec", options.compression},
                                 {"message.max.bytes", std::to_string(options.message_bytes_max)},
                                 {"transaction.timeout.ms", std::to_string(options.open_max.count())},
                                 {"message.timeout.ms", std::to_string(options.open_max.count())},
                                 {"socket.timeout.ms", std::to_string((options.open_max - kSocketMargin).count())}},
                                link.opaque);
  if (!conf) return std::unexpected(std::move(conf.error()));
  rd_kafka_conf_set_error_cb(conf->get(), &on_error);
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &on_report);
  Result<Client> made = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!made) return std::unexpected(std::move(made.error()));
  client = std::move(*made);
  const ClientError error = repeated([this](int wait) { return rd_kafka_init_transactions(client.get(), wait); });
  if (!error) return {};
  return std::unexpected(failure_of(error.get(), "transactions of " + options.id).error);
}

Transactions::Failure Transactions::Impl::failure_of(const rd_kafka_error_t* error, std::string_view what) {
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  Failure failure{.error = explained(client.get(), link.opaque, code,
                                     std::string(what) + " (" + rd_kafka_error_string(error) + ")")};
  failure.taken_over = is_taken_over(code) || is_taken_over(rd_kafka_fatal_error(client.get(), nullptr, 0));
  failure.message = link.refused;
  if (link.refused) failure.error = nightpost::kafka::error_of(link.why, "the topic refuses it");
  return failure;
}

std::expected<void, Transactions::Failure> Transactions::write(std::span<const Message> messages) {
  Impl& impl = *impl_;
  impl.link.refused.reset();
  if (const ClientError error(rd_kafka_begin_transaction(impl.client.get())); error)
    return std::unexpected(impl.failure_of(error.get(), "a transaction cannot begin"));
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const rd_kafka_resp_err_t code = produce(impl.client.get(), messages[i], i);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Failure failure{.error = error_of(code, "topic " + messages[i].topic)};
    failure.taken_over = is_taken_over(rd_kafka_fatal_error(impl.client.get(), nullptr, 0));
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) failure.message = i;
    impl.undo();
    return std::unexpected(std::move(failure));
  }
  const ClientError error =
      impl.repeated([&](int wait) { return rd_kafka_commit_transaction(impl.client.get(), wait); });
  if (!error) return {};
  Failure failure = impl.failure_of(error.get(), "a transaction cannot be committed");
  failure.unknown = !failure.taken_over && rd_kafka_error_txn_requires_abort(error.get()) == 0;
  impl.undo();
  return std::unexpected(std::move(failure));
}

Transactions::Transactions(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Transactions::~Transactions() {
  rd_kafka_purge(impl_->client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

Result<std::unique_ptr<Transactions>> Transactions::start(TransactionsOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  if (const Result<void> started = impl->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<Transactions>(new Transactions(std::move(impl)));
}

}  // namespace nightpost::kafka
