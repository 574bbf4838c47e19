package muster.peers;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** An open group: what was expected, what has come. */
public final class Group {
  private final List<String> expected;
  private final byte[][] results; // in the order of `expected`; null: has not come
  private final byte[] payload;
  private final long createdMs;
  private final long ttlMs;
  private int missing;

  public Group(Event create, long nowMs) {
    this(create.expected(), new byte[create.expected().size()][], create.payload(), nowMs,
        create.ttlMs());
  }

  private Group(List<String> expected, byte[][] results, byte[] payload, long createdMs,
      long ttlMs) {
    this.expected = expected;
    this.results = results;
    this.payload = payload;
    this.createdMs = createdMs;
    this.ttlMs = ttlMs;
    for (byte[] result : results) if (result == null) missing++;
  }

  public long ttlMs() {
    return ttlMs;
  }

  public long dueMs() {
    return createdMs + ttlMs;
  }

  public boolean complete() {
    return missing == 0;
  }

  public boolean expects(String entity) {
    return expected.contains(entity);
  }

  /** The first one wins. */
  public void done(String entity, byte[] result) {
    int at = expected.indexOf(entity);
    if (at < 0 || results[at] != null) return;
    results[at] = result;
    missing--;
  }

  public byte[] success(String id, long nowMs) {
    return outcome("Success", id, null, null, nowMs);
  }

  public byte[] failure(String id, String entity, String error, long nowMs) {
    return outcome("Failure", id, entity, error, nowMs);
  }

  public byte[] timeout(String id) {
    String seconds = ttlMs % 1000 == 0 ? "" + ttlMs / 1000 : "" + ttlMs / 1e3;
    return failure(id, id, "Operation timed out after " + seconds + " seconds", dueMs());
  }

  private byte[] outcome(String kind, String id, String entity, String error, long resolvedMs) {
    var out = new ByteArrayOutputStream(512);
    text(out, "{\"type\":\"EventGroupCollector" + kind + "\",\"id\":");
    quoted(out, id);
    if (error != null) {
      text(out, ",\"entity\":");
      quoted(out, entity);
      text(out, ",\"error\":");
      quoted(out, error);
    }
    text(out, ",\"created\":\"" + rfc3339(createdMs) + "\",\"resolved\":\"" + rfc3339(resolvedMs));
    text(out, "\",\"results\":{");
    String comma = "";
    for (int i = 0; i < results.length; i++) {
      if (results[i] == null) continue;
      text(out, comma);
      quoted(out, expected.get(i));
      text(out, ":");
      out.writeBytes(results[i]);
      comma = ",";
    }
    text(out, "},\"payload\":");
    out.writeBytes(payload);
    text(out, "}");
    return out.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  private static void quoted(ByteArrayOutputStream out, String text) {
    out.write('"');
    out.writeBytes(JsonStringEncoder.getInstance().quoteAsUTF8(text));
    out.write('"');
  }

  private static String rfc3339(long ms) {
    return Instant.ofEpochMilli(ms).truncatedTo(ChronoUnit.MILLIS).toString();
  }

  /** For a store: lengths and bytes, much cheaper than JSON. */
  public byte[] save() {
    var texts = new ArrayList<byte[]>(expected.size());
    int size = 8 + 8 + 4 + 4 + payload.length;
    for (int i = 0; i < results.length; i++) {
      texts.add(expected.get(i).getBytes(StandardCharsets.UTF_8));
      size += 4 + texts.get(i).length + 4 + (results[i] == null ? 0 : results[i].length);
    }
    var out = ByteBuffer.allocate(size).putLong(createdMs).putLong(ttlMs);
    out.putInt(payload.length).put(payload).putInt(results.length);
    for (int i = 0; i < results.length; i++) {
      out.putInt(texts.get(i).length).put(texts.get(i));
      if (results[i] == null) {
        out.putInt(-1);
      } else {
        out.putInt(results[i].length).put(results[i]);
      }
    }
    return out.array();
  }

  public static Group load(byte[] bytes) {
    var in = ByteBuffer.wrap(bytes);
    long createdMs = in.getLong();
    long ttlMs = in.getLong();
    byte[] payload = take(in);
    int count = in.getInt();
    var expected = new ArrayList<String>(count);
    var results = new byte[count][];
    for (int i = 0; i < count; i++) {
      expected.add(new String(take(in), StandardCharsets.UTF_8));
      results[i] = take(in);
    }
    return new Group(expected, results, payload, createdMs, ttlMs);
  }

  private static byte[] take(ByteBuffer in) {
    int length = in.getInt();
    if (length < 0) return null;
    var bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }
}
