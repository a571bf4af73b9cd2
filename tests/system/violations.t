# What a sandbox refuses is seen: one line with the call's name, the worker, the request in hand and the
# setting that would allow it; the call is never executed; and the service serves on.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/../fault";
use Counter;
use Fault qw(be_whole serves settle unharmed vitals);
use Narwhal;
use Upgrade;

my $BREACHES = "$Narwhal::BUILD/tests/modules/breaches.so";
my $SANITIZE = ($ENV{SANITIZE} // 0) eq '1';
my %number = (x86_64 => { getsid => 124, mkdir => 83, mount => 165 },
	aarch64 => { getsid => 156, mkdirat => 34, mount => 40 });
my $ARCH = (POSIX::uname())[4];
my ($MKDIR) = grep { /^mkdir/ } keys %{ $number{$ARCH} };
my $dir = tempdir(CLEANUP => 1);

chmod 0777, $dir;

sub begin {
	my ($option, @args) = @_;

	my @verb = @{ delete $option->{command} // [] };

	return Narwhal->start(cwd => $dir, bind => 0, %$option, args => [ @verb, '--bind', '127.0.0.1:0',
		'--landlock', 'off', '--workers', 2, '--min-ready', 2, '--loglevel', 'debug', @args, $BREACHES ]);
}

# The answer's status on a connection of its own; 0 when the connection ends without one.
sub ask {
	my ($n, $path) = @_;
	my $response = eval { $n->get($path) };

	die $@ if $@ && $@ !~ /ended|reset|connect/;
	return $response ? $response->{status} : 0;
}

sub violations {
	my ($n) = @_;

	return grep { / sandbox_violation / } $n->lines;
}

sub exits {
	my ($n) = @_;
	my ($line) = grep { / info stopped / } $n->lines;

	return $line =~ / exits_sandbox=(\d+)/ ? $1 : 0;
}

# It takes its time beside the others: one worker, which breaks its sandbox as soon as it serves.
my $looping = begin({}, '--workers', 1, '--min-ready', 1);
$looping->wait_ready;
my $client = hammer($looping, '/getsid');

subtest 'a refused call is one line, one death, and no more' => sub {
	my $n = begin({});
	my $before = settle($n);

	for my $path (qw(/getsid /mkdir)) {
		my $name = $path eq '/mkdir' ? $MKDIR : 'getsid';

		is(ask($n, $path), 0, 'its client sees the end of the connection');
		my $line = $n->wait_line(qr/ sandbox_violation /);
		like($line, qr/ call=$name number=$number{$ARCH}{$name} arch=$ARCH arguments=0x/, 'the call');
		like($line, qr/ action=kill allow="sandbox_allow = $name"$/, 'what would allow it');
		like($line, qr/ slot=\d+ pid=\d+ generation=1 request="GET $path" /, 'the worker');
		my ($pid) = $line =~ / pid=(\d+)/;
		like($n->wait_line(qr/ worker_exit /), qr/ pid=$pid .*cause=sandbox signal=SIGKILL /,
			'its end');
		is(scalar(grep { serves($n) } 1 .. 10), 10, 'the other one serves');
		be_whole($n, 2);
	}
	ok(!-e "$dir/made", 'nothing was executed');
	unharmed($n, $before);
	is(scalar(violations($n)), 2, 'a line for each');
	is($n->stop, 0, 'status 0');
	is(exits($n), 2, 'and counted');
};

subtest 'the arguments are told as they were' => sub {
	my $n = begin({});

	$n->wait_ready;
	ask($n, '/getsid');
	like($n->wait_line(qr/ sandbox_violation /), qr/ arguments=0x1,0x2,0x3 /, 'three of them');
	is($n->stop, 0, 'status 0');
};

subtest 'what no name gives is told as that' => sub {
	my $n = begin({}, '--sandbox-allow', 'execve');

	$n->wait_ready;
	is(ask($n, '/exec'), 200, 'by its name it fails, and nothing else happens');
	is($n->stop, 0, 'status 0');
	is(scalar(violations($n)), 0, 'which is no violation');

	$n = begin({});
	$n->wait_ready;
	is(ask($n, '/exec'), 0, 'without it, its worker is killed');
	like($n->wait_line(qr/ sandbox_violation /), qr/ call=execve .* action=kill allow="sandbox = app"$/,
		'and what would allow it');
	is($n->stop, 0, 'status 0');
};

subtest 'nor does a name give these arguments, whatever it gives others' => sub {
	plan skip_all => 'sanitizers make that call themselves' if $SANITIZE;
	for my $args ([], [ '--sandbox-allow', 'mprotect' ]) {
		my $n = begin({}, @$args);

		$n->wait_ready;
		is(ask($n, '/code'), 0, "its worker is killed @$args");
		like($n->wait_line(qr/ sandbox_violation /), qr/ call=mprotect .* allow="sandbox = app"$/,
			'and what would allow it');
		is($n->stop, 0, 'status 0');
	}
};

subtest 'a number without a name is told by its number' => sub {
	my $n = begin({}, '--sandbox-mode', 'log');

	$n->wait_ready;
	is(ask($n, '/nonsense'), 200, 'the kernel answers it, or nobody');
	unlike(join("\n", violations($n)), qr/allow=/, 'there is no line that allows it');
	is($n->stop, 0, 'status 0');
};

subtest 'what the line says does allow it' => sub {
	my $n = begin({}, '--sandbox-allow', 'getsid');

	$n->wait_ready;
	is(ask($n, '/getsid'), 200, 'it serves');
	is($n->stop, 0, 'status 0');
	is(scalar(violations($n)), 0, 'no line');
};

subtest '20 violations of 20 workers are 20 lines, and between them it serves' => sub {
	my $n = begin({}, '--workers', 20, '--min-ready', 20);
	my $before = vitals($n);
	my $served = 0;

	$n->wait_ready;
	for (1 .. 20) {
		ask($n, '/getsid');
		$n->wait_line(qr/ worker_exit .*cause=sandbox/);
		$served += serves($n);
	}
	is($served, 20, 'it served');
	is(scalar(violations($n)), 20, 'lines');
	be_whole($n, 20);
	is($n->stop, 0, 'status 0');
	is(exits($n), 20, 'counted');
};

subtest 'log mode serves on, does what is asked, and lists each call once for each generation' => sub {
	my $n = begin({}, '--sandbox-mode', 'log');

	like($n->wait_line(qr/ warning sandbox_log /), qr/no protection/, 'it says that it protects nobody');
	my $before = settle($n);
	is(ask($n, $_), 200, "$_ is answered") for ('/often') x 4, '/mkdir';
	ok(-d "$dir/made", 'it was executed');
	rmdir "$dir/made";
	my @calls = map { / call=(\w+) .*action=log / ? $1 : () } violations($n);
	is_deeply([ sort @calls ], [ sort('getsid', 'getpgid', $MKDIR) ], 'each once');
	$n->signal('HUP')->wait_line(qr/ info reloaded generation=2 /);
	is(ask($n, $_), 200, "$_ is answered") for ('/often') x 2;
	my @again = map { / generation=2 .*call=(\w+)/ ? $1 : () } violations($n);
	is_deeply([ sort @again ], [qw(getpgid getsid)], 'a new generation is told of anew');
	be_whole($n, 2);
	unharmed($n, $before, cpu => 2);
	is($n->stop, 0, 'status 0');
	is(exits($n), 0, 'nobody died of it');
};

subtest 'a thread is seen, too' => sub {
	my $n = begin({}, '--sandbox-allow', 'clone,mprotect,madvise,rt_sigaction,rseq,set_robust_list,exit');

	$n->wait_ready;
	is(ask($n, '/thread'), 0, 'the connection ends');
	my $line = $n->wait_line(qr/ sandbox_violation /);
	like($line, qr/ caller=\d+ call=getsid /, 'the line has the thread') or diag $line;
	like($n->wait_line(qr/ worker_exit /), qr/ cause=sandbox signal=SIGKILL /, 'its end');
	be_whole($n, 2);
	is($n->stop, 0, 'status 0');
};

subtest 'a program that a worker started is seen, too, and both die' => sub {
	my $n = begin({}, '--sandbox', 'app', '--sandbox-mode', 'kill');
	my $before = settle($n);

	is(ask($n, '/child'), 0, 'the connection ends');
	my $line = $n->wait_line(qr/ sandbox_violation .*call=mount/);
	my ($worker, $caller) = $line =~ / pid=(\d+) .* caller=(\d+) /;
	ok($caller, 'the line has the caller') or diag $line;
	like($n->wait_line(qr/ worker_exit .*cause=sandbox/), qr/ pid=$worker /, 'the worker dies of it');
	$n->wait_until('so does the caller', sub { !-e "/proc/$caller" });
	be_whole($n, 2);
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};


# Asks for that path again and again, until it is told to end; then it says how often it was answered
# by 200, and how often it was not.
sub hammer {
	my ($n, $path) = @_;

	pipe(my $read, my $write) or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid) {
		close $write;
		return { pid => $pid, out => $read };
	}
	my ($go, %count) = (1, good => 0, bad => 0);
	local $SIG{TERM} = sub { $go = 0 };
	$count{ (eval { ask($n, $path) } // 0) == 200 ? 'good' : 'bad' }++ while $go;
	syswrite $write, "$count{good} $count{bad}";
	POSIX::_exit(0);
}

sub finish {
	my ($hammer) = @_;

	kill 'TERM', $hammer->{pid};
	waitpid $hammer->{pid}, 0;
	return split / /, readline($hammer->{out}) // '0 0';
}

subtest 'a worker that is killed while it asks harms nobody' => sub {
	my $n = begin({}, '--sandbox-mode', 'log');
	my $before = settle($n);
	my @hammers = map { hammer($n, '/often') } 1 .. 3;

	for (1 .. 60) {
		my ($worker) = $n->workers;
		kill 'KILL', $worker if $worker;
		sleep 0.02;
	}
	finish($_) for @hammers;
	be_whole($n, 2);
	is(scalar(grep { serves($n, '/often') } 1 .. 5), 5, 'it serves');
	unharmed($n, $before, cpu => 10);
	is($n->stop, 0, 'status 0');
};

subtest 'a stop in the midst of a violation ends well' => sub {
	plan skip_all => 'only root can see what a worker waits for' if $> != 0;
	for my $signal (qw(TERM INT)) {
		my $n = begin({});

		$n->wait_ready;
		kill 'STOP', $n->arbiter;
		my $client = $n->connect;
		$client->write("GET /getsid HTTP/1.1\r\nHost: test\r\n\r\n");
		$n->wait_until('it asks', sub { grep { waits($_) } $n->workers });
		$n->signal($signal)->signal('CONT');
		is($n->wait_end, 0, "$signal: status 0");
		is(scalar(violations($n)), 1, 'and it was told of');
		is(exits($n), 1, 'and counted');
	}
};

# Whether that process waits for an answer about a call.
sub waits {
	my ($pid) = @_;
	my $where = eval { Narwhal::slurp("/proc/$pid/syscall") } // '';

	return $where =~ /^$number{$ARCH}{getsid} /;
}

subtest 'without a notifier the worker dies all the same, and the line says how to learn of what' => sub {
	my $n = begin({ wrap => [ $^X, around(), '--' ] });

	$n->wait_ready;
	is(ask($n, '/getsid'), 0, 'the connection ends');
	my $line = $n->wait_line(qr/ sandbox_violation /);
	like($line, qr/ call=unknown action=kill reason=".*sandbox_mode = log/, 'the line') or diag $line;
	like($line, qr/ request="GET \/getsid"/, 'with the request');
	like($n->wait_line(qr/ worker_exit /), qr/ cause=sandbox signal=SIGSYS /, 'its end');
	be_whole($n, 2);
	is($n->stop, 0, 'status 0');
	is(exits($n), 1, 'counted');

	my $log = begin({ wrap => [ $^X, around(), '--' ] }, '--sandbox-mode', 'log');
	$log->wait_ready;
	is(ask($log, '/getsid'), 200, 'in log mode it goes on');
	is($log->stop, 0, 'status 0');
};

# A program that puts a filter around another one: it allows all, and has taken the one notifier that
# the kernel gives to a line of filters.
sub around {
	my %call = (x86_64 => { seccomp => 317, prctl => 157 }, aarch64 => { seccomp => 277, prctl => 167 });
	my $name = "$dir/around.pl";

	open my $file, '>', $name or die "$name: $!";
	print $file <<"END";
my \$rows = pack 'SCCL', 6, 0, 0, 0x7fff0000;
my \$program = pack 'Sx![P]P', 1, \$rows;
shift \@ARGV;
syscall $call{$ARCH}{prctl}, 38, 1, 0, 0, 0;
syscall($call{$ARCH}{seccomp}, 1, 8, \$program) >= 0 or die "seccomp: \$!";
my \$parent = \$\$;
if (fork == 0) {    # keeps it
	syscall $call{$ARCH}{prctl}, 1, 9, 0, 0, 0;
	sleep 1 while getppid == \$parent;
	exit;
}
exec \@ARGV;
END
	close $file or die "$name: $!";
	return $name;
}

SKIP: {
	skip 'PID 1 needs root', 2 if $> != 0;

	subtest 'who asks while PID 1 becomes another image waits, and is answered' => sub {
		my $n = Upgrade::begin(app => $BREACHES, sandbox_mode => 'log', upgrade_probation => '0.05');
		my @counters = Upgrade::load($n, path => '/getsid');

		for my $round (1 .. 5) {
			Upgrade::install('narwhal');
			$n->signal('USR2')->wait_line(qr/ info upgraded /, 30);
			Upgrade::work(@counters);
		}
		Upgrade::none_lost($n, @counters);
		is($n->stop, 0, 'status 0');
	};

	subtest 'an upgrade there and back keeps watch over those who stay' => sub {
		my $n = Upgrade::begin(app => $BREACHES);
		my @workers = $n->workers;

		Upgrade::configure(app => $BREACHES,
			worker_image => Upgrade::install('mute', "$Narwhal::BUILD/tests/images/fickle"),
			upgrade_timeout => 1, boot_timeout => '0.5');
		$n->signal('USR2')->wait_line(qr/ error upgrade_returned /, 30);
		is(join(' ', $n->workers), "@workers", 'the same workers');
		is(ask($n, '/getsid'), 0, 'one of them breaks its sandbox');
		like($n->wait_line(qr/ sandbox_violation /), qr/ generation=1 .*call=getsid .*action=kill /,
			'the line');
		like($n->wait_line(qr/ worker_exit .*generation=1 /), qr/ cause=sandbox signal=SIGKILL /, 'its end');
		is($n->stop, 0, 'status 0');
	};

	subtest 'a new image whose trial breaks the sandbox is not taken' => sub {
		my $n = Upgrade::begin();

		Upgrade::configure(app => $BREACHES, app_options => 'always=yes');
		$n->signal('USR2');
		my $line = $n->wait_line(qr/ error upgrade_failed /);
		like($line, qr/did not answer a request.*sandbox_violation .* call=getsid/, 'at once, and why')
			or diag $line;
		is($n->stop, 0, 'status 0');
	};
}

subtest 'learn: serves, and prints the line that is missing' => sub {
	my $n = begin({ command => [qw(seccomp learn)] });
	$n->wait_ready;
	is(ask($n, '/often'), 200, '/often is answered');
	$n->signal('USR2')->wait_line(qr/ upgrade_refused reason=".*would forget/);
	$n->signal('HUP')->wait_line(qr/ reloaded /);
	is(ask($n, $_), 200, "$_ is answered after a reload") for qw(/mkdir /nonsense);
	rmdir "$dir/made";
	is($n->stop, 0, 'status 0');
	my ($line) = grep { /^sandbox_allow = / } $n->lines;
	my @calls = sort split /,/, $line =~ s/^sandbox_allow = //r;
	is_deeply(\@calls, [ sort('getsid', 'getpgid', $MKDIR) ], 'all three');

	my $again = begin({}, '--sandbox-allow', join ',', @calls);
	$again->wait_ready;
	is(ask($again, $_), 200, "with that line $_ is answered") for qw(/often /mkdir);
	rmdir "$dir/made";
	is($again->stop, 0, 'status 0');
	is(scalar(violations($again)), 0, 'and refused nowhere');
};

subtest 'learn: of an app that needs nothing it says so' => sub {
	my $n = Narwhal->start(bind => 0, args => [ qw(seccomp learn --bind 127.0.0.1:0 --), $dir ]);
	$n->wait_ready;
	is(ask($n, '/none'), 404, 'it serves');
	is($n->stop, 0, 'status 0');
	like(join("\n", $n->lines), qr/^# nothing that was called is refused/m, 'said');
	my ($status, $output) = Narwhal->run(args => [ qw(seccomp learn --sandbox off), $dir ]);
	is($status, 1, 'without a sandbox there is nothing to learn');
	like($output, qr/sandbox is off/, 'and why');
};

subtest 'one that breaks its sandbox as soon as it serves makes no crash loop' => sub {
	$looping->wait_line(qr/ worker_spawned /, 30) for 2 .. 6;
	my @boots = map { moment($_) } grep { / worker_spawned / } $looping->lines;

	cmp_ok($boots[4] - $boots[0], '<', 6, 'five boots quickly');
	cmp_ok($boots[5] - $boots[4], '>', 9.9, 'the sixth after 10 s');
	finish($client);
	is($looping->stop, 0, 'status 0');
	is(exits($looping), scalar(violations($looping)), 'each is told of once');
};

# Seconds of a line's time within its day.
sub moment {
	my ($line) = @_;

	return $line =~ /T(\d+):(\d+):([\d.]+)Z/ ? $1 * 3600 + $2 * 60 + $3 : undef;
}

done_testing;
