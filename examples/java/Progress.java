import io.tenon.*;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Long work: listen to it, find it again by its id, cancel it. */
public final class Progress {
  private static void show(io.tenon.Progress progress) {
    System.out.printf("%5.1f %%  %-10s %d of %d %s", progress.getPercent(), progress.getStage(), progress.getDone(), progress.getTotal(),
        progress.getUnit());
    progress.getEta().ifPresent(eta -> System.out.printf(", %.1f s left", eta.toMillis() / 1e3));
    System.out.println();
  }

  public static void main(String[] arguments) throws Exception {
    try (Engine engine = Engine.builder().home(Path.of("studio")).build();
        OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("setup").reason("onboarding").build())) {
      Tenant acme = setup.tenants().create(TenantOptions.builder().name("Acme").slug("acme").plan("studio/professional").build());
      Session session = engine.openSession(SessionOptions.builder().tenant(acme.getId()).actor("studio-app").role(Role.OWNER).build());
      Project project = session.projects().create(ProjectOptions.builder().name("Spring reel").build());
      Asset clip = session.assets().importFile(ImportOptions.builder().project(project.getId()).path(Path.of("interview.mp4")).build());

      Timeline cut = new Timeline();
      cut.append(TimelineClip.builder().asset(clip.getId()).start(Duration.ofSeconds(1)).end(Duration.ofSeconds(3)).build());
      RenderJob job = session.renders().start(
          RenderOptions.builder().project(project.getId()).timeline(cut).outputs("mp4").name("short").build());
      job.onProgress(Runnable::run, Progress::show);  // any executor: that of a window, of a server …
      System.out.println(job.future().thenApply(result -> result.getOutputs().get(0).getPath()).get());

      // Jobs are rows of the home: a handle, a session or a process later the id is enough.
      JobId id = job.id();
      session.renders().find(id).ifPresent(again -> System.out.println(id + " is " + Tenon.toString(again.state())));

      // What is cancelled leaves no file and gives back what was held for it.
      Timeline whole = new Timeline();
      whole.append(TimelineClip.builder().asset(clip.getId()).build());
      RenderJob second = session.renders().start(
          RenderOptions.builder().project(project.getId()).timeline(whole).outputs("mp4").name("whole").build());
      CompletableFuture<RenderResult> future = second.future();
      future.cancel(true);
      try {
        second.join();
      } catch (CancelledException cancelled) {
        System.out.println(second.id() + " is " + Tenon.toString(second.state()));
      }
      for (JobInfo each : session.renders().list()) System.out.println(each.getId() + " " + Tenon.toString(each.getState()));
    }
  }
}
