using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Tenon;

/// <summary>A program that ends with its engines open and jobs running ends cleanly, and the next one finds everything.</summary>
internal static class ExitTest {
  private static string Footage {
    get { return Path.GetFullPath(Environment.GetEnvironmentVariable("TENON_FOOTAGE") ?? "build/footage"); }
  }

  /// <summary>The program that ends.</summary>
  internal static int Child(string how, string home) {
    Engine engine = Check.Engine(home);
    Session session = Check.Session(engine);
    Project project = session.Projects().Create(new ProjectOptions { Name = "p" });
    Asset clip = session.Assets().ImportFile(new ImportOptions { Project = project.Id, Path = Path.Combine(Footage, "clapper.mp4") });
    var cut = new Timeline();
    cut.Append(new TimelineClip { Asset = clip.Id, End = TimeSpan.FromSeconds(1) });
    RenderJob job = session.Renders().Start(new RenderOptions { Project = project.Id, Timeline = cut, Outputs = new[] { "mp4" } });
    job.AsTask();
    EventStream news = session.Subscribe();
    new Thread(() => {
      try {
        while (true) news.Next(TimeSpan.FromMinutes(10));
      } catch (ClosedException) {
        // The end.
      }
    }) { IsBackground = true }.Start();
    Console.WriteLine("open");
    if (how == "exit") Environment.Exit(7);
    return 3;
  }

  private static void Ends(string folder, string how, int code) {
    string home = Path.Combine(folder, "home");
    var start = new ProcessStartInfo(Process.GetCurrentProcess().MainModule.FileName,
        "\"" + typeof(ExitTest).Assembly.Location + "\" ends " + how + " \"" + home + "\"") {
      UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
    };
    using (Process process = Process.Start(start)) {
      Task<string> said = process.StandardOutput.ReadToEndAsync(), wrong = process.StandardError.ReadToEndAsync();
      Check.That(process.WaitForExit(120000), "it does not end");
      Check.That(process.ExitCode == code && said.Result.Contains("open"), "ended with " + process.ExitCode + ": " + said.Result + wrong.Result);
    }
    using (Engine engine = Check.Engine(home))
    using (Session session = Check.Session(engine)) {
      var jobs = session.Jobs().List();
      Check.Same(1, jobs.Count);
      session.Renders().Find(jobs[0].Id).Join();  // went on, or had ended
    }
  }

  private static void ByReturning(string folder) {
    Ends(folder, "return", 3);
  }

  private static void ByExit(string folder) {
    Ends(folder, "exit", 7);
  }
}
