// Why something ended the way it did: one closed list for what is held back, refused and given up. The name stands in
// outcomes, dead letters and docs; the sentence is for people.
#pragma once

#include <cstdint>
#include <string_view>

namespace nightpost::dispatch {

enum class Rule : std::uint8_t {
  None,
  // The event as a whole, in the order they are asked.
  PushDisabled,
  OnlineOnly,
  SystemMessage,
  CustomWithoutDesc,
  NoContent,
  Expired,
  TooOld,
  Recalled,
  ReadElsewhere,
  // One receiver.
  SenderItself,
  UserPushOff,
  MutedAll,
  MutedPeer,
  MutedGroup,
  BadgeOff,
  NoDevice,
  ReceiverUnknown,
  // One device.
  LoggedOut,
  Foreground,
  WebTerminal,
  NoToken,
  CallsOnly,
  RungByVoip,
  DeviceUnknown,
  NothingSent,
  // The device's certificate.
  CertificateMissing,
  CertificateUnusable,
  CertificateDisabled,
  WrongVendor,
  TokenMalformed,
  NoBadgeOnly,
  PayloadUnbuildable,
  // What the vendor said.
  Accepted,
  AcceptedInPart,
  TokenGone,
  TokenAlreadyRemoved,
  TokenDoubtedTwice,
  TokenNewer,
  RemovalHeld,
  RemovalFailed,
  TokenSuspect,
  VendorSuppressed,
  VendorRejected,
  VendorMisconfigured,
  VendorThrottled,
  ClassThrottled,
  QuotaSpent,
  VendorClosed,
  SignerSilent,
  SignerFailing,
  SignerFull,
  CredentialBad,
  // What could not be finished, for now or for good.
  VendorFailing,
  Unanswered,
  GrantUnavailable,
  NotInTime,
  BreakerOpen,
  RetriesExhausted,
  DeliveryUnknown,
  StoreUnavailable,
  UnknownApp,
  Malformed,
  TooBig,
  InternalError,
  Count,
};

/// "muted_group": stable, documented in config/schemas/outcome.schema.json.
std::string_view name_of(Rule rule) noexcept;
/// "the receiver has muted this group": static, plain English.
std::string_view sentence_of(Rule rule) noexcept;

/// What is known beside the rule. Views live as long as the call.
struct VendorReason {
  std::string_view code;
  std::string_view meaning;
  std::string_view vendor_id;
};

}  // namespace nightpost::dispatch
