using System;
using Tenon;

internal static class FirstPage {
  private static void Main() {
    using (var engine = new Engine(new EngineOptions { Home = "studio" })) {  // SQLite and plain files below ./studio
      Tenant acme;
      using (var setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "onboarding" }))  // crosses tenants; always audited
        acme = setup.Tenants().Create(new TenantOptions { Name = "Acme", Slug = "acme", Plan = "studio/professional" });

      using (var session = engine.OpenSession(new SessionOptions { Tenant = acme.Id, Actor = "studio-app", Role = Role.Owner })) {
        var project = session.Projects().Create(new ProjectOptions { Name = "Spring reel" });
        var clip = session.Assets().ImportFile(new ImportOptions { Project = project.Id, Path = "interview.mp4" });

        var cut = new Timeline();
        cut.Append(new TimelineClip { Asset = clip.Id, Start = TimeSpan.FromSeconds(1), End = TimeSpan.FromSeconds(2) });
        cut.Append(new TimelineClip { Asset = clip.Id, Start = TimeSpan.FromSeconds(5), End = TimeSpan.FromSeconds(7),
                                      Transition = Library.Crossfade(TimeSpan.FromMilliseconds(500)) });
        cut.Title(new TimelineTitle { Text = "Acme", Duration = TimeSpan.FromSeconds(2) });
        cut.Grade("cinematic_warm");

        var job = session.Renders().Start(new RenderOptions { Project = project.Id, Timeline = cut, Outputs = new[] { "mp4", "social_square" } });
        while (!job.JoinFor(TimeSpan.FromMilliseconds(500))) Console.Write("\r{0,3:0} %", job.Progress().Percent);
        Console.WriteLine();
        foreach (var file in job.Result().Outputs) Console.WriteLine(file.Path);  // Result() throws what ended the job

        session.Cameras().Create(new CameraOptions { Name = "Door", Url = "rtsp://camera.local/stream",
                                                     Recording = Recording.Continuous });  // an intent: survives restarts
        session.Backups().Start(new BackupOptions { Name = "nightly" }).Join();            // the workspace, encrypted
      }
    }  // closes and joins
  }
}
