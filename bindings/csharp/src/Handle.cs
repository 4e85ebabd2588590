using System;

namespace Tenon {
/// <summary>What reaches into the engine. A handle never keeps its engine open, and only its finalizer frees memory.</summary>
public abstract class Handle {
  internal readonly Loop loop;

  internal Handle(Loop loop) {
    this.loop = loop;
  }

  internal abstract void Free();

  /// <summary>Frees the handle's few bytes.</summary>
  ~Handle() {
    Free();
  }
}
}
