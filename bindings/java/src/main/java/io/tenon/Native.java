package io.tenon;

import java.lang.ref.Cleaner;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/** What the proxies need to cross the border: memory, paths, times, lists. */
final class Native {
  /** Where futures complete: the common pool, or a thread each where it has none. */
  static final Executor BACKGROUND = new CompletableFuture<Void>().defaultExecutor();

  static final System.Logger LOGGER = System.getLogger("io.tenon");

  private static final Cleaner CLEANER = Cleaner.create();
  private static final long MICROS = 1_000_000;

  private Native() {}

  // ---- memory: only the Cleaner frees, so that no thread is left in freed memory ----

  static void free(Object proxy, long pointer, LongConsumer delete) {
    if (pointer != 0) CLEANER.register(proxy, () -> delete.accept(pointer));
  }

  /** Frees a hold and tells of one that was forgotten while open. */
  static AtomicBoolean freeTold(Object hold, long pointer, LongConsumer delete) {
    AtomicBoolean open = new AtomicBoolean(pointer != 0);
    free(hold, pointer, held -> {
      if (open.get()) LOGGER.log(System.Logger.Level.WARNING, "A Hold was neither committed nor closed: what it held is returned.");
      delete.accept(held);
    });
    return open;
  }

  static void whenCollected(Object proxy, Runnable action) {
    CLEANER.register(proxy, action);
  }

  private static final AtomicLong LARGE = new AtomicLong();
  private static final long LARGE_AT_MOST = Long.getLong("tenon.frames.memory", 256L << 20);

  /** The collector does not see the memory behind a frame: when much of it waits to be freed it is called, as for direct buffers. */
  static void freeLarge(Object proxy, long pointer, long size, LongConsumer delete) {
    if (pointer == 0) return;
    long now = LARGE.addAndGet(size);
    CLEANER.register(proxy, () -> {
      delete.accept(pointer);
      LARGE.addAndGet(-size);
    });
    if (now <= LARGE_AT_MOST) return;
    System.gc();
    try {
      for (int pause = 1; pause <= 64 && LARGE.get() > LARGE_AT_MOST; pause *= 2) Thread.sleep(pause);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- time ----

  /** Microseconds, rounded down. Throws ArithmeticException for more than 292,000 years. */
  static long micros(Duration duration) {
    return Math.addExact(Math.multiplyExact(duration.getSeconds(), MICROS), duration.getNano() / 1000);
  }

  static long micros(Instant time) {
    return Math.addExact(Math.multiplyExact(time.getEpochSecond(), MICROS), time.getNano() / 1000);
  }

  static Duration duration(long micros) {
    return Duration.of(micros, ChronoUnit.MICROS);
  }

  static Instant instant(long micros) {
    return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
  }

  // ---- paths: bytes, whatever the locale makes of them as text ----

  static byte[] bytes(Path path) {
    String text = path.toString();
    if (text.indexOf('\ufffd') < 0 && StandardCharsets.UTF_8.newEncoder().canEncode(text)) return text.getBytes(StandardCharsets.UTF_8);
    String raw = path.toUri().getRawPath();  // percent signs and the very bytes of the name
    byte[] made = new byte[raw.length()];
    int length = 0;
    for (int at = 0; at < raw.length(); at++) {
      char each = raw.charAt(at);
      if (each == '%') {
        made[length++] = (byte) Integer.parseInt(raw.substring(at + 1, at + 3), 16);
        at += 2;
      } else {
        made[length++] = (byte) each;
      }
    }
    return Arrays.copyOf(made, length);
  }

  static Path path(byte[] bytes) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      Path path = Path.of(text);
      if (path.toString().equals(text)) return path;
    } catch (CharacterCodingException | InvalidPathException notAsText) {
      // By its bytes, then.
    }
    StringBuilder uri = new StringBuilder("file://");
    for (byte each : bytes) {
      if (each == '/' || each == '.' || each == '-' || each == '_' || Character.isLetterOrDigit(each & 0x7f) && each > 0) uri.append((char) each);
      else uri.append(String.format("%%%02X", each & 0xff));
    }
    return Path.of(URI.create(uri.toString()));
  }

  static byte[][] bytes(List<Path> paths) {
    return paths.stream().map(Native::bytes).toArray(byte[][]::new);
  }

  static List<Path> paths(byte[][] paths) {
    Path[] made = new Path[paths.length];
    for (int at = 0; at < made.length; at++) made[at] = path(paths[at]);
    return List.of(made);
  }

  // ---- lists ----

  static String[] texts(List<String> texts) {
    return texts.toArray(new String[0]);
  }

  static <T> long[] pointers(List<T> values, ToLongFunction<T> pointer) {
    long[] made = new long[values.size()];
    for (int at = 0; at < made.length; at++) made[at] = pointer.applyAsLong(values.get(at));
    return made;
  }

  static <T> long[] longs(List<T> values, ToLongFunction<T> count) {
    return values.stream().mapToLong(count).toArray();
  }

  static double[] doubles(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @SuppressWarnings("unchecked")
  static <T> List<T> list(long[] from, LongFunction<T> make) {
    Object[] made = new Object[from.length];
    for (int at = 0; at < made.length; at++) made[at] = make.apply(from[at]);
    return (List<T>) List.of(made);
  }

  static List<Double> list(double[] from) {
    Double[] made = new Double[from.length];
    for (int at = 0; at < made.length; at++) made[at] = from[at];
    return List.of(made);
  }

  // ---- frames ----

  /** The memory of a plane, read only, in the machine's order. Any view of it keeps the plane. */
  static ByteBuffer view(ByteBuffer memory, Plane plane) {
    CLEANER.register(memory, new Keeping(plane));
    return memory.asReadOnlyBuffer().order(ByteOrder.nativeOrder());
  }

  private static final class Keeping implements Runnable {
    @SuppressWarnings("unused")
    private Plane plane;

    Keeping(Plane plane) {
      this.plane = plane;
    }

    @Override
    public void run() {
      plane = null;
    }
  }

  static <T> Iterator<T> iterator(Supplier<Optional<T>> source) {
    return new Iterator<>() {
      private Optional<T> ahead = Optional.empty();
      private boolean ended;

      @Override
      public boolean hasNext() {
        if (ahead.isEmpty() && !ended) {
          ahead = source.get();
          ended = ahead.isEmpty();
        }
        return ahead.isPresent();
      }

      @Override
      public T next() {
        if (!hasNext()) throw new NoSuchElementException();
        T given = ahead.get();
        ahead = Optional.empty();
        return given;
      }
    };
  }
}
