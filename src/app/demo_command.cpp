// nightpost demo: the whole path in one process on embedded defaults. In-process broker, SQLite in a temporary folder,
// all vendors' simulators, and the very worker that runs in production between them.
#include <fmt/color.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "app/commands.h"
#include "app/demo_chat.h"
#include "app/demo_scenes.h"
#include "app/demo_screen.h"
#include "app/dev_account.h"
#include "app/held_removals.h"
#include "app/output.h"
#include "app/vendors.h"
#include "app/worker.h"
#include "kafka/tail.h"
#include "sandbox/sandbox.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nightpost-demo-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// The sandbox on a thread of its own.
class SandboxThread {
 public:
  static Result<std::unique_ptr<SandboxThread>> start(sandbox::SandboxOptions options) {
    std::unique_ptr<SandboxThread> made(new SandboxThread);
    auto started = sandbox::Sandbox::start(made->loop_, std::move(options));
    if (!started) return std::unexpected(started.error());
    made->sandbox_ = *std::move(started);
    made->thread_ = std::thread([loop = &made->loop_] { loop->run(); });
    return made;
  }
  ~SandboxThread() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }
  /// Runs `ask` there and waits for what it says.
  template <class Ask>
  auto on_thread(Ask ask) {
    std::packaged_task<decltype(ask(*sandbox_))()> task([&] { return ask(*sandbox_); });
    auto answer = task.get_future();
    boost::asio::post(loop_, [&task] { task(); });
    return answer.get();
  }
  const sandbox::Sandbox& get() const noexcept { return *sandbox_; }

 private:
  SandboxThread() = default;
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_{loop_.get_executor()};
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::thread thread_;
};

struct DemoOptions {
  bool check = false;
  bool json = false;
};

/// One line of the table, and of --json.
struct Line {
  std::string title;
  std::string to;
  std::string outcome;
  std::string said;  // what the phone shows, or why it shows nothing
  std::int64_t attempt = 0;
};

class Show {
 public:
  explicit Show(const DemoOptions& options)
      : options_(options), colours_(!options.json && ::isatty(STDOUT_FILENO) == 1) {}
  Result<int> run();

 private:
  Result<void> set_up();
  Result<void> teach(Vendor vendor, const DevAccount& account);
  Result<CertificateId> add_certificate(store::Store& store, Vendor vendor, const DevAccount& account);
  Result<void> fill_store();
  Result<void> play();
  Result<void> play_approval();
  Result<void> play_chat();
  bool listen(milliseconds wait);  // false: nothing came
  void on_outcome(const kafka::TailMessage& message);
  void on_dead(const kafka::TailMessage& message);
  void print(const Line& line);
  void summarise(milliseconds took);
  std::size_t scene_of(std::string_view event_id) const;
  std::string shown_by(const std::string& user, const std::string& device);
  Json requests(std::string_view vendor) {
    return Json::parse(sandbox_->on_thread([&](auto& sandbox) { return sandbox.requests_json(vendor); }), nullptr,
                       false);
  }
  void check_repeat();

  const DemoOptions options_;
  const bool colours_;
  const SystemClock clock_;
  const WallTime now_ = clock_.wall();
  observe::Log log_{observe::Level::Error};
  TemporaryFolder folder_;
  Config config_;
  const std::vector<demo::Scene> scenes_ = demo::scenes(now_);
  const std::vector<demo::Resident> residents_ = demo::residents(now_);
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  std::unique_ptr<SandboxThread> sandbox_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<kafka::Tail> tail_;
  std::vector<std::vector<demo::Expected>> open_;  // per scene, what has not come yet
  std::vector<bool> dead_open_;
  std::vector<std::string> surprises_;
  std::vector<Line> lines_;
  std::string last_title_;
  CertificateId apns_;
};

Result<int> Show::run() {
  if (const auto ready = set_up(); !ready) return std::unexpected(ready.error());
  for (const demo::Scene& scene : scenes_) {
    open_.push_back(scene.expected);
    dead_open_.push_back(!scene.dead_reason.empty());
  }
  if (!options_.json) {
    fmt::print("Nightpost demo: in-process broker (volatile), SQLite in {}, and the vendors' simulators:\n",
               folder_.path());
    for (const auto& [vendor, url] : sandbox_->get().urls()) fmt::print("  {}  {}\n", fitted(vendor, 8), url);
    fmt::print("\n");
    fmt::print("{}  {}  {}  {}\n", fitted("WHAT HAPPENS", 46), fitted("TO", 18), fitted("OUTCOME", 14),
               "THE PHONE SHOWS, OR WHY NOT");
  }
  const MonoTime began = clock_.mono();
  if (const auto played = play(); !played) return std::unexpected(played.error());
  check_repeat();
  const auto took = std::chrono::duration_cast<milliseconds>(clock_.mono() - began);
  if (const auto played = play_approval(); !played) return std::unexpected(played.error());
  if (const auto played = play_chat(); !played) return std::unexpected(played.error());
  if (!worker_->drain()) surprises_.emplace_back("the worker could not settle everything it took");
  for (std::size_t i = 0; i < scenes_.size(); ++i) {
    for (const demo::Expected& missing : open_[i])
      surprises_.push_back(fmt::format("{}: no outcome {} for {} {}", scenes_[i].title, missing.outcome,
                                       missing.user_id, missing.device_id));
    if (dead_open_[i]) surprises_.push_back(scenes_[i].title + ": not on the dead topic");
  }
  summarise(took);
  return surprises_.empty() || !options_.check ? int{kDone} : int{kNotAllWell};
}

Result<void> Show::set_up() {
  if (folder_.path().empty()) return fail(Errc::Io, "no temporary folder can be made");
  std::vector<std::pair<std::string, int>> topics = {
      {config_.topics.offline, 2}, {config_.topics.results, 1}, {config_.topics.dead, 1}};
  for (const std::string& retry : config_.topics.retry) topics.emplace_back(retry, 1);
  auto broker = kafka::EmbeddedBroker::start(topics);
  if (!broker) return std::unexpected(broker.error());
  broker_ = *std::move(broker);
  config_.consumer.kafka.brokers = config_.producer.kafka.brokers = broker_->brokers();
  config_.producer.linger = milliseconds(1);
  config_.store_url = {store::StoreUrl::Kind::Sqlite, folder_.path() + "/nightpost.db"};
  config_.master_key_file = folder_.path() + "/master.key";
  config_.dispatch.backoff_first = milliseconds(100);
  config_.dispatch.language = "en";
  config_.dispatch.mass_removal_window = demo::kLeftAtOnce;

  std::vector<std::string> vendors;
  for (std::size_t i = 0; i < std::size_t(Vendor::Count); ++i) vendors.emplace_back(name_of(static_cast<Vendor>(i)));
  auto sandbox = SandboxThread::start({.vendors = std::move(vendors),
                                       .data_dir = folder_.path() + "/sandbox",
                                       .accept_any = true,
                                       .script_json = demo::script(now_).dump()});
  if (!sandbox) return std::unexpected(sandbox.error());
  sandbox_ = *std::move(sandbox);
  if (const auto filled = fill_store(); !filled) return filled;
  auto ready = std::make_shared<std::promise<void>>();
  auto is_ready = ready->get_future();
  auto worker = Worker::start(config_, clock_, log_, {[ready] { ready->set_value(); }, [](const Error&) {}});
  if (!worker) return std::unexpected(worker.error());
  worker_ = *std::move(worker);
  if (is_ready.wait_for(seconds(20)) != std::future_status::ready)
    return fail(Errc::Timeout, "the worker was assigned no partitions");
  auto tail = kafka::Tail::start(config_.consumer.kafka, {config_.topics.results, config_.topics.dead}, seconds(10));
  if (!tail) return std::unexpected(tail.error());
  tail_ = *std::move(tail);
  return {};
}

/// Whose keys these are, what kind of phones there are, and which have lost the app.
Result<void> Show::teach(Vendor vendor, const DevAccount& account) {
  Json taught = {{"vendor", name_of(vendor)}, {"tokens", Json::array()}};
  const bool apple = vendor == Vendor::Apns;
  if (apple) {
    const auto& facts = account.certificate.facts;
    taught["keys"] = {
        {{"key_id", facts.at("key_id")}, {"team_id", facts.at("team_id")}, {"public_key_pem", account.public_pem}}};
    taught["topics"] = {account.certificate.bundle_id};
    taught["environment"] = "production";
  }
  for (const demo::Resident& resident : residents_)
    for (const Device& device : resident.devices)
      if (resident.vendor == vendor) {
        Json token = {{"token", device.token.text()}};
        if (apple)
          token["topic"] = account.certificate.bundle_id + (device.token.kind() == TokenKind::Voip ? ".voip" : "");
        if (vendor == Vendor::Fcm) token["platform"] = name_of(device.platform);
        if (!apple && resident.uninstalled) token["gone"] = true;
        if (token.size() > 1) taught["tokens"].push_back(std::move(token));
      }
  if (apple) taught["tokens"].push_back({{"token", demo::chat_token()}, {"topic", account.certificate.bundle_id}});
  return sandbox_->on_thread([&](auto& one) { return one.teach(taught.dump()); });
}

Result<CertificateId> Show::add_certificate(store::Store& store, Vendor vendor, const DevAccount& account) {
  Certificate claimed = account.certificate;
  claimed.app = AppId{demo::kApp};
  claimed.name = "demo-" + std::string(name_of(vendor));
  claimed.host_override = sandbox_->get().urls().at(std::string(name_of(vendor)));
  claimed.ca_pem = sandbox_->get().ca_pem();
  auto inspected = inspect_upload(claimed, account.secret, now_, std::nullopt);
  if (!inspected) return std::unexpected(inspected.error());
  const auto added = store.add_certificate({*inspected, account.secret});
  if (!added) return std::unexpected(added.error());
  return added->id;
}

Result<void> Show::fill_store() {
  if (const auto made = write_private_file(config_.master_key_file, store::Sealer::new_key_text()); !made) return made;
  auto store = open_store(config_, true);
  if (!store) return std::unexpected(store.error());
  std::map<Vendor, CertificateId> certificates;
  for (std::size_t i = 0; i < std::size_t(Vendor::Count); ++i) {
    const auto vendor = static_cast<Vendor>(i);
    const auto account = make_dev_account(vendor);
    if (!account) return std::unexpected(account.error());
    if (const auto taught = teach(vendor, *account); !taught) return taught;
    const auto added = add_certificate(**store, vendor, *account);
    if (!added) return std::unexpected(added.error());
    certificates[vendor] = *added;
    if (vendor == Vendor::Apns) apns_ = *added;
  }
  const AppId app{demo::kApp};
  for (const demo::Resident& resident : residents_) {
    for (Device device : resident.devices) {
      device.certificate = certificates.at(resident.vendor);
      if (const auto done = (*store)->set_device(app, resident.user_id, device); !done) return done;
    }
    if (resident.settings)
      if (const auto done = (*store)->set_settings(app, resident.user_id, *resident.settings); !done) return done;
    for (const Mute& mute : resident.mutes)
      if (const auto done = (*store)->set_mute(app, resident.user_id, mute); !done) return done;
  }
  return {};
}

/// One scene after the other, so that the table reads as a story; nothing else waits for anything.
Result<void> Show::play() {
  kafka::ProducerMetrics metrics;
  auto producer = kafka::Producer::start(config_.producer, [](const Error&) {}, metrics);
  if (!producer) return std::unexpected(producer.error());
  for (std::size_t i = 0; i < scenes_.size(); ++i) {
    const auto written =
        (*producer)->produce_and_wait(config_.topics.offline, scenes_[i].event_id, scenes_[i].bytes, {}, seconds(10));
    if (!written) return std::unexpected(written.error());
    const MonoTime end = clock_.mono() + seconds(10);
    while (clock_.mono() < end && (!open_[i].empty() || dead_open_[i])) listen(milliseconds(50));
  }
  // A little longer than needed: what comes twice, or should not come at all, shows now.
  while (listen(milliseconds(500))) {
  }
  return {};
}

/// What is held reaches the store within a second; ops look at it, and say that it is dead.
Result<void> Show::play_approval() {
  auto store = open_store(config_, false);
  if (!store) return std::unexpected(store.error());
  std::map<std::int64_t, HeldSummary> held;
  for (const MonoTime end = clock_.mono() + seconds(10); clock_.mono() < end;) {
    const auto holds = (*store)->removal_holds(std::nullopt);
    if (!holds) return std::unexpected(holds.error());
    held = summarize(*holds);
    if (held.size() == 1 && held.begin()->second.kept == demo::kLeftAtOnce) break;
    listen(milliseconds(50));
  }
  if (held.size() != 1 || held.begin()->second.kept != demo::kLeftAtOnce) {
    surprises_.push_back(fmt::format("removals of {} certificates are held, of one expected", held.size()));
    return {};
  }
  const auto& [id, summary] = *held.begin();
  print({"ops look: nightpost cert held", fmt::format("certificate {}", id), "held", sentence_of(summary), 0});
  if (const auto said = (*store)->approve_removals({id}, clock_.wall() + std::chrono::minutes(1)); !said) return said;
  if (const auto told = (*store)->remove_held({id}, demo::kLeftAtOnce + 1); !told) return std::unexpected(told.error());
  std::size_t left = 0;
  for (const demo::Resident& resident : residents_) {
    if (!resident.user_id.starts_with("left-")) continue;
    const auto devices = (*store)->devices(AppId{demo::kApp}, resident.user_id, 1);
    if (!devices) return std::unexpected(devices.error());
    left += devices->size();
  }
  print({"they are right: nightpost cert approve-removals", fmt::format("certificate {}", id), "approved",
         fmt::format("{} of {} are removed", demo::kLeftAtOnce - left, demo::kLeftAtOnce), 0});
  if (left != 0) surprises_.push_back(fmt::format("{} approved removals were not made", left));
  return {};
}

/// The companion makes the events: two users chat.
Result<void> Show::play_chat() {
  const std::string identity = folder_.path() + "/sandbox/";  // the sandbox's, for this machine
  auto surprises = demo::play_chat(
      {.config = config_,
       .folder = folder_.path(),
       .tls_certificate_file = identity + "server.pem",
       .tls_key_file = identity + "server.key",
       .ca_pem = sandbox_->get().ca_pem(),
       .apns = apns_,
       .clock = clock_,
       .log = log_,
       .next_outcome = [this](milliseconds wait) { return tail_->next(wait); },
       .apns_requests = [this] { return requests("apns"); }},
      [this](demo::ChatLine line) {
        print({std::move(line.title), std::move(line.to), std::move(line.outcome), std::move(line.said), line.attempt});
      });
  if (!surprises) return std::unexpected(surprises.error());
  std::ranges::move(*surprises, std::back_inserter(surprises_));
  return {};
}

bool Show::listen(milliseconds wait) {
  const auto message = tail_->next(wait);
  if (!message) return false;
  message->topic == config_.topics.dead ? on_dead(*message) : on_outcome(*message);
  return true;
}

std::size_t Show::scene_of(std::string_view event_id) const {
  const auto found = std::ranges::find(scenes_, event_id, &demo::Scene::event_id);
  return static_cast<std::size_t>(found - scenes_.begin());
}

void Show::on_outcome(const kafka::TailMessage& message) {
  const Json outcome = Json::parse(message.value, nullptr, false);
  const std::size_t at = outcome.is_object() ? scene_of(outcome.value("event_id", "")) : scenes_.size();
  if (at == scenes_.size()) {
    surprises_.push_back("an outcome that belongs to no scene: " + message.value);
    return;
  }
  const std::string user = outcome.value("user_id", ""), device = outcome.value("device_id", "");
  const std::string kind = outcome.value("outcome", ""), rule = outcome.value("rule", "");
  std::string said = kind == "accepted" ? shown_by(user, device) : outcome.value("reason", "");
  const std::int64_t attempt = outcome.value("attempt", std::int64_t{0});
  if (attempt > 1) said += fmt::format("   (attempt {})", attempt);
  print({scenes_[at].title, device.empty() ? user : user + "/" + device, kind, said, attempt});

  auto& open = open_[at];
  const auto found = std::ranges::find_if(open, [&](const demo::Expected& expected) {
    return expected.user_id == user && expected.device_id == device && expected.outcome == kind &&
           (expected.rule.empty() || expected.rule == rule);
  });
  if (found == open.end()) {
    surprises_.push_back(fmt::format("{}: {} {} came out as {} ({})", scenes_[at].title, user, device, kind, rule));
  } else {
    open.erase(found);
  }
}

void Show::on_dead(const kafka::TailMessage& message) {
  const auto found = std::ranges::find(scenes_, message.value, &demo::Scene::bytes);
  if (found == scenes_.end()) {
    surprises_.push_back("a dead letter that is none of the events, byte for byte");
    return;
  }
  const auto at = static_cast<std::size_t>(found - scenes_.begin());
  print({found->title, "(dead topic)", "dead",
         fmt::format("{}: {}", message.header("reason"), message.header("detail")), 0});
  if (!dead_open_[at] || found->dead_reason != message.header("reason"))
    surprises_.push_back(fmt::format("{}: unexpectedly dead, {}", found->title, message.header("reason")));
  dead_open_[at] = false;
}

std::string Show::shown_by(const std::string& user, const std::string& device) {
  for (const demo::Resident& resident : residents_) {
    if (resident.user_id != user) continue;
    for (const Device& one : resident.devices)
      if (one.device_id == device)
        if (std::string words = demo::shown(requests(name_of(resident.vendor)), one.token.text()); !words.empty())
          return words;
  }
  surprises_.push_back(fmt::format("accepted, but the sandbox never saw a push to {}/{}", user, device));
  return "";
}

/// Where the answer got lost the push was repeated: the phone must be able to tell that it is the same one.
void Show::check_repeat() {
  const std::string path = "/3/device/" + demo::token_of(Vendor::Apns, "lost-lee/phone");
  std::vector<std::string> collapse_ids;
  for (const Json& request : requests("apns"))
    if (request.value("path", "") == path)
      for (const Json& header : request["headers"])
        if (header[0] == "apns-collapse-id") collapse_ids.push_back(header[1]);
  if (collapse_ids.size() != 2 || collapse_ids[0] != collapse_ids[1])
    surprises_.push_back(
        fmt::format("a lost answer led to {} requests, with the same collapse id expected twice", collapse_ids.size()));
}

void Show::print(const Line& line) {
  lines_.push_back(line);
  if (options_.json) return;
  const std::string title = line.title == last_title_ ? "" : line.title;
  last_title_ = line.title;
  const auto colour = line.outcome == "accepted" ? fmt::fg(fmt::terminal_color::green)
                      : line.outcome == "suppressed" || line.outcome == "no push"
                          ? fmt::fg(fmt::terminal_color::bright_black)
                      : line.outcome == "token_removed" ? fmt::fg(fmt::terminal_color::yellow)
                                                        : fmt::fg(fmt::terminal_color::red);
  const std::string outcome = fitted(line.outcome, 14);
  std::string said = width_of(line.said) > 72 ? fitted(line.said, 72) : line.said;
  fmt::print("{}  {}  {}  {}\n", fitted(title, 46), fitted(line.to, 18),
             colours_ ? fmt::format(colour, "{}", outcome) : outcome, said);
  std::fflush(stdout);
}

void Show::summarise(milliseconds took) {
  std::map<std::string, int> counts;
  int repeated = 0;
  for (const Line& line : lines_) {
    ++counts[line.outcome];
    repeated += line.attempt > 1 ? 1 : 0;
  }
  if (options_.json) {
    Json lines = Json::array();
    for (const Line& line : lines_)
      lines.push_back({{"scene", line.title},
                       {"to", line.to},
                       {"outcome", line.outcome},
                       {"said", line.said},
                       {"attempt", line.attempt}});
    print_json({{"events", scenes_.size()},
                {"lines", lines},
                {"counts", counts},
                {"took_ms", took.count()},
                {"surprises", surprises_}});
    return;
  }
  std::string words;
  for (const auto& [outcome, count] : counts)
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count, outcome);
  fmt::print("\n{} events in {} ms, and a chat: {}; {} needed a second attempt.\n", scenes_.size(), took.count(), words,
             repeated);
  for (const std::string& surprise : surprises_) fmt::print("  not as expected: {}\n", surprise);
  if (surprises_.empty()) fmt::print("Every outcome is the expected one; the worker drained and committed.\n");
}

}  // namespace

void add_demo_command(CLI::App& root, int& exit_code) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* demo = root.add_subcommand("demo", "The whole path in one process, with sample events; nothing to install");
  demo->add_flag("--check", options->check, "exit 1 unless every outcome is the expected one");
  demo->add_flag("--json", options->json, "one JSON value instead of the live table");
  demo->footer("Example:\n  nightpost demo --check");
  demo->callback([options, &exit_code] {
    const auto shown = Show(*options).run();
    exit_code = shown ? *shown : say_error(shown.error());
  });
}

}  // namespace nightpost::app
