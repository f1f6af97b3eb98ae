// nightpost chat: a person's client of the companion server, and a script's.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "app/app_key.h"
#include "app/chat_screen.h"
#include "app/chat_state.h"
#include "app/chat_wire.h"
#include "app/commands.h"
#include "app/line_reader.h"
#include "app/output.h"
#include "im/domain/names.h"
#include "im/domain/user_sig.h"

namespace nightpost::app {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kTypedMax = 16 * 1024;  // bytes of a line; a message takes 12 KiB
constexpr std::chrono::seconds kSignatureLife{86'400};

struct ChatLineOptions {
  CommonOptions common;
  std::string server, user, signature, key_file, ca_file, device = "nightpost-chat", platform = "desktop", language, to;
  std::int64_t app = 0, retry_s = 60;
  bool force = false, auto_read = false, stay = false;
};

/// Lines of stdin, read by a thread of its own: neither a terminal nor a file can be waited for like a socket.
/// Callbacks come on the loop; the next line is read once next() was called.
class TypedLines {
 public:
  TypedLines(asio::io_context& loop, std::function<void(std::string_view)> line, std::function<void()> too_long,
             std::function<void()> ended)
      : loop_(loop), line_(std::move(line)), too_long_(std::move(too_long)), ended_(std::move(ended)) {}
  TypedLines(const TypedLines&) = delete;
  TypedLines& operator=(const TypedLines&) = delete;
  ~TypedLines() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    wanted_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    thread_ = std::thread([this] { read(); });
  }
  void next() {
    {
      const std::lock_guard lock(mutex_);
      if (line_is_ != LineIs::Taken) return;
      line_is_ = LineIs::Wanted;
    }
    wanted_.notify_all();
  }

 private:
  void read() {
    auto reader = LineReader::open("-", kTypedMax, [this] { return stopped_.load(); });
    while (reader && wait()) {
      auto line = reader->next();
      if (!line || !*line) break;
      asio::post(loop_, [this, text = std::string((*line)->text), too_long = (*line)->too_long] {
        {
          const std::lock_guard lock(mutex_);
          line_is_ = LineIs::Taken;
        }
        if (too_long) return too_long_();
        line_(text);
      });
    }
    if (!stopped_) asio::post(loop_, [this] { ended_(); });
  }
  /// False: it is over.
  bool wait() {
    std::unique_lock lock(mutex_);
    wanted_.wait(lock, [this] { return stopped_ || line_is_ == LineIs::Wanted; });
    line_is_ = LineIs::OnItsWay;
    return !stopped_;
  }

  asio::io_context& loop_;
  std::function<void(std::string_view)> line_;
  std::function<void()> too_long_, ended_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  enum class LineIs { Taken, Wanted, OnItsWay } line_is_ = LineIs::Taken;  // by mutex_; one at a time
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

/// What the state wants done, done: after everything that happens, turn() looks at it anew.
class ChatRun {
 public:
  ChatRun(const ChatLineOptions& options, ChatOptions chat, ChatState::Signer signer)
      : json_(options.common.json),
        prompts_(!json_ && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0),
        state_(std::move(chat), std::move(signer), clock_.mono()) {}

  Result<void> open(const ChatUrl& url, const std::string& ca_pem) {
    auto wire = ChatWire::make(
        loop_, url, ca_pem,
        {.opened = [this] { after([this] { state_.connected(clock_.mono()); }); },
         .frame = [this](std::string_view frame) { after([&] { state_.received(frame, clock_.mono()); }); },
         .closed = [this](std::string_view why) { after([&] { state_.disconnected(why, clock_.mono()); }); }});
    if (!wire) return std::unexpected(wire.error());
    wire_ = *std::move(wire);
    return {};
  }

  int run() {
    signals_.async_wait([this](const boost::system::error_code& failed, int) {
      if (failed) return;
      signals_.clear();  // a second one has its usual effect
      after([this] { state_.interrupted(); });
    });
    lines_.start();
    turn();
    loop_.run();
    return state_.exit_code().value_or(int{kNotAllWell});
  }

 private:
  template <class What>
  void after(What what) {
    what();
    turn();
  }

  void turn() {
    for (std::string& frame : state_.take_frames()) wire_->send(std::move(frame));
    show(state_.take_events());
    if (state_.wants_close()) wire_->close();
    if (state_.exit_code() && !wire_->busy()) return loop_.stop();
    if (state_.wants_connection() && !wire_->busy()) {
      state_.dialing();
      wire_->connect();
    }
    if (state_.wants_input()) lines_.next();
    arm();
  }

  void arm() {
    const MonoTime next = state_.next_tick();
    if (next == armed_) return;
    armed_ = next;
    if (next == MonoTime::max()) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(next);
    timer_.async_wait([this](const boost::system::error_code& failed) {
      if (failed) return;
      armed_ = MonoTime::max();
      after([this] { state_.tick(clock_.mono()); });
    });
  }

  void show(const std::vector<nlohmann::json>& events) {
    for (const nlohmann::json& event : events) {
      if (json_) {
        print_json(event);
        continue;
      }
      fmt::print("{}{}", prompts_ ? "\r\x1b[K" : "", chat_text(event));
    }
    // The prompt stands last; what is half typed stays in the terminal's own line buffer.
    if (prompts_ && (!events.empty() || !prompted_)) {
      fmt::print("{}> ", printable(state_.open_name()));
      prompted_ = true;
    }
    std::fflush(stdout);
  }

  const bool json_, prompts_;
  SystemClock clock_;
  asio::io_context loop_{1};
  ChatState state_;
  asio::signal_set signals_{loop_, SIGINT, SIGTERM};
  asio::steady_timer timer_{loop_};
  MonoTime armed_ = MonoTime::max();
  bool prompted_ = false;
  std::unique_ptr<ChatWire> wire_;
  TypedLines lines_{loop_,
                    [this](std::string_view line) {
                      after([&] {
                        prompted_ = false;
                        state_.typed(line, clock_.mono());
                      });
                    },
                    [this] { after([this] { state_.refuse_input("the line is longer than 16 KiB"); }); },
                    [this] { after([this] { state_.input_ended(); }); }};
};

Result<ChatState::Signer> signer_of(const ChatLineOptions& options) {
  if (options.signature.empty() == options.key_file.empty())
    return fail(Errc::Malformed, "one of --signature and --key-file is needed");
  if (!options.signature.empty()) return ChatState::Signer{[sig = options.signature] { return sig; }, false};
  const auto key = read_app_key(options.key_file);
  if (!key) return std::unexpected(key.error());
  return ChatState::Signer{[key = *key, app = AppId{options.app}, user = options.user] {
                             return im::make_user_sig(app, user, key, SystemClock().wall(), kSignatureLife);
                           },
                           true};
}

int chat(const ChatLineOptions& options) {
  const auto url = parse_chat_url(options.server);
  if (!url) return say_error("--server " + url.error().detail, kBadUsage);
  for (const auto& checked :
       {im::check_user_id(options.user, "--user"), im::check_device_id(options.device, "--device"),
        options.to.empty() ? im::Answer<void>() : im::check_user_id(options.to, "--to")})
    if (!checked) return say_error(checked.error().why, kBadUsage);
  const auto platform = platform_from(options.platform);
  if (!platform) return say_error("--platform: none of ios, android, web, mini_program, desktop", kBadUsage);
  auto signer = signer_of(options);
  if (!signer) return say_error(signer.error());
  std::string ca_pem;
  if (!options.ca_file.empty()) {
    auto read = read_file(options.ca_file);
    if (!read) return say_error("--ca-file " + read.error().detail, kBadUsage);
    ca_pem = *std::move(read);
  }
  std::random_device random;
  ChatRun run(options,
              {.app = AppId{options.app},
               .user = options.user,
               .device = options.device,
               .platform = *platform,
               .language = options.language,
               .peer = options.to,
               .force = options.force,
               .auto_read = options.auto_read,
               .stay = options.stay,
               .retry_limit = std::chrono::seconds(options.retry_s),
               .seed = std::uint64_t(random()) << 32 | random()},
              *std::move(signer));
  if (const auto opened = run.open(*url, ca_pem); !opened)
    return say_error("--ca-file " + options.ca_file + ": " + opened.error().detail, exit_code_of(opened.error()));
  return run.run();
}

}  // namespace

void add_chat_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<ChatLineOptions>();
  CLI::App* chat_app = root.add_subcommand("chat", "Talk through the companion IM server, from a terminal or a script");
  chat_app->add_option("--server", options->server, "wss://HOST[:PORT][/PATH]; the path is /ws unless said")
      ->required();
  chat_app->add_option("--ca-file", options->ca_file, "PEM of an authority to trust beside the system's")
      ->type_name("FILE");
  chat_app->add_option("--app", options->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  chat_app->add_option("--user", options->user, "user id")->required();
  chat_app->add_option("--signature", options->signature, "userSig")->envname("NIGHTPOST_SIGNATURE");
  chat_app->add_option("--key-file", options->key_file, "file with the app's key: signatures are made here")
      ->type_name("FILE");
  chat_app->add_option("--device", options->device, "this terminal's name; the same name replaces its own login")
      ->capture_default_str();
  chat_app->add_option("--platform", options->platform, "ios, android, web, mini_program, desktop")
      ->capture_default_str();
  chat_app->add_option("--language", options->language, "of this device's pushes: zh, en");
  chat_app->add_option("--to", options->to, "the conversation that is open from the start");
  chat_app->add_flag("--force", options->force, "log in although another device displaced this one while it was away");
  chat_app->add_flag("--auto-read", options->auto_read, "what arrives here counts as read");
  chat_app->add_flag("--stay", options->stay, "the end of the input does not end it; SIGINT does");
  chat_app
      ->add_option("--retry-s", options->retry_s, "seconds without a connection after which it gives up; 0: at once")
      ->capture_default_str()
      ->check(CLI::Range(0, 86'400));
  chat_app->add_flag("--json", options->common.json,
                     "one JSON object a line for each event, with its kind in \"event\"");
  chat_app->footer(
      "Typed text goes to the open conversation; /help lists the commands. At the end of its input it leaves once all\n"
      "that was typed is done. Exit codes: 0 all was done, 1 something was refused, or another login took over, 2 bad\n"
      "usage, signature or app, 3 no connection.\nExamples:\n"
      "  nightpost chat --server wss://im.example.com:8444/ws --app 1400000001 --user denny --key-file app.key\n"
      "  echo 'Dinner at 7?' | nightpost chat --server wss://im.example.com:8444 --app 1400000001 --user denny \\\n"
      "    --signature \"$SIG\" --to vinson --json");
  chat_app->callback([options, &exit_code] { exit_code = chat(*options); });
}

}  // namespace nightpost::app
