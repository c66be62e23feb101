#!/usr/bin/perl
# The yardstick that everyone knows: lines from standard input, the README's patterns in
# turn, JSON lines to standard output. The argument is the number of patterns, 1 or 3.
use strict;
use warnings;

my @patterns = (
    qr/(\d+\.\d+\.\d+\.\d+)\s+(\w+|-)\s+(\w+|-)\s+\[(\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(.*)\"\s+(\d+)\s+(\d+)/,
    qr/(\d+\.\d+\.\d+\.\d+)\s(\d+\.\d+\.\d+\.\d+)\s(\w+|-)\s(\w+|-)\s\[(\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s\"(.*)\"\s(\d+)\s(\d+)/,
    qr/(\<\d+\>)(\w+\s+\d+\s+\d+:\d+:\d+)\s+([\w\-\._]+)\s+kernel:.*?\ iptables\ (.*?)\ :\ IN=(.*?)\ OUT=(.*?)\ SRC=(.*?)\ DST=(.*?)\ LEN=(.*?)\ .*?PROTO=(.*?)\ SPT=(.*?)\ DPT=(.*?)\ WINDOW=.*/,
);
my @names = (
    [qw(remote_ip identd user datetime url http_status bytes_send)],
    [qw(remote_ip x_forwarded_for identd user datetime url http_status bytes_send)],
    [qw(syslog_prival log_timestamp host iptables_action iptables_in_int iptables_out_int iptables_src iptables_dst iptables_len iptables_proto iptables_spt iptables_dpt)],
);
my $last = shift(@ARGV) - 1;
my @formats = map { '{"data":"%s"' . join('', map { qq(,"$_":"%s") } @$_) . "}\n" } @names;

LINE: while (my $line = <STDIN>) {
    chomp $line;
    for my $i (0 .. $last) {
        my @fields = ($line, $line =~ $patterns[$i]);
        next if @fields == 1;
        for (@fields) { s/(["\\])/\\$1/g if /["\\]/ }
        printf $formats[$i], @fields;
        next LINE;
    }
    $line =~ s/(["\\])/\\$1/g;
    print qq({"data":"$line"}\n);
}
