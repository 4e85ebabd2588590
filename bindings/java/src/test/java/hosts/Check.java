package hosts;

import io.tenon.Engine;
import io.tenon.OperatorSession;
import io.tenon.OperatorOptions;
import io.tenon.Role;
import io.tenon.Session;
import io.tenon.SessionOptions;
import io.tenon.Tenant;
import io.tenon.TenantOptions;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the tests of the Java binding share: claims, an engine with a tenant, and running a class's tests by name. */
final class Check {
  private Check() {}

  interface Action {
    void run() throws Exception;
  }

  static void that(boolean holds, Object otherwise) {
    if (!holds) throw new AssertionError(otherwise);
  }

  static void same(Object wanted, Object given) {
    that(Objects.equals(wanted, given), "wanted " + wanted + ", got " + given);
  }

  static <T extends Throwable> T thrown(Class<T> kind, Action action) {
    try {
      action.run();
    } catch (Throwable why) {
      if (kind.isInstance(why)) return kind.cast(why);
      throw new AssertionError("wanted " + kind.getSimpleName() + ", got " + why, why);
    }
    throw new AssertionError("wanted " + kind.getSimpleName() + ", nothing was thrown");
  }

  /** Bounded by what no machine takes. */
  static void soon(String what, BooleanSupplier holds) throws InterruptedException {
    for (long end = System.nanoTime() + 60_000_000_000L; !holds.getAsBoolean(); Thread.sleep(5))
      that(System.nanoTime() < end, "never: " + what);
  }

  static Path folder() throws IOException {
    return Files.createTempDirectory("java-").toRealPath();
  }

  static void remove(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> walked = Files.walk(folder)) {
      all = walked.sorted(Comparator.reverseOrder()).collect(Collectors.toList());
    }
    for (Path each : all) Files.delete(each);
  }

  static Engine engine(Path home) {
    return Engine.builder().home(home).workers(2).build();
  }

  static Session session(Engine engine) {
    try (OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("setup").reason("test").build())) {
      Tenant tenant = setup.tenants().findSlug("acme").orElseGet(() -> setup.tenants().create(
          TenantOptions.builder().name("Acmé 🎬").slug("acme").plan("studio/professional").build()));
      return engine.openSession(SessionOptions.builder().tenant(tenant.getId()).actor("anna").role(Role.OWNER).build());
    }
  }

  /** Runs the tests of classes: their static methods that take a folder of their own. */
  static void run(String[] only, Class<?>... tests) throws Exception {
    int failed = 0;
    for (Method each : Stream.of(tests).flatMap(each -> Stream.of(each.getDeclaredMethods())).collect(Collectors.toList())) {
      if (each.getParameterCount() != 1 || each.getParameterTypes()[0] != Path.class || each.isSynthetic()) continue;
      if (only.length > 0 && !List.of(only).contains(each.getName())) continue;
      Path folder = folder();
      try {
        each.setAccessible(true);
        each.invoke(null, folder);
        System.out.println("ok " + each.getName());
      } catch (InvocationTargetException why) {
        ++failed;
        System.out.println("FAILED " + each.getName());
        why.getCause().printStackTrace(System.out);
      }
      try {
        remove(folder);
      } catch (IOException inUse) {
        // An engine that a test forgot on purpose still writes there.
      }
    }
    System.out.flush();
    System.exit(failed == 0 ? 0 : 1);
  }
}
