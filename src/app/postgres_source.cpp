#include "app/postgres_source.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "app/ports.h"

namespace nightpost::app {
namespace {

using std::chrono::steady_clock;

}  // namespace

/// A batch that several connections are asked for.
struct PostgresSource::Parts {
  std::vector<Receiver> receivers;
  std::size_t open;
  std::optional<Error> error;  // the first
  Found found;

  void take(std::size_t from, Result<std::vector<Receiver>> part) {
    if (part)
      std::ranges::move(*part, receivers.begin() + std::ptrdiff_t(from));
    else if (!error)
      error = std::move(part.error());
    if (--open == 0)
      found(error ? Result<std::vector<Receiver>>(std::unexpected(*std::move(error))) : std::move(receivers));
  }
};

PostgresSource::PostgresSource(boost::asio::io_context& loop, PostgresSourceOptions options, TokenRemover& remover,
                               LoopMonitor& monitor, std::function<void()> answered)
    : loop_(loop),
      options_(std::move(options)),
      remover_(remover),
      monitor_(monitor),
      answered_(std::move(answered)),
      apps_(options_.ids_max),
      missing_(options_.ids_max) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.connections, 1); ++i)
    lines_.push_back(std::make_unique<PostgresLine>(loop, options_.url, options_.store,
                                                    [this](PostgresLine& line) { on_ready(line); }));
}

PostgresSource::~PostgresSource() = default;

void PostgresSource::take(const StoreNews& news) {
  if (book_ && book_ != news.book)
    for (const auto& [id, entry] : book_->entries)
      if (!news.book->entries.contains(id)) missing_.put(id, MonoTime{});  // removed, which needs no second look
  const bool first = book_ == nullptr;
  book_ = news.book;
  as_of_ = news.as_of;
  for (const auto& line : lines_) {
    line->reader().set_addresses(news.addresses);
    if (first) line->attend();
  }
  if (first) return;  // nothing was read before it
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
  const auto usable = std::size_t(std::ranges::count_if(lines_, [](const auto& line) { return line->usable(); }));
  if (usable == 0) return found(fail(Errc::Io, lines_.front()->reader().trouble()));
  const std::size_t count = std::clamp<std::size_t>(keys.size() / kPartMin, 1, usable);
  const MonoTime deadline = steady_clock::now() + options_.lookup_timeout;
  const auto parts = std::make_shared<Parts>(
      Parts{.receivers = std::vector<Receiver>(keys.size()), .open = count, .error = {}, .found = std::move(found)});
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = keys.size() * i / count, to = keys.size() * (i + 1) / count;
    PostgresLine& line = next_line();
    line.reader().receivers(keys.subspan(from, to - from), deadline,
                            [parts, from](auto part) { parts->take(from, std::move(part)); });
    line.attend();
  }
}

Result<bool> PostgresSource::app_known(AppId app) {
  if (book_->apps.contains(app.value)) return true;
  const MonoTime now = steady_clock::now();
  const KnownApp* const known = apps_.find(app.value);
  if (known != nullptr && known->known && now - known->at < kAppKept) return *known->known;
  if (known == nullptr || known->known) {
    apps_.put(app.value, {std::nullopt, now});
    PostgresLine& line = next_line();
    line.reader().app_known(app, now + options_.lookup_timeout, [this, app](Result<bool> answer) {
      if (answer)
        apps_.put(app.value, {*answer, steady_clock::now()});
      else
        apps_.erase(app.value);
    });
    line.attend();
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

// --- the connections ---

void PostgresSource::on_ready(PostgresLine& line) {
  const LoopMonitor::Working working(monitor_, LoopPart::Store);
  line.reader().on_ready(steady_clock::now());
  line.attend();
  {
    const std::lock_guard lock(mutex_);
    if (reachable())
      trouble_.clear();
    else
      trouble_ = line.reader().trouble();
  }
  answered_();
}

bool PostgresSource::reachable() const {
  return std::ranges::any_of(lines_, [](const auto& line) { return line->usable(); });
}

PostgresLine& PostgresSource::next_line() {
  for (std::size_t tried = 0; tried < lines_.size(); ++tried) {
    turn_ = (turn_ + 1) % lines_.size();
    if (lines_[turn_]->usable()) break;
  }
  return *lines_[turn_];
}

}  // namespace nightpost::app
