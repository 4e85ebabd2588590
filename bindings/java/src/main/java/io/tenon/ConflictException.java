package io.tenon;

/** It cannot be done as things stand. */
public final class ConflictException extends TenonException {
  private static final long serialVersionUID = 1L;

  ConflictException(String message, Details details) {
    super(Errc.CONFLICT, message, details);
  }
}
