// The vendors' servers, simulated strictly, with scripted faults. From the spec, not from our senders: this room
// includes nothing of providers/.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::sandbox {

struct SandboxOptions {
  std::vector<std::string> vendors = {"apns"};
  std::string host = "127.0.0.1";          // served on; certificates name localhost, 127.0.0.1 and ::1
  std::uint16_t port = 0;                  // first vendor's; further vendors take the next ones; 0: free ones
  std::string data_dir;                    // CA and server certificate live here (made on first use); empty: in memory
  bool accept_any = false;                 // takes every well-formed key, topic and token
  bool receipts_anywhere = false;          // a receipts URL may name another machine
  std::string script_json;                 // fault script; empty: none
  std::size_t requests_kept_max = 10'000;  // a vendor, for /_sandbox/requests; the oldest go first
  std::string mark;                        // not empty: of them only the words of the body that begin so are kept
  std::uint32_t streams_max = 1000;        // announced on a connection once a request was authorized
  std::size_t tokens_known_max = 200'000;  // device tokens a vendor can be taught
  /// The vendor's clock: JWT ages and expirations are judged by it. REQUIRED to outlive the sandbox.
  const Clock* clock = nullptr;  // null: the system's
};

/// Serves on `loop`, which must outlive it; started and destroyed on the loop's thread or while nobody runs it. Every
/// other call may come from any thread.
class Sandbox {
 public:
  /// Io: cannot listen or write; Malformed: unknown vendor, bad script (with JSON path).
  static Result<std::unique_ptr<Sandbox>> start(boost::asio::io_context& loop, SandboxOptions options);
  ~Sandbox();

  const std::map<std::string, std::string>& urls() const noexcept;  // vendor → "https://localhost:PORT"
  const std::string& ca_pem() const noexcept;
  const std::string& ca_file() const noexcept;  // empty if data_dir is
  /// The control interface in process: as PUT /_sandbox/script, PUT /_sandbox/credentials, GET /_sandbox/requests.
  /// Malformed (with JSON path): nothing has changed.
  Result<void> set_script(std::string_view json);
  /// Adds to what is known. The member "vendor" says whose it is; absent: the first one's. "receipts" {"url", "user"?,
  /// "key"?, "ca_file"?, "delay_ms"?} says where that vendor's receipts go from now on; null: nowhere.
  Result<void> teach(std::string_view json);
  std::string requests_json(std::string_view vendor) const;  // "[]" for a vendor not served

 private:
  struct Impl;
  explicit Sandbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::sandbox
