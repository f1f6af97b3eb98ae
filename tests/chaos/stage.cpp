#include "chaos/stage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/spine/fleet.h"

namespace nightpost::chaos {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kStart = 60s;
constexpr auto kRestart = 1s;  // from one start to the next, at least
bool mounts_are_ours = false;

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

bool write_all(const char* path, const std::string& text) {
  std::ofstream out(path);
  return bool(out << text << std::flush);
}

/// What a worker holds is a twentieth of the defaults, and a vendor's silence is noticed in a tenth of the time: as
/// with the defaults a vendor that hangs lets go less than comes for it (51 in 2 s, of 116 a second), and fills up a
/// shard.
nlohmann::json brief_limits() {
  const nlohmann::json lane = {{"response_timeout_ms", 2'000}};
  return {{"kafka", {{"in_flight_max", 2'000}}},
          {"apns", lane},
          {"fcm", lane},
          {"http", lane},
          {"dispatch",
           {{"events_open_max", 1'000},
            {"receivers_unplanned_max", 1'000},
            {"pushes_in_flight_max", 205},
            {"credential_in_flight_max", 51},
            {"pushes_queued_max", 5'000}}}};
}

}  // namespace

bool own_mounts() {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (!write_all("/proc/self/setgroups", "deny") || !write_all("/proc/self/uid_map", fmt::format("{0} {0} 1", uid)) ||
        !write_all("/proc/self/gid_map", fmt::format("{0} {0} 1", gid)))
      return false;
  }
  // Else what we mount would show outside.
  mounts_are_ours = ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return mounts_are_ours;
}

Member::Member(const support::Nightpost& nightpost, std::string name, std::string config)
    : nightpost_(nightpost), name_(std::move(name)), config_(std::move(config)) {}

void Member::start() {
  started_ = std::chrono::steady_clock::now();
  worker_.emplace(nightpost_, fmt::format("{}-{}", name_, ++generation_), config_);
}

void Member::kill() {
  worker_->process().signal(SIGKILL);
  if (!worker_->process().wait(10s)) throw std::runtime_error(name_ + " does not die");
  start();
}

std::optional<int> Member::leave(support::milliseconds patience) {
  if (!worker_) return 0;
  worker_->process().signal(SIGTERM);
  return worker_->process().wait(patience);
}

std::optional<std::string> Member::look_after(bool excused) {
  if (!worker_ || worker_->process().running() || std::chrono::steady_clock::now() - started_ < kRestart)
    return std::nullopt;
  const int code = worker_->process().wait(0ms).value_or(-1);
  std::string log = worker_->log();
  if (log.size() > 400) log.erase(0, log.size() - 400);
  start();
  if (excused) return std::nullopt;
  return fmt::format("{}: exit {}: {}", name_, code, log);
}

std::uint64_t Member::bugs() const {
  std::uint64_t bugs = 0;
  for (int i = 1; i <= generation_; ++i) {
    std::ifstream log(nightpost_.file(fmt::format("{}-{}.log", name_, i)));
    for (std::string line; std::getline(log, line);)
      for (const std::string_view sign : {"worker.internal_errors", "AddressSanitizer", "terminate called"})
        bugs += line.contains(sign);
  }
  return bugs;
}

Stage::Stage(const std::string& program, const Form& form)
    : form_(form),
      broker_(form.cluster ? nullptr : std::make_unique<support::Broker>(folder)),
      cluster_(form.cluster ? std::make_unique<support::Cluster>(folder) : nullptr),
      brokers_(form.cluster ? cluster_->addresses() : broker_->address()),
      topics_(brokers_, {{"log_level", "0"}}),
      nightpost_(program, brokers_, folder) {
  fs::create_directory(store_folder());
  disk_ = mounts_are_ours && ::mount("tmpfs", store_folder().c_str(), "tmpfs", 0, "size=48m,mode=0700") == 0;
  fs::create_directory_symlink(store_folder(), folder.file("store"));
  topics_.create(names_.offline, kPartitions);
  topics_.create(names_.results, 4);
  topics_.create(names_.dead, 1);
  for (const std::string topic : support::retry_topics(names_.group)) topics_.create(topic, kPartitions);
  sandbox = std::make_unique<support::SandboxProcess>(program, std::vector<std::string>{}, folder, std::string(kMark));
  foreign_ = std::make_unique<support::SandboxProcess>(program, std::vector<std::string>{"apns"}, foreign_folder_);
  proxy_ = std::make_unique<Relay>(relays_, 0);
  const std::string config = nightpost_.config("tools.json", names_, config_changes(false));
  for (std::size_t v = 0; v < vendors.size(); ++v) {
    lines_.push_back(std::make_unique<Relay>(relays_, port_of(sandbox->url(vendors[v]))));
    const std::int64_t certificate =
        support::add_vendor_certificate(nightpost_, config, vendors[v], *sandbox, folder, {},
                                        fmt::format("https://localhost:{}", lines_.back()->port()));
    support::add_vendor_users(store_path(), certificate, vendors[v], v * kUsersEach, kUsersEach);
  }
  for (const bool with_proxy : {false, true}) {
    const std::string name = with_proxy ? "b" : "a";
    members.push_back(std::make_unique<Member>(nightpost_, name,
                                               nightpost_.config(name + ".json", names_, config_changes(with_proxy))));
  }
  guest = std::make_unique<Member>(nightpost_, "guest", nightpost_.config("guest.json", names_, config_changes(false)));
}

Stage::~Stage() {
  sandbox->process().signal(SIGCONT);
  for (const auto& member : members)
    if (member->up()) member->worker().process().signal(SIGKILL);
  if (guest->up()) guest->worker().process().signal(SIGKILL);
  guest.reset();
  members.clear();
  locker_.reset();
  if (disk_) ::umount2(store_folder().c_str(), MNT_DETACH);
}

nlohmann::json Stage::config_changes(bool with_proxy) const {
  nlohmann::json changes = {{"store", {{"url", "sqlite:" + store_path()}}},
                            {"kafka", {{"topics", support::retry_topics(names_.group)}}}};
  if (form_.soak) changes["trace"] = {{"sample", 1}};
  if (with_proxy) changes["proxy"] = {{"url", fmt::format("http://127.0.0.1:{}", proxy_->port())}};
  if (form_.brief) changes.merge_patch(brief_limits());
  return changes;
}

void Stage::start_fleet() {
  for (const auto& member : members) {
    member->start();
    if (!member->worker().ready(kStart)) throw std::runtime_error("no worker: " + member->worker().log());
  }
}

void Stage::script(const std::vector<nlohmann::json>& rules) {
  nlohmann::json all = nlohmann::json::array();
  for (const nlohmann::json& rule : rules) all.push_back(rule);
  sandbox->script({{"rules", std::move(all)}});
}

void Stage::mend() {
  for (std::size_t v = 0; v < lines_.size(); ++v) lines_[v]->be(Line::Well);
  proxy_->be(Line::Well);
  script({});
}

void Stage::trust(VendorNumber vendor, bool trusted) {
  line(vendor).lead_to(port_of(trusted ? sandbox->url(vendors[vendor]) : foreign_->url("apns")));
  line(vendor).cut();
}

void Stage::restart_broker(std::uint64_t dice) {
  if (broker_) return broker_->restart();
  const int node = static_cast<int>(dice % support::Cluster::kNodes);
  cluster_->lose(node);
  support::pause_for(8s);
  cluster_->back(node);
}

void Stage::refuse_results(bool refused) { topics_.limit_message_bytes(names_.results, refused ? 1 : 1'048'588); }

void Stage::lock_store(bool locked) {
  if (!locked) return locker_.reset();
  locker_.emplace(std::vector<std::string>{"stdbuf", "-oL", "sqlite3", store_path()},
                  support::ProcessOptions{.environment = {}, .folder = {}, .log_file = {}, .talk = true});
  locker_->say(".timeout 10000");
  locker_->say("BEGIN IMMEDIATE; SELECT 'locked';");
  if (locker_->hear(15s) != "locked") throw std::runtime_error("the store cannot be locked");
}

void Stage::hide_store(bool hidden) {
  fs::remove(folder.file("store"));
  // Not just absent: a worker makes the folder, and a new store in it.
  if (hidden)
    folder.write("store", "no folder");
  else
    fs::create_directory_symlink(store_folder(), folder.file("store"));
}

void Stage::fill_store(bool full) {
  const std::string filler = store_folder() + "/filler";
  if (!full) {
    fs::remove(filler);
    return;
  }
  const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("the store's disk cannot be filled");
  const std::string block(4'096, 'x');
  while (::write(fd, block.data(), block.size()) > 0) {
  }
  ::close(fd);
}

void Stage::each_waiting(const std::function<void(std::string_view event)>& take) {
  for (const std::string topic : support::retry_topics(names_.group))
    topics_.read_uncommitted(names_.group + ".delay", topic,
                             [&](const support::ReadRecord& record) { take(record.value); });
}

std::int64_t Stage::uncommitted() {
  return topics_.size(names_.offline) - topics_.committed(names_.group, names_.offline);
}

}  // namespace nightpost::chaos
