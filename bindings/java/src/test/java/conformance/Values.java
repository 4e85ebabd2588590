package conformance;

import io.tenon.Bytes;
import io.tenon.TenonException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.CRC32;

/** Values between JSON and Java, by reflection; and which fields and enum items were seen. */
final class Values {
  /** Thrown where a value does not fit a parameter: another overload may. */
  static final class Unfit extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unfit(Object value, Type type) {
      super(Json.show(value) + " is no " + type.getTypeName());
    }
  }

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);

  final Set<String> seen = new TreeSet<>();

  static String camel(String name) {
    StringBuilder made = new StringBuilder();
    for (String part : name.split("_")) made.append(made.length() == 0 ? part : part.substring(0, 1).toUpperCase(Locale.ROOT) + part.substring(1));
    return made.toString();
  }

  static String pascal(String name) {
    String camel = camel(name);
    return camel.substring(0, 1).toUpperCase(Locale.ROOT) + camel.substring(1);
  }

  static String snake(String name) {
    return name.replaceAll("(?<=[a-z0-9])(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
  }

  static Object invoke(Method method, Object on, Object... arguments) throws Throwable {
    try {
      return method.invoke(on, arguments);
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }

  static Method find(Class<?> type, String name, int parameters) {
    for (Method each : type.getMethods())
      if (each.getName().equals(name) && each.getParameterCount() == parameters) return each;
    return null;
  }

  static boolean isOurs(Class<?> type) {
    return type.getPackageName().equals("io.tenon");
  }

  static boolean isId(Class<?> type) {
    return isOurs(type) && find(type, "parse", 1) != null;
  }

  /** A struct: what has a getter. */
  static boolean isStruct(Class<?> type) {
    if (!isOurs(type) || type.isEnum() || isId(type)) return false;
    return !getters(type).isEmpty();
  }

  static Map<String, Method> getters(Class<?> type) {
    Map<String, Method> found = new LinkedHashMap<>();
    for (Method each : type.getMethods())
      if (each.getDeclaringClass() == type && each.getParameterCount() == 0 && each.getName().matches("get[A-Z].*"))
        found.put(snake(each.getName().substring(3)), each);
    return found;
  }

  // ---- JSON to Java ----

  Object make(Object from, Type type) throws Throwable {
    if (type instanceof ParameterizedType) {
      ParameterizedType generic = (ParameterizedType) type;
      if (generic.getRawType() == List.class && from instanceof List) {
        List<Object> made = new ArrayList<>();
        for (Object each : (List<?>) from) made.add(make(each, generic.getActualTypeArguments()[0]));
        return made;
      }
      throw new Unfit(from, type);
    }
    Class<?> target = (Class<?>) type;
    if (from == null && !target.isPrimitive()) return null;
    if (target.isInstance(from) && !(from instanceof Map)) return from;
    if (from != null && isOurs(from.getClass())) throw new Unfit(from.getClass().getName(), type);
    if (from instanceof Long) {
      long number = (Long) from;
      if (target == long.class || target == Long.class) return number;
      if (target == int.class || target == Integer.class) return Math.toIntExact(number);
      if (target == double.class || target == Double.class) return (double) number;
      if (target == Bytes.class) return Bytes.of(number);
    }
    if (from instanceof Integer && target == int.class) return from;
    if (from instanceof Double && (target == double.class || target == Double.class)) return from;
    if (from instanceof Boolean && (target == boolean.class || target == Boolean.class)) return from;
    if (from instanceof Path && target == String.class) return from.toString();
    if (from instanceof String) return text((String) from, target);
    if (from instanceof Map && isStruct(target)) return struct(from, target);
    throw new Unfit(from, type);
  }

  private Object text(String from, Class<?> target) throws Throwable {
    if (target == Path.class) return Path.of(from);
    if (target == byte[].class) return from.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    if (target == Instant.class) return Instant.parse(from);
    if (target == Duration.class && from.matches("-?[0-9]+us"))
      return Duration.of(Long.parseLong(from.substring(0, from.length() - 2)), ChronoUnit.MICROS);
    if (target.isEnum()) {
      for (Object each : target.getEnumConstants())
        if (((Enum<?>) each).name().equals(from.toUpperCase(Locale.ROOT))) {
          item(each);
          return each;
        }
    }
    if (isId(target)) return invoke(find(target, "parse", 1), null, from);
    throw new Unfit(from, target);
  }

  /** By its builder where it has one: that is how a host does it. */
  private Object struct(Object from, Class<?> target) throws Throwable {
    Method builder = find(target, "builder", 0);
    Object made = builder != null ? invoke(builder, null) : target.getConstructor().newInstance();
    for (Map.Entry<?, ?> field : ((Map<?, ?>) from).entrySet()) {
      String name = (String) field.getKey();
      String method = builder != null ? camel(name) : "set" + pascal(name);
      boolean found = false;
      for (Method each : made.getClass().getMethods()) {
        if (!each.getName().equals(method) || each.getParameterCount() != 1 || each.isVarArgs()) continue;
        Object value = make(field.getValue(), each.getGenericParameterTypes()[0]);
        if (value == null && each.getParameterTypes()[0] == Optional.class) continue;
        invoke(each, made, value);
        // A bool is given on purpose: background is true when it is left out.
        if (!isDefault(value) || value instanceof Boolean) seen.add(target.getSimpleName() + "." + name);
        found = true;
        break;
      }
      if (!found) throw new NoSuchMethodException(target.getSimpleName() + " has no " + name);
    }
    return builder != null ? invoke(find(made.getClass(), "build", 0), made) : made;
  }

  private void item(Object item) {
    seen.add(item.getClass().getSimpleName() + "." + ((Enum<?>) item).name().toLowerCase(Locale.ROOT));
  }

  // ---- Java to JSON ----

  /** What a call gave, in its JSON form; its fields and items count as seen. */
  Object json(Object from) throws Throwable {
    if (from instanceof Optional) return json(((Optional<?>) from).orElse(null));
    if (from == null || from instanceof Boolean || from instanceof Long || from instanceof Double || from instanceof String) return from;
    if (from instanceof Integer) return (long) (Integer) from;
    if (from instanceof Path) return from.toString();
    if (from instanceof Instant) return TIME.format((Instant) from);
    if (from instanceof Duration) return micros((Duration) from) + "us";
    if (from instanceof Bytes) {
      if (!isDefault(from)) seen.add("Bytes.count");
      return ((Bytes) from).getCount();
    }
    if (from instanceof Enum) {
      item(from);
      return ((Enum<?>) from).name().toLowerCase(Locale.ROOT);
    }
    if (from instanceof List) {
      List<Object> made = new ArrayList<>();
      for (Object each : (List<?>) from) made.add(json(each));
      return made;
    }
    if (from instanceof byte[]) return new String((byte[]) from, java.nio.charset.StandardCharsets.ISO_8859_1);
    if (from instanceof ByteBuffer) return buffer((ByteBuffer) from);
    if (from instanceof TenonException) return error((TenonException) from);
    Class<?> type = from.getClass();
    if (isId(type)) return invoke(find(type, "text", 0), from);
    if (!isStruct(type)) return Map.of("handle", type.getSimpleName());
    Map<String, Object> made = new LinkedHashMap<>();
    for (Map.Entry<String, Method> each : getters(type).entrySet()) {
      Object value = invoke(each.getValue(), from);
      if (!isDefault(value)) seen.add(type.getSimpleName() + "." + each.getKey());
      made.put(each.getKey(), json(value));
    }
    return made;
  }

  private static long micros(Duration duration) {
    return Math.addExact(Math.multiplyExact(duration.getSeconds(), 1_000_000L), duration.getNano() / 1000);
  }

  private static Object buffer(ByteBuffer from) {
    CRC32 sum = new CRC32();
    sum.update(from.duplicate());
    return Map.of("size", (long) from.remaining(), "crc32", sum.getValue());
  }

  private Object error(TenonException from) throws Throwable {
    Map<String, Object> made = new LinkedHashMap<>();
    made.put("code", json(from.code()));
    made.put("message", from.getMessage());
    made.put("subject", from.subject());
    made.put("retryable", from.retryable());
    made.put("resource", from.resource());
    made.put("limit", json(from.limit()));
    made.put("used", json(from.used()));
    made.put("resets_at", json(from.resetsAt()));
    seen.add("Error");
    made.forEach((name, value) -> {
      if (!isPlainDefault(value)) seen.add("Error." + (name.equals("message") ? "what" : name));
    });
    return made;
  }

  private static boolean isPlainDefault(Object value) {
    return value == null || value.equals(0L) || value.equals("") || value.equals(false);
  }

  static boolean isDefault(Object value) throws Throwable {
    if (value instanceof Optional) return isDefault(((Optional<?>) value).orElse(null));
    if (isPlainDefault(value) || value.equals(0) || value.equals(0.0) || value.equals(Duration.ZERO) || value.equals(Instant.EPOCH)) return true;
    if (value instanceof Path) return value.toString().isEmpty();
    if (value instanceof List) return ((List<?>) value).isEmpty();
    if (value instanceof Bytes) return ((Bytes) value).getCount() == 0;
    if (value instanceof byte[]) return ((byte[]) value).length == 0;
    if (value instanceof ByteBuffer) return ((ByteBuffer) value).remaining() == 0;
    Class<?> type = value.getClass();
    if (value instanceof Enum) return invoke(find(type, "number", 0), value).equals(0);
    if (isId(type)) return (Boolean) invoke(find(type, "isNil", 0), value);
    if (!isStruct(type)) return false;
    for (Method each : getters(type).values())
      if (!isDefault(invoke(each, value))) return false;
    return true;
  }
}
