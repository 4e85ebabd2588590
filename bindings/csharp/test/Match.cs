using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

/// <summary>Whether a result in its JSON form is what a case says it must be.</summary>
internal static class Match {
  internal static bool Fits(object wanted, object given) {
    if (wanted is Dictionary<string, object>) {
      var fields = (Dictionary<string, object>)wanted;
      if (fields.Count == 1 && fields.Keys.First().StartsWith("$", StringComparison.Ordinal))
        return Rule(fields.Keys.First(), fields.Values.First(), given);
      var has = given as Dictionary<string, object>;
      return has != null && fields.All(each => has.ContainsKey(each.Key) && Fits(each.Value, has[each.Key]));
    }
    if (wanted is List<object>) {
      var items = (List<object>)wanted;
      var has = given as List<object>;
      return has != null && has.Count == items.Count && items.Zip(has, Fits).All(each => each);
    }
    if (wanted is double || given is double) return IsNumber(wanted) && IsNumber(given) && Number(wanted) == Number(given);
    return Equals(wanted, given);
  }

  private static bool IsNumber(object value) {
    return value is long || value is double;
  }

  private static double Number(object value) {
    return Convert.ToDouble(value, CultureInfo.InvariantCulture);
  }

  private static bool Rule(string name, object wanted, object given) {
    switch (name) {
    case "$kind":
      return Kind((string)wanted, given);
    case "$gt":
      return given != null && Compare(given, wanted) > 0;
    case "$ge":
      return given != null && Compare(given, wanted) >= 0;
    case "$lt":
      return given != null && Compare(given, wanted) < 0;
    case "$le":
      return given != null && Compare(given, wanted) <= 0;
    case "$between":
      return given != null && Compare(given, ((List<object>)wanted)[0]) >= 0 && Compare(given, ((List<object>)wanted)[1]) <= 0;
    case "$size":
      if (given is string) return Fits(wanted, (long)((string)given).Count(each => !char.IsLowSurrogate(each)));
      return given is List<object> && Fits(wanted, (long)((List<object>)given).Count);
    case "$has":
      if (given is string) return ((string)given).Contains((string)wanted);
      return given is List<object> && ((List<object>)given).Any(each => Fits(wanted, each));
    case "$all":
      return given is List<object> && ((List<object>)given).All(each => Fits(wanted, each));
    case "$matches":
      return given is string && Regex.IsMatch((string)given, (string)wanted, RegexOptions.Multiline);
    case "$not":
      return !Fits(wanted, given);
    case "$each":
      return ((List<object>)wanted).All(each => Fits(each, given));
    case "$any":
      return given != null;
    default:
      throw new ArgumentException("no rule is called " + name);
    }
  }

  private static int Compare(object one, object other) {
    if (one is long && other is long) return ((long)one).CompareTo((long)other);
    if (IsNumber(one) && IsNumber(other)) return Number(one).CompareTo(Number(other));
    string a = (string)one, b = (string)other;
    if (a.EndsWith("us", StringComparison.Ordinal)) return Micros(a).CompareTo(Micros(b));
    return string.CompareOrdinal(a, b);  // times have a fixed form
  }

  internal static long Micros(string duration) {
    return long.Parse(duration.Substring(0, duration.Length - 2), CultureInfo.InvariantCulture);
  }

  private static bool Kind(string kind, object given) {
    if (kind == "int") return given is long;
    if (kind == "number") return IsNumber(given);
    string text = given as string;
    if (text == null) return false;
    switch (kind) {
    case "id":
      return Regex.IsMatch(text, "^[a-z]{3}_[0-9a-z]{26}$") && !text.EndsWith("_00000000000000000000000000", StringComparison.Ordinal);
    case "time":
      return string.CompareOrdinal(text, "2020-01-01T00:00:00.000000Z") > 0 &&
          string.CompareOrdinal(text, Values.Time(DateTimeOffset.UtcNow.AddDays(1))) < 0;
    case "duration":
      return Regex.IsMatch(text, "^-?[0-9]+us$");
    case "path":
      return File.Exists(text) || Directory.Exists(text);
    case "sha256":
      return Regex.IsMatch(text, "^[0-9a-f]{64}$");
    case "text":
      return text != "";
    case "json":
      return Json.Parse(text) is Dictionary<string, object>;
    default:
      throw new ArgumentException("no kind is called " + kind);
    }
  }
}
