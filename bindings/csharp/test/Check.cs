using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using Tenon;

/// <summary>What the tests of the C# binding share: claims, an engine with a tenant, and running a class's tests by name.</summary>
internal static class Check {
  internal static void That(bool holds, object otherwise) {
    if (!holds) throw new Exception(Convert.ToString(otherwise));
  }

  internal static void Same<T>(T wanted, T given) {
    That(EqualityComparer<T>.Default.Equals(wanted, given), "wanted " + wanted + ", got " + given);
  }

  internal static T Thrown<T>(Action action) where T : Exception {
    try {
      action();
    } catch (Exception why) {
      if (why is AggregateException) why = why.InnerException;
      if (why is T) return (T)why;
      throw new Exception("wanted " + typeof(T).Name + ", got " + why);
    }
    throw new Exception("wanted " + typeof(T).Name + ", nothing was thrown");
  }

  /// <summary>Bounded by what no machine takes.</summary>
  internal static void Soon(string what, Func<bool> holds) {
    for (Stopwatch watch = Stopwatch.StartNew(); !holds(); Thread.Sleep(5)) That(watch.Elapsed < TimeSpan.FromSeconds(60), "never: " + what);
  }

  internal static Engine Engine(string home) {
    return new Engine(new EngineOptions { Home = home, Workers = 2 });
  }

  internal static Session Session(Engine engine) {
    using (OperatorSession setup = engine.OpenOperator(new OperatorOptions { Actor = "setup", Reason = "test" })) {
      Tenant tenant = setup.Tenants().FindSlug("acme") ??
          setup.Tenants().Create(new TenantOptions { Name = "Acmé 🎬", Slug = "acme", Plan = "studio/professional" });
      return engine.OpenSession(new SessionOptions { Tenant = tenant.Id, Actor = "anna", Role = Role.Owner });
    }
  }

  /// <summary>Runs the tests of classes: their static methods that take a folder of their own.</summary>
  internal static int Run(string[] only, params Type[] tests) {
    int failed = 0;
    foreach (MethodInfo each in tests.SelectMany(all => all.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))) {
      ParameterInfo[] parameters = each.GetParameters();
      if (parameters.Length != 1 || parameters[0].Name != "folder" || only.Length > 0 && !only.Contains(each.Name)) continue;
      string folder = Path.Combine(Path.GetTempPath(), "csharp-" + Guid.NewGuid().ToString("N"));
      Directory.CreateDirectory(folder);
      try {
        each.Invoke(null, new object[] { folder });
        Console.WriteLine("ok " + each.Name);
      } catch (TargetInvocationException why) {
        ++failed;
        Console.WriteLine("FAILED " + each.Name + ": " + why.InnerException);
      }
      try {
        Directory.Delete(folder, true);
      } catch (IOException) {
        // An engine that a test forgot on purpose still writes there.
      }
    }
    return failed == 0 ? 0 : 1;
  }
}
