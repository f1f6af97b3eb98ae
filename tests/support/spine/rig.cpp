#include "support/spine/rig.h"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "store/sealer.h"
#include "support/spine/fleet.h"

namespace nightpost::support {
namespace {

constexpr milliseconds kAnswer{10'000};
constexpr milliseconds kCommand{60'000};

std::vector<std::string> sink_command(const Sink::Options& options, const std::string& ca_file) {
  return {options.program, "--control",
          "--ca-file",     ca_file,
          "--streams-max", std::to_string(options.streams_max),
          "--records-max", std::to_string(options.records_max)};
}

}  // namespace

Sink::Sink(const Options& options, const TempFolder& folder)
    : ca_file_(folder.file("sink-ca.pem")),
      dump_file_(folder.file("sink-requests.tsv")),
      process_(sink_command(options, ca_file_), {.environment = {}, .folder = {}, .log_file = {}, .talk = true}),
      origin_(nlohmann::json::parse(process_.hear(kAnswer)).at("origin")) {}

std::string Sink::ask(const std::string& command) {
  process_.say(command);
  return process_.hear(kAnswer);
}

Sink::Stats Sink::stats() {
  using std::chrono::microseconds;
  const nlohmann::json json = nlohmann::json::parse(ask("stats"));
  const nlohmann::json& latency = json.at("latency");
  const auto us = [](const nlohmann::json& value) { return microseconds(value.get<std::int64_t>()); };
  return {.requests = json.at("requests"),
          .distinct = json.at("distinct"),
          .connections = json.at("connections"),
          .body_bytes = json.at("body_bytes"),
          .first = us(json.at("first_us")),
          .last = us(json.at("last_us")),
          .cpu = us(json.at("cpu_us")),
          .latency = {.count = latency.at("count"),
                      .p50 = us(latency.at("p50_us")),
                      .p99 = us(latency.at("p99_us")),
                      .p999 = us(latency.at("p999_us")),
                      .max = us(latency.at("max_us"))}};
}

void Sink::reset() {
  if (ask("reset") != "ok") throw std::runtime_error("sink: reset refused");
}

std::vector<Sink::Seen> Sink::seen() {
  if (ask("dump " + dump_file_) != "ok") throw std::runtime_error("sink: dump refused");
  std::istringstream lines(read_file(dump_file_));
  std::vector<Seen> all;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Seen seen;
    std::string arrived_us;
    std::getline(fields, arrived_us, '\t');
    std::getline(fields, seen.token, '\t');
    std::getline(fields, seen.collapse_id, '\t');
    std::getline(fields, seen.apns_id);
    all.push_back(std::move(seen));
  }
  return all;
}

nlohmann::json retry_topics(const std::string& prefix) {
  nlohmann::json topics;
  for (const std::string tier : {"10s", "1m", "10m", "1h"}) topics["retry_" + tier] = prefix + ".retry." + tier;
  return topics;
}

Nightpost::Nightpost(std::string program, std::string brokers, const TempFolder& folder)
    : program_(std::move(program)),
      brokers_(std::move(brokers)),
      folder_(folder),
      store_path_(folder.file("store.db")),
      key_file_(folder.write("master.key", store::Sealer::new_key_text())) {}

std::string Nightpost::config(const std::string& name, const Names& names, const nlohmann::json& changes) const {
  nlohmann::json json = {{"kafka",
                          {{"brokers", brokers_},
                           {"group_id", names.group},
                           {"topics", {{"offline", names.offline}, {"results", names.results}, {"dead", names.dead}}}}},
                         {"store", {{"url", "sqlite:" + store_path_}, {"master_key_file", key_file_}}},
                         {"worker", {{"http_listen", "127.0.0.1:0"}}},
                         {"log", {{"level", "info"}}}};
  json.merge_patch(changes.is_null() ? nlohmann::json::object() : changes);
  return folder_.write(name, json.dump(2));
}

Ran Nightpost::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv{program_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_command(argv, kCommand, {.environment = {}, .folder = folder_.path(), .log_file = {}, .talk = true});
}

std::int64_t Nightpost::add_certificate(const std::string& config, const std::string& origin,
                                        const std::string& ca_file) const {
  const std::string key = folder_.write("AuthKey_ABC123DEFG.p8", new_p8());
  const Ran ran = run({"cert",          "add",
                       "--config",      config,
                       "--vendor",      "apns",
                       "--app",         std::to_string(kFleetApp),
                       "--name",        "spine",
                       "--file",        key,
                       "--key-id",      "ABC123DEFG",
                       "--team-id",     "DEF123GHIJ",
                       "--bundle-id",   "com.example.spine",
                       "--environment", "production",
                       "--host",        origin,
                       "--ca-file",     ca_file});
  if (ran.exit_code != 0) throw std::runtime_error("cert add: exit " + std::to_string(ran.exit_code) + " " + ran.out);
  return std::stoll(ran.out);
}

Nightpost::Worker::Worker(const Nightpost& nightpost, const std::string& name, const std::string& config)
    : ready_file_(nightpost.folder_.file(name + ".ready")),
      log_file_(nightpost.folder_.file(name + ".log")),
      process_((std::filesystem::remove(ready_file_), std::vector<std::string>{nightpost.program_, "worker", "--config",
                                                                               config, "--ready-file", ready_file_}),
               {.environment = {}, .folder = nightpost.folder_.path(), .log_file = log_file_, .talk = false}) {}

bool Nightpost::Worker::ready(milliseconds patience) {
  const bool written = eventually(
      patience, [&] { return std::filesystem::exists(ready_file_) || !process_.running(); }, milliseconds(2));
  return written && process_.running();
}

nlohmann::json Nightpost::Worker::ready_json() const { return nlohmann::json::parse(read_file(ready_file_)); }

}  // namespace nightpost::support
