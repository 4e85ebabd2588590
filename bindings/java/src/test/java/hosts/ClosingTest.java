package hosts;

import io.tenon.*;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Closing in any order, twice, during a call, from inside a handler, or never: errors at worst. */
final class ClosingTest {
  public static void main(String[] only) throws Exception {
    Check.run(only, ClosingTest.class);
  }

  static void inAnyOrder(Path folder) throws Exception {
    Random random = new Random(4);
    for (int round = 0; round < 8; ++round) {
      Engine engine = Check.engine(folder);
      List<AutoCloseable> open = new ArrayList<>(List.<AutoCloseable>of(engine));
      OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("a").reason("b").build());
      Session session = Check.session(engine);
      open.addAll(List.<AutoCloseable>of(setup, session, session.subscribe(), engine.watch(), engine.logs(),
          session.quotas().reserve(HoldOptions.builder().asks(Ask.of(Resource.RENDER_TIME, 1000)).build())));
      open.addAll(List.copyOf(open));
      Collections.shuffle(open, random);
      for (AutoCloseable each : open) each.close();
      Check.that(engine.isClosed(), "not closed");
    }
  }

  /** Every handle, every member without arguments: Closed, or a value that needs no engine. */
  static void useAfterClose(Path folder) throws Exception {
    Engine engine = Check.engine(folder);
    Session session = Check.session(engine);
    OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("a").reason("b").build());
    BackupJob job = session.backups().start(BackupOptions.builder().name("n").build());
    job.join();
    List<Object> handles = new ArrayList<>(List.<Object>of(session, setup, job, session.subscribe(), engine.watch(), session.projects(),
        session.assets(), session.renders(), session.cameras(), session.backups(), session.backups().keys(), session.exports(),
        session.pictures(), session.jobs(), session.quotas(), session.usage(), session.audit(), setup.tenants(), setup.plans()));
    Project project = session.projects().create(ProjectOptions.builder().name("p").build());
    engine.close();
    engine.close();
    Check.thrown(ClosedException.class, () -> session.projects().create(ProjectOptions.builder().name("p").build()));
    Check.thrown(ClosedException.class, () -> engine.openSession(SessionOptions.builder().tenant(session.tenant()).actor("a").build()));
    Check.thrown(ClosedException.class, () -> engine.watch());
    Check.same("p", project.getName());
    int closed = 0;
    for (Object each : handles) {
      for (Method member : each.getClass().getMethods()) {
        if (member.getParameterCount() > 0 || member.getDeclaringClass() == Object.class || member.getName().equals("close")) continue;
        try {
          Object given = member.invoke(each);
          if (given instanceof CompletableFuture) {
            Throwable why = Check.thrown(ExecutionException.class, () -> ((CompletableFuture<?>) given).get(60, TimeUnit.SECONDS)).getCause();
            Check.that(why instanceof ClosedException, why);
          }
        } catch (java.lang.reflect.InvocationTargetException why) {
          Check.that(why.getCause() instanceof ClosedException, member + ": " + why.getCause());
          ++closed;
        }
      }
    }
    Check.that(closed > 15, closed + " members threw Closed");
  }

  static void whileOthersCall(Path folder) throws Exception {
    for (int round = 0; round < 5; ++round) {
      Engine engine = Check.engine(folder);
      Session session = Check.session(engine);
      EventStream news = session.subscribe();
      CountDownLatch begun = new CountDownLatch(4);
      List<CompletableFuture<Integer>> callers = new ArrayList<>();
      for (int at = 0; at < 4; ++at) {
        boolean waits = at == 0;
        CompletableFuture<Integer> caller = new CompletableFuture<>();
        callers.add(caller);
        Thread thread = new Thread(() -> {
          int calls = 0;
          try {
            begun.countDown();
            while (true) {
              if (waits) news.next(Duration.ofMinutes(10));
              else session.projects().list();
              ++calls;
            }
          } catch (ClosedException closed) {
            caller.complete(calls);
          } catch (Throwable other) {
            caller.completeExceptionally(other);
          }
        });
        thread.setDaemon(true);
        thread.start();
      }
      begun.await();
      engine.close();
      for (CompletableFuture<Integer> each : callers) each.get(60, TimeUnit.SECONDS);
    }
  }

  static void twoEngines(Path folder) {
    try (Engine one = Check.engine(folder.resolve("one")); Engine other = Check.engine(folder.resolve("other"));
        Session first = Check.session(one); Session second = Check.session(other)) {
      first.projects().create(ProjectOptions.builder().name("first").build());
      Check.same(1, first.projects().list().size());
      Check.same(0, second.projects().list().size());
      BackupJob job = first.backups().start(BackupOptions.builder().name("n").build());
      Check.thrown(InvalidArgumentException.class, () -> other.watch().add(job));
      one.close();
      second.projects().create(ProjectOptions.builder().name("second").build());
    }
  }

  static void cycles(Path folder) throws Exception {
    int cycles = Integer.parseInt(System.getenv().getOrDefault("TENON_CYCLES", "150"));
    long before = 0;
    int files = 0;
    for (int at = 0; at < cycles; ++at) {
      try (Engine engine = Engine.builder().home(folder).workers(2).background(false).build()) {
        Check.that(!engine.isClosed(), "closed");
      }
      // The VM grows to its own size first.
      if (at == cycles / 10) {
        System.gc();
        before = resident();
        files = descriptors();
      }
    }
    System.gc();
    long after = resident();
    System.out.printf("%d cycles: %.1f MiB after a tenth of them, %.1f after all; descriptors %d, %d%n", cycles, before / 1048576.0,
        after / 1048576.0, files, descriptors());
    Check.that(descriptors() < files + 16, "more descriptors are open");
    if (cycles < 1000) return;
    Check.that(after - before < 64 << 20, "grew by " + (after - before) + " bytes");
    Check.that(Thread.activeCount() < 50, Thread.activeCount() + " threads");
  }

  private static int descriptors() {
    return new java.io.File("/proc/self/fd").list().length;
  }

  private static long resident() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    throw new AssertionError("no VmRSS");
  }

  // ---- forgetting to close ----

  private static final List<String> WARNINGS = new CopyOnWriteArrayList<>();
  private static final Logger LOGGER = Logger.getLogger("io.tenon");

  private static void hearWarnings() {
    LOGGER.setUseParentHandlers(false);
    LOGGER.addHandler(new Handler() {
      @Override public void publish(LogRecord record) { WARNINGS.add(record.getMessage()); }
      @Override public void flush() {}
      @Override public void close() {}
    });
  }

  private static void collectUntil(String said) throws Exception {
    Check.soon(said, () -> {
      System.gc();
      return WARNINGS.stream().anyMatch(each -> each.contains(said));
    });
  }

  static void forgetting(Path folder) throws Exception {
    hearWarnings();
    Path one = folder.resolve("one");
    try (Engine engine = Check.engine(one); Session session = Check.session(engine)) {
      session.quotas().reserve(HoldOptions.builder().asks(Ask.of(Resource.RENDER_TIME, 5000)).build());
      collectUntil("A Hold was neither");
      Check.soon("what was held is returned", () -> session.quotas().get(Resource.RENDER_TIME).getReserved() == 0);
    }
    // The engine stays open: its session is still good when its proxy is gone.
    Session left = Check.session(Check.engine(folder.resolve("other")));
    collectUntil("An Engine was not closed");
    left.projects().create(ProjectOptions.builder().name("p").build());
    Check.same(1, left.projects().list().size());
    // A handle outlives its proxies' parents.
    Projects projects = Check.session(Check.engine(folder.resolve("third"))).projects();
    for (int at = 0; at < 10; ++at) {
      System.gc();
      projects.list();
    }
  }

  static void closedEnginesAreFreed(Path folder) throws Exception {
    for (int at = 0; at < 5; ++at) Check.engine(folder).close();
    for (int at = 0; at < 10; ++at) {
      System.gc();
      Thread.sleep(10);
    }
    Check.engine(folder).close();
  }
}
