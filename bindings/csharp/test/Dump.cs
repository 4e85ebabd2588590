using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Tenon;

/// <summary>Lists every public member of the assembly, for parity: `class Name : Base`, then its members.</summary>
internal static class Dump {
  internal static int Run(string output) {
    const BindingFlags all = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
    var lines = new List<string>();
    foreach (Type type in typeof(Engine).Assembly.GetExportedTypes().OrderBy(each => each.Name, StringComparer.Ordinal)) {
      lines.Add("class " + type.Name + (type.BaseType != null && Values.IsOurs(type.BaseType) ? " : " + type.BaseType.Name : ""));
      // Accessors are what properties are made of.
      var members = type.GetMembers(all).Where(each => !(each is MethodInfo && ((MethodInfo)each).IsSpecialName)).Select(each => each.Name);
      lines.AddRange(members.Distinct().OrderBy(each => each, StringComparer.Ordinal).Select(each => "  " + each.TrimStart('.')));
    }
    File.WriteAllLines(output, lines);
    Console.WriteLine(lines.Count + " public names.");
    return lines.Count > 500 ? 0 : 1;
  }
}
