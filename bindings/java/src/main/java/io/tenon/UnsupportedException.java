package io.tenon;

/** The engine cannot do this with what it was given. */
public final class UnsupportedException extends TenonException {
  private static final long serialVersionUID = 1L;

  UnsupportedException(String message, Details details) {
    super(Errc.UNSUPPORTED, message, details);
  }
}
