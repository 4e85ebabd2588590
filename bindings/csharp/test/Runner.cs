using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Threading;
using Tenon;

/// <summary>Carries out the cases of bindings/conformance, which its README.md describes.</summary>
internal sealed class Runner {
  private static readonly Regex Reference = new Regex(@"^\$([A-Za-z_]\w*)((?:\.-?\w+)*)(?:([+-]\d+)us)?$");
  private static readonly Regex Within = new Regex(@"\$\{([^}]*)\}");

  private readonly string footage;
  private readonly string camera;
  private readonly Dictionary<string, object> setup;
  private readonly Values values = new Values();
  private readonly List<KeyValuePair<string, object>> saved = new List<KeyValuePair<string, object>>();
  private readonly List<Process> cameras = new List<Process>();
  private string folder;

  private Runner(string footage, string camera, Dictionary<string, object> setup) {
    this.footage = footage;
    this.camera = camera;
    this.setup = setup;
  }

  internal static int Run(string[] arguments) {
    var given = new Dictionary<string, string>();
    var only = new List<string>();
    for (int at = 0; at < arguments.Length; ++at) {
      if (arguments[at].StartsWith("--", StringComparison.Ordinal)) given[arguments[at].Substring(2)] = arguments[++at];
      else only.Add(arguments[at]);
    }
    given.TryGetValue("camera", out string camera);
    var runner = new Runner(Path.GetFullPath(given["footage"]), camera, Read(Path.Combine(given["cases"], "setup.json")));
    string[] files = Directory.GetFiles(Path.Combine(given["cases"], "cases"), "*.json");
    Array.Sort(files, StringComparer.Ordinal);
    int failed = files.Sum(file => runner.InFile(file, only));
    if (given.ContainsKey("calls")) File.WriteAllLines(given["calls"], runner.values.Seen);
    return failed == 0 ? 0 : 1;
  }

  private static Dictionary<string, object> Read(string file) {
    return (Dictionary<string, object>)Json.Parse(File.ReadAllText(file));
  }

  private static object Get(Dictionary<string, object> from, string name) {
    return from.TryGetValue(name, out object value) ? value : null;
  }

  private static List<object> ListOf(object from) {
    return (List<object>)from ?? new List<object>();
  }

  private int InFile(string file, List<string> only) {
    Dictionary<string, object> content = Read(file);
    string stem = Path.GetFileNameWithoutExtension(file);
    int failed = 0;
    foreach (Dictionary<string, object> test in ListOf(Get(content, "cases"))) {
      string name = stem + "." + Get(test, "name");
      if (only.Count > 0 && !only.Contains(name) && !only.Contains(stem)) continue;
      if (camera == null && ListOf(Get(test, "needs")).Contains("camera")) continue;
      if (Environment.GetEnvironmentVariable("PGHOST") == null && ListOf(Get(test, "needs")).Contains("postgres")) continue;
      var steps = new List<object>();
      foreach (string part in ListOf(Get(test, "setup") ?? Get(content, "setup"))) steps.AddRange(ListOf(setup[part]));
      steps.AddRange(ListOf(Get(test, "steps")));
      string problem = One(steps);
      Console.WriteLine(problem == null ? "ok " + name : "FAILED " + name + ": " + problem);
      if (problem != null) ++failed;
    }
    return failed;
  }

  /// <summary>Null: it went as it should.</summary>
  private string One(List<object> steps) {
    folder = Path.Combine(Path.GetTempPath(), "conformance-" + Guid.NewGuid().ToString("N"));
    Directory.CreateDirectory(folder);
    saved.Clear();
    string problem = null;
    for (int at = 0; at < steps.Count && problem == null; ++at) {
      try {
        problem = Step((Dictionary<string, object>)steps[at]);
      } catch (Exception why) {
        problem = why is ITenonError ? why.Message : why.ToString();
      }
      if (problem != null) problem = "step " + (at + 1) + " " + Json.Show(steps[at]) + ": " + problem;
    }
    for (int at = saved.Count - 1; at >= 0; --at) (saved[at].Value as IDisposable)?.Dispose();
    foreach (Process each in cameras) {
      each.StandardInput.Close();
      each.WaitForExit();
    }
    cameras.Clear();
    Directory.Delete(folder, true);
    return problem;
  }

  private void Save(string name, object value) {
    saved.RemoveAll(each => each.Key == name);
    saved.Add(new KeyValuePair<string, object>(name, value));
  }

  private string Step(Dictionary<string, object> step) {
    if (step.ContainsKey("host")) return Host(step);
    long times = (long)(Get(step, "times") ?? 1L);
    string problem = null;
    for (long time = 1; time <= times && problem == null; ++time) {
      Save("i", time);
      problem = step.ContainsKey("until") ? Until(step) : Once(step, Get(step, "expect"), step.ContainsKey("expect"));
    }
    saved.RemoveAll(each => each.Key == "i");
    return problem;
  }

  private string Until(Dictionary<string, object> step) {
    string problem = "";
    for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(60); Thread.Sleep(50)) {
      problem = Once(step, step["until"], true);
      if (problem == null) return null;
    }
    return problem;
  }

  private string Once(Dictionary<string, object> step, object expected, bool compared) {
    object result;
    try {
      result = Call(step);
    } catch (Exception thrown) when (thrown is ITenonError) {
      object error = values.ToJson(thrown);
      string kind = Regex.Replace(thrown.GetType().Name, "Exception$", "");
      values.Seen.Add(kind);
      if (((ITenonError)thrown).Code.ToString() != kind) return "the class of " + Json.Show(error) + " is " + kind;
      if (Equals(Get(step, "any_error"), true)) return null;
      if (!step.ContainsKey("error")) return "it threw " + Json.Show(error);
      return Match.Fits(AsJson(Resolve(step["error"])), error) ? null : "it threw " + Json.Show(error);
    }
    if (step.ContainsKey("error")) return "it did not throw; it gave " + Json.Show(values.ToJson(result));
    if (step.ContainsKey("save")) Save((string)step["save"], result);
    object given = values.ToJson(result);
    if (compared && !Match.Fits(AsJson(Resolve(expected)), given)) return "it gave " + Json.Show(given);
    return null;
  }

  // ---- calls ----

  private object Call(Dictionary<string, object> step) {
    string[] path = ((string)step["call"]).Split('.');
    List<object> arguments = ListOf(Get(step, "args")).Select(Resolve).ToList();
    object options = step.ContainsKey("options") ? Resolve(step["options"]) : null;
    string last = path[path.Length - 1];
    if ("tenon".Equals(step["on"])) {
      if (char.IsUpper(last[0])) return Construct(Named(last), arguments, options);
      return Member(Named(path.Length == 2 ? path[0] : "Library"), null, last, arguments, options);
    }
    object on = Resolve("$" + step["on"]);
    for (int at = 0; at + 1 < path.Length; ++at) on = Member(on.GetType(), on, path[at], new List<object>(), null);
    return Member(on.GetType(), on, last, arguments, options);
  }

  private static Type Named(string name) {
    return typeof(Engine).Assembly.GetType("Tenon." + name, true);
  }

  private object Construct(Type type, List<object> arguments, object options) {
    foreach (ConstructorInfo each in type.GetConstructors()) {
      object[] fitting = Fit(each, arguments, options);
      if (fitting == null) continue;
      object made = Values.Invoke(each, null, fitting);
      values.Seen.Add(type.Name + "." + type.Name);
      return made;
    }
    throw new MissingMethodException("no constructor of " + type.Name + " takes these");
  }

  private object Member(Type type, object on, string name, List<object> arguments, object options) {
    string spelled = Values.Pascal(name == "data" ? "view" : name);
    PropertyInfo property = on == null || arguments.Count > 0 ? null : type.GetProperty(spelled);
    foreach (MethodInfo each in property != null ? new[] { property.GetMethod } : type.GetMethods()) {
      if (property == null && each.Name != spelled || each.IsStatic != (on == null)) continue;
      object[] fitting = Fit(each, arguments, options);
      if (fitting == null) continue;
      object result = Values.Invoke(each, on, fitting);
      if (each.ReturnType == typeof(void) || !Values.IsDefault(result))
        values.Seen.Add(type.Name == "Library" ? name : each.DeclaringType.Name + "." + name);
      return result;
    }
    throw new MissingMethodException("no " + name + " of " + type.Name + " takes these");
  }

  /// <summary>Null: this overload does not take them.</summary>
  private object[] Fit(MethodBase target, List<object> arguments, object options) {
    ParameterInfo[] parameters = target.GetParameters();
    if (parameters.Length != arguments.Count + (options == null ? 0 : 1)) return null;
    var made = new object[parameters.Length];
    int next = 0;
    bool open = options != null;
    try {
      for (int at = 0; at < made.Length; ++at) {
        bool here = open && Values.IsStruct(parameters[at].ParameterType);
        if (here) open = false;
        else if (next == arguments.Count) return null;
        made[at] = values.Make(here ? options : arguments[next++], parameters[at].ParameterType);
      }
    } catch (Unfit) {
      return null;
    }
    return made;
  }

  // ---- references ----

  /// <summary>References become the values themselves; what else is JSON stays JSON.</summary>
  private object Resolve(object from) {
    var fields = from as Dictionary<string, object>;
    if (fields != null) return fields.ToDictionary(each => each.Key, each => Resolve(each.Value));
    var items = from as List<object>;
    if (items != null) return items.Select(Resolve).ToList();
    return from is string ? Text((string)from) : from;
  }

  private object Text(string from) {
    if (from.StartsWith("$$", StringComparison.Ordinal)) return from.Substring(1);
    if (from == "$DIR" || from.StartsWith("$DIR/", StringComparison.Ordinal)) return Filled(folder + from.Substring(4));
    if (from == "$FOOTAGE" || from.StartsWith("$FOOTAGE/", StringComparison.Ordinal))
      return Filled(footage + from.Substring(8));
    System.Text.RegularExpressions.Match whole = Reference.Match(from);
    if (whole.Success && saved.Any(each => each.Key == whole.Groups[1].Value))
      return Moved(Walk(whole.Groups[1].Value + whole.Groups[2].Value), whole.Groups[3].Value);
    return Filled(from);
  }

  private string Filled(string from) {
    return Within.Replace(from, found => {
      string name = found.Groups[1].Value;
      object value = name == "DIR" ? folder : name == "FOOTAGE" ? footage : values.ToJson(Walk(name));
      return Convert.ToString(value, CultureInfo.InvariantCulture);
    });
  }

  private static object Moved(object value, string by) {
    if (by == "") return value;
    var much = new TimeSpan(long.Parse(by, CultureInfo.InvariantCulture) * 10);
    return value is DateTimeOffset ? (DateTimeOffset)value + much : (object)((TimeSpan)value + much);
  }

  private object Walk(string path) {
    string[] parts = path.Split('.');
    object at = saved.First(each => each.Key == parts[0]).Value;
    foreach (string part in parts.Skip(1)) {
      var list = at as System.Collections.IList;
      if (list != null) {
        int index = int.Parse(part, CultureInfo.InvariantCulture);
        at = list[index < 0 ? list.Count + index : index];
      } else {
        PropertyInfo property = at.GetType().GetProperty(Values.Pascal(part));
        at = Values.Invoke(property != null ? property.GetMethod : at.GetType().GetMethod(Values.Pascal(part), Type.EmptyTypes), at);
      }
    }
    return at;
  }

  /// <summary>What was resolved, in JSON form again: to compare with.</summary>
  private object AsJson(object from) {
    var fields = from as Dictionary<string, object>;
    if (fields != null) return fields.ToDictionary(each => each.Key, each => AsJson(each.Value));
    var items = from as List<object>;
    return items != null ? items.Select(AsJson).ToList() : values.ToJson(from);
  }

  // ---- what a host does ----

  private string Host(Dictionary<string, object> step) {
    string path = step.ContainsKey("path") ? (string)Resolve(step["path"]) : null;
    switch ((string)step["host"]) {
    case "write":
      Directory.CreateDirectory(Path.GetDirectoryName(path));
      File.WriteAllText(path, (string)Resolve(step["text"]));
      return null;
    case "copy":
      Directory.CreateDirectory(Path.GetDirectoryName(path));
      File.Copy((string)Resolve(step["from"]), path, true);
      return null;
    case "remove":
      if (Directory.Exists(path)) Directory.Delete(path, true);
      else File.Delete(path);
      return null;
    case "exists":
      return Compare(step, File.Exists(path) || Directory.Exists(path));
    case "size":
      return Compare(step, File.Exists(path) ? new FileInfo(path).Length : 0L);
    case "damage":
      foreach (string file in Directory.Exists(path) ? Directory.GetFiles(path, "*", SearchOption.AllDirectories) : new[] { path }) Damage(file);
      return null;
    case "camera":
      var process = Process.Start(new ProcessStartInfo(camera, "\"" + Path.Combine(footage, "camera.mp4") + "\"") {
        UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
      });
      cameras.Add(process);
      Save((string)step["save"], process.StandardOutput.ReadLine());
      return null;
    case "same":
      return Compare(step, AsJson(Resolve(step["value"])));
    case "close":
      ((IDisposable)Resolve(step["value"])).Dispose();
      return null;
    case "drop":
      saved.RemoveAll(each => each.Key == (string)step["name"]);
      GC.Collect();
      GC.WaitForPendingFinalizers();
      return null;
    default:
      return "there is no such step";
    }
  }

  private string Compare(Dictionary<string, object> step, object given) {
    return Match.Fits(AsJson(Resolve(step["expect"])), given) ? null : "it gave " + Json.Show(given);
  }

  private static void Damage(string file) {
    byte[] bytes = File.ReadAllBytes(file);
    if (bytes.Length == 0) return;
    bytes[bytes.Length / 2] ^= 0xff;
    File.SetAttributes(file, FileAttributes.Normal);
    File.WriteAllBytes(file, bytes);
  }
}
