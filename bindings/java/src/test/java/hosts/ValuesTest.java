package hosts;

import io.tenon.*;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Values cross the border unchanged, or an idiomatic exception says why not. */
final class ValuesTest {
  public static void main(String[] only) throws Exception {
    Check.run(only, ValuesTest.class, RefusalsTest.class);
  }

  static void textKeepsEveryCharacter(Path folder) {
    String edges = "\u0001\u007f\u0080\u07ff\u0800\uffff";
    for (String each : List.of("", "plain", "Acmé", "日本語", "🎬", "a🎬b", edges, "x".repeat(100_000), "🎬".repeat(5_000))) {
      Project project = new Project();
      project.setName(each);
      Check.same(each, project.getName());
    }
  }

  static void halfASurrogatePairIsRefused(Path folder) {
    Project project = new Project();
    project.setName("before");
    for (String each : List.of("\ud83c", "a\ud83c", "\ud83cb", "\udfac", "\udfac\ud83c", "x".repeat(300) + "\ud83c")) {
      InvalidArgumentException why = Check.thrown(InvalidArgumentException.class, () -> project.setName(each));
      Check.same(Errc.INVALID_ARGUMENT, why.code());
    }
    Check.same("before", project.getName());
    Check.thrown(InvalidArgumentException.class, () -> BackupOptions.builder().exclude(List.of("fine", "\ud83c")));
  }

  static void nulIsRefusedByTheEngine(Path folder) {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      Check.thrown(InvalidArgumentException.class, () -> session.projects().create(ProjectOptions.builder().name("a\0b").build()));
    }
  }

  static void nullIsRefused(Path folder) {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      Check.thrown(NullPointerException.class, () -> ProjectOptions.builder().name(null));
      Check.thrown(NullPointerException.class, () -> session.projects().create(null));
      Check.thrown(NullPointerException.class, () -> session.projects().get(null));
      Check.thrown(NullPointerException.class, () -> session.projects().list(null));
      Check.thrown(NullPointerException.class, () -> session.quotas().get(null));
      Check.thrown(NullPointerException.class, () -> session.subscribe().next(null));
      Check.thrown(NullPointerException.class, () -> Engine.builder().home(null));
      Check.thrown(NullPointerException.class, () -> BackupOptions.builder().tags((List<Label>) null));
      Check.thrown(NullPointerException.class, () -> BackupOptions.builder().tags(Arrays.asList(Label.of("a", "b"), null)));
      Check.thrown(NullPointerException.class, () -> BackupOptions.builder().exclude(Arrays.asList("a", null)));
      Check.thrown(NullPointerException.class, () -> new Engine(null));
      Check.thrown(NullPointerException.class, () -> session.assets().importFile(null));
      Check.thrown(NullPointerException.class, () -> ProjectId.parse(null));
      Check.thrown(NullPointerException.class, () -> Tenon.crossfade(null));
    }
  }

  static void timesAreFlooredToMicroseconds(Path folder) {
    TimelineClip clip = new TimelineClip();
    clip.setStart(Duration.ofNanos(1_999));
    Check.same(Duration.ofNanos(1_000), clip.getStart());
    clip.setStart(Duration.ofNanos(-1));
    Check.same(Duration.ofNanos(-1_000), clip.getStart());
    Project project = new Project();
    project.setCreatedAt(Instant.parse("1969-12-31T23:59:59.999999900Z"));
    Check.same(Instant.parse("1969-12-31T23:59:59.999999Z"), project.getCreatedAt());
    project.setCreatedAt(Instant.parse("2026-11-21T12:00:00.000001Z"));
    Check.same(Instant.parse("2026-11-21T12:00:00.000001Z"), project.getCreatedAt());
  }

  static void whatOverflowsIsRefused(Path folder) {
    TimelineClip clip = new TimelineClip();
    Check.thrown(ArithmeticException.class, () -> clip.setStart(Duration.ofSeconds(Long.MAX_VALUE)));
    Check.thrown(ArithmeticException.class, () -> clip.setStart(Duration.ofSeconds(Long.MIN_VALUE)));
    Check.thrown(ArithmeticException.class, () -> new Project().setCreatedAt(Instant.MAX));
    Check.thrown(ArithmeticException.class, () -> new JobInfo().setDueAt(Instant.MIN));
    Bytes bytes = Bytes.of(Long.MAX_VALUE);
    Check.same(Long.MAX_VALUE, bytes.getCount());
    Check.thrown(IllegalArgumentException.class, () -> Role.of(77));
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      for (int limit : new int[] {-1, Integer.MIN_VALUE, Integer.MAX_VALUE})
        Check.same("limit", Check.thrown(InvalidArgumentException.class,
            () -> session.projects().list(ProjectFilter.builder().limit(limit).build())).subject());
      Check.thrown(InvalidArgumentException.class,
          () -> session.quotas().reserve(HoldOptions.builder().asks(Ask.of(Resource.STORAGE, -1)).build()));
    }
  }

  static void pathsAreBytes(Path folder) throws Exception {
    Path odd = Path.of(URI.create(folder.toUri() + "%FF%FE.mp4"));
    Files.writeString(odd, "x");
    Asset asset = new Asset();
    for (Path each : List.of(Path.of(""), Path.of("relative/é🎬"), Path.of("/"), folder, odd, folder.resolve("a b%20+c"))) {
      asset.setPath(each);
      Check.same(each, asset.getPath());
    }
    Check.that(Files.exists(asset.getPath().getParent()), asset.getPath());
    asset.setPath(odd);
    Check.same("x", Files.readString(asset.getPath()));
  }

  static void listsGoOutAsCopies(Path folder) {
    BackupOptions options = BackupOptions.builder().name("n").tags(Label.of("k", "v")).exclude("*.tmp", "日本").build();
    Check.same(List.of("*.tmp", "日本"), options.getExclude());
    Check.thrown(UnsupportedOperationException.class, () -> options.getExclude().add("more"));
    Check.thrown(UnsupportedOperationException.class, () -> options.getTags().clear());
    options.getTags().get(0).setValue("changed");
    Check.same("v", options.getTags().get(0).getValue());
    Check.same(List.of(Label.of("k", "v")), options.getTags());
  }

  static void aFieldThatIsAStructIsAView(Path folder) {
    CameraOptions options = new CameraOptions();
    Retention view = options.getRetention();
    view.setKeepFor(Duration.ofDays(3));
    Check.same(Duration.ofDays(3), options.getRetention().getKeepFor());
    options = null;
    for (int at = 0; at < 20; ++at) {
      System.gc();
      Check.same(Duration.ofDays(3), view.getKeepFor());
    }
  }

  static void buildersMayBeUsedAgain(Path folder) {
    ProjectFilter.Builder builder = ProjectFilter.builder().limit(5);
    ProjectFilter first = builder.build();
    builder.limit(6);
    Check.same(5, first.getLimit());
    Check.same(6, builder.build().getLimit());
    Check.same(100, new ProjectFilter().getLimit());
  }

  static void whatMayBeMissingIsOptional(Path folder) {
    AssetFilter filter = new AssetFilter();
    Check.same(Optional.empty(), filter.getProject());
    ProjectId id = ProjectId.parse("prj_01jd8w0000000000000000000z");
    filter.setProject(id);
    Check.same(Optional.of(id), filter.getProject());
    filter.setProject((ProjectId) null);
    Check.same(Optional.empty(), filter.getProject());
    RenderOptions render = RenderOptions.builder().loudness(-14).build();
    Check.same(Optional.of(-14), render.getLoudness());
    JobInfo info = new JobInfo();
    info.setError(Errc.NO_SPACE);
    info.setEndedAt(Instant.EPOCH);
    Check.same(Optional.of(Errc.NO_SPACE), info.getError());
    Check.same(Optional.of(Instant.EPOCH), info.getEndedAt());
    Check.same(Optional.empty(), info.getDueAt());
    ResourceUsage usage = new ResourceUsage();
    usage.setPercent(12.5);
    usage.setLimit(1L << 62);
    Check.same(Optional.of(12.5), usage.getPercent());
    Check.same(Optional.of(1L << 62), usage.getLimit());
  }

  static void valuesAreEqualByTheirFields(Path folder) {
    Label one = Label.of("k", "v");
    Label other = Label.of("k", "v");
    Check.same(one, other);
    Check.same(one.hashCode(), other.hashCode());
    Check.that(!one.equals(Label.of("k", "w")), "different values are equal");
    Check.same("Label[key=k, value=v]", one.toString());
    Check.that(!CameraOptions.builder().password("hunter2").url("rtsp://u:hunter2@c/").build().toString().contains("hunter2"),
        "a password is shown");
  }

  static void idsAreParsedAndSorted(Path folder) {
    Check.that(new ProjectId().isNil(), "a new id is nil");
    ProjectId low = ProjectId.parse("prj_01jd8w00000000000000000000");
    ProjectId high = ProjectId.parse("prj_01jd8w00000000000000000001");
    Check.that(low.compareTo(high) < 0 && high.compareTo(low) > 0 && low.compareTo(low) == 0, "ids are out of order");
    Check.same("prj_01jd8w00000000000000000000", low.toString());
    Check.thrown(InvalidArgumentException.class, () -> ProjectId.parse("ast_01jd8w00000000000000000000"));
    Check.thrown(InvalidArgumentException.class, () -> ProjectId.parse("🎬"));
  }

  static void errorsCarryTheirFields(Path folder) {
    try (Engine engine = Check.engine(folder); Session session = Check.session(engine)) {
      QuotaExceededException why = Check.thrown(QuotaExceededException.class,
          () -> session.quotas().reserve(HoldOptions.builder().asks(Ask.of(Resource.STORAGE, 1L << 52)).build()));
      Check.same(Errc.QUOTA_EXCEEDED, why.code());
      Check.same("storage", why.resource());
      Check.that(why.limit().isPresent() && why.used().isPresent() && !why.getMessage().isEmpty(), why);
      NotFoundException gone = Check.thrown(NotFoundException.class, () -> session.projects().get(new ProjectId()));
      Check.that(!gone.retryable() && gone.resource().isEmpty() && gone.limit().isEmpty() && gone.resetsAt().isEmpty(), gone);
      Check.that(gone.getStackTrace().length > 0, "no stack trace");
      Check.that(!gone.subject().isEmpty() && gone.toString().contains(gone.subject()), gone);
    }
  }

  static void aTimelineIsAValue(Path folder) {
    Timeline cut = new Timeline();
    AssetId asset = AssetId.parse("ast_01jd8w0000000000000000000z");
    cut.append(TimelineClip.builder().asset(asset).end(Duration.ofSeconds(2)).build());
    cut.append(TimelineClip.builder().asset(asset).transition(Tenon.crossfade(Duration.ofMillis(500))).build());
    cut.title(TimelineTitle.builder().text("Acmé 🎬").duration(Duration.ofSeconds(1)).build());
    Timeline again = Timeline.fromJson(cut.toJson());
    Check.same(cut.clips(), again.clips());
    Check.same("Acmé 🎬", again.titles().get(0).getText());
    Check.thrown(InvalidArgumentException.class, () -> Timeline.fromJson("{"));
  }
}
