# Generations: HUP makes a new one; the old one serves until it is ready, or stays.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir = tempdir(CLEANUP => 1);
my $conf = "$dir/narwhal.conf";

chmod 0755, $dir;

sub write_config {
	my (%setting) = @_;
	my %all = (app => $TROUBLE, workers => 2, min_ready => 2, bind => '127.0.0.1:0', %setting);

	Narwhal::write_config($conf, %all);
	return;
}

sub begin {
	my (@args) = @_;
	my $n = Narwhal->start(bind => 0, args => [ '--config', $conf, '--loglevel', 'debug', @args ]);

	$n->wait_ready;
	return $n;
}

sub body {
	my ($n) = @_;

	return $n->get('/')->{body};
}

subtest 'a new generation takes over, and the old one leaves' => sub {
	write_config();
	my $n = begin('--when-ready', "$dir/ready");
	my %old = map { $_ => 1 } $n->workers;

	$n->signal('HUP')->wait_line(qr/ info reloading generation=2/);
	$n->wait_line(qr/ info reloaded generation=2 /);
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/) for 1 .. 2;
	is(scalar(grep { $old{$_} } $n->workers), 0, 'none of the old ones');
	is(scalar $n->workers, 2, 'two new ones');
	ok($n->wait_until('the file', sub { Narwhal::slurp("$dir/ready") =~ /^generation=2$/m }),
		'the ready file says so');
	is($n->get('/')->{status}, 200, 'served');
	is($n->stop, 0, 'status 0');
};

subtest 'what is in the file now counts, and TTIN is kept unless the file says otherwise' => sub {
	write_config();
	my $n = begin();

	$n->signal('TTIN')->wait_line(qr/ worker_ready slot=2 /);
	$n->signal('HUP')->wait_line(qr/ reloading generation=2 workers=3/);
	$n->wait_line(qr/ reloaded generation=2 /);
	write_config(workers => 1);
	$n->signal('HUP')->wait_line(qr/ reloading generation=3 workers=1/);
	$n->wait_line(qr/ reloaded generation=3 /);
	$n->wait_line(qr/ worker_exit .*generation=2 cause=retired/) for 1 .. 3;
	ok($n->wait_until('one worker is left', sub { $n->workers == 1 }), 'one worker');
	is($n->stop, 0, 'status 0');
};

sub stays {
	my ($name, $pattern, %setting) = @_;

	subtest "the old generation stays when $name" => sub {
		write_config();
		my $n = begin();
		my @old = $n->workers;

		write_config(%setting);
		$n->signal('HUP');
		like($n->wait_line(qr/ error reload_failed /, 30), $pattern, 'one line says why');
		is($n->get('/')->{status}, 200, 'it serves');
		$n->wait_until('only the old ones are left', sub { "@old" eq join ' ', $n->workers });
		is(scalar(() = join("\n", $n->lines) =~ / reload_failed /g), 1, 'once');
		write_config();
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		is($n->get('/')->{status}, 200, 'a good one takes over');
		is($n->stop, 0, 'status 0');
	};
	return;
}

my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1:0') or die;
my $MODULES = "$Narwhal::BUILD/tests/modules";

stays('a setting is wrong', qr/narwhal\.conf:\d+: workers: \\"x\\" /, workers => 'x');
stays('the app is missing', qr/nowhere\.so/, app => "$dir/nowhere.so");
stays('the app refuses to load', qr/refuses/, app => "$MODULES/refuses.so");
stays('the app hangs in its load', qr/boot_timeout/, app => "$MODULES/hangs.so", boot_timeout => '0.5');
stays('the app crashes in its load', qr/dies in every boot/, app => "$MODULES/crashes.so");
stays('an address is taken', qr/in use/, bind => '127.0.0.1:' . $taken->sockport);
stays('what is fixed has changed', qr/pidfile.*restart/, pidfile => "$dir/pid");
stays('the user is unknown', qr/user: \\"nosuchuser\\"/, user => 'nosuchuser') if $> == 0;

subtest 'a changed bind: the new address is open before the old one closes' => sub {
	write_config(bind => "unix:$dir/a,unix:$dir/b", idle_grace => 10);
	my $n = begin();
	my $kept = $n->connect("unix:$dir/a");

	is($kept->request('GET', '/')->{status}, 200, 'the first address');
	write_config(bind => "unix:$dir/b,unix:$dir/c", idle_grace => 10);
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	$n->wait_line(qr/ worker_draining /) for 1 .. 2;
	ok(!-e "$dir/a", 'the old file is gone');
	is($n->connect("unix:$dir/$_")->request('GET', '/')->{status}, 200, "$_ serves") for qw(b c);
	is($kept->request('GET', '/')->{fields}{connection}, 'close', 'its client is served once more');
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/) for 1 .. 2;
	is($n->stop, 0, 'status 0');
	ok(!-e "$dir/$_", "no file $_") for qw(b c);
};

subtest 'an address given up, and one that never came to serve, can be had again at once' => sub {
	plan skip_all => 'needs root: only CAP_NET_RAW opens a gated socket again' if $> != 0;
	my $away = "unix:$dir/away";
	my ($first, $second) = map { '127.0.0.1:' . Narwhal::free_port() } 1 .. 2;
	write_config(bind => $first, idle_grace => 60, graceful_timeout => 60);
	my $n = begin();
	my $kept = $n->connect($first);

	is($kept->request('GET', '/')->{status}, 200, 'the first address');
	write_config(bind => $away);
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	ok(!IO::Socket::INET->new(PeerAddr => $first), 'new clients are refused there');
	write_config(bind => "$away,$second", app => "$MODULES/hangs.so", boot_timeout => 60);
	$n->signal('HUP')->wait_line(qr/ reloading generation=3 /);
	$n->wait_line(qr/ event=SPAWNED /) for 1 .. 2;
	write_config(bind => "$first,$second");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=4 /);
	is($n->connect($_)->request('GET', '/')->{status}, 200, "$_ serves") for $first, $second;
	is($kept->request('GET', '/')->{fields}{connection}, 'close', 'a worker held the first one');
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/);
	write_config(bind => $away);
	$n->signal('HUP')->wait_line(qr/ reloaded generation=5 /);
	$n->wait_line(qr/ worker_exit .*generation=4 cause=retired status=0/) for 1 .. 2;
	for my $address ($first, $second) {
		ok($n->wait_until("$address is free", sub {
			IO::Socket::INET->new(Listen => 1, LocalAddr => $address, ReuseAddr => 1);
		}), "$address is free when the last of its workers is gone");
	}
	is($n->stop, 0, 'status 0');
};

subtest 'without CAP_NET_RAW it can be had when its workers are gone' => sub {
	plan skip_all => 'needs root, to be nobody' if $> != 0;
	my ($first, $second) = map { '127.0.0.1:' . Narwhal::free_port() } 1 .. 2;
	write_config(bind => $first, idle_grace => 60, graceful_timeout => 60);
	my $n = Narwhal->start(bind => 0, user => 65534, args => [ '--config', $conf ]);

	$n->wait_ready;
	my $kept = $n->connect;
	is($kept->request('GET', '/')->{status}, 200, 'the first address');
	write_config(bind => $second);
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	write_config(bind => $first);
	$n->signal('HUP');
	like($n->wait_line(qr/ reload_failed /), qr/$first: workers that drain still hold this socket/, 'why');
	is($n->connect($second)->request('GET', '/')->{status}, 200, 'the old generation serves on');
	$kept->close;
	$n->wait_lines(qr/ worker_exit .*generation=1 cause=retired status=0/, 2);
	$n->signal('HUP')->wait_line(qr/ reloaded /);
	is($n->connect($first)->request('GET', '/')->{status}, 200, 'then it serves');
	is($n->stop, 0, 'status 0');
};

subtest 'rolling: one at a time' => sub {
	write_config(workers => 4, min_ready => 4, reload_surge => 1);
	my $n = begin();

	$n->signal('HUP')->wait_line(qr/ worker_exit .*generation=1 cause=retired/);
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired/) for 1 .. 3;
	my ($most, $booting, $reloading) = (0, 0, 0);
	for ($n->lines) {
		$reloading = 1 if / reloading /;
		$booting++ if $reloading && /event=SPAWNED/;
		$booting-- if $reloading && /event=READY/;
		$most = $booting if $booting > $most;
	}
	is($most, 1, 'never two boot at once');
	is($n->stop, 0, 'status 0');
};

subtest 'HUP during a drain is ignored, TERM during a reload is not' => sub {
	write_config();
	my $n = begin('--drain-delay', 3600);
	write_config(app => "$MODULES/hangs.so");
	$n->signal('HUP')->wait_line(qr/ reloading /);
	$n->signal('TERM')->wait_line(qr/ reload_failed .*the service ends/);
	$n->signal('HUP')->wait_line(qr/ reload_ignored phase=LINGER/);
	is($n->stop, 0, 'status 0');
};

subtest 'a second HUP supersedes the first' => sub {
	write_config();
	my $n = begin();
	write_config(app => "$MODULES/hangs.so");
	$n->signal('HUP')->wait_line(qr/ reloading generation=2/);
	write_config();
	$n->signal('HUP')->wait_line(qr/ reload_failed generation=2 .*another reload/);
	$n->wait_line(qr/ reloaded generation=3/);
	is($n->stop, 0, 'status 0');
};

subtest 'WINCH sends the workers home, HUP and TTIN bring them back' => sub {
	write_config();
	my $n = begin();
	$n->signal('WINCH')->wait_line(qr/ info unready phase=REST/);
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	is(scalar $n->workers, 0, 'none is left');
	my $waiting = $n->connect;
	$waiting->write("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
	$n->signal('HUP')->wait_line(qr/ info ready /);
	is($waiting->response->{status}, 200, 'who waited in the backlog is served');
	$n->signal('WINCH')->wait_line(qr/ worker_exit .*cause=retired/) for 1;
	$n->wait_line(qr/ worker_exit .*cause=retired/);
	$n->signal('TTIN')->wait_line(qr/ info ready .*workers=3/);
	$n->signal('WINCH')->wait_line(qr/ info unready phase=REST/);
	is($n->stop, 0, 'TERM ends one that rests');
};

subtest 'max_requests: a successor is ready before the old one leaves' => sub {
	write_config(workers => 1, min_ready => 1, max_requests => 10);
	my $n = begin();
	my ($c, $served) = ($n->connect, 0);
	my %pids;

	while (keys %pids < 5) {
		my $answer = $c->request('GET', '/') or die "lost after $served";
		$pids{$1} = 1 if $answer->{body} =~ /pid=(\d+)/;
		$served++;
		$c = $n->connect if ($answer->{fields}{connection} // '') eq 'close';
	}
	cmp_ok($served, '>=', 40, "several workers took part in $served requests");
	ok(!(grep { / info unready / } $n->lines), 'it was ready all the time')
		or diag join "\n", $n->lines;
	is($n->stop, 0, 'status 0');
};

done_testing;
