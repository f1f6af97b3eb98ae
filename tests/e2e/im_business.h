// A business server's side of the server API: over TLS, by curl.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "e2e/im_process.h"

namespace nightpost::e2e {

using nlohmann::json;

/// Certificate and key for that name, made on the spot, as members of a config's section.
inline json tls_files(const support::TempFolder& folder, const std::string& host) {
  const std::string certificate = folder.file("rest.pem"), key = folder.file("rest.key");
  const support::Ran made = support::run_command(
      {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
       "/CN=" + host, "-addext", "subjectAltName=DNS:" + host + ",IP:127.0.0.1", "-days", "2", "-keyout", key, "-out",
       certificate},
      support::milliseconds(10'000), {.environment = {}, .folder = {}, .log_file = folder.file("openssl.log")});
  REQUIRE(made.exit_code == 0);
  return {{"tls_certificate_file", certificate}, {"tls_key_file", key}};
}

struct Business : ImBed {
  json tls = tls_files(Bed::folder, "localhost");
  Business() {
    json rest = {{"listen", "127.0.0.1:0"},
                 {"administrators", {{std::to_string(support::kFleetApp), "administrator"}}}};
    rest.update(tls);
    config = nightpost.config("im.json", names, {{"im", im_section({{"rest", rest}})}});
  }
  /// One call by curl, not waited for.
  std::vector<std::string> curl(const ImProcess& server, const std::string& command, const json& body,
                                const std::string& as = "administrator") {
    std::string sig = signature(as);
    for (std::size_t at; (at = sig.find('*')) != sig.npos;) sig.replace(at, 1, "%2A");
    const std::string url = server.rest() + "/v4/" + command + "?sdkappid=" + std::to_string(support::kFleetApp) +
                            "&identifier=" + as + "&usersig=" + sig + "&random=1&contenttype=json";
    return {"curl", "--silent", "--show-error", "--cacert", tls.at("tls_certificate_file"), "--data", body.dump(), url};
  }
  /// The whole reply.
  json call(const ImProcess& server, const std::string& command, const json& body,
            const std::string& as = "administrator") {
    const support::Ran ran = support::run_command(curl(server, command, body, as), support::milliseconds(10'000));
    REQUIRE(ran.exit_code == 0);
    return json::parse(ran.out);
  }
  json done(const ImProcess& server, const std::string& command, const json& body) {
    const json reply = call(server, command, body);
    if (reply.at("ErrorCode") != 0) FAIL(command + ": " + reply.dump());
    return reply;
  }
  static json text(const std::string& words) {
    return json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", words}}}}});
  }
};

}  // namespace nightpost::e2e
