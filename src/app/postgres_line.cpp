#include "app/postgres_line.h"

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <utility>

namespace nightpost::app {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

constexpr milliseconds kNoDescriptor{100};  // until a socket that could not be copied is tried again

}  // namespace

/// A copy of the reader's socket, for libpq closes its own without a word.
struct PostgresLine::Watch {
  Watch(boost::asio::io_context& loop, PostgresLine& of) : descriptor(loop), line(&of) {}
  boost::asio::posix::stream_descriptor descriptor;
  PostgresLine* line;  // null: over
  bool reading = false, writing = false;
};

PostgresLine::PostgresLine(boost::asio::io_context& loop, const std::string& url, const store::StoreOptions& options,
                           std::function<void(PostgresLine&)> turn)
    : loop_(loop), turn_(std::move(turn)), reader_(url, options), timer_(loop) {}

PostgresLine::~PostgresLine() { close_watch(); }

void PostgresLine::attend() {
  watch_socket();
  arm_timer(reader_.wake_at());
}

void PostgresLine::watch_socket() {
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

void PostgresLine::arm_watch() {
  using Wait = boost::asio::posix::stream_descriptor;
  const bool write = reader_.wants_write();
  if ((!write || reader_.connected()) && !std::exchange(watch_->reading, true))
    watch_->descriptor.async_wait(Wait::wait_read, [watch = watch_](error_code error) {
      watch->reading = false;
      if (!error && watch->line != nullptr) watch->line->turn_(*watch->line);
    });
  if (write && !std::exchange(watch_->writing, true))
    watch_->descriptor.async_wait(Wait::wait_write, [watch = watch_](error_code error) {
      watch->writing = false;
      if (!error && watch->line != nullptr) watch->line->turn_(*watch->line);
    });
}

void PostgresLine::close_watch() {
  if (!watch_) return;
  watch_->line = nullptr;
  error_code ignored;
  watch_->descriptor.close(ignored);
  watch_.reset();
  watched_ = -1;
  settled_ = false;
}

void PostgresLine::arm_timer(MonoTime at) {
  if (at >= armed_for_) return;  // it fires early, and looks again
  armed_for_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](error_code error) {
    if (error) return;
    armed_for_ = MonoTime::max();
    turn_(*this);
  });
}

}  // namespace nightpost::app
