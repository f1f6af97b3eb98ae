#include "im/nodes/redis_reply.h"

#include <hiredis/read.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/c_handle.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kRedisWordsMax = 120;  // bytes

// What hiredis calls to build a reply. An item lies in its parent, whose vector has its size from the start; the root
// alone is allocated, and freed. Nothing here throws: a null pointer ends the parsing.

RedisReply* place_of(const redisReadTask* task) noexcept {
  if (task->parent == nullptr) return new (std::nothrow) RedisReply;
  auto* const parent = static_cast<RedisReply*>(task->parent->obj);
  const auto index = static_cast<std::size_t>(task->idx);
  return parent != nullptr && index < parent->items.size() ? &parent->items[index] : nullptr;
}

template <class Fill>
void* filled(const redisReadTask* task, Fill fill) noexcept {
  RedisReply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  try {
    fill(*reply);
  } catch (const std::bad_alloc&) {
    if (task->parent == nullptr) delete reply;
    return nullptr;
  }
  return reply;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) {
  return filled(task, [&](RedisReply& reply) {
    reply.kind = task->type == REDIS_REPLY_STATUS  ? RedisReply::Kind::Status
                 : task->type == REDIS_REPLY_ERROR ? RedisReply::Kind::Error
                                                   : RedisReply::Kind::String;
    reply.text.assign(text, size);
  });
}
void* create_array(const redisReadTask* task, int items) {
  if (items < 0 || items > kRedisItemsMax) return nullptr;
  return filled(task, [&](RedisReply& reply) {
    reply.kind = RedisReply::Kind::Array;
    reply.items.resize(static_cast<std::size_t>(items));
  });
}
void* create_integer(const redisReadTask* task, long long number) {
  return filled(task, [&](RedisReply& reply) {
    reply.kind = RedisReply::Kind::Integer;
    reply.number = number;
  });
}
void* create_nil(const redisReadTask* task) {
  return filled(task, [](RedisReply&) {});
}
void free_reply(void* reply) { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions redis_functions = {create_string, create_array, create_integer, create_nil, free_reply};

}  // namespace

std::string words_of(const RedisReply& error) {
  std::string text = error.text.substr(0, kRedisWordsMax);
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

void append_redis_command(std::string& out, std::initializer_list<std::string_view> words) {
  out += "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n";
    out += word;
    out += "\r\n";
  }
}

struct RedisReader::Parser {
  Handle<redisReader, redisReaderFree> reader{redisReaderCreateWithFunctions(&redis_functions)};
  bool failed = false;
};

RedisReader::RedisReader(std::size_t bytes_max) : bytes_max_(bytes_max), parser_(std::make_unique<Parser>()) {
  if (!parser_->reader) throw std::bad_alloc();
}
RedisReader::~RedisReader() = default;

void RedisReader::feed(std::string_view bytes) {
  if (parser_->failed || bytes.empty()) return;
  redisReader& reader = *parser_->reader;
  if (reader.len - reader.pos > bytes_max_ || redisReaderFeed(&reader, bytes.data(), bytes.size()) != REDIS_OK)
    parser_->failed = true;
}

Result<std::optional<RedisReply>> RedisReader::next() {
  void* made = nullptr;
  if (!parser_->failed && redisReaderGetReply(parser_->reader.get(), &made) != REDIS_OK) parser_->failed = true;
  if (parser_->failed) return fail(Errc::Malformed, "its answer is not Redis' protocol, or longer than expected");
  if (made == nullptr) return std::nullopt;
  const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(made));
  return std::move(*reply);
}

}  // namespace nightpost::im
