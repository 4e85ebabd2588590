using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using Tenon;

/// <summary>Closing in any order, twice, during a call, or never: errors at worst.</summary>
internal static class ClosingTest {
  private static Ask RenderTime(long amount) {
    return new Ask { Resource = Resource.RenderTime, Amount = amount };
  }

  private static void InAnyOrder(string folder) {
    var random = new Random(4);
    for (int round = 0; round < 8; ++round) {
      Engine engine = Check.Engine(folder);
      Session session = Check.Session(engine);
      var open = new List<IDisposable> {
        engine, engine.OpenOperator(new OperatorOptions { Actor = "a", Reason = "b" }), session, session.Subscribe(), engine.Watch(),
        engine.Logs(), session.Quotas().Reserve(new HoldOptions { Asks = new[] { RenderTime(1000) } }),
      };
      foreach (IDisposable each in open.Concat(open).OrderBy(each => random.Next()).ToList()) each.Dispose();
      Check.That(engine.IsClosed(), "not closed");
    }
  }

  /// <summary>Every handle, every member without arguments: Closed, or a value that needs no engine.</summary>
  private static void UseAfterClose(string folder) {
    Engine engine = Check.Engine(folder);
    Session session = Check.Session(engine);
    OperatorSession setup = engine.OpenOperator(new OperatorOptions { Actor = "a", Reason = "b" });
    BackupJob job = session.Backups().Start(new BackupOptions { Name = "n" });
    job.Join();
    var handles = new List<object> {
      session, setup, job, session.Subscribe(), engine.Watch(), session.Projects(), session.Assets(), session.Renders(), session.Cameras(),
      session.Backups(), session.Backups().Keys(), session.Exports(), session.Pictures(), session.Jobs(), session.Quotas(), session.Usage(),
      session.Audit(), setup.Tenants(), setup.Plans(),
    };
    engine.Dispose();
    engine.Close();
    Check.Thrown<ClosedException>(() => session.Projects().Create(new ProjectOptions { Name = "p" }));
    Check.Thrown<ClosedException>(() => engine.Watch());
    Check.Thrown<ClosedException>(() => job.AsTask().Wait());
    int closed = 0;
    foreach (object each in handles) {
      foreach (MethodInfo member in each.GetType().GetMethods(BindingFlags.Public | BindingFlags.Instance)) {
        if (member.GetParameters().Length > 0 || !Values.IsOurs(member.DeclaringType) || member.Name == "Close" || member.Name == "Dispose") continue;
        try {
          member.Invoke(each, null);
        } catch (TargetInvocationException why) {
          Check.That(why.InnerException is ClosedException, member + ": " + why.InnerException);
          ++closed;
        }
      }
    }
    Check.That(closed > 15, closed + " members threw Closed");
  }

  private static void WhileOthersCall(string folder) {
    for (int round = 0; round < 5; ++round) {
      Engine engine = Check.Engine(folder);
      Session session = Check.Session(engine);
      EventStream news = session.Subscribe();
      var begun = new CountdownEvent(4);
      var callers = new List<Task>();
      for (int at = 0; at < 4; ++at) {
        bool waits = at == 0;
        callers.Add(Task.Factory.StartNew(() => {
          begun.Signal();
          try {
            while (true) {
              if (waits) news.Next(TimeSpan.FromMinutes(10));
              else session.Projects().List();
            }
          } catch (ClosedException) {
            // The end.
          }
        }, TaskCreationOptions.LongRunning));
      }
      begun.Wait();
      engine.Dispose();
      Check.That(Task.WaitAll(callers.ToArray(), TimeSpan.FromSeconds(60)), "callers hang");
    }
  }

  private static void TwoEngines(string folder) {
    using (Engine one = Check.Engine(Path.Combine(folder, "one")))
    using (Engine other = Check.Engine(Path.Combine(folder, "other")))
    using (Session first = Check.Session(one))
    using (Session second = Check.Session(other)) {
      first.Projects().Create(new ProjectOptions { Name = "first" });
      Check.Same(1, first.Projects().List().Count);
      Check.Same(0, second.Projects().List().Count);
      BackupJob job = first.Backups().Start(new BackupOptions { Name = "n" });
      Check.Thrown<InvalidArgumentException>(() => other.Watch().Add(job));
      one.Close();
      second.Projects().Create(new ProjectOptions { Name = "second" });
    }
  }

  private static void Cycles(string folder) {
    int cycles = int.Parse(Environment.GetEnvironmentVariable("TENON_CYCLES") ?? "150");
    long before = 0;
    int files = 0;
    for (int at = 0; at < cycles; ++at) {
      using (var engine = new Engine(new EngineOptions { Home = folder, Workers = 2, Background = false })) Check.That(!engine.IsClosed(), "closed");
      // Mono grows to its own size first.
      if (at != cycles / 10) continue;
      before = Collected();
      files = Descriptors();
    }
    long after = Collected();
    Console.WriteLine("{0} cycles: {1:0.0} MiB after a tenth of them, {2:0.0} after all; descriptors {3}, {4}", cycles, before / 1048576.0,
                      after / 1048576.0, files, Descriptors());
    Check.That(Descriptors() < files + 16, "more descriptors are open");
    if (cycles >= 1000) Check.That(after - before < 64 << 20, "grew by " + (after - before) + " bytes");
  }

  private static long Collected() {
    GC.Collect();
    GC.WaitForPendingFinalizers();
    return Resident();
  }

  private static int Descriptors() {
    return Directory.GetFileSystemEntries("/proc/self/fd").Length;
  }

  private static long Resident() {
    string line = File.ReadLines("/proc/self/status").First(each => each.StartsWith("VmRSS:", StringComparison.Ordinal));
    return long.Parse(new string(line.Where(char.IsDigit).ToArray())) * 1024;
  }

  // ---- forgetting to close ----

  private sealed class Listener : TraceListener {
    internal readonly List<string> Warnings = new List<string>();

    public override void Write(string message) {}

    public override void WriteLine(string message) {
      lock (Warnings) Warnings.Add(message);
    }
  }

  // Made by another thread: its stack is gone, and with it what it held.
  private static void Forget(Action make) {
    var thread = new Thread(() => make());
    thread.Start();
    thread.Join();
  }

  // One after the other: Mono may take a leftover word on some stack for any of them, but not for all.
  private static void ForgetUntil(Listener listener, string said, Action make) {
    Check.Soon(said, () => {
      Forget(make);
      GC.Collect();
      GC.WaitForPendingFinalizers();
      lock (listener.Warnings) return listener.Warnings.Any(each => each.Contains(said));
    });
  }

  private static void Forgetting(string folder) {
    var listener = new Listener();
    Trace.Listeners.Add(listener);
    using (Engine engine = Check.Engine(Path.Combine(folder, "one")))
    using (Session session = Check.Session(engine)) {
      int held = 0;
      ForgetUntil(listener, "A Hold was neither", () => {
        session.Quotas().Reserve(new HoldOptions { Asks = new[] { RenderTime(5000) } });
        ++held;
      });
      Check.Soon("what was held is returned", () => session.Quotas().Get(Resource.RenderTime).Reserved < held * 5000);
    }
    Session left = null;
    int opened = 0;
    ForgetUntil(listener, "An Engine was not disposed of",
                () => left = Check.Session(Check.Engine(Path.Combine(folder, "other" + ++opened))));
    left.Projects().Create(new ProjectOptions { Name = "p" });
    Check.Same(1, left.Projects().List().Count);
  }

  private static void ClosedEnginesAreFreed(string folder) {
    for (int at = 0; at < 5; ++at) Forget(() => Check.Engine(folder).Dispose());
    GC.Collect();
    GC.WaitForPendingFinalizers();
    Check.Engine(folder).Dispose();
  }

  /// <summary>A constructor that throws leaves an object for the finalizer.</summary>
  private static void ConstructorsMayThrow(string folder) {
    for (int at = 0; at < 20; ++at) Check.Thrown<InvalidArgumentException>(() => new Engine(new EngineOptions()));
    GC.Collect();
    GC.WaitForPendingFinalizers();
  }
}
