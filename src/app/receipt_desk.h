// Answers one call of a vendor's: POST /receipts/<vendor>/<certificate id>. No socket and no thread; the store is read
// and written, and Kafka waited for, before the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "app/receipt_memory.h"
#include "app/receipt_metrics.h"
#include "app/receipt_options.h"
#include "app/receipt_outcomes.h"
#include "app/receipt_rate.h"
#include "app/receipt_sink.h"
#include "core/result.h"
#include "dispatch/removal_book.h"
#include "dispatch/signer_ledger.h"
#include "observe/log.h"
#include "providers/receipt.h"
#include "server/http_server.h"
#include "store/store.h"

namespace nightpost::app {

/// One thread. Borrows all it is given. 200 with what the vendor wants to read means: its receipts are on the results
/// topic and the tokens it called gone are removed, unless these are so many that the vendor or the certificate must be
/// wrong. After any other answer a vendor that repeats loses nothing: what
/// was written already comes again. A signed call that comes again after its 200 gets another and does nothing.
class ReceiptDesk {
 public:
  using ReaderOf = ReceiptReader (*)(Vendor) noexcept;
  /// `ledger`: the shards', so that what their answers hold is held here, too, and the other way round.
  ReceiptDesk(const ReceiptOptions& options, store::Store& store, ReceiptSink& sink, dispatch::SignerLedger& ledger,
              const Clock& clock, observe::Log& log, ReceiptMetrics& metrics, ReaderOf reader_of);

  server::ServerResponse answer(const server::ServerRequest& request);

 private:
  struct Refused {
    ReceiptRefusal why;
    std::string detail;  // for people: no secrets, no tokens
  };
  struct Addressed {
    ReceiptReader reader;
    Certificate certificate;
  };
  std::expected<std::string, Refused> receive(const server::ServerRequest& request);
  std::expected<Addressed, Refused> addressed(std::string_view path);
  std::expected<ReceiptBatch, Refused> read(const Addressed& to, std::string_view query,
                                            const server::ServerRequest& request);
  std::expected<ReceiptEffects, Refused> effects_of(const Certificate& certificate, const ReceiptBatch& batch);
  dispatch::RemovalBook& removals_of(const Certificate& certificate);
  bool holds_removals(const Certificate& certificate, const ReceiptBatch& batch);
  server::ServerResponse refusal(const Refused& refused, const server::ServerRequest& request);

  const ReceiptOptions& options_;
  store::Store& store_;
  ReceiptSink& sink_;
  dispatch::SignerLedger& ledger_;
  const Clock& clock_;
  observe::Log& log_;
  ReceiptMetrics& metrics_;
  const ReaderOf reader_of_;
  ReceiptMemory memory_;
  // Of certificates that are there, so as many at most.
  std::unordered_map<CertificateId, TokenBucket> buckets_;
  std::unordered_map<CertificateId, std::shared_ptr<dispatch::RemovalBook>> removals_;
};

}  // namespace nightpost::app
