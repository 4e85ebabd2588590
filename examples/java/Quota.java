import io.tenon.*;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Limits that cannot be oversold: reserve what a piece of work may need, do it, commit what it really took. */
public final class Quota {
  private static void show(io.tenon.Quota quota) {
    System.out.printf("%s: %d used, %d reserved", Tenon.toString(quota.getResource()), quota.getUsed(), quota.getReserved());
    quota.getLimit().ifPresent(limit -> System.out.printf(", limit %d", limit));
    System.out.println();
  }

  public static void main(String[] arguments) {
    try (Engine engine = Engine.builder().home(Path.of("studio")).build();
        OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("setup").reason("onboarding").build())) {
      Tenant small = setup.tenants().create(TenantOptions.builder().name("Small").slug("small").plan("studio/basic").build());
      Session session = engine.openSession(SessionOptions.builder().tenant(small.getId()).actor("renderer").role(Role.OWNER).build());
      Quotas quotas = session.quotas();

      // Render time is counted in milliseconds of output. A hold is durable before reserve() returns; if this process dies, it
      // returns by itself after its ttl.
      long minute = 60_000;
      try (Hold hold = quotas.reserve(HoldOptions.builder().asks(Ask.of(Resource.RENDER_TIME, 30 * minute))
          .ttl(Duration.ofMinutes(5)).idempotency("upload-17").build())) {
        show(quotas.get(Resource.RENDER_TIME));
        hold.extend(Ask.of(Resource.RENDER_TIME, 10 * minute));           // it takes longer than was thought
        hold.commit(List.of(Ask.of(Resource.RENDER_TIME, 34 * minute)));  // what it really took; the rest is returned
      }
      show(quotas.get(Resource.RENDER_TIME));

      // All or nothing: the second ask cannot be granted, so the first is not either.
      Optional<Hold> both = quotas.tryReserve(
          HoldOptions.builder().asks(Ask.of(Resource.RENDER_TIME, minute), Ask.of(Resource.STORAGE, 1L << 50)).build());
      System.out.println("a pebibyte: " + (both.isPresent() ? "granted" : "refused"));

      try {
        for (int n = 1;; ++n) session.projects().create(ProjectOptions.builder().name("Project " + n).build());
      } catch (QuotaExceededException refusal) {
        System.out.printf("%s (%s: %d of %d used)%n", refusal.getMessage(), refusal.resource(), refusal.used().orElse(0L),
            refusal.limit().orElse(0L));
      }
      show(quotas.get(Resource.PROJECTS));
    }
  }
}
