using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Tenon;

/// <summary>Tasks, progress and streams, whatever the host's listeners do.</summary>
internal static class AsyncTest {
  private static BackupOptions Nightly() {
    return new BackupOptions { Name = "nightly" };
  }

  /// <summary>Waits for its time, which does not come: a job that only a cancel ends.</summary>
  private static BackupOptions Later() {
    return new BackupOptions { Name = "later", Schedule = new JobSchedule { Start = DateTimeOffset.UtcNow.AddDays(2) } };
  }

  private static T Get<T>(Task<T> task) {
    Check.That(task.Wait(TimeSpan.FromSeconds(60)), "the task hangs");
    return task.Result;
  }

  private sealed class Told : IProgress<Progress> {
    internal readonly List<double> Percents = new List<double>();
    internal Action<Progress> Does;

    public void Report(Progress progress) {
      lock (Percents) Percents.Add(progress.Percent);
      Does?.Invoke(progress);
    }
  }

  private static void TasksYieldResults(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      BackupJob job = session.Backups().Start(Nightly());
      BackupResult result = Get(job.AsTask());
      Check.Same("nightly", result.Snapshot.Name);
      Check.Same(result, Get(job.AsTask()));  // of a job that has ended: at once
      Check.That(session.Jobs().Get(job.Id()).AsTask().Wait(TimeSpan.FromSeconds(60)), "the task hangs");
      var many = Enumerable.Range(0, 20).Select(each => session.Backups().Check(new CheckOptions { Level = CheckLevel.Structure }).AsTask()).ToList();
      foreach (Task<CheckReport> each in many) Check.Same(1L, Get(each).Snapshots);
      Check.Same("nightly", Get(Awaited(session)));
    }
  }

  private static async Task<string> Awaited(Session session) {
    BackupResult result = await session.Backups().Start(Nightly()).AsTask();
    return result.Snapshot.Name;
  }

  private static void TasksFailWithWhatEndedTheJob(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      BackupJob job = session.Backups().Start(Later());
      Task<BackupResult> task = job.AsTask();
      job.Cancel();
      var why = Check.Thrown<OperationCanceledException>(() => Get(task));
      Check.Same(Errc.Cancelled, ((CancelledException)why).Code);
    }
  }

  private static void ATokenCancelsTheJob(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      var source = new CancellationTokenSource();
      BackupJob job = session.Backups().Start(Later());
      Task<BackupResult> task = job.AsTask(null, source.Token);
      Check.That(!task.IsCompleted, "done already");
      source.Cancel();
      Check.Thrown<OperationCanceledException>(() => Get(task));
      Check.That(task.IsCanceled, task.Status);
      Check.Same(JobState.Cancelled, job.State());
      Check.Thrown<CancelledException>(() => job.Join());
      BackupJob second = session.Backups().Start(Later());
      Check.Thrown<OperationCanceledException>(() => Get(second.AsTask(null, source.Token)));  // cancelled before
    }
  }

  private static void ClosingTheEngineEndsTasks(string folder) {
    Engine engine = Check.Engine(folder);
    Session session = Check.Session(engine);
    BackupJob job = session.Backups().Start(Later());
    Task<BackupResult> task = job.AsTask();
    Task<Event> news = session.Subscribe().NextAsync();
    engine.Dispose();
    Check.Thrown<ClosedException>(() => Get(task));
    Check.That(Get(news) == null, "an event");
    Check.Thrown<ClosedException>(() => Get(job.AsTask()));
  }

  private static void ProgressIsTold(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      var told = new Told();
      Get(session.Backups().Start(Nightly()).AsTask(told));
      lock (told.Percents) Check.That(told.Percents.Contains(100), string.Join(", ", told.Percents));
    }
  }

  private static void ListenersMayThrowAndClose(string folder) {
    Engine engine = Check.Engine(folder);
    Session session = Check.Session(engine);
    var throws = new Told { Does = progress => throw new InvalidTimeZoneException("mine") };
    BackupJob job = session.Backups().Start(Nightly());
    Check.Thrown<InvalidTimeZoneException>(() => Get(job.AsTask(throws)));
    job.Join();
    Check.Same("nightly", Get(session.Backups().Start(Nightly()).AsTask()).Snapshot.Name);
    var closes = new Told { Does = progress => engine.Close() };
    Check.Thrown<ClosedException>(() => Get(session.Backups().Start(Later()).AsTask(closes)));
    Check.That(engine.IsClosed(), "not closed");
  }

  private static void EventsComeOneAfterTheOther(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine))
    using (EventStream stream = session.Subscribe(new SubscribeOptions { Kinds = new[] { "job." } })) {
      var source = new CancellationTokenSource();
      Task<Event> cancelled = stream.NextAsync(source.Token);
      source.Cancel();
      Check.Thrown<OperationCanceledException>(() => Get(cancelled));
      Task<Event> waits = stream.NextAsync();
      session.Backups().Start(Nightly()).Join();
      var kinds = new List<string> { Get(waits).Kind };
      while (kinds.Last() != "job.succeeded") kinds.Add(Get(stream.NextAsync()).Kind);
      Task<Event> last = stream.NextAsync();
      stream.Dispose();
      Check.That(Get(last) == null, "an event after the end");
    }
  }

  private static void LogsComeToo(string folder) {
    LogStream logs;
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      logs = engine.Logs(new LogOptions { Level = LogLevel.Debug });
      session.Backups().Start(Nightly()).Join();
    }
    int records = 0;
    for (LogRecord record = Get(logs.NextAsync()); record != null; record = Get(logs.NextAsync())) {
      Check.That(record.Message != "" && record.Area != "", record);
      ++records;
    }
    Check.That(records > 0, "nothing was logged");
  }
}
