package config

// absent are the names of modules that users of the former program know and that this
// build does not have yet, so that a message can tell them from a typing mistake.
var absent = func() map[string]struct{} {
	set := map[string]struct{}{}
	for _, n := range []string{
		"ElasticSearch", "Kafka", "NmapScanner", "Sniffer", "Zmq", "ZmqTornado", "Beats", "File", "SQS",
		"input.ElasticSearch", "input.Kafka", "input.NmapScanner", "input.Sniffer",
		"input.ZeroMQ", "input.ZmqTornado", "input.Beats", "input.File", "input.SQS",
		"GraphiteSink", "SyslogSink", "WebHdfsSink", "ZmqSink",
		"KafkaSink", "MongoDbSink", "SQSSink", "UdpSink", "TcpSink", "HttpSink", "ZabbixSink", "BeatsSink",
		"output.Graphite", "output.Syslog", "output.WebHdfs",
		"output.Zmq", "output.Kafka", "output.MongoDb", "output.SQS", "output.Udp", "output.Zabbix", "output.Beats",
		"EventBuffer", "Pack", "PackConfiguration",
		"WebserverTornado", "WebGui", "HttpServer",
		"misc.EventBuffer",
		"cluster.Pack", "cluster.PackConfiguration", "plugin.WebserverTornado", "plugin.WebGui",
	} {
		set[n] = struct{}{}
	}
	return set
}()
