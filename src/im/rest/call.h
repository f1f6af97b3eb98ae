// One call of the server API on its way through a command's handler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/time.h"
#include "im/rest/fields.h"
#include "im/service/admin_service.h"
#include "im/service/group_admin.h"
#include "im/service/group_requests.h"
#include "im/service/mass_push.h"
#include "im/service/presence.h"

namespace nightpost::im {

/// Which list of the API a command's codes are from.
enum class Family : std::uint8_t { Account, Message, Friend, Profile, Conversation, Config, Group, Count };
/// What is answered for a refusal of the service. Total.
std::int32_t rest_code(Family family, Code code) noexcept;
/// For requests that are not as defined.
std::int32_t malformed_code(Family family) noexcept;

/// What becomes of a call: code 0 with members, or a code and a line that says why.
struct Outcome {
  std::int32_t code = 0;
  std::string info;  // of a success: empty, or what Call::advise() said
  RestJson members = RestJson::object();
};

/// What handlers work with; outlives the calls.
struct Tools {
  AdminService& service;
  GroupService* groups = nullptr;     // null: commands of groups are not offered
  GroupAdmin* group_admin = nullptr;  // there where `groups` is
  const Presence& presence;
  const Clock& clock;
  MassPushService* mass = nullptr;  // null: there are no pushes to all
};

/// Answered exactly once, by whichever of its functions comes first that takes it as an rvalue.
class Call {
 public:
  using Done = std::move_only_function<void(Outcome)>;
  Call(Tools& tools, Family family, UserKey administrator, nlohmann::json body, Done done)
      : tools(tools),
        family(family),
        administrator(std::move(administrator)),
        body_(std::make_unique<nlohmann::json>(std::move(body))),
        fault_(std::make_unique<Fault>()),
        done_(std::move(done)) {}
  /// Of nobody: notes what the handler's decoder asks for, which ends where a fault would be answered.
  Call(Tools& tools, Family family, FieldNotes& notes)
      : tools(tools), family(family), fault_(std::make_unique<Fault>()), notes_(&notes) {}

  Tools& tools;
  Family family;
  UserKey administrator;

  /// The request's members. A fault in them is kept by this call.
  Fields fields() {
    return notes_ != nullptr ? Fields(*notes_, notes_->fields, *fault_)
                             : Fields(*body_, "", malformed_code(family), *fault_);
  }
  UserKey user(std::string name) const { return {administrator.app, std::move(name)}; }

  /// True: the request had a fault, which is answered. Each handler asks before it does anything.
  bool answered_fault() {
    if (notes_ != nullptr) return notes_->ended = true;
    if (fault_->code == 0) return false;
    std::exchange(done_, nullptr)({fault_->code, std::move(fault_->info)});
    return true;
  }
  /// What the answer says beside its success: what of the request changed nothing. Empty: nothing.
  void advise(std::string words) { advice_ = std::move(words); }
  void answer(Outcome outcome) && {
    if (notes_ != nullptr) return;
    if (outcome.code == 0 && outcome.info.empty()) outcome.info = std::move(advice_);
    done_(std::move(outcome));
  }
  void refuse(std::int32_t code, std::string info) && { std::move(*this).answer({code, std::move(info)}); }
  void refuse(const Refusal& refusal) && { std::move(*this).refuse(rest_code(family, refusal.code), refusal.why); }

  /// A reply that answers this call: a refusal by its code, else the envelope with what `write(members, value)` adds.
  template <class T, class Write>
  Reply<T> reply(Write write) && {
    return [call = std::move(*this), write = std::move(write)](Answer<T> got) mutable {
      if (!got) return std::move(call).refuse(got.error());
      Outcome outcome;
      write(outcome.members, *std::move(got));
      std::move(call).answer(std::move(outcome));
    };
  }
  /// The envelope alone.
  Reply<void> plain() && {
    return [call = std::move(*this)](const Answer<void>& got) mutable {
      if (!got) return std::move(call).refuse(got.error());
      std::move(call).answer({});
    };
  }

 private:
  std::unique_ptr<nlohmann::json> body_;  // where readers look at it, wherever the call is moved
  std::unique_ptr<Fault> fault_;          // likewise
  Done done_;
  std::string advice_;
  FieldNotes* notes_ = nullptr;  // not null: this call is read by nobody
};

/// Seconds since the epoch, rounded down, as the API has times.
std::int64_t second_of(WallTime at);

/// One item of a list's results: its code and the line that says why.
void add_result(RestJson& item, Family family, const Answer<void>& result);

}  // namespace nightpost::im
