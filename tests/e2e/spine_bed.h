// The ground of the spine tests: a real Kafka, the sink, the binary under test, a folder; one of each per test case.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/spine/broker.h"
#include "support/spine/fleet.h"
#include "support/spine/rig.h"
#include "support/spine/topics.h"

namespace nightpost::e2e {

/// $NIGHTPOST_BIN, else the release build's.
inline std::string program() {
  const char* named = std::getenv("NIGHTPOST_BIN");
  std::string path = named != nullptr ? named : NIGHTPOST_SOURCE "/build/release/nightpost";
  if (!std::filesystem::exists(path)) throw std::runtime_error(path + " is not there: ./dev build makes it");
  return path;
}

/// The value of a series on the worker's /metrics, its labels included in `series`; −1 if it is not there.
inline double metric(const support::Nightpost::Worker& worker, const std::string& series) {
  const std::string url = worker.ready_json().at("http").get<std::string>() + "/metrics";
  const std::string page = support::run_command({"curl", "--silent", url}, support::milliseconds(10'000)).out;
  const std::size_t at = page.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 2));
}

struct Bed {
  explicit Bed(std::size_t records_max = 0)
      : broker(folder),
        topics(broker.address()),
        sink({.program = NIGHTPOST_SINK, .records_max = records_max}, folder),
        nightpost(program(), broker.address(), folder) {
    topics.create(names.offline, 8);
    topics.create(names.results, 4);
    topics.create(names.dead, 1);
  }

  /// Every outcome on the results topic.
  std::vector<nlohmann::json> outcomes() {
    std::vector<nlohmann::json> all;
    topics.read(names.results, [&](const support::ReadRecord& r) { all.push_back(nlohmann::json::parse(r.value)); });
    return all;
  }
  bool committed(std::int64_t records, support::milliseconds patience) {
    return support::eventually(
        patience, [&] { return topics.committed(names.group, names.offline) >= records; }, support::milliseconds(100));
  }

  const support::Nightpost::Names names{
      .group = "spine", .offline = "spine.offline", .results = "spine.results", .dead = "spine.dead"};
  support::TempFolder folder{"e2e"};
  support::Broker broker;
  support::Topics topics;
  support::Sink sink;
  support::Nightpost nightpost;
};

}  // namespace nightpost::e2e
