package hosts;

import io.tenon.*;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** What a snapshot holds as the JDK's streams. */
final class StreamsTest {
  public static void main(String[] only) throws Exception {
    Check.run(only, StreamsTest.class);
  }

  private static byte[] content() {
    byte[] made = new byte[3_000_000];
    new Random(7).nextBytes(made);
    return made;
  }

  private static Snapshot backUp(Session session) throws IOException {
    Path at = session.workspace().resolve("projects/data.bin");
    Files.createDirectories(at.getParent());
    Files.write(at, content());
    return session.backups().start(BackupOptions.builder().name("one").build()).result().getSnapshot();
  }

  static void aFileIsAStream(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      SnapshotId id = backUp(session).getId();
      BackupFile file = session.backups().openFile(OpenFileOptions.builder().snapshot(id).path("projects/data.bin").build());
      Check.same(3_000_000L, file.size());
      Check.that(Arrays.equals(Arrays.copyOfRange(content(), 5, 15), file.read(5, 10)), "another range");
      try (InputStream stream = file.stream()) {
        Check.that(Arrays.equals(content(), stream.readAllBytes()), "other bytes");
        Check.same(-1, stream.read());
      }
      try (InputStream stream = file.stream()) {
        Check.same(content()[0] & 0xff, stream.read());
        Check.same(2_000_000L, stream.skip(2_000_000));
        Check.same(content()[2_000_001] & 0xff, stream.read());
        Check.same(999_998L, stream.skip(5_000_000));
        Check.same(-1, stream.read());
      }
      file.close();
      Check.thrown(ClosedException.class, () -> file.read(0, 1));
    }
  }

  static void aFileIsWrittenAsAStream(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      SnapshotId id;
      try (BackupStream stream = session.backups().openStream(BackupStreamOptions.builder().name("dump").build())) {
        try (OutputStream out = stream.file("one.bin")) {
          out.write(content()[0]);
          out.write(content(), 1, 2_999_999);
        }
        Check.same(3_000_000L, stream.written());
        id = stream.finish().getSnapshot().getId();
      }
      BackupFile file = session.backups().openFile(OpenFileOptions.of(id, "one.bin"));
      Check.that(Arrays.equals(content(), file.stream().readAllBytes()), "other bytes");
      try (BackupStream stream = session.backups().openStream(BackupStreamOptions.builder().name("given up").build())) {
        stream.open("x");
      }
      Check.same(0, session.backups().list(SnapshotFilter.builder().name("given up").build()).size());
    }
  }

  static void anArchiveIsAStream(Path folder) throws Exception {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      SnapshotId id = backUp(session).getId();
      BackupArchive archive = session.backups().openArchive(ArchiveOptions.builder().snapshot(id).paths("projects").build());
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      try (InputStream stream = archive.stream()) {
        stream.transferTo(all);
        Check.thrown(IndexOutOfBoundsException.class, () -> stream.read(new byte[1], 1, 1));
      }
      Check.that(all.size() > 3_000_000 && all.size() % 512 == 0, all.size());
      Check.thrown(ClosedException.class, () -> archive.read(1));
    }
  }
}
