// What an app's server is asked before a command: the body of the question, by a look that runs the command up to where
// it would write. The bodies are those of domain/before_callback.h's table.
#pragma once

#include <string>
#include <vector>

#include "im/service/actor.h"
#include "im/service/admin_service.h"
#include "im/service/command.h"
#include "im/service/group_commands.h"

namespace nightpost::im {

/// True: this run is that look. The command has been found good, and ends by asking one of these.
inline bool is_look_ahead(const Work& work) noexcept { return work.question != nullptr; }

void ask_send(Work& work, const Actor& who, const Draft& draft, const WireName& name, WallTime at);
void ask_group_send(Work& work, const Actor& who, const GroupRow& group, const GroupDraft& draft);
void ask_group_create(Work& work, const Actor& who, const GroupCreate& request, const std::string& name);
void ask_join(Work& work, const Actor& who, const GroupRow& group);
void ask_invite(Work& work, const Actor& who, const GroupRow& group, const std::vector<std::string>& users);
void ask_friends(Work& work, const UserKey& who, const std::vector<FriendChange>& all, bool both, bool force);

}  // namespace nightpost::im
