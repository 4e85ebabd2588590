using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Tenon {
/// <summary>What the proxies need to cross the border: text, times, numbers, lists.</summary>
internal static class Native {
  private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);
  private static readonly long Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;
  private const long TicksPerMicro = 10;

  internal static void Warn(string message) {
    Trace.TraceWarning(message);
  }

  internal static IntPtr Checked(IntPtr made) {
    if (TenonPInvoke.SWIGPendingException.Pending) throw TenonPInvoke.SWIGPendingException.Retrieve();
    return made;
  }

  // ---- text: its size in four bytes, then UTF-8 ----

  internal static byte[] Bytes(string text) {
    if (text == null) throw new ArgumentNullException(nameof(text));
    byte[] made = new byte[4 + Size(text)];
    Put(made, 0, text);
    return made;
  }

  private static int Size(string text) {
    try {
      return Utf8.GetByteCount(text);
    } catch (EncoderFallbackException half) {
      throw new InvalidArgumentException("the text has half a surrogate pair at index " + half.Index);
    }
  }

  private static int Put(byte[] to, int at, string text) {
    int size = Utf8.GetBytes(text, 0, text.Length, to, at + 4);
    to[at] = (byte)size;
    to[at + 1] = (byte)(size >> 8);
    to[at + 2] = (byte)(size >> 16);
    to[at + 3] = (byte)(size >> 24);
    return at + 4 + size;
  }

  internal static string Text(IntPtr from) {
    if (from == IntPtr.Zero) return null;
    int size = Marshal.ReadInt32(from);
    return Text(IntPtr.Add(from, 4), size);
  }

  internal static unsafe string Text(IntPtr bytes, int size) {
    return size == 0 ? "" : Encoding.UTF8.GetString((byte*)bytes, size);
  }

  // ---- bytes: their count in four bytes, then they ----

  internal static byte[] Sized(byte[] bytes) {
    if (bytes == null) throw new ArgumentNullException(nameof(bytes));
    byte[] made = new byte[checked(4 + bytes.Length)];
    BitConverter.GetBytes(bytes.Length).CopyTo(made, 0);
    Buffer.BlockCopy(bytes, 0, made, 4, bytes.Length);
    return made;
  }

  internal static byte[] BytesOf(IntPtr from) {
    byte[] made = new byte[Marshal.ReadInt32(from)];
    Marshal.Copy(IntPtr.Add(from, 4), made, 0, made.Length);
    return made;
  }

  internal static byte[] ListOfText(IReadOnlyList<string> texts) {
    if (texts == null) throw new ArgumentNullException(nameof(texts));
    string[] held = new string[texts.Count];
    int size = 4;
    for (int at = 0; at < held.Length; ++at) {
      held[at] = texts[at] ?? throw new ArgumentNullException(nameof(texts), "an item of the list == null");
      size = checked(size + 4 + Size(held[at]));
    }
    byte[] made = new byte[size];
    BitConverter.GetBytes(held.Length).CopyTo(made, 0);
    int to = 4;
    foreach (string each in held) to = Put(made, to, each);
    return made;
  }

  internal static IReadOnlyList<string> Texts(IntPtr from) {
    string[] made = new string[Marshal.ReadInt32(from)];
    IntPtr next = IntPtr.Add(from, 4);
    for (int at = 0; at < made.Length; ++at) {
      int size = Marshal.ReadInt32(next);
      made[at] = Text(IntPtr.Add(next, 4), size);
      next = IntPtr.Add(next, 4 + size);
    }
    return Array.AsReadOnly(made);
  }

  // ---- time: microseconds, rounded down ----

  private static long Floor(long ticks) {
    long micros = ticks / TicksPerMicro;
    return ticks % TicksPerMicro < 0 ? micros - 1 : micros;
  }

  internal static long Micros(TimeSpan span) {
    return Floor(span.Ticks);
  }

  internal static long Micros(DateTimeOffset moment) {
    return Floor(moment.UtcTicks - Epoch);
  }

  internal static TimeSpan Span(long micros) {
    return new TimeSpan(checked(micros * TicksPerMicro));
  }

  internal static DateTimeOffset Moment(long micros) {
    return new DateTimeOffset(checked(micros * TicksPerMicro + Epoch), TimeSpan.Zero);
  }

  internal static TimeSpan? SpanOrNull(IntPtr from) {
    return from == IntPtr.Zero ? (TimeSpan?)null : Span(Marshal.ReadInt64(from));
  }

  internal static DateTimeOffset? MomentOrNull(IntPtr from) {
    return from == IntPtr.Zero ? (DateTimeOffset?)null : Moment(Marshal.ReadInt64(from));
  }

  // ---- numbers that may be missing: eight bytes, or null ----

  internal static byte[] Word(long? number) {
    return number.HasValue ? BitConverter.GetBytes(number.Value) : null;
  }

  internal static byte[] Word(double? number) {
    return number.HasValue ? BitConverter.GetBytes(number.Value) : null;
  }

  internal static byte[] Word(bool? yes) {
    return yes.HasValue ? BitConverter.GetBytes(yes.Value ? 1L : 0L) : null;
  }

  internal static byte[] Word(TimeSpan? span) {
    return span.HasValue ? BitConverter.GetBytes(Micros(span.Value)) : null;
  }

  internal static byte[] Word(DateTimeOffset? moment) {
    return moment.HasValue ? BitConverter.GetBytes(Micros(moment.Value)) : null;
  }

  internal static long? Long(IntPtr from) {
    return from == IntPtr.Zero ? (long?)null : Marshal.ReadInt64(from);
  }

  internal static int? Int(IntPtr from) {
    return (int?)Long(from);
  }

  internal static bool? Bool(IntPtr from) {
    return from == IntPtr.Zero ? (bool?)null : Marshal.ReadInt64(from) != 0;
  }

  internal static double? Double(IntPtr from) {
    return from == IntPtr.Zero ? (double?)null : BitConverter.Int64BitsToDouble(Marshal.ReadInt64(from));
  }

  // ---- lists ----

  private static byte[] ListOfWords<T>(IReadOnlyList<T> from, Func<T, byte[]> word) {
    if (from == null) throw new ArgumentNullException(nameof(from));
    T[] held = new List<T>(from).ToArray();
    byte[] made = new byte[checked(4 + 8 * held.Length)];
    BitConverter.GetBytes(held.Length).CopyTo(made, 0);
    for (int at = 0; at < held.Length; ++at) word(held[at]).CopyTo(made, 4 + 8 * at);
    return made;
  }

  internal static byte[] ListOfWords(IReadOnlyList<long> from) {
    return ListOfWords(from, BitConverter.GetBytes);
  }

  internal static byte[] ListOfWords(IReadOnlyList<int> from) {
    return ListOfWords(from, number => BitConverter.GetBytes((long)number));
  }

  internal static byte[] ListOfWords(IReadOnlyList<double> from) {
    return ListOfWords(from, BitConverter.GetBytes);
  }

  internal static byte[] ListOfWords(IReadOnlyList<TimeSpan> from) {
    return ListOfWords(from, span => BitConverter.GetBytes(Micros(span)));
  }

  internal static byte[] ListOfWords(IReadOnlyList<DateTimeOffset> from) {
    return ListOfWords(from, moment => BitConverter.GetBytes(Micros(moment)));
  }

  internal static byte[] ListOfWords<T>(IReadOnlyList<T> from) where T : struct, IConvertible {
    return ListOfWords(from, item => BitConverter.GetBytes(item.ToInt64(null)));
  }

  private static IReadOnlyList<T> Words<T>(IntPtr from, Func<long, T> make) {
    T[] made = new T[Marshal.ReadInt32(from)];
    for (int at = 0; at < made.Length; ++at) made[at] = make(Marshal.ReadInt64(from, 4 + 8 * at));
    return Array.AsReadOnly(made);
  }

  internal static IReadOnlyList<long> Longs(IntPtr from) {
    return Words(from, number => number);
  }

  internal static IReadOnlyList<int> Ints(IntPtr from) {
    return Words(from, number => checked((int)number));
  }

  internal static IReadOnlyList<double> Doubles(IntPtr from) {
    return Words(from, BitConverter.Int64BitsToDouble);
  }

  internal static IReadOnlyList<TimeSpan> Spans(IntPtr from) {
    return Words(from, Span);
  }

  internal static IReadOnlyList<DateTimeOffset> Moments(IntPtr from) {
    return Words(from, Moment);
  }

  internal static IReadOnlyList<T> Enums<T>(IntPtr from) {
    return Words(from, number => (T)Enum.ToObject(typeof(T), number));
  }

  internal static T[] Copy<T>(IReadOnlyList<T> values, string name) where T : class {
    if (values == null) throw new ArgumentNullException(name);
    T[] held = new List<T>(values).ToArray();
    foreach (T each in held)
      if (each == null) throw new ArgumentNullException(name, "an item of the list == null");
    return held;
  }

  internal static IntPtr[] Pointers<T>(T[] values, Func<T, HandleRef> pointer) {
    IntPtr[] made = new IntPtr[values.Length + 1];
    made[0] = new IntPtr(values.Length);
    for (int at = 0; at < values.Length; ++at) made[at + 1] = pointer(values[at]).Handle;
    return made;
  }

  internal static IReadOnlyList<T> List<T>(IntPtr from, Func<IntPtr, T> make) {
    // Making a proxy may run a finalizer's or another's call on this thread, which reuses the buffer: read all of it first.
    IntPtr[] pointers = new IntPtr[checked((int)Marshal.ReadInt64(from))];
    if (pointers.Length > 0) Marshal.Copy(IntPtr.Add(from, 8), pointers, 0, pointers.Length);
    T[] made = new T[pointers.Length];
    for (int at = 0; at < made.Length; ++at) made[at] = make(pointers[at]);
    return Array.AsReadOnly(made);
  }

  // ---- values as C# sees them ----

  internal static bool Same<T>(T one, T other) {
    return EqualityComparer<T>.Default.Equals(one, other);
  }

  internal static bool Same<T>(IReadOnlyList<T> one, IReadOnlyList<T> other) {
    if (one.Count != other.Count) return false;
    for (int at = 0; at < one.Count; ++at)
      if (!Same(one[at], other[at])) return false;
    return true;
  }

  internal static int Hash<T>(T value) {
    return value == null ? 0 : value.GetHashCode();
  }

  internal static int Hash<T>(IReadOnlyList<T> values) {
    int hash = values.Count;
    foreach (T each in values) hash = unchecked(hash * 31 + Hash(each));
    return hash;
  }

  internal static string Show<T>(T value) {
    return value == null ? "null" : Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture);
  }

  internal static string Show<T>(IReadOnlyList<T> values) {
    var text = new StringBuilder("[");
    foreach (T each in values) text.Append(text.Length > 1 ? ", " : "").Append(Show(each));
    return text.Append("]").ToString();
  }
}
}
