#include "im/nodes/redis_channel.h"

#include <algorithm>
#include <utility>

namespace nightpost::im {

namespace {

/// Its error, or that it is no answer at all.
std::string nonsense(const RedisReply& reply) {
  if (reply.kind == RedisReply::Kind::Error) return words_of(reply);
  return "its answer is not the one to our command";
}

}  // namespace

std::string peer_channel_name(std::string_view prefix) { return std::string(prefix) + ":im"; }

RedisChannel::RedisChannel(Parts parts, const RedisOptions& options)
    : parts_(parts), options_(options), channel_(peer_channel_name(options.prefix)) {}

RedisChannel::~RedisChannel() {
  parts_.metrics.publishing.set(0);
  parts_.metrics.subscribed.set(0);
  parts_.metrics.queued_bytes.set(0);
}

Result<std::unique_ptr<RedisChannel>> RedisChannel::make(Parts parts, const RedisOptions& options) {
  std::unique_ptr<RedisChannel> made(new RedisChannel(parts, options));
  RedisChannel* const self = made.get();
  auto publisher =
      RedisLine::make(parts.context, options, parts.seed,
                      {.up = [self] { self->publisher_up(); },
                       .down = [self](const Error& why) { self->down("publish", self->publisher_told_, why); },
                       .answer = [self](const RedisReply& reply) { self->published(reply); }});
  if (!publisher) return std::unexpected(std::move(publisher.error()));
  made->publisher_ = *std::move(publisher);
  auto subscriber =
      RedisLine::make(parts.context, options, parts.seed + 1,
                      {.up = [self] { self->subscriber_up(); },
                       .down = [self](const Error& why) { self->down("subscribe", self->subscriber_told_, why); },
                       .answer = [self](RedisReply reply) { self->heard(std::move(reply)); }});
  if (!subscriber) return std::unexpected(std::move(subscriber.error()));
  made->subscriber_ = *std::move(subscriber);
  made->timer_ = parts.loop.make_timer([self] { self->look(); });
  return made;
}

void RedisChannel::start() {
  publisher_->start();
  subscriber_->start();
  look();
}

bool RedisChannel::publish(std::string_view bytes) {
  if (!publisher_->is_up()) {
    parts_.metrics.unsaid_away.add();
    return false;
  }
  if (unanswered_bytes_ + bytes.size() > options_.queue_bytes_max) {
    parts_.metrics.unsaid_full.add();
    return false;
  }
  std::string command;
  command.reserve(bytes.size() + channel_.size() + 64);
  append_redis_command(command, {"PUBLISH", channel_, bytes});
  unanswered_.push_back({bytes.size(), parts_.loop.now()});
  set_unanswered_bytes(unanswered_bytes_ + bytes.size());
  publisher_->send(command);
  return true;
}

void RedisChannel::publisher_up() {
  parts_.metrics.connects.add();
  parts_.metrics.publishing.set(1);
  publisher_told_ = true;
  if (parts_.log)
    parts_.log->info("im.redis_up", {observe::kv("line", "publish"), observe::kv("at", options_.url.shown())});
}

void RedisChannel::subscriber_up() {
  parts_.metrics.connects.add();
  std::string command;
  append_redis_command(command, {"SUBSCRIBE", channel_});
  asked_ = heard_ = parts_.loop.now();
  subscriber_->send(command);
}

void RedisChannel::down(std::string_view line, bool& told, const Error& why) {
  parts_.metrics.losses.add();
  trouble_ = why.detail;
  if (std::exchange(told, false) && parts_.log)
    parts_.log->warn("im.redis_lost", {observe::kv("line", line), observe::kv("at", options_.url.shown()),
                                       observe::kv("why", why.detail)});
  if (line == "publish") {
    parts_.metrics.publishing.set(0);
    return forget_unanswered();
  }
  asked_.reset();
  set_subscribed(false);
}

void RedisChannel::forget_unanswered() {
  parts_.metrics.unsaid_away.add(unanswered_.size());
  unanswered_.clear();
  set_unanswered_bytes(0);
}

void RedisChannel::set_unanswered_bytes(std::size_t bytes) {
  unanswered_bytes_ = bytes;
  parts_.metrics.queued_bytes.set(bytes);
}

void RedisChannel::published(const RedisReply& reply) {
  if (unanswered_.empty() || (reply.kind != RedisReply::Kind::Integer && reply.kind != RedisReply::Kind::Error))
    return publisher_->give_up({Errc::Malformed, nonsense(reply)});
  const std::size_t bytes = unanswered_.front().bytes;
  set_unanswered_bytes(unanswered_bytes_ - bytes);
  unanswered_.pop_front();
  if (reply.kind == RedisReply::Kind::Integer) {
    refusing_ = false;
    parts_.metrics.published.add();
    return parts_.metrics.bytes_out.add(bytes);
  }
  parts_.metrics.refused.add();
  trouble_ = "it refuses to publish: " + nonsense(reply);
  if (!std::exchange(refusing_, true) && parts_.log)
    parts_.log->warn("im.redis_refuses",
                     {observe::kv("at", options_.url.shown()), observe::kv("why", nonsense(reply))});
}

void RedisChannel::heard(RedisReply reply) {
  heard_ = parts_.loop.now();
  const auto is_text = [](const RedisReply& item) { return item.kind == RedisReply::Kind::String; };
  std::vector<RedisReply>& items = reply.items;
  if (reply.kind != RedisReply::Kind::Array || items.empty() || !is_text(items[0]))
    return subscriber_->give_up({Errc::Malformed, nonsense(reply)});
  const std::string& word = items[0].text;
  if (word == "message" && items.size() == 3 && is_text(items[2]) && subscribed_) {
    parts_.metrics.received.add();
    parts_.metrics.bytes_in.add(items[2].text.size());
    if (ear_) ear_->message(items[2].text);
    return;
  }
  if (word == "pong") return asked_.reset();
  if (word != "subscribe" || items.size() != 3 || subscribed_)
    return subscriber_->give_up({Errc::Malformed, nonsense(reply)});
  asked_.reset();
  subscriber_told_ = true;
  if (parts_.log)
    parts_.log->info("im.redis_up", {observe::kv("line", "subscribe"), observe::kv("at", options_.url.shown())});
  set_subscribed(true);
}

void RedisChannel::set_subscribed(bool on) {
  if (std::exchange(subscribed_, on) == on) return;
  parts_.metrics.subscribed.set(on ? 1 : 0);
  if (ear_) ear_->subscribed(on);
}

void RedisChannel::look() {
  const MonoTime now = parts_.loop.now();
  const milliseconds limit = options_.command_timeout;
  const std::string silent = "no answer within " + std::to_string(limit.count()) + " ms";
  if (publisher_->is_up() && !unanswered_.empty() && now - unanswered_.front().since >= limit)
    publisher_->give_up({Errc::Timeout, silent});
  if (subscriber_->is_up()) {
    if (asked_ && now - std::max(*asked_, heard_) >= limit) {  // what comes meanwhile is a sign of life
      subscriber_->give_up({Errc::Timeout, silent});
    } else if (!asked_ && now - heard_ >= limit) {
      std::string command;
      append_redis_command(command, {"PING"});
      asked_ = now;
      subscriber_->send(command);
    }
  }
  timer_->arm(now + std::clamp(limit / 4, milliseconds(5), milliseconds(250)));
}

}  // namespace nightpost::im
