#include "kafka/cluster_facts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "kafka/client_conf.h"
#include "kafka/topic_watch.h"

namespace nightpost::kafka {
namespace {

void destroy(const rd_kafka_group_list* groups) { rd_kafka_group_list_destroy(groups); }
using Groups =
    std::unique_ptr<const rd_kafka_group_list, FreeWith<static_cast<void (*)(const rd_kafka_group_list*)>(destroy)>>;
using Resource = Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using AdminOptions = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

constexpr const char* kReader = "nightpost-reader";  // the group of a client that asks for no group's offsets
constexpr milliseconds kStepMin{500};
constexpr milliseconds kAskAgain{200};

/// One client and the time it has left.
struct Asker {
  Opaque opaque;
  Client client;
  MonoTime deadline;

  /// For the next question; a little even when the time is up, for the answer may be near.
  int wait_ms() const {
    const auto left = std::chrono::floor<milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::max(left, kStepMin).count());
  }
  std::string words(rd_kafka_resp_err_t code, std::string_view what) {
    return explained(client.get(), opaque, code, what).detail;
  }
  Result<Event> answer_to(const Queue& queue) {
    Event event(rd_kafka_queue_poll(queue.get(), wait_ms()));
    if (!event) return fail(Errc::Timeout, "no answer");
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(Errc::Io, rd_kafka_event_error_string(event.get()));
    return event;
  }
};

/// An Asker does not move: its client knows where it is.
Result<std::unique_ptr<Asker>> make_asker(const ClientOptions& options, const std::string& group, milliseconds wait) {
  auto asker = std::make_unique<Asker>();
  asker->deadline = std::chrono::steady_clock::now() + wait;
  // Never a member of the group: it only asks.
  Result<Conf> conf = make_conf(options, {{"group.id", group}, {"enable.auto.commit", "false"}}, asker->opaque);
  if (!conf) return std::unexpected(std::move(conf.error()));
  rd_kafka_conf_set_error_cb(conf->get(), &note_error);
  Result<Client> client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return std::unexpected(std::move(client.error()));
  asker->client = std::move(*client);
  return asker;
}

void read_partitions(const rd_kafka_metadata_topic_t& found, TopicFacts& facts) {
  facts.partitions = found.partition_cnt;
  for (int i = 0; i < found.partition_cnt; ++i) {
    const rd_kafka_metadata_partition_t& each = found.partitions[i];
    if (each.leader < 0) ++facts.leaderless;
    if (each.isr_cnt < each.replica_cnt) ++facts.under_replicated;
    facts.replicas = i == 0 ? each.replica_cnt : std::min(facts.replicas, each.replica_cnt);
  }
}

TopicFacts topic_facts(Asker& asker, const std::string& name) {
  TopicFacts facts{.name = name, .trouble = {}, .words = {}, .settings = {}, .settings_trouble = {}};
  const Topic handle(rd_kafka_topic_new(asker.client.get(), name.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  auto code = handle ? rd_kafka_metadata(asker.client.get(), 0, handle.get(), &raw, asker.wait_ms())
                     : RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
  const Metadata metadata(raw);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
    code = raw->topic_cnt == 1 ? raw->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
    facts.trouble = refusal_of(code);
    facts.words = asker.words(code, "topic " + name);
    return facts;
  }
  read_partitions(raw->topics[0], facts);
  return facts;
}

void read_settings(Asker& asker, std::vector<TopicFacts>& topics) {
  std::vector<Resource> owners;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const TopicFacts& topic : topics) {
    if (topic.trouble) continue;
    owners.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
    asked.push_back(owners.back().get());
  }
  if (asked.empty()) return;
  const AdminOptions options(rd_kafka_AdminOptions_new(asker.client.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), asker.wait_ms(), nullptr, 0);
  const Queue queue(rd_kafka_queue_new(asker.client.get()));
  rd_kafka_DescribeConfigs(asker.client.get(), asked.data(), asked.size(), options.get(), queue.get());
  const Result<Event> event = asker.answer_to(queue);
  if (!event) {
    for (TopicFacts& topic : topics) topic.settings_trouble = event.error().detail;
    return;
  }
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** const found =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto topic = std::ranges::find(topics, rd_kafka_ConfigResource_name(found[i]), &TopicFacts::name);
    if (topic == topics.end()) continue;
    if (rd_kafka_ConfigResource_error(found[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* const words = rd_kafka_ConfigResource_error_string(found[i]);
      topic->settings_trouble = words != nullptr ? words : rd_kafka_err2str(rd_kafka_ConfigResource_error(found[i]));
      continue;
    }
    std::size_t entries = 0;
    const rd_kafka_ConfigEntry_t** const configs = rd_kafka_ConfigResource_configs(found[i], &entries);
    for (std::size_t e = 0; e < entries; ++e)
      if (const char* const value = rd_kafka_ConfigEntry_value(configs[e]); value != nullptr)
        topic->settings.emplace(rd_kafka_ConfigEntry_name(configs[e]), value);
  }
}

PartitionList partitions_of(const TopicFacts& topic) {
  PartitionList list(rd_kafka_topic_partition_list_new(topic.partitions));
  for (int id = 0; id < topic.partitions; ++id) rd_kafka_topic_partition_list_add(list.get(), topic.name.c_str(), id);
  return list;
}

void look_for_future(Asker& asker, TopicFacts& topic, WallTime future) {
  if (topic.trouble || topic.partitions == 0 || topic.leaderless > 0) return;
  const PartitionList list = partitions_of(topic);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = to_ms(future);
  if (rd_kafka_offsets_for_times(asker.client.get(), list.get(), asker.wait_ms()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return;  // who does not answer is a finding of its own
  for (int i = 0; i < list->cnt; ++i)
    topic.has_future_record |= list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[i].offset >= 0;
}

/// A coordinator that has just begun, or moved, is asked again.
template <class Ask>
rd_kafka_resp_err_t of_coordinator(const Asker& asker, Ask ask) {
  for (;;) {
    const rd_kafka_resp_err_t code = ask();
    const bool moves = code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                       code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
    if (!moves || std::chrono::steady_clock::now() + kAskAgain >= asker.deadline) return code;
    std::this_thread::sleep_for(kAskAgain);
  }
}

/// Adds the topic's part. False: facts.trouble says why it cannot.
bool add_lag(Asker& asker, const TopicFacts& topic, GroupFacts& facts) {
  if (topic.trouble || topic.partitions == 0) return true;
  const PartitionList list = partitions_of(topic);
  auto code =
      of_coordinator(asker, [&] { return rd_kafka_committed(asker.client.get(), list.get(), asker.wait_ms()); });
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    facts.trouble = asker.words(code, "group " + facts.name + ", committed offsets");
    return false;
  }
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    if (each.offset < 0) {
      ++facts.never_committed;
      continue;
    }
    std::int64_t low = 0, high = 0;
    code = rd_kafka_query_watermark_offsets(asker.client.get(), topic.name.c_str(), each.partition, &low, &high,
                                            asker.wait_ms());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      facts.trouble = asker.words(code, "the end of " + topic.name);
      return false;
    }
    facts.lag += std::max<std::int64_t>(high - std::max(each.offset, low), 0);
  }
  return true;
}

/// REQUIRED: the asker's client is of this group.
GroupFacts group_facts(Asker& asker, const GroupQuestion& group, const std::vector<TopicFacts>& topics) {
  GroupFacts facts{.name = group.name, .trouble = {}};
  Groups groups;
  const auto code = of_coordinator(asker, [&] {
    const rd_kafka_group_list* raw = nullptr;
    const auto said = rd_kafka_list_groups(asker.client.get(), group.name.c_str(), &raw, asker.wait_ms());
    groups.reset(raw);
    return said;
  });
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    facts.trouble = asker.words(code, "group " + group.name);
    return facts;
  }
  for (int i = 0; i < groups->group_cnt; ++i)
    if (groups->groups[i].group == group.name) facts.members = groups->groups[i].member_cnt;
  for (const TopicFacts& topic : topics)
    if (std::ranges::find(group.topics, topic.name) != group.topics.end() && !add_lag(asker, topic, facts)) break;
  return facts;
}

}  // namespace

ClusterFacts look_at_cluster(const ClientOptions& options, const ClusterQuestion& question, milliseconds wait) {
  ClusterFacts facts;
  const auto made = make_asker(options, kReader, wait);
  if (!made) {
    facts.trouble = made.error().detail;
    return facts;
  }
  Asker& asker = **made;
  const rd_kafka_metadata_t* raw = nullptr;
  const Topic any(rd_kafka_topic_new(asker.client.get(), question.topics.front().c_str(), nullptr));
  const auto code = rd_kafka_metadata(asker.client.get(), 0, any.get(), &raw, asker.wait_ms());
  const Metadata metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    facts.trouble = rd_kafka_err2str(code);
    rd_kafka_poll(asker.client.get(), 0);  // its errors say more
    facts.connections = asker.opaque.troubles.current(std::chrono::steady_clock::now());
    return facts;
  }
  for (int i = 0; i < raw->broker_cnt; ++i)
    facts.brokers.push_back(std::string(raw->brokers[i].host) + ":" + std::to_string(raw->brokers[i].port));
  std::ranges::sort(facts.brokers);
  for (const std::string& topic : question.topics) facts.topics.push_back(topic_facts(asker, topic));
  read_settings(asker, facts.topics);
  for (TopicFacts& topic : facts.topics) look_for_future(asker, topic, question.future);
  for (const GroupQuestion& group : question.groups) {
    const auto of_group = make_asker(options, group.name, milliseconds(asker.wait_ms()));
    facts.groups.push_back(of_group ? group_facts(**of_group, group, facts.topics)
                                    : GroupFacts{.name = group.name, .trouble = of_group.error().detail});
  }
  rd_kafka_poll(asker.client.get(), 0);
  facts.connections = asker.opaque.troubles.current(std::chrono::steady_clock::now());
  return facts;
}

Result<void> create_topic(const ClientOptions& options, const std::string& topic, int partitions,
                          const std::map<std::string, std::string>& settings, milliseconds wait) {
  const auto made = make_asker(options, kReader, wait);
  if (!made) return std::unexpected(made.error());
  Asker& asker = **made;
  std::array<char, 512> words{};
  constexpr int kBrokersOwnFactor = -1;
  const Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, kBrokersOwnFactor, words.data(), words.size()));
  if (!wanted) return fail(Errc::Malformed, "topic " + topic + ": " + words.data());
  for (const auto& [name, value] : settings) rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  const AdminOptions admin(rd_kafka_AdminOptions_new(asker.client.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(admin.get(), asker.wait_ms(), nullptr, 0);
  // Until the brokers serve it, so that whoever made it may use it at once.
  rd_kafka_AdminOptions_set_operation_timeout(admin.get(), asker.wait_ms(), nullptr, 0);
  const Queue queue(rd_kafka_queue_new(asker.client.get()));
  rd_kafka_NewTopic_t* each = wanted.get();
  rd_kafka_CreateTopics(asker.client.get(), &each, 1, admin.get(), queue.get());
  const Result<Event> event = asker.answer_to(queue);
  if (!event) return fail(Errc::Io, "topic " + topic + " cannot be made: " + event.error().detail);
  std::size_t count = 0;
  const rd_kafka_topic_result_t** const results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      return fail(Errc::Io, "topic " + topic + " cannot be made: " + rd_kafka_err2str(code));
  }
  return {};
}

}  // namespace nightpost::kafka
