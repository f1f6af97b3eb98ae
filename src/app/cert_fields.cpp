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

struct FormField {
  std::string_view name, kind, meaning;
  bool required = false;
};

/// Of the secret, by vendor; the rest is the same for all.
std::vector<FormField> secret_fields(Vendor vendor) {
  switch (vendor) {
    case Vendor::Apns:
      return {{"file", "file", "AuthKey_….p8, with key_id and team_id; or a .p12, with its password", true},
              {"password", "secret", "of the .p12"},
              {"key_id", "text", "of the .p8: 10 capital letters and digits, as in AuthKey_<key id>.p8"},
              {"team_id", "text", "of the .p8: 10 capital letters and digits, from Apple's membership page"},
              {"environment", "choice", "of a .p8; a .p12 may name it itself"}};
    case Vendor::Fcm:
      return {{"file", "file", "the service account's key file (JSON)", true}};
    case Vendor::Huawei:
      return {{"secret", "secret", "the app secret; or give file"},
              {"file", "file", "a service account's key file (JSON), which api=v3 needs"}};
    case Vendor::Honor:
      return {{"secret", "secret", "the client secret", true}};
    case Vendor::Oppo:
      return {{"secret", "secret", "the MasterSecret", true}};
    case Vendor::Xiaomi:
    case Vendor::Vivo:
    case Vendor::Meizu:
    case Vendor::Count:
      break;
  }
  return {{"secret", "secret", "the AppSecret", true}};
}

nlohmann::json settings_json(Vendor vendor) {
  nlohmann::json settings = nlohmann::json::array();
  for (const SettingField& field : settings_of(vendor)) {
    settings.push_back({{"name", field.name}, {"required", field.required}, {"meaning", field.meaning}});
    if (field.name == "click") settings.back()["choices"] = {"app", "web", "page"};  // click_of()
  }
  return settings;
}

}  // namespace

bool is_known(Vendor vendor) { return (", " + vendors_known() + ",").contains(fmt::format(", {},", name_of(vendor))); }

nlohmann::json certificate_fields(std::optional<Vendor> only) {
  nlohmann::json all = nlohmann::json::array();
  each_vendor(only, [&](Vendor vendor, const Wanted& wanted) {
    all.push_back({{"vendor", name_of(vendor)},
                   {"secret", wanted.secret},
                   {"package", wanted.package},
                   {"receipts", receipt_reader_of(vendor) != nullptr},
                   {"settings", settings_json(vendor)}});
  });
  return all;
}

nlohmann::json certificate_forms() {
  nlohmann::json all = nlohmann::json::array();
  each_vendor(std::nullopt, [&](Vendor vendor, const Wanted& wanted) {
    const bool receipts = receipt_reader_of(vendor) != nullptr;
    std::vector<FormField> fields = {{"name", "text", "letters, digits, '-', '_', '.'", true},
                                     {"bundle_id", "text", wanted.package}};
    for (const FormField& field : secret_fields(vendor)) fields.push_back(field);
    if (receipts) fields.push_back({"receipt_key", "secret", "what its receipts are verified by; random if left out"});
    fields.push_back({"host", "text", "https://host:port instead of the vendor's own"});
    fields.push_back({"ca", "text", "PEM: trust anchor for host"});
    nlohmann::json shown = nlohmann::json::array();
    for (const FormField& field : fields) {
      shown.push_back(
          {{"name", field.name}, {"required", field.required}, {"kind", field.kind}, {"meaning", field.meaning}});
      if (field.kind == "choice") shown.back()["choices"] = {"production", "development"};
    }
    all.push_back({{"vendor", name_of(vendor)},
                   {"receipts", receipts},
                   {"package", wanted.package},
                   {"secret", wanted.secret},
                   {"fields", std::move(shown)},
                   {"settings", settings_json(vendor)}});
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
