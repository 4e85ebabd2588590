package io.tenon;

/** Data is damaged. */
public final class CorruptException extends TenonException {
  private static final long serialVersionUID = 1L;

  CorruptException(String message, Details details) {
    super(Errc.CORRUPT, message, details);
  }
}
