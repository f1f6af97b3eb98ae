#include "net/lane_connection.h"

#include <algorithm>
#include <utility>

#include "net/peak_watch.h"

namespace nightpost::net {

LaneConnection::LaneConnection(Options options, ConnectionOwner& owner, LaneMetrics& metrics, std::uint64_t id)
    : options_(std::move(options)), owner_(&owner), metrics_(&metrics), id_(id), session_(options_.session) {}

void LaneConnection::start(Order order, MonoTime now) {
  connect_by_ = now + options_.connect_timeout;
  connect(std::move(order));
}

void LaneConnection::orphan() {
  owner_ = nullptr;
  metrics_ = nullptr;
  const bool politely = state_ == State::Ready || state_ == State::Draining;
  state_ = State::Closed;
  shut(politely);
}

void LaneConnection::close(CloseReason reason, Error why) {
  if (over()) return;
  reason_ = reason;
  why_ = std::move(why);
  const bool politely = state_ == State::Ready || state_ == State::Draining;
  state_ = State::Closing;
  shut(politely);
}

void LaneConnection::drain(CloseReason reason, MonoTime until) {
  if (state_ == State::Connecting) return close(reason, {Errc::ConnectionLost, "not needed any longer"});
  if (state_ != State::Ready && state_ != State::Draining) return;
  if (state_ == State::Ready) reason_ = reason;
  state_ = State::Draining;
  drained_by_ = std::min(drained_by_, until);
  session_.withdraw_unsent();
}

void LaneConnection::settle_if_drained() {
  if (state_ == State::Draining && session_.streams_open() == 0 && !writing_waits_)
    close(reason_, {Errc::ConnectionLost, "closed after its last answer"});
}

// ---- time

void LaneConnection::on_time(MonoTime now) {
  if (over()) return;
  if (state_ == State::Connecting) {
    if (now < connect_by_) return;
    const std::string at = wire_up_ ? "no SETTINGS from the peer yet" : connect_progress();
    return close(CloseReason::Error, {Errc::Timeout, "connecting took too long: " + at});
  }
  if (now >= drained_by_)
    return close(reason_, {Errc::ConnectionLost, "connection was replaced before the answer came"});
  if (session_.pings_acked() < pings_sent_) {
    if (now >= ping_sent_at_ + options_.ping_timeout)
      close(CloseReason::Ping, {Errc::ConnectionLost, "PING was not acknowledged"});
  } else if (now >= heard_at_ + options_.ping_interval) {
    session_.ping();
    ++pings_sent_;
    ping_sent_at_ = now;
    write();
  }
}

MonoTime LaneConnection::next_due() const {
  if (over()) return MonoTime::max();
  if (state_ == State::Connecting) return connect_by_;
  const bool asked = session_.pings_acked() < pings_sent_;
  return std::min(drained_by_, asked ? ping_sent_at_ + options_.ping_timeout : heard_at_ + options_.ping_interval);
}

void LaneConnection::trim(std::size_t peak) {
  session_.trim(peak);
  net::trim(done_, peak);
  net::trim(written_, peak);
}

std::size_t LaneConnection::kept_bytes() const noexcept {
  return session_.kept_bytes() + bytes_of(done_) + bytes_of(written_);
}

// ---- bytes

void LaneConnection::wire_is_up() {
  wire_up_ = true;
  write();  // preface and SETTINGS
}

void LaneConnection::may_write() {
  writing_waits_ = false;
  if (!over()) tell_heard();
}

void LaneConnection::writing_failed(std::string detail) {
  write_failed_ = true;
  why_.detail = std::move(detail);
}

void LaneConnection::write() {
  if (over() || writing_waits_ || write_failed_ || !wire_up_) return;
  for (auto output = session_.next_output(); !output.empty(); output = session_.next_output()) {
    const std::size_t bytes = send(output);
    if (bytes == 0) break;
    session_.mark_sent(bytes);
    metrics_->bytes_out.add(bytes);
  }
  session_.take_written(written_);
  if (!written_.empty()) owner_->on_written(*this, written_);
  settle_if_drained();
}

bool LaneConnection::receive(std::span<const std::uint8_t> bytes) {
  metrics_->bytes_in.add(bytes.size());
  const auto fed = session_.feed(bytes);
  if (!fed) why_ = fed.error();
  return fed.has_value();
}

void LaneConnection::hear(MonoTime now) {
  heard_at_ = now;
  tell_heard();
}

void LaneConnection::tell_heard() {
  if (state_ == State::Connecting && session_.settings_seen()) {
    state_ = State::Ready;
    ready_at_ = used_at = heard_at_;
    metrics_->connections_opened.add();
    owner_->on_ready(*this);
  }
  write();  // acknowledgements, window updates, RST_STREAM that ends what broke HTTP, GOAWAY if the peer broke a rule
  session_.take_done(done_);
  owner_->on_heard(*this, done_);  // may orphan us
}

void LaneConnection::finish() {
  if (state_ == State::Closed) return;  // orphaned
  state_ = State::Closed;
  shut(false);
  session_.abandon(why_);
  session_.take_done(done_);
  owner_->on_closed(*this, done_);
}

}  // namespace nightpost::net
