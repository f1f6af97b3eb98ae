// The server half of an HTTP/1.1 connection (RFC 9112), pure, by Beast's parser. Beast shows in the .cpp only.
#pragma once

#include <memory>

#include "server/server_session.h"

namespace nightpost::server {

/// One request at a time: what a client pipelines behind it waits, unread, for the answer. `goaway` in an action closes
/// after the answer, `reset` closes instead of it, `settings` means nothing here.
class Http1ServerSession final : public ServerSession {
 public:
  struct Options {
    std::size_t body_bytes_max = 1'048'576;
    std::size_t headers_bytes_max = 65'536;
  };
  explicit Http1ServerSession(Options options);
  ~Http1ServerSession() override;

  Result<void> feed(std::string_view received) override;
  std::vector<ServerRequest> take_requests() override;
  void perform(std::int32_t stream, const ServerAction& action) override;
  void pull_output(std::string& out) override;
  bool finished() const noexcept override;

 private:
  struct Parser;
  void parse();
  void refuse(int status);

  Options options_;
  std::unique_ptr<Parser> parser_;
  std::string unread_;
  std::vector<ServerRequest> complete_;
  std::string output_;
  bool asked_ = false;      // a request is out, its answer is not in
  bool keep_alive_ = true;  // of the request that is out
  bool head_ = false;
  bool ended_ = false;
};

}  // namespace nightpost::server
