package io.tenon;

/** The engine, session or stream is closed. */
public final class ClosedException extends TenonException {
  private static final long serialVersionUID = 1L;

  ClosedException(String message, Details details) {
    super(Errc.CLOSED, message, details);
  }
}
