import java.io.File;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/** Runs a name node and a data node: directory, port of RPC and port of HTTP. */
class Server {
    public static void main(String[] args) throws Exception {
        HdfsConfiguration c = new HdfsConfiguration();
        c.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, args[0]);
        c.set("dfs.datanode.hostname", "127.0.0.1");
        c.set("dfs.replication", "1");
        c.setBoolean("dfs.permissions.enabled", true);
        c.set("hadoop.http.staticuser.user", "root");
        c.set("dfs.namenode.fs-limits.min-block-size", "4096");
        c.setBoolean("dfs.client.block.write.replace-datanode-on-failure.enable", false);
        MiniDFSCluster cluster = new MiniDFSCluster.Builder(c).numDataNodes(1).format(!new File(args[0], "name-0-1").exists())
            .nameNodePort(Integer.parseInt(args[1])).nameNodeHttpPort(Integer.parseInt(args[2])).build();
        cluster.waitActive();
        // A minute otherwise, in which a file is kept from others after its writer was killed.
        cluster.setLeasePeriod(3000, 10000);
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
