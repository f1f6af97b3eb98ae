// A seeded world around the real Dispatcher, on manual time: a directory that is slow or down, vendors that throttle,
// refuse, forget and fall silent, grants that come late or never, partitions that move away, and delay topics from
// which what was put off comes back. It checks what must always hold while it happens, and throws Violation when it
// does not.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/dispatcher.h"
#include "dispatch/remainder.h"
#include "sim/batch_vendor.h"
#include "sim/judge.h"
#include "support/fake_authorizer.h"
#include "support/fake_provider.h"
#include "support/throwing_provider.h"

namespace nightpost::sim {

/// What a run came across; summed over the seeds, so that a fault nobody met is noticed.
struct Tally {
  std::uint64_t events = 0, sent = 0, repeats = 0, refreshes = 0, handed_back = 0, letters = 0, deferrals = 0;
  std::map<std::string, std::uint64_t, std::less<>> rules;   // of outcomes and dead letters
  std::map<std::string, std::uint64_t, std::less<>> faults;  // what befell requests for many and their grants
  std::uint64_t trace = 0;  // a digest of all that the dispatcher said, and when: equal runs say the same
  void add(const Tally& other);
};

class World final : public dispatch::Directory,
                    public dispatch::Credentials,
                    public dispatch::Transport,
                    public dispatch::Settler,
                    public dispatch::Watcher,
                    public Clock {
 public:
  explicit World(std::uint64_t seed);
  /// Throws Violation.
  Tally run();

  WallTime wall() const noexcept override { return start_ + since_; }
  MonoTime mono() const noexcept override { return MonoTime(std::chrono::hours(1)) + since_; }

  void find(std::span<const ReceiverKey> keys, Found found) override;
  Result<bool> knows(AppId app) override;
  void remove_token(AppId app, std::string_view user_id, const Device& device, Removed removed) override;
  Result<std::shared_ptr<const dispatch::Route>> route(AppId app, CertificateId certificate) override;
  Result<std::shared_ptr<const Grant>> grant(const dispatch::Route& route, WallTime now) override;
  Result<std::shared_ptr<const Grant>> refresh(const dispatch::Route& route, const Grant& refused,
                                               WallTime now) override;
  void send(const std::shared_ptr<const dispatch::Route>& route, HttpRequest request, MonoTime deadline,
            std::uint64_t tag, dispatch::ReplyHandler& handler) override;
  void drain_connection(const dispatch::Route& route, std::uint64_t connection) override;
  void withdraw_queued(const dispatch::Route& route) override;
  void flush() override {
    unflushed_ = 0;
    family_.clear();
    letter_before_ = false;
  }
  void outcome(dispatch::RecordId record_id, std::string_view event_id, std::string_view json) override;
  void dead(dispatch::RecordId record_id, dispatch::DeadLetter letter) override;
  void defer(dispatch::RecordId record_id, dispatch::Deferral deferral) override;
  void release(dispatch::RecordId record_id) override;
  void hand_back(dispatch::RecordId record_id) override;
  void breaker_opened(const dispatch::Route& route, std::string_view code, std::string_view meaning,
                      milliseconds open_for) override;
  void breaker_closed(const dispatch::Route& route) override;
  void credential_throttled(const dispatch::Route& route, std::string_view code, std::string_view,
                            milliseconds pause) override {
    hear("throttled", code, route.id);
    must(pause > milliseconds(0), "a pause that is none");
  }
  void signer_fell(const dispatch::Route& route, dispatch::Rule rule, milliseconds probe_in) override;
  void signer_recovered(const dispatch::Route& route) override;
  void class_rests(const dispatch::Route& route, std::string_view kind, std::string_view, std::string_view,
                   milliseconds) override {
    hear("rests", kind, route.id);
  }
  void removals_held(const dispatch::Route& route, milliseconds) override { hear("held", "", route.id); }
  void removals_released(const dispatch::Route& route) override { hear("released", "", route.id); }
  void dead_letter(const dispatch::DeadLetter&) override { ++letters_told_; }

 private:
  struct Push {
    std::size_t event = 0;
    std::size_t record = 0;         // that names it now
    milliseconds not_before{0};     // put off until then
    int put_off = 0;                // how often, since it was looked at
    int attempts = 0, unheard = 0;  // requests that left; of those, unanswered
    int tries = 0, stale = 0;       // the same, since it was put off last; answers that called the grant stale
    std::string collapse_id;
    std::string shown;          // what the user should be told
    std::string refused_grant;  // called stale
    bool in_flight = false;
    bool settled = false;  // the vendor's last answer leaves nothing to repeat
    bool accepted = false;
    bool stored_in_vain = false;  // the answer to its content's storing was lost
  };
  /// A request handed over: it waits in its lane, then it is in the air.
  struct Flight {
    std::uint64_t tag = 0;
    dispatch::ReplyHandler* handler = nullptr;
    milliseconds limit{0};
    std::optional<milliseconds> left_at;  // the lane
    bool over = false;
    bool probe = false;    // of its credential's breaker
    bool refuses = false;  // its answer blames the credential
    std::int64_t certificate = 0;
    std::vector<Push*> pushes;
    std::vector<std::string> tokens;
    std::string authorization;
    bool stores = false;     // content that reaches nobody yet
    bool addressed = false;  // to whom the content stored before goes
    bool mixed = false;      // letters of unequal content
    bool companion = false;  // one more of the requests that one content makes
    int tries = 0;           // a vendor that does not answer: after which fall; 0: it does not
  };
  struct Event {
    std::string value;
    bool malformed = false, too_old = false;  // too_old: from the beginning
    milliseconds accepted_at{0}, expires_at{0}, too_old_after{0};
    std::vector<std::string> users;
    std::map<std::string, int, std::less<>> unread;
    std::set<std::string> outcomes;  // final ones: "user" or "user/device"
    bool handed_back = false;        // a record of it was, and does not come again here
  };
  /// The event's own, or one with a remainder of it. At any time no device is in two that are not released.
  struct Record {
    std::size_t event = 0;
    int hops = 0;
    std::string remainder;
    milliseconds accepted_at{0};
    std::map<std::string, std::set<std::string>, std::less<>> left;  // users, and their devices; none: all of them
    std::set<std::string> ended, put_off, passed_on;                 // "user" or "user/device"
    std::set<std::string> dead;                                      // those ended that a letter is due for
    std::set<dispatch::Tier> tiers;
    bool letter = false, released = false;
    bool leaving = false, handed_back = false;  // is to come back, came back
  };
  struct Happening {
    milliseconds at;
    std::uint64_t order;
    std::shared_ptr<std::function<void()>> what;
    bool operator>(const Happening& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };

  std::uint64_t dice(std::uint64_t sides) { return rng_() % sides; }
  bool chance(unsigned percent) { return dice(100) < percent; }
  milliseconds upto(std::int64_t ms) { return milliseconds(dice(static_cast<std::uint64_t>(ms) + 1)); }
  void later(milliseconds delay, std::function<void()> what);
  /// What is thrown into the dispatcher stays there, so the next turn says it again.
  void must(bool holds, std::string_view what) const {
    if (holds) return;
    if (violated_.empty()) violated_ = what;
    throw Violation(violated_);
  }
  void met(const char* fault) { ++tally_.faults[fault]; }
  /// Adds what the dispatcher said to the trace.
  void hear(std::string_view what, std::string_view text, std::uint64_t number = 0);

  // world.cpp
  std::string write_event(std::size_t index, Event& event);
  void accept_batch();
  void take_from_topic(std::size_t record);
  void begin(std::size_t record);
  void move_partition_away();
  /// Whom a remainder names, each once and none that the record does not know of.
  std::set<std::string> named_in(const dispatch::Remainder& remainder, const Record& record) const;
  void check_complete(const Record& record) const;
  void check_all_ended() const;
  void go_to(milliseconds time);
  void turn();

  // vendors.cpp
  void make_routes();
  milliseconds day_begins() const;
  std::string what_is_shown(const Event& event, const std::string& user, const Device& device) const;
  std::shared_ptr<const Grant> obtain(const dispatch::Route& route);
  Flight read(const dispatch::Route& route, const HttpRequest& request);
  void check_push(Push& push, const Flight& flight, milliseconds limit);
  void check_slots(Flight& flight, const std::string& family);
  void pause(std::int64_t certificate, milliseconds until);
  void deliver();
  void is_over(Flight& flight);
  void check_refusal(const Flight& flight) const;
  void unheard(Flight& flight);
  dispatch::Reply lost(Flight& flight);
  dispatch::Reply reply_for(Flight& flight);
  dispatch::Reply reply_to_one(Push& push, std::int64_t certificate);
  dispatch::Reply reply_to_many(Flight& flight);
  dispatch::Reply stored(Flight& flight);

  void leave_lane(const std::shared_ptr<Flight>& flight);
  void give_back(Flight& flight, dispatch::Reply reply);

  static constexpr std::int64_t kSingle = 3, kPlain = 4, kStores = 5, kMixed = 6, kCertificates = 6;

  std::mt19937_64 rng_;
  dispatch::Options options_;
  dispatch::Metrics metrics_;
  WallTime start_ = wall_from_ms(1'795'225'887'405);
  milliseconds since_{0};
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> agenda_;
  std::uint64_t order_ = 0;

  std::map<std::string, Receiver, std::less<>> users_;
  std::map<std::int64_t, std::shared_ptr<dispatch::Route>> routes_;
  struct Signer {
    std::shared_ptr<const Grant> grant;
    int signatures = 0;          // of the token endpoint
    WallTime signed_at{};        // the last of our own after the first
    bool obtaining = false;      // the token endpoint is being asked
    std::optional<Error> fault;  // what it said; told once
  };
  std::map<std::int64_t, Signer> signers_;
  milliseconds age_min_{20 * 60'000};  // of a grant: APNs' rule
  unsigned trouble_ = 0;               // percent of vendor answers that are not 200
  unsigned store_down_ = 0;            // percent of calls
  std::size_t removals_waiting_ = 0;   // dead tokens that the store has not answered for
  bool store_slow_ = false;
  unsigned buggy_ = 0;              // percent of calls in which a vendor's room throws
  bool grants_slow_ = false;        // of batching vendors: obtained from a token endpoint
  std::set<std::int64_t> refused_;  // certificates the vendor refuses for now
  std::map<std::int64_t, std::shared_ptr<BatchVendor>> batching_;
  /// A credential's breaker, as the dispatcher told of it.
  struct Told {
    bool open = false;
    milliseconds opened_at{-1}, quiet_until{0};
    int probes = 0;  // in the air
  };
  std::map<std::int64_t, Told> breakers_;
  /// Whether a signer's vendor answers, as the dispatcher told of it.
  struct Health {
    bool down = false;
    int falls = 0;
    milliseconds probed_from{0};
    int probes = 0;  // in the air, since the last fall
  };
  std::map<std::int64_t, Health> health_;  // by signer_of()
  /// When a vendor takes requests and answers none, or fails all of them.
  struct Outage {
    milliseconds from{0}, to{0};
    bool hangs = false;
  };
  std::map<std::int64_t, Outage> outages_;
  const Outage* outage_of(std::int64_t certificate) const {
    const auto found = outages_.find(certificate);
    return found != outages_.end() && since_ >= found->second.from && since_ < found->second.to ? &found->second
                                                                                                : nullptr;
  }
  std::map<std::int64_t, std::pair<milliseconds, milliseconds>> stale_;  // when a vendor calls every grant stale
  std::vector<std::shared_ptr<Flight>> queued_;                          // in lanes
  std::uint64_t letters_told_ = 0;
  bool one_signer_ = false;  // of the first two certificates
  std::int64_t signer_of(std::int64_t certificate) const { return one_signer_ && certificate == 2 ? 1 : certificate; }
  std::map<std::int64_t, milliseconds> paused_;           // by signer_of(): nothing goes to a throttled one before
  std::map<std::int64_t, milliseconds> quota_;            // the same, for the rest of the day
  std::map<std::string, std::set<Push*>> contents_;       // stored, and for whom it was not yet addressed
  std::map<std::int64_t, std::size_t> air_, companions_;  // requests by certificate; those of them that share a content
  std::string family_;                                    // what the request before, in the same call, was about
  bool letter_before_ = false;                            // and whether it carried letters

  std::vector<Event> events_;
  std::vector<Record> records_;  // by record id
  bool stopped_ = false;
  std::map<std::string, Push, std::less<>> pushes_;     // by push id
  std::map<std::string, Push*, std::less<>> by_token_;  // "e3/t-1-0"
  struct Arrived {
    std::shared_ptr<Flight> flight;
    bool silent;
  };
  std::vector<Arrived> arrived_;                       // answers that come in one turn
  std::set<std::int64_t> unread_;                      // certificates of which an answer could not be read in it
  std::vector<std::function<void()>> after_delivery_;  // what they say of a credential binds once all are heard
  std::size_t in_flight_ = 0, companions_in_flight_ = 0, most_in_flight_ = 0, unflushed_ = 0;
  std::size_t batches_left_ = 0;
  Tally tally_;
  mutable std::string violated_;
  std::unique_ptr<dispatch::Dispatcher> dispatcher_;
};

}  // namespace nightpost::sim
