# Programs in any language as workers: what they are born with, when they are ready, what ends them.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Counter;
use Narwhal;

my $OUTSIDER = "$Narwhal::BUILD/tests/programs/outsider";
my $IS_ROOT = $> == 0;
my $DIR = tempdir(CLEANUP => 1);
chmod 0755, $DIR;

sub start {
	my ($flags, @words) = @_;

	return Narwhal->start(args => [ @$flags, '--', @words ]);
}

sub begin {
	my $n = start(@_);

	$n->wait_ready;
	return $n;
}

# What a program says of itself, by name; what it has several of as a list.
sub told {
	my ($n, $address) = @_;
	my $body = $n->connect($address)->request('GET', '/')->{body};
	my %told = map { /^(\w+)=(.*)/ ? ($1, $2) : () } split /\n/, $body;

	$told{words} = [ $body =~ /^word=(.*)$/mg ];
	return \%told;
}

subtest 'it is born with its listeners, its words, and nothing of root' => sub {
	my $n = begin([ '--bind', "unix:$DIR/a:b.sock", '--timeout', 7 ], $OUTSIDER, '{fd}', 'port={port}',
		'{slot}/{generation}', '{"json": [{}]}', "it's");
	my $told = told($n);

	is($told->{mine}, 1, 'LISTEN_PID is its own');
	is($told->{blocking}, 1, 'as systemd hands them over');
	is($told->{fds}, 2, 'LISTEN_FDS');
	is($told->{names}, $n->port . ':a_b.sock', 'LISTEN_FDNAMES');
	is_deeply($told->{words}, [ 3, 'port=' . $n->port, '0/1', '{"json": [{}]}', "it's" ], 'its words');
	is($told->{uid}, $IS_ROOT ? 65534 : $>, 'it is not root');
	is($told->{watchdog}, 7_000_000, 'WATCHDOG_USEC is timeout');
	is($told->{own}, 1, 'WATCHDOG_PID is its own');
	is($told->{open}, 6, 'three standard descriptors, two listeners, a client, and no other');
	is(told($n, "unix:$DIR/a:b.sock")->{pid}, $told->{pid}, 'the second listener, too');

	my $status = Narwhal::slurp("/proc/$told->{pid}/status");
	like($status, qr/^NoNewPrivs:\s+1$/m, 'no new privileges');
	like($status, qr/^Cap(?:Eff|Bnd):\s+0+$/m, 'no capabilities') if $IS_ROOT;
	like($status, qr/^Seccomp:\s+2$/m, 'a filter is around it');
	is(readlink "/proc/$told->{pid}/fd/0", '/dev/null', 'nothing to read');
	is($n->stop, 0, 'TERM ends it with status 0');
};

subtest 'it counts as ready when it says so, also by a child' => sub {
	for my $how (qw(notify child)) {
		my $go = "$DIR/go.$how";
		my $n = start([ '--exec-ready', 'notify', '--when-ready', "$DIR/ready", '--loglevel', 'debug' ],
			$OUTSIDER, $how, "when=$go");

		$n->wait_line(qr/ worker_spawned /);
		$n->wait_until('it is executed', sub {
			Narwhal::find_below($n->arbiter, 'outsider') });
		ok(!-e "$DIR/ready", "$how: no ready file before");
		Narwhal::write_file($go, '');
		$n->wait_ready;
		ok($n->wait_until('the file', sub { -e "$DIR/ready" }), "$how: a ready file from then on");
		is(scalar(grep { / worker_status slot=0 status="a child says so"/ } $n->lines), $how eq 'child' ? 1 : 0,
			"$how: its status is in the debug log");
		is($n->stop, 0, "$how: status 0");
		ok(!-e "$DIR/ready", "$how: and none at the end");
	}
};

subtest 'it counts as ready when it waits for connections, also behind a shell' => sub {
	my %words = (alone => [$OUTSIDER], shell => [ 'sh', '-c', '"$@"; exit $?', 'sh', 'env',
		'-u', 'LISTEN_PID', $OUTSIDER, 'borrowed' ]);

	for my $how (sort keys %words) {
		my $go = "$DIR/go.accept.$how";
		my $n = start([ '--exec-ready', 'accept', '--loglevel', 'debug' ], @{ $words{$how} },
			"when=$go");

		$n->wait_until('it is executed', sub { Narwhal::find_below($n->arbiter, 'outsider') });
		$n->wait_until('somebody looks', sub { Narwhal::find_below($n->arbiter, 'narwhal-sentry') });
		is(scalar(grep { / info ready / } $n->lines), 0, "$how: not ready before");
		Narwhal::write_file($go, '');
		$n->wait_ready;
		ok(told($n)->{pid}, "$how: ready then");
		is(scalar(grep { / worker_unseen / } $n->lines), 0, "$how: because it was seen");
		kill 'TERM', Narwhal::find_below($n->arbiter, 'outsider') if $how eq 'shell';
		$n->stop;
	}
};

subtest 'one that ends at once is never ready, and its status is its own' => sub {
	for (1 .. 5) {    # who is on its way out shows nothing for a moment: many ways to meet that
		my $n = start([ '--workers', 4 ], 'sh', '-c', 'exit 3');

		like($n->wait_line(qr/ warning worker_exit /), qr/ cause=exit status=3 /, 'the cause');
		$n->wait_line(qr/ worker_exit /) for 1 .. 3;
		is(scalar(grep { / info ready / } $n->lines), 0, 'it was not ready');
		is($n->stop('INT'), 0, 'status 0');
	}
};

subtest 'where /proc shows nothing, it is ready when it was executed, and that is said' => sub {
	plan(skip_all => 'needs root') if !$IS_ROOT;
	plan(skip_all => 'a sanitizer reads its options in /proc') if $ENV{SANITIZE};
	my $n = Narwhal->start(args => [ '--', $OUTSIDER ], wrap => [ 'unshare', '--mount', 'sh', '-c',
		'mount -t tmpfs none /proc && exec "$@"', 'sh' ]);

	$n->wait_line(qr/ warning worker_unseen slot=0 /);
	$n->wait_ready;
	ok(told($n)->{pid}, 'it serves');
	is($n->stop, 0, 'status 0');
};

subtest 'one that does not say it in time is ended, and the line says why' => sub {
	my $n = start([ '--exec-ready', 'notify', '--boot-timeout', '0.3' ], $OUTSIDER);

	like($n->wait_line(qr/ worker_exit /), qr/ cause=boot_timeout signal=SIGABRT /, 'the cause');
	is($n->wait_end, 3, 'status 3');
};

subtest 'one that misses its watchdog is ended with cause timeout, and born again' => sub {
	my $n = begin([ '--timeout', 1 ], $OUTSIDER, 'beat');

	like($n->wait_line(qr/ worker_exit /), qr/ cause=timeout signal=SIGABRT /, 'the cause');
	$n->wait_line(qr/ worker_ready slot=0 /);
	ok(told($n)->{pid}, 'it serves');
	$n->stop;
};

subtest 'one that is killed is born again, and all of its group goes with it' => sub {
	my $n = begin([ '--loglevel', 'debug' ], $OUTSIDER, 'unlinger');
	my $pid = told($n)->{pid};
	my ($child) = Narwhal::children($pid);

	ok($child, 'it has a child');
	kill 'KILL', $pid;
	like($n->wait_line(qr/ worker_exit /), qr/ cause=signal signal=SIGKILL /, 'the cause');
	$n->wait_until('its child is gone, and another one serves', sub {
		my $lines = join "\n", $n->lines;
		return $lines =~ / orphan_reaped pid=$child / && $lines =~ / info worker_ready slot=0 /;
	});
	isnt(told($n)->{pid}, $pid, 'another one serves');
	is($n->stop, 0, 'status 0');
};

subtest 'one that does not leave in time is killed' => sub {
	my $n = begin([ '--graceful-timeout', '0.3', '--exec-ready', 'notify' ], $OUTSIDER, 'deaf', 'notify');

	$n->signal('TERM');
	like($n->wait_line(qr/ worker_exit /), qr/ cause=graceful_timeout signal=SIGKILL /, 'the cause');
	is($n->wait_end, 0, 'status 0');
};

subtest 'signals that are none of the arbiter\'s reach it' => sub {
	my $n = begin([ '--exec-ready', 'notify' ], $OUTSIDER, 'signals', 'notify');

	$n->signal('ALRM')->wait_line(qr/^got number=14 /);
	system("$Narwhal::BUILD/tests/programs/witness", 'queue', $n->arbiter, 37, 1);
	like($n->wait_line(qr/^got number=37 /), qr/value=0$/, 'a real-time one, with its value');
	is($n->stop, 0, 'status 0');
};

subtest 'what cannot be started ends with status 4, and --check-config says so before' => sub {
	my $plain = Narwhal::write_file("$DIR/plain", "no program\n");
	my %wrong = ('no-such-program' => 'not found in PATH', $plain => 'Permission denied');

	for my $word (sort keys %wrong) {
		my $line = "$word: $wrong{$word}";
		# What stands in directories that only root may enter is refused, not missing.
		my %option = (env => { PATH => '/usr/bin:/bin' });
		my ($status, $output) =
			Narwhal->run(%option, args => [ '--bind', '127.0.0.1:0', '--', $word ]);

		is($status, 4, "$line: status 4");
		like($output, qr/ worker_failed .*reason="?\Q$line\E/, 'a line says why');
		($status, $output) = Narwhal->run(%option,
			args => [ '--check-config', '--bind', '127.0.0.1:0', '--', $word ]);
		is($status, 1, '--check-config: status 1');
		like($output, qr/^narwhal: \Q$line\E$/m, 'says why');
	}
};

subtest 'settings that would be a lie are refused, and idle ones are told of once' => sub {
	my %wrong = (
		'--bind-tls: a program behind --' => [ '--bind-tls', '127.0.0.1:0' ],
		'--reuse-port: a program behind --' => ['--reuse-port'],
		'--sandbox: allowed are app and off' => [ '--sandbox', 'strict' ],
		'--landlock: which files' => [ '--landlock', 'require' ],
	);
	my @bind = ('--bind', "unix:$DIR/other");

	for my $reason (sort keys %wrong) {
		my ($status, $output) = Narwhal->run(args => [ @bind, @{ $wrong{$reason} }, '--', $OUTSIDER ]);
		is($status, 1, "$reason: status 1");
		like($output, qr/^narwhal: \Q$reason\E/, 'says so');
	}
	my ($status, $output) = Narwhal->run(args => [ @bind, '--', $OUTSIDER, '{port}' ]);
	is($status, 1, 'a port of a unix socket: status 1');
	like($output, qr/^narwhal: \{port\} stands in the words/, 'says so');

	my $n = begin([ '--keepalive', 3, '--accesslog', '-' ], $OUTSIDER);
	for my $flag ('--keepalive', '--accesslog') {
		is(scalar(grep { / warning config warning="$flag: does nothing for a program behind --"$/ } $n->lines),
			1, "$flag is told of once");
	}
	is($n->stop, 0, 'status 0');
};

subtest 'narwhal check knows it' => sub {
	my ($status, $output) = Narwhal->run(args => [ 'check', '--bind', '127.0.0.1:0', '--', $OUTSIDER ]);

	like($output, qr/a program that is there; not started/, 'there it is');
	($status, $output) = Narwhal->run(args => [ 'check', '--bind', '127.0.0.1:0', '--', 'no-such-program' ]);
	like($output, qr/no-such-program: not found in PATH/, 'there it is not');
	isnt($status, 0, 'and that is a failure');
};

subtest 'a config file may name one' => sub {
	my $n = Narwhal->start(args => [ '--config',
		Narwhal::write_file("$DIR/conf", "app = -- $OUTSIDER 'a b'\n") ]);

	$n->wait_ready;
	is_deeply(told($n)->{words}, ['a b'], 'its words');
	is($n->stop, 0, 'status 0');
};

subtest 'a reload under load loses nothing' => sub {
	my $n = begin([ '--workers', 2, '--min-ready', 2, '--exec-ready', 'notify' ], $OUTSIDER, 'notify');
	my $counter = Counter->start($n->addresses, closing => 8);

	for my $generation (2 .. 4) {
		$counter->wait_answered(200);
		$n->signal('HUP')->wait_line(qr/ reloaded generation=$generation /);
		$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	}
	$counter->wait_answered(200);
	is(Counter::lost($counter->finish), '', 'no request was lost') or diag(join "\n", $n->lines);
	is($n->stop, 0, 'status 0');
};

subtest 'a reload that gives up an address serves what waits there' => sub {
	my $conf = "$DIR/two.conf";
	my @ports = map { Narwhal::free_port() } 1 .. 2;
	my %settings = (app => "-- $OUTSIDER notify", exec_ready => 'notify');
	Narwhal::write_config($conf, %settings, bind => join ',', map { "127.0.0.1:$_" } @ports);
	my $n = Narwhal->start(bind => 0, args => [ '--config', $conf ]);
	$n->wait_ready;
	my $pid = told($n)->{pid};

	kill 'STOP', $pid;
	my @waiting = map { $n->connect("127.0.0.1:$ports[1]") } 1 .. 5;
	$_->write("GET / HTTP/1.1\r\n\r\n") for @waiting;
	Narwhal::write_config($conf, %settings, bind => "127.0.0.1:$ports[0]");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	$n->signal('USR1')->wait_line(qr/ log_reopened /);    # a turn later: who was to get SIGTERM has it
	kill 'CONT', $pid;
	is(scalar(grep { ($_->response // { body => '' })->{body} =~ /^pid=$pid$/m } @waiting), 5, 'all are answered');
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/);
	is($n->stop, 0, 'status 0');
};

subtest 'a stop serves what waits in the backlog' => sub {
	my $n = begin([ '--exec-ready', 'notify' ], $OUTSIDER, 'notify');
	my $pid = told($n)->{pid};

	kill 'STOP', $pid;
	my @waiting = map { $n->connect } 1 .. 5;
	$_->write("GET / HTTP/1.1\r\n\r\n") for @waiting;
	$n->signal('TERM')->wait_line(qr/ unready phase=DRAIN/);
	kill 'CONT', $pid;
	is(scalar(grep { $_->response->{body} =~ /^pid=$pid$/m } @waiting), 5, 'all are answered');
	is($n->wait_end, 0, 'status 0');
};

subtest 'an upgrade in place keeps it, and it is heard from then on' => sub {
	my $n = begin([ '--exec-ready', 'notify', '--upgrade-probation', '0.1' ], $OUTSIDER, 'notify');

	$n->signal('USR2')->wait_line(qr/ upgraded /, 30);
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/);
	ok(told($n)->{pid}, 'it serves');
	is($n->stop, 0, 'status 0');
};

done_testing;
