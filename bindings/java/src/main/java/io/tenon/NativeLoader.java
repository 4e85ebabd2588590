package io.tenon;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the native library: in the folder that the property <code>tenon.library.path</code> names, else among the class path's
 * resources, else where the VM looks. Resources are unpacked once for each content, into a folder of the user's that all his
 * processes share. The property <code>tenon.library.name</code> says what the library is called, <code>tenon.library.cache</code>
 * where it is unpacked.
 */
final class NativeLoader {
  private static final String NAME = System.getProperty("tenon.library.name", "tenon-java");
  private static boolean loaded;

  private NativeLoader() {}

  static synchronized void load() {
    if (loaded) return;
    String folder = System.getProperty("tenon.library.path");
    if (folder != null) {
      System.load(Path.of(folder).toAbsolutePath().resolve(System.mapLibraryName(NAME)).toString());
    } else {
      Path unpacked = unpacked();
      if (unpacked != null) System.load(unpacked.toString());
      else System.loadLibrary(NAME);
    }
    loaded = true;
  }

  private static final class Entry {
    final String hash;
    final long size;
    final String name;

    Entry(String line) {
      String[] parts = line.split(" ", 3);
      hash = parts[0];
      size = Long.parseLong(parts[1]);
      name = parts[2];
    }
  }

  /** The JNI library in the shared folder; null if the class path has none for this system. */
  private static Path unpacked() {
    String from = "META-INF/native/" + platform() + "/";
    List<Entry> entries = new ArrayList<>();
    String index;
    try (InputStream in = resource(from + NAME + ".index")) {
      if (in == null) return null;
      index = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      index.lines().forEach(line -> entries.add(new Entry(line)));
    } catch (IOException why) {
      throw failed("its index cannot be read", why);
    }
    try {
      Path cache = cache();
      Path folder = cache.resolve(hex(MessageDigest.getInstance("SHA-256").digest(index.getBytes(StandardCharsets.UTF_8))).substring(0, 32));
      // Within this VM the class's monitor stands guard, between processes the file's lock.
      try (FileChannel channel = FileChannel.open(cache.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          var lock = channel.lock()) {
        if (!lock.isValid()) throw new IOException("the lock is gone");
        if (!whole(folder, entries)) unpack(from, entries, cache, folder);
      }
      return folder.resolve(System.mapLibraryName(NAME));
    } catch (IOException | NoSuchAlgorithmException why) {
      throw failed("it cannot be unpacked", why);
    }
  }

  /** By the class loader: the jar with natives is none of this module's. */
  private static InputStream resource(String name) {
    return NativeLoader.class.getClassLoader().getResourceAsStream(name);
  }

  private static UnsatisfiedLinkError failed(String what, Exception why) {
    UnsatisfiedLinkError error = new UnsatisfiedLinkError("The native library " + NAME + " is in the class path, but " + what + ": " + why
        + ". The property tenon.library.cache names a folder to unpack it in.");
    error.initCause(why);
    return error;
  }

  private static String platform() {
    String system = System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT);
    String machine = System.getProperty("os.arch");
    return (system.startsWith("mac") ? "macos" : system.startsWith("windows") ? "windows" : system) + "-"
        + (machine.equals("amd64") ? "x86_64" : machine);
  }

  private static Path cache() throws IOException {
    String given = System.getProperty("tenon.library.cache");
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base = given != null ? Path.of(given)
        : xdg != null && !xdg.isEmpty() ? Path.of(xdg)
        : Path.of(System.getProperty("user.home"), ".cache");
    Path cache = base.resolve(NAME);
    Files.createDirectories(cache);
    // Whoever may write here may run code in every process that loads from here.
    Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwx------"));
    return cache;
  }

  private static boolean whole(Path folder, List<Entry> entries) throws IOException {
    for (Entry each : entries) {
      Path file = folder.resolve(each.name);
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) != each.size) return false;
    }
    return true;
  }

  private static void unpack(String from, List<Entry> entries, Path cache, Path folder) throws IOException, NoSuchAlgorithmException {
    Files.createDirectories(folder);
    for (Entry each : entries) {
      Path temporary = Files.createTempFile(cache, "unpack", null);
      try {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        try (InputStream in = resource(from + each.name)) {
          if (in == null) throw new IOException(each.name + " is missing");
          Files.copy(new DigestInputStream(in, digest), temporary, StandardCopyOption.REPLACE_EXISTING);
        }
        if (!hex(digest.digest()).equals(each.hash)) throw new IOException(each.name + " is damaged");
        // A process that has the old file loaded keeps it: a move replaces the name, not the bytes.
        try {
          Files.move(temporary, folder.resolve(each.name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException plain) {
          Files.move(temporary, folder.resolve(each.name), StandardCopyOption.REPLACE_EXISTING);
        }
      } finally {
        Files.deleteIfExists(temporary);
      }
    }
  }

  private static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte each : bytes) text.append(String.format("%02x", each));
    return text.toString();
  }
}
