package io.tenon;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;

/** A stream as a publisher for one subscriber. Items are pulled from the stream's own queue as they are asked for. */
final class Publishing<T> implements Flow.Publisher<T> {
  private final Loop loop;
  private final Executor executor;
  private final Function<Duration, Optional<T>> pull;
  private final Object number;
  private final Consumer<Watch> add;
  private final Consumer<Watch> remove;
  private final AtomicBoolean taken = new AtomicBoolean();

  Publishing(Loop loop, Executor executor, Function<Duration, Optional<T>> pull, long number, Consumer<Watch> add, Consumer<Watch> remove) {
    this.loop = loop;
    this.executor = Objects.requireNonNull(executor, "executor");
    this.pull = pull;
    this.number = number;
    this.add = add;
    this.remove = remove;
  }

  @Override
  public void subscribe(Flow.Subscriber<? super T> subscriber) {
    Objects.requireNonNull(subscriber, "subscriber");
    if (!taken.compareAndSet(false, true)) {
      subscriber.onSubscribe(new Refused());
      subscriber.onError(new IllegalStateException("each item goes to one subscriber, and this publisher has one"));
      return;
    }
    Pump pump = new Pump(subscriber);
    pump.begin();
  }

  private static final class Refused implements Flow.Subscription {
    @Override
    public void request(long count) {}

    @Override
    public void cancel() {}
  }

  private final class Pump implements Flow.Subscription, Loop.Follower, Runnable {
    private final Flow.Subscriber<? super T> subscriber;
    private boolean greeted;
    private long wanted;
    private boolean running;
    private boolean again;
    private boolean done;
    private boolean closing;
    private Throwable failure;

    Pump(Flow.Subscriber<? super T> subscriber) {
      this.subscriber = subscriber;
    }

    void begin() {
      try {
        loop.follow(number, this, add);
      } catch (TenonException refused) {
        synchronized (this) {
          failure = refused;
        }
      }
      wake();
    }

    @Override
    public void request(long count) {
      synchronized (this) {
        if (count <= 0) failure = new IllegalArgumentException("asked for " + count + " items");
        else wanted = wanted + count < 0 ? Long.MAX_VALUE : wanted + count;
      }
      wake();
    }

    @Override
    public void cancel() {
      synchronized (this) {
        done = true;
      }
      loop.forget(number, this, remove);
    }

    @Override
    public void changed(Change change) {
      wake();
    }

    /** Nobody will wake it any more. A log says its last words a moment later: from now on it is waited for. */
    @Override
    public void closed() {
      synchronized (this) {
        closing = true;
      }
      wake();
    }

    private void wake() {
      synchronized (this) {
        again = true;
        if (running || done) return;
        running = true;
      }
      try {
        executor.execute(this);
      } catch (RejectedExecutionException shut) {
        cancel();
      }
    }

    /** Never runs twice at once. */
    @Override
    public void run() {
      try {
        if (!greeted) {
          greeted = true;
          subscriber.onSubscribe(this);
        }
        while (step()) {}
      } catch (Throwable hosts) {  // a subscriber must not throw; one that does is told nothing more
        synchronized (this) {
          running = false;
        }
        cancel();
        throw hosts;
      }
    }

    private boolean step() {
      synchronized (this) {
        if (done) return running = false;
        again = false;
      }
      if (ended()) return true;
      boolean given = false;
      if (asked()) {
        Optional<T> next;
        try {
          next = pull.apply(patience());
        } catch (ClosedException closed) {
          finish(null);
          return true;
        } catch (TenonException why) {
          finish(why);
          return true;
        }
        if (next.isPresent()) {
          synchronized (this) {
            if (wanted != Long.MAX_VALUE) --wanted;
          }
          subscriber.onNext(next.get());
          given = true;
        }
      }
      synchronized (this) {
        return running = given || again || done || (closing && wanted > 0);
      }
    }

    private synchronized Duration patience() {
      return closing ? Duration.ofSeconds(1) : Duration.ZERO;
    }

    private synchronized boolean asked() {
      return wanted > 0;
    }

    private boolean ended() {
      Throwable why;
      synchronized (this) {
        why = failure;
      }
      if (why == null) return false;
      finish(why);
      return true;
    }

    private void finish(Throwable why) {
      cancel();
      if (why == null) subscriber.onComplete();
      else subscriber.onError(why);
    }
  }
}
