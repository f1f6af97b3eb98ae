#include "resolve/grant_book.h"

namespace nightpost::resolve {

GrantBook::Entry& GrantBook::entry(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Entry>& found = entries_[key];
  if (found == nullptr) found = std::make_unique<Entry>();
  return *found;  // entries are never removed: as many as there were signers in the life of the process
}

Result<std::shared_ptr<const Grant>> GrantBook::current(const std::string& key, const Authorizer& authorizer,
                                                        WallTime now) {
  Entry& held = entry(key);
  const std::lock_guard lock(held.mutex);
  // A clock set back leaves a grant from the future: the vendor would call a second one an update too many, so it is
  // used until the clock has caught up or it is refused.
  if (held.grant != nullptr && now < held.grant->renew_at) return held.grant;
  auto signed_now = authorizer.sign(now);
  if (!signed_now) {
    // An old grant that still holds is better than none.
    if (held.grant != nullptr && now < held.grant->expires_at) return held.grant;
    return std::unexpected(signed_now.error());
  }
  held.grant = std::make_shared<const Grant>(*std::move(signed_now));
  return held.grant;
}

Result<std::shared_ptr<const Grant>> GrantBook::refresh(const std::string& key, const Authorizer& authorizer,
                                                        const Grant& refused, WallTime now) {
  Entry& held = entry(key);
  const std::lock_guard lock(held.mutex);
  // Somebody else was first: what was refused is not what is in use any longer.
  if (held.grant != nullptr && held.grant->authorization != refused.authorization &&
      held.grant->issued_at >= refused.issued_at && now < held.grant->expires_at)
    return held.grant;
  if (now - refused.issued_at < authorizer.age_min())
    return fail(Errc::Unauthorized,
                "the vendor calls a grant stale that is too young to be: clocks differ, or the key is wrong");
  auto signed_now = authorizer.sign(now);
  if (!signed_now) return std::unexpected(signed_now.error());
  held.grant = std::make_shared<const Grant>(*std::move(signed_now));
  return held.grant;
}

}  // namespace nightpost::resolve
