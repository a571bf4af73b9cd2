# Every end has one true cause: in the worker's obituary, in the counts of the last line, and for
# the container itself in the termination log.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use Test::More;

use Cgroup;
use Narwhal;

my $MODULES = "$Narwhal::BUILD/tests/modules";
my $TROUBLE = "$MODULES/trouble.so";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

sub begin {
	my ($option, @args) = @_;
	my $n = Narwhal->start(%$option, args =>
			[ '--workers', 2, '--min-ready', 2, '--loglevel', 'debug', @args, $TROUBLE ]);

	$n->wait_ready;
	return $n;
}

# The line that tells of a worker's end, when two serve again and nobody else is there.
sub obituary {
	my ($n, $pattern) = @_;
	my $line = $n->wait_line(qr/ worker_exit .*$pattern/);

	$n->wait_until('it is whole again', sub {
		my %state = map { / step slot=(\d+) .* to=(\w+)$/ ? ($1, $2) : () } $n->lines;
		return join(' ', grep { $_ ne 'VACANT' } values %state) eq 'SERVING SERVING';
	});
	return $line;
}

# Asks for trouble.
sub ask {
	my ($n, $path) = @_;

	$n->connect->write("GET $path HTTP/1.1\r\nHost: test\r\n\r\n");
	return obituary($n, qr/request="GET $path"/);
}

# Ends it well; what its last line counts, but for those who left because they were told to.
sub exits {
	my ($n) = @_;

	is($n->stop, 0, 'status 0');
	my ($line) = grep { / info stopped / } $n->lines;
	my %count = map { /^exits_(\w+)=(\d+)$/ ? ($1, $2) : () } split / /, $line;
	cmp_ok(delete $count{retired}, '>=', 2, 'those who were there at the end are retired');
	return \%count;
}

subtest 'an exit, a signal, a refused system call: each as itself, and each is counted' => sub {
	my $n = begin({});

	like(ask($n, '/leave'), qr/ cause=exit status=7 .*request="GET \/leave"/, 'exit');
	like(ask($n, '/segv'), qr/ cause=signal signal=SIGSEGV .*request="GET \/segv"/, 'signal');
	like(ask($n, '/breach'), qr/ cause=sandbox signal=SIGSYS .*request="GET \/breach"/,
		'a call that a filter forbids');
	for my $signal (qw(KILL SYS KILL)) {
		my $cause = $signal eq 'SYS' ? 'sandbox' : 'signal';
		my $pid = ($n->workers)[0];
		kill $signal, $pid;
		like(obituary($n, qr/pid=$pid /), qr/ cause=$cause signal=SIG$signal /, $signal);
	}
	is_deeply(exits($n), { exit => 1, signal => 3, sandbox => 2 }, 'the counts');
};

subtest 'nonsense on the channel, and a closed one, are misbehaviour' => sub {
	my $n = begin({});

	like(ask($n, '/lie'), qr/ cause=misbehaved signal=SIGKILL /, 'nonsense');
	like(ask($n, '/hang-up'), qr/ cause=misbehaved signal=SIGKILL /, 'a closed channel');
	is_deeply(exits($n), { misbehaved => 2 }, 'the counts');
};

subtest 'a hanging worker dies of its timeout, by ABRT or, if it must be, by KILL' => sub {
	my $n = begin({}, '--timeout', '0.2');

	like(ask($n, '/hang'), qr/ cause=timeout signal=SIGABRT .*request="GET \/hang"/, 'ABRT');
	like(ask($n, '/ignore-abort'), qr{ cause=timeout signal=SIGKILL .*"GET /ignore-abort"},
		'KILL');
	is_deeply(exits($n), { timeout => 2 }, 'the counts');
};

subtest 'one that does not boot in time dies of boot_timeout' => sub {
	my $n = Narwhal->start(args => [ '--boot-timeout', '0.1', "$MODULES/hangs.so" ]);

	like($n->wait_line(qr/ worker_exit /), qr/ cause=boot_timeout signal=SIGABRT /, 'told so');
	$n->stop('INT');
	like(join("\n", $n->lines), qr/ stopped .*exits_boot_timeout=/, 'counted');
};

subtest 'one that was told to leave is retired, but not if it dies of something else' => sub {
	my $n = begin({}, '--graceful-timeout', '60');
	my $c = $n->connect;

	$n->signal('TTOU');
	like($n->wait_line(qr/ worker_exit /), qr/ cause=retired status=0 /, 'retired');
	my ($worker) = $n->workers;
	$c->write("GET /hang HTTP/1.1\r\nHost: test\r\n\r\n");    # so that it cannot finish
	$n->signal('TERM')->wait_line(qr/ step .*to=DRAINING/);
	kill 'KILL', $worker;
	like($n->wait_line(qr/ worker_exit /), qr/ cause=signal signal=SIGKILL /, 'killed by another');
	is($n->stop('INT'), 0, 'status 0');    # the request may have come to a successor
};

SKIP: {
	my $group = $> == 0 ? Cgroup->make('memory') : undef;

	skip(Cgroup->missing('memory'), 1) if !$group;
	subtest 'the OOM killer is known by the counter, and nobody else is taken for it' => sub {
		$group->limit_memory(64 << 20);
		my $n = begin({ wrap => [ $group->wrap ] }, '--timeout', 2);

		like(ask($n, '/eat'), qr/ cause=oom signal=SIGKILL .*request="GET \/eat"/, 'oom');
		my $pid = ($n->workers)[0];
		kill 'KILL', $pid;
		like(obituary($n, qr/pid=$pid /), qr/ cause=signal signal=SIGKILL /, 'not KILL');
		like(ask($n, '/ignore-abort'), qr/ cause=timeout signal=SIGKILL /, 'not a timeout');
		like(ask($n, '/eat'), qr/ cause=oom signal=SIGKILL /, 'and oom again');
		is_deeply(exits($n), { oom => 2, signal => 1, timeout => 1 }, 'the counts');
	};
}

# The termination log.

sub fresh_log {
	open my $file, '>', "$dir/log" or die;
	print $file "before\n";
	close $file or die;
	return "$dir/log";
}

sub ends_with {
	my ($name, $wanted, $pattern, @args) = @_;
	my $log = fresh_log();
	my ($status, $output) = Narwhal->run(args => [ '--termination-log', $log, @args ]);

	subtest $name => sub {
		is($status, $wanted, "exit status $wanted") or diag $output;
		like(Narwhal::slurp($log), $pattern, 'the cause') or diag $output;
	};
	return;
}

my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1:0') or die;
my $address = '127.0.0.1:' . $taken->sockport;

ends_with('a start that fails leaves its reason', 1, qr/\A.*\Q$address\E.*in use.*\n\z/i,
	'--bind', $address, $TROUBLE);
ends_with('an app that refuses leaves what it said', 4, qr/\A.*refuses\.so.*\n\z/,
	'--bind', '127.0.0.1:0', "$MODULES/refuses.so");
ends_with('a crash loop at the start is a reason', 3, qr/\A.*boot.*\n\z/,
	'--bind', '127.0.0.1:0', "$MODULES/crashes.so");

subtest 'a good end leaves the file as it is, and makes none' => sub {
	my $log = fresh_log();

	for my $name ($log, "$dir/none") {
		my $n = Narwhal->start(args => [ '--termination-log', $name, $TROUBLE ]);
		$n->wait_ready;
		is($n->stop, 0, 'status 0');
	}
	is(Narwhal::slurp($log), "before\n", 'as it was');
	ok(!-e "$dir/none", 'none made');
};

subtest 'what is no plain file costs a warning, and no start' => sub {
	my $n = Narwhal->start(args => [ '--termination-log', $dir, $TROUBLE ]);

	$n->wait_line(qr/ warning termination_log_refused .*error=EISDIR/);
	$n->wait_ready;
	is($n->stop, 0, 'status 0');
};

subtest 'wrong settings leave their reason, but only those of PID 1' => sub {
	plan skip_all => 'PID namespaces need root' if $> != 0;
	my $log = fresh_log();

	for my $pid1 (0, 1) {
		my ($status) = Narwhal->run(pid1 => $pid1, args => [ '--wokers', 2, $TROUBLE ],
			env => { NARWHAL_TERMINATION_LOG => $log });
		is($status, 1, 'status 1');
		like(Narwhal::slurp($log), $pid1 ? qr/\A.*--wokers.*\n\z/ : qr/\Abefore\n\z/, 'the file');
	}
};

done_testing;
