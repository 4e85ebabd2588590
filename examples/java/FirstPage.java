import io.tenon.*;
import java.nio.file.Path;
import java.time.Duration;

public final class FirstPage {
  public static void main(String[] arguments) {
    try (Engine engine = Engine.builder().home(Path.of("studio")).build()) {  // SQLite and plain files below ./studio
      Tenant acme;
      try (OperatorSession setup = engine.openOperator(  // crosses tenants; always audited
          OperatorOptions.builder().actor("setup").reason("onboarding").build())) {
        acme = setup.tenants().create(TenantOptions.builder().name("Acme").slug("acme").plan("studio/professional").build());
      }

      try (Session session = engine.openSession(
          SessionOptions.builder().tenant(acme.getId()).actor("studio-app").role(Role.OWNER).build())) {
        Project project = session.projects().create(ProjectOptions.builder().name("Spring reel").build());
        Asset clip = session.assets().importFile(
            ImportOptions.builder().project(project.getId()).path(Path.of("interview.mp4")).build());

        Timeline cut = new Timeline();
        cut.append(TimelineClip.builder().asset(clip.getId()).start(Duration.ofSeconds(1)).end(Duration.ofSeconds(2)).build());
        cut.append(TimelineClip.builder().asset(clip.getId()).start(Duration.ofSeconds(5)).end(Duration.ofSeconds(7))
            .transition(Tenon.crossfade(Duration.ofMillis(500))).build());
        cut.title(TimelineTitle.builder().text("Acme").duration(Duration.ofSeconds(2)).build());
        cut.grade("cinematic_warm");

        RenderJob job = session.renders().start(
            RenderOptions.builder().project(project.getId()).timeline(cut).outputs("mp4", "social_square").build());
        while (!job.joinFor(Duration.ofMillis(500))) System.out.printf("\r%3.0f %%", job.progress().getPercent());
        System.out.println();
        for (RenderedFile file : job.result().getOutputs()) System.out.println(file.getPath());  // result() throws what ended the job

        session.cameras().create(CameraOptions.builder().name("Door").url("rtsp://camera.local/stream")
            .recording(Recording.CONTINUOUS).build());                                  // an intent: survives restarts
        session.backups().start(BackupOptions.builder().name("nightly").build()).join();  // the workspace, encrypted
      }
    }  // closes and joins
  }
}
