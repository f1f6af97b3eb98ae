// Every statement the store runs on PostgreSQL. A connection prepares each when it first needs it.
#pragma once

#include "store/postgres_connection.h"

namespace nightpost::store::postgres {

extern const PostgresQuery kAppKnown, kReadOnly, kLockUser;
extern const PostgresQuery kCertificateAdd, kCertificateReplace, kCertificateStatus, kCertificateRemove, kIdKnown,
    kIdsLock, kIdsMove;
extern const PostgresQuery kCertificates, kCertificateSecret, kCertificateOwner, kCertificateDevices;
extern const PostgresQuery kVersions, kVersionTexts, kVersionSecret, kRemovedIds, kVersionUse, kVersionRestore;
extern const PostgresQuery kVersionsPrune, kVersionsPurge, kSecretsAll, kSecretsLock, kSecretSet, kVersionSecretSet;
extern const PostgresQuery kFactAdd, kFactsClear, kFacts;
extern const PostgresQuery kChoiceAdd, kChoicesClear, kChoices;  // a certificate's settings
extern const PostgresQuery kDeviceSet, kDeviceStateSet, kDeviceRemove, kTokensRemove, kDevicesBeside;
extern const PostgresQuery kLockToken, kTokenTake, kTokensTake;  // its one owner
extern const PostgresQuery kTokenMove, kTokenRemove;
extern const PostgresQuery kHoldsLockOld, kHoldsLock, kHeldAdd, kHoldSet, kHoldsPrune, kHeldPrune, kHeldForget;
extern const PostgresQuery kHolds, kApprovalSet, kApprovals, kHeldRemove, kHoldsRemove;
extern const PostgresQuery kDevicesOfApp, kDevicesOfUser, kDevicesOfToken;
extern const PostgresQuery kSettingsSet, kMuteSet, kMuteRemove, kMutesBeside;
extern const PostgresQuery kLockAllUsers, kAppChanged, kDeviceIds, kMutesOfUsers;  // bulk
extern const PostgresQuery kDevicesImport, kDeviceStatesImport, kSettingsImport, kMutesImport;
extern const PostgresQuery kDevicesAfter, kUsersAfter;
extern const PostgresQuery kReceivers;
extern const PostgresQuery kChangesBegin, kChanges, kChangesPrune;

}  // namespace nightpost::store::postgres
