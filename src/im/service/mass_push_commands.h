// What each call of MassPushService and MassPushBook does: load, decide, apply. As commands.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "im/service/callback_book.h"
#include "im/service/command.h"
#include "im/service/mass_push.h"
#include "im/store/mass_rows.h"

namespace nightpost::im {

Answer<std::int64_t> begin_mass_push(Work& work, AppId app, const MassPush& push);
Answer<void> cancel_mass_push(Work& work, AppId app, std::int64_t task);
Answer<std::vector<MassPushReport>> mass_push_reports(Work& work, AppId app, const std::vector<std::int64_t>& tasks);

/// Busy: a name is new whose former values are still being deleted.
Answer<void> set_attribute_names(Work& work, AppId app, const std::map<std::int64_t, std::string>& names);
Answer<void> set_attributes(Work& work, AppId app, const std::vector<UserAttributes>& all);
Answer<void> remove_attributes(Work& work, AppId app, const std::vector<UserAttributes>& all);
Answer<std::vector<UserAttributes>> attributes(Work& work, AppId app, const std::vector<std::string>& users);
Answer<void> add_tags(Work& work, AppId app, const std::vector<UserTags>& all);
Answer<void> remove_tags(Work& work, AppId app, const std::vector<UserTags>& all);
Answer<void> remove_all_tags(Work& work, AppId app, const std::vector<std::string>& users);
Answer<std::vector<UserTags>> tags(Work& work, AppId app, const std::vector<std::string>& users);

Answer<std::vector<MassPushTask>> mass_pushes(Work& work);
Answer<MassPushStep> mass_push_step(Work& work, std::int64_t task);
Answer<std::optional<MassPushChunk>> mass_push_chunk(Work& work, std::int64_t task, std::int64_t chunk);
void finish_mass_chunk(Work& work, std::int64_t task, std::int64_t chunk);

/// Of outcomes that are written together: a task is read and written once, however many of them are its.
struct MassOutcomes {
  std::optional<MassTaskRow> task;  // nullopt: there is none
  MassTaskRow more;                 // what its counts grow by
};
using MassOutcomesByTask = std::map<std::int64_t, MassOutcomes>;
/// Counts it in `all`, and tells the app's server, where that wants to know. False: it is of no task.
bool note_mass_push_outcome(Work& work, const PushOutcome& outcome, MassOutcomesByTask& all);
void count_mass_push_outcomes(Work& work, const MassOutcomesByTask& all);

}  // namespace nightpost::im
