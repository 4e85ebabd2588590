package hosts;

import io.tenon.*;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/** Whatever a setter or a call is given that cannot be, it says so before it does anything: all of them, by reflection. */
final class RefusalsTest {
  private static final String HALF = "x\ud83c";
  private static final Duration LONG = Duration.ofSeconds(Long.MAX_VALUE);

  private RefusalsTest() {}

  private static List<Class<?>> publicClasses() throws Exception {
    List<Class<?>> found = new ArrayList<>();
    try (JarFile jar = new JarFile(Path.of(Engine.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toFile())) {
      for (JarEntry each : Collections.list(jar.entries())) {
        if (!each.getName().matches("io/tenon/\\w+\\.class")) continue;
        Class<?> kind = Class.forName(each.getName().replace('/', '.').replaceAll("\\.class$", ""), false, Engine.class.getClassLoader());
        if (Modifier.isPublic(kind.getModifiers())) found.add(kind);
      }
    }
    return found;
  }

  private static void refuses(Class<? extends Throwable> why, Method member, Object on, Object... given) throws Exception {
    try {
      member.invoke(on, given);
    } catch (InvocationTargetException thrown) {
      Check.that(why.isInstance(thrown.getCause()), member + " given " + Arrays.toString(given) + ": " + thrown.getCause());
      return;
    }
    throw new AssertionError(member + " took " + Arrays.toString(given));
  }

  private static void refusesValue(Class<? extends Throwable> why, Method member, Object on, Object given) throws Exception {
    refuses(why, member, on, new Object[] {given});
  }

  private static boolean hasOptional(Class<?> kind, String name) {
    return Arrays.stream(kind.getMethods()).anyMatch(each -> each.getName().equals(name) && each.getParameterTypes()[0] == Optional.class);
  }

  static void everySetterSaysWhatItCannotHold(Path folder) throws Exception {
    int seen = 0;
    for (Class<?> kind : publicClasses()) {
      Object made;
      try {
        made = kind.getConstructor().newInstance();
      } catch (NoSuchMethodException none) {
        continue;
      }
      for (Method each : kind.getMethods()) {
        if (!each.getName().startsWith("set") || each.getParameterCount() != 1) continue;
        Class<?> plain = each.getParameterTypes()[0];
        if (plain.isPrimitive()) continue;
        ++seen;
        // Null unsets what may be missing.
        if (plain == Optional.class || !hasOptional(kind, each.getName())) refusesValue(NullPointerException.class, each, made, null);
        Type type = each.getGenericParameterTypes()[0];
        Type held = type instanceof ParameterizedType ? ((ParameterizedType) type).getActualTypeArguments()[0] : type;
        if (plain == List.class) {
          refusesValue(NullPointerException.class, each, made, Arrays.asList(new Object[] {null}));
          if (held == String.class) refusesValue(InvalidArgumentException.class, each, made, List.of(HALF));
        } else {
          boolean optional = plain == Optional.class;
          if (held == String.class) refusesValue(InvalidArgumentException.class, each, made, optional ? Optional.of(HALF) : HALF);
          if (held == Duration.class) refusesValue(ArithmeticException.class, each, made, optional ? Optional.of(LONG) : LONG);
          if (held == Instant.class) refusesValue(ArithmeticException.class, each, made, optional ? Optional.of(Instant.MAX) : Instant.MAX);
        }
      }
    }
    Check.that(seen > 200, "only " + seen + " setters");
  }

  /** Something that a parameter takes; null: nothing is known. */
  private static Object harmless(Class<?> kind) throws Exception {
    if (kind == String.class) return "x";
    if (kind == boolean.class) return false;
    if (kind == int.class) return 1;
    if (kind == long.class) return 1L;
    if (kind == double.class) return 0.5;
    if (kind == byte[].class) return new byte[1];
    if (kind == Duration.class) return Duration.ZERO;
    if (kind == Instant.class) return Instant.EPOCH;
    if (kind == Path.class) return Path.of("x");
    if (kind == List.class) return List.of();
    if (kind == Optional.class) return Optional.empty();
    if (kind.isEnum()) return kind.getEnumConstants()[0];
    try {
      return kind.getConstructor().newInstance();
    } catch (NoSuchMethodException none) {
      return null;
    }
  }

  static void everyCallRefusesNull(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine);
        OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("a").reason("b").build())) {
      List<Object> handles = List.of(engine, session, setup, session.subscribe(), engine.watch(), engine.logs(), session.projects(),
          session.assets(), session.renders(), session.cameras(), session.backups(), session.backups().keys(), session.exports(),
          session.pictures(), session.jobs(), session.quotas(), session.usage(), session.audit(), setup.tenants(), setup.plans(),
          new Timeline());
      int seen = 0;
      for (Object on : handles) {
        for (Method each : on.getClass().getMethods()) {
          if (each.getDeclaringClass().getPackage() != Engine.class.getPackage() || Modifier.isStatic(each.getModifiers())) continue;
          if (each.getName().equals("equals")) continue;
          Class<?>[] kinds = each.getParameterTypes();
          Object[] given = new Object[kinds.length];
          for (int at = 0; at < kinds.length; ++at) given[at] = harmless(kinds[at]);
          for (int at = 0; at < kinds.length; ++at) {
            if (kinds[at].isPrimitive()) continue;
            Object[] bad = given.clone();
            bad[at] = null;
            refuses(NullPointerException.class, each, on, bad);
            if (kinds[at] == String.class) {
              bad[at] = HALF;
              if (Arrays.stream(bad).allMatch(java.util.Objects::nonNull)) refuses(InvalidArgumentException.class, each, on, bad);
            }
            ++seen;
          }
        }
      }
      Check.that(seen > 60, "only " + seen + " parameters");
      Check.same(0, session.projects().list().size());
    }
  }
}
