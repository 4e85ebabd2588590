package hosts;

import io.tenon.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A program that ends with its engines open and jobs running ends cleanly, and the next one finds everything. */
final class ExitTest {
  private static Path footage;

  public static void main(String[] arguments) throws Exception {
    footage = Path.of(System.getenv().getOrDefault("TENON_FOOTAGE", "build/footage")).toAbsolutePath();
    if (arguments.length > 0 && arguments[0].equals("--ends")) child(arguments[1], Path.of(arguments[2]));
    else Check.run(arguments, ExitTest.class);
  }

  /** The program that ends. */
  private static void child(String how, Path home) throws Exception {
    Engine engine = Check.engine(home);
    Session session = Check.session(engine);
    Project project = session.projects().create(ProjectOptions.builder().name("p").build());
    Asset clip = session.assets().importFile(ImportOptions.builder().project(project.getId()).path(footage.resolve("clapper.mp4")).build());
    Timeline cut = new Timeline();
    cut.append(TimelineClip.builder().asset(clip.getId()).end(Duration.ofSeconds(1)).build());
    RenderJob job = session.renders().start(RenderOptions.builder().project(project.getId()).timeline(cut).outputs("mp4").build());
    job.future();
    job.onProgress(Runnable::run, progress -> {});
    EventStream news = session.subscribe();
    Thread waiting = new Thread(() -> {
      try {
        while (true) news.next(Duration.ofMinutes(10));
      } catch (ClosedException closed) {
        // The end.
      }
    });
    waiting.setDaemon(true);
    waiting.start();
    System.out.println("open");
    if (how.equals("exit")) System.exit(7);
    if (how.equals("throws")) throw new IllegalStateException("on purpose");
  }

  private static void ends(Path folder, String how, int code) throws Exception {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    for (String name : List.of("tenon.library.path", "tenon.library.name"))
      if (System.getProperty(name) != null) command.add("-D" + name + "=" + System.getProperty(name));
    command.addAll(List.of("-XX:ErrorFile=" + folder.resolve("crash.log"), "-cp", System.getProperty("java.class.path"),
        ExitTest.class.getName(), "--ends", how, folder.resolve("home").toString()));
    Path said = folder.resolve("said.txt");
    Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start();
    Check.that(process.waitFor(120, TimeUnit.SECONDS), "it does not end");
    Check.same(code, process.exitValue() + (Files.exists(folder.resolve("crash.log")) ? 1000 : 0));
    Check.that(Files.readString(said, StandardCharsets.UTF_8).contains("open"), Files.readString(said));
    try (Engine engine = Check.engine(folder.resolve("home")); Session session = Check.session(engine)) {
      List<JobInfo> jobs = session.jobs().list();
      Check.same(1, jobs.size());
      session.renders().find(jobs.get(0).getId()).orElseThrow().join();  // went on, or had ended
    }
    try (Stream<Path> left = Files.list(folder)) {
      Check.that(left.noneMatch(each -> each.toString().contains("core")), "it left a core");
    }
  }

  static void byFallingOffTheEnd(Path folder) throws Exception {
    ends(folder, "end", 0);
  }

  static void bySystemExit(Path folder) throws Exception {
    ends(folder, "exit", 7);
  }

  static void byAnException(Path folder) throws Exception {
    ends(folder, "throws", 1);
  }
}
