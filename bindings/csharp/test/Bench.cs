using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using Tenon;

/// <summary>What a call of the engine costs from C#, with the work of benchmarks/bindings.cpp, which was run before on the same machine. The
/// least of eleven rounds counts. Writes bindings_csharp.json.</summary>
internal static class Bench {
  private static long sink;
  private static bool met = true;
  private static readonly List<string> Rows = new List<string>();

  private static void Measure(string work, int calls, double goal, Action call) {
    double least = double.MaxValue;
    for (int round = 0; round < 11; ++round) {
      Stopwatch watch = Stopwatch.StartNew();
      for (int at = 0; at < calls; ++at) call();
      least = Math.Min(least, watch.Elapsed.TotalMilliseconds * 1e6 / calls);
    }
    met &= least <= goal;
    Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "C#    {0,-24} {1,8:0.0} ns  goal {2,7:0} ns  {3}", work, least, goal,
                                    least <= goal ? "met" : "missed"));
    Rows.Add(string.Format(CultureInfo.InvariantCulture, "{{\"work\": \"{0}\", \"ours_ns\": {1:0.0}, \"goal_ns\": {2:0}}}", work, least, goal));
  }

  internal static int Run(string footage) {
    string folder = Path.Combine(Path.GetTempPath(), "bench-" + Guid.NewGuid().ToString("N"));
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      Project project = session.Projects().Create(new ProjectOptions { Name = "x" });
      Asset clip = session.Assets().ImportFile(new ImportOptions { Project = project.Id, Path = Path.Combine(footage, "clapper.mp4") });
      EventStream events = session.Subscribe(), ended = session.Subscribe();
      ended.Close();
      Plane plane = session.Assets().Frame(clip.Id, new FrameOptions { Width = 1920 }).Plane(0);
      var cut = new Timeline();

      Measure("int call", 1000000, 100, () => sink += events.Number());
      Measure("string there and back", 100000, 1500, () => {
        cut.Grade("twenty characters ok");
        sink += cut.GradeName().Length;
      });
      Measure("typed exception", 10000, 10000, () => {
        try {
          ended.Next(TimeSpan.Zero);
        } catch (ClosedException) {
          ++sink;
        }
      });
      Measure("view of a 1080p frame", 100000, 1000, () => {
        using (PlaneView view = plane.View()) sink += view.Address.ToInt64() & 1;
      });
    }
    Directory.Delete(folder, true);
    File.WriteAllText("bindings_csharp.json", "{\"rows\": [" + string.Join(", ", Rows) + "], \"mono\": \"" + Environment.Version +
                                              "\", \"tenon\": \"" + Engine.Version() + "\", \"sink\": " + sink + "}\n");
    return met ? 0 : 1;
  }
}
