import com.alibaba.fastjson.JSONObject;
import com.meizu.push.sdk.constant.ExtraParam;
import com.meizu.push.sdk.constant.CallBackType;
import com.meizu.push.sdk.constant.PushType;
import com.meizu.push.sdk.constant.ScopeType;
import com.meizu.push.sdk.server.IFlymePush;
import com.meizu.push.sdk.server.model.push.VarnishedMessage;
import com.sun.net.httpserver.HttpServer;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.TimeZone;

/** Prints, as a JSON array, what Meizu's server SDK puts on the wire for a handful of messages. */
public final class Record {
  private static final String SECRET = "0123456789abcdef0123456789abcdef";
  private static final long APP = 100999L;
  private static final List<String> IDS = List.of("RA50c6348a", "RA50c6348b");

  /** The SDK, but for the host. */
  private static final class Here extends IFlymePush {
    private final int port;

    Here(int port) {
      super(SECRET);
      this.port = port;
    }

    @Override
    protected HttpURLConnection getConnection(String url) throws java.io.IOException {
      HttpURLConnection connection =
          (HttpURLConnection) new URL("http://127.0.0.1:" + port + new URL(url).getFile()).openConnection();
      connection.setConnectTimeout(5000);
      connection.setReadTimeout(5000);
      return connection;
    }
  }

  private interface Call {
    void make(Here sdk) throws Exception;
  }

  private static VarnishedMessage.Builder least() {
    return new VarnishedMessage.Builder().appId(APP).title("Denny").content("are you coming tonight?");
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("Asia/Shanghai"));
    List<JSONObject> recorded = new ArrayList<>();
    String[] name = {""};
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      JSONObject one = new JSONObject(true);
      one.put("name", name[0]);
      one.put("path", exchange.getRequestURI().toString());
      one.put("content_type", exchange.getRequestHeaders().getFirst("Content-Type"));
      one.put("body", new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
      recorded.add(one);
      byte[] answer = "{\"code\":\"200\",\"message\":\"\",\"value\":{\"taskId\":20457},\"redirect\":\"\",\"msgId\":\"m\"}"
                          .getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    server.start();
    Here sdk = new Here(server.getAddress().getPort());
    JSONObject parameters = new JSONObject(true);
    parameters.put("ext", "{\"conv\":\"c2c_denny\"}");
    VarnishedMessage full = least()
                                .noticeExpandType(1)
                                .noticeExpandContent("a longer text")
                                .clickType(2)
                                .url("shop://order")
                                .parameters(parameters)
                                .offLine(true)
                                .validTime(12)
                                .suspend(true)
                                .clearNoticeBar(true)
                                .isFixDisplay(true)
                                .fixDisplayTime(new Date(1795225887405L), new Date(1795229487405L))
                                .vibrate(true)
                                .lights(true)
                                .sound(true)
                                .extra(ExtraParam.CALLBACK.getKey(), "https://push.example.com/r")
                                .extra(ExtraParam.CALLBACK_PARAM.getKey(), "m-1001")
                                .extra(ExtraParam.CALLBACK_TYPE.getKey(), CallBackType.RECEIVE_CLICK.getKey())
                                .build();
    record(name, sdk, "the least, to push ids", s -> s.pushMessage(least().build(), IDS));
    record(name, sdk, "all of it, to push ids", s -> s.pushMessage(full, IDS));
    record(name, sdk, "a page of the app", s -> s.pushMessage(least().clickType(1).activity("com.example.Chat").build(), IDS));
    record(name, sdk, "on line only, quietly",
           s -> s.pushMessage(least().offLine(false).vibrate(false).lights(false).sound(false).build(), IDS));
    record(name, sdk, "to aliases", s -> s.pushMessageByAlias(least().build(), List.of("denny", "mei")));
    record(name, sdk, "a task", s -> s.getTaskId(PushType.STATUSBAR, least().build()));
    record(name, sdk, "to everybody, at a steady pace",
           s -> s.pushToApp(PushType.STATUSBAR, least().fixSpeed(true).fixSpeedRate(30).build()));
    record(name, sdk, "to tags", s -> s.pushToTag(PushType.STATUSBAR, least().build(), List.of("a", "b"), ScopeType.UNION));
    server.stop(0);
    System.out.println(JSONObject.toJSONString(recorded, true));
  }

  private static void record(String[] name, Here sdk, String what, Call call) throws Exception {
    name[0] = what;
    call.make(sdk);
  }
}
