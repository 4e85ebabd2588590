package hosts;

import io.tenon.*;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Frames without copies: views keep the memory, nothing else does. */
final class FramesTest {
  private static final Path FOOTAGE = Path.of(System.getenv().getOrDefault("TENON_FOOTAGE", "build/footage")).toAbsolutePath();

  public static void main(String[] only) throws Exception {
    Check.run(only, FramesTest.class);
  }

  private static AssetId clip(Session session) {
    Project project = session.projects().create(ProjectOptions.builder().name("p").build());
    return session.assets().importFile(ImportOptions.builder().project(project.getId()).path(FOOTAGE.resolve("clapper.mp4")).build()).getId();
  }

  private static long sum(ByteBuffer view) {
    long sum = 0;
    for (int at = 0; at < view.limit(); at += 97) sum += view.get(at) & 0xff;
    return sum;
  }

  static void aViewOutlivesEverythingElse(Path folder) {
    List<ByteBuffer> views = new ArrayList<>();
    List<Long> sums = new ArrayList<>();
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      Frame frame = session.assets().frame(clip(session), FrameOptions.builder().format(PixelFormat.RGB24).build());
      Plane plane = frame.plane(0);
      ByteBuffer view = plane.data();
      Check.that(view.isDirect() && view.isReadOnly(), view);
      Check.same(plane.size(), (long) view.limit());
      Check.thrown(ReadOnlyBufferException.class, () -> view.put(0, (byte) 1));
      Check.thrown(InvalidArgumentException.class, () -> frame.plane(1));
      Check.thrown(InvalidArgumentException.class, () -> frame.plane(-1));
      Check.that(sum(view) > 0, "the flash is black");
      sums.add(sum(view));
      views.add(view.slice());
    }
    for (int round = 0; round < 20; ++round) {
      System.gc();
      Check.same(sums.get(0), sum(views.get(0)));
    }
  }

  static void streamsAreIterated(Path folder) {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      int frames = 0;
      Duration last = Duration.ofSeconds(-1);
      try (FrameStream stream = session.assets().frames(clip(session), FramesOptions.builder().end(Duration.ofSeconds(2)).build())) {
        for (Frame each : stream) {
          Check.that(each.time().compareTo(last) > 0, each.time());
          last = each.time();
          ++frames;
        }
        Check.same(50, frames);
        Check.that(stream.next().isEmpty(), "one more");
      }
      FrameStream closed = session.assets().frames(clip(session));
      closed.close();
      Check.thrown(ClosedException.class, closed::next);
    }
  }
}
