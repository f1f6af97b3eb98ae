// For vendors that are told the app's secret itself, or sign by it: a grant that never ends.
#pragma once

#include <string>
#include <utility>

#include "providers/authorizer.h"

namespace nightpost {

class FixedGrant final : public LocalAuthorizer {
 public:
  /// `signer`: see Authorizer::signer().
  FixedGrant(std::string authorization, std::string signer)
      : authorization_(std::move(authorization)), signer_(std::move(signer)) {}

  Result<GrantStep> begin(WallTime now) const override {
    return Grant{
        .authorization = authorization_, .issued_at = now, .renew_at = WallTime::max(), .expires_at = WallTime::max()};
  }
  milliseconds age_min() const noexcept override { return milliseconds::zero(); }
  std::string signer() const override { return signer_; }

 private:
  std::string authorization_;
  std::string signer_;
};

}  // namespace nightpost
