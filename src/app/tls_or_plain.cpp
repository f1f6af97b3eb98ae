#include "app/tls_or_plain.h"

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/certificate_dates.h"
#include "app/commands.h"

namespace nightpost::app {
namespace {

struct Pems {
  std::string certificate, key;
};

Result<Pems> read_pems(const TlsFiles& files) {
  auto certificate = read_file(files.certificate);
  if (!certificate) return std::unexpected(std::move(certificate.error()));
  auto key = read_file(files.key);
  if (!key) return std::unexpected(std::move(key.error()));
  return Pems{*std::move(certificate), *std::move(key)};
}

/// When both files were written, behind symbolic links: another value, and it is time to read them.
struct Stamp {
  std::filesystem::file_time_type certificate, key;
  bool operator==(const Stamp&) const = default;
};
Stamp stamp_of(const TlsFiles& files) {
  std::error_code none;  // then the earliest time there is
  return {std::filesystem::last_write_time(files.certificate, none), std::filesystem::last_write_time(files.key, none)};
}

}  // namespace

/// The server, and the timer that looks at its files.
class TlsOrPlain::Renewing {
 public:
  Renewing(boost::asio::io_context& loop, std::unique_ptr<server::TlsServer> server, TlsFiles files, Stamp seen,
           const std::string& certificate_pem, observe::Log* log, std::string name)
      : server_(std::move(server)),
        files_(std::move(files)),
        seen_(seen),
        log_(log),
        name_(std::move(name)),
        timer_(loop) {
    shows(certificate_pem);
    wait();
  }
  std::uint16_t port() const noexcept { return server_->port(); }
  std::optional<WallTime> ends() const noexcept {
    const std::int64_t ends = ends_.load(std::memory_order_relaxed);
    return ends == 0 ? std::nullopt : std::optional(wall_from_ms(ends));
  }

 private:
  void wait() {
    timer_.expires_after(files_.look_every);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& stopped) {
      if (stopped || alive.expired()) return;
      look();
      wait();
    });
  }
  void look() {
    const Stamp now = stamp_of(files_);
    if (now == seen_) return;
    seen_ = now;  // of a pair that does not fit yet, the other file is still to come: then it changes once more
    auto pems = read_pems(files_);
    Result<void> done;
    if (pems) {
      done = server_->renew(pems->certificate, std::move(pems->key));
    } else {
      done = std::unexpected(std::move(pems.error()));
    }
    if (done) shows(pems->certificate);
    if (log_ == nullptr) return;
    if (done) {
      log_->info("tls.renewed", {observe::kv("listener", name_), observe::kv("file", files_.certificate)});
    } else {
      log_->error("tls.not_renewed", {observe::kv("listener", name_), observe::kv("file", files_.certificate),
                                      observe::kv("why", done.error().detail)});
    }
  }
  void shows(const std::string& certificate_pem) {
    const auto ends = not_after_of(certificate_pem);
    ends_.store(ends ? to_ms(*ends) : 0, std::memory_order_relaxed);
  }

  std::unique_ptr<server::TlsServer> server_;
  const TlsFiles files_;
  Stamp seen_;
  observe::Log* log_;  // null: nothing is logged
  const std::string name_;
  std::atomic<std::int64_t> ends_{0};
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // a wait that is over may be called after the end
};

TlsOrPlain::TlsOrPlain() = default;
TlsOrPlain::TlsOrPlain(TlsOrPlain&&) noexcept = default;
TlsOrPlain& TlsOrPlain::operator=(TlsOrPlain&&) noexcept = default;
TlsOrPlain::~TlsOrPlain() = default;

std::uint16_t TlsOrPlain::port() const noexcept { return tls_ ? tls_->port() : plain_->port(); }

std::optional<WallTime> TlsOrPlain::certificate_ends() const noexcept { return tls_ ? tls_->ends() : std::nullopt; }

Result<TlsOrPlain> TlsOrPlain::start(boost::asio::io_context& loop, server::ServerOptions options, TlsFiles files,
                                     server::ServerTls tls, server::ServerHandler handler) {
  TlsOrPlain made;
  if (files.certificate.empty()) {
    auto plain = server::HttpServer::start(loop, std::move(options), std::move(handler));
    if (!plain) return std::unexpected(std::move(plain.error()));
    made.plain_ = *std::move(plain);
    return made;
  }
  const Stamp seen = stamp_of(files);  // before they are read: what is written meanwhile is read again
  auto pems = read_pems(files);
  if (!pems) return std::unexpected(std::move(pems.error()));
  tls.certificate_pem = pems->certificate;
  tls.private_key_pem = std::move(pems->key);
  observe::Log* const log = options.log;
  std::string name = options.name;
  auto started = server::TlsServer::start(loop, std::move(options), std::move(tls), std::move(handler));
  if (!started) return std::unexpected(std::move(started.error()));
  made.tls_ = std::make_unique<Renewing>(loop, *std::move(started), std::move(files), seen, pems->certificate, log,
                                         std::move(name));
  return made;
}

}  // namespace nightpost::app
