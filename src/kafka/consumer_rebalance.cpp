// The consumer's part in its group. The callback only takes notes: the loop carries a change out between two polls,
// so nothing of ours is half done when partitions come or go, and a revocation can wait while completions are served.
// librdkafka waits for our (un)assign call, and keeps every partition of ours from fetching until then.
#include <algorithm>
#include <string_view>
#include <utility>

#include "kafka/consumer_impl.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kCommittedWait{1'000};  // one question to the coordinator
constexpr milliseconds kMetadataPatience{30'000};

bool is_cooperative(rd_kafka_t* client) {
  return std::string_view(rd_kafka_rebalance_protocol(client)) == "COOPERATIVE";
}

}  // namespace

void Consumer::Impl::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                                  void* link) {
  auto& impl = *static_cast<Impl*>(static_cast<Opaque*>(link)->owner);
  if (impl.closing) {
    impl.answer_in_closing(code, list);
    return;
  }
  impl.rebalances.push_back({code, PartitionList(rd_kafka_topic_partition_list_copy(list)), {}});
}

void Consumer::Impl::on_error(rd_kafka_t*, int code, const char* words, void* link) {
  static_cast<Impl*>(static_cast<Opaque*>(link)->owner)->failed(static_cast<rd_kafka_resp_err_t>(code), words);
}

void Consumer::Impl::rebalance(MonoTime now) {
  while (!rebalances.empty()) {
    Rebalance& change = rebalances.front();
    const bool done = change.code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS   ? assign(change, now)
                      : change.code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS ? revoke(change, now)
                                                                            : (give_back(nullptr), true);
    if (!done) return;
    add(metrics.rebalances);
    rebalances.pop_front();
  }
}

/// False: the coordinator did not say yet what is committed; to be called again.
bool Consumer::Impl::assign(Rebalance& change, MonoTime now) {
  if (!change.begun) {
    change.begun = true;
    change.deadline = now + kMetadataPatience;
  }
  rd_kafka_topic_partition_list_t* const list = change.partitions.get();
  bool known = list->cnt == 0 || rd_kafka_committed(client.get(), list, static_cast<int>(kCommittedWait.count())) ==
                                     RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; known && i < list->cnt; ++i) known = list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (!known && now < change.deadline) return false;
  if (!known) add(metrics.metadata_unread);

  for (int i = 0; i < list->cnt; ++i) {
    rd_kafka_topic_partition_t& theirs = list->elems[i];
    std::optional<std::int64_t> committed;
    if (known && theirs.offset >= 0)
      committed = theirs.offset;
    else
      theirs.offset = RD_KAFKA_OFFSET_INVALID;  // librdkafka asks itself, and else begins at the earliest
    const std::string_view metadata(static_cast<const char*>(theirs.metadata),
                                    theirs.metadata == nullptr ? 0 : theirs.metadata_size);
    const Result<void> restored = book.assign(theirs.partition, committed, metadata);
    if (observe::Log* const log = options.kafka.log; log != nullptr && !restored)
      log->warn("kafka.metadata_ignored",
                {observe::kv("partition", theirs.partition), observe::kv("why", restored.error().detail)});
  }
  tell_assigned(list);
  next_measure = now;
  if (!was_assigned) {
    was_assigned = true;
    if (handlers.on_first_assignment) handlers.on_first_assignment();
  }
  return true;
}

/// False: records of these partitions are in flight and the grace is not over; to be called again.
bool Consumer::Impl::revoke(Rebalance& change, MonoTime now) {
  const rd_kafka_topic_partition_list_t* const list = change.partitions.get();
  std::vector<std::int32_t> ids;
  for (int i = 0; i < list->cnt; ++i) ids.push_back(list->elems[i].partition);
  // A lost assignment is somebody else's already: there is nothing to wait for and no right to commit.
  const bool lost = rd_kafka_assignment_lost(client.get()) != 0;
  if (!change.begun) {
    change.begun = true;
    change.deadline = now + options.revoke_grace;
    book.leave(ids);
    if (lost) add(metrics.assignments_lost);
  }
  if (book.has_in_flight(ids) && !lost && now < change.deadline) return false;
  if (!lost) commit_and_wait(ids);
  book.retire(ids);
  in_flight_seen.store(book.in_flight(), std::memory_order_relaxed);
  tell_ended();
  give_back(list);
  next_measure = now;
  return true;
}

/// What of a stay was in flight when it ended is stale.
void Consumer::Impl::tell_ended() {
  std::vector<Stay> ended = book.take_ended();
  if (!ended.empty() && handlers.on_revoked) handlers.on_revoked(std::move(ended));
}

/// librdkafka's close waits for an answer to each change, one that was noted and not carried out included; and it takes
/// back what it has assigned. Nothing is handed out any more, so the ledgers need not know.
void Consumer::Impl::answer_in_closing(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t* list) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
    tell_assigned(list);
  else
    give_back(code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS ? list : nullptr);
}

void Consumer::Impl::tell_assigned(const rd_kafka_topic_partition_list_t* list) {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is_cooperative(client.get())) {
    const ClientError refused(rd_kafka_incremental_assign(client.get(), list));
    if (refused) code = rd_kafka_error_code(refused.get());
  } else {
    code = rd_kafka_assign(client.get(), list);
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) failed(code, "assign");
}

/// Null: all of them.
void Consumer::Impl::give_back(const rd_kafka_topic_partition_list_t* list) {
  if (list == nullptr || !is_cooperative(client.get())) {
    rd_kafka_assign(client.get(), nullptr);
    return;
  }
  const ClientError refused(rd_kafka_incremental_unassign(client.get(), list));
  if (refused) failed(rd_kafka_error_code(refused.get()), "unassign");
}

}  // namespace nightpost::kafka
