package io.tenon;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One engine's daemon thread: it pulls changes from the engine's watch and passes them on. Started by the first future,
 * listener or publisher. What belongs to the host never runs on it.
 */
final class Loop {
  final Engines.Opened engine;
  private final Map<Object, List<Follower>> followers = new HashMap<>();
  private Watch watch;
  private boolean ended;

  Loop(Engines.Opened engine) {
    this.engine = engine;
  }

  /** Hears of one job or stream. Called on the loop's thread: passes on at once. */
  interface Follower {
    void changed(Change change);

    /** The engine is closed: nothing more will be told. */
    void closed();
  }

  /** Follows a job by its id, a stream by its number. */
  void follow(Object key, Follower follower, Consumer<Watch> add) {
    Watch open;
    synchronized (this) {
      open = open();
      followers.computeIfAbsent(key, unused -> new ArrayList<>()).add(follower);
    }
    try {
      add.accept(open);
    } catch (RuntimeException refused) {
      forget(key, follower, null);
      throw refused;
    }
  }

  void forget(Object key, Follower follower, Consumer<Watch> remove) {
    synchronized (this) {
      List<Follower> all = followers.get(key);
      if (all == null || !all.remove(follower) || !all.isEmpty()) return;
      followers.remove(key);
    }
    if (remove == null) return;
    try {
      remove.accept(watch);
    } catch (TenonException gone) {
      // A closed engine watches nothing.
    }
  }

  private Watch open() {
    if (ended) throw TenonException.closed("the engine");
    if (watch == null) {
      watch = engine.watch(this);
      Thread thread = new Thread(() -> run(watch), "tenon-watch");
      thread.setDaemon(true);
      thread.start();
    }
    return watch;
  }

  private void run(Watch open) {
    try {
      while (true)
        for (Change change : open.next(Duration.ofHours(1))) pass(change);
    } catch (TenonException closed) {
      List<Follower> left = new ArrayList<>();
      synchronized (this) {
        ended = true;
        followers.values().forEach(left::addAll);
        followers.clear();
      }
      for (Follower each : left) each.closed();
    }
  }

  private void pass(Change change) {
    Object key = change.getStream() != 0 ? (Object) change.getStream() : change.getJob();
    List<Follower> told;
    synchronized (this) {
      List<Follower> all = change.getLast() ? followers.remove(key) : followers.get(key);
      told = all == null ? List.of() : List.copyOf(all);
    }
    for (Follower each : told) each.changed(change);
  }

  <T> CompletableFuture<T> future(Job job, Supplier<T> result) {
    JobFuture<T> future = new JobFuture<>(job);
    Follower follower = new Follower() {
      @Override
      public void changed(Change change) {
        if (change.getLast()) closed();
      }

      @Override
      public void closed() {
        Native.BACKGROUND.execute(() -> future.settle(result));
      }
    };
    try {
      follow(job.id(), follower, open -> open.add(job));
    } catch (TenonException refused) {
      future.completeExceptionally(refused);
    }
    return future;
  }

  private static final class JobFuture<T> extends CompletableFuture<T> {
    private final Job job;

    JobFuture(Job job) {
      this.job = job;
    }

    void settle(Supplier<T> result) {
      try {
        complete(result.get());
      } catch (Throwable why) {
        completeExceptionally(why);
      }
    }

    /** Cancels the job: whoever asks for this asks for that. */
    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      if (!super.cancel(mayInterruptIfRunning)) return false;
      try {
        job.cancel();
      } catch (ClosedException gone) {
        // A closed engine runs nothing that could be cancelled.
      }
      return true;
    }
  }

  Registration onProgress(Job job, Executor executor, Consumer<Progress> listener) {
    Newest<Progress> newest = new Newest<>(executor, listener);
    JobId id = job.id();
    Follower follower = new Follower() {
      @Override
      public void changed(Change change) {
        newest.offer(change.getProgress());
      }

      @Override
      public void closed() {
        newest.stop();
      }
    };
    follow(id, follower, open -> open.add(job));
    return () -> {
      newest.stop();
      forget(id, follower, open -> open.remove(job));
    };
  }

  /** Hands on the newest of what is offered, one after the other: a slow listener misses what was in between. */
  private static final class Newest<T> implements Runnable {
    private final Executor executor;
    private final Consumer<T> listener;
    private final AtomicReference<T> pending = new AtomicReference<>();
    private boolean running;
    private volatile boolean stopped;

    Newest(Executor executor, Consumer<T> listener) {
      this.executor = java.util.Objects.requireNonNull(executor, "executor");
      this.listener = java.util.Objects.requireNonNull(listener, "listener");
    }

    void offer(T value) {
      pending.set(value);
      synchronized (this) {
        if (running || stopped) return;
        running = true;
      }
      schedule();
    }

    void stop() {
      stopped = true;
    }

    private void schedule() {
      try {
        executor.execute(this);
      } catch (RejectedExecutionException shut) {
        stop();  // the host has closed its executor: it does not want to be told
      }
    }

    @Override
    public void run() {
      T value = pending.getAndSet(null);
      try {
        if (value != null && !stopped) listener.accept(value);
      } finally {
        boolean more;
        synchronized (this) {
          more = pending.get() != null && !stopped;
          running = more;
        }
        if (more) schedule();
      }
    }
  }
}
