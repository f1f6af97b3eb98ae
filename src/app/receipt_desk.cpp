#include "app/receipt_desk.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "app/ops_log.h"
#include "core/held_removal.h"
#include "core/thrown_by.h"
#include "store/sealer.h"

namespace nightpost::app {
namespace {

constexpr std::string_view kRoot = "/receipts/";
constexpr std::size_t kDevicesPerTokenMax = 100;  // one phone has few users; what is beyond is found by its next push

constexpr std::array<int, std::size_t(ReceiptRefusal::Count)> kStatuses = {404, 405, 429, 401, 400, 413, 503, 503, 500};

struct Address {
  Vendor vendor;
  CertificateId certificate;
};

/// nullopt: the path is not /receipts/<vendor>/<digits>.
std::optional<Address> address_of(std::string_view path) {
  if (!path.starts_with(kRoot)) return std::nullopt;
  path.remove_prefix(kRoot.size());
  const std::size_t slash = path.find('/');
  const auto vendor = vendor_from(path.substr(0, slash));
  if (!vendor || slash == std::string_view::npos) return std::nullopt;
  const std::string_view digits = path.substr(slash + 1);
  std::uint32_t id = 0;  // unsigned: a sign is no digit
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Address{*vendor, {id}};
}

std::string_view content_type_of(std::string_view body) {
  return body.starts_with('{') || body.starts_with('[') ? "application/json" : "text/plain; charset=utf-8";
}

}  // namespace

ReceiptDesk::ReceiptDesk(const ReceiptOptions& options, store::Store& store, ReceiptSink& sink,
                         dispatch::SignerLedger& ledger, const Clock& clock, observe::Log& log, ReceiptMetrics& metrics,
                         ReaderOf reader_of)
    : options_(options),
      store_(store),
      sink_(sink),
      ledger_(ledger),
      clock_(clock),
      log_(log),
      metrics_(metrics),
      reader_of_(reader_of),
      memory_(options.calls_remembered_max, kNonceLife) {}

server::ServerResponse ReceiptDesk::answer(const server::ServerRequest& request) {
  std::expected<std::string, Refused> taken;
  if (const auto thrown = thrown_by([&] { taken = receive(request); }))
    taken = std::unexpected(Refused{ReceiptRefusal::Internal, "internal error"});
  if (!taken) return refusal(taken.error(), request);
  server::ServerResponse response;
  if (!taken->empty()) response.headers.emplace_back("content-type", content_type_of(*taken));
  response.body = *std::move(taken);
  return response;
}

std::expected<std::string, ReceiptDesk::Refused> ReceiptDesk::receive(const server::ServerRequest& request) {
  const std::string_view target = request.target;
  const std::size_t question = target.find('?');
  const auto to = addressed(target.substr(0, question));
  if (!to) return std::unexpected(to.error());
  if (request.method != "POST") return std::unexpected(Refused{ReceiptRefusal::Method, "only POST"});
  auto batch = read(*to, question == std::string_view::npos ? "" : target.substr(question + 1), request);
  // Whose key is wrong is a stranger, and takes nothing of what the vendor may.
  if (!batch && batch.error().why == ReceiptRefusal::Unauthorized) return std::unexpected(std::move(batch.error()));
  auto& bucket = buckets_.try_emplace(to->certificate.id, options_.requests_per_second_max).first->second;
  if (!bucket.try_acquire(clock_.mono()))
    return std::unexpected(Refused{ReceiptRefusal::TooOften, "more calls than receipts.requests_per_second_max"});
  if (!batch) return std::unexpected(std::move(batch.error()));
  // Huawei may repeat what it got no answer to, and so may whoever caught the call: both read 200, and nothing happens.
  const bool is_signed = !batch->nonce.empty();
  if (is_signed && memory_.knows(to->certificate.id, batch->nonce, clock_.mono())) {
    metrics_.calls_repeated.add();
    return std::move(batch->answer);
  }
  const auto effects = effects_of(to->certificate, *batch);
  if (!effects) return std::unexpected(effects.error());

  // First told, then done: a call that fails between the two comes again and finds the devices still there.
  if (const auto written = sink_.write(effects->outcomes); !written)
    return std::unexpected(Refused{ReceiptRefusal::Kafka, written.error().detail});
  metrics_.removals_held.add(effects->held.size());
  for (const ReceiptEffects::Held& held : effects->held)
    removals_of(to->certificate)
        .keep(held_removal_of(held.row.app, held.row.user_id, held.row.device), dispatch::RemovalBook::Heard::Receipts,
              held.code, clock_.wall());
  if (!effects->gone.empty()) {
    const auto removed = store_.remove_tokens(effects->gone);
    if (!removed) return std::unexpected(Refused{ReceiptRefusal::Store, removed.error().detail});
    metrics_.tokens_removed.add(static_cast<std::uint64_t>(std::ranges::count(*removed, true)));
  }
  // To the token that the vendor gave the device instead, unless the app has reported another meanwhile.
  for (const ReceiptEffects::Move& move : effects->moved) {
    const auto moved = store_.move_token(move.row, move.to, move.at);
    if (!moved) return std::unexpected(Refused{ReceiptRefusal::Store, moved.error().detail});
    metrics_.tokens_removed.add(*moved ? 1 : 0);
  }
  for (const Receipt& receipt : batch->receipts)
    metrics_.receipts[std::size_t(to->certificate.vendor)][std::size_t(receipt.kind)].add();
  for (const Outcome& outcome : effects->outcomes) metrics_.outcomes[std::size_t(outcome.kind)].add();
  if (is_signed) memory_.add(to->certificate.id, batch->nonce, clock_.mono());
  return std::move(batch->answer);
}

std::expected<ReceiptDesk::Addressed, ReceiptDesk::Refused> ReceiptDesk::addressed(std::string_view path) {
  const auto nothing_there = [] {
    return std::unexpected(Refused{ReceiptRefusal::NotFound, "here are only /receipts/<vendor>/<certificate id>"});
  };
  const auto address = address_of(path);
  const ReceiptReader reader = address ? reader_of_(address->vendor) : nullptr;
  if (reader == nullptr) return nothing_there();
  auto certificate = store_.certificate(address->certificate);
  if (!certificate && certificate.error().code != Errc::NotFound)
    return std::unexpected(Refused{ReceiptRefusal::Store, certificate.error().detail});
  if (!certificate || certificate->vendor != address->vendor) return nothing_there();
  return Addressed{reader, *std::move(certificate)};
}

std::expected<ReceiptBatch, ReceiptDesk::Refused> ReceiptDesk::read(const Addressed& to, std::string_view query,
                                                                    const server::ServerRequest& request) {
  auto secret = store_.secret(to.certificate.id);
  if (!secret) return std::unexpected(Refused{ReceiptRefusal::Store, secret.error().detail});
  store::wipe(secret->bytes);
  store::wipe(secret->password);
  if (secret->receipt_key.empty())
    return std::unexpected(Refused{ReceiptRefusal::Unauthorized, "the certificate has no receipt key"});

  std::vector<HttpResponse::Field> headers;
  std::string_view content_type;
  for (const auto& [name, value] : request.headers) {
    headers.push_back({name, value});
    if (name == "content-type") content_type = value;
  }
  auto batch = to.reader(to.certificate, secret->receipt_key,
                         {.query = query, .content_type = content_type, .headers = headers, .body = request.body},
                         clock_.wall());
  store::wipe(secret->receipt_key);
  if (!batch && batch.error().code == Errc::Unauthorized)
    return std::unexpected(Refused{ReceiptRefusal::Unauthorized, std::move(batch.error().detail)});
  if (!batch) return std::unexpected(Refused{ReceiptRefusal::Malformed, std::move(batch.error().detail)});
  if (batch->receipts.size() > options_.receipts_per_call_max)
    return std::unexpected(Refused{ReceiptRefusal::TooMany, "more receipts than receipts.receipts_per_call_max"});
  return *std::move(batch);
}

std::expected<ReceiptEffects, ReceiptDesk::Refused> ReceiptDesk::effects_of(const Certificate& certificate,
                                                                            const ReceiptBatch& batch) {
  ReceiptEffects effects;
  const WallTime now = clock_.wall();
  const bool held = holds_removals(certificate, batch);
  for (const Receipt& receipt : batch.receipts) {
    std::vector<store::Store::DeviceRow> devices;
    if (!receipt.token.text().empty()) {
      auto found = store_.devices_with_token(certificate.id, receipt.token.text(), kDevicesPerTokenMax);
      if (!found) return std::unexpected(Refused{ReceiptRefusal::Store, found.error().detail});
      devices = *std::move(found);
    }
    append_effects(certificate, receipt, devices, now, effects, held);
  }
  return effects;
}

dispatch::RemovalBook& ReceiptDesk::removals_of(const Certificate& certificate) {
  auto& book = removals_[certificate.id];
  if (!book || book->version() != certificate.version) book = ledger_.removals_of(certificate, options_.removals);
  return *book;
}

/// All of the call are counted before the first device goes.
bool ReceiptDesk::holds_removals(const Certificate& certificate, const ReceiptBatch& batch) {
  using dispatch::RemovalBook;
  using dispatch::RemovalGuard;
  RemovalGuard::Said said;
  for (const Receipt& receipt : batch.receipts) {
    if (receipt.kind == Receipt::Kind::Unknown) continue;
    const bool lives = receipt.kind == Receipt::Kind::Delivered || receipt.kind == Receipt::Kind::Clicked;
    const bool dead = receipt.kind == Receipt::Kind::TokenGone && !receipt.moved_to;
    ++(lives ? said.live : dead ? said.dead : said.other);
  }
  const MonoTime now = clock_.mono();
  RemovalBook& book = removals_of(certificate);
  const RemovalGuard::Change change = book.count(RemovalBook::Heard::Receipts, said, now);
  if (change == RemovalGuard::Change::Held)
    log_.error(
        "receipts.token_removals_held",
        {observe::kv("vendor", name_of(certificate.vendor)), observe::kv("certificate", certificate.id.value),
         observe::kv("name", certificate.name), observe::kv("for_ms", options_.removals.mass_removal_period.count()),
         observe::kv("why", "receipts called too large a share of its tokens gone; none is removed meanwhile"),
         observe::kv("todo", kHeldTodo)});
  if (change == RemovalGuard::Change::Released)
    log_.info("receipts.token_removals_released",
              {observe::kv("vendor", name_of(certificate.vendor)), observe::kv("certificate", certificate.id.value),
               observe::kv("name", certificate.name)});
  return book.holds(now);
}

/// Said in the log, but not to a caller without the key: which secret is wrong, and what is broken in our own house.
server::ServerResponse ReceiptDesk::refusal(const Refused& refused, const server::ServerRequest& request) {
  metrics_.refused[std::size_t(refused.why)].add();
  server::ServerResponse response{.status = kStatuses[std::size_t(refused.why)],
                                  .headers = {{"content-type", "text/plain; charset=utf-8"}}};
  const std::string path = request.target.substr(0, request.target.find('?'));  // the query may hold the key
  switch (refused.why) {
    case ReceiptRefusal::Unauthorized:
      response.body = "the signature or key is wrong\n";
      log_.warn("receipts.unauthorized", {observe::kv("path", path), observe::kv("detail", refused.detail)});
      return response;
    case ReceiptRefusal::Store:
    case ReceiptRefusal::Kafka:
      response.headers.emplace_back("retry-after", "5");
      response.body = "try again later\n";
      log_.error("receipts.not_taken", {observe::kv("path", path), observe::kv("detail", refused.detail)});
      return response;
    case ReceiptRefusal::Internal:  // the exception's words may quote the call, with its key and tokens
      log_.error("receipts.internal_error", {observe::kv("path", path)});
      break;
    case ReceiptRefusal::Malformed:
    case ReceiptRefusal::TooMany:
      log_.warn("receipts.malformed", {observe::kv("path", path), observe::kv("detail", refused.detail)});
      break;
    case ReceiptRefusal::TooOften:
      response.headers.emplace_back("retry-after", "1");
      log_.warn("receipts.too_often", {observe::kv("path", path)});
      break;
    case ReceiptRefusal::Method:
      response.headers.emplace_back("allow", "POST");
      break;
    default:
      break;
  }
  response.body = refused.detail + '\n';
  return response;
}

}  // namespace nightpost::app
