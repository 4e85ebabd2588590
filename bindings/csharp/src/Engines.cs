using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Tenon {
/// <summary>Every engine of this process that has not been freed. The end of the process closes the open ones; one that was
/// forgotten open is closed then too, never by the finalizer thread: closing joins threads.</summary>
internal static class Engines {
  private const int CollectAfter = 128;
  private static readonly HashSet<Opened> All = new HashSet<Opened>();
  private static int opened;

  static Engines() {
    AppDomain.CurrentDomain.ProcessExit += (sender, args) => CloseAll();
    AppDomain.CurrentDomain.DomainUnload += (sender, args) => CloseAll();
  }

  /// <summary>One engine's memory, which its proxy and the exit share.</summary>
  internal sealed class Opened {
    private readonly HandleRef pointer;
    private bool freed;

    internal Opened(IntPtr pointer) {
      this.pointer = new HandleRef(null, pointer);
      lock (All) All.Add(this);
      // The collector sees a few bytes of each closed engine, and would wait for thousands of them.
      if (System.Threading.Interlocked.Increment(ref opened) % CollectAfter == 0) GC.Collect();
    }

    internal Watch Watch(Loop loop) {
      lock (this) {
        if (freed) throw new ClosedException("the engine is closed");
        return new Watch(Native.Checked(TenonPInvoke.Engine_Watch(pointer)), loop);
      }
    }

    internal void Forgotten() {
      lock (this) {
        if (freed) return;
        if (TenonPInvoke.Engine_IsClosed(pointer)) {
          freed = true;
          lock (All) All.Remove(this);
          TenonPInvoke.delete_Engine(pointer);
          return;
        }
      }
      Native.Warn("An Engine was not disposed of and is no longer used: it stays open until the program ends.");
    }

    internal void Close() {
      lock (this) {
        if (!freed) TenonPInvoke.Engine_Close(pointer);
      }
    }
  }

  private static void CloseAll() {
    List<Opened> open;
    lock (All) open = new List<Opened>(All);
    foreach (Opened each in open) each.Close();
  }
}
}
