// The vendors' half of the world: routes, grants, what requests must look like, and how they are answered.
#include <algorithm>

#include "world.h"

namespace nightpost::sim {
namespace {

std::string header(const HttpRequest& http, std::string_view name) {
  for (const Header& each : http.headers)
    if (each.name == name) return each.value;
  return "";
}

dispatch::Reply answer(int status, std::string body = "") {
  return {.response = HttpResponse{.status = status, .body = std::move(body)}, .connection = 1};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace

void World::make_routes() {
  one_signer_ = chance(50);
  for (std::int64_t certificate = 1; certificate <= kCertificates; ++certificate) {
    auto route = std::make_shared<dispatch::Route>();
    route->id = static_cast<std::uint64_t>(certificate) + 100;
    route->certificate.id = {certificate};
    // Each with its own rules for repeats.
    route->certificate.vendor = certificate == 2 ? Vendor::Fcm : certificate <= kSingle ? Vendor::Apns : Vendor::Xiaomi;
    route->authorizer =
        std::make_shared<testing::FakeAuthorizer>(signer_of(certificate) == 1 && one_signer_ ? "one" : "");
    if (certificate <= kSingle) {
      auto vendor = std::make_shared<testing::FakeProvider>();
      vendor->counts_titles = chance(50);
      route->provider = std::move(vendor);
    } else {
      auto vendor = std::make_shared<BatchVendor>();
      vendor->fake.chunk = chance(60) ? 1000 : 2 + dice(4);
      vendor->fake.wants = {.tokens = true, .badge = chance(50), .sound = chance(50)};
      vendor->fake.saves_first = certificate == kStores;
      if (certificate == kMixed) {
        vendor->fake.wants.tokens = chance(70);
        vendor->fake.wants.tokens_min = 2 + dice(4);
        vendor->fake.wants.mixed_max = 2 + dice(6);
      }
      if (chance(7)) vendor->fake.opens_at = wall() + upto(60'000);
      batching_[certificate] = vendor;
      route->provider = std::move(vendor);
    }
    const auto throws = [this, certificate](std::string_view call) {
      if (!chance(buggy_)) return false;
      ++tally_.faults["a room that throws in " + std::string(call)];
      if (call == "classify" || call == "address") {  // an answer nobody has read cannot be obeyed
        paused_.erase(signer_of(certificate));
        quota_.erase(certificate);
        after_delivery_.clear();
        unread_.insert(certificate);
      }
      return true;
    };
    route->provider = std::make_shared<testing::ThrowingProvider>(route->provider, throws);
    routes_[certificate] = std::move(route);
  }
  routes_[3]->certificate.status = chance(30) ? CertificateStatus::Disabled : CertificateStatus::Active;
  if (chance(15)) refused_.insert(1 + static_cast<std::int64_t>(dice(2)));
  if (chance(15)) {
    const milliseconds from = upto(10'000);
    stale_[1 + static_cast<std::int64_t>(dice(2))] = {from, from + upto(90'000)};
  }
  grants_slow_ = chance(50);
  if (chance(25)) {
    const milliseconds from = upto(5'000);
    outages_[1 + static_cast<std::int64_t>(dice(kCertificates))] = {from, from + upto(60'000), chance(50)};
  }
}

/// How long until midnight at UTC+8.
milliseconds World::day_begins() const {
  const WallTime there = wall() + std::chrono::hours(8);
  return std::chrono::floor<std::chrono::days>(there) + std::chrono::days(1) - there;
}

std::string World::what_is_shown(const Event& event, const std::string& user, const Device& device) const {
  const auto vendor = batching_.find(device.certificate.value);
  if (vendor == batching_.end()) return "";
  const PushSettings& settings = users_.find(user)->second.settings;
  return shown(vendor->second->fake.wants, settings.language == "en" ? "news" : "xinwen", event.unread.at(user),
               settings.sound_c2c != "none");
}

Result<std::shared_ptr<const dispatch::Route>> World::route(AppId, CertificateId certificate) {
  if (certificate.value == 9) return fail(Errc::NotFound, "no such certificate");
  if (certificate.value == 8) return fail(Errc::Malformed, "the secret does not open");
  if (chance(store_down_ / 3)) return fail(Errc::Io, "disk");
  return routes_.at(certificate.value);
}

/// Asks the token endpoint, which may take its time, refuse, or never answer.
std::shared_ptr<const Grant> World::obtain(const dispatch::Route& route) {
  const std::int64_t certificate = route.certificate.id.value;
  Signer& signer = signers_[certificate];
  signer.obtaining = true;
  signer.grant.reset();
  if (chance(5)) {
    met("a grant that never comes");
    return nullptr;
  }
  later(upto(4'000), [this, certificate, id = route.id] {
    Signer& waited = signers_[certificate];
    waited.obtaining = false;
    constexpr Errc kCodes[] = {Errc::Unauthorized, Errc::Overloaded, Errc::Io, Errc::Io};
    if (chance(20))
      waited.fault = Error{kCodes[dice(4)], "the token endpoint"};
    else
      waited.grant = std::make_shared<Grant>(Grant{.authorization = "obtained " + std::to_string(++waited.signatures)});
    dispatcher_->on_grant(id);
    if (chance(5)) dispatcher_->on_grant(id);
  });
  return nullptr;
}

Result<std::shared_ptr<const Grant>> World::grant(const dispatch::Route& route, WallTime now) {
  Signer& signer = signers_[route.certificate.id.value];
  if (signer.obtaining) return nullptr;
  if (signer.fault) {
    met("a grant that cannot be had");
    return std::unexpected(*std::exchange(signer.fault, std::nullopt));
  }
  if (grants_slow_ && route.certificate.id.value > kSingle) {
    if (!signer.grant || chance(2)) return obtain(route);
    return signer.grant;
  }
  if (!signer.grant) signer.grant = std::make_shared<Grant>(Grant{.authorization = "1", .issued_at = now});
  return signer.grant;
}

Result<std::shared_ptr<const Grant>> World::refresh(const dispatch::Route& route, const Grant& refused, WallTime now) {
  ++tally_.refreshes;
  Signer& signer = signers_[route.certificate.id.value];
  if (signer.obtaining) return nullptr;
  if (signer.grant && refused.authorization != signer.grant->authorization) return signer.grant;
  if (route.certificate.id.value > kSingle && grants_slow_) {
    met("a stale grant that is obtained anew");
    return obtain(route);
  }
  const milliseconds age_min = route.certificate.id.value > kSingle ? milliseconds(0) : age_min_;
  if (now - refused.issued_at < age_min) return fail(Errc::Unauthorized, "too young to be stale");
  must(now >= signer.signed_at + age_min, "a second signature within the age rule");
  signer.signed_at = now;
  signer.grant = std::make_shared<Grant>(Grant{.authorization = refused.authorization + "+", .issued_at = now});
  return signer.grant;
}

World::Flight World::read(const dispatch::Route& route, const HttpRequest& request) {
  Flight flight{.certificate = route.certificate.id.value, .authorization = header(request, "authorization")};
  flight.stores = request.path == "/save";
  if (flight.certificate <= kSingle) {
    const auto found = pushes_.find(header(request, "push-id"));
    must(found != pushes_.end(), "a push id that is not uuid_of(event, user, device)");
    flight.pushes.push_back(&found->second);
    const std::string collapse_id = header(request, "collapse-id");
    must(found->second.attempts == 0 || found->second.collapse_id == collapse_id, "a repeat with another collapse id");
    must(collapse_id == "m" + std::to_string(found->second.event), "a collapse id that is not the message id");
    found->second.collapse_id = collapse_id;
    return flight;
  }
  for (const Header& each : request.headers) {
    if (each.name != "to") continue;
    const std::vector<std::string> to = split(each.value);  // event, token, collapse id, what is shown
    const auto found = by_token_.find(to[0] + "/" + to[1]);
    must(found != by_token_.end(), "a token that this event has not");
    Push& push = *found->second;
    must(to[2] == "m" + std::to_string(push.event), "a collapse id that is not the message id");
    must(to[3] == push.shown, "not what this user should be told");
    must(request.path == "/mixed" || push.event == (flight.pushes.empty() ? push : *flight.pushes.front()).event,
         "two events in one request");
    must(std::ranges::find(flight.pushes, &push) == flight.pushes.end(), "a device named twice");
    flight.pushes.push_back(&push);
    flight.tokens.push_back(to[1]);
  }
  must(!flight.pushes.empty(), "a request for nobody");
  must(flight.pushes.size() <= batching_[flight.certificate]->fake.chunk || flight.stores || request.path == "/mixed",
       "more tokens than a request takes");
  const std::string content = header(request, "content");
  flight.addressed = !content.empty();
  flight.mixed = request.path == "/mixed";
  if (flight.mixed) met("letters of unequal content in a request");
  if (flight.stores) met("content that is stored first");
  if (flight.addressed)
    for (Push* const push : flight.pushes)
      must(contents_[content].erase(push) == 1, "addressed for whom that content was not stored, or twice");
  if (flight.pushes.size() > 1 && !flight.stores) met("a request for many");
  return flight;
}

void World::check_push(Push& push, const Flight& flight, milliseconds limit) {
  const Event& event = events_[push.event];
  const Record& record = records_[push.record];
  must(!record.released, "sent after release()");
  must(!record.leaving, "sent after it was handed back");
  must(since_ >= push.not_before, "sent before it may be");
  must(!event.too_old, "sent, and it is too old");
  must(!push.in_flight, "sent while the attempt before is in the air");
  must(!push.settled, "sent again though the vendor's answer was final");
  // After a hop it is one try, and a replay with another grant.
  must(flight.addressed || push.tries < (push.put_off == 0 ? options_.attempts_max : 2), "more attempts than allowed");
  must(push.unheard < (push.put_off == 0 ? std::min(2, options_.unheard_max) : options_.unheard_max),
       "repeated too often though it may have been processed");
  must(push.stale < 2, "sent again after a second stale answer");
  must(push.refused_grant.empty() || push.refused_grant != flight.authorization, "replayed with the refused grant");
  const milliseconds end = std::min(event.accepted_at + options_.retry_for, event.expires_at);
  must(limit <= end && limit <= since_ + options_.push_deadline && limit > since_, "a deadline outside the window");
  push.in_flight = true;
  if (flight.addressed) return;
  tally_.repeats += push.attempts > 0 ? 1 : 0;
  if (push.put_off > 0 && push.attempts > 0) met("a repeat after a hop");
  if (push.attempts > 0 && flight.pushes.size() > 1) met("a repeat for many");
  if (std::exchange(push.stored_in_vain, false)) met("content that is stored again, its answer lost");
}

/// One content may make several requests, the others count. One more than allowed where company may still join it.
void World::check_slots(Flight& flight, const std::string& family) {
  // A content may be letters for several requests, and these go one by one where one of them can never be sent.
  const bool letter = flight.mixed || (flight.certificate == kMixed && flight.pushes.size() == 1);
  flight.companion = !family.empty() && (family == family_ || (letter && letter_before_));
  family_ = family;
  letter_before_ = letter;
  companions_in_flight_ += flight.companion ? 1 : 0;
  companions_[flight.certificate] += flight.companion ? 1 : 0;
  if (flight.companion) met("a content in several requests");
  most_in_flight_ = std::max(most_in_flight_, ++in_flight_);
  ++air_[flight.certificate];
  // And one for the bin, which may hold those letters of a content that its last request had no room for.
  const std::size_t more =
      (metrics_.requests[std::size_t(Vendor::Xiaomi)].read() > 0 ? 1 : 0) + (air_[kMixed] > 0 ? 1 : 0);
  must(in_flight_ - companions_in_flight_ <= options_.pushes_in_flight_max + more, "more in the air than allowed");
  // And one that tries a vendor all of whose places hang.
  const std::size_t probes = metrics_.signer_probes.read() > 0 ? 1 : 0;
  must(air_[flight.certificate] - companions_[flight.certificate] <= options_.credential_in_flight_max + more + probes,
       "more of one credential in the air than allowed");
}

void World::send(const std::shared_ptr<const dispatch::Route>& route, HttpRequest request, MonoTime deadline,
                 std::uint64_t tag, dispatch::ReplyHandler& handler) {
  hear("send", request.path, route->id);
  for (const Header& each : request.headers) hear(each.name, each.value);
  hear("body", request.body, static_cast<std::uint64_t>((deadline - mono()).count()));
  auto flight = std::make_shared<Flight>(read(*route, request));
  const std::int64_t certificate = flight->certificate;
  if (!flight->addressed) {
    must(since_ >= paused_[signer_of(certificate)], "sent to a throttled signer");
    const auto vendor = batching_.find(certificate);
    if (vendor != batching_.end() && vendor->second->fake.opens_at) {
      must(wall() >= *vendor->second->fake.opens_at, "sent in the closing hours");
      met("closing hours that ended");
    }
    if (const auto quota = quota_.extract(certificate)) {
      must(since_ >= quota.mapped(), "sent though the day's quota is used up");
      met("a day's quota that began anew");
    }
  }
  const auto limit = std::chrono::duration_cast<milliseconds>(deadline - mono()) + since_;
  for (Push* const push : flight->pushes) check_push(*push, *flight, limit);
  Health& health = health_[signer_of(certificate)];
  if (health.down && !flight->addressed) {
    must(since_ >= health.probed_from, "sent to a vendor that does not answer, before it is tried");
    must(health.probes++ == 0, "two requests that try a vendor at once");
    flight->tries = health.falls;
    met("a request that tries a vendor");
  }
  const Push& first = *flight->pushes.front();
  std::string family;
  if (certificate > kSingle)
    family = std::to_string(certificate) + header(request, "content") + first.shown + std::to_string(first.event);
  check_slots(*flight, family);
  ++tally_.sent;
  ++unflushed_;
  flight->tag = tag;
  flight->handler = &handler;
  flight->limit = limit;
  const milliseconds waits = chance(70) ? milliseconds(0) : upto(3'000);
  if (waits == milliseconds(0)) return leave_lane(flight);
  queued_.push_back(flight);
  later(std::min(waits, limit - since_), [this, flight] {
    if (flight->over) return;
    std::erase(queued_, flight);
    const bool late = since_ >= flight->limit;
    if (!late && !chance(10)) return leave_lane(flight);
    met("a request that never left");
    give_back(*flight, {.response = fail(late ? Errc::Timeout : Errc::ConnectionLost, "connecting: refused")});
  });
}

/// A byte of it goes out.
void World::leave_lane(const std::shared_ptr<Flight>& flight) {
  Told& breaker = breakers_[flight->certificate];
  if (!flight->addressed) {
    must(since_ >= breaker.quiet_until, "sent to a credential whose breaker is open");
    must(since_ >= paused_[signer_of(flight->certificate)], "left for a throttled signer");
    flight->probe = breaker.open && flight->certificate <= kSingle;
    must(!flight->probe || breaker.probes++ == 0, "two probes at once");
    for (Push* const push : flight->pushes) {
      ++push->attempts;
      ++push->tries;
    }
  }
  flight->left_at = since_;
  const milliseconds left = flight->limit - since_;
  const Outage* const outage = outage_of(flight->certificate);
  const milliseconds answers = chance(90) ? upto(300) : upto(60'000);
  const milliseconds latency = outage != nullptr && outage->hangs ? left : std::min(left, answers);
  const bool silent = latency == left;
  later(latency, [this, flight, silent] {
    arrived_.push_back({flight, silent});
    // Half of the answers wait for what else comes in this millisecond.
    if (chance(50)) return later(milliseconds(0), [this] { deliver(); });
    deliver();
  });
}

/// What has arrived in one turn goes in together.
void World::deliver() {
  const std::vector<Arrived> arrived = std::exchange(arrived_, {});
  if (arrived.empty()) return;
  for (const Arrived& each : arrived) is_over(*each.flight);
  std::vector<dispatch::TaggedReply> replies;
  for (const Arrived& each : arrived) {
    dispatch::Reply reply{.response = fail(Errc::Timeout, "no answer"), .maybe_sent = true};
    if (each.silent)
      unheard(*each.flight);
    else
      reply = reply_for(*each.flight);
    reply.written = true;
    replies.push_back({each.flight->tag, std::move(reply)});
  }
  if (arrived.size() == 1)
    for (const auto& bind : std::exchange(after_delivery_, {})) bind();
  if (arrived.size() > 1) met("several answers in a turn");
  arrived.front().flight->handler->on_replies(replies);
  for (const auto& bind : std::exchange(after_delivery_, {})) bind();
  for (const Arrived& each : arrived) check_refusal(*each.flight);
  unread_.clear();
  // A transport that answers twice is ignored, unless the repeat is in the air already: both have the same tag.
  for (const Arrived& each : arrived)
    if (std::ranges::none_of(each.flight->pushes, &Push::in_flight) && chance(1))
      each.flight->handler->on_reply(each.flight->tag, {.response = HttpResponse{.status = 200}});
}

void World::is_over(Flight& flight) {
  --in_flight_;
  --air_[flight.certificate];
  companions_in_flight_ -= flight.companion ? 1 : 0;
  companions_[flight.certificate] -= flight.companion ? 1 : 0;
  flight.over = true;
  if (Health& health = health_[signer_of(flight.certificate)]; flight.tries != 0 && flight.tries == health.falls)
    health.probes = 0;
  for (Push* const push : flight.pushes) push->in_flight = false;
  breakers_[flight.certificate].probes -= flight.probe ? 1 : 0;
}

/// Only what left before the breaker opened may be refused without a consequence, and what nobody could read.
void World::check_refusal(const Flight& flight) const {
  if (!flight.refuses || unread_.contains(flight.certificate)) return;
  const Told& breaker = breakers_.at(flight.certificate);
  must(*flight.left_at <= breaker.opened_at || breaker.quiet_until > since_, "a refusal that opened no breaker");
}

/// It comes back without having left.
void World::give_back(Flight& flight, dispatch::Reply reply) {
  is_over(flight);
  flight.handler->on_reply(flight.tag, std::move(reply));
}

/// The lane gives back what waits, from the loop.
void World::withdraw_queued(const dispatch::Route& route) {
  hear("withdraw", "", route.id);
  for (const auto& flight : queued_) {
    if (flight->certificate != route.certificate.id.value) continue;
    met("a request withdrawn from its lane");
    flight->over = true;
    later(milliseconds(0), [this, flight] {
      give_back(*flight, {.response = fail(Errc::ConnectionLost, "withdrawn: its credential is left alone")});
    });
  }
  std::erase_if(queued_, [](const auto& flight) { return flight->over; });
}

void World::breaker_opened(const dispatch::Route& route, std::string_view code, std::string_view,
                           milliseconds open_for) {
  hear("opened", code, route.id);
  Told& breaker = breakers_[route.certificate.id.value];
  must(since_ >= breaker.quiet_until, "opened while it was open");
  if (breaker.open) met("a probe that was refused");
  breaker = {.open = true, .opened_at = since_, .quiet_until = since_ + open_for, .probes = breaker.probes};
}

void World::breaker_closed(const dispatch::Route& route) {
  hear("closed", "", route.id);
  Told& breaker = breakers_[route.certificate.id.value];
  must(breaker.open, "closed though it was not open");
  breaker.open = false;
}

void World::signer_fell(const dispatch::Route& route, dispatch::Rule rule, milliseconds probe_in) {
  hear("fell", name_of(rule), route.id);
  Health& health = health_[signer_of(route.certificate.id.value)];
  must(!health.down, "a signer that fell twice");
  must(probe_in > milliseconds(0), "tried at once");
  health.down = true;
  ++health.falls;
  health.probes = 0;  // what tried it before it was back may still hang
  health.probed_from = since_ + probe_in;
  met(rule == dispatch::Rule::SignerSilent ? "a vendor that is silent" : "a vendor that fails everything");
}

void World::signer_recovered(const dispatch::Route& route) {
  hear("recovered", "", route.id);
  Health& health = health_[signer_of(route.certificate.id.value)];
  must(health.down, "a signer that recovered and had not fallen");
  health.down = false;
  met("a vendor that is back");
}

void World::drain_connection(const dispatch::Route& route, std::uint64_t connection) {
  hear("drain", "", connection);
  must(routes_.contains(route.certificate.id.value) && connection == 1, "left a connection nobody answered on");
}

void World::pause(std::int64_t certificate, milliseconds until) {
  after_delivery_.emplace_back([this, certificate, until] {
    milliseconds& paused = paused_[signer_of(certificate)];
    paused = std::max(paused, until);
  });
}

dispatch::Reply World::reply_for(Flight& flight) {
  if (refused_.contains(flight.certificate)) {
    if (chance(10)) refused_.erase(flight.certificate);
    for (Push* const push : flight.pushes) push->settled = true;
    flight.refuses = true;
    return answer(403, "Forbidden");
  }
  if (const auto stale = stale_.find(flight.certificate);
      stale != stale_.end() && since_ >= stale->second.first && since_ < stale->second.second) {
    met("a vendor that calls every grant stale");
    flight.refuses = ++flight.pushes.front()->stale == 2;
    return answer(403, "Expired");
  }
  if (const Outage* const outage = outage_of(flight.certificate); outage != nullptr && !outage->hangs)
    return answer(500, "InternalServerError");
  const bool trouble = chance(trouble_);
  if (trouble && chance(30)) return lost(flight);
  if (flight.certificate > kSingle) {
    if (trouble) return reply_to_many(flight);
    if (flight.stores) return stored(flight);
  } else if (trouble) {
    return reply_to_one(*flight.pushes.front(), flight.certificate);
  }
  for (Push* const push : flight.pushes) push->settled = push->accepted = true;
  return answer(200, "id");
}

/// It may have been processed. Content that is only stored reaches nobody, so a repeat of that is free.
void World::unheard(Flight& flight) {
  for (Push* const push : flight.pushes) {
    push->stored_in_vain |= flight.stores;
    push->unheard += flight.stores ? 0 : 1;
  }
}

dispatch::Reply World::lost(Flight& flight) {
  const bool maybe = chance(50);
  constexpr Errc kCodes[] = {Errc::Timeout, Errc::ConnectionLost, Errc::Overloaded, Errc::ShuttingDown, Errc::Io};
  const Errc code = chance(5) ? Errc::Unauthorized : kCodes[dice(5)];
  if (flight.pushes.size() > 1) met(flight.stores ? "a lost answer to stored content" : "a lost answer for many");
  if (maybe) unheard(flight);
  for (Push* const push : flight.pushes) push->settled = code == Errc::Unauthorized;
  flight.refuses = code == Errc::Unauthorized;
  return {.response = fail(code, "lost"), .maybe_sent = maybe};
}

dispatch::Reply World::reply_to_one(Push& push, std::int64_t certificate) {
  const auto final = [&](int status, std::string body) {
    push.settled = true;
    return answer(status, std::move(body));
  };
  switch (dice(12)) {
    case 0:
      return final(410, "Unregistered " + std::to_string(to_ms(wall()) - (chance(50) ? 2'000'000 : 0)));
    case 1:
      return final(410, "Unregistered");
    case 2:
      return final(400, "BadDeviceToken");
    case 3:
      return final(400, "PayloadEmpty");
    case 4:
      ++push.stale;
      return answer(403, "Expired");
    case 5:
      return chance(10) ? final(403, "Forbidden") : final(404, "BadPath");
    case 6:
      return answer(429, (chance(50) ? "Class " : "Token ") + std::to_string(dice(40)));
    case 7: {
      const auto wait = static_cast<std::int64_t>(dice(10));
      pause(certificate, since_ + seconds(wait));
      return answer(429, "Credential " + std::to_string(wait));
    }
    case 8:
      return answer(429, "Connection");
    case 9:
      return answer(503, "Shutdown " + std::to_string(dice(100'000)));
    case 10:
      return final(451, "Policy");
    default:
      return answer(500, "InternalServerError");
  }
}

dispatch::Reply World::reply_to_many(Flight& flight) {
  const bool many = flight.pushes.size() > 1;
  switch (dice(9)) {
    case 0:
      if (many) met("a stale grant for many");
      for (Push* const push : flight.pushes) {
        flight.refuses |= ++push->stale == 2;
        push->refused_grant = flight.authorization;
      }
      return answer(401);
    case 1:
      if (many) met("many throttled");
      pause(flight.certificate, since_ + seconds(7));
      return answer(429);
    case 2:
      if (!chance(20)) return answer(500);
      met("a day's quota used up");
      after_delivery_.emplace_back(
          [this, certificate = flight.certificate, until = since_ + day_begins()] { quota_[certificate] = until; });
      return answer(430);
    case 3:
      if (many) met("a refusal of the whole");
      return answer(500);
    default:
      break;
  }
  if (flight.stores) return stored(flight);
  std::string body;
  std::vector<std::size_t> words;
  bool accepted = false, repeats = false;
  for (std::size_t i = 0; i < flight.pushes.size(); ++i) {
    constexpr std::string_view kWords[] = {"", "later", "asleep", "gone"};
    // Two letters to one device are told apart by nobody: answers name tokens.
    const auto before = std::ranges::find(flight.tokens, flight.tokens[i]) - flight.tokens.begin();
    words.push_back(std::size_t(before) < i ? words[std::size_t(before)] : chance(40) ? 0 : dice(4));
    const std::size_t word = words[i];
    Push& push = *flight.pushes[i];
    push.settled = word != 1;
    push.accepted = word == 0;
    accepted |= word == 0;
    repeats |= word == 1;
    if (word > 0) body += " " + flight.tokens[i] + ":" + std::string(kWords[word]);
  }
  if (accepted && repeats) met("some accepted, some to be repeated");
  return answer(200, body);
}

dispatch::Reply World::stored(Flight& flight) {
  std::string body = "saved " + std::to_string(contents_.size() + 1);
  contents_[body].insert(flight.pushes.begin(), flight.pushes.end());
  if (records_[flight.pushes.front()->record].leaving) met("content stored after the hand back");
  return answer(200, std::move(body));
}

}  // namespace nightpost::sim
