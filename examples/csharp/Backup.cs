using System;
using System.IO;
using Tenon;

// A backup: take a snapshot, lose a file, bring it back.
internal static class Program {
  private static int Main() {
    using (var engine = new Engine(new EngineOptions { Home = "studio" }))
    using (var setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "onboarding" })) {
      var acme = setup.Tenants().Create(new TenantOptions { Name = "Acme", Slug = "acme", Plan = "studio/professional" });
      var session = engine.OpenSession(new SessionOptions { Tenant = acme.Id, Actor = "studio-app", Role = Role.Owner });
      var project = session.Projects().Create(new ProjectOptions { Name = "Spring reel" });
      var clip = session.Assets().ImportFile(new ImportOptions { Project = project.Id, Path = "interview.mp4" });

      var backups = session.Backups();
      backups.Keys().AddPassword("a long sentence is a good password", "safe");  // opens it where this home's keys are lost

      var first = backups.Start(new BackupOptions { Name = "nightly", Tags = new[] { new Label { Key = "reason", Value = "example" } } }).Result();
      Console.WriteLine("{0} files, {1} bytes stored", first.Snapshot.Files, first.Stored.Count);

      var second = backups.Start(new BackupOptions { Name = "nightly" }).Result();  // reads only what changed
      Console.WriteLine("{0} files unchanged, {1} bytes read", second.FilesUnchanged, second.Read.Count);

      File.Delete(clip.Path);
      Console.WriteLine("lost: " + (File.Exists(clip.Path) ? "no" : "yes"));

      var restored = backups.Restore(new RestoreOptions { Snapshot = first.Snapshot.Id }).Result();
      Console.WriteLine("{0} files, {1} of them were as they should be", restored.Files, restored.FilesUnchanged);
      Console.WriteLine("back: " + (new FileInfo(clip.Path).Length == clip.Size.Count ? "yes" : "no"));

      var report = backups.Check().Result();  // decrypts and recomputes everything
      Console.WriteLine("{0} objects, {1} problems", report.Objects, report.Problems.Count);
      return report.Problems.Count == 0 ? 0 : 1;
    }
  }
}
