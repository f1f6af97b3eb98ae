#include "resolve/grant_book.h"

namespace nightpost::resolve {
namespace {

/// Made before the clock was set back by more than the vendor's minimum age: nobody will take it, and waiting until the
/// clock has caught up could take hours. After a smaller step it is kept, as a vendor counts updates.
bool from_future(const Grant& grant, const Authorizer& authorizer, WallTime now) {
  return grant.issued_at - now > authorizer.age_min();
}

bool too_young(const Grant& grant, const Authorizer& authorizer, WallTime now) {
  return !from_future(grant, authorizer, now) && now - grant.issued_at < authorizer.age_min();
}

Result<Grant> signed_by(const Authorizer& authorizer, WallTime now) {
  Result<GrantStep> step = authorizer.begin(now);
  if (!step) return std::unexpected(step.error());
  if (Grant* const grant = std::get_if<Grant>(&*step)) return std::move(*grant);
  return fail(Errc::Malformed, "grants of token endpoints are not obtained yet");
}

}  // namespace

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
  if (held.grant != nullptr && !from_future(*held.grant, authorizer, now)) {
    const WallTime until = too_young(*held.grant, authorizer, now) ? held.grant->expires_at : held.grant->renew_at;
    if (now < until) return held.grant;
  }
  auto signed_now = signed_by(authorizer, now);
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
      !from_future(*held.grant, authorizer, now) && now < held.grant->expires_at)
    return held.grant;
  const auto stays = fail(Errc::Unauthorized,
                          "the vendor calls a grant stale that is too young to be: clocks differ, or the key is wrong");
  if (too_young(refused, authorizer, now)) return stays;
  auto signed_now = signed_by(authorizer, now);
  if (!signed_now) return std::unexpected(signed_now.error());
  if (signed_now->issued_at == refused.issued_at) return stays;  // the same again: it would be refused again
  held.grant = std::make_shared<const Grant>(*std::move(signed_now));
  return held.grant;
}

}  // namespace nightpost::resolve
