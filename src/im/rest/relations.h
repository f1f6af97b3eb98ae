// What the lists of relations (blacklists, friends) share.
#pragma once

#include <string>
#include <vector>

#include "im/rest/call.h"

namespace nightpost::im {

/// ResultItem of a change, and Fail_Account of those that failed.
void write_results(RestJson& out, const std::vector<std::string>& users, const AdminService::Each& done);

/// Who has whom in a list. `prefix`: "CheckResult_Type_". `single`: the other's list is not looked at.
void write_relations(RestJson& out, const char* list, std::string_view prefix, std::string_view none, bool single,
                     const std::vector<std::string>& users, const std::vector<Relation>& relations);

/// A word of two, by name: true for the second.
bool second_word(Fields& body, const char* name, std::string_view first, std::string_view second, bool absent,
                 bool required = false);

}  // namespace nightpost::im
