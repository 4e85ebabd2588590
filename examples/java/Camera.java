import io.tenon.*;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Flow;

/**
 * A camera: record it, hear what becomes of it, cut a clip out of the footage.
 *
 * <p>java Camera rtsp://192.168.1.20/stream
 */
public final class Camera {
  /** What a host does with news. It is told on the common pool, or on an executor of its own. */
  private static final class Printing implements Flow.Subscriber<Event> {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(Event event) {
      System.out.println(event.getKind() + " " + event.getData());
    }

    @Override
    public void onError(Throwable why) {
      why.printStackTrace();
    }

    @Override
    public void onComplete() {}
  }

  private static Duration length(RecordingInfo stretch) {
    return Duration.between(stretch.getStart(), stretch.getEnd());
  }

  public static void main(String[] arguments) throws InterruptedException {
    if (arguments.length != 1) {
      System.err.println("Usage: java Camera RTSP-URL");
      System.exit(2);
    }
    // Cameras live in private networks unless told otherwise; loopback must be named.
    try (Engine engine = Engine.builder().home(Path.of("studio")).cameraNetworks("127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16").build();
        OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("setup").reason("onboarding").build())) {
      Tenant shop = setup.tenants().create(TenantOptions.builder().name("Shop").slug("shop").plan("nvr/professional").build());
      Session session = engine.openSession(SessionOptions.builder().tenant(shop.getId()).actor("guard").role(Role.OWNER).build());

      session.subscribe(SubscribeOptions.builder().kinds("camera.").build()).publisher().subscribe(new Printing());
      io.tenon.Camera door = session.cameras().create(
          CameraOptions.builder().name("Door").url(arguments[0]).recording(Recording.CONTINUOUS).build());

      // Wait for six seconds of footage, at most a minute.
      List<RecordingInfo> footage = List.of();
      for (int tick = 0; tick < 120; ++tick) {
        Thread.sleep(500);
        footage = door.recordings();
        if (!footage.isEmpty() && length(footage.get(footage.size() - 1)).compareTo(Duration.ofSeconds(6)) >= 0) break;
      }
      door.setRecording(Recording.OFF);

      footage = door.recordings();
      if (footage.isEmpty()) {
        System.err.println("no footage: " + door.info().getProblem());
        System.exit(1);
      }
      for (RecordingInfo stretch : footage) System.out.printf("%d frames in %.1f s%n", stretch.getFrames(), length(stretch).toMillis() / 1e3);

      Instant start = footage.get(footage.size() - 1).getStart().plusSeconds(1);
      Clip clip = door.exportClip(
          ClipOptions.builder().start(start).end(start.plusSeconds(3)).cut(Cut.EXACT).name("visitor").build()).result();
      System.out.printf("%s: %.1f s, not re-encoded%n", clip.getPath(), clip.getDuration().toMillis() / 1e3);
    }
  }
}
