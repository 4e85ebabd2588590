import io.tenon.Engine;
import io.tenon.OperatorOptions;
import io.tenon.OperatorSession;
import io.tenon.TenantOptions;
import java.nio.file.Files;
import java.nio.file.Path;

/** A host of its own: opens an engine and makes a tenant. */
public final class App {
  public static void main(String[] arguments) throws Exception {
    Path home = Files.createTempDirectory("home-");
    try (Engine engine = Engine.builder().home(home).build();
        OperatorSession setup = engine.openOperator(OperatorOptions.builder().actor("setup").reason("smoke").build())) {
      setup.tenants().create(TenantOptions.builder().name("Acmé 🎬").slug("acme").plan("studio/professional").build());
      System.out.println("Tenon " + Engine.version() + ": " + setup.tenants().list().get(0).getName());
    }
  }
}
