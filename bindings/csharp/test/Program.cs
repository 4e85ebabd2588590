using System;
using System.Linq;

internal static class Program {
  private static int Main(string[] arguments) {
    string[] rest = arguments.Skip(1).ToArray();
    switch (arguments.FirstOrDefault()) {
    case "values":
      return Check.Run(rest, typeof(ValuesTest), typeof(RefusalsTest));
    case "closing":
      return Check.Run(rest, typeof(ClosingTest));
    case "async":
      return Check.Run(rest, typeof(AsyncTest));
    case "frames":
      return Check.Run(rest, typeof(FramesTest));
    case "streams":
      return Check.Run(rest, typeof(StreamsTest));
    case "exit":
      return Check.Run(rest, typeof(ExitTest));
    case "ends":
      return ExitTest.Child(rest[0], rest[1]);
    case "conformance":
      return Runner.Run(rest);
    case "members":
      return Dump.Run(rest[0]);
    case "bench":
      return Bench.Run(rest[0]);
    default:
      Console.Error.WriteLine("values, closing, async, streams, exit, conformance or members");
      return 2;
    }
  }
}
