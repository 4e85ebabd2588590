package io.tenon;

/** A limit of the plan is reached: see {@link #resource()}, {@link #limit()}, {@link #used()}, {@link #resetsAt()}. */
public final class QuotaExceededException extends TenonException {
  private static final long serialVersionUID = 1L;

  QuotaExceededException(String message, Details details) {
    super(Errc.QUOTA_EXCEEDED, message, details);
  }
}
