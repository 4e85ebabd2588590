using System;
using System.Linq;
using System.Threading.Tasks;
using Tenon;

// A camera: record it, hear what becomes of it, cut a clip out of the footage.
//
//     mono Camera.exe rtsp://192.168.1.20/stream
internal static class Program {
  private static async Task Listen(EventStream news) {
    for (Event item = await news.NextAsync(); item != null; item = await news.NextAsync()) Console.WriteLine(item.Kind + " " + item.Data);
  }

  private static int Main(string[] arguments) {
    if (arguments.Length != 1) {
      Console.Error.WriteLine("Usage: Camera RTSP-URL");
      return 2;
    }
    // Cameras live in private networks unless told otherwise; loopback must be named.
    var options = new EngineOptions { Home = "studio", CameraNetworks = new[] { "127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16" } };
    using (var engine = new Engine(options))
    using (var setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "onboarding" })) {
      var shop = setup.Tenants().Create(new TenantOptions { Name = "Shop", Slug = "shop", Plan = "nvr/professional" });
      var session = engine.OpenSession(new SessionOptions { Tenant = shop.Id, Actor = "guard", Role = Role.Owner });

      var news = session.Subscribe(new SubscribeOptions { Kinds = new[] { "camera." } });  // a queue of one's own; nothing calls back
      var listening = Listen(news);
      var door = session.Cameras().Create(new CameraOptions { Name = "Door", Url = arguments[0], Recording = Recording.Continuous });

      // Wait for six seconds of footage, at most a minute.
      for (int tick = 0; tick < 120; ++tick) {
        Task.Delay(500).Wait();
        var last = door.Recordings().LastOrDefault();
        if (last != null && last.End - last.Start >= TimeSpan.FromSeconds(6)) break;
      }
      door.SetRecording(Recording.Off);
      news.Close();
      listening.Wait();

      var footage = door.Recordings();
      if (footage.Count == 0) {
        Console.Error.WriteLine("no footage: " + door.Info().Problem);
        return 1;
      }
      foreach (var stretch in footage) Console.WriteLine("{0} frames in {1:0.0} s", stretch.Frames, (stretch.End - stretch.Start).TotalSeconds);

      var start = footage.Last().Start + TimeSpan.FromSeconds(1);
      var job = door.ExportClip(new ClipOptions { Start = start, End = start + TimeSpan.FromSeconds(3), Cut = Cut.Exact, Name = "visitor" });
      var clip = job.Result();
      Console.WriteLine("{0}: {1:0.0} s, not re-encoded", clip.Path, clip.Duration.TotalSeconds);
      return 0;
    }
  }
}
