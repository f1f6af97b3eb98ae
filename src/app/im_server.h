// The companion IM server: sockets, service and relay on one loop, and the outlet of its events.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/config.h"
#include "app/event_outlet.h"
#include "app/im_redis.h"
#include "app/kept_reader.h"
#include "app/service.h"
#include "app/tls_or_plain.h"
#include "im/callbacks/before_caller.h"
#include "im/callbacks/callback_client.h"
#include "im/callbacks/callback_sender.h"
#include "im/callbacks/push_outcome_writer.h"
#include "im/gateway/gateway.h"
#include "im/gateway/gateway_metrics.h"
#include "im/relay/group_relay.h"
#include "im/relay/mass_relay.h"
#include "im/relay/metrics.h"
#include "im/relay/relay.h"
#include "im/relay/split_sink.h"
#include "im/rest/rest_api.h"
#include "im/service/store_service.h"
#include "kafka/metrics.h"
#include "net/asio_loop.h"
#include "observe/metrics_page.h"
#include "server/http_server.h"

namespace nightpost::app {

struct ImMetrics {
  server::ServerMetrics server;
  server::ServerMetrics rest_server;
  im::RestMetrics rest;
  im::GatewayMetrics gateway;
  im::RelayMetrics relay;
  im::GroupRelayMetrics group_relay;
  im::MassRelayMetrics mass_relay;
  im::ServiceMetrics service;
  im::CallbackMetrics callbacks;
  im::BeforeMetrics before;
  im::RedisMetrics redis;
  im::NodesMetrics nodes;
  Counter push_results_refused;
  kafka::ConsumerMetrics results;  // of `nightpost im`, where an app wants to know
  kafka::ProducerMetrics producer;
};
void register_rest_metrics(observe::MetricsPage& page, const im::RestMetrics& metrics);
void register_callback_metrics(observe::MetricsPage& page, const ImMetrics& metrics);
void register_before_metrics(observe::MetricsPage& page, const ImMetrics& metrics);
void register_mass_push_metrics(observe::MetricsPage& page, const im::MassRelayMetrics& metrics);
void register_im_metrics(observe::MetricsPage& page, const ImMetrics& metrics);

/// Several may share a store on PostgreSQL (src/im/README.md, "Nodes"); of a file, the second is refused.
class ImServer final : public im::Listener {
 public:
  /// Malformed: the config lacks something or the store is another program's; Io, Overloaded: the store, its lock or
  /// the port cannot be had; or what `make_outlet` says. `on_fatal`: from any thread, where other IM servers have given
  /// this one up and this process must end (PostgreSQL); a file's lock is never lost.
  static Result<std::unique_ptr<ImServer>> start(const Config& config, const Clock& clock, observe::Log& log,
                                                 const MakeOutlet& make_outlet, ImMetrics& metrics,
                                                 std::function<void(const Error&)> on_fatal = {});
  ~ImServer() override;
  ImServer(const ImServer&) = delete;
  ImServer& operator=(const ImServer&) = delete;

  std::uint16_t port() const noexcept { return listener_->port(); }
  /// "https://HOST:PORT" of the server API; empty: no app has administrators.
  std::string rest_url() const;
  std::optional<WallTime> certificate_ends() const noexcept { return listener_->certificate_ends(); }
  std::optional<WallTime> rest_certificate_ends() const noexcept {
    return rest_listener_ ? rest_listener_->certificate_ends() : std::nullopt;
  }
  /// Any thread but the loop's. Clients are told to go, events on their way are waited for, what is to be saved is
  /// saved. False: something was left for the next start.
  bool drain(MonoTime deadline);
  // Its steps, for who has to do something between them. The threads are those of drain().
  /// Clients are told to go; waits until all have gone.
  void let_clients_go(MonoTime until);
  /// False: something is due that is not durable yet.
  bool await_idle(MonoTime until);
  /// Writes what waits to be written. Nobody is answered any more.
  void save();
  std::vector<Unready> unready() const;

 private:
  ImServer(const Config& config, const Clock& clock, observe::Log& log, ImMetrics& metrics);
  Result<void> open_service(const Config& config, std::function<void(const Error&)> on_fatal);
  Result<void> listen();
  Result<void> listen_for_servers();
  Result<void> open_callbacks();
  void ask_before(const std::map<AppId, im::CallbackTarget>& targets);
  Result<void> read_results(const Config& config);
  void committed(im::Committed what) override;
  void missed(WallTime since, const im::Concerned& whom) override;
  void leads() override;
  void took_over() override;
  /// Of all nodes, where there are others.
  const im::Presence& presence() const noexcept;
  void measure();
  template <class Ask>
  auto on_loop(Ask ask);

  const ImOptions options_;
  const Clock& clock_;
  observe::Log& log_;
  ImMetrics& metrics_;
  std::unique_ptr<im::RestApi> rest_;  // outlives the context: what is posted there holds calls, which it counts
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_;
  net::AsioLoop loop_;
  std::unique_ptr<LoopTimer> measure_timer_;
  std::unique_ptr<EventOutlet> outlet_;
  std::unique_ptr<im::StoreService> service_;
  std::unique_ptr<im::Gateway> gateway_;
  std::unique_ptr<ImPeers> peers_;        // null: there are no other nodes
  std::unique_ptr<im::SplitSink> sinks_;  // of the outlet
  std::unique_ptr<im::Relay> relay_;
  std::unique_ptr<im::GroupRelay> group_relay_;
  std::unique_ptr<im::MassRelay> mass_relay_;
  std::unique_ptr<im::PresenceEvents> presence_events_;  // to both of them
  std::unique_ptr<im::CallbackClient> callback_client_;  // null, as the next: no app has a URL
  std::unique_ptr<im::CallbackSender> callbacks_;
  std::unique_ptr<im::BeforeCaller> before_;               // null: no app wants to be asked
  std::unique_ptr<im::PushOutcomeWriter> outcome_writer_;  // null, as the next: no app wants to know
  std::unique_ptr<KeptReader> result_reader_;
  std::optional<TlsOrPlain> listener_, rest_listener_;  // once they listen
  std::thread thread_;
};

}  // namespace nightpost::app
