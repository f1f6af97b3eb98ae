// What each vendor wants of a certificate: the table of `nightpost cert fields`.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/vendor.h"

namespace nightpost::app {

/// Of all vendors this binary knows, or of one: [{"vendor", "secret", "package", "receipts", "settings": [{"name",
/// "required", "meaning"}]}].
nlohmann::json certificate_fields(std::optional<Vendor> vendor);
/// The same as forms have it: `fields` are the members of the admin API's body, each with "name", "required", "kind"
/// (text, secret, file, choice), "meaning", and "choices" where it has some.
nlohmann::json certificate_forms();
/// The same for people.
std::string certificate_fields_text(std::optional<Vendor> vendor);

bool is_known(Vendor vendor);

/// Where the vendor is to post this certificate's receipts, behind the listener's own address.
std::string receipt_path(const Certificate& certificate);
/// A setting as it may be shown: what a URL's query holds is left out, for the receipt key stands there.
std::string shown_setting(std::string_view value);

}  // namespace nightpost::app
