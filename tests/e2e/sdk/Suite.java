// The server API as a business server meets it through an unmodified SDK: io.github.doocs:im-server-sdk-java. It is
// told a host with its port, an app and an administrator; the rest is its own: URLs, signatures, JSON, repeats. What
// each call answers is compared with what the API promises, by the SDK's own objects.
//
//   java -cp JARS Suite.java HOST:PORT APP ADMINISTRATOR KEY_FILE
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.doocs.im.ClientConfiguration;
import io.github.doocs.im.ImClient;
import io.github.doocs.im.model.group.GroupAttr;
import io.github.doocs.im.model.group.GroupCounterItem;
import io.github.doocs.im.model.message.*;
import io.github.doocs.im.model.request.*;
import io.github.doocs.im.model.response.GenericResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;

public class Suite {
  interface Ask {
    GenericResult get() throws Exception;
  }
  interface Step {
    void run() throws Exception;
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static int calls = 0, faults = 0;
  private static String call = "";
  private static ImClient im;
  private static long random = System.nanoTime() & 0x3fffffff;

  public static void main(String[] args) throws Exception {
    long app = Long.parseLong(args[1]);
    String key = Files.readString(Path.of(args[3])).trim();
    ClientConfiguration config = ClientConfiguration.builder().maxRetries(3).callTimeout(20_000).build();
    im = new ImClient(app, args[2], key, args[0], config);

    step("accounts", Suite::accounts);
    step("messages", Suite::messages);
    step("edited messages", Suite::edited);
    step("elements", Suite::elements);
    step("groups", Suite::groups);
    step("groups' messages", Suite::groupMessages);
    step("imported groups", Suite::imported);
    step("groups' attributes and counters", Suite::attributes);
    step("friends", Suite::friends);
    step("friend groups", Suite::friendGroups);
    step("blacklists", Suite::blacklists);
    step("profiles", Suite::profiles);
    step("silence", Suite::silence);
    step("conversations", Suite::conversations);
    step("not offered", Suite::notOffered);
    step("another key", () -> anotherKey(app, args));
    System.out.println(calls + " calls, " + faults + " faults");
    System.exit(faults == 0 ? 0 : 1);
  }

  // ---- What the steps are written in ----

  private static void step(String name, Step step) {
    call = name;
    try {
      step.run();
    } catch (Exception | Error fault) {
      fault(fault.toString());
    }
  }
  private static void fault(String what) {
    ++faults;
    System.out.println("FAULT " + call + ": " + what);
  }
  /** Makes the call; its answer's code must be `code`. */
  private static JsonNode answered(int code, String name, Ask ask) throws Exception {
    call = name;
    ++calls;
    JsonNode got = JSON.valueToTree(ask.get());
    boolean fine = got.path("ErrorCode").asInt(-1) == code && got.path("ActionStatus").asText().equals(code == 0 ? "OK" : "FAIL");
    if (!fine) fault("code " + code + " was expected: " + got);
    return got;
  }
  private static JsonNode ok(String name, Ask ask) throws Exception {
    return answered(0, name, ask);
  }
  /** `want`: JSON text of what stands at a JSON pointer. */
  private static void is(JsonNode in, String at, String want) throws Exception {
    JsonNode wanted = JSON.readTree(want);
    JsonNode got = JSON.readTree(JSON.writeValueAsString(in.at(at)));
    if (!got.equals(wanted)) fault(at + " is " + in.at(at) + ", not " + want + " in " + in);
  }
  private static void has(JsonNode in, String at, String pattern) {
    if (!in.at(at).asText().matches(pattern)) fault(at + " is " + in.at(at) + ", not like " + pattern + " in " + in);
  }
  /** An SDK's object out of its JSON. */
  private static <T> T of(Class<T> type, String json) throws Exception {
    return JSON.readValue(json.replace('\'', '"'), type);
  }
  private static List<TIMMsgElement> text(String words) {
    return List.of(new TIMTextMsgElement(words));
  }
  private static long random() {
    return ++random;
  }
  private static int now() {
    return (int) (System.currentTimeMillis() / 1000);
  }

  // ---- The steps ----

  private static void accounts() throws Exception {
    ok("account_import", () -> im.account.accountImport(new AccountImportRequest("mei", "Mei", "https://example.com/mei.png")));
    JsonNode many = ok("multiaccount_import", () -> im.account.multiAccountImport(
        new MultiAccountImportRequest(List.of("denny", "vinson", "anna", "gone", "x".repeat(33)))));
    is(many, "/FailAccounts", "[\"" + "x".repeat(33) + "\"]");
    answered(70402, "account_import of nobody", () -> im.account.accountImport(new AccountImportRequest("")));
    JsonNode checked = ok("account_check", () -> im.account.accountCheck(
        new AccountCheckRequest(List.of(new AccountCheckItem("mei"), new AccountCheckItem("nobody")))));
    is(checked, "/ResultItem/0/AccountStatus", "'Imported'".replace('\'', '"'));
    is(checked, "/ResultItem/1/AccountStatus", "\"NotImported\"");
    JsonNode removed = ok("account_delete", () -> im.account.accountDelete(
        new AccountDeleteRequest(List.of(new AccountDeleteItem("gone"), new AccountDeleteItem("nobody")))));
    is(removed, "/ResultItem/0/ResultCode", "0");
    is(removed, "/ResultItem/0/UserID", "\"gone\"");
    is(removed, "/ResultItem/1/ResultCode", "70107");
    ok("kick", () -> im.account.kick(new KickRequest("mei")));
    answered(70107, "kick of nobody", () -> im.account.kick(new KickRequest("nobody")));
    JsonNode state = ok("query_online_status", () -> im.account.queryOnlineStatus(
        new QueryOnlineStatusRequest(1, List.of("mei", "denny", "nobody"))));
    is(state, "/QueryResult/0/Status", "\"Offline\"");
    is(state, "/ErrorList/0/To_Account", "\"nobody\"");
    is(state, "/ErrorList/0/ErrorCode", "70107");
  }

  private static SendMsgRequest message(String from, String to, String words) {
    SendMsgRequest request = new SendMsgRequest(to, random(), text(words));
    request.setFromAccount(from);
    return request;
  }
  private static JsonNode roam(String user, String peer) throws Exception {
    return ok("admin_getroammsg", () -> im.message.getRoamMsg(new AdminGetRoamMsgRequest(user, peer, 20, 0, Integer.MAX_VALUE)));
  }

  private static void messages() throws Exception {
    SendMsgRequest lunch = message("denny", "mei", "lunch?");
    lunch.setOfflinePushInfo(OfflinePushInfo.builder().pushFlag(0).title("Denny").desc("lunch?").ext("{}")
        .androidInfo(AndroidInfo.builder().oppoChannelId("chat").build()).apnsInfo(ApnsInfo.builder().badgeMode(1).sound("ding.caf").build()).build());
    JsonNode sent = ok("sendmsg", () -> im.message.sendMsg(lunch));
    has(sent, "/MsgKey", "[0-9]+_[0-9]+_[0-9]+");
    has(sent, "/MsgTime", "1[0-9]{9}");
    is(ok("sendmsg again", () -> im.message.sendMsg(lunch)), "/MsgKey", sent.at("/MsgKey").toString());
    ok("sendmsg by the administrator", () -> im.message.sendMsg(new SendMsgRequest("denny", random(), text("welcome"))));
    answered(90012, "sendmsg to nobody", () -> im.message.sendMsg(message("denny", "nobody", "x")));
    answered(90048, "sendmsg of nobody", () -> im.message.sendMsg(message("nobody", "mei", "x")));
    answered(90002, "sendmsg without a body", () -> im.message.sendMsg(new SendMsgRequest("mei", random(), null)));
    answered(93000, "sendmsg of 13 KB", () -> im.message.sendMsg(message("denny", "mei", "x".repeat(13_000))));
    is(roam("mei", "denny"), "/MsgCnt", "1");

    BatchSendMsgRequest two = new BatchSendMsgRequest(List.of("mei", "nobody"), random(), text("to all"));
    two.setFromAccount("denny");
    JsonNode some = ok("batchsendmsg", () -> im.message.batchSendMsg(two));
    is(some, "/ErrorList", "[{\"To_Account\":\"nobody\",\"ErrorCode\":90012}]");
    answered(90012, "batchsendmsg to nobody", () -> im.message.batchSendMsg(new BatchSendMsgRequest(List.of("nobody"), random(), text("x"))));
    answered(90011, "batchsendmsg to 501", () -> im.message.batchSendMsg(
        new BatchSendMsgRequest(Collections.nCopies(501, "mei"), random(), text("x"))));

    JsonNode unread = ok("get_c2c_unread_msg_num", () -> im.message.getC2cUnreadMsgNum(new GetC2cUnreadMsgRequest("mei")));
    is(unread, "/AllC2CUnreadMsgNum", "2");
    is(ok("get_c2c_unread_msg_num with peers", () -> im.message.getC2cUnreadMsgNum(new GetC2cUnreadMsgRequest("mei", List.of("denny", "anna")))),
        "/C2CUnreadMsgNumList", "[{\"Peer_Account\":\"denny\",\"C2CUnreadMsgNum\":2},{\"Peer_Account\":\"anna\",\"C2CUnreadMsgNum\":0}]");
    ok("admin_set_msg_read", () -> im.message.setMsgRead(new AdminSetMsgReadRequest("mei", "denny")));
    is(ok("get_c2c_unread_msg_num", () -> im.message.getC2cUnreadMsgNum(new GetC2cUnreadMsgRequest("mei"))), "/AllC2CUnreadMsgNum", "0");

    ok("importmsg", () -> im.message.importMsg(new ImportMsgRequest(2, "denny", "mei", random(), now() - 1000, text("long ago"))));
    JsonNode page = roam("mei", "denny");
    is(page, "/MsgList/0/MsgBody/0/MsgContent/Text", "\"long ago\"");
    is(page, "/MsgList/1/MsgKey", sent.at("/MsgKey").toString());
    is(page, "/MsgList/1/IsPeerRead", "1");
    is(page, "/Complete", "1");

    ok("admin_msgwithdraw", () -> im.message.msgWithdraw(new AdminMsgWithdrawRequest("denny", "mei", sent.at("/MsgKey").asText())));
    page = roam("mei", "denny");
    is(page, "/MsgList/1/MsgFlagBits", "8");
    is(page, "/MsgList/1/MsgBody", "[]");
  }

  private static void edited() throws Exception {
    String key = ok("sendmsg", () -> im.message.sendMsg(message("anna", "mei", "at 6"))).at("/MsgKey").asText();
    ok("modify_c2c_msg", () -> im.message.modifyC2cMsg(new ModifyC2cMsgRequest("anna", "mei", key, text("at 7"), "{\"edited\":1}")));
    JsonNode page = roam("mei", "anna");
    is(page, "/MsgList/0/MsgBody/0/MsgContent/Text", "\"at 7\"");
    is(page, "/MsgList/0/CloudCustomData", "\"{\\\"edited\\\":1}\"");
    is(page, "/MsgList/0/MsgKey", "\"" + key + "\"");
    answered(20026, "modify_c2c_msg of another's", () -> im.message.modifyC2cMsg(new ModifyC2cMsgRequest("mei", "anna", key, text("x"), null)));
    answered(90001, "modify_c2c_msg of nothing", () -> im.message.modifyC2cMsg(new ModifyC2cMsgRequest("anna", "mei", key, null, null)));
  }

  private static void elements() throws Exception {
    List<TIMMsgElement> all = new ArrayList<>(List.of(new TIMTextMsgElement("all of them"), new TIMCustomMsgElement("{\"order\":7}", "an order", "ext", "ding")));
    for (String json : List.of("{'MsgType':'TIMFaceElem','MsgContent':{'Index':1,'Data':'smile'}}",
             "{'MsgType':'TIMLocationElem','MsgContent':{'Desc':'office','Latitude':22.5,'Longitude':113.9}}",
             "{'MsgType':'TIMFileElem','MsgContent':{'Url':'https://example.com/f','UUID':'f1','FileSize':7,'FileName':'f.txt','Download_Flag':2}}",
             "{'MsgType':'TIMImageElem','MsgContent':{'UUID':'i1','ImageFormat':1,'ImageInfoArray':[{'Type':1,'Size':7,'Width':8,'Height':9,'URL':'https://example.com/i'}]}}",
             "{'MsgType':'TIMVideoFileElem','MsgContent':{'VideoUrl':'https://example.com/v','VideoUUID':'v1','VideoSize':7,'VideoSecond':8,'VideoFormat':'mp4','VideoDownloadFlag':2,'ThumbUrl':'https://example.com/t','ThumbUUID':'t1','ThumbSize':1,'ThumbWidth':2,'ThumbHeight':3,'ThumbFormat':'JPG','ThumbDownloadFlag':2}}"))
      all.add(of(TIMMsgElement.class, json));
    SendMsgRequest request = new SendMsgRequest("vinson", random(), all);
    request.setFromAccount("anna");
    ok("sendmsg of every element", () -> im.message.sendMsg(request));
    JsonNode back = roam("vinson", "anna").at("/MsgList/0/MsgBody");
    JsonNode said = JSON.readTree(JSON.writerFor(JSON.getTypeFactory().constructCollectionType(List.class, TIMMsgElement.class)).writeValueAsString(all));
    call = "every element comes back";
    if (back.size() != said.size()) fault(back + " is not " + said);
    for (int i = 0; i < said.size(); ++i)
      for (Iterator<Map.Entry<String, JsonNode>> each = said.get(i).at("/MsgContent").fields(); each.hasNext();) {
        Map.Entry<String, JsonNode> member = each.next();
        if (!member.getValue().isNull()) is(back, "/" + i + "/MsgContent/" + member.getKey(), member.getValue().toString());
      }
    SendMsgRequest voice = new SendMsgRequest("vinson", random(), List.of(of(TIMMsgElement.class,
        "{'MsgType':'TIMSoundElem','MsgContent':{'Url':'https://example.com/s','UUID':'s1','Size':7,'Second':8,'Download_Flag':2}}")));
    ok("sendmsg of a voice", () -> im.message.sendMsg(voice));
  }

  private static CreateGroupRequest group(String id, String owner, String... members) throws Exception {
    StringBuilder list = new StringBuilder();
    for (String member : members) list.append(list.length() == 0 ? "" : ",").append("{'Member_Account':'" + member + "'}");
    return of(CreateGroupRequest.class, "{'Owner_Account':'" + owner + "','Type':'Public','GroupId':'" + id + "','Name':'Order 7','MemberList':[" + list + "]}");
  }

  private static void groups() throws Exception {
    is(ok("create_group", () -> im.group.createGroup(group("order-7", "mei", "denny"))), "/GroupId", "\"order-7\"");
    answered(10025, "create_group of one's own id", () -> im.group.createGroup(group("order-7", "mei")));
    answered(10021, "create_group of a used id", () -> im.group.createGroup(group("order-7", "denny")));
    has(ok("create_group without an id", () -> im.group.createGroup(new CreateGroupRequest("Public", "Free"))), "/GroupId", "@TGS#[0-9]+");
    JsonNode list = ok("get_appid_group_list", () -> im.group.getAppIdGroupList(new GetAppIdGroupListRequest(1, 0L, "Public")));
    is(list, "/TotalCount", "2");
    is(list, "/GroupIdList", "[{\"GroupId\":\"order-7\"}]");
    long next = list.at("/Next").asLong();
    list = ok("get_appid_group_list, the next page", () -> im.group.getAppIdGroupList(new GetAppIdGroupListRequest(10, next, null)));
    is(list, "/Next", "0");
    has(list, "/GroupIdList/0/GroupId", "@TGS#[0-9]+");

    is(ok("add_group_member", () -> im.group.addGroupMember(new AddGroupMemberRequest("order-7",
        List.of(new MemberRequestItem("vinson"), new MemberRequestItem("denny"), new MemberRequestItem("nobody"))))),
        "/MemberList", "[{\"Member_Account\":\"vinson\",\"Result\":1},{\"Member_Account\":\"denny\",\"Result\":2},{\"Member_Account\":\"nobody\",\"Result\":0}]");
    ok("modify_group_base_info", () -> im.group.modifyGroupBaseInfo(
        new ModifyGroupBaseInfoRequest("order-7", "Order seven", "i", "n", "https://example.com/g", 100, "NeedPermission", "Off", null)));
    JsonNode info = ok("get_group_info", () -> im.group.getGroupInfo(new GetGroupInfoRequest(List.of("order-7", "none"))));
    is(info, "/GroupInfo/0/Name", "\"Order seven\"");
    is(info, "/GroupInfo/0/Owner_Account", "\"mei\"");
    is(info, "/GroupInfo/0/MemberNum", "3");
    is(info, "/GroupInfo/0/MaxMemberNum", "100");
    is(info, "/GroupInfo/0/ApplyJoinOption", "\"NeedPermission\"");
    is(info, "/GroupInfo/1/GroupId", "\"none\"");
    ok("modify_group_member_info", () -> im.group.modifyGroupMemberInfo(
        new ModifyGroupMemberInfoRequest("order-7", "denny", "Admin", "AcceptNotNotify", "the cook", null, 60L)));
    JsonNode members = ok("get_group_member_info", () -> im.group.getGroupMemberInfo(new GetGroupMemberInfoRequest("order-7")));
    is(members, "/MemberNum", "3");
    for (JsonNode member : members.at("/MemberList")) {
      if (!member.at("/Member_Account").asText().equals("denny")) continue;
      is(member, "/Role", "\"Admin\"");
      is(member, "/NameCard", "\"the cook\"");
      is(member, "/MsgFlag", "\"AcceptNotNotify\"");
      has(member, "/MuteUntil", "1[0-9]{9}");
    }
    is(ok("get_role_in_group", () -> im.group.getRoleInGroup(new GetRoleInGroupRequest("order-7", List.of("mei", "denny", "anna")))),
        "/UserIdList", "[{\"Member_Account\":\"mei\",\"Role\":\"Owner\"},{\"Member_Account\":\"denny\",\"Role\":\"Admin\"},{\"Member_Account\":\"anna\",\"Role\":\"NotMember\"}]");
    JsonNode joined = ok("get_joined_group_list", () -> im.group.getJoinGroupList(new GetJoinedGroupListRequest("denny")));
    is(joined, "/TotalCount", "1");
    is(joined, "/GroupIdList/0/Name", "\"Order seven\"");
    ok("forbid_send_msg", () -> im.group.forbidSendMsg(new ForbidSendMsgRequest("order-7", List.of("vinson"), 4294967295L)));
    JsonNode muted = ok("get_group_muted_account", () -> im.group.getGroupMutedAccount(new GetGroupMutedAccountRequest("order-7")));
    is(muted, "/MutedAccountList/1", muted.at("/MutedAccountList").size() == 2 ? muted.at("/MutedAccountList/1").toString() : "\"two are muted\"");
    ok("forbid_send_msg, ended", () -> im.group.forbidSendMsg(new ForbidSendMsgRequest("order-7", List.of("vinson", "denny"), 0L)));
    is(ok("get_online_member_num", () -> im.group.getOnlineMemberNum(new GetOnlineMemberNumRequest("order-7"))), "/OnlineMemberNum", "0");
    ok("change_group_owner", () -> im.group.changeGroupOwner(new ChangeGroupOwnerRequest("order-7", "denny")));
    answered(10007, "change_group_owner to a stranger", () -> im.group.changeGroupOwner(new ChangeGroupOwnerRequest("order-7", "anna")));
    ok("delete_group_member", () -> im.group.deleteGroupMember(new DeleteGroupMemberRequest("order-7", List.of("vinson"))));
    ok("destroy_group", () -> im.group.destroyGroup(new DestroyGroupRequest("order-7")));
    answered(10010, "destroy_group again", () -> im.group.destroyGroup(new DestroyGroupRequest("order-7")));
  }

  private static SendGroupMsgRequest toGroup(String group, String from, String words) {
    SendGroupMsgRequest request = new SendGroupMsgRequest(group, random(), text(words));
    request.setFromAccount(from);
    return request;
  }
  private static JsonNode history(String group) throws Exception {
    return ok("group_msg_get_simple", () -> im.group.groupMsgGetSimple(new GroupMsgGetSimpleRequest(group, 20)));
  }

  private static void groupMessages() throws Exception {
    ok("create_group", () -> im.group.createGroup(group("talk", "mei", "denny", "vinson")));
    SendGroupMsgRequest first = toGroup("talk", "mei", "first");
    JsonNode sent = ok("send_group_msg", () -> im.group.sendGroupMsg(first));
    is(sent, "/MsgDropReason", "null");
    // This SDK looks for "msgSeq" where the API says MsgSeq, so the number comes out of the history.
    long seq = history("talk").at("/RspMsgList/0/MsgSeq").asLong();
    is(ok("send_group_msg again", () -> im.group.sendGroupMsg(first)), "/MsgDropReason", "\"repeated\"");
    ok("send_group_msg, the next", () -> im.group.sendGroupMsg(toGroup("talk", "denny", "second")));
    is(history("talk"), "/RspMsgList/0/MsgSeq", "" + (seq + 1));
    SendGroupMsgRequest secret = toGroup("talk", "mei", "for vinson");
    secret.setToAccount("vinson");  // this SDK says one name where the API says a list
    ok("send_group_msg to one", () -> im.group.sendGroupMsg(secret));
    answered(10010, "send_group_msg to no group", () -> im.group.sendGroupMsg(toGroup("none", "mei", "x")));
    answered(10019, "send_group_msg of nobody", () -> im.group.sendGroupMsg(toGroup("talk", "nobody", "x")));
    JsonNode page = history("talk");
    is(page, "/RspMsgList/0/MsgBody/0/MsgContent/Text", "\"second\"");
    is(page, "/RspMsgList/1/MsgSeq", "" + seq);
    is(page, "/IsFinished", "1");

    ok("modify_group_msg", () -> im.group.modifyGroupMsg(new ModifyGroupMsgRequest("talk", seq, text("first, edited"), null, null)));
    is(history("talk"), "/RspMsgList/1/MsgBody/0/MsgContent/Text", "\"first, edited\"");
    answered(10030, "modify_group_msg of none", () -> im.group.modifyGroupMsg(new ModifyGroupMsgRequest("talk", 9999L, text("x"), null, null)));
    is(ok("get_group_msg_receipt", () -> im.group.getGroupMsgReceipt(new GetGroupMsgReceiptRequest("talk", List.of(new MsgSeqItem(seq), new MsgSeqItem(9999L))))),
        "/GroupMsgReceiptList", "[{\"MsgSeq\":" + seq + ",\"Code\":0,\"ReadNum\":0,\"UnreadNum\":2},{\"MsgSeq\":9999,\"Code\":10030,\"ReadNum\":0,\"UnreadNum\":0}]");
    ok("set_unread_msg_num", () -> im.group.setUnreadMsgNum(new SetUnreadMsgNumRequest("talk", "vinson", 0)));
    JsonNode receipt = ok("get_group_msg_receipt_detail", () -> im.group.getGroupMsgReceiptDetail(new GetGroupMsgReceiptDetailRequest("talk", seq, 0, "", 10)));
    is(receipt, "/ReadList", "[{\"Read_Account\":\"vinson\"}]");
    is(receipt, "/IsFinished", "1");
    is(ok("get_group_msg_receipt_detail", () -> im.group.getGroupMsgReceiptDetail(new GetGroupMsgReceiptDetailRequest("talk", seq, 1, "", 10))),
        "/UnreadList", "[{\"Unread_Account\":\"denny\"}]");
    ok("send_group_system_notification", () -> im.group.sendGroupSystemNotification(new SendGroupSystemNotificationRequest("talk", "closed at 8")));
    ok("send_group_system_notification to one", () -> im.group.sendGroupSystemNotification(
        new SendGroupSystemNotificationRequest("talk", List.of("denny"), "you are late", null)));
    answered(10010, "send_group_system_notification to none", () -> im.group.sendGroupSystemNotification(new SendGroupSystemNotificationRequest("none", "x")));

    JsonNode recalled = ok("group_msg_recall", () -> im.group.groupMsgRecall(new GroupMsgRecallRequest("talk", List.of(new MsgSeqItem(seq), new MsgSeqItem(9999L)))));
    is(recalled, "/RecallRetList", "[{\"MsgSeq\":" + seq + ",\"RetCode\":0},{\"MsgSeq\":9999,\"RetCode\":10030}]");
    is(history("talk"), "/RspMsgList/1/IsPlaceMsg", "2");
    ok("delete_group_msg_by_sender", () -> im.group.deleteGroupMsgBySender(new DeleteGroupMsgBySenderRequest("talk", "denny")));
    is(history("talk"), "/RspMsgList/0/IsPlaceMsg", "2");
  }

  private static void imported() throws Exception {
    int then = now() - 86_400;
    ImportGroupRequest old = of(ImportGroupRequest.class, "{'Owner_Account':'mei','Type':'Public','GroupId':'old','Name':'Old','CreateTime':" + then + "}");
    is(ok("import_group", () -> im.group.importGroup(old)), "/GroupId", "\"old\"");
    is(ok("get_group_info", () -> im.group.getGroupInfo(new GetGroupInfoRequest(List.of("old")))), "/GroupInfo/0/CreateTime", "" + then);
    List<GroupMsgItem> said = new ArrayList<>();
    for (int i = 0; i < 3; ++i) said.add(groupItem("denny", then + 10 + i, i + 1L, "old " + i));
    said.add(groupItem("denny", then, 9L, "too early"));
    JsonNode done = ok("import_group_msg", () -> im.group.importGroupMsg(new ImportGroupMsgRequest("old", said)));
    is(done, "/ImportMsgResult/0/Result", "0");
    is(done, "/ImportMsgResult/2/MsgSeq", "3");
    is(done, "/ImportMsgResult/3/Result", "10004");
    is(ok("import_group_msg again", () -> im.group.importGroupMsg(new ImportGroupMsgRequest("old", said.subList(0, 1)))), "/ImportMsgResult/0/MsgSeq", "1");
    is(history("old"), "/RspMsgList/0/MsgTimeStamp", "" + (then + 12));
    JsonNode members = ok("import_group_member", () -> im.group.importGroupMember(new ImportGroupMemberRequest("old",
        List.of(new MemberItem("denny", "Admin", then + 5, 2), new MemberItem("mei", null, null, null), new MemberItem("nobody", null, null, null)))));
    is(members, "/MemberList", "[{\"Member_Account\":\"denny\",\"Result\":1},{\"Member_Account\":\"mei\",\"Result\":2},{\"Member_Account\":\"nobody\",\"Result\":0}]");
    JsonNode listed = ok("get_group_member_info", () -> im.group.getGroupMemberInfo(new GetGroupMemberInfoRequest("old")));
    for (JsonNode member : listed.at("/MemberList"))
      if (member.at("/Member_Account").asText().equals("denny")) {
        is(member, "/JoinTime", "" + (then + 5));
        is(member, "/Role", "\"Admin\"");
      }
  }
  private static GroupMsgItem groupItem(String from, int at, long random, String words) {
    return new GroupMsgItem(from, at, random, text(words));
  }

  private static void attributes() throws Exception {
    ok("create_group", () -> im.group.createGroup(group("attrs", "mei")));
    ok("set_group_attr", () -> im.group.setGroupAttr(new SetGroupAttrRequest("attrs", List.of(new GroupAttr("topic", "food"), new GroupAttr("city", "SZ")))));
    ok("modify_group_attr", () -> im.group.modifyGroupAttr(new ModifyGroupAttrRequest("attrs", List.of(new GroupAttr("city", "HK")))));
    is(ok("get_group_attr", () -> im.group.getGroupAttr(new GetGroupAttrRequest("attrs"))),
        "/GroupAttrAry", "[{\"key\":\"city\",\"value\":\"HK\"},{\"key\":\"topic\",\"value\":\"food\"}]");
    ok("clear_group_attr", () -> im.group.clearGroupAttr(new ClearGroupAttrRequest("attrs")));
    is(ok("get_group_attr", () -> im.group.getGroupAttr(new GetGroupAttrRequest("attrs"))), "/GroupAttrAry", "[]");
    is(ok("update_group_counter", () -> im.group.updateGroupCounter(new UpdateGroupCounterRequest("attrs", List.of(new GroupCounterItem("likes", 5L)), "Set"))),
        "/GroupCounter", "[{\"Key\":\"likes\",\"Value\":5}]");
    is(ok("update_group_counter by", () -> im.group.updateGroupCounter(new UpdateGroupCounterRequest("attrs", List.of(new GroupCounterItem("likes", 2L)), "Decrease"))),
        "/GroupCounter", "[{\"Key\":\"likes\",\"Value\":3}]");
    is(ok("get_group_counter", () -> im.group.getGroupCounter(new GetGroupCounterRequest("attrs"))), "/GroupCounter", "[{\"Key\":\"likes\",\"Value\":3}]");
    ok("delete_group_counter", () -> im.group.deleteGroupCounter(new DeleteGroupCounterRequest("attrs", List.of("likes"))));
    is(ok("get_group_counter", () -> im.group.getGroupCounter(new GetGroupCounterRequest("attrs"))), "/GroupCounter", "[]");
    answered(10010, "get_group_attr of none", () -> im.group.getGroupAttr(new GetGroupAttrRequest("none")));
  }

  private static void friends() throws Exception {
    JsonNode added = ok("friend_add", () -> im.sns.friendAdd(new FriendAddRequest("mei", List.of(of(AddFriendItem.class,
        "{'To_Account':'vinson','AddSource':'AddSource_Type_App','Remark':'V','GroupName':'work','AddWording':'hi'}")), "Add_Type_Both", 1)));
    is(added, "/ResultItem", "[{\"To_Account\":\"vinson\",\"ResultCode\":0,\"ResultInfo\":\"\"}]");
    ok("friend_import", () -> im.sns.friendImport(new FriendImportRequest("mei", List.of(of(ImportFriendItem.class,
        "{'To_Account':'denny','AddSource':'AddSource_Type_Org','GroupName':['org-12'],'AddTime':1600000000}")))));
    JsonNode nobody = ok("friend_import of nobody", () -> im.sns.friendImport(new FriendImportRequest("mei", List.of(of(ImportFriendItem.class,
        "{'To_Account':'nobody','AddSource':'AddSource_Type_Org'}")))));
    is(nobody, "/ResultItem/0/ResultCode", "30003");
    ok("friend_update", () -> im.sns.friendUpdate(new FriendUpdateRequest("mei", List.of(of(UpdateItem.class,
        "{'To_Account':'denny','SnsItem':[{'Tag':'Tag_SNS_IM_Remark','Value':'D'}]}")))));
    is(ok("friend_check", () -> im.sns.friendCheck(new FriendCheckRequest("mei", List.of("vinson", "denny", "anna"), "CheckResult_Type_Both"))),
        "/InfoItem/0/Relation", "\"CheckResult_Type_BothWay\"");
    JsonNode all = ok("friend_get", () -> im.sns.friendGet(new FriendGetRequest("mei", 0)));
    is(all, "/FriendNum", "2");
    is(all, "/CompleteFlag", "1");
    is(all, "/UserDataItem/0/To_Account", "\"denny\"");
    JsonNode some = ok("friend_get_list", () -> im.sns.friendGetList(new FriendGetListRequest("mei", List.of("denny", "anna"), List.of("Tag_SNS_IM_Remark"))));
    is(some, "/InfoItem/0/SnsProfileItem", "[{\"Tag\":\"Tag_SNS_IM_Remark\",\"Value\":\"D\"}]");
    is(some, "/Fail_Account", "[\"anna\"]");
    is(ok("friend_delete", () -> im.sns.friendDelete(new FriendDeleteRequest("mei", List.of("vinson", "anna"), "Delete_Type_Both"))),
        "/ResultItem/1/ResultCode", "31704");
    ok("friend_delete_all", () -> im.sns.friendDeleteAll(new FriendDeleteAllRequest("mei", "Delete_Type_Single")));
    is(ok("friend_get", () -> im.sns.friendGet(new FriendGetRequest("mei", 0))), "/FriendNum", "0");
  }

  private static void friendGroups() throws Exception {
    ok("friend_import", () -> im.sns.friendImport(new FriendImportRequest("anna", List.of(
        of(ImportFriendItem.class, "{'To_Account':'denny','AddSource':'AddSource_Type_Org'}"), of(ImportFriendItem.class, "{'To_Account':'mei','AddSource':'AddSource_Type_Org'}")))));
    JsonNode made = ok("group_add", () -> im.sns.groupAdd(new GroupAddRequest("anna", List.of("cooks", "drivers"), List.of("denny", "vinson"))));
    is(made, "/ResultItem/0/ResultCode", "0");
    is(made, "/ResultItem/1/ResultCode", "31704");
    JsonNode groups = ok("group_get", () -> im.sns.groupGet(new GroupGetRequest("anna", "Need_Friend_Type_Yes", null)));
    is(groups, "/ResultItem", "[{\"GroupName\":\"cooks\",\"FriendNumber\":1,\"To_Account\":[\"denny\"]},{\"GroupName\":\"drivers\",\"FriendNumber\":1,\"To_Account\":[\"denny\"]}]");
    ok("group_delete", () -> im.sns.groupDelete(new GroupDeleteRequest("anna", List.of("drivers"))));
    is(ok("group_get", () -> im.sns.groupGet(new GroupGetRequest("anna"))), "/ResultItem/0/GroupName", "\"cooks\"");
  }

  private static void blacklists() throws Exception {
    ok("black_list_add", () -> im.sns.blackListAdd(new BlackListAddRequest("mei", List.of("denny"))));
    JsonNode list = ok("black_list_get", () -> im.sns.blackListGet(new BlackListGetRequest("mei", 0, 10, 0)));
    is(list, "/BlackListItem/0/To_Account", "\"denny\"");
    has(list, "/BlackListItem/0/AddBlackTimeStamp", "1[0-9]{9}");
    is(list, "/StartIndex", "0");
    is(ok("black_list_check", () -> im.sns.blackListCheck(new BlackListCheckRequest("mei", List.of("denny", "anna"), "BlackCheckResult_Type_Both"))),
        "/BlackListCheckItem/0/Relation", "\"BlackCheckResult_Type_AWithB\"");
    ok("black_list_delete", () -> im.sns.blackListDelete(new BlackListDeleteRequest("mei", List.of("denny"))));
    is(ok("black_list_get", () -> im.sns.blackListGet(new BlackListGetRequest("mei", 0, 10, 0))), "/BlackListItem", "[]");
  }

  private static void profiles() throws Exception {
    ok("portrait_set", () -> im.profile.portraitSet(new PortraitSetRequest("denny", List.of(
        of(ProfileItem.class, "{'Tag':'Tag_Profile_IM_Nick','Value':'Denny'}"), of(ProfileItem.class, "{'Tag':'Tag_Profile_IM_Gender','Value':'Gender_Type_Male'}"),
        of(ProfileItem.class, "{'Tag':'Tag_Profile_IM_BirthDay','Value':19900101}")))));
    JsonNode got = ok("portrait_get", () -> im.profile.portraitGet(new PortraitGetRequest(List.of("denny", "nobody"),
        List.of("Tag_Profile_IM_Nick", "Tag_Profile_IM_Gender", "Tag_Profile_IM_BirthDay"))));
    call = "portrait_get's items";
    Map<String, String> items = new TreeMap<>();
    for (JsonNode item : got.at("/UserProfileItem/0/ProfileItem")) items.put(item.at("/Tag").asText(), item.at("/Value").toString());
    if (!items.toString().equals("{Tag_Profile_IM_BirthDay=19900101, Tag_Profile_IM_Gender=\"Gender_Type_Male\", Tag_Profile_IM_Nick=\"Denny\"}")) fault(items.toString());
    is(got, "/UserProfileItem/1/ResultCode", "40003");
    is(got, "/Fail_Account", "[\"nobody\"]");
    answered(40009, "portrait_set of an unknown tag", () -> im.profile.portraitSet(new PortraitSetRequest("denny",
        List.of(of(ProfileItem.class, "{'Tag':'Tag_Profile_IM_Shoe','Value':44}")))));
  }

  private static void silence() throws Exception {
    ok("setnospeaking", () -> im.operation.setNoSpeaking(new SetNoSpeakingRequest("denny", 4294967295L, 60L)));
    JsonNode got = ok("getnospeaking", () -> im.operation.getNoSpeaking(new GetNoSpeakingRequest("denny")));
    is(got, "/C2CmsgNospeakingTime", "4294967295");
    has(got, "/GroupmsgNospeakingTime", "(5[0-9]|60)");
    ok("sendmsg for one who is silenced: the app's server may", () -> im.message.sendMsg(message("denny", "mei", "still")));
    ok("setnospeaking, ended", () -> im.operation.setNoSpeaking(new SetNoSpeakingRequest("denny", 0L, 0L)));
    is(ok("getnospeaking", () -> im.operation.getNoSpeaking(new GetNoSpeakingRequest("denny"))), "/C2CmsgNospeakingTime", "0");
  }

  private static void conversations() throws Exception {
    JsonNode got = ok("get_list", () -> im.recentContact.recentContactList(new GetRecentContactListRequest("denny", 0, 0, 0, 0, 15)));
    is(got, "/CompleteFlag", "1");
    int chats = 0, groups = 0;
    for (JsonNode item : got.at("/SessionItem")) {
      has(item, "/MsgTime", "1[0-9]{9}");
      if (item.at("/Type").asInt() == 1 && item.at("/To_Account").asText().equals("mei")) ++chats;
      if (item.at("/Type").asInt() == 2 && item.at("/GroupId").asText().equals("talk")) ++groups;
    }
    if (chats != 1 || groups != 1) fault(got.toString());
    ok("delete", () -> im.recentContact.deleteRecentContact(new DeleteRecentContactRequest("denny", 1, "mei", null, 1)));
    ok("delete of a group's", () -> im.recentContact.deleteRecentContact(new DeleteRecentContactRequest("denny", 2, null, "talk", 0)));
    call = "get_list after both went";
    for (JsonNode item : im.recentContact.recentContactList(new GetRecentContactListRequest("denny", 0, 0, 0, 0, 15)) == null
        ? List.<JsonNode>of()
        : ok("get_list", () -> im.recentContact.recentContactList(new GetRecentContactListRequest("denny", 0, 0, 0, 0, 15))).at("/SessionItem"))
      if (item.at("/To_Account").asText().equals("mei") || item.at("/GroupId").asText().equals("talk")) fault(item.toString());
  }

  /** What this server has not, by the numbers of the API. Mass push (im.member) is not asked here: its tests do. */
  private static void notOffered() throws Exception {
    answered(60009, "getappinfo", () -> im.operation.getAppInfo(new GetAppInfoRequest()));
    answered(60009, "get_history", () -> im.operation.getHistory(new GetHistoryRequest("C2C", "2026010100")));
    answered(60009, "GetIPList", () -> im.operation.getIpList(new GetIpListRequest()));
    ok("create_group of a live group", () -> im.group.createGroup(new CreateGroupRequest("AVChatRoom", "Live")));
    answered(10003, "send_broadcast_msg", () -> im.group.sendBroadcastMsg(new SendBroadcastMsgRequest(random(), text("x"))));
    answered(60009, "get_contact_group", () -> im.recentContact.getContactGroup(of(GetContactGroupRequest.class, "{'From_Account':'mei','StartIndex':0}")));
  }

  private static void anotherKey(long app, String[] args) throws Exception {
    ImClient other = new ImClient(app, args[2], "another key", args[0]);
    answered(70009, "a signature of another key", () -> other.account.kick(new KickRequest("mei")));
    ImClient user = new ImClient(app, "mei", Files.readString(Path.of(args[3])).trim(), args[0]);
    answered(60010, "a user who is no administrator", () -> user.account.kick(new KickRequest("mei")));
  }
}
