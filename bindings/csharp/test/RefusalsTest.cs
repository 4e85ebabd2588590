using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Tenon;

/// <summary>Whatever a property or a call is given that cannot be, it says so before it does anything: all of them, by reflection.</summary>
internal static class RefusalsTest {
  private const string Half = "x\ud83c";

  private static void Refuses<T>(MethodBase member, object on, params object[] given) where T : Exception {
    try {
      member.Invoke(on, given);
    } catch (TargetInvocationException thrown) {
      Check.That(thrown.InnerException is T, member.DeclaringType + "." + member + ": " + thrown.InnerException);
      return;
    }
    throw new Exception(member.DeclaringType + "." + member + " took " + string.Join(", ", given.Select(each => each ?? "null")));
  }

  private static Type Item(Type list) {
    return list.IsGenericType && list.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? list.GetGenericArguments()[0] : null;
  }

  private static void EveryPropertySaysWhatItCannotHold(string folder) {
    int seen = 0;
    foreach (Type kind in typeof(Engine).Assembly.GetExportedTypes()) {
      if (kind.GetConstructor(Type.EmptyTypes) == null) continue;
      object made = Activator.CreateInstance(kind);
      foreach (PropertyInfo each in Values.Properties(kind).Where(each => each.CanWrite && !each.PropertyType.IsValueType)) {
        ++seen;
        // Null unsets what may be missing: that is how it begins.
        if (each.GetValue(made) != null) Refuses<ArgumentNullException>(each.SetMethod, made, new object[] { null });
        if (each.PropertyType == typeof(string)) Refuses<InvalidArgumentException>(each.SetMethod, made, Half);
        Type item = Item(each.PropertyType);
        if (item == null || item.IsValueType) continue;
        Array list = Array.CreateInstance(item, 1);
        Refuses<ArgumentNullException>(each.SetMethod, made, list);
        if (item != typeof(string)) continue;
        list.SetValue(Half, 0);
        Refuses<InvalidArgumentException>(each.SetMethod, made, list);
      }
    }
    Check.That(seen > 100, "only " + seen + " properties");
  }

  /// <summary>Something that a parameter takes; null: nothing is known.</summary>
  private static object Harmless(Type kind) {
    if (kind == typeof(string)) return "x";
    if (Item(kind) != null) return Array.CreateInstance(Item(kind), 0);
    return kind.IsValueType || kind.GetConstructor(Type.EmptyTypes) != null ? Activator.CreateInstance(kind) : null;
  }

  private static void EveryCallRefusesNull(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine))
    using (OperatorSession setup = engine.OpenOperator(new OperatorOptions { Actor = "a", Reason = "b" })) {
      var handles = new List<object> {
        engine, session, setup, session.Subscribe(), engine.Watch(), engine.Logs(), session.Projects(), session.Assets(), session.Renders(),
        session.Cameras(), session.Backups(), session.Backups().Keys(), session.Exports(), session.Pictures(), session.Jobs(),
        session.Quotas(), session.Usage(), session.Audit(), setup.Tenants(), setup.Plans(), new Timeline(),
      };
      int seen = 0;
      foreach (object on in handles) {
        foreach (MethodInfo each in on.GetType().GetMethods(BindingFlags.Public | BindingFlags.Instance)) {
          if (!Values.IsOurs(each.DeclaringType) || each.Name == "Equals") continue;
          ParameterInfo[] parameters = each.GetParameters();
          object[] given = parameters.Select(one => Harmless(one.ParameterType)).ToArray();
          for (int at = 0; at < given.Length; ++at) {
            if (parameters[at].ParameterType.IsValueType || parameters[at].IsOptional) continue;
            var bad = (object[])given.Clone();
            bad[at] = null;
            Refuses<ArgumentNullException>(each, on, bad);
            ++seen;
            if (parameters[at].ParameterType != typeof(string)) continue;
            bad[at] = Half;
            if (bad.All(one => one != null)) Refuses<InvalidArgumentException>(each, on, bad);
          }
        }
      }
      Check.That(seen > 60, "only " + seen + " parameters");
      Check.Same(0, session.Projects().List().Count);
    }
  }
}
