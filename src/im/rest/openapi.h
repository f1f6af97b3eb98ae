// The server API as an OpenAPI 3.1 document, made of the table of commands and of what their decoders ask for.
#pragma once

#include "im/rest/commands.h"
#include "im/rest/rest_options.h"

namespace nightpost::im {

inline constexpr std::string_view kOpenapiPath = "/v4/openapi.json";

/// What the command's decoder reads of a request. REQUIRED: it is offered.
std::list<FieldNote> request_fields(const RestCommand& command, Tools& tools);
RestJson openapi_document(Tools& tools, const RestOptions& options);

}  // namespace nightpost::im
