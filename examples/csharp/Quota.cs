using System;
using Tenon;

// Limits that cannot be oversold: reserve what a piece of work may need, do it, commit what it really took.
internal static class Program {
  private static void Show(Quota quota) {
    Console.WriteLine("{0}: {1} used, {2} reserved{3}", Library.ToString(quota.Resource), quota.Used, quota.Reserved,
                      quota.Limit.HasValue ? ", limit " + quota.Limit : "");
  }

  private static void Main() {
    using (var engine = new Engine(new EngineOptions { Home = "studio" }))
    using (var setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "onboarding" })) {
      var small = setup.Tenants().Create(new TenantOptions { Name = "Small", Slug = "small", Plan = "studio/basic" });
      var session = engine.OpenSession(new SessionOptions { Tenant = small.Id, Actor = "renderer", Role = Role.Owner });
      var quotas = session.Quotas();

      // Render time is counted in milliseconds of output. A hold is durable before Reserve() returns; if this process dies, it
      // returns by itself after its ttl.
      const long minute = 60000;
      using (var hold = quotas.Reserve(new HoldOptions {
        Asks = new[] { new Ask { Resource = Resource.RenderTime, Amount = 30 * minute } },
        Ttl = TimeSpan.FromMinutes(5), Idempotency = "upload-17",
      })) {
        Show(quotas.Get(Resource.RenderTime));
        hold.Extend(new Ask { Resource = Resource.RenderTime, Amount = 10 * minute });             // it takes longer than was thought
        hold.Commit(new[] { new Ask { Resource = Resource.RenderTime, Amount = 34 * minute } });  // what it really took; the rest is returned
      }
      Show(quotas.Get(Resource.RenderTime));

      // All or nothing: the second ask cannot be granted, so the first is not either.
      var both = quotas.TryReserve(new HoldOptions {
        Asks = new[] { new Ask { Resource = Resource.RenderTime, Amount = minute }, new Ask { Resource = Resource.Storage, Amount = 1L << 50 } },
      });
      Console.WriteLine("a pebibyte: " + (both != null ? "granted" : "refused"));

      try {
        for (int n = 1;; ++n) session.Projects().Create(new ProjectOptions { Name = "Project " + n });
      } catch (QuotaExceededException refusal) {
        Console.WriteLine("{0} ({1}: {2} of {3} used)", refusal.Message, refusal.Resource, refusal.Used, refusal.Limit);
      }
      Show(quotas.Get(Resource.Projects));
    }
  }
}
