#include "bench/vendors/bed.h"

#include <fmt/format.h>

#include <csignal>
#include <stdexcept>

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kStandstill = 30s;
constexpr int kPartitions = 4;

}  // namespace

VendorBed::VendorBed(std::string the_program, std::string the_brokers, std::vector<std::string> the_vendors,
                     std::size_t the_users_each)
    : program(std::move(the_program)),
      brokers(std::move(the_brokers)),
      vendors(std::move(the_vendors)),
      users_each(the_users_each),
      sandbox(program, vendors, folder),
      nightpost(program, brokers, folder) {
  const std::string config = nightpost.config("tools.json", {"tools", "offline", "results", "dead"});
  for (std::size_t i = 0; i < vendors.size(); ++i) {
    const std::int64_t certificate = support::add_vendor_certificate(nightpost, config, vendors[i], sandbox, folder);
    support::add_vendor_users(nightpost.store_path(), certificate, vendors[i], first_user(i), users_each);
  }
}

VendorRun::VendorRun(const VendorBed& bed, const std::string& name, const nlohmann::json& config)
    : bed_(bed),
      name_(name),
      names_{.group = name, .offline = name + ".offline", .results = name + ".results", .dead = name + ".dead"},
      topics_(bed.brokers, {{"linger.ms", "1"}}) {
  nlohmann::json changes = {{"kafka", {{"topics", support::retry_topics(name)}}}};
  changes.merge_patch(config);
  config_ = bed.nightpost.config(name + ".json", names_, changes);
  for (const std::string topic : changes["kafka"]["topics"]) topics_.create(topic, kPartitions);
  topics_.create(names_.offline, kPartitions);
  topics_.create(names_.results, kPartitions);
  topics_.create(names_.dead, 1);
}

void VendorRun::flush() { topics_.flush(120s); }

void VendorRun::go() {
  settled_ = outcomes();
  if (worker_ == nullptr) {
    worker_ = std::make_unique<support::Nightpost::Worker>(bed_.nightpost, name_, config_);
    if (!worker_->ready(60s)) throw std::runtime_error("no worker: " + worker_->log());
  }
  usage_ = worker().usage();
  began_ = steady_clock::now();
  worker().signal(SIGCONT);
}

void VendorRun::hold() { worker().signal(SIGSTOP); }

VendorRun::Took VendorRun::until_settled(std::int64_t wanted) {
  auto moved_at = steady_clock::now();
  for (std::int64_t before = -1, now = 0; (now = outcomes() - settled_) < wanted; before = now) {
    if (now != before) moved_at = steady_clock::now();
    if (!worker().running()) throw std::runtime_error("the worker ended by itself: " + worker_->log());
    if (steady_clock::now() - moved_at > kStandstill)
      throw std::runtime_error(fmt::format("{}: standstill at {} of {} outcomes", name_, now, wanted));
    support::pause_for(10ms);
  }
  const double seconds = std::chrono::duration<double>(steady_clock::now() - began_).count();
  support::pause_for(200ms);  // what comes too often shows now
  if (const std::int64_t came = outcomes() - settled_; came != wanted)
    throw std::runtime_error(fmt::format("{}: {} outcomes instead of {}", name_, came, wanted));
  need_no_letters();
  return {.seconds = seconds, .cpu_us = static_cast<double>((worker().usage().cpu - usage_.cpu).count())};
}

void VendorRun::need_no_letters() {
  std::string first;
  topics_.read(names_.dead, [&](const support::ReadRecord& record) {
    if (first.empty())
      for (const auto& [name, value] : record.headers) first += fmt::format(" {}={}", name, value);
  });
  if (!first.empty()) throw std::runtime_error(fmt::format("{}: {} dead letters, the first:{}", name_, dead(), first));
}

void VendorRun::read_outcomes(const std::function<void(const nlohmann::json&)>& take) {
  topics_.read(names_.results, [&](const support::ReadRecord& record) { take(nlohmann::json::parse(record.value)); });
}

void VendorRun::stop() {
  worker().signal(SIGCONT);
  worker().signal(SIGTERM);
  if (worker().wait(60s) != 0) throw std::runtime_error("SIGTERM: the worker did not leave with 0: " + worker_->log());
}

}  // namespace nightpost::bench
