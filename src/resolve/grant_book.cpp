#include "resolve/grant_book.h"

#include <algorithm>
#include <tuple>

#include "core/thrown_by.h"

namespace nightpost::resolve {
namespace {

constexpr milliseconds kOrderSlack{5'000};  // from an order's deadline to its being given anew
constexpr milliseconds kAskAgain{1'000};    // while an old grant serves and a newer one is not there yet

/// Made before the clock was set back by more than the vendor's minimum age: nobody will take it, and waiting until the
/// clock has caught up could take hours. After a smaller step it is kept, as a vendor counts updates.
bool from_future(const Grant& grant, const Authorizer& authorizer, WallTime now) {
  return grant.issued_at - now > authorizer.age_min();
}

bool too_young(const Grant& grant, const Authorizer& authorizer, WallTime now) {
  return !from_future(grant, authorizer, now) && now - grant.issued_at < authorizer.age_min();
}

/// A span of wall time that a clock set back cannot stretch.
struct Span {
  WallTime from{};
  milliseconds length{0};
  bool holds(WallTime now) const noexcept { return now >= from && now - from < length; }
};

auto refused_too() {
  return fail(Errc::Unauthorized,
              "the vendor calls a grant stale that is too young to be: clocks differ, or the key is wrong");
}

// The two calls of a vendor's room, which promise not to throw. Its words may hold a secret, so they are not repeated.

/// Malformed, as of a key that cannot sign: the credential rests, for another try would throw again.
Result<GrantStep> begin(const Authorizer& authorizer, WallTime now) {
  Result<GrantStep> step = fail(Errc::Malformed, "internal error: the vendor's room threw while it made a grant");
  std::ignore = thrown_by([&] { step = authorizer.begin(now); });
  return step;
}

/// Io: to be asked again, after the back-off.
Result<Grant> finish(const Authorizer& authorizer, const HttpResponse& reply, WallTime now) {
  Result<Grant> got = fail(Errc::Io, "internal error: the vendor's room threw at the token endpoint's answer");
  std::ignore = thrown_by([&] { got = authorizer.finish(reply, now); });
  return got;
}

}  // namespace

struct GrantBook::Entry {
  std::mutex mutex;  // of all below
  std::shared_ptr<const HeldGrant> grant;
  std::string refused;      // the authorization of the last one a vendor refused, until there is another
  std::uint64_t order = 0;  // the last one given
  std::optional<Span> ordered;
  Span rest;                   // no further fetch while it lasts
  std::optional<Error> error;  // of the last fetch
  int failures = 0;            // in a row
  std::vector<GrantWaiter*> waiters;

  bool being_obtained(WallTime now) const noexcept { return ordered && ordered->holds(now); }
  bool holds(WallTime now) const noexcept { return grant != nullptr && now < grant->expires_at; }
  /// The one there is, if it still holds, while another is not to be had; else who asks waits.
  GrantAnswer meanwhile(WallTime now, GrantWaiter& waiter) {
    if (holds(now)) return {grant, {}, std::min(now + kAskAgain, grant->expires_at)};
    if (std::ranges::find(waiters, &waiter) == waiters.end()) waiters.push_back(&waiter);
    return {};
  }
  GrantAnswer hold(Grant made, bool after_refusal) {
    auto held = std::make_shared<HeldGrant>(std::move(made));
    held->after_refusal = after_refusal;
    grant = std::move(held);
    return {grant, {}, grant->renew_at};
  }
  GrantOrder give_order(const std::string& key, GrantRequest request, WallTime now, milliseconds length) {
    ordered = Span{now, length};
    return {key, ++order, std::move(request)};
  }
};

std::shared_ptr<GrantBook::Entry> GrantBook::entry(const std::string& key, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (const std::shared_ptr<Entry>* const known = entries_.find(key)) return *known;
  const auto made = std::make_shared<Entry>();
  entries_.put(key, made, [now](const std::shared_ptr<Entry>& old) {
    const std::unique_lock unused(old->mutex, std::try_to_lock);
    return unused.owns_lock() && !old->being_obtained(now) && old->waiters.empty();
  });
  return made;
}

Result<GrantAnswer> GrantBook::current(const std::string& key, const Authorizer& authorizer, WallTime now,
                                       GrantWaiter& waiter) {
  const std::shared_ptr<Entry> held = entry(key, now);
  const std::lock_guard lock(held->mutex);
  if (held->holds(now) && !from_future(*held->grant, authorizer, now)) {
    if (now < held->grant->renew_at)
      return GrantAnswer{held->grant, {}, std::min(held->grant->renew_at, held->grant->expires_at)};
    if (too_young(*held->grant, authorizer, now)) return held->meanwhile(now, waiter);
  }
  if (held->being_obtained(now)) return held->meanwhile(now, waiter);
  if (held->rest.holds(now) && (held->error || held->holds(now))) {
    if (held->holds(now)) return held->meanwhile(now, waiter);
    return std::unexpected(*held->error);
  }
  Result<GrantStep> step = begin(authorizer, now);
  if (!step) {
    // An old grant that still holds is better than none.
    if (held->holds(now)) return held->meanwhile(now, waiter);
    return std::unexpected(step.error());
  }
  if (Grant* const made = std::get_if<Grant>(&*step)) return held->hold(std::move(*made), false);
  GrantAnswer answer = held->meanwhile(now, waiter);
  answer.order =
      held->give_order(key, std::get<GrantRequest>(std::move(*step)), now, options_.fetch_deadline + kOrderSlack);
  return answer;
}

Result<GrantAnswer> GrantBook::refresh(const std::string& key, const Authorizer& authorizer, const Grant& refused,
                                       WallTime now, GrantWaiter& waiter) {
  const std::shared_ptr<Entry> held = entry(key, now);
  const std::lock_guard lock(held->mutex);
  const bool known = held->grant != nullptr && held->grant->authorization == refused.authorization;
  // Somebody else was first: what was refused is not what is in use any longer.
  if (held->grant != nullptr && !known && !from_future(*held->grant, authorizer, now) && held->holds(now))
    return GrantAnswer{held->grant, {}, held->grant->renew_at};
  if (known && held->grant->obtained) {
    // Once in a row a refusal is the grant's fault, whatever its age; then it is the credential's.
    const milliseconds gap = std::max(options_.refused_retry, authorizer.age_min());
    if (held->grant->after_refusal && Span{held->grant->issued_at, gap}.holds(now)) return refused_too();
    held->grant->withdrawn_.store(true, std::memory_order_relaxed);
    held->grant = nullptr;
    held->refused = refused.authorization;
  } else if (held->refused != refused.authorization && too_young(refused, authorizer, now)) {
    return refused_too();
  }
  if (held->being_obtained(now)) return held->meanwhile(now, waiter);
  if (held->rest.holds(now) && held->error) return std::unexpected(*held->error);
  Result<GrantStep> step = begin(authorizer, now);
  if (!step) return std::unexpected(step.error());
  if (Grant* const made = std::get_if<Grant>(&*step)) {
    if (made->issued_at == refused.issued_at) return refused_too();  // the same again: it would be refused again
    if (held->grant != nullptr) held->grant->withdrawn_.store(true, std::memory_order_relaxed);
    return held->hold(std::move(*made), true);
  }
  held->grant = nullptr;
  held->refused = refused.authorization;
  GrantAnswer answer = held->meanwhile(now, waiter);
  answer.order =
      held->give_order(key, std::get<GrantRequest>(std::move(*step)), now, options_.fetch_deadline + kOrderSlack);
  return answer;
}

GrantBook::Settled GrantBook::settle(const GrantOrder& order, const Authorizer& authorizer,
                                     const Result<HttpResponse>& reply, WallTime now) {
  Result<Grant> got = reply ? finish(authorizer, *reply, now) : std::unexpected(reply.error());
  if (got && got->expires_at <= now) got = fail(Errc::Io, "the token endpoint gave a grant that has ended already");
  const std::shared_ptr<Entry> held = entry(order.key, now);
  const std::lock_guard lock(held->mutex);
  if (got && !held->refused.empty() && got->authorization == held->refused)
    got = fail(Errc::Unauthorized, "the token endpoint gave the grant again that the vendor refuses");
  if (!got && held->order != order.number) return {.failed = got.error(), .waiters = {}};  // another is under way
  held->ordered.reset();
  Settled settled;
  settled.waiters.swap(held->waiters);
  if (got) {
    held->failures = 0;
    held->error.reset();
    held->rest = {now, options_.backoff_first};
    auto made = std::make_shared<HeldGrant>(*std::move(got));
    made->obtained = true;
    made->after_refusal = !held->refused.empty();
    held->grant = std::move(made);
    held->refused.clear();
    return settled;
  }
  const bool for_good = got.error().code == Errc::Unauthorized || got.error().code == Errc::Malformed;
  const auto doubled = options_.backoff_first * (std::int64_t{1} << std::min(held->failures, 20));
  held->rest = {now, for_good ? options_.refused_retry : std::min<milliseconds>(doubled, options_.backoff_max)};
  ++held->failures;
  held->error = got.error();
  settled.failed = std::move(got.error());
  return settled;
}

}  // namespace nightpost::resolve
