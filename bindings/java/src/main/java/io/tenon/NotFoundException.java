package io.tenon;

/** What was asked for is not there, or is another tenant's. */
public final class NotFoundException extends TenonException {
  private static final long serialVersionUID = 1L;

  NotFoundException(String message, Details details) {
    super(Errc.NOT_FOUND, message, details);
  }
}
