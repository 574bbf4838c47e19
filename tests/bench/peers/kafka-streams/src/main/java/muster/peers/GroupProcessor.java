package muster.peers;

import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The groups of one partition. */
final class GroupProcessor implements Processor<String, byte[], String, byte[]> {
  private static final Duration TICK = Duration.ofSeconds(1);

  private record Deadline(long dueMs, String id) {}

  private final PriorityQueue<Deadline> deadlines =
      new PriorityQueue<>(Comparator.comparingLong(Deadline::dueMs));
  private ProcessorContext<String, byte[]> context;
  private KeyValueStore<String, Group> groups;

  @Override
  public void init(ProcessorContext<String, byte[]> ownContext) {
    context = ownContext;
    groups = context.getStateStore(StreamsCollector.STORE);
    try (var restored = groups.all()) {
      restored.forEachRemaining(
          entry -> deadlines.add(new Deadline(entry.value.dueMs(), entry.key)));
    }
    context.schedule(TICK, PunctuationType.WALL_CLOCK_TIME, this::expire);
  }

  @Override
  public void process(Record<String, byte[]> record) {
    Event event = Event.read(record.value());
    if (event == null) return;
    Group group = groups.get(event.group());
    if (event.create()) {
      if (group == null) open(event);
    } else if (group != null && group.expects(event.entity())) {
      done(event, group);
    }
  }

  private void open(Event create) {
    var group = new Group(create, context.currentSystemTimeMs());
    groups.put(create.group(), group);
    deadlines.add(new Deadline(group.dueMs(), create.group()));
  }

  private void done(Event done, Group group) {
    String id = done.group();
    long now = context.currentSystemTimeMs();
    if (done.error() != null) {
      close(id, group.failure(id, done.entity(), done.error(), now));
      return;
    }
    group.done(done.entity(), done.result());
    if (group.complete()) {
      close(id, group.success(id, now));
    } else {
      groups.put(id, group);
    }
  }

  private void close(String id, byte[] outcome) {
    context.forward(new Record<>(id, outcome, context.currentSystemTimeMs()));
    groups.delete(id);
  }

  /** The deadline of a group that has ended stays in the heap until it is due. */
  private void expire(long nowMs) {
    while (!deadlines.isEmpty() && deadlines.peek().dueMs() <= nowMs) {
      Deadline deadline = deadlines.poll();
      Group group = groups.get(deadline.id());
      if (group != null && group.dueMs() == deadline.dueMs()) {
        close(deadline.id(), group.timeout(deadline.id()));
      }
    }
  }
}
