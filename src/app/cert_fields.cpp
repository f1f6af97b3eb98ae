#include "app/cert_fields.h"

#include <fmt/format.h>

#include <array>

#include "app/output.h"
#include "app/vendors.h"

namespace nightpost::app {
namespace {

struct Wanted {
  std::string_view secret;
  std::string_view package;
};

constexpr std::array<Wanted, std::size_t(Vendor::Count)> kWanted = {{
    {"--file AuthKey_….p8 with --key-id and --team-id; or --file a .p12 with --password-file",
     "the bundle id; a .p12 names it"},
    {"--file the service account's key file (JSON)", "the package name; for people, FCM does not need it"},
    {"--secret-file the app secret; or --file a service account's key file (JSON), which api=v3 needs",
     "the package name"},
    {"--secret-file the client secret", "the package name"},
    {"--secret-file the AppSecret", "the package name"},
    {"--secret-file the MasterSecret", "the package name"},
    {"--secret-file the AppSecret", "the package name"},
    {"--secret-file the AppSecret", "the package name"},
}};
static_assert(!kWanted.back().secret.empty(), "every vendor has a secret");

template <class Visit>
void each_vendor(std::optional<Vendor> only, Visit visit) {
  for (std::size_t i = 0; i < kWanted.size(); ++i)
    if (const auto vendor = static_cast<Vendor>(i); is_known(vendor) && vendor == only.value_or(vendor))
      visit(vendor, kWanted[i]);
}

}  // namespace

bool is_known(Vendor vendor) { return (", " + vendors_known() + ",").contains(fmt::format(", {},", name_of(vendor))); }

nlohmann::json certificate_fields(std::optional<Vendor> only) {
  nlohmann::json all = nlohmann::json::array();
  each_vendor(only, [&](Vendor vendor, const Wanted& wanted) {
    nlohmann::json settings = nlohmann::json::array();
    for (const SettingField& field : settings_of(vendor))
      settings.push_back({{"name", field.name}, {"required", field.required}, {"meaning", field.meaning}});
    all.push_back({{"vendor", name_of(vendor)},
                   {"secret", wanted.secret},
                   {"package", wanted.package},
                   {"receipts", receipt_reader_of(vendor) != nullptr},
                   {"settings", std::move(settings)}});
  });
  return all;
}

std::string certificate_fields_text(std::optional<Vendor> only) {
  Table table({"VENDOR", "WHAT", "NEEDED", "MEANING"});
  each_vendor(only, [&](Vendor vendor, const Wanted& wanted) {
    const std::string name(name_of(vendor));
    table.row({name, "the secret", "yes", std::string(wanted.secret)});
    table.row({name, "--package", "", std::string(wanted.package)});
    if (receipt_reader_of(vendor) != nullptr)
      table.row({name, "--receipt-key-file", "", "what its receipts are verified by; a random key if absent"});
    for (const SettingField& field : settings_of(vendor))
      table.row({name, fmt::format("--set {}=", field.name), field.required ? "yes" : "", std::string(field.meaning)});
  });
  return table.text("");
}

std::string receipt_path(const Certificate& certificate) {
  return fmt::format("/receipts/{}/{}", name_of(certificate.vendor), certificate.id.value);
}

std::string shown_setting(std::string_view value) {
  const std::size_t question = value.find('?');
  const bool url = value.starts_with("https://") || value.starts_with("http://");
  if (!url || question == std::string_view::npos) return std::string(value);
  return std::string(value.substr(0, question)) + "?…";
}

}  // namespace nightpost::app
