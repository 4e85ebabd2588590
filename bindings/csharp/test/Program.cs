using System;
using System.Linq;

internal static class Program {
  private static int Main(string[] arguments) {
    string[] rest = arguments.Skip(1).ToArray();
    switch (arguments.FirstOrDefault()) {
    case "values":
      return Check.Run(typeof(ValuesTest), rest);
    case "closing":
      return Check.Run(typeof(ClosingTest), rest);
    case "async":
      return Check.Run(typeof(AsyncTest), rest);
    case "frames":
      return Check.Run(typeof(FramesTest), rest);
    case "exit":
      return Check.Run(typeof(ExitTest), rest);
    case "ends":
      return ExitTest.Child(rest[0], rest[1]);
    case "conformance":
      return Runner.Run(rest);
    case "members":
      return Dump.Run(rest[0]);
    case "bench":
      return Bench.Run(rest[0]);
    default:
      Console.Error.WriteLine("values, closing, async, exit, conformance or members");
      return 2;
    }
  }
}
