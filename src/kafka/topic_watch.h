// Asks the brokers whether topics are there and ours to write to, so that a missing or forbidden one is known before
// the first message is lost in it, and known to be back as soon as it is.
#pragma once

#include <librdkafka/rdkafka.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/time.h"
#include "kafka/refusal.h"

namespace nightpost::kafka {

/// What a refusal means, in our words.
Refusal refusal_of(rd_kafka_resp_err_t code) noexcept;

/// A thread of its own, for librdkafka's question blocks.
class TopicWatch {
 public:
  struct Said {
    std::optional<Refusal> refusal;  // nullopt: the topic is there
    std::string words;               // librdkafka's
  };
  /// `on_said`: on the watch's thread, after each answer; a broker that does not answer says nothing.
  using OnSaid = std::function<void(std::size_t topic, const Said&)>;
  /// Borrows the client and its topics.
  TopicWatch(rd_kafka_t* client, std::vector<rd_kafka_topic_t*> topics, OnSaid on_said);
  ~TopicWatch();  // waits for a question that is out, kAnswerWait at most
  /// Asks at once. Any thread.
  void look();

 private:
  static constexpr milliseconds kAnswerWait{1'000};
  static constexpr milliseconds kSoon{2'000};     // while a topic is not known to be well
  static constexpr milliseconds kSeldom{60'000};  // a topic that is deleted shows itself by refusals
  void run();
  bool ask(std::size_t topic);

  rd_kafka_t* const client_;
  const std::vector<rd_kafka_topic_t*> topics_;
  const OnSaid on_said_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool look_ = true, stopping_ = false;
  std::thread thread_;
};

}  // namespace nightpost::kafka
