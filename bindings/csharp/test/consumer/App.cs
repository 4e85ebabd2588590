using System;
using System.IO;
using Tenon;

/// <summary>A host of its own: opens an engine and makes a tenant.</summary>
internal static class App {
  private static void Main() {
    string home = Path.Combine(Path.GetTempPath(), "home-" + Guid.NewGuid().ToString("N"));
    using (var engine = new Engine(new EngineOptions { Home = home }))
    using (var setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "smoke" })) {
      setup.Tenants().Create(new TenantOptions { Name = "Acmé 🎬", Slug = "acme", Plan = "studio/professional" });
      Console.WriteLine("Tenon " + Engine.Version() + ": " + setup.Tenants().List()[0].Name);
    }
    Directory.Delete(home, true);
  }
}
