// The HTTP listener for vendors' receipts: a thread and a loop of its own, since an answer waits for Kafka and neither
// a shard nor /healthz may wait with it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "app/receipt_desk.h"
#include "app/tls_or_plain.h"
#include "app/vendors.h"

namespace nightpost::app {

struct Config;
class TraceRecorder;

class ReceiptListener {
 public:
  /// Listens at once. `ledger`: as ReceiptDesk. The store's connection and the sink are used on the listener's thread
  /// alone. Malformed: the TLS files cannot be read, or do not go together. Io: cannot listen there.
  static Result<std::unique_ptr<ReceiptListener>> start(const ReceiptOptions& options,
                                                        std::unique_ptr<store::Store> store,
                                                        std::unique_ptr<ReceiptSink> sink,
                                                        dispatch::SignerLedger& ledger, const Clock& clock,
                                                        observe::Log& log, ReceiptMetrics& metrics,
                                                        ReceiptDesk::ReaderOf reader_of = receipt_reader_of);
  /// Closes every connection. A call that waits for Kafka is waited for, at most ReceiptOptions::ack_wait, and gets no
  /// answer: its vendor repeats it.
  ~ReceiptListener();
  ReceiptListener(const ReceiptListener&) = delete;
  ReceiptListener& operator=(const ReceiptListener&) = delete;

  std::uint16_t port() const noexcept { return listener_->port(); }
  std::optional<WallTime> certificate_ends() const noexcept { return listener_->certificate_ends(); }

 private:
  ReceiptListener(const ReceiptOptions& options, std::unique_ptr<store::Store> store, std::unique_ptr<ReceiptSink> sink,
                  dispatch::SignerLedger& ledger, const Clock& clock, observe::Log& log, ReceiptMetrics& metrics,
                  ReceiptDesk::ReaderOf reader_of);
  Result<void> listen();

  const ReceiptOptions options_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ReceiptSink> sink_;
  observe::Log& log_;
  ReceiptMetrics& metrics_;
  ReceiptDesk desk_;
  boost::asio::io_context loop_{1};
  std::optional<TlsOrPlain> listener_;  // once it listens
  std::thread thread_;
};

/// As `config` says, with a store connection and a producer of its own. Null: the config names no address. `trace`
/// hears of the receipts; it is borrowed, null: nobody.
Result<std::unique_ptr<ReceiptListener>> start_receipts(const Config& config, dispatch::SignerLedger& ledger,
                                                        const Clock& clock, observe::Log& log,
                                                        std::function<void(Error)> on_fatal, ReceiptMetrics& metrics,
                                                        TraceRecorder* trace = nullptr);

}  // namespace nightpost::app
