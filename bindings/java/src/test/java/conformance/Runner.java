package conformance;

import io.tenon.TenonException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Carries out the cases of bindings/conformance, which its README.md describes. */
public final class Runner {
  private static final Pattern REFERENCE = Pattern.compile("\\$([A-Za-z_]\\w*)((?:\\.-?\\w+)*)(?:([+-]\\d+)us)?");
  private static final Pattern WITHIN = Pattern.compile("\\$\\{([^}]*)\\}");

  private final Path footage;
  private final String camera;
  private final Map<String, Object> setup;
  private final Values values = new Values();
  private final Map<String, Object> saved = new LinkedHashMap<>();
  private final List<Process> cameras = new ArrayList<>();
  private Path folder;

  private Runner(Path footage, String camera, Map<String, Object> setup) {
    this.footage = footage;
    this.camera = camera;
    this.setup = setup;
  }

  public static void main(String[] arguments) throws Throwable {
    Map<String, String> given = new LinkedHashMap<>();
    List<String> only = new ArrayList<>();
    for (int at = 0; at < arguments.length; ++at) {
      if (arguments[at].startsWith("--")) given.put(arguments[at].substring(2), arguments[++at]);
      else only.add(arguments[at]);
    }
    Path cases = Path.of(given.get("cases"));
    Runner runner = new Runner(Path.of(given.get("footage")).toAbsolutePath(), given.get("camera"), read(cases.resolve("setup.json")));
    List<Path> files;
    try (Stream<Path> listed = Files.list(cases.resolve("cases"))) {
      files = listed.filter(each -> each.toString().endsWith(".json")).sorted().collect(Collectors.toList());
    }
    int failed = 0;
    for (Path file : files) failed += runner.file(file, only);
    if (given.containsKey("calls")) Files.write(Path.of(given.get("calls")), runner.values.seen);
    System.exit(failed == 0 ? 0 : 1);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> read(Path file) throws IOException {
    return (Map<String, Object>) Json.parse(Files.readString(file));
  }

  private static List<?> list(Object from) {
    return from == null ? List.of() : (List<?>) from;
  }

  private int file(Path file, List<String> only) throws Throwable {
    Map<String, Object> content = read(file);
    String stem = file.getFileName().toString().replaceAll("\\.json$", "");
    int failed = 0;
    for (Object each : list(content.get("cases"))) {
      Map<?, ?> test = (Map<?, ?>) each;
      String name = stem + "." + test.get("name");
      if (!only.isEmpty() && !only.contains(name) && !only.contains(stem)) continue;
      if (camera == null && list(test.get("needs")).contains("camera")) continue;
      if (System.getenv("PGHOST") == null && list(test.get("needs")).contains("postgres")) continue;
      List<Object> steps = new ArrayList<>();
      for (Object part : list(test.containsKey("setup") ? test.get("setup") : content.get("setup"))) steps.addAll(list(setup.get(part)));
      steps.addAll(list(test.get("steps")));
      String problem = one(steps);
      System.out.println(problem == null ? "ok " + name : "FAILED " + name + ": " + problem);
      if (problem != null) ++failed;
    }
    return failed;
  }

  /** Null: it went as it should. */
  private String one(List<Object> steps) throws Throwable {
    folder = Files.createTempDirectory("conformance-").toRealPath();
    saved.clear();
    String problem = null;
    for (int at = 0; at < steps.size() && problem == null; ++at) {
      try {
        problem = step((Map<?, ?>) steps.get(at));
      } catch (Throwable why) {
        problem = why.toString();
        if (!(why instanceof TenonException)) why.printStackTrace();
      }
      if (problem != null) problem = "step " + (at + 1) + " " + Json.show(steps.get(at)) + ": " + problem;
    }
    List<Object> left = new ArrayList<>(saved.values());
    Collections.reverse(left);
    for (Object each : left)
      if (each instanceof AutoCloseable) ((AutoCloseable) each).close();
    for (Process each : cameras) each.getOutputStream().close();
    for (Process each : cameras) each.waitFor();
    cameras.clear();
    remove(folder);
    return problem;
  }

  private String step(Map<?, ?> step) throws Throwable {
    if (step.containsKey("host")) return host(step);
    long times = step.containsKey("times") ? (Long) step.get("times") : 1;
    String problem = null;
    for (long time = 1; time <= times && problem == null; ++time) {
      saved.put("i", time);
      problem = step.containsKey("until") ? until(step) : once(step, step.get("expect"), step.containsKey("expect"));
    }
    saved.remove("i");
    return problem;
  }

  private String until(Map<?, ?> step) throws Throwable {
    String problem = "";
    for (long end = System.nanoTime() + 60_000_000_000L; System.nanoTime() < end; Thread.sleep(50)) {
      problem = once(step, step.get("until"), true);
      if (problem == null) return null;
    }
    return problem;
  }

  private String once(Map<?, ?> step, Object expected, boolean compared) throws Throwable {
    Object result;
    try {
      result = call(step);
    } catch (TenonException thrown) {
      Object error = values.json(thrown);
      String kind = thrown.getClass().getSimpleName().replaceAll("Exception$", "");
      values.seen.add(kind);
      if (!thrown.code().name().replace("_", "").equalsIgnoreCase(kind)) return "the class of " + Json.show(error) + " is " + kind;
      if (step.get("any_error") == Boolean.TRUE) return null;
      if (!step.containsKey("error")) return "it threw " + Json.show(error);
      Object wanted = json(resolve(step.get("error")));
      return Match.fits(wanted, error) ? null : "it threw " + Json.show(error);
    }
    if (step.containsKey("error")) return "it did not throw; it gave " + Json.show(values.json(result));
    if (result instanceof java.util.Optional) result = ((java.util.Optional<?>) result).orElse(null);
    if (step.containsKey("save")) saved.put((String) step.get("save"), result);
    Object given = values.json(result);
    if (compared && !Match.fits(json(resolve(expected)), given)) return "it gave " + Json.show(given);
    return null;
  }

  // ---- calls ----

  private Object call(Map<?, ?> step) throws Throwable {
    String[] path = ((String) step.get("call")).split("\\.");
    List<Object> arguments = new ArrayList<>();
    for (Object each : list(step.get("args"))) arguments.add(resolve(each));
    Object options = step.containsKey("options") ? resolve(step.get("options")) : null;
    String last = path[path.length - 1];
    if ("tenon".equals(step.get("on"))) {
      if (Character.isUpperCase(last.charAt(0))) return construct(Class.forName("io.tenon." + last), arguments, options);
      Class<?> owner = Class.forName("io.tenon." + (path.length == 2 ? path[0] : "Tenon"));
      return method(owner, null, last, arguments, options);
    }
    Object on = resolve("$" + step.get("on"));
    for (int at = 0; at + 1 < path.length; ++at) on = method(on.getClass(), on, path[at], List.of(), null);
    return method(on.getClass(), on, last, arguments, options);
  }

  private Object construct(Class<?> type, List<Object> arguments, Object options) throws Throwable {
    for (Constructor<?> each : type.getConstructors()) {
      Object[] fitting = fit(each, arguments, options);
      if (fitting == null) continue;
      Object made;
      try {
        made = each.newInstance(fitting);
      } catch (java.lang.reflect.InvocationTargetException thrown) {
        throw thrown.getCause();
      }
      values.seen.add(type.getSimpleName() + "." + type.getSimpleName());
      return made;
    }
    throw new NoSuchMethodException("no constructor of " + type.getSimpleName() + " takes these");
  }

  private Object method(Class<?> type, Object on, String name, List<Object> arguments, Object options) throws Throwable {
    for (String spelled : List.of(Values.camel(name), "get" + Values.pascal(name))) {
      for (Method each : type.getMethods()) {
        if (!each.getName().equals(spelled) || (on == null) != Modifier.isStatic(each.getModifiers()) || each.isBridge()) continue;
        Object[] fitting = fit(each, arguments, options);
        if (fitting == null) continue;
        Object result = Values.invoke(each, on, fitting);
        if (each.getReturnType() == void.class || !Values.isDefault(result)) {
          String owner = each.getDeclaringClass().getSimpleName();
          values.seen.add(owner.equals("Tenon") ? name : owner + "." + name);
        }
        return result;
      }
    }
    throw new NoSuchMethodException("no " + name + " of " + type.getSimpleName() + " takes these");
  }

  /** Null: this overload does not take them. */
  private Object[] fit(Executable target, List<Object> arguments, Object options) throws Throwable {
    int count = target.getParameterCount();
    if (count != arguments.size() + (options == null ? 0 : 1)) return null;
    Object[] made = new Object[count];
    int next = 0;
    boolean open = options != null;
    try {
      for (int at = 0; at < count; ++at) {
        boolean here = open && Values.isStruct(target.getParameterTypes()[at]);
        if (here) open = false;
        else if (next == arguments.size()) return null;
        made[at] = values.make(here ? options : arguments.get(next++), target.getGenericParameterTypes()[at]);
      }
    } catch (Values.Unfit other) {
      return null;
    }
    return made;
  }

  // ---- references ----

  /** References become the values themselves; what else is JSON stays JSON. */
  private Object resolve(Object from) throws Throwable {
    if (from instanceof Map) {
      Map<String, Object> made = new LinkedHashMap<>();
      for (Map.Entry<?, ?> each : ((Map<?, ?>) from).entrySet()) made.put((String) each.getKey(), resolve(each.getValue()));
      return made;
    }
    if (from instanceof List) {
      List<Object> made = new ArrayList<>();
      for (Object each : (List<?>) from) made.add(resolve(each));
      return made;
    }
    return from instanceof String ? text((String) from) : from;
  }

  private Object text(String from) throws Throwable {
    if (from.startsWith("$$")) return from.substring(1);
    if (from.equals("$DIR") || from.startsWith("$DIR/")) return within(folder + from.substring(4));
    if (from.equals("$FOOTAGE") || from.startsWith("$FOOTAGE/")) return within(footage + from.substring(8));
    Matcher whole = REFERENCE.matcher(from);
    if (whole.matches() && saved.containsKey(whole.group(1))) return moved(walk(whole.group(1) + whole.group(2)), whole.group(3));
    return within(from);
  }

  private String within(String from) throws Throwable {
    Matcher within = WITHIN.matcher(from);
    StringBuilder made = new StringBuilder();
    while (within.find()) {
      String name = within.group(1);
      Object value = name.equals("DIR") ? folder : name.equals("FOOTAGE") ? footage : values.json(walk(name));
      within.appendReplacement(made, Matcher.quoteReplacement(String.valueOf(value)));
    }
    return within.appendTail(made).toString();
  }

  private static Object moved(Object value, String by) {
    if (by == null) return value;
    Duration much = Duration.of(Long.parseLong(by), ChronoUnit.MICROS);
    return value instanceof Instant ? ((Instant) value).plus(much) : ((Duration) value).plus(much);
  }

  private Object walk(String path) throws Throwable {
    String[] parts = path.split("\\.");
    Object at = saved.get(parts[0]);
    for (int next = 1; next < parts.length; ++next) {
      if (at instanceof List) {
        int index = Integer.parseInt(parts[next]);
        at = ((List<?>) at).get(index < 0 ? ((List<?>) at).size() + index : index);
      } else {
        Method getter = Values.find(at.getClass(), "get" + Values.pascal(parts[next]), 0);
        at = Values.invoke(getter != null ? getter : Values.find(at.getClass(), Values.camel(parts[next]), 0), at);
      }
      if (at instanceof java.util.Optional) at = ((java.util.Optional<?>) at).orElse(null);
    }
    return at;
  }

  /** What was resolved, in JSON form again: to compare with. */
  private Object json(Object from) throws Throwable {
    if (from instanceof Map) {
      Map<String, Object> made = new LinkedHashMap<>();
      for (Map.Entry<?, ?> each : ((Map<?, ?>) from).entrySet()) made.put((String) each.getKey(), json(each.getValue()));
      return made;
    }
    if (from instanceof List) {
      List<Object> made = new ArrayList<>();
      for (Object each : (List<?>) from) made.add(json(each));
      return made;
    }
    return values.json(from);
  }

  // ---- what a host does ----

  private String host(Map<?, ?> step) throws Throwable {
    Path path = step.containsKey("path") ? Path.of(String.valueOf(resolve(step.get("path")))) : null;
    switch ((String) step.get("host")) {
      case "write":
        Files.createDirectories(path.getParent());
        Files.writeString(path, (String) resolve(step.get("text")));
        return null;
      case "copy":
        Files.createDirectories(path.getParent());
        Files.copy(Path.of((String) resolve(step.get("from"))), path, StandardCopyOption.REPLACE_EXISTING);
        return null;
      case "remove":
        remove(path);
        return null;
      case "exists":
        return compare(step, Files.exists(path));
      case "size":
        return compare(step, Files.exists(path) ? Files.size(path) : 0L);
      case "damage":
        try (Stream<Path> all = Files.walk(path)) {
          all.filter(Files::isRegularFile).forEach(Runner::damage);
        }
        return null;
      case "camera":
        Process process = new ProcessBuilder(camera, footage.resolve("camera.mp4").toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        cameras.add(process);
        saved.put((String) step.get("save"), new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine());
        return null;
      case "same":
        return compare(step, json(resolve(step.get("value"))));
      case "close":
        ((AutoCloseable) resolve(step.get("value"))).close();
        return null;
      case "drop":
        saved.remove((String) step.get("name"));
        System.gc();
        return null;
      default:
        return "there is no such step";
    }
  }

  private String compare(Map<?, ?> step, Object given) throws Throwable {
    return Match.fits(json(resolve(step.get("expect"))), given) ? null : "it gave " + Json.show(given);
  }

  private static void damage(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length == 0) return;
      bytes[bytes.length / 2] ^= (byte) 0xff;
      file.toFile().setWritable(true);
      Files.write(file, bytes);
    } catch (IOException why) {
      throw new UncheckedIOException(why);
    }
  }

  private static void remove(Path path) throws IOException {
    if (!Files.exists(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)) return;
    List<Path> all;
    try (Stream<Path> walked = Files.walk(path)) {
      all = walked.sorted(Comparator.reverseOrder()).collect(Collectors.toList());
    }
    for (Path each : all) Files.delete(each);
  }
}
