package muster.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An event that matters to a group. Payload and result are the producer's bytes: they are only
 * passed on, so nobody makes a tree of them.
 */
public record Event(boolean create, String group, String entity, List<String> expected, long ttlMs,
    byte[] payload, byte[] result, String error) {
  private static final JsonFactory JSON = new JsonFactory();
  private static final byte[] NULL = {'n', 'u', 'l', 'l'};
  private static final double TTL_SECONDS = 30;

  /** Null: of a type that belongs to others. */
  public static Event read(byte[] value) {
    String type = "";
    String id = null;
    String group = null;
    String error = null;
    List<String> expected = List.of();
    double ttl = TTL_SECONDS;
    byte[] payload = NULL;
    byte[] result = NULL;
    try (JsonParser parser = JSON.createParser(value)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case "type" -> type = parser.getText();
          case "id" -> id = parser.getText();
          case "group" -> group = parser.getText();
          case "error" -> error = parser.getValueAsString();
          case "expected" -> expected = texts(parser);
          case "ttl" -> ttl = parser.getDoubleValue();
          case "payload" -> payload = raw(parser, value);
          case "result" -> result = raw(parser, value);
          default -> parser.skipChildren();
        }
      }
    } catch (IOException wrong) {
      throw new UncheckedIOException(wrong);
    }
    long ttlMs = Math.round((ttl > 0 ? ttl : TTL_SECONDS) * 1000);
    return switch (type) {
      case "EventGroupCollectorCreate" ->
          new Event(true, id, null, expected, ttlMs, payload, null, null);
      case "EventGroupCollectorEntityDone" ->
          new Event(false, group, id, null, 0, null, result, error);
      default -> null;
    };
  }

  private static List<String> texts(JsonParser parser) throws IOException {
    var list = new ArrayList<String>();
    while (parser.nextToken() != JsonToken.END_ARRAY) list.add(parser.getText());
    return list;
  }

  private static byte[] raw(JsonParser parser, byte[] value) throws IOException {
    int from = (int) parser.currentTokenLocation().getByteOffset();
    parser.skipChildren();
    parser.finishToken();
    return Arrays.copyOfRange(value, from, (int) parser.currentLocation().getByteOffset());
  }
}
