package conformance;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Whether a result in its JSON form is what a case says it must be. */
final class Match {
  private Match() {}

  static boolean fits(Object wanted, Object given) {
    if (wanted instanceof Map) {
      Map<?, ?> fields = (Map<?, ?>) wanted;
      if (fields.size() == 1) {
        Map.Entry<?, ?> only = fields.entrySet().iterator().next();
        if (only.getKey().toString().startsWith("$")) return rule(only.getKey().toString(), only.getValue(), given);
      }
      if (!(given instanceof Map)) return false;
      for (Map.Entry<?, ?> each : fields.entrySet())
        if (!((Map<?, ?>) given).containsKey(each.getKey()) || !fits(each.getValue(), ((Map<?, ?>) given).get(each.getKey()))) return false;
      return true;
    }
    if (wanted instanceof List) {
      if (!(given instanceof List) || ((List<?>) given).size() != ((List<?>) wanted).size()) return false;
      for (int at = 0; at < ((List<?>) wanted).size(); ++at)
        if (!fits(((List<?>) wanted).get(at), ((List<?>) given).get(at))) return false;
      return true;
    }
    if (wanted instanceof Double || given instanceof Double)
      return wanted instanceof Number && given instanceof Number && ((Number) wanted).doubleValue() == ((Number) given).doubleValue();
    return wanted == null ? given == null : wanted.equals(given);
  }

  private static boolean rule(String name, Object wanted, Object given) {
    switch (name) {
      case "$kind":
        return kind((String) wanted, given);
      case "$gt":
        return given != null && compare(given, wanted) > 0;
      case "$ge":
        return given != null && compare(given, wanted) >= 0;
      case "$lt":
        return given != null && compare(given, wanted) < 0;
      case "$le":
        return given != null && compare(given, wanted) <= 0;
      case "$between":
        return given != null && compare(given, ((List<?>) wanted).get(0)) >= 0 && compare(given, ((List<?>) wanted).get(1)) <= 0;
      case "$size":
        return given instanceof String && fits(wanted, (long) ((String) given).codePointCount(0, ((String) given).length()))
            || given instanceof List && fits(wanted, (long) ((List<?>) given).size());
      case "$has":
        return given instanceof String ? ((String) given).contains((String) wanted)
            : given instanceof List && ((List<?>) given).stream().anyMatch(each -> fits(wanted, each));
      case "$all":
        return given instanceof List && ((List<?>) given).stream().allMatch(each -> fits(wanted, each));
      case "$matches":
        return given instanceof String && Pattern.compile((String) wanted, Pattern.MULTILINE).matcher((String) given).find();
      case "$not":
        return !fits(wanted, given);
      case "$each":
        return ((List<?>) wanted).stream().allMatch(each -> fits(each, given));
      case "$any":
        return given != null;
      default:
        throw new IllegalArgumentException("no rule is called " + name);
    }
  }

  private static int compare(Object one, Object other) {
    if (one instanceof Number && other instanceof Number) {
      if (one instanceof Long && other instanceof Long) return Long.compare((Long) one, (Long) other);
      return Double.compare(((Number) one).doubleValue(), ((Number) other).doubleValue());
    }
    String a = (String) one;
    String b = (String) other;
    if (a.endsWith("us") && b.endsWith("us")) return Long.compare(micros(a), micros(b));
    return Instant.parse(a).compareTo(Instant.parse(b));
  }

  static long micros(String duration) {
    return Long.parseLong(duration.substring(0, duration.length() - 2));
  }

  private static boolean kind(String kind, Object given) {
    switch (kind) {
      case "int":
        return given instanceof Long;
      case "number":
        return given instanceof Number;
      default:
        return given instanceof String && text(kind, (String) given);
    }
  }

  private static boolean text(String kind, String given) {
    switch (kind) {
      case "id":
        return given.matches("[a-z]{3}_[0-9a-z]{26}") && !given.endsWith("_00000000000000000000000000");
      case "time":
        Instant time = Instant.parse(given);
        return time.isAfter(Instant.parse("2020-01-01T00:00:00Z")) && time.isBefore(Instant.now().plus(Duration.ofDays(1)));
      case "duration":
        return given.matches("-?[0-9]+us");
      case "path":
        return Files.exists(Path.of(given));
      case "sha256":
        return given.matches("[0-9a-f]{64}");
      case "text":
        return !given.isEmpty();
      case "json":
        return Json.parse(given) instanceof Map;
      default:
        throw new IllegalArgumentException("no kind is called " + kind);
    }
  }
}
