using System;

namespace Tenon {
/// <summary>The memory of a plane, where it lies. Read only: others see it too.</summary>
public sealed class PlaneView : IDisposable {
  private Plane plane;
  private readonly IntPtr address;

  internal PlaneView(Plane plane, IntPtr address, long stride, long size) {
    this.plane = plane;
    this.address = address;
    Stride = stride;
    Size = size;
  }

  /// <summary>Of the first byte of the first row. Throws ObjectDisposedException after Dispose.</summary>
  public IntPtr Address {
    get {
      if (plane == null) throw new ObjectDisposedException(nameof(PlaneView));
      return address;
    }
  }

  /// <summary>From one row to the next, in bytes.</summary>
  public long Stride { get; }

  /// <summary>From the first byte to the last of the last row.</summary>
  public long Size { get; }

  /// <summary>Lets go of the memory: the address must not be used any more.</summary>
  public void Dispose() {
    GC.KeepAlive(plane);
    plane = null;
  }
}
}
