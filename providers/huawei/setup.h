// What a certificate says of every request: the api, who sends, how it looks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/result.h"
#include "providers/settings.h"

namespace nightpost::huawei {

enum class Api : std::uint8_t { V1, V2, V3 };

struct Setup {
  Api api = Api::V1;
  std::string app_id;
  std::string project_id;
  std::string category;       // empty: none (v1, v2)
  std::string call_category;  // of calls; empty: as any other
  std::string channel_id;
  std::string badge_class;
  int collapse_key = -1;
  std::string receipt_id;
  Click click;

  /// "/v1/<app id>/messages:send", "/v2/<project id>/…", "/v3/<project id>/…"
  std::string path() const;
  bool shows_badge() const { return api == Api::V3 || !badge_class.empty(); }
};

/// Malformed, one sentence for ops: an id that the api needs is missing, or the api cannot do what a tap is to do.
Result<Setup> setup_of(const Certificate& certificate);

/// One of Huawei's classes of notifications that `api` takes ("IM", "EXPRESS", …).
bool is_category(std::string_view name, Api api) noexcept;

std::optional<Api> api_from(std::string_view name) noexcept;

}  // namespace nightpost::huawei
