package io.tenon;

import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Every engine of this process that has not been freed. The VM's end closes the open ones; one that was forgotten open is
 * closed then too, never by the thread that collects garbage: closing joins threads.
 */
final class Engines {
  private static final Set<Opened> ALL = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(Engines::closeAll, "tenon-exit"));
  }

  private Engines() {}

  /** One engine's memory, which its proxy and the exit share. */
  static final class Opened {
    private final long pointer;
    private boolean freed;

    Opened(long pointer) {
      this.pointer = pointer;
    }

    synchronized Watch watch(Loop loop) {
      if (freed) throw TenonException.closed("the engine");
      return new Watch(TenonJNI.Engine_watch(pointer, null), loop);
    }

    private synchronized void forgotten() {
      if (freed) return;
      if (TenonJNI.Engine_isClosed(pointer, null)) {
        freed = true;
        ALL.remove(this);
        TenonJNI.delete_Engine(pointer);
        return;
      }
      Native.LOGGER.log(Level.WARNING, "An Engine was not closed and is no longer used: it stays open until the program ends.");
    }

    private synchronized void close() {
      if (!freed) TenonJNI.Engine_close(pointer, null);
    }
  }

  private static final AtomicInteger OPENED = new AtomicInteger();
  private static final int COLLECT_AFTER = 128;

  static void opened(Engine engine, Opened opened) {
    ALL.add(opened);
    // The collector sees a few bytes of each closed engine, and would wait for thousands of them.
    if (OPENED.incrementAndGet() % COLLECT_AFTER == 0) System.gc();
    Native.whenCollected(engine, opened::forgotten);
  }

  private static void closeAll() {
    for (Opened each : ALL) each.close();
  }
}
