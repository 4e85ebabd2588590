using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using Tenon;

/// <summary>Thrown where a value does not fit a parameter: another overload may.</summary>
internal sealed class Unfit : Exception {
  internal Unfit(object value, Type type) : base(Json.Show(value) + " is no " + type) {}
}

/// <summary>Values between JSON and C#, by reflection; and which fields and enum items were seen.</summary>
internal sealed class Values {
  internal readonly SortedSet<string> Seen = new SortedSet<string>(StringComparer.Ordinal);

  internal static string Pascal(string name) {
    return string.Concat(name.Split('_').Select(part => part.Substring(0, 1).ToUpperInvariant() + part.Substring(1)));
  }

  internal static string Snake(string name) {
    return Regex.Replace(name, "(?<=[a-z0-9])(?=[A-Z])", "_").ToLowerInvariant();
  }

  internal static string Time(DateTimeOffset time) {
    return time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
  }

  internal static bool IsOurs(Type type) {
    return type.Namespace == "Tenon" && type.Assembly == typeof(Engine).Assembly;
  }

  internal static bool IsId(Type type) {
    return IsOurs(type) && type.GetMethod("Parse") != null;
  }

  internal static bool IsStruct(Type type) {
    return IsOurs(type) && type.IsClass && !IsId(type) && Properties(type).Any();
  }

  internal static IEnumerable<PropertyInfo> Properties(Type type) {
    return type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly);
  }

  internal static object Invoke(MethodBase method, object on, params object[] arguments) {
    try {
      var constructor = method as ConstructorInfo;
      return constructor != null ? constructor.Invoke(arguments) : method.Invoke(on, arguments);
    } catch (TargetInvocationException thrown) {
      System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(thrown.InnerException).Throw();
      throw;
    }
  }

  // ---- JSON to C# ----

  internal object Make(object from, Type type) {
    Type target = Nullable.GetUnderlyingType(type) ?? type;
    if (from == null) return type.IsValueType && target == type ? throw new Unfit(from, type) : (object)null;
    if (target.IsInstanceOfType(from) && !(from is Dictionary<string, object>)) return from;
    if (target.IsGenericType && target.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) && from is List<object>) {
      Type item = target.GetGenericArguments()[0];
      var given = (List<object>)from;
      Array made = Array.CreateInstance(item, given.Count);
      for (int at = 0; at < given.Count; ++at) made.SetValue(Make(given[at], item), at);
      return made;
    }
    if (IsOurs(from.GetType())) throw new Unfit(from.GetType().Name, type);
    if (from is long) {
      if (target == typeof(int)) return checked((int)(long)from);
      if (target == typeof(double)) return (double)(long)from;
      if (target == typeof(Bytes)) return new Bytes { Count = (long)from };
    }
    if (from is string) return Text((string)from, target);
    if (from is Dictionary<string, object> && IsStruct(target)) return Struct((Dictionary<string, object>)from, target);
    throw new Unfit(from, type);
  }

  private object Text(string from, Type target) {
    if (target == typeof(byte[])) return System.Text.Encoding.GetEncoding("iso-8859-1").GetBytes(from);
    if (target == typeof(DateTimeOffset)) return DateTimeOffset.Parse(from, CultureInfo.InvariantCulture);
    if (target == typeof(TimeSpan) && Regex.IsMatch(from, "^-?[0-9]+us$")) return new TimeSpan(checked(Match.Micros(from) * 10));
    if (target.IsEnum && Enum.IsDefined(target, Pascal(from))) {
      object item = Enum.Parse(target, Pascal(from));
      Item(item);
      return item;
    }
    if (IsId(target)) return Invoke(target.GetMethod("Parse"), null, from);
    throw new Unfit(from, target);
  }

  private object Struct(Dictionary<string, object> from, Type target) {
    object made = Activator.CreateInstance(target);
    foreach (var field in from) {
      PropertyInfo property = target.GetProperty(Pascal(field.Key));
      if (property == null) throw new MissingMemberException(target.Name, field.Key);
      object value = Make(field.Value, property.PropertyType);
      Invoke(property.SetMethod, made, value);
      // A bool is given on purpose: background is true when it is left out.
      if (!IsDefault(value) || value is bool) Seen.Add(target.Name + "." + field.Key);
    }
    return made;
  }

  private void Item(object item) {
    Seen.Add(item.GetType().Name + "." + Snake(item.ToString()));
  }

  // ---- C# to JSON ----

  /// <summary>What a call gave, in its JSON form; its fields and items count as seen.</summary>
  internal object ToJson(object from) {
    if (from == null || from is bool || from is long || from is double || from is string) return from;
    if (from is int) return (long)(int)from;
    if (from is DateTimeOffset) return Time((DateTimeOffset)from);
    if (from is TimeSpan) return ((TimeSpan)from).Ticks / 10 + "us";
    if (from is Bytes) {
      if (!IsDefault(from)) Seen.Add("Bytes.count");
      return ((Bytes)from).Count;
    }
    if (from is Enum) {
      Item(from);
      return Snake(from.ToString());
    }
    if (from is byte[]) return System.Text.Encoding.GetEncoding("iso-8859-1").GetString((byte[])from);
    if (from is PlaneView) return Buffer((PlaneView)from);
    if (from is ITenonError) return Error((ITenonError)from);
    Type type = from.GetType();
    if (IsId(type)) return Invoke(type.GetMethod("Text"), from);
    if (!IsOurs(type) && from is IEnumerable) return ((IEnumerable)from).Cast<object>().Select(ToJson).ToList();
    if (!IsStruct(type)) return new Dictionary<string, object> { { "handle", type.Name } };
    var made = new Dictionary<string, object>();
    foreach (PropertyInfo each in Properties(type)) {
      object value = Invoke(each.GetMethod, from);
      string name = Snake(each.Name);
      if (!IsDefault(value)) Seen.Add(type.Name + "." + name);
      made[name] = ToJson(value);
    }
    return made;
  }

  private static object Buffer(PlaneView from) {
    uint sum = 0xffffffff;
    var bytes = new byte[from.Size];
    System.Runtime.InteropServices.Marshal.Copy(from.Address, bytes, 0, bytes.Length);
    foreach (byte each in bytes) {
      sum ^= each;
      for (int bit = 0; bit < 8; ++bit) sum = (sum & 1) != 0 ? sum >> 1 ^ 0xedb88320 : sum >> 1;
    }
    return new Dictionary<string, object> { { "size", from.Size }, { "crc32", (long)~sum } };
  }

  private object Error(ITenonError from) {
    var made = new Dictionary<string, object> {
      { "code", ToJson(from.Code) }, { "message", from.Message }, { "subject", from.Subject }, { "retryable", from.Retryable },
      { "resource", from.Resource }, { "limit", from.Limit }, { "used", from.Used }, { "resets_at", ToJson(from.ResetsAt) },
    };
    Seen.Add("Error");
    foreach (var each in made)
      if (!IsDefault(each.Value)) Seen.Add("Error." + (each.Key == "message" ? "what" : each.Key));
    return made;
  }

  internal static bool IsDefault(object value) {
    if (value == null || Equals(value, false) || Equals(value, 0) || Equals(value, 0L) || Equals(value, 0.0) || Equals(value, "") ||
        Equals(value, TimeSpan.Zero))
      return true;
    if (value is DateTimeOffset) return ((DateTimeOffset)value).UtcTicks == 621355968000000000L;
    if (value is Enum) return Convert.ToInt64(value, CultureInfo.InvariantCulture) == 0;
    Type type = value.GetType();
    if (IsId(type)) return (bool)Invoke(type.GetMethod("IsNil"), value);
    if (!IsOurs(type) && value is IEnumerable) return !((IEnumerable)value).Cast<object>().Any();
    return IsStruct(type) && Properties(type).All(each => IsDefault(Invoke(each.GetMethod, value)));
  }
}
