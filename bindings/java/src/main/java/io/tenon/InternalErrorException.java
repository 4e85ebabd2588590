package io.tenon;

/** Something went wrong inside the engine. */
public final class InternalErrorException extends TenonException {
  private static final long serialVersionUID = 1L;

  InternalErrorException(String message, Details details) {
    super(Errc.INTERNAL_ERROR, message, details);
  }
}
