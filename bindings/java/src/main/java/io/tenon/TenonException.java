package io.tenon;

import java.io.Serializable;
import java.time.Instant;
import java.util.Optional;

/**
 * Everything that the engine throws. One subclass for each {@link Errc code}.
 *
 * <p>Either a call happened or it threw; nothing is left half-made. Messages are for people and hold no secrets.
 */
public abstract class TenonException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Errc code;
  private final Details details;

  TenonException(Errc code, String message, Details details) {
    super(message);
    this.code = code;
    this.details = details;
  }

  static final class Details implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String subject;
    private final boolean retryable;
    private final String resource;
    private final Long limit;
    private final Long used;
    private final Long resetsAt;

    Details(String subject, boolean retryable, String resource, Long limit, Long used, Long resetsAt) {
      this.subject = subject;
      this.retryable = retryable;
      this.resource = resource;
      this.limit = limit;
      this.used = used;
      this.resetsAt = resetsAt;
    }
  }

  /**
   * What failed and what to try; for people.
   *
   * @return the message
   */
  @Override
  public String getMessage() {
    return super.getMessage();
  }

  /**
   * What kind of failure this is.
   *
   * @return the code, which is for ever
   */
  public Errc code() {
    return code;
  }

  /**
   * Which snapshot, camera, option or frame it is about.
   *
   * @return an id or a name; empty if it is about none
   */
  public String subject() {
    return details.subject;
  }

  /**
   * Whether the same call may succeed later without anything else being changed.
   *
   * @return true if it may
   */
  public boolean retryable() {
    return details.retryable;
  }

  /**
   * The quota or rate that ran out.
   *
   * @return its name; empty for other failures
   */
  public String resource() {
    return details.resource;
  }

  /**
   * The limit of that resource.
   *
   * @return in the resource's unit
   */
  public Optional<Long> limit() {
    return Optional.ofNullable(details.limit);
  }

  /**
   * What of that resource was used or held when the call was refused.
   *
   * @return in the resource's unit
   */
  public Optional<Long> used() {
    return Optional.ofNullable(details.used);
  }

  /**
   * When asking again can succeed.
   *
   * @return the time, where it is known
   */
  public Optional<Instant> resetsAt() {
    return Optional.ofNullable(details.resetsAt).map(Native::instant);
  }

  /** The class and the message, with what it is about: a stack trace shows no fields. */
  @Override
  public String toString() {
    String said = super.toString();
    return said.contains(subject()) ? said : said + " (" + subject() + ")";
  }

  static TenonException closed(String what) {
    return new ClosedException(what + " is closed", new Details("", false, "", null, null, null));
  }

  /** Called by the native library. The bits of `known`: it is retryable; limit, used, resetsAt are given. */
  static TenonException make(int code, String message, String subject, String resource, int known, long limit, long used, long resetsAt) {
    Details details = new Details(subject, (known & 1) != 0, resource, (known & 2) != 0 ? limit : null, (known & 4) != 0 ? used : null,
        (known & 8) != 0 ? resetsAt : null);
    switch (Errc.of(code)) {
      case INVALID_ARGUMENT:
        return new InvalidArgumentException(message, details);
      case UNAUTHENTICATED:
        return new UnauthenticatedException(message, details);
      case PERMISSION_DENIED:
        return new PermissionDeniedException(message, details);
      case NOT_FOUND:
        return new NotFoundException(message, details);
      case CONFLICT:
        return new ConflictException(message, details);
      case QUOTA_EXCEEDED:
        return new QuotaExceededException(message, details);
      case RATE_LIMITED:
        return new RateLimitedException(message, details);
      case UNSUPPORTED:
        return new UnsupportedException(message, details);
      case CORRUPT:
        return new CorruptException(message, details);
      case NO_SPACE:
        return new NoSpaceException(message, details);
      case UNAVAILABLE:
        return new UnavailableException(message, details);
      case CANCELLED:
        return new CancelledException(message, details);
      case CLOSED:
        return new ClosedException(message, details);
      default:
        return new InternalErrorException(message, details);
    }
  }
}
