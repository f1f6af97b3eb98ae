// How the store's rows look in the API: JSON without secrets. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "admin/ports.h"
#include "core/certificate.h"
#include "core/device.h"
#include "store/admin_store.h"
#include "store/store.h"

namespace nightpost::admin {

nlohmann::json certificate_view(const Certificate& certificate, const CertificateDesk& desk, WallTime now);
/// What of it the audit log says: what ops see, without warnings.
nlohmann::json certificate_note(const Certificate& certificate, const CertificateDesk& desk);
nlohmann::json device_view(const store::Store::DeviceRow& row);
/// What of it the audit log says.
nlohmann::json device_note(const Device& device);
nlohmann::json settings_note(const PushSettings& settings);
nlohmann::json user_view(AppId app, const std::string& user, const Receiver& receiver, WallTime now);
nlohmann::json mute_view(const Mute& mute, WallTime now);
nlohmann::json token_view(const store::AdminToken& token, WallTime now);
/// `own`: it is the caller's.
nlohmann::json session_view(const store::AdminSession& session, bool own);
nlohmann::json audit_view(const store::AuditEntry& entry);
/// null: absent.
nlohmann::json time_or_null(std::optional<WallTime> time);
nlohmann::json apps_or_null(const std::vector<AppId>& apps);  // empty: all, which is null

}  // namespace nightpost::admin
