using System;
using System.Runtime.InteropServices;

namespace Tenon {
/// <summary>Takes over the errors of the native library: they become pending exceptions of the calling thread.</summary>
internal static class Faults {
  [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
  private delegate void Report(IntPtr fault);

  // A field: the native library keeps the function's address for ever.
  private static readonly Report TheReport = OnFault;

  [StructLayout(LayoutKind.Sequential)]
  private struct Fault {
    public int Code;
    public int Retryable;
    public IntPtr Message;
    public long MessageSize;
    public IntPtr Subject;
    public long SubjectSize;
    public IntPtr Resource;
    public long ResourceSize;
    public IntPtr Limit;
    public IntPtr Used;
    public IntPtr ResetsAt;
  }

  [DllImport("tenon-csharp", EntryPoint = "tenon_csharp_report", CallingConvention = CallingConvention.Cdecl)]
  private static extern void Register(Report report);

  internal static bool Listen() {
    LibraryName.Apply();
    Register(TheReport);
    return true;
  }

  private static void OnFault(IntPtr from) {
    try {
      Fault fault = (Fault)Marshal.PtrToStructure(from, typeof(Fault));
      string message = Native.Text(fault.Message, (int)fault.MessageSize);
      if (fault.Code < 0) {
        TenonPInvoke.SWIGPendingException.Set(new OutOfMemoryException(message));
        return;
      }
      TenonPInvoke.SWIGPendingException.Set(TenonException.Make(fault.Code, message, new Details {
        Subject = Native.Text(fault.Subject, (int)fault.SubjectSize),
        Retryable = fault.Retryable != 0,
        Resource = Native.Text(fault.Resource, (int)fault.ResourceSize),
        Limit = Native.Long(fault.Limit),
        Used = Native.Long(fault.Used),
        ResetsAt = Native.MomentOrNull(fault.ResetsAt),
      }));
    } catch (Exception unexpected) {  // nothing may unwind through C++
      if (!TenonPInvoke.SWIGPendingException.Pending) TenonPInvoke.SWIGPendingException.Set(unexpected);
    }
  }
}
}
