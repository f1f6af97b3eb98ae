// A console that runs on a port of its own, met by a client that knows nothing of it; a vendor that never answers.
#pragma once

#include <unistd.h>

#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "app/console_server.h"
#include "app/output.h"
#include "app/worker.h"
#include "store/sealer.h"
#include "support/answer_check.h"
#include "support/cli_run.h"

namespace nightpost::app {

namespace asio = boost::asio;

/// A folder with a config, a store and a master key.
class ConsoleOffice {
 public:
  explicit ConsoleOffice(const nlohmann::json& console = nlohmann::json::object()) {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    std::ofstream(file("master.key")) << store::Sealer::new_key_text() << '\n';
    std::filesystem::permissions(file("master.key"), std::filesystem::perms::owner_read);
    nlohmann::json config = {
        {"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}},
        {"console", {{"listen", "127.0.0.1:0"}, {"kafka_wait_ms", 100}}}};
    config["kafka"]["brokers"] = "127.0.0.1:1";  // nobody
    config["console"].update(console);
    std::ofstream(file("config.json")) << config.dump();
  }
  ConsoleOffice(const ConsoleOffice&) = delete;
  ConsoleOffice& operator=(const ConsoleOffice&) = delete;
  ~ConsoleOffice() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  support::CliRan run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  std::string token(const std::string& role, std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {"token", "add", "--name", role + std::to_string(::rand()), "--role", role};
    all.insert(all.end(), more.begin(), more.end());
    const auto ran = run(all);
    REQUIRE(ran.code == kDone);
    return ran.out.substr(0, ran.out.size() - 1);
  }

 private:
  std::string folder_ = "/tmp/nightpost-console-XXXXXX";
};

/// A console that runs.
struct Running {
  explicit Running(const ConsoleOffice& office, const std::string& brokers = "")
      : config(*load_config(office.file("config.json"))) {
    if (!brokers.empty()) config.producer.kafka.brokers = brokers;
    auto started = Console::start(loop, config, clock, log, metrics);
    if (!started) FAIL(started.error().detail);
    console = *std::move(started);
    thread = std::thread([this] { loop.run(); });
  }
  ~Running() {
    console->drain(clock.mono() + seconds(10));
    loop.stop();
    thread.join();
  }
  struct Reply {
    int status = 0;
    std::string head;
    nlohmann::json body;
  };
  struct Asked {
    asio::io_context own;
    asio::ip::tcp::socket socket{own};
    /// Waits for the answer.
    Reply answer() {
      boost::system::error_code ended;  // the server closes behind it
      std::string text;
      asio::read(socket, asio::dynamic_buffer(text), ended);
      const std::size_t end = text.find("\r\n\r\n");
      REQUIRE(end != std::string::npos);
      Reply reply{std::stoi(text.substr(9, 3)), text.substr(0, end),
                  nlohmann::json::parse(text.substr(end + 4), nullptr, false)};
      if (reply.body.is_discarded()) reply.body = text.substr(end + 4);
      return reply;
    }
  };
  Reply ask(const std::string& method, const std::string& target, const std::string& token = "",
            const nlohmann::json& body = nullptr, const std::string& more = "") {
    const Reply reply = begin(method, target, token, body, more)->answer();
    // What the OpenAPI document says of an answer holds of each.
    const auto mistakes = testing::answer_mistakes(method, target, reply.status, reply.body);
    CAPTURE(method, target);
    CHECK(mistakes == std::vector<std::string>());
    return reply;
  }
  std::unique_ptr<Asked> begin(const std::string& method, const std::string& target, const std::string& token = "",
                               const nlohmann::json& body = nullptr, const std::string& more = "") {
    const std::string url = console->url();
    auto asked = std::make_unique<Asked>();
    asked->socket.connect(
        {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)))});
    const std::string text = body.is_null() ? "" : body.dump();
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more;
    if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
    if (!text.empty()) request += "Content-Type: application/json\r\n";
    request += "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
    boost::system::error_code ended;  // a server may answer and close before it has all
    asio::write(asked->socket, asio::buffer(request), ended);
    return asked;
  }

  Config config;
  SystemClock clock;
  observe::Log log{observe::Level::Off};
  ConsoleMetrics metrics;
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep{loop.get_executor()};
  std::unique_ptr<Console> console;
  std::thread thread;
};

/// Takes connections and never says a word, until hang_up().
class SilentVendor {
 public:
  SilentVendor() {
    take();
    thread_ = std::thread([this] { loop_.run(); });
  }
  SilentVendor(const SilentVendor&) = delete;
  SilentVendor& operator=(const SilentVendor&) = delete;
  ~SilentVendor() {
    hang_up();
    thread_.join();
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  void hang_up() {
    asio::post(loop_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      taken_.clear();
    });
  }
  std::atomic<int> connections{0};

 private:
  void take() {
    acceptor_.async_accept([this](const boost::system::error_code& failed, asio::ip::tcp::socket socket) {
      if (failed) return;
      taken_.push_back(std::move(socket));
      ++connections;
      take();
    });
  }
  asio::io_context loop_;
  asio::ip::tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
  std::vector<asio::ip::tcp::socket> taken_;
  std::thread thread_;
};

/// False: not in time.
inline bool comes_true(const std::function<bool()>& condition) {
  const SystemClock clock;
  for (const MonoTime end = clock.mono() + seconds(30); !condition(); std::this_thread::yield())
    if (clock.mono() >= end) return false;
  return true;
}

inline const nlohmann::json kXiaomi = {{"app_id", 1},
                                       {"vendor", "xiaomi"},
                                       {"name", "shop"},
                                       {"bundle_id", "com.example.shop"},
                                       {"secret", "abcdefghijklmnopqrstuv=="},
                                       {"settings", {{"app_id", "100000001"}}}};

}  // namespace nightpost::app
