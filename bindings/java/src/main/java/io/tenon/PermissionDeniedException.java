package io.tenon;

/** The actor may not do this. */
public final class PermissionDeniedException extends TenonException {
  private static final long serialVersionUID = 1L;

  PermissionDeniedException(String message, Details details) {
    super(Errc.PERMISSION_DENIED, message, details);
  }
}
