import io.tenon.*;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A backup: take a snapshot, lose a file, bring it back. */
public final class Backup {
  public static void main(String[] arguments) throws IOException {
    try (Engine engine = Engine.builder().home(Path.of("studio")).build();
        OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("setup").reason("onboarding").build())) {
      Tenant acme = setup.tenants().create(TenantOptions.builder().name("Acme").slug("acme").plan("studio/professional").build());
      Session session = engine.openSession(SessionOptions.builder().tenant(acme.getId()).actor("studio-app").role(Role.OWNER).build());
      Project project = session.projects().create(ProjectOptions.builder().name("Spring reel").build());
      Asset clip = session.assets().importFile(ImportOptions.builder().project(project.getId()).path(Path.of("interview.mp4")).build());

      Backups backups = session.backups();
      backups.keys().addPassword("a long sentence is a good password", "safe");  // opens it where this home's keys are lost

      BackupResult first = backups.start(BackupOptions.builder().name("nightly").tags(Label.of("reason", "example")).build()).result();
      System.out.printf("%d files, %d bytes stored%n", first.getSnapshot().getFiles(), first.getStored().getCount());

      BackupResult second = backups.start(BackupOptions.builder().name("nightly").build()).result();  // reads only what changed
      System.out.printf("%d files unchanged, %d bytes read%n", second.getFilesUnchanged(), second.getRead().getCount());

      Files.delete(clip.getPath());
      System.out.println("lost: " + (Files.exists(clip.getPath()) ? "no" : "yes"));

      RestoreResult restored = backups.restore(RestoreOptions.builder().snapshot(first.getSnapshot().getId()).build()).result();
      System.out.printf("%d files, %d of them were as they should be%n", restored.getFiles(), restored.getFilesUnchanged());
      System.out.println("back: " + (Files.size(clip.getPath()) == clip.getSize().getCount() ? "yes" : "no"));

      CheckReport report = backups.check().result();  // decrypts and recomputes everything
      System.out.printf("%d objects, %d problems%n", report.getObjects(), report.getProblems().size());
      if (!report.getProblems().isEmpty()) System.exit(1);
    }
  }
}
