"""The server API as a business server meets it through another unmodified SDK: PyPI's tencentcloud-sdk-python-im. It is
told a URL, an app, its key and an administrator; the rest is its own: paths, signatures (tls-sig-api-v2), JSON. What
each call answers is compared with what the API promises.

    suite.py HOST:PORT APP ADMINISTRATOR KEY_FILE        the CA in REQUESTS_CA_BUNDLE
"""
import logging
import sys
import time

from tencentcloud_im.tcim_client import (
    BatchMessageObj, FriendObj, GroupAttr, GroupMemObj, GroupMessageObj, GroupObj, MessageFile, MessageObj,
    MessageText, SnsItemObj, TCIMClient, UpdateFriendObj)

logging.disable()  # the SDK prints whole URLs, signature and all
calls = 0
faults = 0
step = ""


def fault(what):
    global faults
    faults += 1
    print(f"FAULT {step}: {what}")


def answer(response, code=0):
    """The reply's JSON; its code must be `code`. The SDK gives None where it could not ask."""
    global calls
    calls += 1
    if response is None or response.status_code != 200:
        fault(f"no answer: {response}")
        return {}
    got = response.json()
    if got.get("ErrorCode") != code or got.get("ActionStatus") != ("FAIL" if code else "OK"):
        fault(f"code {code} was expected: {got}")
    return got


def same(got, want, what):
    if got != want:
        fault(f"{what}: {got!r}, not {want!r}")


def text(words):
    return [MessageText(words)]


def accounts(im):
    answer(im.add_single_user("mei", "Mei", "https://example.com/mei.png"))
    answer(im.batch_add_users(["denny", "vinson", "olga"]))
    found = answer(im.search_user(["mei", "nobody"]))
    same({each["UserID"]: each["AccountStatus"] for each in found.get("ResultItem", [])},
         {"mei": "Imported", "nobody": "NotImported"}, "accounts")
    online = answer(im.check_user_online(["mei"]))
    same([each["To_Account"] for each in online.get("QueryResult", [])], ["mei"], "states")
    answer(im.abolition_user_sig("mei"))
    answer(im.abolition_user_sig("nobody"), 70107)
    gone = answer(im.del_user(["olga", "nobody"]))
    same([each["ResultCode"] for each in gone.get("ResultItem", [])], [0, 70107], "deleted")


def messages(im):
    begin = int(time.time()) - 5
    first = answer(im.send_message(MessageObj("mei", "denny", text("hello"), extra_data="mine")))
    file = MessageFile("https://example.com/a.pdf", 12, "a.pdf")
    answer(im.send_message(MessageObj("mei", "denny", text("look"), [file], sync_machine=2)))
    answer(im.send_message(MessageObj("mei", "nobody", text("hello"))), 90012)
    answer(im.batch_send_message(BatchMessageObj("mei", ["denny", "vinson"], text("to both"))))
    answer(im.import_message_to_im(MessageObj("denny", "mei", text("long ago")), begin - 100, 2))
    same(answer(im.get_unread_num("denny")).get("AllC2CUnreadMsgNum"), 3, "unread")
    page = answer(im.get_message_list("denny", "mei", 10, begin - 200, begin + 1_000))
    said = [each["MsgBody"][0]["MsgContent"]["Text"] for each in page.get("MsgList", [])]
    same(sorted(said), ["hello", "long ago", "look", "to both"], "history")
    same([each.get("CloudCustomData") for each in page.get("MsgList", []) if each["MsgKey"] == first.get("MsgKey")],
         ["mine"], "custom data")
    answer(im.set_user_message_read("denny", "mei"))
    same(answer(im.get_unread_num("denny", ["mei"])).get("C2CUnreadMsgNumList"),
         [{"Peer_Account": "mei", "C2CUnreadMsgNum": 0}], "unread of mei")
    answer(im.draw_message("mei", "denny", first.get("MsgKey", "")))
    answer(im.draw_message("mei", "denny", "1_2_3"), 20026)


def friends(im):
    done = answer(im.add_friend("mei", [FriendObj("denny", "App", "Den", "cooks"), FriendObj("nobody", "App")]))
    same([each["ResultCode"] == 0 for each in done.get("ResultItem", [])], [True, False], "added")
    answer(im.update_friend("mei", [UpdateFriendObj("denny", [SnsItemObj("Tag_SNS_IM_Remark", "Chef")])]))
    found = answer(im.get_target_friends("mei", ["denny"], ["Tag_SNS_IM_Remark"]))
    same(found.get("InfoItem", [{}])[0].get("SnsProfileItem"), [{"Tag": "Tag_SNS_IM_Remark", "Value": "Chef"}], "remark")
    same(answer(im.get_friends("mei")).get("FriendNum"), 1, "friends")
    answer(im.add_sns_group("mei", ["drivers"], ["denny"]))
    groups = answer(im.get_sns_group("mei"))
    same(sorted(each["GroupName"] for each in groups.get("ResultItem", [])), ["cooks", "drivers"], "friend groups")
    answer(im.delete_sns_group("mei", ["drivers"]))
    answer(im.delete_friends("mei", ["denny"]))
    same(answer(im.get_friends("mei")).get("FriendNum"), 0, "friends left")


def groups(im):
    group = GroupObj("mei", "Public", "Team", "what we do", "today", max_member_count=200,
                     mem_list=[GroupMemObj("denny", "Admin")], group_id="py-team")
    same(answer(im.create_group(group)).get("GroupId"), "py-team", "id")
    answer(im.create_group(group), 10025)
    info = answer(im.get_group_detail(["py-team"])).get("GroupInfo", [{}])[0]
    same([info.get(key) for key in ("Name", "Introduction", "Notification", "Owner_Account", "MaxMemberNum")],
         ["Team", "what we do", "today", "mei", 200], "info")
    answer(im.add_group_member("py-team", [GroupMemObj("vinson")]))
    members = answer(im.get_group_mem_info_detail("py-team"))
    same(members.get("MemberNum"), 3, "members")
    roles = answer(im.get_mem_role_in_group("py-team", ["mei", "denny", "vinson", "nobody"]))
    same({each["Member_Account"]: each["Role"] for each in roles.get("UserIdList", [])},
         {"mei": "Owner", "denny": "Admin", "vinson": "Member", "nobody": "NotMember"}, "roles")
    answer(im.update_group_baseinfo("py-team", group_name="Crew", appJoinOption="FreeAccess"))
    answer(im.update_group_mem_info("py-team", "vinson", namecard="Vin"))
    answer(im.forbid_send_msg("py-team", ["vinson"], 60))
    muted = answer(im.get_group_shutup_list("py-team"))
    same([each["Member_Account"] for each in muted.get("ShuttedUinList", [])], ["vinson"], "silenced")
    joined = answer(im.get_joined_groups("vinson"))
    same([each["GroupId"] for each in joined.get("GroupIdList", [])], ["py-team"], "joined")
    same("py-team" in [each["GroupId"] for each in answer(im.get_group()).get("GroupIdList", [])], True, "of the app")
    answer(im.change_group_owner("py-team", "denny"))
    answer(im.delete_group_mem("py-team", ["vinson"]))
    answer(im.get_online_member_num("py-team"))
    answer(im.update_group_attr("py-team", [GroupAttr("color", "red")]))
    attributes = answer(im.get_group_attr("py-team"))
    same(attributes.get("GroupAttrAry"), [{"key": "color", "value": "red"}], "attributes")
    answer(im.clean_group_attr("py-team"))


def group_messages(im):
    sent = answer(im.send_group_message("py-team", text("on its way"), from_account="mei", msgPriority="High"))
    answer(im.send_group_message("nowhere", text("x")), 10010)
    answer(im.send_system_message_in_group("py-team", "closing"))
    history = answer(im.get_msg_in_group("py-team", 20))
    said = [each["MsgBody"][0]["MsgContent"].get("Text") for each in history.get("RspMsgList", []) if each["MsgBody"]]
    same("on its way" in said, True, "history")
    recalled = answer(im.recall_group_message("py-team", [sent.get("MsgSeq")]))
    same([each["RetCode"] for each in recalled.get("RecallRetList", [])], [0], "recalled")
    answer(im.send_group_message("py-team", text("once more"), from_account="mei"))
    answer(im.set_group_unread_msg_num("py-team", "denny", 0))
    answer(im.delete_group_msg_by_sender("py-team", "mei"))
    old = GroupObj("mei", "Public", "Old", group_id="py-old")
    answer(im.create_group(old))
    now = int(time.time())
    answer(im.import_message_to_group("py-old", messages=[GroupMessageObj("mei", now + 1, text("imported"))]))
    answer(im.import_group_members("py-old", [GroupMemObj("denny")]))
    answer(im.delete_group("py-old"))
    answer(im.delete_group("py-old"), 10010)


def signatures(address, app, administrator, key):
    url = f"https://{address}/v4"
    answer(TCIMClient(app, "0" * 64, administrator, url).search_user(["mei"]), 70009)
    answer(TCIMClient(app, key, "mei", url).search_user(["mei"]), 60010)
    answer(TCIMClient(app + 1, key, administrator, url).search_user(["mei"]), 60006)


def main(address, app, administrator, key_file):
    global step
    with open(key_file, encoding="utf-8") as file:
        key = file.read().strip()
    im = TCIMClient(int(app), key, administrator, f"https://{address}/v4")
    for each in (accounts, messages, friends, groups, group_messages):
        step = each.__name__
        each(im)
    step = "signatures"
    signatures(address, int(app), administrator, key)
    print(f"{calls} calls, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
