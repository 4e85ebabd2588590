package conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as maps, lists, strings, Long, Double, Boolean and null. */
final class Json {
  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  static Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value();
    if (json.peek() != 0) throw json.wrong();
    return value;
  }

  private IllegalArgumentException wrong() {
    return new IllegalArgumentException("no JSON at character " + at);
  }

  private char peek() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) ++at;
    return at < text.length() ? text.charAt(at) : 0;
  }

  private boolean take(char wanted) {
    if (peek() != wanted) return false;
    ++at;
    return true;
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) throw wrong();
    at += word.length();
    return value;
  }

  private Object value() {
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return word("true", true);
      case 'f':
        return word("false", false);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Map<String, Object> object() {
    Map<String, Object> made = new LinkedHashMap<>();
    ++at;
    if (take('}')) return made;
    do {
      peek();
      String key = string();
      if (!take(':')) throw wrong();
      made.put(key, value());
    } while (take(','));
    if (!take('}')) throw wrong();
    return made;
  }

  private List<Object> array() {
    List<Object> made = new ArrayList<>();
    ++at;
    if (take(']')) return made;
    do {
      made.add(value());
    } while (take(','));
    if (!take(']')) throw wrong();
    return made;
  }

  private String string() {
    if (peek() != '"') throw wrong();
    StringBuilder made = new StringBuilder();
    for (++at; text.charAt(at) != '"'; ++at) {
      char each = text.charAt(at);
      if (each != '\\') {
        made.append(each);
        continue;
      }
      char escaped = text.charAt(++at);
      int plain = "bfnrt".indexOf(escaped);
      if (escaped == 'u') {
        made.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
        at += 4;
      } else {
        made.append(plain < 0 ? escaped : "\b\f\n\r\t".charAt(plain));
      }
    }
    ++at;
    return made.toString();
  }

  private Object number() {
    int begin = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) ++at;
    String digits = text.substring(begin, at);
    if (digits.isEmpty()) throw wrong();
    if (digits.matches("-?[0-9]+")) return Long.valueOf(digits);
    return Double.valueOf(digits);
  }

  static String show(Object value) {
    if (value instanceof String) return '"' + ((String) value).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    if (value instanceof Map) {
      List<String> parts = new ArrayList<>();
      ((Map<?, ?>) value).forEach((key, each) -> parts.add(show(key) + ": " + show(each)));
      return "{" + String.join(", ", parts) + "}";
    }
    if (value instanceof List) {
      List<String> parts = new ArrayList<>();
      for (Object each : (List<?>) value) parts.add(show(each));
      return "[" + String.join(", ", parts) + "]";
    }
    return String.valueOf(value);
  }
}
