// Commits carry the ledgers' metadata, so they are made explicitly: librdkafka 2.0.2 drops metadata that goes through
// rd_kafka_offsets_store(). One commit is on its way at a time, so that an older one can never land after a newer.
#include <cstdlib>
#include <cstring>
#include <new>

#include "kafka/consumer_impl.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kCommitSlice{20};

// Of Kafka's protocol, the keys of requests.
constexpr std::int16_t kJoinGroup = 11;
constexpr std::int16_t kSyncGroup = 14;

}  // namespace

rd_kafka_resp_err_t Consumer::Impl::on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* link, char*, std::size_t) {
  if (const auto code = rd_kafka_interceptor_add_on_request_sent(client, "nightpost", &Impl::on_sent, link);
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return code;
  return rd_kafka_interceptor_add_on_response_received(client, "nightpost", &Impl::on_response, link);
}

// librdkafka's own "all brokers down" is said once, in a moment when no connection happens to be tried again, and what
// was fetched before is handed out after it: a state cannot be made of it.
rd_kafka_resp_err_t Consumer::Impl::on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api,
                                                std::int16_t, std::int32_t, std::size_t, std::int64_t,
                                                rd_kafka_resp_err_t code, void* link) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR && !is_handshake(api))
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

void Consumer::Impl::send_commits(Member& member, const std::vector<PartitionBook::Commit>& commits) {
  if (commits.empty()) return;
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(commits.size())));
  for (const PartitionBook::Commit& commit : commits) {
    auto* const entry = put(list, commit.at);
    entry->offset = commit.next;
    if (!commit.metadata.empty()) {
      entry->metadata = std::malloc(commit.metadata.size());  // the list frees it
      if (entry->metadata == nullptr) throw std::bad_alloc();
      std::memcpy(entry->metadata, commit.metadata.data(), commit.metadata.size());
      entry->metadata_size = commit.metadata.size();
    }
  }
  rd_kafka_t* const client = member.client.get();
  const rd_kafka_resp_err_t code =
      rd_kafka_commit_queue(client, list.get(), member.commit_news.get(), &Impl::on_committed, &member);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) on_committed(client, code, list.get(), &member);
}

void Consumer::Impl::on_committed(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                                  void* of) {
  const Member& member = *static_cast<Member*>(of);
  Impl& impl = member.impl;
  std::vector<PartitionBook::CommitAnswer> answers;
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& entry = list->elems[i];
    answers.push_back({.at = impl.at_of(entry),
                       .next = entry.offset,
                       .accepted = code == RD_KAFKA_RESP_ERR_NO_ERROR && entry.err == RD_KAFKA_RESP_ERR_NO_ERROR,
                       .metadata_too_large = entry.err == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE});
  }
  const bool was_plain = impl.book.commits_plainly();
  impl.book.commit_answered(member.group, answers);
  if (observe::Log* const log = impl.options.kafka.log; log != nullptr && !was_plain && impl.book.commits_plainly())
    log->warn("kafka.commit_metadata_refused",
              {observe::kv("todo",
                           "set the brokers' offset.metadata.max.bytes to 4096 or more and restart: until then a "
                           "restart or a rebalance repeats what was done beyond the oldest unfinished record")});
}

void Consumer::Impl::commit_when_due(Member& member, MonoTime now) {
  rd_kafka_queue_poll_callback(member.commit_news.get(), 0);
  if (!member.link->joining.load(std::memory_order_acquire)) send_commits(member, book.due_commits(member.group, now));
}

/// Lets an earlier commit land and a join end first. Gives up at the deadline: what is not committed is repeated, not
/// lost.
void Consumer::Impl::commit_and_wait(Member& member, std::span<const TopicPartition> partitions, MonoTime deadline) {
  const auto wait_while = [&](auto condition) {
    while (condition() && std::chrono::steady_clock::now() < deadline)
      rd_kafka_queue_poll_callback(member.commit_news.get(), ms_of(kCommitSlice));
    return !condition();
  };
  const auto is_on_way = [&] { return book.commit_on_way(member.group); };
  const bool free = wait_while([&] { return is_on_way() || member.link->joining.load(std::memory_order_acquire); });
  if (!free) return;
  const bool was_plain = book.commits_plainly();
  send_commits(member, book.commits_of(member.group, partitions));
  wait_while(is_on_way);
  if (was_plain == book.commits_plainly() || is_on_way()) return;
  send_commits(member, book.commits_of(member.group, partitions));  // it was the first that came with too much
  wait_while(is_on_way);
}

}  // namespace nightpost::kafka
