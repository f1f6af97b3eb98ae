// An entry of the audit log: who changed what, when, from where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/ids.h"
#include "core/time.h"

namespace nightpost::store {

inline constexpr std::size_t kAuditTextBytesMax = 16'384;  // of `before`, of `after`, of `outcome`

struct AuditEntry {
  std::int64_t id = 0;  // given by the store
  WallTime at{};
  std::string who;
  std::int64_t token_id = 0;  // 0: none
  std::string origin;         // an address, or "cli"
  AppId app;                  // 0: of no app
  std::string what;           // "certificate.replace"
  std::string object;         // "3"
  std::string before, after;  // JSON, without secrets; empty: nothing
  std::string outcome;        // "done", "failed: …"
};

}  // namespace nightpost::store
