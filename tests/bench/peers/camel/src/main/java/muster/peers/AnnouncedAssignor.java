package muster.peers;

import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;

/** Camel does not say when it has its partitions; the assignor that the client loads does. */
public final class AnnouncedAssignor extends RangeAssignor {
  @Override
  public void onAssignment(Assignment assignment, ConsumerGroupMetadata metadata) {
    super.onAssignment(assignment, metadata);
    Start.ready(assignment.partitions().size());
  }
}
