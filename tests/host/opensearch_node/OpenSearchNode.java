import java.util.List;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/**
 * One OpenSearch server, from its own classes.
 *
 * <p>Arguments are settings, as KEY=VALUE. When it answers, it prints "listening PORT"; SIGTERM ends
 * it.
 */
public final class OpenSearchNode extends Node {
    private OpenSearchNode(Settings settings) {
        super(new Environment(settings, null), List.of(Netty4Plugin.class), true);
    }

    public static void main(String[] arguments) throws Exception {
        Settings.Builder settings = Settings.builder();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            settings.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
        OpenSearchNode node = new OpenSearchNode(settings.build());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (java.io.IOException error) {
                error.printStackTrace();
            }
        }));
        node.start();
        int port = node.injector().getInstance(HttpServerTransport.class).boundAddress()
            .publishAddress().getPort();
        System.out.println("listening " + port);
        Thread.currentThread().join(); // its own threads keep no process alive
    }
}
