// What each call of GroupAdmin does: load, decide, apply. As commands.h.
#pragma once

#include <string>
#include <vector>

#include "im/service/group_admin.h"
#include "im/service/group_commands.h"

namespace nightpost::im {

// group_admin_commands.cpp
struct GroupMessageDraft {  // a GroupMessageImport whose content was checked
  std::string from, client_id, elements, cloud_data;
  WallTime at{};
};
Answer<GroupIds> group_ids(Work& work, AppId app, const GroupIdsRequest& request);
Answer<std::vector<std::string>> member_names(Work& work, AppId app, const std::string& group);
Answer<void> notify_group(Work& work, AppId app, const GroupNotice& notice);
Answer<std::vector<MemberOutcome>> import_members(Work& work, AppId app, const std::string& group,
                                                  const std::vector<MemberImport>& all);
Answer<GroupAdmin::Imported> import_to_group(Work& work, AppId app, const std::string& group,
                                             const std::vector<Answer<GroupMessageDraft>>& all);
Answer<void> edit_in_group(Work& work, AppId app, const std::string& group, Seq seq, const MessageEdit& edit);
Answer<Seq> recall_of_sender(Work& work, AppId app, const std::string& group, const std::string& sender, Seq below);
Answer<void> set_group_unread(Work& work, const UserKey& who, const std::string& group, std::int64_t unread);

// group_keeping.cpp
Answer<std::vector<Receipt>> receipts(Work& work, AppId app, const std::string& group, const std::vector<Seq>& seqs);
Answer<ReceiptUsers> receipt_users(Work& work, AppId app, const ReceiptUsersRequest& request);
Answer<GroupAttributes> group_attributes(Work& work, AppId app, const std::string& group);
Answer<void> change_group_attributes(Work& work, AppId app, const std::string& group, const AttributesChange& change);
Answer<GroupCounters> group_counters(Work& work, AppId app, const std::string& group);
Answer<GroupCounters> change_group_counters(Work& work, AppId app, const std::string& group,
                                            const CountersChange& change);

}  // namespace nightpost::im
