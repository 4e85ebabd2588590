package io.tenon;

/** The work was cancelled. */
public final class CancelledException extends TenonException {
  private static final long serialVersionUID = 1L;

  CancelledException(String message, Details details) {
    super(Errc.CANCELLED, message, details);
  }
}
