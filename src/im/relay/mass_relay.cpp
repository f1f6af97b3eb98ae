#include "im/relay/mass_relay.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "im/relay/mass_event.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kMassAgain{1'000};   // after the store could not be asked
constexpr milliseconds kMassStepLeast{10};  // between two steps, also where one came to nobody

}  // namespace

MassRelay::MassRelay(RelayOptions relay, MassRelayOptions options, MassPushBook& book, const Presence& presence,
                     EventSink& sink, Deliver deliver, EventLoop& loop, MassRelayMetrics& metrics)
    : relay_(relay),
      options_(options),
      book_(book),
      presence_(presence),
      sink_(sink),
      deliver_(std::move(deliver)),
      loop_(loop),
      metrics_(metrics),
      timer_(loop.make_timer([this] { turn(); })) {
  sink_.on_durable([this](std::uint64_t ticket) { durable(ticket); });
}

MassRelay::~MassRelay() {
  *alive_ = false;
  sink_.on_durable({});
}

void MassRelay::start() {
  list_again_ = true;
  retry_at_ = loop_.now() + relay_.return_wait;
  timer_->arm(retry_at_);
}

void MassRelay::committed(const Committed& commit) {
  if (!commit.mass_push) return;
  list_again_ = true;
  if (started_) turn();
}

void MassRelay::list() {
  listing_ = true;
  list_again_ = false;
  book_.mass_pushes([this, alive = alive_](const Answer<std::vector<MassPushTask>>& tasks) {
    if (!*alive) return;
    listing_ = false;
    if (tasks) {
      listed(*tasks);
    } else {
      list_again_ = true;
      retry_at_ = loop_.now() + kMassAgain;
    }
    turn();
  });
}

void MassRelay::listed(const std::vector<MassPushTask>& tasks) {
  tasks_.clear();
  for (const MassPushTask& task : tasks) {
    if (!task.begun_all) tasks_.insert(task.id);
    if (started_) continue;  // open chunks are this process's own by now, and may be done
    for (const std::int64_t chunk : task.open)
      if (open_.try_emplace({task.id, chunk}, 0).second) unread_.emplace_back(task.id, chunk);
  }
  started_ = true;
}

/// Whatever may begin now does; the timer is for what may later.
void MassRelay::turn() {
  measure();
  const MonoTime now = loop_.now();
  const bool may_ask = now >= retry_at_;
  if (may_ask && list_again_ && !listing_ && !stepping_) list();
  const auto has_room = [this] { return flight_bytes_ < relay_.in_flight_bytes_max; };
  if (may_ask && has_room() && !reading_ && !unread_.empty()) read();
  const bool may_step = started_ && !draining_ && !listing_ && !stepping_ && !tasks_.empty() && has_room() &&
                        open_.size() < options_.chunks_open_max;
  if (may_step && may_ask && now >= next_step_) return step();
  if (!may_ask) return timer_->arm(retry_at_);
  if (may_step) timer_->arm(next_step_);
}

void MassRelay::step() {
  const auto next = tasks_.upper_bound(last_);
  last_ = next == tasks_.end() ? *tasks_.begin() : *next;
  stepping_ = true;
  book_.mass_push_step(last_, [this, task = last_, alive = alive_](const Answer<MassPushStep>& step) {
    if (*alive) stepped(task, step);
  });
}

void MassRelay::stepped(std::int64_t task, const Answer<MassPushStep>& step) {
  stepping_ = false;
  if (!step) {
    retry_at_ = loop_.now() + kMassAgain;
    return turn();
  }
  metrics_.users.add(step->users);
  if (step->begun_all) tasks_.erase(task);
  if (step->chunk != 0) {
    open_.emplace(ChunkId{task, step->chunk}, 0);
    unread_.emplace_back(task, step->chunk);
  }
  const milliseconds worth(static_cast<std::int64_t>(step->users * 1'000 / options_.users_per_second));
  next_step_ = loop_.now() + std::max(worth, kMassStepLeast);
  turn();
}

void MassRelay::read() {
  reading_ = true;
  const ChunkId id = unread_.front();
  unread_.pop_front();
  book_.mass_push_chunk(id.first, id.second,
                        [this, id, alive = alive_](const Answer<std::optional<MassPushChunk>>& chunk) {
                          if (!*alive) return;
                          reading_ = false;
                          if (!chunk) {
                            unread_.push_front(id);
                            retry_at_ = loop_.now() + kMassAgain;
                          } else if (*chunk) {
                            publish(**chunk);
                            look(id);
                          } else {
                            open_.erase(id);
                          }
                          turn();
                        });
}

/// Phones that are not in the foreground; of a notification without a message, all.
std::vector<DueMember> MassRelay::due_of(const MassPushChunk& chunk, std::vector<Delivery>& live) {
  std::vector<DueMember> due;
  const bool is_message = !chunk.message.elements.empty();
  for (const MassReceiver& receiver : chunk.receivers) {
    const UserKey user{chunk.app, receiver.user};
    const std::vector<Presence::Device> here = presence_.connected(user);
    if (is_message && !chunk.stored && !here.empty()) {  // a stored one came with its commit
      Message message = chunk.message;
      message.to = receiver.user;
      live.push_back({user,
                      {},
                      "",
                      NewMessage{std::make_shared<const Message>(std::move(message)), 0, true},
                      receiver.unread_total});
    }
    DueMember member{.user = receiver.user, .unread_total = receiver.unread_total};
    for (const PushTarget& target : receiver.targets) {
      const auto device = std::ranges::find(here, target.device, &Presence::Device::device);
      const bool sees_it = is_message && device != here.end() && device->foreground;
      if (!sees_it) member.devices.push_back(target.device);
    }
    if (!member.devices.empty()) due.push_back(std::move(member));
  }
  return due;
}

void MassRelay::publish(const MassPushChunk& chunk) {
  std::vector<Delivery> live;
  std::vector<DueMember> due = due_of(chunk, live);
  if (!live.empty()) {
    metrics_.live.add(live.size());
    deliver_(std::move(live));
  }
  while (!due.empty()) {
    const auto end = due.begin() + static_cast<std::ptrdiff_t>(std::min(due.size(), kEventMembersMax));
    const std::vector<DueMember> part(std::make_move_iterator(due.begin()), std::make_move_iterator(end));
    due.erase(due.begin(), end);
    const ChunkId id{chunk.task, chunk.chunk};
    const std::uint64_t ticket = ++tickets_;
    const std::string event = mass_event(chunk, part, relay_.event_lifetime);
    flights_.emplace(ticket, Flight{id, event.size()});
    flight_bytes_ += event.size();
    ++open_[id];
    metrics_.events.add();
    metrics_.members.add(part.size());
    sink_.publish(mass_event_key(chunk), event, ticket);
  }
}

void MassRelay::durable(std::uint64_t ticket) {
  const auto flight = flights_.extract(ticket);
  if (!flight) return;
  const auto [chunk, bytes] = flight.mapped();
  flight_bytes_ -= bytes;
  --open_.at(chunk);
  look(chunk);
  turn();
}

void MassRelay::look(ChunkId id) {
  const auto at = open_.find(id);
  if (at == open_.end() || at->second > 0) return;
  open_.erase(at);
  book_.mass_push_chunk_done(id.first, id.second);
}

void MassRelay::measure() {
  metrics_.tasks.set(tasks_.size());
  metrics_.chunks.set(open_.size());
}

}  // namespace nightpost::im
