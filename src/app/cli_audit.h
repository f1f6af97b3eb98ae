// What the command line changes in the store, told to the audit log in the same commit.
#pragma once

#include <string>
#include <utility>

#include "core/certificate.h"
#include "core/result.h"
#include "store/audit_entry.h"

namespace nightpost::app {

/// Of the person who runs this, from "cli", done.
store::AuditEntry cli_entry(std::string what);

/// The certificate before and after, as the API shows it. null: there was, or is, none.
void note_certificate(store::AuditEntry& entry, const Certificate* before, const Certificate* after);

/// Runs `change`, which gives a Result and says in the entry what it changed. Both are in the store then, or neither.
/// `tables`: a Store or an AdminStore.
template <class Tables, class Change>
auto recorded(Tables& tables, std::string what, Change change) -> decltype(change(std::declval<store::AuditEntry&>())) {
  store::AuditEntry entry = cli_entry(std::move(what));
  decltype(change(entry)) out = fail(Errc::Io, "nothing was done");
  auto done = tables.together([&]() -> Result<void> {
    out = change(entry);
    if (!out) return std::unexpected(out.error());
    return tables.add_audit(entry);
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace nightpost::app
