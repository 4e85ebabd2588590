using System;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Tenon {
/// <summary>Lets a host that ships the native library under another name say so, as the value `tenon.library.name` of the AppDomain (in .NET a
/// runtime option of its runtimeconfig.json). Mono has its own way: a dllmap.</summary>
internal static class LibraryName {
  private const string Compiled = "tenon-csharp";

  // NativeLibrary is not in netstandard2.0.
  private static readonly Type Loader = Type.GetType("System.Runtime.InteropServices.NativeLibrary");

  internal static void Apply() {
    if (string.IsNullOrEmpty(Given) || Loader == null) return;
    MethodInfo set = Loader.GetMethod("SetDllImportResolver");
    MethodInfo resolve = typeof(LibraryName).GetMethod(nameof(Resolve), BindingFlags.Static | BindingFlags.NonPublic);
    Delegate resolver = Delegate.CreateDelegate(set.GetParameters()[1].ParameterType, resolve);
    set.Invoke(null, new object[] { typeof(LibraryName).Assembly, resolver });
  }

  private static string Given {
    get { return AppDomain.CurrentDomain.GetData("tenon.library.name") as string; }
  }

  private static IntPtr Resolve(string library, Assembly assembly, DllImportSearchPath? path) {
    if (library != Compiled) return IntPtr.Zero;
    MethodInfo load = Loader.GetMethod("Load", new[] { typeof(string), typeof(Assembly), typeof(DllImportSearchPath?) });
    return (IntPtr)load.Invoke(null, new object[] { Given, assembly, path });
  }
}
}
