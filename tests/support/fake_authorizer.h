// A credential whose grants come from the test itself.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "providers/authorizer.h"

namespace nightpost::testing {

class FakeAuthorizer final : public LocalAuthorizer {
 public:
  /// `signer`: shared with all certificates that name the same; empty: with none.
  explicit FakeAuthorizer(std::string signer = {}) : signer_(std::move(signer)) {}
  Result<GrantStep> begin(WallTime) const override { return fail(Errc::Malformed, "never asked"); }
  milliseconds age_min() const noexcept override { return {}; }
  std::string signer() const override { return signer_; }
  std::optional<ClientIdentity> identity() const override { return {}; }

 private:
  const std::string signer_;
};

}  // namespace nightpost::testing
