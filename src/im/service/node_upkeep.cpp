// The service among the other nodes of its store: the order in which commits are told, and what each node owes the
// rest.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "im/service/store_service.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kNodesAgain{100};         // while a node that is over has rows left
constexpr milliseconds kOwnCommitAgain{5};       // while what came waits for a commit of this node's own
constexpr std::int64_t kRenewalsPerLease = 4;    // so that an outage of half a lease ends nobody's
constexpr milliseconds kCallsOfOthersSoon{100};  // what a node that is over would have timed out
constexpr milliseconds kClocksDiffer{
    60'000};  // those of nodes, and that of who asks; as the margin of `since` in a sync

constexpr std::size_t kMissedConcernedMax = 10'000;  // users and groups; beyond, all are looked up

Concerned anybody() { return {.withdrew = true, .all = true}; }

bool says_something(const Committed& told) {
  return !told.deliveries.empty() || !told.intents.empty() || !told.follow_ups.empty() || !told.recalled.empty() ||
         !told.read.empty() || !told.ended.empty() || !told.group_intents.empty() || !told.callbacks.empty() ||
         told.mass_push;
}

}  // namespace

void StoreService::tell(Done done) {
  Committed& told = done.told;
  if (done.of_peer) node_->saw(told.number);
  rooms_.take(told.deliveries, around_.loop.now(),
              done.of_peer       ? LiveRooms::From::Peer
              : told.number == 0 ? LiveRooms::From::Here
                                 : LiveRooms::From::Shaped);
  tell_peers_of_rooms();
  arm_rooms();
  if (says_something(told)) around_.listener.committed(std::move(told));
  for (const auto& command : done.commands) command->answer();
}

void StoreService::tell_in_order() {
  const bool hears = peers_ != nullptr && peers_->hears();
  for (;;) {
    const std::uint64_t missed = order_.missed();
    std::vector<Done> due = order_.due(around_.loop.now(), hears, writer_.in_hand());
    if (order_.missed() != missed) {  // before what comes behind it, so that no client counts on having heard all
      if (around_.metrics != nullptr) around_.metrics->missed.add(order_.missed() - missed);
      const Concerned whom = whom_missed();
      around_.listener.missed(complete_at_, whom);
      doubt_rooms(whom);
    }
    if (due.empty()) break;
    for (Done& done : due) tell(std::move(done));
  }
  log_.erase(log_.begin(), log_.upper_bound(order_.told()));
  if (order_.wants_log()) read_log();
  if (order_.complete()) complete_at_ = around_.clock.wall();
  measure_order();
  if (order_.wants_look()) return look_for_missed();
  if (const auto at = order_.next()) {
    // What is due and was not told waits for the writer, whose answer may take long: opened() tells it then.
    const MonoTime now = around_.loop.now();
    order_timer_->arm(*at > now ? *at : now + kOwnCommitAgain);
  }
}

/// Whoever was to be told of what was given up, as far as the log has it.
Concerned StoreService::whom_missed() {
  Concerned whom;
  for (const CommitOrder::Range& range : order_.take_missed())
    for (std::int64_t number = range.first; number <= range.last && !whom.all; ++number) {
      const auto logged = log_.find(number);
      add_concerned(whom, logged == log_.end() ? anybody() : std::move(logged->second), kMissedConcernedMax);
    }
  settle_concerned(whom);
  if (whom.all) whom.withdrew = true;
  if (around_.metrics != nullptr) (whom.all ? around_.metrics->missed_whole : around_.metrics->missed_logged).add();
  return whom;
}

/// What it does not say concerns anybody.
void StoreService::read_log() {
  if (stopped_ || reading_log_) return;
  reading_log_ = true;
  const CommitOrder::Range range = *order_.wants_log();
  look<std::map<std::int64_t, Concerned>>(
      [range, most = options_.commits_logged](Work& work) -> Answer<std::map<std::int64_t, Concerned>> {
        std::map<std::int64_t, Concerned> out;
        if (std::cmp_greater(range.last - range.first, most)) return out;
        const auto logged = Node::logged(work.tables.database(), range.first - 1, range.last);
        if (!logged) return std::unexpected(Refusal{Code::Busy, logged.error().detail});
        for (const Node::LoggedCommit& each : *logged)
          if (auto concerned = decode_concerned(each.concerned)) out.emplace(each.number, *std::move(concerned));
        return out;
      },
      [this, last = range.last, history = histories_](Answer<std::map<std::int64_t, Concerned>> read) {
        reading_log_ = false;
        if (stopped_) return;
        if (history == histories_) {
          if (read) log_.merge(*read);
          order_.log_read(last);
        }
        tell_in_order();
      });
}

/// What clients were shown may not be there any more, and numbers that were heard of may be other commits.
void StoreService::set_back(std::int64_t number) {
  node_->saw_set_back(number);
  order_.restart(number);
  ++histories_;
  log_.clear();
  if (around_.metrics != nullptr) around_.metrics->set_back.add();
  around_.listener.missed(WallTime{}, anybody());
  doubt_rooms(anybody());
}

void StoreService::measure_order() {
  if (around_.metrics == nullptr) return;
  const auto since = order_.waiting_since();
  const auto age = since ? std::chrono::duration_cast<milliseconds>(around_.loop.now() - *since) : milliseconds(0);
  around_.metrics->order_held.set(order_.held());
  around_.metrics->order_held_bytes.set(order_.held_bytes());
  around_.metrics->order_no_room.set(order_.no_room());
  around_.metrics->order_oldest_ms.set(static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0)));
}

void StoreService::set_peers(Peers* peers) {
  peers_ = peers;
  rooms_.set_elsewhere(peers == nullptr ? LiveRooms::Elsewhere()
                                        : [peers](ConvId room) { return peers->live_elsewhere(room); });
  if (peers != nullptr) look_for_missed();
}

void StoreService::heard(Committed commit) {
  if (stopped_) return;
  // Those stay with their node.
  commit.intents.clear();
  commit.group_intents.clear();
  commit.follow_ups.clear();
  Done done{.told = std::move(commit), .of_peer = true};
  if (done.told.number <= 0) return tell(std::move(done));
  order_.take(std::move(done), around_.loop.now());
  tell_in_order();
}

void StoreService::may_have_missed() { look_for_missed(); }

/// What was told last and got lost would be noticed with the next commit alone.
void StoreService::look_for_missed() {
  if (stopped_ || looking_for_missed_ || node_->number() == 0) return;
  looking_for_missed_ = true;
  look<std::int64_t>(
      [](Work& work) -> Answer<std::int64_t> {
        auto last = Node::last_commit(work.tables.database());
        if (last) return *last;
        return std::unexpected(Refusal{Code::Busy, std::move(last.error().detail)});
      },
      [this, asked = around_.loop.now(), history = histories_](const Answer<std::int64_t>& last) {
        looking_for_missed_ = false;
        if (stopped_) return;
        if (history != histories_) return look_for_missed();
        if (last) {
          order_.looked(*last, asked, around_.loop.now());
          tell_in_order();
        } else {
          measure_order();
        }
        if (live_nodes_ > 1 || peers_ != nullptr) check_timer_->arm(around_.loop.now() + options_.peer_check);
      });
}

void StoreService::standings(std::vector<UserKey> users, WallTime since, Reply<std::vector<Standing>> reply) {
  if (users.size() > kStandingsMax)
    return refuse_later({Code::Malformed, "users: more than " + std::to_string(kStandingsMax)}, std::move(reply));
  look<std::vector<Standing>>([users = std::move(users),
                               since = since - kClocksDiffer](Work& work) { return im::standings(work, users, since); },
                              [this, reply = std::move(reply)](Answer<std::vector<Standing>> all) mutable {
                                if (all)
                                  for (Standing& one : *all)
                                    for (Standing::Login& login : one.logins)
                                      login.live = rooms_.room_of(one.user, login.device);
                                reply(std::move(all));
                              });
}

void StoreService::keep_nodes() {
  if (stopped_) return;
  write(make_command<NodeUpkeep>(
            [node = node_.get(), logged = options_.commits_logged](Work& work) -> Answer<NodeUpkeep> {
              auto kept = im::keep_nodes(work, node->id(), node->steady(), node->server_time());
              if (!kept || !kept->first) return kept;
              const auto pruned = node->prune_log(work.tables.database(), static_cast<std::int64_t>(logged));
              if (!pruned) return std::unexpected(Refusal{Code::Busy, pruned.error().detail});
              return kept;
            },
            Reply<NodeUpkeep>([this](const Answer<NodeUpkeep>& kept) { kept_nodes(kept); })),
        Writer::Kind::Upkeep);
}

void StoreService::kept_nodes(const Answer<NodeUpkeep>& kept) {
  if (stopped_) return;
  const MonoTime now = around_.loop.now();
  const MonoTime next = now + options_.node_lease / kRenewalsPerLease;
  if (!kept) return nodes_timer_->arm(next);
  if (around_.metrics != nullptr) {
    around_.metrics->nodes.set(kept->live);
    around_.metrics->given_up.add(kept->ended);
    around_.metrics->taken_over.add(kept->taken_over);
  }
  check_rooms();                       // what could not be at once
  writer_.set_shared(kept->live > 1);  // else nobody needs to know
  const bool was_alone = std::exchange(live_nodes_, kept->live) == 1;
  if (was_alone && live_nodes_ > 1) check_timer_->arm(now + options_.peer_check);
  if (kept->ended > 0) {
    around_.log.warn("im.node_given_up", {observe::kv("count", kept->ended)});
    sweep_calls_at(around_.clock.wall() + kCallsOfOthersSoon);
  }
  took_over_ = took_over_ || kept->taken_over > 0;
  if (kept->took_all && std::exchange(took_over_, false)) {
    around_.log.info("im.node_taken_over", {});
    around_.listener.took_over();
  }
  if (kept->first && !std::exchange(leads_, true)) {
    around_.log.info("im.node_leads", {});
    sweep_calls_at(around_.clock.wall() + kCallsOfOthersSoon);
    around_.listener.leads();
  }
  if (around_.metrics != nullptr) around_.metrics->leads.set(leads_ ? 1 : 0);
  if (leads_ && live_nodes_ > 1) {  // whatever of the others' was not heard of
    Committed all;
    for (const auto& [app, wanted] : options_.callbacks.wanted) all.callbacks.push_back(app);
    all.mass_push = true;
    around_.listener.committed(std::move(all));
  }
  const bool shared = node_->number() > 0;
  if (kept->more)
    nodes_timer_->arm(now + kNodesAgain);
  else if (shared)
    nodes_timer_->arm(next);
}

}  // namespace nightpost::im
