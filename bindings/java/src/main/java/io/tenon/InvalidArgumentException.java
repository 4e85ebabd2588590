package io.tenon;

/** An argument or option that cannot be: {@link #subject()} names it. */
public final class InvalidArgumentException extends TenonException {
  private static final long serialVersionUID = 1L;

  InvalidArgumentException(String message, Details details) {
    super(Errc.INVALID_ARGUMENT, message, details);
  }
}
