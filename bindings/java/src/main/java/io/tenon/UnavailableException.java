package io.tenon;

/** Something that is needed cannot be reached at the moment. */
public final class UnavailableException extends TenonException {
  private static final long serialVersionUID = 1L;

  UnavailableException(String message, Details details) {
    super(Errc.UNAVAILABLE, message, details);
  }
}
