package io.tenon;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Objects;

/** The JDK's streams over what a snapshot holds. */
final class Streams {
  private static final int PIECE = 1 << 20;

  private Streams() {}

  /** What gives the next bytes; none at the end. */
  interface Source {
    byte[] next(int length);
  }

  /** From the file's beginning to its end; the file itself stays open. */
  static InputStream of(BackupFile file) {
    long[] at = {0};
    return new Reading(length -> {
      byte[] bytes = file.read(at[0], length);
      at[0] += bytes.length;
      return bytes;
    }, () -> {}) {
      @Override
      public long skip(long count) {
        long here = Math.max(0, Math.min(count, left()));
        forget(here);
        long beyond = Math.max(0, Math.min(count - here, file.size() - at[0]));
        at[0] += beyond;
        return here + beyond;
      }
    };
  }

  /** What is left of the archive; closing the stream closes it. */
  static InputStream of(BackupArchive archive) {
    return new Reading(archive::read, archive::close);
  }

  /** To the end of the file that was begun last; closing the stream writes what it holds, and leaves the backup open. */
  static OutputStream of(BackupStream backup) {
    return new BufferedOutputStream(new OutputStream() {
      @Override
      public void write(int each) {
        backup.write(new byte[] {(byte) each});
      }

      @Override
      public void write(byte[] from, int at, int length) {
        Objects.checkFromIndexSize(at, length, from.length);
        backup.write(Arrays.copyOfRange(from, at, at + length));
      }
    }, PIECE);
  }

  private static class Reading extends InputStream {
    private final Source source;
    private final Runnable close;
    private byte[] piece = {};
    private int at;
    private boolean closed;

    Reading(Source source, Runnable close) {
      this.source = source;
      this.close = close;
    }

    final int left() {
      return piece.length - at;
    }

    final void forget(long count) {
      at += (int) count;
    }

    private boolean fill(int wanted) throws IOException {
      if (closed) throw new IOException("the stream is closed");
      if (left() > 0) return true;
      piece = source.next(Math.max(wanted, PIECE));
      at = 0;
      return piece.length > 0;
    }

    @Override
    public int read() throws IOException {
      return fill(1) ? piece[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      Objects.checkFromIndexSize(from, length, to.length);
      if (length == 0) return 0;
      if (!fill(Math.min(length, 8 << 20))) return -1;
      int count = Math.min(length, left());
      System.arraycopy(piece, at, to, from, count);
      at += count;
      return count;
    }

    @Override
    public int available() {
      return left();
    }

    @Override
    public void close() {
      if (closed) return;
      closed = true;
      piece = new byte[0];
      at = 0;
      close.run();
    }
  }
}
