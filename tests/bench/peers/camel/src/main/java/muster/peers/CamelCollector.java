package muster.peers;

import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.camel.main.Main;
import org.apache.camel.main.SimpleMainShutdownStrategy;

/**
 * Event groups as a Camel route: the Aggregator with its repository in memory, nothing durable.
 * Options are system properties: -Dbrokers -Din -Dout -Dgroup.
 */
public final class CamelCollector extends RouteBuilder {
  /** What the exchange of an open group carries. */
  static final class Collected {
    final String id;
    Group group; // null: its Create has not come
    byte[] failure;

    Collected(String id) {
      this.id = id;
    }

    boolean over() {
      return failure != null || group != null && group.complete();
    }
  }

  private static Exchange aggregate(Exchange before, Exchange now) {
    Event event = now.getMessage().getBody(Event.class);
    Exchange result = before == null ? now : before;
    Collected collected = before == null
        ? new Collected(event.group())
        : before.getMessage().getBody(Collected.class);
    if (event.create() && collected.group == null) {
      collected.group = new Group(event, System.currentTimeMillis());
      result.setProperty("ttlMs", event.ttlMs());
    } else if (collected.group != null && collected.group.expects(event.entity())) {
      if (event.error() == null) {
        collected.group.done(event.entity(), event.result());
      } else {
        collected.failure = collected.group.failure(collected.id, event.entity(), event.error(),
            System.currentTimeMillis());
      }
    }
    result.getMessage().setBody(collected);
    return result;
  }

  private static byte[] outcome(Collected collected, boolean timedOut) {
    if (timedOut) return collected.group.timeout(collected.id);
    if (collected.failure != null) return collected.failure;
    return collected.group.success(collected.id, System.currentTimeMillis());
  }

  @Override
  public void configure() {
    String bytes = "org.apache.kafka.common.serialization.ByteArray";
    // A short commit interval, so that the end of a drain is seen when it is there.
    from("kafka:" + Start.option("in") + "?brokers=" + Start.option("brokers") + "&groupId="
        + Start.option("group") + "&autoOffsetReset=earliest&autoCommitIntervalMs=100"
        + "&maxPollRecords=5000&partitionAssignor=" + AnnouncedAssignor.class.getName()
        + "&valueDeserializer=" + bytes + "Deserializer")
        .process(exchange -> {
          Event event = Event.read(exchange.getMessage().getBody(byte[].class));
          exchange.getMessage().removeHeaders("*");
          exchange.getMessage().setBody(event);
          exchange.setProperty("group", event == null ? null : event.group());
        })
        .filter(body().isNotNull())
        .aggregate(exchangeProperty("group"), CamelCollector::aggregate)
        .completionPredicate(exchange -> exchange.getMessage().getBody(Collected.class).over())
        .completionTimeout(exchangeProperty("ttlMs"))
        .completionTimeoutCheckerInterval(1000)
        .filter(exchange -> exchange.getMessage().getBody(Collected.class).group != null)
        .process(exchange -> {
          var collected = exchange.getMessage().getBody(Collected.class);
          String how = exchange.getProperty(Exchange.AGGREGATED_COMPLETED_BY, String.class);
          exchange.getMessage().setHeader(KafkaConstants.KEY, collected.id);
          exchange.getMessage().setBody(outcome(collected, "timeout".equals(how)));
        })
        .to("kafka:" + Start.option("out") + "?brokers=" + Start.option("brokers")
            + "&producerBatchSize=262144&lingerMs=5&valueSerializer=" + bytes + "Serializer");
  }

  public static void main(String[] args) throws Exception {
    Start.makeOutput();
    var main = new Main();
    main.setDefaultPropertyPlaceholderLocation("false");
    main.setShutdownStrategy(new SimpleMainShutdownStrategy()); // without a hook of its own
    main.configure().addRoutesBuilder(new CamelCollector());
    Start.atTheEnd(() -> main.getCamelContext().stop());
    main.run();
  }
}
