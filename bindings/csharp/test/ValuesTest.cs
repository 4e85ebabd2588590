using System;
using System.Collections.Generic;
using System.Linq;
using Tenon;

/// <summary>Values cross the border unchanged, or an idiomatic exception says why not.</summary>
internal static class ValuesTest {
  private static void TextKeepsEveryCharacter(string folder) {
    const string edges = "\u0001\u007f\u0080\u07ff\u0800\uffff";
    foreach (string each in new[] { "", "plain", "Acmé", "日本語", "🎬", "a🎬b", edges, new string('x', 100000) })
      Check.Same(each, new Project { Name = each }.Name);
  }

  private static void HalfASurrogatePairIsRefused(string folder) {
    var project = new Project { Name = "before" };
    foreach (string each in new[] { "\ud83c", "a\ud83c", "\ud83cb", "\udfac", "\udfac\ud83c" })
      Check.Same(Errc.InvalidArgument, Check.Thrown<InvalidArgumentException>(() => project.Name = each).Code);
    Check.Same("before", project.Name);
    Check.Thrown<InvalidArgumentException>(() => new BackupOptions { Exclude = new[] { "fine", "\ud83c" } });
  }

  private static void NulIsRefusedByTheEngine(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine))
      Check.Thrown<InvalidArgumentException>(() => session.Projects().Create(new ProjectOptions { Name = "a\0b" }));
  }

  private static void NullIsRefused(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      Check.Thrown<ArgumentNullException>(() => new ProjectOptions { Name = null });
      Check.Thrown<ArgumentNullException>(() => session.Projects().Create(null));
      Check.Thrown<ArgumentNullException>(() => session.Projects().Get(null));
      Check.Thrown<ArgumentNullException>(() => session.Projects().List(null));
      Check.Thrown<ArgumentNullException>(() => new EngineOptions { Home = null });
      Check.Thrown<ArgumentNullException>(() => new EngineOptions { Brand = null });
      Check.Thrown<ArgumentNullException>(() => new BackupOptions { Tags = null });
      Check.Thrown<ArgumentNullException>(() => new BackupOptions { Tags = new[] { new Label(), null } });
      Check.Thrown<ArgumentNullException>(() => new BackupOptions { Exclude = new[] { "a", null } });
      Check.Thrown<ArgumentNullException>(() => new Engine(null));
      Check.Thrown<ArgumentNullException>(() => ProjectId.Parse(null));
    }
  }

  private static void TimesAreFlooredToMicroseconds(string folder) {
    Check.Same(new TimeSpan(10), new TimelineClip { Start = new TimeSpan(19) }.Start);
    Check.Same(new TimeSpan(-10), new TimelineClip { Start = new TimeSpan(-1) }.Start);
    var epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);
    Check.Same(epoch.AddTicks(-10), new Project { CreatedAt = epoch.AddTicks(-1) }.CreatedAt);
    var here = new DateTimeOffset(2026, 11, 21, 13, 0, 0, TimeSpan.FromHours(1)).AddTicks(10);
    Check.Same(here, new Project { CreatedAt = here }.CreatedAt);
    Check.Same(TimeSpan.Zero, new Project { CreatedAt = here }.CreatedAt.Offset);
    Check.Same(DateTimeOffset.MinValue, new Project { CreatedAt = DateTimeOffset.MinValue }.CreatedAt);
    Check.Same(TimeSpan.MaxValue.Ticks / 10, new TimelineClip { Start = TimeSpan.MaxValue }.Start.Ticks / 10);
  }

  private static void WhatIsOutOfRangeIsRefused(string folder) {
    Check.Same(long.MaxValue, new Bytes { Count = long.MaxValue }.Count);
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      foreach (int limit in new[] { -1, int.MinValue, int.MaxValue })
        Check.Same("limit", Check.Thrown<InvalidArgumentException>(() => session.Projects().List(new ProjectFilter { Limit = limit })).Subject);
      Check.Thrown<InvalidArgumentException>(
          () => session.Quotas().Reserve(new HoldOptions { Asks = new[] { new Ask { Resource = Resource.Storage, Amount = -1 } } }));
      Check.Thrown<InvalidArgumentException>(
          () => session.Quotas().Reserve(new HoldOptions { Asks = new[] { new Ask { Resource = (Resource)77, Amount = 1 } } }));
    }
  }

  private static void ListsGoOutAsCopies(string folder) {
    var options = new BackupOptions { Tags = new[] { new Label { Key = "k", Value = "v" } }, Exclude = new List<string> { "*.tmp", "日本" } };
    Check.That(options.Exclude.SequenceEqual(new[] { "*.tmp", "日本" }), "other patterns");
    Check.Thrown<NotSupportedException>(() => ((IList<string>)options.Exclude).Add("more"));
    options.Tags[0].Value = "changed";
    Check.Same("v", options.Tags[0].Value);
  }

  private static void AFieldThatIsAStructIsAView(string folder) {
    var options = new CameraOptions();
    options.Retention.KeepFor = TimeSpan.FromDays(3);
    Check.Same(TimeSpan.FromDays(3), options.Retention.KeepFor);
    Retention view = options.Retention;
    options = null;
    for (int at = 0; at < 20; ++at) {
      GC.Collect();
      GC.WaitForPendingFinalizers();
      Check.Same(TimeSpan.FromDays(3), view.KeepFor);
    }
  }

  private static void WhatMayBeMissingIsNull(string folder) {
    var filter = new AssetFilter();
    Check.That(filter.Project == null, filter.Project);
    ProjectId id = ProjectId.Parse("prj_01jd8w0000000000000000000z");
    filter.Project = id;
    Check.Same(id, filter.Project);
    filter.Project = null;
    Check.That(filter.Project == null, filter.Project);
    Check.Same(-14, new RenderOptions { Loudness = -14 }.Loudness);
    Check.Same(null, new RenderOptions().Loudness);
    var epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);
    var info = new JobInfo { Error = Errc.NoSpace, EndedAt = epoch };
    Check.Same(Errc.NoSpace, info.Error);
    Check.Same(epoch, info.EndedAt);
    Check.Same(null, info.DueAt);
    Check.Same(12.5, new ResourceUsage { Percent = 12.5 }.Percent);
    Check.Same(1L << 62, new ResourceUsage { Limit = 1L << 62 }.Limit);
  }

  private static void ValuesAreEqualByTheirFields(string folder) {
    var one = new Label { Key = "k", Value = "v" };
    Check.Same(one, new Label(one));
    Check.Same(one.GetHashCode(), new Label(one).GetHashCode());
    Check.That(!one.Equals(new Label { Key = "k" }), "different values are equal");
    Check.Same("Label { Key = k, Value = v }", one.ToString());
    Check.That(!new CameraOptions { Password = "hunter2", Url = "rtsp://u:hunter2@c/" }.ToString().Contains("hunter2"), "a password is shown");
    Check.Same(new BackupOptions { Exclude = new[] { "a" } }, new BackupOptions { Exclude = new[] { "a" } });
  }

  private static void IdsAreParsedAndSorted(string folder) {
    Check.That(new ProjectId().IsNil(), "a new id is nil");
    ProjectId low = ProjectId.Parse("prj_01jd8w00000000000000000000"), high = ProjectId.Parse("prj_01jd8w00000000000000000001");
    Check.That(low.CompareTo(high) < 0 && high.CompareTo(low) > 0 && low != high && low == ProjectId.Parse(low.Text()), "ids are out of order");
    Check.Same("prj_01jd8w00000000000000000000", low.ToString());
    Check.Thrown<InvalidArgumentException>(() => ProjectId.Parse("ast_01jd8w00000000000000000000"));
    Check.Thrown<InvalidArgumentException>(() => ProjectId.Parse("🎬"));
  }

  private static void ErrorsCarryTheirFields(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      var why = Check.Thrown<QuotaExceededException>(
          () => session.Quotas().Reserve(new HoldOptions { Asks = new[] { new Ask { Resource = Resource.Storage, Amount = 1L << 52 } } }));
      Check.Same(Errc.QuotaExceeded, why.Code);
      Check.Same("storage", why.Resource);
      Check.That(why.Limit.HasValue && why.Used.HasValue && why.Message != "", why);
      var gone = Check.Thrown<NotFoundException>(() => session.Projects().Get(new ProjectId()));
      Check.That(!gone.Retryable && gone.Resource == "" && gone.Limit == null && gone.ResetsAt == null && gone.StackTrace != "", gone);
      Check.That(gone.Subject != "" && gone.ToString().Contains(gone.Subject), gone);
    }
  }

  private static void ATimelineIsAValue(string folder) {
    var cut = new Timeline();
    AssetId asset = AssetId.Parse("ast_01jd8w0000000000000000000z");
    cut.Append(new TimelineClip { Asset = asset, End = TimeSpan.FromSeconds(2) });
    cut.Append(new TimelineClip { Asset = asset, Transition = Library.Crossfade(TimeSpan.FromMilliseconds(500)) });
    cut.Title(new TimelineTitle { Text = "Acmé 🎬", Duration = TimeSpan.FromSeconds(1) });
    Timeline again = Timeline.FromJson(cut.ToJson());
    Check.That(cut.Clips().SequenceEqual(again.Clips()), "other clips");
    Check.Same("Acmé 🎬", again.Titles()[0].Text);
    Check.Thrown<InvalidArgumentException>(() => Timeline.FromJson("{"));
  }
}
