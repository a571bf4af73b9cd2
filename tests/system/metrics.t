# The metrics page: what it tells, whom it asks, and that nothing else depends on it.
use strict;
use warnings;

use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

use Metrics;
use Narwhal;
use Tls;
use Upgrade qw($DIR $UNIX begin configure install);

my $PAGE = "unix:$DIR/metrics";

sub exporter {
	my ($n) = @_;
	my ($pid) = grep { Narwhal::command_name($_) eq 'narwhal-metrics' } Narwhal::children($n->arbiter);

	return $pid;
}

# Samples of the two whose value has become less, though a counter's never does.
sub shrunken {
	my ($before, $after) = @_;

	return join ' ', grep { /_total\b|_bucket|_count\b/ && $after->{$_} < $before->{$_} } sort keys %$before;
}

subtest 'a checker that lets anything pass is none' => sub {
	my $good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"\\\"\"} 1\n";

	ok(Metrics::parse($good), 'a page');
	for my $bad ($good . "a_total{x=\"\\\"\"} 1\n", $good . "b 1\n", $good . "a_total{x=\"\\x\"} 1\n",
		$good =~ s/ 1$/ one/r, $good =~ s/_total//gr, "a_total 1\n", substr $good, 0, -1) {
		ok(!eval { Metrics::parse($bad) }, 'no page') or diag $bad;
	}
};

subtest 'it is served at its own addresses, and nothing else is' => sub {
	my $n = begin(idle_grace => 0.05, metrics_bind => '127.0.0.1:0');
	my $at = Metrics::address($n);
	my $page = Metrics::scrape($n);

	is($page->{narwhal_ready}, 1, 'ready');
	is($page->{'narwhal_workers{state="serving"}'}, 2, 'two workers serve');
	is($page->{narwhal_workers_wished}, 2, 'of two');
	is($page->{narwhal_worker_starts_total}, 2, 'which were started');
	is($page->{'narwhal_phase{phase="serve"}'}, 1, 'the phase');
	cmp_ok(abs($page->{process_start_time_seconds} + $page->{narwhal_uptime_seconds} - time), '<',
		$Narwhal::PATIENCE, 'since when');
	cmp_ok($page->{process_open_fds}, '>', 10, 'descriptors');
	cmp_ok($page->{process_resident_memory_bytes}, '>', 100_000, 'memory');
	like($n->connect($at)->request('GET', '/metrics?x=1')->{fields}{'content-type'},
		qr{^text/plain; version=0\.0\.4}, 'its type');
	cmp_ok($n->connect($at)->request('HEAD', '/metrics')->{fields}{'content-length'}, '>', 1000, 'HEAD');
	like($n->connect($at)->request('GET', '/')->{body}, qr{href="/metrics"}, 'a link at /');
	is($n->connect($at)->request('GET', '/other')->{status}, 404, 'no other page');
	is($n->connect($at)->request('DELETE', '/metrics')->{status}, 405, 'no other method');
	is($n->connect($at)->request('POST', '/metrics', body => 'x')->{status}, 413, 'no body');
	is($n->get('/metrics')->{body}, "Hello, World!\n", 'the service itself has no such page');
	is($n->stop, 0, 'status 0');
};

subtest 'each family has its row in docs/METRICS.md' => sub {
	my $docs = Narwhal::slurp("$Narwhal::ROOT/docs/METRICS.md");
	my %told = map { $_ => 1 } $docs =~ /^\| `(\w+)/mg;
	my %rows = Narwhal::slurp("$Narwhal::ROOT/base/metrics.def") =~ /^METRIC\(\w+,\s*"(\w+)",\s*(\w+)/mg;

	is(join(' ', grep { !$told{$_} } sort keys %rows), '', 'none is missing');
	is(join(' ', grep { !$rows{$_} } sort keys %told), '', 'none is made up');
};

subtest 'counters only grow: over a death, a reload and an upgrade' => sub {
	my $app = "$Narwhal::BUILD/tests/modules/host.so";
	my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE, app => $app);
	my $counted = sub { $n->get('/count?sold') for 1 .. 5 };

	$counted->();
	$n->connect->write("nonsense\r\n\r\n");
	$n->wait_line(qr/ request_refused /);
	my $first = Metrics::scrape($n);
	is($first->{'narwhal_requests_total{status="2xx"}'}, 5, 'requests');
	is($first->{'narwhal_requests_total{status="4xx"}'}, 1, 'and what was none');
	is($first->{narwhal_connections_accepted_total}, 6, 'on connections of their own');
	is($first->{narwhal_request_duration_seconds_count}, 5, 'which took some time');
	is($first->{'narwhal_app_total{name="sold"}'}, 5, 'and what the app counts');
	kill 'KILL', ($n->workers)[0];
	$n->wait_line(qr/ worker_exit .*signal=SIGKILL/);
	$n->wait_line(qr/ worker_ready /);
	my $killed = Metrics::scrape($n);
	is($killed->{'narwhal_worker_exits_total{cause="signal"}'}, 1, 'the death');
	is($killed->{'narwhal_app_total{name="sold"}'}, 5, 'what the dead have counted is not lost');
	$counted->();
	is($killed->{narwhal_worker_starts_total}, 3, 'and its successor');
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	$n->wait_line(qr/ worker_exit .*generation=1 /) for 1 .. 2;
	my $reloaded = Metrics::scrape($n, $PAGE);
	is($reloaded->{'narwhal_reloads_total{outcome="done"}'}, 1, 'the reload');
	is($reloaded->{narwhal_generation}, 2, 'another generation');
	is($reloaded->{'narwhal_worker_exits_total{cause="retired"}'}, 2, 'whose workers replaced the old ones');
	configure(idle_grace => 0.05, app => $app, metrics_bind => $PAGE, workers => 'many');
	$n->signal('HUP')->wait_line(qr/ reload_failed /);
	configure(idle_grace => 0.05, app => $app, metrics_bind => $PAGE);
	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ upgraded /);
	my $upgraded = Metrics::scrape($n, $PAGE);
	is($upgraded->{'narwhal_reloads_total{outcome="failed"}'}, 1, 'the reload that failed is not forgotten');
	is($upgraded->{'narwhal_upgrades_total{outcome="done"}'}, 1, 'the upgrade');
	is($upgraded->{'narwhal_app_total{name="sold"}'}, 10, 'and what the app has counted, in all');
	is($upgraded->{'narwhal_requests_total{status="2xx"}'}, 10, 'each request once');
	is($upgraded->{process_start_time_seconds}, $first->{process_start_time_seconds}, 'of the same process');
	is(shrunken($first, $killed), '', 'nothing has become less by the death');
	is(shrunken($killed, $reloaded), '', 'nor by the reload');
	is(shrunken($reloaded, $upgraded), '', 'nor by the upgrade');
	is($n->stop, 0, 'status 0');
	ok(!-e "$DIR/metrics", 'and the socket is gone');
};

subtest 'the image that comes back goes on where it was' => sub {
	my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE);

	$n->get('/') for 1 .. 3;
	my $before = Metrics::scrape($n);
	configure(idle_grace => 0.05, metrics_bind => "$PAGE,unix:$DIR/nowhere/metrics");
	$n->signal('USR2');
	like($n->wait_line(qr/ upgrade_returned /), qr/nowhere.*directory does not exist/, 'an upgrade that failed');
	my $after = Metrics::scrape($n, $PAGE);
	is($after->{'narwhal_upgrades_total{outcome="failed"}'}, 1, 'is one that is counted');
	is(shrunken($before, $after), '', 'and nothing has become less');
	is($n->stop, 0, 'status 0');
};

subtest 'without its exporter the service serves on, and soon has another one' => sub {
	my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE);
	my @workers = $n->workers;

	kill 'KILL', exporter($n);
	is($n->get('/')->{status}, 200, 'served');
	$n->wait_line(qr/ attendant_exit role=exporter .*signal=SIGKILL/);
	$n->wait_line(qr/ attendant_ready role=exporter /);
	is(Metrics::scrape($n, $PAGE)->{narwhal_ready}, 1, 'the page is back');
	is(join(' ', $n->workers), "@workers", 'and no worker was touched');
	is($n->stop, 0, 'status 0');
};

subtest 'it is locked in as a worker is, and holds nothing of the service' => sub {
	plan skip_all => 'who is not root has no other user' if $> != 0;
	my $n = begin(idle_grace => 0.05, metrics_bind => '127.0.0.1:0');
	my $pid = exporter($n);
	my $status = Narwhal::slurp("/proc/$pid/status");

	like($status, qr/^Uid:\t65534\t65534\t65534\t65534$/m, 'it is nobody');
	like($status, qr/^CapEff:\t0+$/m, 'without capabilities');
	like($status, qr/^Seccomp:\t2$/m, 'behind its filter');
	my %held = map { $_ => 1 } map { readlink // () } glob "/proc/$pid/fd/*";
	is(join(' ', grep { !m{^(?:anon_inode|socket|pipe|/memfd:narwhal-page|/dev/null)} } keys %held), '',
		'no file is open');
	my ($worker) = $n->workers;
	my @shared = grep { /^socket/ && $held{$_} } map { readlink // () } glob "/proc/$worker/fd/*";
	is("@shared", '', 'and no socket that a worker has');
	is($n->stop, 0, 'status 0');
};

subtest 'it tells of the drain up to its end' => sub {
	my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE, bind => $UNIX);
	my $client = $n->connect($UNIX);

	$client->write("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n1");
	$n->wait_until('it has a worker', sub { Metrics::scrape($n, $PAGE)->{'narwhal_workers{state="serving"}'} });
	$n->signal('TERM')->wait_line(qr/ unready /);
	is(Metrics::scrape($n, $PAGE)->{'narwhal_phase{phase="drain"}'}, 1, 'the phase');
	$client->write('2');
	is($client->response->{status}, 200, 'who was there is served');
	is($n->wait_end, 0, 'status 0');
	like((grep { / attendant_exit / } $n->lines)[-1], qr/ role=exporter .*cause=retired status=0 /,
		'and the exporter has left in good order');
};

subtest 'a reload moves it to another address, or ends it' => sub {
	my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE);

	configure(idle_grace => 0.05, metrics_bind => "$PAGE.2");
	$n->signal('HUP')->wait_line(qr/ attendant_exit role=exporter .*generation=1 cause=retired status=0 /);
	is(Metrics::scrape($n, "$PAGE.2")->{narwhal_generation}, 2, 'the new one');
	ok(!-e "$DIR/metrics", 'the old one is gone');
	configure(idle_grace => 0.05);
	$n->signal('HUP')->wait_line(qr/ attendant_exit role=exporter .*generation=2 cause=retired status=0 /);
	is(exporter($n), undef, 'nobody serves it who need not');
	is($n->stop, 0, 'status 0');
};

subtest 'a scrape that waits at the old address is answered, and a new one is refused at once' => sub {
	my @ports = map { Narwhal::free_port() } 1 .. 2;
	my $n = begin(metrics_bind => "127.0.0.1:$ports[0]");
	my $old = exporter($n);

	kill 'STOP', $old;
	my $waiting = $n->connect("127.0.0.1:$ports[0]");
	$waiting->write("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
	configure(metrics_bind => "127.0.0.1:$ports[1]");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	is(IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ports[0]", Timeout => 2), undef, 'nobody is let in');
	kill 'CONT', $old;
	is($waiting->response->{status}, 200, 'who waited has the page');
	$n->wait_line(qr/ attendant_exit role=exporter .*generation=1 cause=retired status=0 /);
	is(Metrics::scrape($n, "127.0.0.1:$ports[1]")->{narwhal_generation}, 2, 'the new one serves');
	configure(metrics_bind => "127.0.0.1:$ports[0]");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=3 /);
	is(Metrics::scrape($n, "127.0.0.1:$ports[0]")->{narwhal_generation}, 3, 'and the address can be had again');
	is($n->stop, 0, 'status 0');
};

subtest 'of TLS it tells handshakes, and how long certificates are good' => sub {
	my $ca = Tls::authority($DIR, 'ca');
	my $pair = Tls::certificate($DIR, 'site', by => $ca, days => 20);
	my $end = Tls::openssl('x509', '-in', $pair->{certificate}, '-noout', '-enddate', '-dateopt', 'iso_8601');

	for my $isolation (qw(on off)) {
		my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE, bind => $UNIX, bind_tls => '127.0.0.1:0',
			certfile => $pair->{certificate}, keyfile => $pair->{key}, tls_key_isolation => $isolation);
		my ($port) = map { /:(\d+)$/ } $n->addresses;

		is(Tls::connect($port)->request('GET', '/')->{status}, 200, 'served');
		$n->connect("127.0.0.1:$port")->request('GET', '/');
		my $page = Metrics::scrape($n, $PAGE);
		is($page->{'narwhal_tls_handshakes_total{outcome="full"}'}, 1, 'a handshake');
		is($page->{'narwhal_tls_handshakes_total{outcome="failed"}'}, 1, 'and one that was none');
		my $file = "{file=\"$pair->{certificate}\"}";
		my $at = $page->{"narwhal_tls_certificate_not_after_seconds$file"};
		like($end, qr/=\Q${\ strftime('%Y-%m-%d %H:%M:%SZ', gmtime $at)}\E/, 'the date');
		like($page->{"narwhal_tls_certificate_days_left$file"}, qr/^(?:19|20)$/, 'and the days');
		my $fds = '/proc/' . exporter($n) . '/fd';
		my @keys = grep { /narwhal-(?:keys|cert)/ } map { readlink // () } glob "$fds/*";
		is("@keys", '', 'but has neither key nor certificate itself');
		is($n->stop, 0, 'status 0');
		is((grep { / attendant_exit role=exporter .* cause=retired status=0 / } $n->lines), 1,
			'and it ends well');
	}
};

subtest 'a flood of scrapes costs PID 1 no more than ten pages a second' => sub {
	my $n = begin(idle_grace => 0.05, metrics_bind => $PAGE);
	my $began = time;
	my @clients = map { $n->connect($PAGE) } 1 .. 20;
	my %pages;

	for (1 .. 5) {
		$_->write("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n" x 2) for @clients;
		$pages{ Metrics::parse($_->response->{body})->{narwhal_uptime_seconds} }++ for (@clients) x 2;
	}
	is(eval { my $sum = 0; $sum += $_ for values %pages; $sum }, 200, 'each is answered');
	cmp_ok(scalar keys %pages, '<=', 2 + 10 * (time - $began), 'by few pages');
	is(scalar(grep { / attendant_exit | worker_gossip / } $n->lines), 0, 'and nobody was taken for an enemy');
	is($n->stop, 0, 'status 0');
};

subtest 'an address that is none is refused' => sub {
	my ($status, $said) = Narwhal->run(args => [ '--metrics-bind', 'here', 'examples/public' ]);

	is($status, 1, 'status 1');
	like($said, qr/metrics_bind: here: the port is missing/, 'which, and of what');
	($status, $said) = Narwhal->run(args => [ '--check-config', '--metrics-bind', 'here', 'examples/public' ]);
	is($status, 1, 'by the check, too');
	for my $address ('127.0.0.1:80', "unix:$DIR/both", 'unix:@both', 'fd://3') {
		for my $check ([], ['--check-config']) {
			($status, $said) = Narwhal->run(
				args => [ @$check, '--bind', $address, '--metrics-bind', $address, 'examples/public' ]);
			is($status, 1, 'nor may it be the service\'s');
			is($said, "narwhal: metrics_bind: $address: is an address of the service, too\n", 'which');
		}
	}
};

done_testing;
