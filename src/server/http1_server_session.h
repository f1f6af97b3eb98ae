// The server half of an HTTP/1.1 connection (RFC 9112), pure, by Beast's parser. Beast shows in the .cpp only.
#pragma once

#include <memory>

#include "server/server_session.h"

namespace nightpost::server {

/// One request at a time: what a client pipelines behind it waits, unread, for the answer.
class Http1ServerSession final : public ServerSession {
 public:
  Http1ServerSession(const SessionLimits& limits, MonoTime now);
  ~Http1ServerSession() override;

  Result<void> feed(std::string_view received, MonoTime now) override;
  std::vector<ServerRequest> take_requests() override;
  void respond(std::int32_t stream, const ServerResponse& response, MonoTime now) override;
  Result<std::string> upgrade(std::int32_t stream, std::string_view protocol, const ServerHeaders& headers) override;
  void reset(std::int32_t stream, std::uint32_t code) override;
  void goaway(const ServerGoaway& goaway) override;
  void announce(const std::vector<std::pair<std::uint16_t, std::uint32_t>>&) override {}
  void pull_output(std::string& out) override;
  bool finished() const noexcept override;
  bool serving() const noexcept override { return asked_; }
  std::optional<MonoTime> deadline() const override;
  void expire(MonoTime now) override;

 private:
  struct Parser;
  void parse(MonoTime now);
  void refuse(int status, ServerRefusal why, MonoTime now);
  bool begun() const noexcept;

  SessionLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::string unread_;
  std::vector<ServerRequest> complete_;
  std::string output_;
  std::optional<MonoTime> head_since_;  // the request that is awaited or half here; nullopt: idle between two
  MonoTime body_since_;
  bool asked_ = false;      // a request is out, its answer is not in
  bool keep_alive_ = true;  // of the request that is out
  bool head_ = false;
  std::vector<std::string> upgrades_;  // protocols that it offers, if it may be upgraded
  std::string_view upgrade_bar_;       // else why not
  bool upgraded_ = false;              // the connection left HTTP
  bool ended_ = false;
};

}  // namespace nightpost::server
