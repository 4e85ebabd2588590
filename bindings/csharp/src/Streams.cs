using System;
using System.IO;

namespace Tenon {
/// <summary>What is read and never written.</summary>
internal abstract class Reading : Stream {
  protected const int MostAtOnce = 64 << 20;

  public override bool CanRead => true;
  public override bool CanWrite => false;
  public override void Flush() {}

  public override void SetLength(long value) {
    throw new NotSupportedException();
  }

  public override void Write(byte[] buffer, int offset, int count) {
    throw new NotSupportedException();
  }

  protected abstract byte[] Next(int count);

  public override int Read(byte[] buffer, int offset, int count) {
    if (buffer == null) throw new ArgumentNullException(nameof(buffer));
    if (offset < 0 || count < 0 || count > buffer.Length - offset) throw new ArgumentOutOfRangeException(nameof(count));
    if (count == 0) return 0;
    byte[] given = Next(Math.Min(count, MostAtOnce));
    System.Buffer.BlockCopy(given, 0, buffer, offset, given.Length);
    return given.Length;
  }
}

/// <summary>A file of a snapshot.</summary>
internal sealed class FileStreaming : Reading {
  private readonly BackupFile file;
  private long at;

  internal FileStreaming(BackupFile file) {
    this.file = file;
  }

  public override bool CanSeek => true;
  public override long Length => file.Size();

  public override long Position {
    get { return at; }
    set { Seek(value, SeekOrigin.Begin); }
  }

  public override long Seek(long offset, SeekOrigin origin) {
    long to = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? at : Length);
    if (to < 0) throw new IOException("a place in a file is not negative");
    at = to;
    return at;
  }

  protected override byte[] Next(int count) {
    byte[] given = file.Read(at, count);
    at += given.Length;
    return given;
  }
}

/// <summary>A file that is written.</summary>
internal sealed class FileWriting : Stream {
  private readonly BackupStream backup;

  internal FileWriting(BackupStream backup) {
    this.backup = backup;
  }

  public override bool CanRead => false;
  public override bool CanSeek => false;
  public override bool CanWrite => true;
  public override long Length => throw new NotSupportedException();
  public override void Flush() {}

  public override long Position {
    get { throw new NotSupportedException(); }
    set { throw new NotSupportedException(); }
  }

  public override int Read(byte[] buffer, int offset, int count) {
    throw new NotSupportedException();
  }

  public override long Seek(long offset, SeekOrigin origin) {
    throw new NotSupportedException();
  }

  public override void SetLength(long value) {
    throw new NotSupportedException();
  }

  public override void Write(byte[] buffer, int offset, int count) {
    var given = new byte[count];
    System.Buffer.BlockCopy(buffer, offset, given, 0, count);
    backup.Write(given);
  }
}

/// <summary>What is left of an archive.</summary>
internal sealed class ArchiveStreaming : Reading {
  private readonly BackupArchive archive;

  internal ArchiveStreaming(BackupArchive archive) {
    this.archive = archive;
  }

  public override bool CanSeek => false;
  public override long Length => throw new NotSupportedException();

  public override long Position {
    get { throw new NotSupportedException(); }
    set { throw new NotSupportedException(); }
  }

  public override long Seek(long offset, SeekOrigin origin) {
    throw new NotSupportedException();
  }

  protected override byte[] Next(int count) {
    return archive.Read(count);
  }

  protected override void Dispose(bool disposing) {
    if (disposing) archive.Close();
    base.Dispose(disposing);
  }
}
}
