// What each route answers when all went well, as JSON Schema for the OpenAPI document. Tests hold every answer of the
// routes against it.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace nightpost::admin {

/// Of "GET /v1/certificates"; what is named in it is one of named_schemas(). Null: the route answers without a body.
nlohmann::json answer_schema(std::string_view method, std::string_view path);
/// components/schemas of the document.
nlohmann::json named_schemas();

}  // namespace nightpost::admin
