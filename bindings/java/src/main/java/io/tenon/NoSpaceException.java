package io.tenon;

/** The disk is full. */
public final class NoSpaceException extends TenonException {
  private static final long serialVersionUID = 1L;

  NoSpaceException(String message, Details details) {
    super(Errc.NO_SPACE, message, details);
  }
}
