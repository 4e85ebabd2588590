package io.tenon;

/** Too many calls in too short a time: see {@link #resetsAt()}. */
public final class RateLimitedException extends TenonException {
  private static final long serialVersionUID = 1L;

  RateLimitedException(String message, Details details) {
    super(Errc.RATE_LIMITED, message, details);
  }
}
