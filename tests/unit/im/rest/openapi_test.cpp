// The API's document: that it says what decoders read, holds together, and is served.
#include "im/rest/openapi.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

struct Documented : RestBed {
  Documented() {
    open_api(service.get());
    document = Json::parse(ask_raw("/v4/openapi.json", "", "GET").body);
  }
  const Json& request_of(const RestCommand& command) const {
    return document.at("paths")
        .at("/v4/" + std::string(command.service) + "/" + std::string(command.name))
        .at("post")
        .at("requestBody")
        .at("content")
        .at("application/json")
        .at("schema");
  }
  Json document;
};

/// Each object and array inside, with its place.
void walk(const Json& value, const std::string& place,
          const std::function<void(const Json&, const std::string&)>& see) {
  see(value, place);
  if (value.is_object())
    for (const auto& [name, member] : value.items()) walk(member, place + "/" + name, see);
  else if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], place + "/" + std::to_string(i), see);
}

TEST_CASE("openapi: every command once, offered or not", "[im][rest][openapi]") {
  Documented bed;
  std::size_t offered = 0;
  for (const RestCommand& command : rest_commands()) {
    const std::string path = "/v4/" + std::string(command.service) + "/" + std::string(command.name);
    CAPTURE(path);
    const bool listed = bed.document.at("paths").contains(path);
    CHECK(listed == (command.handler != nullptr));
    offered += listed ? 1 : 0;
    if (!listed) continue;
    const Json& post = bed.document.at("paths").at(path).at("post");
    CHECK(post.at("operationId") == std::string(command.service) + "." + std::string(command.name));
    CHECK(post.at("x-calls-per-second") == (command.rate == Rate::Message ? 200 : 100));
    CHECK(post.at("x-who") == "administrator");
    CHECK(post.at("x-since") == command.since);
    CHECK(post.value("deprecated", false) == !command.old_of.empty());
  }
  CHECK(bed.document.at("paths").size() == offered);
  CHECK(bed.document.at("x-not-offered").size() == rest_commands().size() - offered);
  CHECK(bed.document.at("openapi") == "3.1.0");
}

TEST_CASE("openapi: a server without groups documents none", "[im][rest][openapi]") {
  RestBed bed;
  const Json document = Json::parse(bed.ask_raw("/v4/openapi.json", "", "GET").body);
  CHECK_FALSE(document.at("paths").contains("/v4/group_open_http_svc/create_group"));
  CHECK(document.at("paths").contains("/v4/openim/sendmsg"));
  for (const Json& missing : document.at("x-not-offered")) CHECK(missing.at("ErrorCode") != 0);
}

TEST_CASE("openapi: references lead somewhere, schemas are in order", "[im][rest][openapi]") {
  Documented bed;
  const std::set<std::string> types = {"object", "array", "string", "integer", "number"};
  std::size_t references = 0, integers = 0;
  walk(bed.document, "#", [&](const Json& value, const std::string& place) {
    if (!value.is_object()) return;
    CAPTURE(place);
    if (const auto ref = value.find("$ref"); ref != value.end() && ref->is_string()) {
      ++references;
      CHECK(bed.document.contains(Json::json_pointer(ref->get<std::string>().substr(1))));
    }
    const auto type = value.find("type");
    if (type == value.end() || !type->is_string()) return;
    CHECK(types.contains(type->get<std::string>()));
    CHECK((*type == "array") == value.contains("items"));
    if (*type == "object") {
      REQUIRE(value.contains("properties"));
      for (const Json& name : value.value("required", Json::array()))
        CHECK(value.at("properties").contains(name.get<std::string>()));
    }
    if (*type == "integer" && value.contains("maximum")) {
      ++integers;
      CHECK(value.at("minimum") <= value.at("maximum"));
    }
  });
  CHECK(references > 300);
  CHECK(integers > 50);
}

TEST_CASE("openapi: what a decoder asks for is noted with type, range and old name", "[im][rest][openapi]") {
  Documented bed;
  const Json& send = bed.request_of(*find_command("openim", "sendmsg"));
  CHECK(send.at("properties").at("MsgRandom") == Json{{"type", "integer"}, {"minimum", 0}, {"maximum", 4294967295}});
  CHECK(send.at("properties").at("MsgBody") == Json{{"$ref", "#/components/schemas/MsgBody"}});
  CHECK(send.at("properties")
            .at("OfflinePushInfo")
            .at("properties")
            .at("AndroidInfo")
            .at("properties")
            .contains("OPPOChannelID"));
  CHECK(send.at("required") == Json{"To_Account", "MsgRandom", "MsgBody"});
  const Json& import = bed.request_of(*find_command("im_open_login_svc", "account_import"));
  CHECK(import.at("properties").at("Identifier").at("deprecated") == true);
  CHECK(import.at("allOf") == Json::parse(R"([{"anyOf":[{"required":["UserID"]},{"required":["Identifier"]}]}])"));
  // Either of two lists: both are there, neither is required.
  const Json& many = bed.request_of(*find_command("im_open_login_svc", "multiaccount_import"));
  CHECK(many.at("properties").at("AccountList").at("maxItems") == 100);
  CHECK(many.at("properties").contains("Accounts"));
  CHECK_FALSE(many.contains("required"));
  // A name where a list is meant, too: any type.
  CHECK(bed.request_of(*find_command("group_open_http_svc", "send_group_msg")).at("properties").at("To_Account") ==
        Json::object());
  // Pushes to all: a condition's members, and what a notification without a message needs.
  const Json& everybody = bed.request_of(*find_command("all_member_push", "im_push")).at("properties");
  CHECK(everybody.at("Condition").at("properties").at("TagsAnd").at("maxItems") == 10);
  CHECK(everybody.at("Condition").at("properties").contains("AttrsOr"));
  const Json& notification = bed.request_of(*find_command("timpush", "push"));
  CHECK(notification.at("required") == Json{"MsgRandom", "OfflinePushInfo"});
  CHECK(notification.at("properties").at("OfflinePushInfo").at("properties").contains("Desc"));
  CHECK(bed.request_of(*find_command("all_member_push", "im_get_attr_name")).at("properties").empty());
  const Json& kinds = bed.document.at("components").at("schemas").at("MsgBody").at("items").at("oneOf");
  CHECK(kinds.size() == 8);
  for (const Json& kind : kinds) CHECK_FALSE(kind.at("properties").at("MsgContent").at("properties").empty());
}

TEST_CASE("openapi: every earlier name that clients still use is read beside the new one", "[im][rest][openapi]") {
  Documented bed;
  struct Row {
    const char *service, *command, *name, *old;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"im_open_login_svc", "account_import", "UserID", "Identifier"},
           {"im_open_login_svc", "kick", "UserID", "Identifier"},
           {"openim", "admin_getroammsg", "Operator_Account", "From_Account"},
           {"openim", "admin_getroammsg", "Peer_Account", "To_Account"},
           {"group_open_http_svc", "get_appid_group_list", "GroupType", "Type"},
           {"group_open_http_svc", "get_joined_group_list", "GroupType", "Type"},
           {"group_open_http_svc", "modify_group_base_info", "MuteAllMember", "ShutUpAllMember"},
           {"group_open_http_svc", "modify_group_member_info", "MuteTime", "ShutUpTime"},
           {"group_open_http_svc", "forbid_send_msg", "MuteTime", "ShutUpTime"},
           {"group_open_http_svc", "send_group_msg", "OnlineOnlyFlag", "MsgOnlineOnlyFlag"},
           {"recentcontact", "delete", "Type", "type"},
           {"all_member_push", "im_set_attr", "UserAttrs", "Attrs"},
           {"all_member_push", "im_remove_attr", "UserAttrs", "Attrs"},
           {"all_member_push", "im_add_tag", "UserTags", "Tags"},
           {"all_member_push", "im_remove_tag", "UserTags", "Tags"},
       }) {
    CAPTURE(row.command, row.name);
    const Json& properties = bed.request_of(*find_command(row.service, row.command)).at("properties");
    CHECK(properties.contains(row.name));
    REQUIRE(properties.contains(row.old));
    CHECK(properties.at(row.old).at("description") == std::string("earlier name of ") + row.name);
  }
  // Where neither is an earlier name of the other, or the member has a third.
  CHECK(bed.request_of(*find_command("group_open_http_svc", "modify_group_member_info"))
            .at("properties")
            .contains("ShutUpUntil"));
  const Json& accounts = bed.request_of(*find_command("im_open_login_svc", "multiaccount_import")).at("properties");
  CHECK((accounts.contains("AccountList") && accounts.contains("Accounts")));
}

/// A value that the schema allows; words that decoders look into come from the test.
Json sample(const Json& schema, const std::string& name) {
  static const Json kWords = {{"Type", "Public"},
                              {"Mode", "Set"},
                              {"MsgKey", "1_2_3"},
                              {"Tag", "Tag_SNS_IM_Remark"},
                              {"MsgBody", Json::parse(R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}])")}};
  if (kWords.contains(name) && (!schema.contains("type") || schema.at("type") == "string")) return kWords.at(name);
  const std::string type = schema.value("type", "");
  if (type == "integer") return schema.at("minimum");
  if (type == "number") return 1.5;
  if (type == "array") return Json::array({sample(schema.at("items"), "")});
  if (type != "object") return "x";
  Json out = Json::object();
  for (const Json& required : schema.value("required", Json::array()))
    out[required.get<std::string>()] = sample(schema.at("properties").at(required.get<std::string>()), required);
  for (const Json& either : schema.value("allOf", Json::array())) {
    const std::string one = either.at("anyOf").at(0).at("required").at(0);
    out[one] = sample(schema.at("properties").at(one), one);
  }
  return out;
}

TEST_CASE("openapi: a documented field of another type is refused by its name", "[im][rest][openapi]") {
  Documented bed;
  std::size_t tried = 0;
  for (const RestCommand& command : rest_commands()) {
    if (command.handler == nullptr) continue;
    const Json& schema = bed.request_of(command);
    for (const auto& [name, field] : schema.at("properties").items()) {
      CAPTURE(command.name, name);
      Json body = sample(schema, "");
      if (!field.contains("type")) continue;
      if (command.name == "multiaccount_import" && name == "Accounts") body.erase("AccountList");
      if (command.name == "delete") body["To_Account"] = "x";  // one of two names, as the type says
      const std::string type = field.at("type");
      body[name] = type == "string" || type == "array" || type == "object" ? Json(7) : Json("seven");
      if (field.contains("deprecated")) {  // the newer name would be read instead
        const std::string newer = field.at("description").get<std::string>().substr(16);
        body.erase(newer);
      }
      const Json reply = bed.call(std::string(command.service) + "/" + std::string(command.name), body);
      CHECK(reply.at("ErrorInfo").get<std::string>().starts_with(name + ": not a"));
      ++tried;
    }
  }
  CHECK(tried > 250);
}

}  // namespace
}  // namespace nightpost::im
