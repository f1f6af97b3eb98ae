#include "kafka/topic_watch.h"

#include <utility>

#include "kafka/client_conf.h"

namespace nightpost::kafka {
Refusal refusal_of(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return Refusal::TooLarge;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return Refusal::TopicMissing;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return Refusal::Forbidden;
    default:
      return Refusal::Other;
  }
}

TopicWatch::TopicWatch(rd_kafka_t* client, std::vector<rd_kafka_topic_t*> topics, OnSaid on_said)
    : client_(client), topics_(std::move(topics)), on_said_(std::move(on_said)), thread_([this] { run(); }) {}

TopicWatch::~TopicWatch() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void TopicWatch::look() {
  {
    const std::scoped_lock lock(mutex_);
    look_ = true;
  }
  wake_.notify_one();
}

void TopicWatch::run() {
  for (bool well = false;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, well ? kSeldom : kSoon, [this] { return stopping_ || look_; });
      if (stopping_) return;
      look_ = false;
    }
    well = true;
    for (std::size_t topic = 0; topic < topics_.size(); ++topic) {
      well &= ask(topic);
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
    }
  }
}

/// True: the topic is there.
bool TopicWatch::ask(std::size_t topic) {
  const rd_kafka_metadata_t* answer = nullptr;
  const rd_kafka_resp_err_t asked =
      rd_kafka_metadata(client_, 0, topics_[topic], &answer, static_cast<int>(kAnswerWait.count()));
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const Metadata owner(answer);
  if (answer->topic_cnt != 1) return false;
  const rd_kafka_resp_err_t code = answer->topics[0].err;
  // An election is on its way; the producer waits for it by itself.
  if (code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return false;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    on_said_(topic, {});
    return true;
  }
  on_said_(topic, {refusal_of(code), rd_kafka_err2str(code)});
  return false;
}

}  // namespace nightpost::kafka
