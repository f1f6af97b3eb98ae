// An app's own fields of a group: declared names, each with who may write it. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "im/domain/group.h"
#include "im/domain/group_rights.h"

namespace nightpost::im {

/// As they are stored: a JSON object of strings. What is no such object has none.
std::map<std::string, std::string> fields_of(std::string_view json);
/// `json` with `changes` in it; an empty value takes a field away. Malformed: not declared; GroupForbidden: not for
/// this actor; TooLarge.
Answer<std::string> changed_fields(std::string_view json, const std::map<std::string, std::string>& changes,
                                   GroupActor actor, const GroupLimits& limits);

}  // namespace nightpost::im
