// What each command writes for the app's server, in its own transaction: a row where the app wants that callback. The
// bodies are those of domain/callback.h's table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "im/domain/callback.h"
#include "im/domain/group_tip.h"
#include "im/service/actor.h"
#include "im/service/callback_book.h"
#include "im/service/command.h"

namespace nightpost::im {

/// Whether the app is told of it: else what a body needs is not read.
bool wants_callback(const Work& work, AppId app, Callback what);

/// `hidden`: the receiver has the sender on his blacklist. `name`: what the app's server calls it.
void note_sent(Work& work, const Actor& who, const Message& message, WireName name, bool hidden, bool online_only,
               std::int64_t receiver_unread);
void note_read(Work& work, const Actor& who, const ConvRow& conv, const ChatRow& chat);
void note_recalled(Work& work, const Actor& who, const Message& message);
/// Of a group by its id, which is none any more once it is dismissed.
void note_group_sent(Work& work, const Actor& who, const GroupRow& group, const Message& message, bool online_only);
void note_group_recalled(Work& work, const Actor& who, const GroupRow& group, MessageId message);
void note_group_created(Work& work, const Actor& who, const GroupRow& group, const std::vector<std::string>& members);
void note_joined(Work& work, const Actor& who, const GroupRow& group, bool invited,
                 const std::vector<std::string>& users);
void note_left(Work& work, const Actor& who, const GroupRow& group, bool kicked, const std::vector<std::string>& users);
void note_dismissed(Work& work, const Actor& who, const GroupRow& group);
void note_group_changed(Work& work, const Actor& who, const GroupRow& group, const GroupTip& tip);
/// Friends and blacklists. `by_name`: the server API's word for it.
void note_relations(Work& work, const Actor& who, Callback what, const std::vector<std::string>& others,
                    std::string_view by_name, bool force = false);
void note_blacklist(Work& work, const Actor& who, const std::vector<std::string>& others, bool on);
/// Nick and face, where they are named: tags, and values in JSON.
std::vector<std::pair<std::string, std::string>> tagged(const Profile& profile);
void note_profile(Work& work, const Actor& who, const std::vector<std::pair<std::string, std::string>>& fields);

/// Of a message that is there no more, or was never here, none is written.
Answer<void> note_push_outcomes(Work& work, const std::vector<PushOutcome>& all);

/// Names an outcome, so that a receiver knows one that it is told again. With the user: an event is of many, whose
/// devices may have the same name.
std::string push_outcome_id(const PushOutcome& outcome);
/// `events`: a JSON array.
void note_push_events(Work& work, AppId app, Callback what, const std::string& events);

struct StateNote {
  std::string_view action, reason;  // "Login", "Register"
  std::vector<Platform> kicked;
};
void note_state(Work& work, const Terminal& who, const StateNote& note);

}  // namespace nightpost::im
