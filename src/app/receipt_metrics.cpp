#include "app/receipt_metrics.h"

#include <string>

#include "app/server_options.h"

namespace nightpost::app {
namespace {

constexpr std::array<std::string_view, std::size_t(ReceiptRefusal::Count)> kRefusals = {
    "not_found", "method", "too_often", "unauthorized", "malformed", "too_many", "store", "kafka", "internal"};
constexpr std::array<std::string_view, kReceiptKinds> kKinds = {"delivered",   "clicked", "token_gone",
                                                                "undelivered", "expired", "unknown"};
static_assert(!kRefusals.back().empty(), "every refusal has a name");

template <std::size_t N, class Enum>
std::string_view at(const std::array<std::string_view, N>& names, Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view("unknown");
}

}  // namespace

std::string_view name_of(ReceiptRefusal refusal) noexcept { return at(kRefusals, refusal); }
std::string_view name_of(Receipt::Kind kind) noexcept { return at(kKinds, kind); }

void register_receipt_metrics(observe::MetricsPage& page, const ReceiptMetrics& metrics) {
  const auto counter = [&page](const char* name, const char* help, observe::Labels labels, const Counter& counted) {
    page.add_counter(name, help, std::move(labels), [&counted] { return static_cast<double>(counted.read()); });
  };
  for (std::size_t v = 0; v < metrics.receipts.size(); ++v)
    for (std::size_t k = 0; k < kReceiptKinds; ++k)
      counter("nightpost_receipts_total", "What vendors reported afterwards",
              {{"vendor", std::string(name_of(static_cast<Vendor>(v)))}, {"kind", std::string(kKinds[k])}},
              metrics.receipts[v][k]);
  for (std::size_t i = 0; i < metrics.refused.size(); ++i)
    counter("nightpost_receipt_calls_refused_total", "Calls to the receipt listener not answered 200",
            {{"reason", std::string(kRefusals[i])}}, metrics.refused[i]);
  counter("nightpost_receipt_calls_repeated_total", "Signed calls that had been taken before: answered, nothing done",
          {}, metrics.calls_repeated);
  counter("nightpost_receipt_tokens_removed_total", "Devices removed because a receipt called their token gone", {},
          metrics.tokens_removed);
  counter("nightpost_receipt_removals_held_total", "Devices kept because receipts called too many tokens gone at once",
          {}, metrics.removals_held);
  register_server_metrics(page, "receipts", metrics.server);
}

}  // namespace nightpost::app
