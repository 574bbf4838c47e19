package example;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Starts a group, answers for its two entities, and prints the group's outcome.
 *
 * <pre>
 * mvn -q compile
 * BROKERS=localhost:9092 TOPIC=eventbus-collector TTL=10 \
 *   java -cp 'target/classes:target/lib/*' example.AwaitGroup [GROUP]
 * </pre>
 */
public final class AwaitGroup {
  private static final String BROKERS = environment("BROKERS", "localhost:9092");
  private static final String TOPIC = environment("TOPIC", "eventbus-collector");
  private static final int TTL_SECONDS = Integer.parseInt(environment("TTL", "10"));
  private static final Duration PATIENCE = Duration.ofSeconds(TTL_SECONDS + 5);
  private static final Set<String> OUTCOMES =
      Set.of("EventGroupCollectorSuccess", "EventGroupCollectorFailure");
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    String group = arguments.length > 0 ? arguments[0] : "trip-" + UUID.randomUUID();
    Optional<String> outcome;
    // The reader first: nothing that is sent after this line can be missed.
    try (Consumer<String, String> consumer = readerAtTheEnd();
        Producer<String, String> producer = newProducer()) {
      send(
          producer,
          group,
          List.of(
              Map.of(
                  "type", "EventGroupCollectorCreate",
                  "id", group,
                  "expected", List.of("flight", "hotel"),
                  "ttl", TTL_SECONDS,
                  "payload", Map.of("customer", "Ada")),
              done(group, "flight", Map.of("seat", "12A")),
              done(group, "hotel", Map.of("room", 401))));
      outcome = outcomeOf(group, consumer);
    }
    if (outcome.isEmpty()) {
      System.err.println("no outcome of " + group + " in " + PATIENCE.toSeconds() + " s");
      System.exit(1);
    }
    System.out.println(outcome.get());
  }

  // Keys go to the partition where the collector looks first, and retries double nothing: both are
  // this client's defaults.
  private static Producer<String, String> newProducer() {
    return new KafkaProducer<>(
        Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS),
        new StringSerializer(),
        new StringSerializer());
  }

  private static Map<String, Object> done(String group, String entity, Object result) {
    return Map.of(
        "type", "EventGroupCollectorEntityDone", "id", entity, "group", group, "result", result);
  }

  /** All of a group's events have its id as their key. Returns when the broker has them. */
  private static void send(
      Producer<String, String> producer, String group, List<Map<String, ?>> events)
      throws Exception {
    List<Future<?>> sent = new ArrayList<>();
    for (Map<String, ?> event : events) {
      sent.add(
          producer.send(new ProducerRecord<>(TOPIC, group, JSON.writeValueAsString(event))));
    }
    for (Future<?> one : sent) {
      one.get();
    }
  }

  /** Reads all partitions, from where they end now. It joins no group and commits nothing. */
  private static Consumer<String, String> readerAtTheEnd() {
    Consumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, BROKERS,
                // The default, read_uncommitted, shows outcomes that were taken back.
                ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed"),
            new StringDeserializer(),
            new StringDeserializer());
    List<TopicPartition> partitions =
        consumer.partitionsFor(TOPIC).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToEnd(partitions);
    partitions.forEach(consumer::position); // Asks now; seekToEnd alone asks at the first poll.
    return consumer;
  }

  private static Optional<String> outcomeOf(String group, Consumer<String, String> consumer)
      throws Exception {
    Instant end = Instant.now().plus(PATIENCE);
    while (Instant.now().isBefore(end)) {
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
        if (group.equals(record.key()) && isOutcome(record.value())) {
          return Optional.of(record.value());
        }
      }
    }
    return Optional.empty();
  }

  private static boolean isOutcome(String event) throws Exception {
    return OUTCOMES.contains(JSON.readTree(event).path("type").asText());
  }

  private static String environment(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
  }
}
