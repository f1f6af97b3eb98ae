// The consumer's part in its group. The callback only takes notes: the loop carries a change out between two polls,
// so nothing of ours is half done when partitions come or go, and a revocation can wait while completions are served.
// librdkafka waits for our (un)assign call, and keeps every partition of ours from fetching until then.
#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "kafka/consumer_impl.h"
#include "observe/log.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kAnswerWait{1'000};  // one question to brokers
constexpr milliseconds kPatience{30'000};   // for what an assignment cannot go without

/// False: not all of it was answered.
bool committed_of(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list) {
  return rd_kafka_committed(client, list, ms_of(kAnswerWait)) == RD_KAFKA_RESP_ERR_NO_ERROR &&
         std::ranges::all_of(std::span(list->elems, static_cast<std::size_t>(list->cnt)),
                             [](const auto& each) { return each.err == RD_KAFKA_RESP_ERR_NO_ERROR; });
}

bool is_cooperative(rd_kafka_t* client) {
  return std::string_view(rd_kafka_rebalance_protocol(client)) == "COOPERATIVE";
}

}  // namespace

/// Of each the group has committed something, or there is nothing to choose: a delay topic begins at its beginning.
bool Consumer::Impl::all_begin(const rd_kafka_topic_partition_list_t& list) const {
  return std::ranges::all_of(std::span(list.elems, static_cast<std::size_t>(list.cnt)),
                             [this](const auto& each) { return each.offset >= 0 || at_of(each).topic != 0; });
}

void Consumer::Impl::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                                  void* link) {
  auto& member = *static_cast<Member*>(static_cast<Opaque*>(link)->owner);
  if (member.impl.closing) {
    member.impl.answer_in_closing(member, code, list);
    return;
  }
  member.rebalances.push_back({.code = code, .partitions = PartitionList(rd_kafka_topic_partition_list_copy(list))});
}

void Consumer::Impl::on_error(rd_kafka_t*, int code, const char* words, void* link) {
  auto& member = *static_cast<Member*>(static_cast<Opaque*>(link)->owner);
  member.impl.failed(member, static_cast<rd_kafka_resp_err_t>(code), words);
}

void Consumer::Impl::rebalance(Member& member, MonoTime now) {
  while (!member.rebalances.empty()) {
    Rebalance& change = member.rebalances.front();
    const bool done = change.code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS   ? assign(member, change, now)
                      : change.code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS ? revoke(member, change, now)
                                                                            : (give_back(member, nullptr), true);
    if (!done) return;
    add(metrics.rebalances);
    member.rebalances.pop_front();
  }
}

/// `of`: the log's beginning or end (librdkafka's constants), or ms since the epoch. The offset of each partition;
/// empty: not all of them were answered for. No record is that young: negative.
std::vector<std::int64_t> Consumer::Impl::ask_offsets(rd_kafka_t* client,
                                                      const rd_kafka_topic_partition_list_t& partitions,
                                                      std::int64_t of, milliseconds wait) {
  const PartitionList asked(rd_kafka_topic_partition_list_copy(&partitions));
  for (int i = 0; i < asked->cnt; ++i) asked->elems[i].offset = of;
  if (rd_kafka_offsets_for_times(client, asked.get(), static_cast<int>(wait.count())) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  std::vector<std::int64_t> offsets;
  for (int i = 0; i < asked->cnt; ++i) {
    if (asked->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    offsets.push_back(asked->elems[i].offset);
  }
  return offsets;
}

/// What the member's group has committed of each. A delay topic's partition of which it has nothing begins where the
/// group of fresh events, which read them both in earlier versions, has got. False: not all was answered.
bool Consumer::Impl::ask_committed(Member& member, rd_kafka_topic_partition_list_t* list) {
  if (!committed_of(member.client.get(), list)) return false;
  if (member.group == Group::Fresh) return true;
  const std::span<rd_kafka_topic_partition_t> all(list->elems, static_cast<std::size_t>(list->cnt));
  const PartitionList former(rd_kafka_topic_partition_list_new(list->cnt));
  for (const rd_kafka_topic_partition_t& each : all)
    if (each.offset < 0) rd_kafka_topic_partition_list_add(former.get(), each.topic, each.partition);
  if (former->cnt == 0) return true;
  if (!committed_of(members.front().client.get(), former.get())) return false;
  for (rd_kafka_topic_partition_t& each : all) {
    auto* const found = rd_kafka_topic_partition_list_find(former.get(), each.topic, each.partition);
    if (found == nullptr || found->offset < 0) continue;
    each.offset = found->offset;
    std::swap(each.metadata, found->metadata);  // each list frees what it has
    std::swap(each.metadata_size, found->metadata_size);
  }
  return true;
}

/// Asks for what is not known yet, once. True: all that can be of use is known.
bool Consumer::Impl::ask(Member& member, Rebalance& change) {
  rd_kafka_topic_partition_list_t* const list = change.partitions.get();
  if (!change.committed_known && !(change.committed_known = ask_committed(member, list))) return false;
  const auto ask_ends = [&](std::int64_t of) { return ask_offsets(member.client.get(), *list, of, kAnswerWait); };
  if (change.logs.empty()) {
    const std::vector<std::int64_t> low = ask_ends(RD_KAFKA_OFFSET_BEGINNING);
    const std::vector<std::int64_t> high = low.empty() ? low : ask_ends(RD_KAFKA_OFFSET_END);
    if (high.empty()) return false;
    for (std::size_t i = 0; i < high.size(); ++i) change.logs.push_back({low[i], high[i]});
  }
  if (options.start_at.from != StartAt::From::Back || all_begin(*list) || !change.young_since.empty()) return true;
  const WallTime since =
      std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()) - options.start_at.back;
  for (const std::int64_t offset : ask_ends(since.time_since_epoch().count()))
    change.young_since.push_back(offset < 0 ? std::nullopt : std::optional(offset));
  return !change.young_since.empty();
}

/// False: the brokers did not say yet what is committed and what is there; to be called again.
bool Consumer::Impl::assign(Member& member, Rebalance& change, MonoTime now) {
  if (!change.begun) {
    change.begun = true;
    change.deadline = now + kPatience;
  }
  rd_kafka_topic_partition_list_t* const list = change.partitions.get();
  if (list->cnt > 0 && now < change.deadline && !ask(member, change)) {
    // What the group has committed is begun with, whatever the logs hold: only gauges wait for them.
    if (!change.committed_known || !all_begin(*list)) return false;
  }
  if (list->cnt > 0 && !change.committed_known) add(metrics.metadata_unread);

  FirstTime first;
  for (int i = 0; i < list->cnt; ++i) take_over(change, i, first);
  if (observe::Log* const log = options.kafka.log; log != nullptr && first.partitions > 0)
    log->warn("kafka.group_begins",
              {observe::kv("group", member.group_id), observe::kv("topic", options.topic),
               observe::kv("start_at", text_of(options.start_at)), observe::kv("partitions", first.partitions),
               observe::kv("ahead", first.ahead), observe::kv("passed_over", first.passed_over)});
  route(member, *list);
  tell_assigned(member, list);
  next_measure = now;
  measure(now);
  if (!std::exchange(member.was_assigned, true) && std::ranges::all_of(members, &Member::was_assigned) &&
      handlers.on_first_assignment)
    handlers.on_first_assignment();
  return true;
}

/// What they fetch goes to the queues of their intakes. Before they are assigned, so that nothing goes elsewhere;
/// librdkafka forgets it when they are revoked. A pause it does not forget: one that was paused when it left would come
/// back so, and the book knows nothing of it.
void Consumer::Impl::route(Member& member, const rd_kafka_topic_partition_list_t& list) {
  rd_kafka_t* const client = member.client.get();
  const PartitionList resumed(rd_kafka_topic_partition_list_copy(&list));
  rd_kafka_resume_partitions(client, resumed.get());
  for (int i = 0; i < list.cnt; ++i) {
    const Queue fetched(rd_kafka_queue_get_partition(client, list.elems[i].topic, list.elems[i].partition));
    rd_kafka_queue_forward(fetched.get(), records[book.intake_of(at_of(list.elems[i]))].get());
  }
}

/// One partition of the assignment goes to the book, and its entry in the list gets the offset that librdkafka begins
/// with.
void Consumer::Impl::take_over(const Rebalance& change, int index, FirstTime& first) {
  rd_kafka_topic_partition_t& theirs = change.partitions->elems[index];
  const auto at = static_cast<std::size_t>(index);
  const TopicPartition id = at_of(theirs);
  const StartAt start_at = id.topic == 0 ? options.start_at : StartAt{StartAt::From::Earliest};
  std::optional<std::int64_t> committed;
  if (change.committed_known && theirs.offset >= 0) committed = theirs.offset;
  const std::string_view metadata(static_cast<const char*>(theirs.metadata),
                                  theirs.metadata == nullptr ? 0 : theirs.metadata_size);
  observe::Log* const log = options.kafka.log;
  const Result<void> restored = book.assign(id, committed, metadata);
  if (log != nullptr && !restored)
    log->warn("kafka.metadata_ignored", {observe::kv("topic", topic_of(id)), observe::kv("partition", id.partition),
                                         observe::kv("why", restored.error().detail)});
  // Without an answer of the partition's leader librdkafka finds out by itself what the beginning and the end are.
  theirs.offset =
      start_at.from == StartAt::From::Latest && change.committed_known ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_INVALID;
  if (!change.logs.empty()) {
    const LogRange& range = change.logs[at];
    book.set_log(id, range.low, range.high);
    const bool start_known = start_at.from != StartAt::From::Back || !change.young_since.empty();
    if (committed) {
      tell_lost(id, *committed, range.low, book.forget_below(id, range.low));
    } else if (change.committed_known && start_known) {
      const std::int64_t start =
          start_offset(start_at, range, change.young_since.empty() ? std::nullopt : change.young_since[at]);
      book.begin_at(id, start);
      if (id.topic == 0) {
        ++first.partitions;
        first.ahead += std::max(range.high - start, std::int64_t{0});
        first.passed_over += start - range.low;
      }
    }
  }
  const std::optional<std::int64_t> position = book.position(id);
  if (position) {
    theirs.offset = *position;
  } else if (log != nullptr && (id.topic == 0 || !change.committed_known)) {
    const bool at_end = theirs.offset == RD_KAFKA_OFFSET_END;
    log->error("kafka.start_unchosen",
               {observe::kv("topic", topic_of(id)), observe::kv("partition", id.partition),
                observe::kv("start_at", text_of(start_at)),
                observe::kv("begins", at_end                   ? "end"
                                      : change.committed_known ? "beginning"
                                                               : "commit, else beginning"),
                observe::kv("why", change.committed_known ? "its leader did not say what the log holds"
                                                          : "the brokers did not say what the group has committed")});
  }
}

void Consumer::Impl::tell_lost(TopicPartition at, std::int64_t from, std::int64_t low, std::int64_t lost) {
  observe::Log* const log = options.kafka.log;
  if (lost == 0 || log == nullptr) return;
  log->error("kafka.retention_lost",
             {observe::kv("topic", topic_of(at)), observe::kv("partition", at.partition), observe::kv("records", lost),
              observe::kv("from", from), observe::kv("log_begins", low),
              observe::kv("todo", "raise the topic's retention or add workers")});
}

/// False: records of these partitions are in flight and the grace is not over; to be called again.
bool Consumer::Impl::revoke(Member& member, Rebalance& change, MonoTime now) {
  const rd_kafka_topic_partition_list_t* const list = change.partitions.get();
  std::vector<TopicPartition> ids;
  for (int i = 0; i < list->cnt; ++i) ids.push_back(at_of(list->elems[i]));
  // A lost assignment is somebody else's already: there is nothing to wait for and no right to commit.
  const bool lost = rd_kafka_assignment_lost(member.client.get()) != 0;
  if (!change.begun) {
    change.begun = true;
    change.deadline = now + options.revoke_grace;
    book.leave(ids);
    if (lost) add(metrics.assignments_lost);
  }
  if (book.has_in_flight(ids) && !lost && now < change.deadline) return false;
  if (!lost) commit_and_wait(member, ids, std::chrono::steady_clock::now() + options.commit_wait);
  book.retire(ids);
  in_flight_seen.store(book.in_flight(), std::memory_order_relaxed);
  tell_ended();
  give_back(member, list);
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
void Consumer::Impl::answer_in_closing(Member& member, rd_kafka_resp_err_t code,
                                       const rd_kafka_topic_partition_list_t* list) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
    tell_assigned(member, list);
  else
    give_back(member, code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS ? list : nullptr);
}

void Consumer::Impl::tell_assigned(Member& member, const rd_kafka_topic_partition_list_t* list) {
  rd_kafka_t* const client = member.client.get();
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is_cooperative(client)) {
    const ClientError refused(rd_kafka_incremental_assign(client, list));
    if (refused) code = rd_kafka_error_code(refused.get());
  } else {
    code = rd_kafka_assign(client, list);
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) failed(member, code, "assign");
}

/// Null: all of them.
void Consumer::Impl::give_back(Member& member, const rd_kafka_topic_partition_list_t* list) {
  rd_kafka_t* const client = member.client.get();
  if (list == nullptr || !is_cooperative(client)) {
    rd_kafka_assign(client, nullptr);
    return;
  }
  const ClientError refused(rd_kafka_incremental_unassign(client, list));
  if (refused) failed(member, rd_kafka_error_code(refused.get()), "unassign");
}

}  // namespace nightpost::kafka
