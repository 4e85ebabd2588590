package io.tenon;

/** What reaches into the engine. A handle never keeps its engine open. */
abstract class Handle {
  final Loop loop;

  Handle(Loop loop) {
    this.loop = loop;
  }
}
