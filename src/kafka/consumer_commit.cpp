// Commits carry the ledgers' metadata, so they are made explicitly: librdkafka 2.0.2 drops metadata that goes through
// rd_kafka_offsets_store(). One commit is on its way at a time, so that an older one can never land after a newer.
#include <cstdlib>
#include <cstring>
#include <new>

#include "kafka/consumer_impl.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kCommitSlice{20};

// Of Kafka's protocol, the keys of requests.
constexpr std::int16_t kJoinGroup = 11;
constexpr std::int16_t kSyncGroup = 14;

}  // namespace

std::vector<Partition*> Consumer::Impl::assigned() {
  std::vector<Partition*> all;
  for (const auto& partition : partitions)
    if (partition) all.push_back(partition.get());
  return all;
}

rd_kafka_resp_err_t Consumer::Impl::on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* link, char*, std::size_t) {
  if (const auto code = rd_kafka_interceptor_add_on_request_sent(client, "nightpost", &Impl::on_sent, link);
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return code;
  return rd_kafka_interceptor_add_on_response_received(client, "nightpost", &Impl::on_response, link);
}

// librdkafka's own "all brokers down" is said once, in a moment when no connection happens to be tried again, and what
// was fetched before is handed out after it: a state cannot be made of it.
rd_kafka_resp_err_t Consumer::Impl::on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t, std::int16_t,
                                                std::int32_t, std::size_t, std::int64_t, rd_kafka_resp_err_t code,
                                                void* link) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
    static_cast<GroupLink*>(link)->heard.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

// A commit sent while we wait for the group's next generation is answered after the join, by then with a number too
// old; librdkafka 2.0.2 takes that for the loss of the whole assignment, and all that was not committed is repeated. So
// none is sent from JoinGroup until SyncGroup, which carries the new number.
rd_kafka_resp_err_t Consumer::Impl::on_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api, std::int16_t,
                                            std::int32_t, std::size_t, void* link) {
  auto* const group = static_cast<GroupLink*>(link);
  if (api == kJoinGroup) group->asked_to_join.store(true, std::memory_order_release);
  if (api == kJoinGroup || api == kSyncGroup) group->joining.store(api == kJoinGroup, std::memory_order_release);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// False: nothing to say.
bool Consumer::Impl::send_commit(const std::vector<Partition*>& which) {
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(which.size())));
  for (Partition* partition : which) {
    if (!partition->dirty) continue;
    OffsetLedger::Commit commit = partition->ledger.commit();
    auto* const entry = rd_kafka_topic_partition_list_add(list.get(), options.topic.c_str(), partition->id);
    entry->offset = commit.next;
    if (!commit.metadata.empty()) {
      entry->metadata = std::malloc(commit.metadata.size());  // the list frees it
      if (entry->metadata == nullptr) throw std::bad_alloc();
      std::memcpy(entry->metadata, commit.metadata.data(), commit.metadata.size());
      entry->metadata_size = commit.metadata.size();
    }
    partition->dirty = false;
  }
  if (list->cnt == 0) return false;
  commit_pending = true;
  const rd_kafka_resp_err_t code =
      rd_kafka_commit_queue(client.get(), list.get(), commit_news.get(), &Impl::on_committed, this);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) on_committed(client.get(), code, list.get(), this);
  return true;
}

void Consumer::Impl::on_committed(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                                  void* self) {
  auto& impl = *static_cast<Impl*>(self);
  impl.commit_pending = false;
  bool refused = code != RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    Partition* const partition = impl.find(list->elems[i].partition);
    if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) refused = true;
    if (partition == nullptr) continue;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
      partition->dirty = true;
    else
      partition->committed = list->elems[i].offset;
  }
  add(refused ? impl.metrics.commit_errors : impl.metrics.commits);
}

void Consumer::Impl::commit_when_due(MonoTime now) {
  rd_kafka_queue_poll_callback(commit_news.get(), 0);
  if (commit_pending || now < next_commit || link->joining.load(std::memory_order_acquire)) return;
  if (send_commit(assigned())) next_commit = now + options.commit_interval;
}

/// Lets an earlier commit land and a join end first. Gives up after commit_wait: what is not committed is repeated, not
/// lost.
void Consumer::Impl::commit_and_wait(const std::vector<Partition*>& which) {
  const MonoTime deadline = std::chrono::steady_clock::now() + options.commit_wait;
  const auto wait_while = [&](auto condition) {
    while (condition() && std::chrono::steady_clock::now() < deadline)
      rd_kafka_queue_poll_callback(commit_news.get(), static_cast<int>(kCommitSlice.count()));
    return !condition();
  };
  const bool free = wait_while([this] { return commit_pending || link->joining.load(std::memory_order_acquire); });
  if (free && send_commit(which)) wait_while([this] { return commit_pending; });
}

}  // namespace nightpost::kafka
