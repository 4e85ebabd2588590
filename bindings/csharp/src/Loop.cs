using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Tenon {
/// <summary>One engine's background thread: it pulls changes from the engine's watch and passes them on. Started by the first
/// task. What belongs to the host never runs on it.</summary>
internal sealed class Loop {
  internal readonly Engines.Opened Engine;
  private readonly Dictionary<object, List<IFollower>> followers = new Dictionary<object, List<IFollower>>();
  private Watch watch;
  private bool ended;

  internal Loop(Engines.Opened engine) {
    Engine = engine;
  }

  private interface IFollower {
    /// <summary>Called on the loop's thread: passes on at once.</summary>
    void Changed(Change change);

    /// <summary>The engine is closed: nothing more will be told.</summary>
    void Closed();
  }

  private void Follow(object key, IFollower follower, Action<Watch> add) {
    Watch open;
    lock (followers) {
      open = Open();
      if (!followers.TryGetValue(key, out var all)) followers[key] = all = new List<IFollower>();
      all.Add(follower);
    }
    try {
      add(open);
    } catch {
      Forget(key, follower);
      throw;
    }
  }

  private void Forget(object key, IFollower follower) {
    lock (followers) {
      if (!followers.TryGetValue(key, out var all) || !all.Remove(follower)) return;
      if (all.Count == 0) followers.Remove(key);
    }
  }

  private Watch Open() {
    if (ended) throw new ClosedException("the engine is closed");
    if (watch == null) {
      watch = Engine.Watch(this);
      new Thread(Run) { IsBackground = true, Name = "tenon-watch" }.Start();
    }
    return watch;
  }

  private void Run() {
    try {
      while (true)
        foreach (Change change in watch.Next(TimeSpan.FromHours(1))) Pass(change);
    } catch (Exception closed) when (closed is ITenonError) {
      var left = new List<IFollower>();
      lock (followers) {
        ended = true;
        foreach (var all in followers.Values) left.AddRange(all);
        followers.Clear();
      }
      foreach (IFollower each in left) each.Closed();
    }
  }

  private void Pass(Change change) {
    object key = change.Stream != 0 ? (object)change.Stream : change.Job;
    IFollower[] told;
    lock (followers) {
      if (!followers.TryGetValue(key, out var all)) return;
      told = all.ToArray();
      if (change.Last) followers.Remove(key);
    }
    foreach (IFollower each in told) each.Changed(change);
  }

  // ---- jobs ----

  internal Task<T> Task<T>(Job job, Func<T> result, IProgress<Progress> progress, CancellationToken token) {
    var follower = new JobFollower<T>(job, result, progress);
    try {
      Follow(job.Id(), follower, open => open.Add(job));
      follower.CancelBy(token);
    } catch (Exception refused) when (refused is ITenonError) {
      follower.Fail(refused);
    }
    return follower.Task;
  }

  private sealed class JobFollower<T> : IFollower {
    private readonly TaskCompletionSource<T> source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Job job;
    private readonly Func<T> result;
    private readonly IProgress<Progress> progress;
    private CancellationTokenRegistration registration;
    private CancellationToken token;
    private Progress newest;
    private bool reporting;
    private bool over;

    internal JobFollower(Job job, Func<T> result, IProgress<Progress> progress) {
      this.job = job;
      this.result = result;
      this.progress = progress;
    }

    internal Task<T> Task { get { return source.Task; } }

    /// <summary>The job is asked to stop; the task ends when it has.</summary>
    internal void CancelBy(CancellationToken given) {
      token = given;
      if (given.CanBeCanceled) registration = given.Register(Cancel);
    }

    private void Cancel() {
      try {
        job.Cancel();
      } catch (ClosedException) {
        // A closed engine runs nothing that could be cancelled.
      }
    }

    internal void Fail(Exception why) {
      source.TrySetException(why);
    }

    public void Changed(Change change) {
      bool start;
      lock (source) {
        newest = progress == null ? null : change.Progress;
        over |= change.Last;
        start = !reporting && (over || newest != null);
        reporting |= start;
      }
      if (start) ThreadPool.UnsafeQueueUserWorkItem(unused => Tell(), null);
    }

    public void Closed() {
      bool start;
      lock (source) {
        over = true;
        start = !reporting;
        reporting = true;
      }
      if (start) ThreadPool.UnsafeQueueUserWorkItem(unused => Tell(), null);
    }

    /// <summary>Progress first, the newest one each time; then the end.</summary>
    private void Tell() {
      while (true) {
        Progress told;
        bool last;
        lock (source) {
          told = newest;
          newest = null;
          last = over;
          if (told == null && !last) {
            reporting = false;
            return;
          }
        }
        try {
          if (told != null) progress.Report(told);
        } catch (Exception hosts) {  // the host's own listener: the task tells
          source.TrySetException(hosts);
        }
        if (last) break;
      }
      registration.Dispose();
      try {
        source.TrySetResult(result());
      } catch (CancelledException) when (token.IsCancellationRequested) {
        source.TrySetCanceled(token);
      } catch (Exception why) {
        source.TrySetException(why);
      }
    }
  }

  // ---- streams ----

  internal Task<T> Next<T>(long number, Func<TimeSpan, T> pull, Action<Watch> add, CancellationToken token) where T : class {
    var follower = new StreamFollower<T>(this, number, pull);
    try {
      if (follower.Pull()) return follower.Task;
      Follow(number, follower, add);
      follower.CancelBy(token);
    } catch (Exception refused) when (refused is ITenonError) {
      follower.End(refused);
    }
    return follower.Task;
  }

  private sealed class StreamFollower<T> : IFollower where T : class {
    private readonly TaskCompletionSource<T> source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Loop loop;
    private readonly object number;
    private readonly Func<TimeSpan, T> pull;
    private CancellationTokenRegistration registration;

    internal StreamFollower(Loop loop, long number, Func<TimeSpan, T> pull) {
      this.loop = loop;
      this.number = number;
      this.pull = pull;
    }

    internal Task<T> Task { get { return source.Task; } }

    internal void CancelBy(CancellationToken token) {
      if (!token.CanBeCanceled) return;
      registration = token.Register(() => {
        lock (source) source.TrySetCanceled(token);
        loop.Forget(number, this);
      });
    }

    /// <summary>True: the task is done. An item is pulled only while nobody has cancelled: none is lost.</summary>
    internal bool Pull(TimeSpan patience = default) {
      lock (source) {
        if (source.Task.IsCompleted) return true;
        try {
          T item = pull(patience);
          return item != null && source.TrySetResult(item);
        } catch (ClosedException) {
          return source.TrySetResult(null);
        } catch (Exception why) when (why is ITenonError) {
          return source.TrySetException(why);
        }
      }
    }

    /// <summary>Nobody will tell of news any more. A log says its last words a moment later: they are waited for.</summary>
    internal void End(Exception why) {
      if (!(why is ClosedException)) {
        source.TrySetException(why);
        return;
      }
      ThreadPool.UnsafeQueueUserWorkItem(unused => {
        while (!Pull(TimeSpan.FromSeconds(1))) {
          // Until its end is known.
        }
        registration.Dispose();
      }, null);
    }

    public void Changed(Change change) {
      if (!Pull()) return;
      loop.Forget(number, this);
      registration.Dispose();
    }

    public void Closed() {
      End(new ClosedException("the engine is closed"));
    }
  }
}
}
