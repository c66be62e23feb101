import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** Runs one node of OpenSearch with the settings given as key=value. */
class Server {
    public static void main(String[] args) throws Exception {
        Settings.Builder settings = Settings.builder().put("node.name", "one").put("discovery.type", "single-node");
        for (String arg : args) {
            settings.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
        }
        new Node(InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "one"),
            List.of(Netty4Plugin.class), false) {}.start();
        Thread.currentThread().join();
    }
}
