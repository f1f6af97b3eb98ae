// Which devices the offline events name for a message.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/spine/topics.h"

namespace nightpost::e2e::checker {

struct Events {
  std::map<std::pair<std::string, std::string>, int> of;  // (message, device): how many name both
  std::vector<nlohmann::json> pushes, cancels;            // of messages; whole

  Events(support::Topics& topics, const std::string& topic) {
    topics.read(topic, [&](const support::ReadRecord& record) {
      nlohmann::json event = nlohmann::json::parse(record.value);
      if (event.at("kind") == "badge") return;
      if (event.at("kind") == "cancel") return cancels.push_back(std::move(event));
      for (const nlohmann::json& member : event.at("to"))
        for (const nlohmann::json& device : member.at("devices"))
          ++of[{event.at("message").at("id").get<std::string>(), device.get<std::string>()}];
      pushes.push_back(std::move(event));
    });
  }
  int naming(const std::string& message, const std::string& device) const {
    const auto found = of.find({message, device});
    return found == of.end() ? 0 : found->second;
  }
};

}  // namespace nightpost::e2e::checker
