# No request is lost, whatever is asked of the service while clients send one after the other.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Select;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_CORK);
use Test::More;

use Counter;
use Narwhal;

my $dir = tempdir(CLEANUP => 1);
my $conf = "$dir/narwhal.conf";
my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $ECHO = "$Narwhal::BUILD/examples/echo.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $UNIX = "unix:$dir/socket";

chmod 0755, $dir;

# First: does the counter see what is lost? A server that fails on purpose, by a seeded chance.

my %FAILURE = (
	closed => sub { CORE::close $_[0] },
	reset => sub { setsockopt $_[0], SOL_SOCKET, SO_LINGER, pack('ii', 1, 0); CORE::close $_[0] },
	cut => sub { syswrite $_[0], answer(200, 'a b') =~ s/ b\z//r; CORE::close $_[0] },
	status => sub { syswrite $_[0], answer(500, 'oh') },
	malformed => sub { syswrite $_[0], "oh\r\n\r\n"; CORE::close $_[0] },
	answered_close => sub { syswrite $_[0], answer(200, 'ok', 'Connection: close'); CORE::close $_[0] },
	silent_close => sub { syswrite $_[0], answer(200, 'ok'); CORE::close $_[0] },
	# Both at once, however busy the machine is.
	final_close => sub {
		setsockopt $_[0], IPPROTO_TCP, TCP_CORK, 1;
		syswrite $_[0], answer(200, 'ok');
		CORE::close $_[0];
	},
);

sub answer {
	my ($status, $body, @fields) = @_;

	return join "\r\n", "HTTP/1.1 $status X", 'Content-Length: ' . length $body, @fields, '', $body;
}

# One request: as it should be, or in one of twenty cases not. Returns what was done.
sub serve_badly {
	my ($socket, @failures) = @_;
	my $n = int rand 20;
	my $bytes = '';

	if (!sysread $socket, $bytes, 65536) {
		CORE::close $socket;
		return;
	}
	if ($n >= @failures) {
		syswrite $socket, answer(200, 'ok');
		return 'answered';
	}
	$FAILURE{ $failures[$n] }->($socket);
	return $failures[$n];
}

# Serves until the pipe ends, then writes what it did. Never returns.
sub be_bad_server {
	my ($listener, $pipe, @failures) = @_;
	my $all = IO::Select->new($listener, $pipe);
	my %done;

	srand 42;
	$SIG{PIPE} = 'IGNORE';
	while (1) {
		for my $socket ($all->can_read) {
			if ($socket == $pipe) {
				syswrite $pipe, join ' ', %done;
				POSIX::_exit(0);
			}
			if ($socket == $listener) {
				$all->add($listener->accept // next);
				next;
			}
			my $what = serve_badly($socket, @failures);
			$done{$what}++ if defined $what;
			$all->remove($socket) if !defined fileno $socket;
			$all->remove($_) for grep { !defined fileno $_ } $all->handles;
		}
	}
}

# The counter's counts, and what the server says it did.
sub against_bad_server {
	my ($failures, %option) = @_;
	my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1:0') or die;
	socketpair my $ours, my $its, Socket::AF_UNIX, Socket::SOCK_STREAM, 0 or die;
	my $pid = fork // die;

	if ($pid == 0) {
		CORE::close $ours;
		be_bad_server($listener, $its, @$failures);
	}
	CORE::close $its;
	my $counter = Counter->start('127.0.0.1:' . $listener->sockport, %option);
	$counter->wait_answered(500);
	my $counts = $counter->finish;
	shutdown $ours, 1;
	my %done = split ' ', do { local $/; readline $ours } // '';
	waitpid $pid, 0;
	$? = 0;
	return ($counts, \%done);
}

subtest 'the counter sees what a bad server does' => sub {
	my @failures = qw(closed reset cut status malformed answered_close);
	my ($counts, $done) = against_bad_server(\@failures, keepalive => 8);

	cmp_ok($counts->{$_}, '>=', 5, "$_: several") for @failures;
	is($counts->{$_}, $done->{$_}, "$_: each one") for @failures;
	is($counts->{answered}, $done->{answered} + $done->{answered_close}, 'answered: each one');
	is(Counter::unaccounted($counts), 0, 'and nothing else');
	is($counts->{exit}, 1, 'its status tells');
	like(Counter::lost($counts), qr/^closed=\d+ reset=\d+ cut=/, 'and its words');
};

subtest 'a request that crosses with a close is lost, an idle connection is not' => sub {
	my ($crossed) = against_bad_server([ ('silent_close') x 2 ], keepalive => 8);
	cmp_ok($crossed->{closed} + $crossed->{reset}, '>', 0, 'crossed');
	is($crossed->{answered}, $crossed->{sent} - $crossed->{closed} - $crossed->{reset}, 'only these');
	my ($idle) = against_bad_server([ ('final_close') x 2 ], keepalive => 8, pause => 20);
	cmp_ok($idle->{idle_closed}, '>', 0, 'closed while idle');
	is(Counter::lost($idle), '', 'and none of these is lost');
};

# Now the real thing: everything on two addresses, and 64 clients of each kind on both.

# A client that the machine lets wait for longer than idle_grace may cross with the close of its
# connection: there is grace enough, and no worker waits that long, as all clients go on asking.
sub begin {
	my (%given) = @_;
	my %settings = (app => $HELLO, workers => 2, min_ready => 2, bind => "127.0.0.1:0,$UNIX",
		idle_grace => 2, %given);

	write_config(%settings);
	my $n = Narwhal->start(bind => 0, args => [ '--config', $conf ]);
	$n->wait_ready;
	$n->{settings} = \%settings;
	return $n;
}

sub write_config {
	my (%settings) = @_;

	Narwhal::write_config($conf, %settings);
	return;
}

# For the next reload.
sub setting {
	my ($n, $name, $value) = @_;

	$n->{settings}{$name} = $value;
	write_config(%{ $n->{settings} });
	return;
}

sub load {
	my ($n, %option) = @_;
	my @counters = map {
		Counter->start($_, keepalive => 64, closing => 64, patience => 1000 * $Narwhal::PATIENCE, %option)
	} $n->addresses;

	$_->wait_answered(300) for @counters;
	return @counters;
}

sub none_lost {
	my ($n, @counters) = @_;
	my $answered = 0;

	for my $counter (@counters) {
		my $counts = $counter->finish;
		my $ok = is(Counter::lost($counts), '', "none of $counts->{sent} requests is lost");
		is(Counter::unaccounted($counts), 0, 'all are accounted for');
		diag JSON::PP::encode_json($counts) if !$ok;
		diag join "\n", $n->lines if !$ok;
		$answered += $counts->{answered};
	}
	return $answered;
}

# Some work between two things that happen.
sub work {
	$_->wait_answered(50) for @_;
	return;
}

sub goodbye {
	my ($n) = @_;

	is($n->stop, 0, 'status 0');
	is(scalar(grep { / (?:warning|error) / } $n->lines), 0, 'no complaint')
		or diag join "\n", grep { / (?:warning|error) / } $n->lines;
	return;
}

subtest 'no request is lost in twenty reloads' => sub {
	my $n = begin();
	my @counters = load($n);

	for my $generation (2 .. 21) {
		$n->signal('HUP')->wait_line(qr/ reloaded generation=$generation /);
		work(@counters);
	}
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	none_lost($n, @counters);
	goodbye($n);
};

subtest 'nor of clients that think for a while before each request' => sub {
	my $n = begin();
	my @counters = load($n, pause => 50, closing => 0);

	for my $generation (2 .. 4) {
		$n->signal('HUP')->wait_line(qr/ reloaded generation=$generation /);
		$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	}
	is(grep({ $_->counts->{idle_closed} } @counters), 0, 'no connection is closed unannounced');
	none_lost($n, @counters);
	goodbye($n);
};

subtest 'nor in rolling ones, one worker at a time' => sub {
	my $n = begin(workers => 4, reload_surge => 1);
	my @counters = load($n);

	for my $generation (2 .. 4) {
		$n->signal('HUP')->wait_line(qr/ reloaded generation=$generation /);
		work(@counters);
	}
	# The next reload may come before the one before has all of its four: so it is not exits that count.
	$n->wait_until('four of the last generation and no other', sub {
		my @of = map { Narwhal::generation($_) } $n->workers;
		return @of == 4 && !grep { $_ != 4 } @of;
	});
	none_lost($n, @counters);
	goodbye($n);
};

subtest 'nor when workers come and go' => sub {
	my $n = begin();
	my @counters = load($n);

	for (1 .. 25) {
		$n->signal('TTIN')->wait_line(qr/ worker_ready /);
		work(@counters);
		$n->signal('TTOU')->wait_line(qr/ worker_exit .*cause=retired status=0/);
	}
	none_lost($n, @counters);
	goodbye($n);
};

subtest 'nor when they are replaced after fifty requests' => sub {
	my $n = begin(workers => 4, max_requests => 50, max_requests_jitter => 50);
	my @counters = load($n);

	$_->wait_answered(10_000) for @counters;
	cmp_ok(none_lost($n, @counters), '>=', 20_000, 'enough requests');
	ok(!(grep { / info unready / } $n->lines), 'it was ready all the time');
	cmp_ok(scalar(grep { / worker_exit .*cause=retired / } $n->lines), '>=', 20, 'many were replaced');
	goodbye($n);
};

subtest 'nor while all workers are sent home: who comes then, waits' => sub {
	my $n = begin();
	my @counters = load($n);

	for (1 .. 3) {
		$n->signal('WINCH')->wait_line(qr/ info unready phase=REST/);
		$n->wait_until('all are gone', sub { !$n->workers });
		$n->signal('HUP')->wait_line(qr/ info ready /);
		work(@counters);
	}
	none_lost($n, @counters);
	goodbye($n);
};

subtest 'nor when addresses change, kept or given up' => sub {
	my $n = begin(bind => "127.0.0.1:0,$UNIX,unix:$dir/old");
	my @counters = load($n);
	my $old = pop @counters;

	for (1 .. 3) {
		setting($n, bind => "127.0.0.1:0,$UNIX" . ($_ % 2 ? '' : ",unix:$dir/old"));
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		work(@counters);
		$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	}
	cmp_ok($old->counts->{refused}, '>', 0, 'clients are refused where it listens no more');
	none_lost($n, @counters, $old);
	goodbye($n);
};

subtest 'nor when an address comes back while its first workers still drain' => sub {
	plan skip_all => 'needs root: only CAP_NET_RAW opens a gated socket again' if $> != 0;
	my $abstract = "unix:\@$dir/abstract";
	my $n = begin(bind => "127.0.0.1:0,$abstract,$UNIX", idle_grace => 60, graceful_timeout => 60);
	my $kept = $n->connect;

	is($kept->request('GET', '/')->{status}, 200, 'a client that stays');
	my @counters = load($n);
	for (1 .. 3) {
		my $before = $counters[0]->counts->{refused};
		setting($n, bind => $UNIX);
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		$n->wait_until('new clients are refused', sub { $counters[0]->counts->{refused} > $before });
		setting($n, bind => "127.0.0.1:0,$abstract,$UNIX");
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		work(@counters);
	}
	is($kept->request('GET', '/')->{fields}{connection}, 'close', 'its worker was there all the time');
	none_lost($n, @counters);
	goodbye($n);
};

subtest 'nor with bodies, nor of a pipeline' => sub {
	for (
		[ 'bodies of 64 KiB', $ECHO, body => 65536, keepalive => 16, closing => 16 ],
		[ 'a pipeline', $HELLO, pipeline => 8 ],
		)
	{
		my ($name, $app, %option) = @$_;
		my $n = begin(app => $app);
		my @counters = load($n, %option);

		for my $generation (2 .. 6) {
			$n->signal('HUP')->wait_line(qr/ reloaded generation=$generation /);
			work(@counters);
		}
		is($n->stop, 0, "$name: status 0");
		none_lost($n, @counters);
	}
};

subtest 'nor in a stop under load: clients are told to close, then refused' => sub {
	for my $delay (0, 0.2) {
		my $n = begin(drain_delay => $delay, idle_grace => 2);
		my @counters = load($n);

		is($n->stop, 0, "drain_delay=$delay: status 0");
		for my $counter (@counters) {
			$n->wait_until('clients are refused', sub { $counter->counts->{refused} != 0 });
			cmp_ok($counter->counts->{answered_close}, '>=', 64, 'each was told');
		}
		none_lost($n, @counters);
		like(join("\n", $n->lines), qr/ stopped .*dropped=0 killed=0 /, 'and it says so itself');
	}
};

subtest 'nor of those that wait in the backlog of a busy worker' => sub {
	my $n = begin(app => $TROUBLE, workers => 1, min_ready => 1);

	for my $address ($n->addresses) {
		my $busy = $n->connect($address);
		$busy->write("GET /nap HTTP/1.1\r\nHost: test\r\n\r\n");
		$n->{napping}{$address} = $busy;
	}
	my @counters = map { Counter->start($_, keepalive => 10, closing => 10) } $n->addresses;
	$n->wait_until('they wait', sub { !grep { $_->counts->{sent} < 20 } @counters });
	is($n->stop, 0, 'status 0');
	is($n->{napping}{$_}->response->{status}, 200, 'the one that ran') for $n->addresses;
	none_lost($n, @counters);
};

subtest 'nor of those that wait at an address that is given up' => sub {
	for my $given_up (0, 1) {
		my $n = begin(app => $TROUBLE, workers => 1, min_ready => 1);
		my @address = $n->addresses;
		my $busy = $n->connect($address[$given_up]);

		$busy->write("GET /nap HTTP/1.1\r\nHost: test\r\n\r\n");
		my $counter = Counter->start($address[$given_up], keepalive => 10, closing => 10);
		$n->wait_until('they wait', sub { $counter->counts->{sent} >= 20 });
		setting($n, bind => $given_up ? '127.0.0.1:0' : $UNIX);
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		is($busy->response->{status}, 200, 'the one that ran');
		none_lost($n, $counter);
		goodbye($n);
	}
};

subtest 'nor of those that have connected, and take their time to ask' => sub {
	my $n = begin(idle_grace => 0.5, loglevel => 'debug');
	my @late = map { my $address = $_; map { $n->connect($address) } 1 .. 20 } $n->addresses;

	$n->signal('TERM')->wait_line(qr/ phase name=DRAIN/);
	select undef, undef, undef, 0.15;    # the clients' own pace
	$_->write("GET / HTTP/1.1\r\nHost: test\r\n\r\n") for @late;
	is(scalar(grep { eval { $_->response->{status} } // 0 == 200 } @late), 40, 'all are answered');
	is($n->wait_end, 0, 'status 0');
};

# Reads a part, says how far it is.
sub read_part {
	my ($c, $size) = @_;
	my $before = length $c->{rest};

	return $c->fill(sub { length($c->{rest}) >= $before + $size });
}

subtest 'a slow download comes to its end, over a reload and a stop' => sub {
	my $size = 4 << 20;
	mkdir "$dir/public" or die;
	open my $file, '>', "$dir/public/large.bin" or die;
	print $file pack 'N*', 1 .. $size / 4;
	close $file or die;
	my $n = begin(app => "$dir/public", workers => 1, min_ready => 1);
	my @slow = map { $n->connect($_) } $n->addresses;

	setsockopt $_->{socket}, SOL_SOCKET, Socket::SO_RCVBUF(), 65536 for @slow;
	$_->write("GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n") for @slow;
	read_part($_, 4096) for @slow;
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	push @slow, map { $n->connect($_) } $n->addresses;
	$_->write("GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n") for @slow[ 2, 3 ];
	read_part($_, 4096) for @slow;
	$n->signal('TERM');
	for (1 .. 20) {
		select undef, undef, undef, 0.1;    # the client's own pace: two seconds in all
		read_part($_, 100_000) for @slow;
	}
	for my $c (@slow) {
		my $answer = $c->response;
		is(length $answer->{body}, $size, 'whole');
		ok($answer->{body} eq pack('N*', 1 .. $size / 4), 'and right');
	}
	is($n->wait_end, 0, 'status 0');
	is(scalar(grep { / worker_exit .*cause=retired status=0/ } $n->lines), 2, 'none was killed');
};

done_testing;
