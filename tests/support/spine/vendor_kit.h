// Every vendor as a developer without an account has it: the sandbox, a credential that it takes with --accept-any, and
// phones whose tokens have the vendor's form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/process.h"
#include "support/spine/rig.h"

namespace nightpost::support {

/// In the order of the vendor enum.
std::vector<std::string> all_vendors();

/// `nightpost sandbox` as a child.
class SandboxProcess {
 public:
  /// `vendors` empty: all. It takes what is well-formed. `mark`: of requests it keeps only words that begin so.
  SandboxProcess(const std::string& program, const std::vector<std::string>& vendors, const TempFolder& folder,
                 const std::string& mark = "");
  std::string url(std::string_view vendor) const { return ready_.at("vendors").at(std::string(vendor)).at("url"); }
  std::string ca_file() const { return ready_.at("ca_file"); }
  Process& process() noexcept { return process_; }

  /// `/_sandbox/health`, `vendors` member.
  nlohmann::json health() const;
  nlohmann::json requests(std::string_view vendor) const;
  /// Of several vendors at once, each above the number named with it, in order.
  std::vector<nlohmann::json> requests_after(const std::vector<std::pair<std::string, std::uint64_t>>& vendors) const;
  void teach(const nlohmann::json& credentials) const;
  void script(const nlohmann::json& rules) const;  // {"rules": […]}; all vendors

 private:
  std::string call(const std::string& method, const std::string& path, const std::string& body = "") const;

  const TempFolder& folder_;
  std::string ready_file_;
  Process process_;
  nlohmann::json ready_;
};

/// Adds an invented account at the vendor, sent to the sandbox, or to `host` if there is something between; returns its
/// id. Throws with what the command said.
std::int64_t add_vendor_certificate(const Nightpost& nightpost, const std::string& config, std::string_view vendor,
                                    const SandboxProcess& sandbox, const TempFolder& folder,
                                    const std::vector<std::string>& more_flags = {}, const std::string& host = "");

/// Users [first, first + count), each with one phone of that vendor, bound to `certificate`, in the store at `path`.
void add_vendor_users(const std::string& path, std::int64_t certificate, std::string_view vendor, std::size_t first,
                      std::size_t count);

/// One group message to users [first, first + count).
std::string group_event_json(std::string_view id, std::size_t first, std::size_t count);
/// To these users; `ext` is a JSON text, the rest as event_json().
std::string group_event_json(std::string_view id, std::string_view group, std::span<const std::size_t> users,
                             std::string_view ext, std::int64_t occurred_ms);

}  // namespace nightpost::support
