package dev.cloudcafe;

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** Serves the MongoDB wire protocol on all addresses and $DOCUMENTDB_PORT, from the one file $DOCUMENTDB_DATA. */
public final class DocumentDb {
    private static final String PORT = "27017";
    private static final int COMMIT_MILLIS = 200; // what a power cut may lose

    private DocumentDb() {
    }

    public static void main(String[] arguments) {
        H2Backend backend = new H2Backend(System.getenv("DOCUMENTDB_DATA"));
        backend.getMvStore().setAutoCommitDelay(COMMIT_MILLIS);
        backend.version(new Version());
        MongoServer server = new MongoServer(backend);
        // stops accepting, then closes the file
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind("0.0.0.0", Integer.parseInt(System.getenv().getOrDefault("DOCUMENTDB_PORT", PORT)));
    }

    /** What DocumentDB 5.0 claims; the server's own newest (wire 8) is too old for PyMongo. */
    private static final class Version implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }
}
