package hosts;

import io.tenon.*;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a call of the engine costs from Java, with the work of benchmarks/bindings.cpp, which was run before on the same machine.
 * The least of eleven rounds counts: the VM compiles during the first ones. Writes bindings_java.json.
 */
final class Bench {
  private static long sink;
  private static boolean met = true;
  private static final List<String> ROWS = new ArrayList<>();

  private static void measure(String work, int calls, double goal, Runnable call) {
    double least = Double.MAX_VALUE;
    for (int round = 0; round < 11; ++round) {
      long began = System.nanoTime();
      for (int at = 0; at < calls; ++at) call.run();
      least = Math.min(least, (double) (System.nanoTime() - began) / calls);
    }
    met &= least <= goal;
    System.out.printf(Locale.ROOT, "Java  %-24s %8.1f ns  goal %7.0f ns  %s%n", work, least, goal, least <= goal ? "met" : "missed");
    ROWS.add(String.format(Locale.ROOT, "{\"work\": \"%s\", \"ours_ns\": %.1f, \"goal_ns\": %.0f}", work, least, goal));
  }

  public static void main(String[] arguments) throws Exception {
    Path folder = Check.folder();
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      Project project = session.projects().create(ProjectOptions.builder().name("x").build());
      Asset clip = session.assets().importFile(
          ImportOptions.builder().project(project.getId()).path(Path.of(arguments[0], "clapper.mp4")).build());
      EventStream events = session.subscribe();
      EventStream ended = session.subscribe();
      ended.close();
      Frame frame = session.assets().frame(clip.getId(), FrameOptions.builder().width(1920).build());
      Plane plane = frame.plane(0);
      Timeline cut = new Timeline();
      String name = "twenty characters ok";

      measure("int call", 2_000_000, 15, () -> sink += events.number());
      measure("string there and back", 200_000, 450, () -> {
        cut.grade(name);
        sink += cut.gradeName().length();
      });
      measure("typed exception", 20_000, 10_000, () -> {
        try {
          ended.next(Duration.ZERO);
        } catch (ClosedException closed) {
          ++sink;
        }
      });
      measure("view of a 1080p frame", 100_000, 1_000, () -> sink += plane.data().get(0));
    }
    Check.remove(folder);
    Files.writeString(Path.of("bindings_java.json"), "{\"rows\": [" + String.join(", ", ROWS) + "], \"java\": \""
        + System.getProperty("java.vm.version") + "\", \"tenon\": \"" + Engine.version() + "\", \"sink\": " + sink + "}\n");
    System.exit(met ? 0 : 1);
  }
}
