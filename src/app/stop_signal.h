// SIGINT and SIGTERM as a question that a long command asks between its steps. A second one is the system's to answer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace nightpost::app {

/// One at a time in a process; the signals have their usual effect again when it goes.
class StopSignal {
 public:
  StopSignal() : signals_(loop_, SIGINT, SIGTERM) {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      came_ = !error;
      signals_.clear();
    });
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal() = default;

  bool came() {
    loop_.poll();
    return came_;
  }

 private:
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_;
  bool came_ = false;
};

}  // namespace nightpost::app
