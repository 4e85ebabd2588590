package io.tenon;

/** Nobody has shown who he is. */
public final class UnauthenticatedException extends TenonException {
  private static final long serialVersionUID = 1L;

  UnauthenticatedException(String message, Details details) {
    super(Errc.UNAUTHENTICATED, message, details);
  }
}
