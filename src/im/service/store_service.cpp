#include "im/service/store_service.h"

#include <algorithm>
#include <iterator>

#include "im/service/callback_notes.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kPageMax = 1'000;     // callbacks of one answer
constexpr milliseconds kFirstSweep{1'000};  // of calls
constexpr milliseconds kRoomsGrain{5};      // at least, between two looks at all live rooms where something waits
constexpr milliseconds kAgain{100};         // between two commits of a pruning that is not done yet
constexpr milliseconds kDisconnectedAgain{1'000};  // after the store could not write them

/// Before anything is asked for: words hold from the first message on.
Result<RulesRead> first_rules(Tables& tables, const Node& node, const ServiceOptions& options,
                              ServiceMetrics* metrics) {
  const auto transaction = node.look(tables.database());
  if (!transaction) return std::unexpected(transaction.error());
  const auto none = std::make_shared<const RuleBook>(default_settings(options), RuleBook::Apps(),
                                                     metrics != nullptr ? &metrics->word_counts : nullptr);
  RulesRead read = read_rules(tables, options, *none);
  if (tables.failure()) return std::unexpected(*tables.failure());
  if (!read.book) read.book = none;
  return read;
}

template <class T>
std::vector<T> without_first(std::vector<T>&& all) {
  all.erase(all.begin());
  return std::move(all);
}

}  // namespace

Result<std::unique_ptr<StoreService>> StoreService::open(const store::StoreUrl& url, const store::StoreOptions& store,
                                                         std::unique_ptr<store::Store> push_store, AppKeys keys,
                                                         const ServiceOptions& options, const Surroundings& around) {
  std::optional<FileLock> lock;
  if (url.kind == store::StoreUrl::Kind::Sqlite) {
    if (url.place == ":memory:")
      return fail(Errc::Malformed, "store file: the IM server's threads need one that they share");
    auto taken = FileLock::take(url.place);
    if (!taken) return std::unexpected(std::move(taken.error()));
    lock.emplace(*std::move(taken));
  }
  std::vector<Tables> tables;  // the writer's first, which migrates
  for (std::size_t i = 0; i < 1 + std::max<std::size_t>(options.readers, 1); ++i) {
    auto opened = Tables::open(url, store, i == 0 ? Tables::Use::Write : Tables::Use::Read, options.reconnect);
    if (!opened) return std::unexpected(std::move(opened.error()));
    tables.push_back(*std::move(opened));
  }
  auto node = std::make_unique<Node>(options.node_name, options.node_lease, around.deposed);
  if (auto taken = node->take(tables.front().database()); !taken) return std::unexpected(std::move(taken.error()));
  for (Tables& each : tables) each.set_node(node->id());
  auto rules = first_rules(tables.back(), *node, options, around.metrics);
  if (!rules) return std::unexpected(std::move(rules.error()));
  return std::unique_ptr<StoreService>(new StoreService(std::move(lock), std::move(node), std::move(tables),
                                                        std::move(push_store), std::move(keys), options, around,
                                                        *std::move(rules)));
}

StoreService::StoreService(std::optional<FileLock> lock, std::unique_ptr<Node> node, std::vector<Tables> tables,
                           std::unique_ptr<store::Store> push_store, AppKeys keys, const ServiceOptions& options,
                           const Surroundings& around, RulesRead rules)
    : lock_(std::move(lock)),
      node_(std::move(node)),
      options_(options),
      around_(around),
      keys_(std::move(keys)),
      acknowledged_timer_(around_.loop.make_timer([this] { save_acknowledged(); })),
      intents_timer_(around_.loop.make_timer([this] { save_intents(); })),
      group_intents_timer_(around_.loop.make_timer([this] { save_group_intents(); })),
      disconnected_timer_(around_.loop.make_timer([this] { save_disconnected(); })),
      prune_timer_(around_.loop.make_timer([this] { prune(); })),
      calls_timer_(around_.loop.make_timer([this] { sweep_calls(); })),
      rooms_timer_(around_.loop.make_timer([this] { look_at_rooms(); })),
      nodes_timer_(around_.loop.make_timer([this] { keep_nodes(); })),
      order_timer_(around_.loop.make_timer([this] { tell_in_order(); })),
      check_timer_(around_.loop.make_timer([this] { look_for_missed(); })),
      rules_timer_(around_.loop.make_timer([this] { look_for_rules(); })),
      leads_(node_->was_first()),
      order_(node_->number(), {.wait = options_.peer_wait,
                               .held_bytes_max = options_.peer_held_bytes_max,
                               .asks_log = options_.commits_logged > 0}),
      complete_at_(around_.clock.wall()),
      gate_(options_.before, around_.metrics != nullptr ? &around_.metrics->before : nullptr),
      rules_(rules.book),
      mailbox_(std::make_shared<Mailbox>(around_.loop, [this](Done done) { opened(std::move(done)); })),
      writer_(std::move(tables.front()), *node_, std::move(push_store), options_, rules_, around_.clock, around_.log,
              mailbox_, around_.metrics),
      readers_(without_first(std::move(tables)), *node_, options_, rules_, around_.clock, around_.log, mailbox_) {
  take_rules(std::move(rules));
  prune_timer_->arm(around_.loop.now() + options_.pruned_every);
  sweep_calls_at(around_.clock.wall() + kFirstSweep);  // of an earlier process
  nodes_timer_->arm(around_.loop.now());
}

StoreService::~StoreService() {
  stop();
  mailbox_->close();
}

void StoreService::opened(Done done) {
  if (done.told.number == 0) return tell(std::move(done));
  writer_.taken(done.told.number);
  if (done.set_back) set_back(done.told.number);
  shape_for_peers(done.told);
  if (peers_ != nullptr) peers_->tell(done.told);
  order_.take_own(std::move(done), around_.loop.now());
  tell_in_order();
}

void StoreService::stop() {
  if (std::exchange(stopped_, true)) return;
  gate_.close();
  std::vector<std::unique_ptr<Command>> last;
  const auto add = [&](auto run) { last.push_back(make_command<void>(std::move(run), Reply<void>([](auto) {}))); };
  // What is on its way may never be run; twice does no harm.
  if (acknowledged_on_its_way_)
    add([all = acknowledged_on_its_way_](Work& work) { return im::save_acknowledged(work, *all); });
  if (intents_on_their_way_) add([all = intents_on_their_way_](Work& work) { return im::save_intents(work, *all); });
  if (group_intents_on_their_way_)
    add([all = group_intents_on_their_way_](Work& work) { return im::save_group_intents(work, *all); });
  // Of ends of connections that are on their way some may not be told of; twice would be two callbacks.
  if (!disconnected_.empty())
    add([all = std::exchange(disconnected_, {})](Work& work) -> Answer<void> {
      im::disconnected(work, all);
      return {};
    });
  std::vector<Acknowledgement> acknowledged;
  for (auto& [key, value] : acknowledged_) acknowledged.push_back(std::move(value));
  acknowledged_.clear();
  if (!acknowledged.empty())
    add([all = std::move(acknowledged)](Work& work) { return im::save_acknowledged(work, all); });
  if (!intent_changes_.empty())
    add([all = std::exchange(intent_changes_, {})](Work& work) { return im::save_intents(work, all); });
  if (!group_intent_changes_.empty())
    add([all = std::exchange(group_intent_changes_, {})](Work& work) { return im::save_group_intents(work, all); });
  auto never_run = writer_.stop(std::move(last));
  std::ranges::move(readers_.stop(), std::back_inserter(never_run));
  mailbox_->empty();
  for (;;) {
    std::vector<Done> due = order_.due(around_.loop.now(), false, 0);
    for (Done& done : due) tell(std::move(done));
    if (const auto unread = order_.wants_log())
      order_.log_read(unread->last);  // those who would be looked up are gone
    else if (due.empty())
      break;
  }
  for (const auto& command : never_run) command->answer();
}

void StoreService::answer_later(std::unique_ptr<Command> command) {
  around_.loop.post([command = std::move(command)] { command->answer(); });
}

void StoreService::write(std::unique_ptr<Command> command, Writer::Kind kind) {
  if (!writer_.add(command, kind)) answer_later(std::move(command));
}

void StoreService::look(std::unique_ptr<Command> command) {
  if (!readers_.add(command)) answer_later(std::move(command));
}

void StoreService::acknowledged(const Terminal& who, Ver ver) {
  if (stopped_) return;
  if (acknowledged_.empty() && !acknowledged_on_its_way_)
    acknowledged_timer_->arm(around_.loop.now() + options_.acknowledged_saved);
  const auto [at, added] = acknowledged_.try_emplace({who.user, who.device}, Acknowledgement{who, ver});
  if (added) return;
  at->second = {who, std::max(at->second.ver, ver)};
}

void StoreService::save_acknowledged() {
  if (stopped_ || acknowledged_.empty() || acknowledged_on_its_way_) return;
  auto all = std::make_shared<std::vector<Acknowledgement>>();  // shared by the command and what its failure puts back
  for (auto& [key, value] : acknowledged_) all->push_back(std::move(value));
  acknowledged_.clear();
  acknowledged_on_its_way_ = all;
  write(make_command<void>([all](Work& work) { return im::save_acknowledged(work, *all); },
                           Reply<void>([this, all](const Answer<void>& saved) {
                             acknowledged_on_its_way_ = nullptr;
                             if (!saved)
                               for (const auto& [who, ver] : *all) acknowledged(who, ver);
                             if (!stopped_ && !acknowledged_.empty())
                               acknowledged_timer_->arm(around_.loop.now() + options_.acknowledged_saved);
                           })),
        Writer::Kind::Upkeep);
}

void StoreService::intent_published(std::int64_t id, std::int32_t events, std::vector<std::string> devices) {
  change_intent({id, std::max(events, 1), std::move(devices)});
}

void StoreService::intent_settled(std::int64_t id) { change_intent({.id = id}); }

void StoreService::follow_up_settled(std::int64_t id) { change_intent({.id = id, .follow_up = true}); }

void StoreService::disconnected(const Terminal& who, bool silent) {
  rooms_.gone(who, around_.loop.now());
  if (!stopped_) arm_rooms();
  const auto wanted = options_.callbacks.wanted.find(who.user.app);
  if (stopped_ || wanted == options_.callbacks.wanted.end() || !wanted->second.contains(Callback::StateChanged)) return;
  if (disconnected_.size() >= options_.callbacks.queued_max) {
    if (around_.metrics != nullptr) around_.metrics->disconnects_dropped.add();
    return;
  }
  disconnected_.push_back({who, silent});
  save_disconnected();
}

Actor StoreService::placed(const Actor& who) const {
  Actor out = who;
  out.live = rooms_.room_of(who.user);
  return out;
}

/// What waited for a room's rate, and devices that did not come back.
void StoreService::look_at_rooms() {
  if (stopped_) return;
  Committed told;
  rooms_looked_at_ = around_.loop.now();
  told.deliveries = rooms_.due(rooms_looked_at_);
  tell_peers_of_rooms();
  arm_rooms();
  if (!told.deliveries.empty()) around_.listener.committed(std::move(told));
}

void StoreService::arm_rooms() {
  if (const auto at = rooms_.next()) rooms_timer_->arm(std::max<MonoTime>(*at, rooms_looked_at_ + kRoomsGrain));
  if (around_.metrics == nullptr) return;
  around_.metrics->live_rooms.set(rooms_.rooms());
  around_.metrics->live_users.set(rooms_.users());
  around_.metrics->live_waiting.set(rooms_.waiting());
  around_.metrics->live_away.set(rooms_.away());
  around_.metrics->live_dropped.set(rooms_.dropped());
}

void StoreService::save_disconnected() {
  if (stopped_ || disconnected_.empty() || disconnected_on_their_way_) return;
  const auto all = std::make_shared<std::vector<Disconnected>>(std::exchange(disconnected_, {}));  // as above
  disconnected_on_their_way_ = all;
  write(make_command<void>(
            [all](Work& work) -> Answer<void> {
              im::disconnected(work, *all);
              return {};
            },
            Reply<void>([this, all](const Answer<void>& saved) {
              disconnected_on_their_way_ = nullptr;
              if (saved) return save_disconnected();
              disconnected_.insert(disconnected_.begin(), std::make_move_iterator(all->begin()),
                                   std::make_move_iterator(all->end()));
              if (!stopped_) disconnected_timer_->arm(around_.loop.now() + kDisconnectedAgain);
            })),
        Writer::Kind::Upkeep);
}

void StoreService::callback_settled(std::int64_t id) { change_intent({.id = id, .callback = true}); }

void StoreService::callbacks(AppId app, std::int64_t after, std::size_t limit, Reply<std::vector<CallbackJob>> reply) {
  look<std::vector<CallbackJob>>(
      [app, after, limit](Work& work) { return work.tables.callbacks_after(app, after, std::min(limit, kPageMax)); },
      std::move(reply));
}

void StoreService::push_outcomes(std::vector<PushOutcome> all, Reply<void> reply) {
  write<void>([all = std::move(all)](Work& work) { return note_push_outcomes(work, all); }, std::move(reply));
}

void StoreService::change_intent(IntentChange change) {
  if (stopped_) return;
  if (intent_changes_.empty() && !intents_on_their_way_)
    intents_timer_->arm(around_.loop.now() + options_.intents_saved);
  intent_changes_.push_back(std::move(change));
  if (intent_changes_.size() >= options_.intents_batch) save_intents();
}

void StoreService::save_intents() {
  if (stopped_ || intent_changes_.empty() || intents_on_their_way_) return;
  const auto all = std::make_shared<std::vector<IntentChange>>(std::exchange(intent_changes_, {}));  // as above
  intents_on_their_way_ = all;
  write(make_command<void>([all](Work& work) { return im::save_intents(work, *all); },
                           Reply<void>([this, all](const Answer<void>& saved) {
                             intents_on_their_way_ = nullptr;
                             if (!saved)
                               intent_changes_.insert(intent_changes_.begin(), std::make_move_iterator(all->begin()),
                                                      std::make_move_iterator(all->end()));
                             if (!stopped_ && !intent_changes_.empty())
                               intents_timer_->arm(around_.loop.now() + options_.intents_saved);
                           })),
        Writer::Kind::Upkeep);
}

void StoreService::prune() {
  if (stopped_) return;
  if (!leads_) return prune_timer_->arm(around_.loop.now() + options_.pruned_every);
  write(make_command<bool>([](Work& work) { return im::prune(work); }, Reply<bool>([this](const Answer<bool>& more) {
                             if (stopped_) return;
                             const milliseconds wait = more.value_or(false) ? kAgain : options_.pruned_every;
                             prune_timer_->arm(around_.loop.now() + wait);
                           })),
        Writer::Kind::Upkeep);
}

void StoreService::look_for_rules() {
  if (stopped_) return;
  look<RulesRead>([](Work& work) -> Answer<RulesRead> { return read_rules(work.tables, work.options, *work.rules); },
                  [this](Answer<RulesRead> read) {
                    if (stopped_) return;
                    if (read)
                      take_rules(*std::move(read));
                    else
                      rules_timer_->arm(around_.loop.now() + options_.rules_looked_at);
                  });
}

void StoreService::take_rules(RulesRead read) {
  using observe::kv;
  for (const RulesRead::Changed& each : read.changed) {
    around_.log.info("im.rules_read", {kv("app", each.app.value), kv("version", each.version), kv("words", each.words),
                                       kv("settings", each.settings)});
    if (!each.passed_over.empty())
      around_.log.warn("im.rules_passed_over", {kv("app", each.app.value), kv("why", each.passed_over)});
  }
  if (read.book) {
    if (around_.metrics != nullptr) {
      around_.metrics->rules_read.add(read.changed.size());
      around_.metrics->words.set(read.book->words());
    }
    rules_.set(std::move(read.book));
  }
  rules_timer_->arm(around_.loop.now() + options_.rules_looked_at);
}

}  // namespace nightpost::im
