using System;

namespace Tenon {
/// <summary>What every error of the engine says, CancelledException too, which is an OperationCanceledException.</summary>
public interface ITenonError {
  /// <summary>What kind of failure this is. Codes are for ever.</summary>
  Errc Code { get; }

  /// <summary>What failed and what to try; for people.</summary>
  string Message { get; }

  /// <summary>Which snapshot, camera, option or frame it is about. Empty: none.</summary>
  string Subject { get; }

  /// <summary>Whether the same call may succeed later without anything else being changed.</summary>
  bool Retryable { get; }

  /// <summary>The quota or rate that ran out. Empty for other failures.</summary>
  string Resource { get; }

  /// <summary>The limit of that resource, in its unit.</summary>
  long? Limit { get; }

  /// <summary>What of it was used or held when the call was refused.</summary>
  long? Used { get; }

  /// <summary>When asking again can succeed.</summary>
  DateTimeOffset? ResetsAt { get; }
}

/// <summary>What the native library says of an error.</summary>
internal sealed class Details {
  internal static readonly Details None = new Details();

  internal string Subject = "";
  internal bool Retryable;
  internal string Resource = "";
  internal long? Limit;
  internal long? Used;
  internal DateTimeOffset? ResetsAt;
}

/// <summary>Everything that the engine throws but CancelledException. One subclass for each code.</summary>
/// <remarks>Either a call happened or it threw; nothing is left half-made. Messages hold no secrets.</remarks>
public abstract class TenonException : Exception, ITenonError {
  private readonly Details details;

  internal TenonException(Errc code, string message, Details details) : base(message) {
    Code = code;
    this.details = details;
  }

  /// <inheritdoc/>
  public override string Message { get { return base.Message; } }

  /// <inheritdoc/>
  public Errc Code { get; }

  /// <inheritdoc/>
  public string Subject { get { return details.Subject; } }

  /// <inheritdoc/>
  public bool Retryable { get { return details.Retryable; } }

  /// <inheritdoc/>
  public string Resource { get { return details.Resource; } }

  /// <inheritdoc/>
  public long? Limit { get { return details.Limit; } }

  /// <inheritdoc/>
  public long? Used { get { return details.Used; } }

  /// <inheritdoc/>
  public DateTimeOffset? ResetsAt { get { return details.ResetsAt; } }

  /// <summary>As every exception's, with what it is about.</summary>
  public override string ToString() {
    return Subject.Length == 0 ? base.ToString() : base.ToString() + Environment.NewLine + "About: " + Subject;
  }

  internal static Exception Make(int code, string message, Details details) {
    switch ((Errc)code) {
    case Errc.InvalidArgument:
      return new InvalidArgumentException(message, details);
    case Errc.Unauthenticated:
      return new UnauthenticatedException(message, details);
    case Errc.PermissionDenied:
      return new PermissionDeniedException(message, details);
    case Errc.NotFound:
      return new NotFoundException(message, details);
    case Errc.Conflict:
      return new ConflictException(message, details);
    case Errc.QuotaExceeded:
      return new QuotaExceededException(message, details);
    case Errc.RateLimited:
      return new RateLimitedException(message, details);
    case Errc.Unsupported:
      return new UnsupportedException(message, details);
    case Errc.Corrupt:
      return new CorruptException(message, details);
    case Errc.NoSpace:
      return new NoSpaceException(message, details);
    case Errc.Unavailable:
      return new UnavailableException(message, details);
    case Errc.Closed:
      return new ClosedException(message, details);
    case Errc.Cancelled:
      return new CancelledException(message, details);
    default:
      return new InternalErrorException(message, details);
    }
  }
}

/// <summary>The work was cancelled.</summary>
public sealed class CancelledException : OperationCanceledException, ITenonError {
  private readonly Details details;

  internal CancelledException(string message, Details details) : base(message) {
    this.details = details;
  }

  /// <inheritdoc/>
  public Errc Code { get { return Errc.Cancelled; } }

  /// <inheritdoc/>
  public string Subject { get { return details.Subject; } }

  /// <inheritdoc/>
  public bool Retryable { get { return details.Retryable; } }

  /// <inheritdoc/>
  public string Resource { get { return details.Resource; } }

  /// <inheritdoc/>
  public long? Limit { get { return details.Limit; } }

  /// <inheritdoc/>
  public long? Used { get { return details.Used; } }

  /// <inheritdoc/>
  public DateTimeOffset? ResetsAt { get { return details.ResetsAt; } }
}

/// <summary>An argument or option that cannot be: Subject names it.</summary>
public sealed class InvalidArgumentException : TenonException {
  internal InvalidArgumentException(string message, Details details = null) : base(Errc.InvalidArgument, message, details ?? Details.None) {}
}

/// <summary>Nobody has shown who he is.</summary>
public sealed class UnauthenticatedException : TenonException {
  internal UnauthenticatedException(string message, Details details = null) : base(Errc.Unauthenticated, message, details ?? Details.None) {}
}

/// <summary>The actor may not do this.</summary>
public sealed class PermissionDeniedException : TenonException {
  internal PermissionDeniedException(string message, Details details = null) : base(Errc.PermissionDenied, message, details ?? Details.None) {}
}

/// <summary>What was asked for is not there, or is another tenant's.</summary>
public sealed class NotFoundException : TenonException {
  internal NotFoundException(string message, Details details = null) : base(Errc.NotFound, message, details ?? Details.None) {}
}

/// <summary>It cannot be done as things stand.</summary>
public sealed class ConflictException : TenonException {
  internal ConflictException(string message, Details details = null) : base(Errc.Conflict, message, details ?? Details.None) {}
}

/// <summary>A limit of the plan is reached: see Resource, Limit, Used, ResetsAt.</summary>
public sealed class QuotaExceededException : TenonException {
  internal QuotaExceededException(string message, Details details = null) : base(Errc.QuotaExceeded, message, details ?? Details.None) {}
}

/// <summary>Too many calls in too short a time: see ResetsAt.</summary>
public sealed class RateLimitedException : TenonException {
  internal RateLimitedException(string message, Details details = null) : base(Errc.RateLimited, message, details ?? Details.None) {}
}

/// <summary>The engine cannot do this with what it was given.</summary>
public sealed class UnsupportedException : TenonException {
  internal UnsupportedException(string message, Details details = null) : base(Errc.Unsupported, message, details ?? Details.None) {}
}

/// <summary>Data is damaged.</summary>
public sealed class CorruptException : TenonException {
  internal CorruptException(string message, Details details = null) : base(Errc.Corrupt, message, details ?? Details.None) {}
}

/// <summary>The disk is full.</summary>
public sealed class NoSpaceException : TenonException {
  internal NoSpaceException(string message, Details details = null) : base(Errc.NoSpace, message, details ?? Details.None) {}
}

/// <summary>Something that is needed cannot be reached at the moment.</summary>
public sealed class UnavailableException : TenonException {
  internal UnavailableException(string message, Details details = null) : base(Errc.Unavailable, message, details ?? Details.None) {}
}

/// <summary>The engine, session or stream is closed.</summary>
public sealed class ClosedException : TenonException {
  internal ClosedException(string message, Details details = null) : base(Errc.Closed, message, details ?? Details.None) {}
}

/// <summary>Something went wrong inside the engine.</summary>
public sealed class InternalErrorException : TenonException {
  internal InternalErrorException(string message, Details details = null) : base(Errc.InternalError, message, details ?? Details.None) {}
}
}
