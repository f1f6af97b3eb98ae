// librdkafka's handles with owners, and the configuration both clients start from.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "core/c_handle.h"
#include "core/result.h"
#include "kafka/connection_trouble.h"
#include "kafka/consumer.h"

namespace nightpost::kafka {

using Conf = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using Client = Handle<rd_kafka_t, rd_kafka_destroy>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Topic = Handle<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using Message = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;
using Event = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using ClientError = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
using Metadata = Handle<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using PartitionList = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

/// What librdkafka's callbacks get as their opaque. Outlives the client.
struct Opaque {
  std::atomic<observe::Log*> log{nullptr};
  void* owner = nullptr;  // the consumer's, for callbacks that run on its thread
  ConnectionTroubles troubles;
};

/// The user's settings, checked, then `own` on top. `opaque` is set and librdkafka's log lines go to its log, and to
/// its troubles what answers and certificates say of brokers; their errors are for the owner to hand to note_failure().
Result<Conf> make_conf(const ClientOptions& options,
                       std::initializer_list<std::pair<std::string_view, std::string>> own, Opaque& opaque);
/// Takes over `conf`. Io: librdkafka refused, in its words.
Result<Client> make_client(rd_kafka_type_t type, Conf conf);

/// Of Kafka's protocol, the key of a request: its answer says nothing of whether the broker takes us.
bool is_handshake(std::int16_t api) noexcept;
/// To be called with each error that the client reports. Any thread.
void note_failure(Opaque& opaque, rd_kafka_resp_err_t code, const char* words);
/// The error callback of a client whose owner wants to know nothing else.
inline void note_error(rd_kafka_t*, int code, const char* words, void* opaque) {
  note_failure(*static_cast<Opaque*>(opaque), static_cast<rd_kafka_resp_err_t>(code), words);
}
inline int ms_of(milliseconds time) { return static_cast<int>(time.count()); }

inline Error error_of(rd_kafka_resp_err_t code, std::string_view what) {
  return {Errc::Io, std::string(what) + ": " + rd_kafka_err2str(code)};
}
/// Likewise, and where a broker and we do not fit, why and what to do. REQUIRED: the client's error callback, if it has
/// one, calls note_failure().
Error explained(rd_kafka_t* client, Opaque& opaque, rd_kafka_resp_err_t code, std::string_view what);
/// The first fatal error the client met, in librdkafka's words.
Error fatal_error_of(rd_kafka_t* client);

}  // namespace nightpost::kafka
