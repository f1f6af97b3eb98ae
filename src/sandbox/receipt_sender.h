// Posts a vendor's receipts to the one URL that was taught, some time after the push was taken. Not retried: a vendor's
// retries are not documented.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/receipt.h"

namespace nightpost::sandbox {

struct ReceiptTarget {
  std::string host, port, path;
  std::string authority;  // of the Host header
  bool tls = false;
  std::string ca_pem;      // trust anchors; empty: the system's
  milliseconds delay{50};  // from the answer to the receipt
};

/// "http://…" or "https://…". Malformed: no such URL, or, unless `anywhere`, a host that is not this machine.
Result<ReceiptTarget> receipt_target(std::string_view url, bool anywhere);

/// One connection, one receipt at a time. Made and destroyed on any thread, everything else on the loop's.
class ReceiptSender {
 public:
  static constexpr std::size_t kWaitingMax = 20'000;  // further ones are dropped and counted

  /// REQUIRED: `loop` outlives it. Malformed: libcurl cannot be set up so.
  static Result<std::unique_ptr<ReceiptSender>> make(boost::asio::io_context& loop, ReceiptTarget target);
  ~ReceiptSender();  // what waits is dropped
  ReceiptSender(const ReceiptSender&) = delete;
  ReceiptSender& operator=(const ReceiptSender&) = delete;

  void send(std::vector<ReceiptPost> posts);
  /// {"posted", "failed", "dropped", "waiting", "last_error"}. `failed` are those not answered with 200.
  std::string counts_json() const;

 private:
  struct State;
  explicit ReceiptSender(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with what the loop still has to run for it
};

}  // namespace nightpost::sandbox
