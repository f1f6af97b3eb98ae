#include "chaos/watch.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "chaos/load.h"
#include "core/c_handle.h"
#include "core/vendor.h"
#include "support/process.h"

namespace nightpost::chaos {
namespace {

using namespace std::chrono_literals;

constexpr int kPollMs = 200;
constexpr std::size_t kBetweenLooks = 10;               // of 100 ms
constexpr std::string_view kRefusedStream = "reset 7";  // RFC 9113 7: it was not processed, so it reached nobody

using Client = Handle<rd_kafka_t, rd_kafka_destroy>;
using List = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using Message = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;

Client reader_of(const std::string& brokers) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  for (const auto& [key, value] : std::map<std::string, std::string>{{"bootstrap.servers", brokers},
                                                                     {"group.id", "chaos-reader"},
                                                                     {"enable.auto.commit", "false"},
                                                                     {"auto.offset.reset", "error"},
                                                                     {"fetch.message.max.bytes", "20000000"},
                                                                     {"log_level", "0"}})
    rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size());
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why.data(), why.size());
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    throw std::runtime_error(why.data());
  }
  rd_kafka_poll_set_consumer(client);
  return Client(client);
}

std::string header(const rd_kafka_message_t* message, const char* name) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return "";
  return {static_cast<const char*>(value), size};
}

/// "user-0000042" → 42.
std::size_t number_in(std::string_view user) {
  std::size_t number = 0;
  user.remove_prefix(std::min(user.find('-') + 1, user.size()));
  std::from_chars(user.data(), user.data() + user.size(), number);
  return number;
}

}  // namespace

TopicWatch::TopicWatch(const std::string& brokers, const Topic& results, const Topic& dead, std::size_t users_each,
                       Book& book)
    : users_each_(users_each),
      book_(book),
      thread_([this, brokers, results, dead](const std::stop_token& stop) { run(stop, brokers, results, dead); }) {}

TopicWatch::~TopicWatch() {
  thread_.request_stop();
  thread_.join();
}

void TopicWatch::run(const std::stop_token& stop, const std::string& brokers, const Topic& results, const Topic& dead) {
  const Client reader = reader_of(brokers);
  const List list(rd_kafka_topic_partition_list_new(results.partitions + dead.partitions));
  for (const Topic& topic : {results, dead})
    for (int p = 0; p < topic.partitions; ++p)
      rd_kafka_topic_partition_list_add(list.get(), topic.name.c_str(), p)->offset = 0;
  rd_kafka_assign(reader.get(), list.get());
  while (!stop.stop_requested()) {
    const Message message(rd_kafka_consumer_poll(reader.get(), kPollMs));
    if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // brokers that are away come back
    ++read_;
    if (rd_kafka_topic_name(message->rkt) == dead.name) {
      const std::string event = header(message.get(), "event_id");
      book_.with([&](Book::Pages& pages) { pages.ledger.letter(event); });
    } else {
      take_outcome({static_cast<const char*>(message->payload), message->len});
    }
  }
}

void TopicWatch::take_outcome(std::string_view json) {
  const nlohmann::json outcome = nlohmann::json::parse(json, nullptr, false);
  if (outcome.is_discarded()) throw std::runtime_error("an outcome is not JSON");
  std::string vendor = outcome.value("vendor", "");
  // One that ended before its devices were looked at names none.
  if (vendor.empty())
    vendor = name_of(static_cast<Vendor>(vendor_of_user(number_in(outcome.value("user_id", "")), users_each_)));
  book_.with([&](Book::Pages& pages) {
    pages.ledger.outcome(outcome.value("event_id", ""), vendor, heard_from(outcome.value("outcome", "")),
                         outcome.value("attempt", 0), outcome.value("at", std::int64_t{0}), outcome.value("rule", ""));
  });
}

VendorWatch::VendorWatch(const support::SandboxProcess& sandbox, Book& book) : sandbox_(sandbox), book_(book) {
  for (const std::string& vendor : support::all_vendors()) seen_.emplace_back(vendor, 0);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

VendorWatch::~VendorWatch() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void VendorWatch::end() {
  thread_.request_stop();
  thread_.join();
  look();
}

void VendorWatch::run(const std::stop_token& stop) {
  for (std::size_t tick = 0; !stop.stop_requested(); ++tick) {
    support::pause_for(100ms);
    if (tick % kBetweenLooks != 0) continue;
    try {
      look();
    } catch (const std::exception&) {  // it stands still: it keeps what came, and is asked again
    }
  }
}

void VendorWatch::look() {
  const std::vector<nlohmann::json> answers = sandbox_.requests_after(seen_);
  book_.with([&](Book::Pages& pages) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto vendor = static_cast<VendorNumber>(i);
      for (const nlohmann::json& request : answers[i]) {
        const std::uint64_t n = request.at("n");
        if (n > seen_[i].second + 1) pages.ledger.unseen(n - seen_[i].second - 1);
        seen_[i].second = n;
        const nlohmann::json& marks = request.at("marks");
        std::set<std::string> events;  // a message's own id begins with its event's: "chaosx17-m"
        for (const std::string mark : marks) events.insert(mark.substr(0, mark.find('-')));
        if (events.empty()) continue;  // asks for a grant
        const std::int64_t at = request.at("at");
        const bool refused = request.at("verdict").at("reason") == kRefusedStream;
        const int status = refused ? 421 : request.at("verdict").at("status").get<int>();
        pages.requests.add(vendor, at);
        if (status == 200) pages.taken.add(vendor, at, events.size());
        for (const std::string& mark : events) pages.ledger.request(vendor, mark, n, status, at);
      }
    }
  });
}

}  // namespace nightpost::chaos
