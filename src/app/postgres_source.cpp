#include "app/postgres_source.h"

#include <fcntl.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <iterator>
#include <utility>

#include "app/ports.h"

namespace nightpost::app {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

constexpr milliseconds kNoDescriptor{100};  // until a socket that could not be copied is tried again

}  // namespace

/// A copy of the reader's socket, for libpq closes its own without a word.
struct PostgresSource::Watch {
  Watch(boost::asio::io_context& loop, PostgresSource& of) : descriptor(loop), source(&of) {}
  boost::asio::posix::stream_descriptor descriptor;
  PostgresSource* source;  // null: over
  bool reading = false, writing = false;
};

PostgresSource::PostgresSource(boost::asio::io_context& loop, PostgresSourceOptions options, TokenRemover& remover,
                               LoopMonitor& monitor, std::function<void()> answered)
    : loop_(loop),
      options_(std::move(options)),
      remover_(remover),
      monitor_(monitor),
      answered_(std::move(answered)),
      apps_(options_.ids_max),
      missing_(options_.ids_max),
      reader_(options_.url, options_.store),
      timer_(loop) {}

PostgresSource::~PostgresSource() { close_watch(); }

void PostgresSource::take(const StoreNews& news) {
  if (book_ && book_ != news.book)
    for (const auto& [id, entry] : book_->entries)
      if (!news.book->entries.contains(id)) missing_.put(id, MonoTime{});  // removed, which needs no second look
  const bool first = book_ == nullptr;
  book_ = news.book;
  as_of_ = news.as_of;
  reader_.set_addresses(news.addresses);
  if (first) return attend();  // nothing was read before it
  const Changes& more = news.changes;
  changes_.certificates |= more.certificates;
  changes_.everything |= more.everything;
  const std::size_t named = changes_.receivers.size() + changes_.apps.size() + more.receivers.size() + more.apps.size();
  if (changes_.everything || named > options_.store.changes_named_max) {
    changes_.everything = true;
    changes_.receivers.clear();
    changes_.apps.clear();
    return;
  }
  changes_.receivers.insert(changes_.receivers.end(), more.receivers.begin(), more.receivers.end());
  changes_.apps.insert(changes_.apps.end(), more.apps.begin(), more.apps.end());
}

std::string PostgresSource::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

// --- resolve's questions ---

void PostgresSource::receivers(std::span<const ReceiverKey> keys, Found found) {
  if (!reader_.connected() && !reader_.trouble().empty()) return found(fail(Errc::Io, reader_.trouble()));
  reader_.receivers(keys, steady_clock::now() + options_.lookup_timeout, std::move(found));
  attend();
}

Result<bool> PostgresSource::app_known(AppId app) {
  if (book_->apps.contains(app.value)) return true;
  const MonoTime now = steady_clock::now();
  const KnownApp* const known = apps_.find(app.value);
  if (known != nullptr && known->known && now - known->at < kAppKept) return *known->known;
  if (known == nullptr || known->known) {
    apps_.put(app.value, {std::nullopt, now});
    reader_.app_known(app, now + options_.lookup_timeout, [this, app](Result<bool> answer) {
      if (answer)
        apps_.put(app.value, {*answer, steady_clock::now()});
      else
        apps_.erase(app.value);
    });
    attend();
  }
  return fail(Errc::Overloaded, "devices: whether the app has any is being looked up");
}

void PostgresSource::remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) {
  remove_on(remover_, loop_, answered_, {app, std::string(user_id), device}, std::move(removed));
}

Result<Certificate> PostgresSource::certificate(CertificateId id) {
  if (const auto found = book_->entries.find(id.value); found != book_->entries.end())
    return found->second->certificate;
  // It may have been added since the last look: only a look that began after this question says that it is not there.
  const MonoTime* asked = missing_.find(id.value);
  const std::string name = "certificate " + std::to_string(id.value);
  if (asked != nullptr && as_of_ > *asked) return fail(Errc::NotFound, name + " is not there");
  if (asked == nullptr) missing_.put(id.value, steady_clock::now());
  return fail(Errc::Overloaded, "certificates: the next look at the store will tell whether there is " + name);
}

Result<CertificateSecret> PostgresSource::secret(CertificateId id) {
  const auto found = book_->entries.find(id.value);
  if (found == book_->entries.end())
    return fail(Errc::NotFound, "certificate " + std::to_string(id.value) + " is not there");
  return found->second->secret;
}

Result<Changes> PostgresSource::changes() { return std::exchange(changes_, {}); }

// --- the reader on the loop ---

void PostgresSource::on_ready() {
  const LoopMonitor::Working working(monitor_, LoopPart::Store);
  reader_.on_ready(steady_clock::now());
  {
    const std::lock_guard lock(mutex_);
    if (trouble_ != reader_.trouble()) trouble_ = reader_.trouble();
  }
  attend();
  answered_();
}

void PostgresSource::attend() {
  watch_socket();
  arm_timer(reader_.wake_at());
}

void PostgresSource::watch_socket() {
  const int socket = reader_.socket();
  if (socket < 0) return close_watch();
  if (!watch_ || !settled_ || socket != watched_) {
    close_watch();
    const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return arm_timer(steady_clock::now() + kNoDescriptor);
    watch_ = std::make_shared<Watch>(loop_, *this);
    watch_->descriptor.assign(copy);
    watched_ = socket;
    settled_ = reader_.connected();
  }
  arm_watch();
}

void PostgresSource::arm_watch() {
  using Wait = boost::asio::posix::stream_descriptor;
  const bool write = reader_.wants_write();
  if ((!write || reader_.connected()) && !std::exchange(watch_->reading, true))
    watch_->descriptor.async_wait(Wait::wait_read, [watch = watch_](error_code error) {
      watch->reading = false;
      if (!error && watch->source != nullptr) watch->source->on_ready();
    });
  if (write && !std::exchange(watch_->writing, true))
    watch_->descriptor.async_wait(Wait::wait_write, [watch = watch_](error_code error) {
      watch->writing = false;
      if (!error && watch->source != nullptr) watch->source->on_ready();
    });
}

void PostgresSource::close_watch() {
  if (!watch_) return;
  watch_->source = nullptr;
  error_code ignored;
  watch_->descriptor.close(ignored);
  watch_.reset();
  watched_ = -1;
  settled_ = false;
}

void PostgresSource::arm_timer(MonoTime at) {
  if (at >= armed_for_) return;  // it fires early, and looks again
  armed_for_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](error_code error) {
    if (error) return;
    armed_for_ = MonoTime::max();
    on_ready();
  });
}

}  // namespace nightpost::app
