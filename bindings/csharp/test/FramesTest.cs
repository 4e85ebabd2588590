using System;
using System.IO;
using System.Linq;
using Tenon;

/// <summary>Frames without copies: views keep the memory, nothing else does.</summary>
internal static class FramesTest {
  private static AssetId Clip(Session session) {
    string footage = Path.GetFullPath(Environment.GetEnvironmentVariable("TENON_FOOTAGE") ?? "build/footage");
    Project project = session.Projects().Create(new ProjectOptions { Name = "p" });
    return session.Assets().ImportFile(new ImportOptions { Project = project.Id, Path = Path.Combine(footage, "clapper.mp4") }).Id;
  }

  private static void AViewOutlivesEverythingElse(string folder) {
    PlaneView view;
    byte[] copy;
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      Frame frame = session.Assets().Frame(Clip(session), new FrameOptions { Format = PixelFormat.Rgb24 });
      Check.Thrown<InvalidArgumentException>(() => frame.Plane(1));
      Plane plane = frame.Plane(0);
      copy = new byte[plane.Size()];
      plane.CopyTo(copy);
      Check.That(copy.Any(each => each != 0), "the flash is black");
      Check.Thrown<ArgumentException>(() => plane.CopyTo(new byte[plane.Size() - 1]));
      Check.Thrown<ArgumentNullException>(() => plane.CopyTo(null));
      view = plane.View();
    }
    for (int round = 0; round < 20; ++round) {
      GC.Collect();
      GC.WaitForPendingFinalizers();
      var again = new byte[view.Size];
      System.Runtime.InteropServices.Marshal.Copy(view.Address, again, 0, again.Length);
      Check.That(copy.SequenceEqual(again), "the memory has changed");
    }
    view.Dispose();
    Check.Thrown<ObjectDisposedException>(() => view.Address.ToInt64());
  }

  private static void StreamsAreIterated(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      using (FrameStream stream = session.Assets().Frames(Clip(session), new FramesOptions { End = TimeSpan.FromSeconds(2) })) {
        Check.Same(50, stream.Count());
        Check.That(stream.Next() == null, "one more");
      }
      FrameStream closed = session.Assets().Frames(Clip(session));
      closed.Dispose();
      Check.Thrown<ClosedException>(() => closed.Next());
    }
  }
}
