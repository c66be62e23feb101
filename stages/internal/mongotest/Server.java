import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** Runs a server that keeps what it has in a file: port and path. */
class Server {
    /** What it knows as 5.0 has the protocol number of 4.2 there, which clients do not take any more. */
    static class Version implements MongoVersion {
        public List<Integer> getVersionArray() { return ServerVersion.MONGO_5_0.getVersionArray(); }
        public int getWireVersion() { return 13; }
    }

    public static void main(String[] args) throws Exception {
        H2Backend backend = new H2Backend(args[1]);
        backend.version(new Version());
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
