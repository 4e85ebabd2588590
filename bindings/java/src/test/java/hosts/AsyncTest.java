package hosts;

import io.tenon.*;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Futures, progress, publishers: on threads of the host's choice, whatever its handlers do. */
final class AsyncTest {
  public static void main(String[] only) throws Exception {
    Check.run(only, AsyncTest.class);
  }

  private static BackupOptions backup() {
    return BackupOptions.builder().name("nightly").build();
  }

  /** Waits for its time, which does not come: a job that only a cancel ends. */
  private static BackupOptions later() {
    return BackupOptions.builder().name("later").schedule(JobSchedule.builder().start(Instant.now().plus(Duration.ofDays(2))).build()).build();
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(60, TimeUnit.SECONDS);
  }

  static void futuresYieldResults(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      BackupJob job = session.backups().start(backup());
      BackupResult result = get(job.future());
      Check.same("nightly", result.getSnapshot().getName());
      Check.same(result, get(job.future()));  // of a job that has ended: at once
      Check.same(null, get(session.jobs().get(job.id()).future()));
      Check.same("nightly", get(session.backups().findJob(job.id()).orElseThrow().future().thenApply(each -> each.getSnapshot().getName())));
      List<CompletableFuture<CheckReport>> many = new ArrayList<>();
      for (int at = 0; at < 20; ++at) many.add(session.backups().check(CheckOptions.builder().level(CheckLevel.STRUCTURE).build()).future());
      for (CompletableFuture<CheckReport> each : many) Check.same(1L, get(each).getSnapshots());
    }
  }

  static void futuresFailWithWhatEndedTheJob(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      BackupJob job = session.backups().start(later());
      CompletableFuture<BackupResult> future = job.future();
      job.cancel();
      Throwable why = Check.thrown(ExecutionException.class, () -> get(future)).getCause();
      Check.that(why instanceof CancelledException, why);
    }
  }

  static void cancellingAFutureCancelsTheJob(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      BackupJob job = session.backups().start(later());
      CompletableFuture<BackupResult> future = job.future();
      Check.that(!future.isDone(), "done already");
      Check.that(future.cancel(true), "not cancelled");
      Check.thrown(CancellationException.class, () -> get(future));
      Check.thrown(CancelledException.class, job::join);
      Check.same(JobState.CANCELLED, job.state());
    }
  }

  static void closingTheEngineEndsFutures(Path folder) throws Exception {
    Engine engine = Check.engine(folder);
    Session session = Check.session(engine);
    BackupJob job = session.backups().start(later());
    CompletableFuture<BackupResult> future = job.future();
    engine.close();
    Throwable why = Check.thrown(ExecutionException.class, () -> get(future)).getCause();
    Check.that(why instanceof ClosedException, why);
    Check.that(Check.thrown(ExecutionException.class, () -> get(job.future())).getCause() instanceof ClosedException, "after close");
  }

  static void hostsThreadsTellProgress(Path folder) throws Exception {
    ExecutorService executor = Executors.newSingleThreadExecutor(task -> new Thread(task, "mine"));
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      List<Double> told = Collections.synchronizedList(new ArrayList<>());
      AtomicInteger elsewhere = new AtomicInteger();
      BackupJob job = session.backups().start(backup());
      job.onProgress(executor, progress -> {
        if (!Thread.currentThread().getName().equals("mine")) elsewhere.incrementAndGet();
        told.add(progress.getPercent());
      });
      job.join();
      Check.soon("the end is told", () -> told.contains(100.0));
      Check.same(0, elsewhere.get());
    } finally {
      executor.shutdown();
    }
  }

  /** What a handler throws is its executor's; the next job is told all the same. */
  static void handlersMayThrowAndClose(Path folder) throws Exception {
    AtomicInteger uncaught = new AtomicInteger();
    ExecutorService executor = Executors.newSingleThreadExecutor(task -> {
      Thread thread = new Thread(task);
      thread.setUncaughtExceptionHandler((failed, why) -> uncaught.incrementAndGet());
      return thread;
    });
    Engine engine = Check.engine(folder);
    Session session = Check.session(engine);
    BackupJob job = session.backups().start(later());
    job.onProgress(executor, progress -> {
      throw new IllegalStateException("mine");
    });
    Check.soon("it was thrown", () -> uncaught.get() > 0);
    CountDownLatch closed = new CountDownLatch(1);
    job.onProgress(executor, progress -> {
      engine.close();
      closed.countDown();
    });
    Check.that(closed.await(60, TimeUnit.SECONDS), "the handler could not close the engine");
    Check.that(engine.isClosed(), "not closed");
    executor.shutdown();
    Check.that(executor.awaitTermination(60, TimeUnit.SECONDS), "the executor hangs");
  }

  static void listeningStopsWhenClosed(Path folder) throws Exception {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      BackupJob job = session.backups().start(later());
      CountDownLatch first = new CountDownLatch(1);
      Registration listening = job.onProgress(executor, progress -> first.countDown());
      Check.that(first.await(60, TimeUnit.SECONDS), "how it stands was not told");
      listening.close();
      listening.close();
      CompletableFuture<BackupResult> future = job.future();
      job.cancel();
      Check.thrown(ExecutionException.class, () -> get(future));
    } finally {
      executor.shutdownNow();
    }
  }

  // ---- publishers ----

  private static final class Heard<T> implements Flow.Subscriber<T> {
    final List<T> items = Collections.synchronizedList(new ArrayList<>());
    final CompletableFuture<String> end = new CompletableFuture<>();
    volatile Flow.Subscription subscription;

    @Override public void onSubscribe(Flow.Subscription given) { subscription = given; }
    @Override public void onNext(T item) { items.add(item); }
    @Override public void onError(Throwable why) { end.complete(why.getClass().getSimpleName()); }
    @Override public void onComplete() { end.complete("complete"); }
  }

  static void eventsArePublishedAsAskedFor(Path folder) throws Exception {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    Engine engine = Check.engine(folder);
    try (Session session = Check.session(engine)) {
      EventStream stream = session.subscribe(SubscribeOptions.builder().kinds("job.").build());
      Heard<Event> heard = new Heard<>();
      Flow.Publisher<Event> publisher = stream.publisher(executor);
      publisher.subscribe(heard);
      Check.soon("subscribed", () -> heard.subscription != null);
      Heard<Event> second = new Heard<>();
      publisher.subscribe(second);
      Check.same("IllegalStateException", get(second.end));

      heard.subscription.request(1);
      session.backups().start(backup()).join();
      Check.soon("one came", () -> heard.items.size() == 1);
      session.backups().start(backup()).join();
      Check.same(1, heard.items.size());  // no more were asked for
      heard.subscription.request(Long.MAX_VALUE);
      Check.soon("the rest came", () -> heard.items.stream().filter(each -> each.getKind().equals("job.succeeded")).count() == 2);
      engine.close();
      Check.same("complete", get(heard.end));
    } finally {
      executor.shutdown();
    }
  }

  static void subscribersMayThrow(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      CountDownLatch thrown = new CountDownLatch(1);
      ExecutorService executor = Executors.newSingleThreadExecutor();
      session.subscribe().publisher(executor).subscribe(new Flow.Subscriber<>() {
        @Override public void onSubscribe(Flow.Subscription given) { given.request(Long.MAX_VALUE); }
        @Override public void onNext(Event item) {
          thrown.countDown();
          throw new IllegalStateException("mine");
        }
        @Override public void onError(Throwable why) {}
        @Override public void onComplete() {}
      });
      session.backups().start(backup()).join();
      Check.that(thrown.await(60, TimeUnit.SECONDS), "nothing was told");
      get(session.backups().start(backup()).future());
      executor.shutdown();
    }
  }

  static void logsArePublished(Path folder) throws Exception {
    Heard<LogRecord> heard = new Heard<>();
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      engine.logs(LogOptions.builder().level(LogLevel.DEBUG).build()).publisher().subscribe(heard);
      Check.soon("subscribed", () -> heard.subscription != null);
      heard.subscription.request(Long.MAX_VALUE);
      session.backups().start(backup()).join();
    }
    Check.same("complete", get(heard.end));
    Check.that(!heard.items.isEmpty(), "nothing was logged");
    Check.that(heard.items.stream().allMatch(each -> !each.getMessage().isEmpty() && !each.getArea().isEmpty()), heard.items);
  }
}
