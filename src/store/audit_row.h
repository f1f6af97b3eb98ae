// An entry of the audit log as its row, for whoever writes one.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "store/audit_entry.h"

namespace nightpost::store {

bool is_admin_text(std::string_view text) noexcept;  // UTF-8 without zeros
std::string cut_audit_text(std::string_view text);

/// `insert` runs AdminQuery::AuditAdd with these arguments.
template <class Insert>
Result<void> insert_audit(const AuditEntry& entry, Insert insert) {
  for (const std::string* text : {&entry.who, &entry.origin, &entry.what, &entry.object})
    if (!is_admin_text(*text)) return fail(Errc::Malformed, "audit entry: no text in UTF-8");
  const std::string before = cut_audit_text(entry.before), after = cut_audit_text(entry.after),
                    outcome = cut_audit_text(entry.outcome);  // it may quote what was refused
  const auto added = insert(to_ms(entry.at), entry.who, entry.token_id, entry.origin, entry.app.value, entry.what,
                            entry.object, before, after, outcome);
  if (!added) return std::unexpected(added.error());
  return {};
}

}  // namespace nightpost::store
