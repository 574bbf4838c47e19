package muster.peers;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.Stores;

/**
 * Event groups as a Kafka Streams application: one processor, one store of open groups with its
 * changelog. The input is keyed by group. Options are system properties:
 *
 * <p>-Dbrokers -Din -Dout -Dgroup -Dstate=FOLDER, and -Dguarantee=exactly_once_v2|at_least_once
 * -Dstore=rocksdb|memory -Dthreads -Dcommit.ms -Dcache.bytes -Dkafka.NAME=VALUE
 */
public final class StreamsCollector {
  static final String STORE = "groups";

  private StreamsCollector() {}

  private static Topology topology() {
    KeyValueBytesStoreSupplier supplier = "memory".equals(System.getProperty("store"))
        ? Stores.inMemoryKeyValueStore(STORE)
        : Stores.persistentKeyValueStore(STORE);
    Serde<Group> groups = Serdes.serdeFrom((topic, group) -> group == null ? null : group.save(),
        (topic, bytes) -> bytes == null ? null : Group.load(bytes));
    // The cache keeps a group that lives shorter than a commit out of store and changelog.
    var store = Stores.keyValueStoreBuilder(supplier, Serdes.String(), groups).withCachingEnabled()
        .withLoggingEnabled(Map.of());
    return new Topology()
        .addSource("in", Serdes.String().deserializer(), Serdes.ByteArray().deserializer(),
            Start.option("in"))
        .addProcessor("collect", GroupProcessor::new, "in")
        .addStateStore(store, "collect")
        .addSink("out", Start.option("out"), Serdes.String().serializer(),
            Serdes.ByteArray().serializer(), "collect");
  }

  private static Properties config() {
    var config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, Start.option("group"));
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, Start.option("brokers"));
    config.put(StreamsConfig.STATE_DIR_CONFIG, Start.option("state"));
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.getInteger("threads", 1));
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        System.getProperty("guarantee", StreamsConfig.EXACTLY_ONCE_V2));
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Long.getLong("commit.ms", 100));
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG,
        Long.getLong("cache.bytes", 256L << 20));
    config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    config.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    config.put(StreamsConfig.consumerPrefix("max.poll.records"), 5000);
    config.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
    System.getProperties().stringPropertyNames().stream().filter(name -> name.startsWith("kafka."))
        .forEach(name -> config.put(name.substring(6), System.getProperty(name)));
    return config;
  }

  public static void main(String[] args) throws Exception {
    int partitions = Start.makeOutput();
    var streams = new KafkaStreams(topology(), config());
    streams.setStateListener((now, before) -> {
      if (now == KafkaStreams.State.RUNNING) Start.ready(partitions);
    });
    Start.atTheEnd(() -> streams.close(Duration.ofSeconds(10)));
    streams.start();
  }
}
