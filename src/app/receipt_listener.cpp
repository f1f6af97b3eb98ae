#include "app/receipt_listener.h"

#include <utility>

#include "app/commands.h"
#include "app/config.h"
#include "app/trace_recorder.h"
#include "app/worker.h"

namespace nightpost::app {
namespace {

constexpr std::uint32_t kStreamsAtOnceMax = 100;  // of an HTTP/2 connection; answered one after the other

}  // namespace

ReceiptListener::ReceiptListener(const ReceiptOptions& options, std::unique_ptr<store::Store> store,
                                 std::unique_ptr<ReceiptSink> sink, dispatch::SignerLedger& ledger, const Clock& clock,
                                 observe::Log& log, ReceiptMetrics& metrics, ReceiptDesk::ReaderOf reader_of)
    : options_(options),
      store_(std::move(store)),
      sink_(std::move(sink)),
      log_(log),
      metrics_(metrics),
      desk_(options_, *store_, *sink_, ledger, clock, log, metrics, reader_of) {}

Result<std::unique_ptr<ReceiptListener>> ReceiptListener::start(const ReceiptOptions& options,
                                                                std::unique_ptr<store::Store> store,
                                                                std::unique_ptr<ReceiptSink> sink,
                                                                dispatch::SignerLedger& ledger, const Clock& clock,
                                                                observe::Log& log, ReceiptMetrics& metrics,
                                                                ReceiptDesk::ReaderOf reader_of) {
  std::unique_ptr<ReceiptListener> listener(
      new ReceiptListener(options, std::move(store), std::move(sink), ledger, clock, log, metrics, reader_of));
  if (const auto listens = listener->listen(); !listens)
    return fail(listens.error().code, "receipts: " + listens.error().detail);
  listener->thread_ = std::thread([loop = &listener->loop_] { loop->run(); });
  return listener;
}

Result<void> ReceiptListener::listen() {
  server::ServerOptions server = options_.server;
  server.host = options_.host;
  server.port = options_.port;
  server.body_bytes_max = options_.body_bytes_max;
  server.name = "receipts";
  server.log = &log_;
  server.metrics = &metrics_.server;
  const auto handler =
      server::answered_at_once([this](const server::ServerRequest& request) { return desk_.answer(request); });
  auto listener =
      TlsOrPlain::start(loop_, std::move(server), options_.tls, {.streams_max_first = kStreamsAtOnceMax}, handler);
  if (!listener) return std::unexpected(std::move(listener.error()));
  listener_ = *std::move(listener);
  return {};
}

ReceiptListener::~ReceiptListener() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

Result<std::unique_ptr<ReceiptListener>> start_receipts(const Config& config, dispatch::SignerLedger& ledger,
                                                        const Clock& clock, observe::Log& log,
                                                        std::function<void(Error)> on_fatal, ReceiptMetrics& metrics,
                                                        TraceRecorder* trace) {
  if (!config.receipts.enabled()) return nullptr;
  auto store = attach_store(config, true);
  if (!store) return std::unexpected(store.error());
  kafka::ProducerOptions producing = config.producer;
  producing.kafka.log = &log;
  auto sink = KafkaReceiptSink::start(std::move(producing), config.topics.results, config.receipts.ack_wait,
                                      std::move(on_fatal), metrics.producer);
  if (!sink) return std::unexpected(sink.error());
  if (trace != nullptr) *sink = std::make_unique<TracedReceiptSink>(*std::move(sink), *trace);
  ReceiptOptions options = config.receipts;
  options.removals = config.dispatch;
  auto listener = ReceiptListener::start(options, *std::move(store), *std::move(sink), ledger, clock, log, metrics);
  if (listener)
    log.info("receipts.listening", {observe::kv("host", config.receipts.host), observe::kv("port", (*listener)->port()),
                                    observe::kv("tls", !config.receipts.tls.certificate.empty())});
  return listener;
}

}  // namespace nightpost::app
