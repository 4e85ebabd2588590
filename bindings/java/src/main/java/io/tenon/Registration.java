package io.tenon;

/** Something that was asked to be told. */
public interface Registration extends AutoCloseable {
  /** Stops it: nothing more is told once what is being told has returned. */
  @Override
  void close();
}
