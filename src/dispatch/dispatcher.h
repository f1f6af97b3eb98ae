// The pipeline of one shard: decode → decide → resolve → plan → deliver → settle. Single-threaded, no clock but the one
// given, no waiting: it is told what happened and says what to do next, so tests/sim runs it on manual time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/time.h"
#include "dispatch/metrics.h"
#include "dispatch/options.h"
#include "dispatch/ports.h"
#include "dispatch/recall_book.h"
#include "dispatch/signer_ledger.h"
#include "dispatch/tracer.h"

namespace nightpost::dispatch {

class Dispatcher final : public ReplyHandler {
 public:
  /// The collaborators are borrowed and must outlive it. `watcher`, `tracer` null: nobody. `ledger`: what the shards of
  /// the process share of their signers, `recalls`: what they know to be taken back; null: this is the only shard.
  Dispatcher(const Options& options, Directory& directory, Credentials& credentials, Transport& transport,
             Settler& settler, const Clock& clock, Metrics& metrics, Watcher* watcher = nullptr,
             Tracer* tracer = nullptr, SignerLedger* ledger = nullptr, RecallBook* recalls = nullptr);
  /// Hands back what is still open.
  ~Dispatcher();

  /// Takes a batch. Whatever a record holds, it ends in outcomes, a dead letter, or both, then one release(); or, once
  /// something of it was handed back, in one Settler::hand_back(). Never refuses; whoever feeds it stops at
  /// has_capacity() == false.
  void accept(std::span<const Record> batch);
  void on_reply(std::uint64_t tag, Reply reply) override;
  void on_replies(std::span<TaggedReply> replies) override;

  /// A grant that was being obtained is there, or could not be had: ask again for what waits on this route.
  void on_grant(std::uint64_t route_id);

  /// When wake() wants to be called (back-offs, breaker probes, expiries); nullopt: nothing waits.
  std::optional<MonoTime> next_wakeup() const;
  void wake();

  /// Below events_open_max events and pushes_queued_max pushes, and the settler has room.
  bool has_capacity() const noexcept;
  /// Something was not begun because the settler has no room beside the pushes open: call on_room() once it has.
  bool wants_room() const noexcept;
  std::size_t pushes_open() const noexcept;
  void on_room();
  std::size_t events_open() const noexcept;
  std::size_t requests_in_flight() const noexcept;

  /// From here on nothing that is not yet in the air is sent (drain's limit is over, or partitions moved away): those
  /// events end in Settler::hand_back() instead of release(), so that whoever comes next takes them up. What is in the
  /// air still settles.
  void hand_back(const std::function<bool(RecordId)>& which);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::dispatch
