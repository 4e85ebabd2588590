using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

/// <summary>JSON as dictionaries, lists, strings, long, double, bool and null.</summary>
internal sealed class Json {
  private readonly string text;
  private int at;

  private Json(string text) {
    this.text = text;
  }

  internal static object Parse(string text) {
    var json = new Json(text);
    object value = json.Value();
    if (json.Peek() != 0) throw json.Wrong();
    return value;
  }

  private FormatException Wrong() {
    return new FormatException("no JSON at character " + at);
  }

  private char Peek() {
    while (at < text.Length && char.IsWhiteSpace(text[at])) ++at;
    return at < text.Length ? text[at] : '\0';
  }

  private bool Take(char wanted) {
    if (Peek() != wanted) return false;
    ++at;
    return true;
  }

  private object Word(string word, object value) {
    if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0) throw Wrong();
    at += word.Length;
    return value;
  }

  private object Value() {
    switch (Peek()) {
    case '{':
      return Object();
    case '[':
      return Array();
    case '"':
      return String();
    case 't':
      return Word("true", true);
    case 'f':
      return Word("false", false);
    case 'n':
      return Word("null", null);
    default:
      return Number();
    }
  }

  private Dictionary<string, object> Object() {
    var made = new Dictionary<string, object>();
    ++at;
    if (Take('}')) return made;
    do {
      Peek();
      string key = String();
      if (!Take(':')) throw Wrong();
      made[key] = Value();
    } while (Take(','));
    if (!Take('}')) throw Wrong();
    return made;
  }

  private List<object> Array() {
    var made = new List<object>();
    ++at;
    if (Take(']')) return made;
    do made.Add(Value());
    while (Take(','));
    if (!Take(']')) throw Wrong();
    return made;
  }

  private string String() {
    if (Peek() != '"') throw Wrong();
    var made = new StringBuilder();
    for (++at; text[at] != '"'; ++at) {
      if (text[at] != '\\') {
        made.Append(text[at]);
        continue;
      }
      char escaped = text[++at];
      int plain = "bfnrt".IndexOf(escaped);
      if (escaped == 'u') {
        made.Append((char)int.Parse(text.Substring(at + 1, 4), NumberStyles.HexNumber));
        at += 4;
      } else {
        made.Append(plain < 0 ? escaped : "\b\f\n\r\t"[plain]);
      }
    }
    ++at;
    return made.ToString();
  }

  private object Number() {
    int begin = at;
    while (at < text.Length && "+-.eE0123456789".IndexOf(text[at]) >= 0) ++at;
    string digits = text.Substring(begin, at - begin);
    if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)) return whole;
    if (digits == "") throw Wrong();
    return double.Parse(digits, CultureInfo.InvariantCulture);
  }

  internal static string Show(object value) {
    if (value == null) return "null";
    if (value is string) return '"' + ((string)value).Replace("\\", "\\\\").Replace("\"", "\\\"") + '"';
    if (value is bool) return (bool)value ? "true" : "false";
    var parts = new List<string>();
    if (value is Dictionary<string, object>) {
      foreach (var each in (Dictionary<string, object>)value) parts.Add(Show(each.Key) + ": " + Show(each.Value));
      return "{" + string.Join(", ", parts) + "}";
    }
    if (value is List<object>) {
      foreach (object each in (List<object>)value) parts.Add(Show(each));
      return "[" + string.Join(", ", parts) + "]";
    }
    return Convert.ToString(value, CultureInfo.InvariantCulture);
  }
}
