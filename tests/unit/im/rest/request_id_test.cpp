// x-request-id: what finds a call in the log, over a real HTTP server.
#include <algorithm>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <cctype>
#include <map>
#include <set>
#include <sstream>

#include "observe/log.h"
#include "server/http_server.h"
#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

using boost::asio::ip::tcp;

struct LoggedDoor : RestBed {
  struct Heard {
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string body;
  };
  explicit LoggedDoor(observe::Level level = observe::Level::Debug) : calls(level, 1'000, lines, clock) {
    open_api(nullptr, &calls);
    auto started = server::HttpServer::start(io, {}, api->handler());
    REQUIRE(started);
    door = *std::move(started);
  }
  ~LoggedDoor() override {
    door.reset();
    service.reset();  // its last replies are the API's, which has the log
  }

  Heard hear(const std::string& method, const std::string& url, const std::string& body, const std::string& header) {
    const std::string head = method + " " + url + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + header +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    const std::string request = head + body;
    std::string got;
    bool ended = false;
    tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), door->port()});
    boost::asio::async_write(socket, boost::asio::buffer(request), [](auto error, auto) { CHECK_FALSE(error); });
    boost::asio::async_read(socket, boost::asio::dynamic_buffer(got), [&](auto, auto) { ended = true; });
    const auto turn = [&] {
      io.restart();
      io.poll();
    };
    REQUIRE(loop.until(
        [&] {
          turn();
          return ended;
        },
        turn));
    const std::size_t gap = got.find("\r\n\r\n");
    REQUIRE(gap != got.npos);
    Heard out{.status = std::stoi(got.substr(got.find(' ') + 1)), .headers = {}, .body = got.substr(gap + 4)};
    std::istringstream fields(got.substr(0, gap));
    for (std::string line; std::getline(fields, line);) {
      if (line.ends_with('\r')) line.pop_back();
      std::string name = line.substr(0, line.find(": "));
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      if (name.size() < line.size()) out.headers[name] = line.substr(name.size() + 2);
    }
    return out;
  }
  /// The lines of calls since the last look.
  std::vector<Json> said() {
    std::vector<Json> out;
    std::istringstream all(lines.str());
    lines.str("");
    for (std::string line; std::getline(all, line);)
      if (Json json = Json::parse(line); json.at("event") == "im.rest.call") out.push_back(std::move(json));
    return out;
  }

  std::ostringstream lines;
  observe::Log calls;
  boost::asio::io_context io;
  std::unique_ptr<server::HttpServer> door;
};

TEST_CASE("rest request id: one a call, in the answer and in its line, whatever becomes of the call",
          "[im][rest][request_id]") {
  LoggedDoor bed;
  struct Row {
    const char* name;
    std::string method, url, body;
    int status, code;
    std::string command;
  };
  const std::string import = bed.target("im_open_login_svc/account_import", bed.signature());
  const std::vector<Row> rows = {
      {"a good call", "POST", import, R"({"UserID":"a"})", 200, 0, "account_import"},
      {"one that the command refuses", "POST", import, "{}", 200, 70402, "account_import"},
      {"no JSON", "POST", import, "{", 200, 60003, "account_import"},
      {"no signature", "POST", bed.target("im_open_login_svc/account_import", ""), "{}", 200, 70002, "account_import"},
      {"no command that is offered", "POST", bed.target("openconfigsvr/getappinfo", bed.signature()), "{}", 200, 60009,
       "getappinfo"},
      {"no command", "POST", bed.target("openim/nothing", bed.signature()), "{}", 200, 60009, ""},
      {"no path of the API", "POST", "/metrics", "{}", 404, 60009, ""},
      {"another method", "GET", import, "", 405, 60002, ""},
      {"while it stops", "POST", import, R"({"UserID":"a"})", 503, 60018, ""},
  };
  std::set<std::string> ids;
  for (const Row& row : rows)
    for (const char* const header : {"", "x-request-id: mine-7\r\n", "X-Request-Id: 0123456789abcdef\r\n"}) {
      CAPTURE(row.name, header);
      bed.loop.pass(milliseconds(1'000));
      bed.clock.pass(milliseconds(1));
      if (row.status == 503) bed.api->drain();
      const LoggedDoor::Heard heard = bed.hear(row.method, row.url, row.body, header);
      CHECK(heard.status == row.status);
      CHECK(Json::parse(heard.body).at("ErrorCode") == row.code);
      REQUIRE(heard.headers.contains("x-request-id"));
      const std::string id = heard.headers.at("x-request-id");
      CHECK(id.size() == 16);
      CHECK(id.find_first_not_of("0123456789abcdef") == id.npos);
      CHECK(id != "0123456789abcdef");
      CHECK(ids.insert(id).second);
      CHECK_FALSE(bed.lines.str().contains("mine-7"));
      const std::vector<Json> said = bed.said();
      REQUIRE(said.size() == 1);
      CHECK(said[0].at("request") == id);
      CHECK(said[0].at("code") == row.code);
      CHECK(said[0].at("command") == row.command);
    }
}

TEST_CASE("rest request id: the answer has it where the log has no calls, and the document has no line",
          "[im][rest][request_id]") {
  LoggedDoor quiet(observe::Level::Info);
  const std::string import = quiet.target("im_open_login_svc/account_import", quiet.signature());
  CHECK(quiet.hear("POST", import, R"({"UserID":"a"})", "").headers.at("x-request-id").size() == 16);
  CHECK(quiet.said().empty());
  LoggedDoor bed;
  const LoggedDoor::Heard document = bed.hear("GET", "/v4/openapi.json", "", "x-request-id: mine-7\r\n");
  CHECK(document.status == 200);
  CHECK(document.headers.at("x-request-id").size() == 16);
  CHECK(bed.said().empty());
}

}  // namespace
}  // namespace nightpost::im
