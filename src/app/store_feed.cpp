#include "app/store_feed.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "store/sealer.h"

namespace nightpost::app {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds kLookAtWrites{5'000};

/// Waiting mends a network, not these.
bool is_hopeless(Errc code) { return code == Errc::Malformed || code == Errc::Unauthorized || code == Errc::NotFound; }

}  // namespace

CertificateBook::Entry::~Entry() {
  if (!secret) return;
  for (std::string* text : {&secret->bytes, &secret->password, &secret->receipt_key}) store::wipe(*text);
}

StoreFeed::StoreFeed(Parts parts, const StoreFeedOptions& options, observe::Log& log, StoreFeedMetrics& metrics)
    : parts_(std::move(parts)), options_(options), log_(log), metrics_(metrics), thread_([this] {
        pthread_setname_np(pthread_self(), "store");
        run();
      }) {}

StoreFeed::~StoreFeed() { stop(); }

void StoreFeed::stop() {
  {
    const std::lock_guard lock(mutex_);  // so that a wait that begins hears of it
    stop_.request_stop();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool StoreFeed::loaded() const {
  const std::lock_guard lock(mutex_);
  return news_.book != nullptr;
}

std::optional<Error> StoreFeed::hopeless() const {
  const std::lock_guard lock(mutex_);
  return hopeless_;
}

std::string StoreFeed::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

std::shared_ptr<const CertificateBook> StoreFeed::book() const {
  const std::lock_guard lock(mutex_);
  return news_.book;
}

void StoreFeed::subscribe(Take take) {
  const std::lock_guard lock(mutex_);
  take(news_);
  takers_.push_back(std::move(take));
}

void StoreFeed::run() {
  milliseconds pause = options_.poll;
  for (;;) {
    const Result<void> looked = look();
    if (stop_.stop_requested()) return;
    note(looked);
    pause = looked ? options_.poll : std::min(2 * pause, std::max(options_.poll, options_.retry_max));
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, pause, [this] { return stop_.stop_requested(); })) return;
  }
}

Result<void> StoreFeed::look() {
  const MonoTime began = steady_clock::now();
  const MonoTime looked_before = news_.as_of;  // this thread alone writes it
  if (!store_) {
    auto opened = parts_.open(stop_.get_token());
    if (!opened) return std::unexpected(std::move(opened.error()));
    store_ = *std::move(opened);
  }
  auto changes = store_->changes();
  if (!changes) return std::unexpected(std::move(changes.error()));
  const MonoTime read_at = steady_clock::now();
  const std::optional<milliseconds> age = changes->age;
  book_is_old_ |= changes->certificates || changes->everything;
  book_is_another_ |= changes->everything;  // perhaps another server's, with versions of its own
  if (book_is_old_) {
    auto book = read_book(book_is_another_);
    if (!book) {
      changes->certificates = false;  // said with the book
      if (!changes->empty()) publish(*std::move(changes));
      if (age) note_lag(*age, read_at, looked_before);
      return std::unexpected(std::move(book.error()));
    }
    std::string addresses = parts_.addresses();
    book_is_old_ = book_is_another_ = false;
    changes->certificates = true;
    const std::lock_guard lock(mutex_);
    news_.book = *std::move(book);
    news_.addresses = std::move(addresses);
  }
  {
    const std::lock_guard lock(mutex_);
    news_.as_of = began;
  }
  publish(*std::move(changes));
  if (age) note_lag(*age, read_at, looked_before);
  if (began < look_at_writes_) return {};
  auto writable = parts_.writable(*store_);
  if (writable) look_at_writes_ = began + kLookAtWrites;  // else with each look, so that its end is seen soon
  return writable;
}

/// `afresh`: nothing is taken from the book before it.
Result<std::shared_ptr<const CertificateBook>> StoreFeed::read_book(bool afresh) {
  auto all = store_->certificates(std::nullopt);
  if (!all) return std::unexpected(std::move(all.error()));
  const std::shared_ptr<const CertificateBook> before = book();
  auto out = std::make_shared<CertificateBook>();
  for (Certificate& each : *all) {
    const std::int64_t id = each.id.value;
    out->apps.insert(each.app.value);
    if (before && !afresh)
      if (const auto known = before->entries.find(id);
          known != before->entries.end() && known->second->certificate.version == each.version) {
        out->entries.emplace(id, known->second);
        continue;
      }
    auto secret = store_->secret(each.id);
    if (!secret && secret.error().code == Errc::NotFound) continue;  // removed since
    if (!secret && secret.error().code != Errc::Unauthorized) return std::unexpected(std::move(secret.error()));
    out->entries.emplace(id, std::make_shared<const CertificateBook::Entry>(std::move(each), std::move(secret)));
  }
  return out;
}

void StoreFeed::publish(Changes changes) {
  const std::lock_guard lock(mutex_);
  if (news_.book == nullptr) return;  // nobody listens yet
  news_.changes = std::move(changes);
  for (const Take& take : takers_) take(news_);
  news_.changes = {};
}

/// A change is as old as its transaction, which may have been open for long; but what the look before did not see was
/// committed since.
void StoreFeed::note_lag(milliseconds age, MonoTime read_at, MonoTime looked_before) {
  const MonoTime now = steady_clock::now();
  const auto lag = std::min(std::chrono::ceil<milliseconds>(age + (now - read_at)),
                            std::chrono::ceil<milliseconds>(now - looked_before));
  metrics_.change_lag.observe(lag.count());
}

void StoreFeed::note(const Result<void>& looked) {
  metrics_.looks.add();
  metrics_.available.set(looked ? 1 : 0);
  std::string before;
  bool is_loaded = false;
  {
    const std::lock_guard lock(mutex_);
    is_loaded = news_.book != nullptr;
    before = std::exchange(trouble_, looked ? std::string() : looked.error().detail);
    if (!looked && !is_loaded && is_hopeless(looked.error().code)) hopeless_ = looked.error();
  }
  if (looked) {
    if (!before.empty()) log_.info("store.back");
    return;
  }
  metrics_.looks_failed.add();
  if (before == looked.error().detail) return;
  if (is_loaded)
    log_.error("store.trouble", {observe::kv("detail", looked.error().detail)});
  else
    log_.warn("store.waiting", {observe::kv("detail", looked.error().detail)});
}

}  // namespace nightpost::app
