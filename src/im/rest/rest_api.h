// The server API: a request in, its envelope out. Knows who may call and how often; commands do the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/event_loop.h"
#include "im/rest/commands.h"
#include "im/rest/rate_limit.h"
#include "im/rest/rest_metrics.h"
#include "im/rest/rest_options.h"
#include "im/rest/url.h"
#include "observe/log.h"
#include "server/http_server.h"

namespace nightpost::im {

/// On the loop alone. REQUIRED: all that is borrowed outlives it, and it outlives the service's last reply.
class RestApi {
 public:
  struct Parts {
    EventLoop& loop;
    const Clock& clock;
    AdminService& service;
    GroupService* groups = nullptr;     // null: commands of groups are not offered
    GroupAdmin* group_admin = nullptr;  // REQUIRED where `groups` is there
    const Presence& presence;
    RestMetrics& metrics;
    observe::Log* log = nullptr;      // null: nothing is logged
    MassPushService* mass = nullptr;  // null: there are no pushes to all
  };
  struct Response {
    int status = 200;  // business errors too: clients repeat what is answered otherwise
    std::string request_id;
    std::string body;
  };
  using Done = std::move_only_function<void(Response)>;

  RestApi(const Parts& parts, RestOptions options);
  RestApi(const RestApi&) = delete;
  RestApi& operator=(const RestApi&) = delete;

  /// Makes the accounts of the administrators, who send in their own name, too.
  void start();
  void answer(std::string_view method, std::string_view target, std::string_view body, Done done);
  server::ServerHandler handler();
  /// From now on calls are answered HTTP 503, which clients repeat elsewhere.
  void drain() { draining_ = true; }
  std::size_t open() const noexcept { return open_; }

 private:
  /// A call at work counts as one until it is over, however it ends.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(RestApi& api) : api_(&api) { api.count_open(api.open_ + 1); }
    Slot(Slot&& other) noexcept : api_(std::exchange(other.api_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(api_, other.api_);
      return *this;
    }
    ~Slot() {
      if (api_ != nullptr) api_->count_open(api_->open_ - 1);
    }

   private:
    RestApi* api_ = nullptr;
  };
  struct Request {
    std::string id;
    const RestCommand* command = nullptr;
    UserKey administrator;
    nlohmann::json body;
    MonoTime came;
    Done done;
    Slot slot;
  };
  void count_open(std::size_t open) {
    open_ = open;
    parts_.metrics.open.set(open);
  }
  void refuse(Request request, RestRefused why, std::int32_t code, std::string info, int status = 200);
  void respond(Request& request, const Outcome& outcome, int status = 200);
  void when_valid(Request request, WallTime issued);
  void run(Request request);
  void finish(Request request, const Outcome& outcome);
  bool is_administrator(const UserKey& who) const;
  const std::string& openapi();

  const Parts parts_;
  const RestOptions options_;
  Tools tools_;
  RateLimit rates_;
  struct Known {
    WallTime signatures_from;
    MonoTime looked_at;
  };
  std::unordered_map<UserKey, Known> signatures_from_;  // of administrators, as far as they were looked up
  std::uint64_t kicks_ = 0;                             // an answer from before the last one is not remembered
  std::uint64_t requests_ = 0;
  std::string openapi_;  // once somebody has asked for it
  std::size_t open_ = 0;
  bool draining_ = false;
};

/// What the server under it is asked for; host, port, name, log and metrics are the caller's to add.
server::ServerOptions server_options(const RestOptions& options);

}  // namespace nightpost::im
