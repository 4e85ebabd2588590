using System;
using System.IO;
using System.Linq;
using Tenon;

/// <summary>What a snapshot holds as streams.</summary>
internal static class StreamsTest {
  private static byte[] Content() {
    var made = new byte[3000000];
    new Random(7).NextBytes(made);
    return made;
  }

  private static SnapshotId BackUp(Session session) {
    string at = Path.Combine(session.Workspace(), "projects", "data.bin");
    Directory.CreateDirectory(Path.GetDirectoryName(at));
    File.WriteAllBytes(at, Content());
    return session.Backups().Start(new BackupOptions { Name = "one" }).Result().Snapshot.Id;
  }

  private static void AFileIsAStream(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      SnapshotId id = BackUp(session);
      BackupFile file = session.Backups().OpenFile(new OpenFileOptions { Snapshot = id, Path = "projects/data.bin" });
      Check.That(file.Read(5, 10).SequenceEqual(Content().Skip(5).Take(10)), "another range");
      using (Stream stream = file.AsStream()) {
        Check.Same(3000000L, stream.Length);
        var all = new MemoryStream();
        stream.CopyTo(all);
        Check.That(all.ToArray().SequenceEqual(Content()), "other bytes");
        Check.Same(-1, stream.ReadByte());
        Check.Same(2999990L, stream.Seek(-10, SeekOrigin.End));
        Check.Same((int)Content()[2999990], stream.ReadByte());
        stream.Position = 5;
        Check.Same((int)Content()[5], stream.ReadByte());
        Check.Same(6L, stream.Position);
        Check.Thrown<IOException>(() => stream.Seek(-1, SeekOrigin.Begin));
        Check.Thrown<NotSupportedException>(() => stream.WriteByte(1));
        Check.Thrown<ArgumentOutOfRangeException>(() => stream.Read(new byte[1], 1, 1));
      }
      file.Dispose();
      Check.Thrown<ClosedException>(() => file.Read(0, 1));
    }
  }

  private static void AFileIsWrittenAsAStream(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      SnapshotId id;
      using (BackupStream backup = session.Backups().OpenStream(new BackupStreamOptions { Name = "dump" })) {
        using (Stream stream = backup.AsStream("one.bin")) {
          stream.WriteByte(Content()[0]);
          stream.Write(Content(), 1, 2999999);
          Check.Thrown<NotSupportedException>(() => stream.ReadByte());
        }
        Check.Same(3000000L, backup.Written());
        id = backup.Finish().Snapshot.Id;
      }
      BackupFile file = session.Backups().OpenFile(new OpenFileOptions { Snapshot = id, Path = "one.bin" });
      Check.That(file.Read(0, 3000000).SequenceEqual(Content()), "other bytes");
      using (BackupStream backup = session.Backups().OpenStream(new BackupStreamOptions { Name = "given up" })) backup.Open("x");
      Check.Same(0, session.Backups().List(new SnapshotFilter { Name = "given up" }).Count);
    }
  }

  private static void AnArchiveIsAStream(string folder) {
    using (Engine engine = Check.Engine(folder))
    using (Session session = Check.Session(engine)) {
      SnapshotId id = BackUp(session);
      BackupArchive archive = session.Backups().OpenArchive(new ArchiveOptions { Snapshot = id, Paths = new[] { "projects" } });
      var all = new MemoryStream();
      using (Stream stream = archive.AsStream()) stream.CopyTo(all);
      Check.That(all.Length > 3000000 && all.Length % 512 == 0, all.Length);
      Check.Thrown<ClosedException>(() => archive.Read(1));
    }
  }
}
