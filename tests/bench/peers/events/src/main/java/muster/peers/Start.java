package muster.peers;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;

/** What both programs do before and after their work. Options are system properties. */
public final class Start {
  private Start() {}

  public static String option(String name) {
    String value = System.getProperty(name, "");
    if (value.isEmpty()) {
      System.err.println("-D" + name + "=... is missing");
      System.exit(2);
    }
    return value;
  }

  /** The output topic gets as many partitions as the input has. Returns how many. */
  public static int makeOutput() throws InterruptedException, ExecutionException {
    String in = option("in");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", option("brokers")))) {
      int partitions =
          admin.describeTopics(List.of(in)).allTopicNames().get().get(in).partitions().size();
      var output = new NewTopic(option("out"), Optional.of(partitions), Optional.empty());
      try {
        admin.createTopics(List.of(output)).all().get();
      } catch (ExecutionException failed) {
        if (!(failed.getCause() instanceof TopicExistsException)) throw failed;
      }
      return partitions;
    }
  }

  /** The word at which the bench starts its clock, the same that muster's collector says. */
  public static void ready(int partitions) {
    System.err.println("ready: consuming " + partitions + " partitions");
  }

  /** On SIGTERM; whoever has closed cleanly ends with 0, which a JVM does not by itself. */
  public static void atTheEnd(Runnable close) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      close.run();
      Runtime.getRuntime().halt(0);
    }));
  }
}
