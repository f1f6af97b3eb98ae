// Run from source by `broker`: ADDRESS FILE TOPIC:PARTITIONS[:KEY=VALUE]… creates the topics that are missing. FILE: more
// settings of the client; may be empty.
import java.io.FileReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;

public class CreateTopics {
  public static void main(String[] args) throws Exception {
    List<NewTopic> topics = new ArrayList<>();
    for (int i = 2; i < args.length; ++i) {
      String[] parts = args[i].split(":");
      NewTopic topic = new NewTopic(parts[0], Integer.parseInt(parts[1]), (short) 1);
      if (parts.length > 2) {
        String[] setting = parts[2].split("=");
        topic.configs(Map.of(setting[0], setting[1]));
      }
      topics.add(topic);
    }
    Properties settings = new Properties();
    if (!args[1].isEmpty()) {
      try (FileReader file = new FileReader(args[1])) {
        settings.load(file);
      }
    }
    settings.put("bootstrap.servers", args[0]);
    try (Admin admin = Admin.create(settings)) {
      for (var result : admin.createTopics(topics).values().values()) {
        try {
          result.get();
        } catch (ExecutionException e) {
          if (!(e.getCause() instanceof TopicExistsException)) throw e;
        }
      }
    }
  }
}
