// The admin API of a console elsewhere, as `--server` asks it: one request, its JSON, or what is wrong in one line.
#pragma once

#include <cstddef>
#include <expected>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace nightpost::app {

struct RemoteOptions {
  std::string server;      // "https://console.example.com"; empty: the command works on the store itself
  std::string token_file;  // empty: NIGHTPOST_TOKEN
  std::string ca_file;     // PEM of who signed the server's certificate; empty: the system's authorities
};

inline constexpr std::size_t kRemoteAnswerBytesMax = 64 << 20;  // a longer answer is an error

/// The server's address as a request begins with it. Malformed: no http or https address, or plain http to another
/// machine, which would show the token to everybody on the way. Pure.
Result<std::string> check_server(const std::string& server);
/// Of the file, which others must not be able to read, or `by_environment`. Malformed: neither, or no token.
Result<std::string> token_text(const RemoteOptions& options, const char* by_environment);
/// "/v1/devices?app=7&user=a%2Fb": what is empty is left out. Pure.
std::string target_of(std::string_view path,
                      std::initializer_list<std::pair<std::string_view, std::string_view>> query = {});
/// A segment of a path. Pure.
std::string path_text(std::string_view segment);

/// What an answer that is no success means to a script, in one line. Pure.
struct RemoteRefusal {
  int exit_code = 0;
  std::string line;
};
RemoteRefusal refusal_in(int status, std::string_view body);

/// Blocks. TLS is verified, no redirect is followed, no proxy asked. The answer's JSON, null where it has none; else
/// what went wrong was printed, and this is the exit code.
std::expected<nlohmann::json, int> ask_server(const RemoteOptions& options, const std::string& method,
                                              const std::string& target);
std::expected<nlohmann::json, int> ask_server(const RemoteOptions& options, const std::string& method,
                                              const std::string& target, const nlohmann::json& body);
/// A body of lines, or an answer that is lines.
std::expected<std::string, int> ask_server_lines(const RemoteOptions& options, const std::string& method,
                                                 const std::string& target, const std::string& lines);

}  // namespace nightpost::app
