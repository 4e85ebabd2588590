using System;
using System.Threading;
using System.Threading.Tasks;
using Tenon;

// Long work: listen to it, find it again by its id, cancel it.
internal static class Program {
  private sealed class Printing : IProgress<Progress> {
    public void Report(Progress progress) {
      Console.WriteLine("{0,5:0.0} %  {1,-10} {2} of {3} {4}{5}", progress.Percent, progress.Stage, progress.Done, progress.Total, progress.Unit,
                        progress.Eta.HasValue ? string.Format(", {0:0.0} s left", progress.Eta.Value.TotalSeconds) : "");
    }
  }

  private static async Task Work() {
    using (var engine = new Engine(new EngineOptions { Home = "studio" }))
    using (var setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "onboarding" })) {
      var acme = setup.Tenants().Create(new TenantOptions { Name = "Acme", Slug = "acme", Plan = "studio/professional" });
      var session = engine.OpenSession(new SessionOptions { Tenant = acme.Id, Actor = "studio-app", Role = Role.Owner });
      var project = session.Projects().Create(new ProjectOptions { Name = "Spring reel" });
      var clip = session.Assets().ImportFile(new ImportOptions { Project = project.Id, Path = "interview.mp4" });

      var cut = new Timeline();
      cut.Append(new TimelineClip { Asset = clip.Id, Start = TimeSpan.FromSeconds(1), End = TimeSpan.FromSeconds(3) });
      var job = session.Renders().Start(new RenderOptions { Project = project.Id, Timeline = cut, Outputs = new[] { "mp4" }, Name = "short" });
      var result = await job.AsTask(new Printing());  // new Progress<Progress>(…) reports where it was made
      Console.WriteLine(result.Outputs[0].Path);

      // Jobs are rows of the home: a handle, a session or a process later the id is enough.
      var id = job.Id();
      var again = session.Renders().Find(id);
      if (again != null) Console.WriteLine("{0} is {1}", id, Library.ToString(again.State()));

      // What is cancelled leaves no file and gives back what was held for it.
      var whole = new Timeline();
      whole.Append(new TimelineClip { Asset = clip.Id });
      var second = session.Renders().Start(new RenderOptions { Project = project.Id, Timeline = whole, Outputs = new[] { "mp4" }, Name = "whole" });
      var cancelling = new CancellationTokenSource();
      var task = second.AsTask(null, cancelling.Token);
      cancelling.Cancel();
      try {
        await task;
      } catch (OperationCanceledException) {
        Console.WriteLine("{0} is {1}", second.Id(), Library.ToString(second.State()));
      }
      foreach (var each in session.Renders().List()) Console.WriteLine("{0} {1}", each.Id, Library.ToString(each.State));
    }
  }

  private static void Main() {
    Work().Wait();
  }
}
