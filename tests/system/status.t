# `narwhal status`: what PID 1 knows of itself, for whom it is meant, and what it costs PID 1.
use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

use Narwhal;
use Upgrade qw($IMAGE begin replace);

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";

# Of PID 1 from within its namespace, of any other by its pid: exit status and output.
sub status {
	my ($n, @words) = @_;
	my @wrap = $n->{pid1} ? (wrap => [ 'nsenter', '-t', $n->arbiter, '-p', '-m' ]) : ();
	my @pid = $n->{pid1} ? () : $n->arbiter;

	return Narwhal->run(@wrap, args => [ 'status', @pid, @words ]);
}

sub facts {
	my ($n) = @_;
	my ($status, $output) = status($n, '--format', 'json');

	is($status, 0, 'exit status 0') or diag $output;
	return decode_json($output);
}

# The name of its socket, behind the NUL.
sub name_of {
	my ($pid) = @_;

	return "narwhal-status-" . (stat "/proc/$pid/ns/pid")[1] . "-$pid";
}

sub knock {
	my ($name) = @_;

	return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "\0$name", Timeout => $Narwhal::PATIENCE);
}

sub open_of {
	my ($n) = @_;
	return scalar(() = glob '/proc/' . $n->arbiter . '/fd/*');
}

# The image becomes another build: all that differs is what the linker has called it.
sub install_other {
	my ($build) = @_;
	my ($bytes, $id) = (Narwhal::slurp($Narwhal::PROGRAM), pack 'H*', $build);

	substr($bytes, index($bytes, $id), length $id) = "\x42" x length $id;
	replace($bytes);
	return;
}

# CPU time, in clock ticks.
sub ticks_of {
	my ($n) = @_;
	my @stat = split ' ', Narwhal::slurp('/proc/' . $n->arbiter . '/stat') =~ s/^.*\) //sr;

	return $stat[11] + $stat[12];
}

subtest 'a service that serves, and a worker that is busy' => sub {
	my $n = Narwhal->start(args => [ '--workers', 2, '--min-ready', 2, '--timeout', 3600, $TROUBLE ]);
	$n->wait_ready;
	my $pid = $n->arbiter;
	my ($status, $output) = status($n);

	is($status, 0, 'exit status 0');
	like($output, qr/^narwhal \d+\.\d+\.\d+, pid $pid, up \d+\.\d+s: serving$/m, 'version, pid, uptime, state');
	like($output, qr/^  image +\Q$Narwhal::PROGRAM\E$/m, 'its image');
	like($output, qr/^  rolls back to nothing$/m, 'without an upgrade there is no way back');
	like($output, qr/^  listeners +127\.0\.0\.1:\d+$/m, 'where it listens');
	is_deeply([ sort { $a <=> $b } $output =~ /^  \d+ +(\d+) +1  SERVING /mg ], [ $n->workers ], 'its workers');

	my ($id) = qx{readelf -n $Narwhal::PROGRAM} =~ /Build ID: (\w+)/;
	like($output, qr/^  build id +$id$/m, 'the build id is the file\'s');

	my $client = $n->connect;
	$client->write("GET /spin HTTP/1.1\r\nHost: test\r\n\r\n");
	my $facts;
	$n->wait_until('a worker is busy', sub {
		$facts = facts($n);
		return grep { ($_->{request} // '') eq 'GET /spin' } @{ $facts->{workers} };
	});
	is($facts->{state}, 'serving', 'as JSON: the state');
	is_deeply([ @$facts{qw(pid generation candidate upgrade rolls_back_to last_failure left_out wished serving)} ],
		[ $pid, 1, undef, undef, undef, undef, 0, 2, 2 ], 'and the rest');
	is($facts->{image}{build_id}, $id, 'the build id');
	is($facts->{listeners}[0]{address}, '127.0.0.1:' . $n->port, 'the listener');
};

subtest 'a drain is told of, and does not wait for who asks' => sub {
	my $n = Narwhal->start(args => [ '--drain-delay', 3600, $HELLO ]);

	$n->wait_ready;
	$n->signal('TERM')->wait_line(qr/ unready /);
	is(facts($n)->{state}, 'draining', 'the state');
	my @idle = map { knock(name_of($n->arbiter)) // die } 1 .. 3;
	is($n->stop('INT'), 0, 'it ends');
	my ($status, $output) = status($n);
	is($status, 1, 'of one that is gone there is no status');
	like($output, qr/^narwhal: there is no process \d+$/, 'why');
};

subtest 'an upgrade that is held: two generations, and what it can roll back to' => sub {
	plan skip_all => 'PID 1 needs root' if $> != 0;
	my $n = begin(upgrade_hold => 'true');

	my $build = facts($n)->{image}{build_id};
	install_other($build);
	$n->signal('USR2')->wait_line(qr/ upgrade_held /);
	my $facts = facts($n);
	is($facts->{state}, 'held', 'it is held');
	is_deeply([ @$facts{qw(pid generation candidate)} ], [ 1, 1, 2 ], 'one generation beside the other');
	is($facts->{upgrade}{step}, 'HELD', 'the step');
	is($facts->{upgrade}{left_ms}, undef, 'no time ends it');
	my %of;
	$of{ $_->{generation} }++ for @{ $facts->{workers} };
	is_deeply(\%of, { 1 => 2, 2 => 2 }, 'workers of both');
	is_deeply($facts->{rolls_back_to}, { path => $IMAGE, version => $facts->{image}{version}, build_id => $build },
		'the way back is the image that was there first');
	isnt($facts->{image}{build_id}, $build, 'what runs is another build');
	like((status($n))[1], qr/^  rolls back to \Q$IMAGE\E, /m, 'for people, too');

	is(system('nsenter', '-t', $n->arbiter, '-p', '-m', $IMAGE, 'rollback'), 0, 'it is called back');
	$n->wait_line(qr/ upgrade_returned /);
	$facts = facts($n);
	is($facts->{rolls_back_to}, undef, 'then there is nothing to roll back to');
	is_deeply([ @{ $facts->{last_failure} }{qw(step reason)} ], [ 'HELD', 'it was called back' ],
		'and it says what became of the upgrade');
	is($facts->{image}{build_id}, $build, 'the first image is back');

	$n->wait_until('only the old workers are left', sub { @{ facts($n)->{workers} } == 2 });
	my $fds = open_of($n);
	my $name = name_of($n->arbiter) =~ s/-\d+\z/-1/r;
	for (1 .. 200) {
		my $socket = knock($name) or die "knock: $!";
		1 while sysread $socket, my $bytes, 65536;
	}
	is(open_of($n), $fds, 'no descriptor is left of 200 calls');
	is($n->stop, 0, 'status 0');
};

subtest 'init mode tells of the program' => sub {
	my $n = Narwhal->start(bind => 0, pid1 => $> == 0, args => [ '--', 'sh', '-c',
		'trap "exit 7" TERM; echo begun; while :; do sleep 0.05; done' ]);

	$n->wait_line(qr/^begun/);
	my $facts = facts($n);
	is($facts->{state}, 'running', 'it runs');
	my ($program) = Narwhal::children($n->arbiter);
	like(Narwhal::slurp("/proc/$program/status"), qr/^NSpid:.*\b$facts->{program}{pid}$/m, 'its pid');
	is($facts->{workers}, undef, 'there are no workers');
	status($n) for 1 .. 20;
	is($n->stop, 7, 'its status is the program\'s');
};

subtest 'others are refused, and cannot keep PID 1 busy' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $n = Narwhal->start(user => 1000, args => [ $HELLO ]);
	$n->wait_ready;

	is((Narwhal->run(user => 1000, args => [ 'status', $n->arbiter ]))[0], 0, 'its own user is told');
	is((status($n))[0], 0, 'so is root');
	my ($status, $output) = Narwhal->run(user => 1001, args => [ 'status', $n->arbiter ]);
	is($status, 1, 'another user is not');
	is($output, "narwhal: refused: it is for root and for narwhal's own user\n", 'in one line');

	my $name = name_of($n->arbiter);
	pipe my $answers, my $answered or die;
	my $begun = time;
	my @flood = map {
		my $pid = fork // die;
		if ($pid == 0) {
			($), $>) = (1001, 1001);
			while (my $socket = knock($name)) {
				syswrite $answered, 'x' if sysread $socket, my $bytes, 256;
			}
			POSIX::_exit(0);
		}
		$pid;
	} 1 .. 2;
	close $answered;
	is((status($n))[0], 0, 'in a flood of others it answers') for 1 .. 5;
	is($n->get('/')->{status}, 200, 'and serves');
	kill 'KILL', @flood;
	waitpid $_, 0 for @flood;
	my $windows = (time - $begun) / 0.1;
	cmp_ok(length(do { local $/; <$answers> }), '<', 32 * ($windows + 2),
		'few of them have an answer in a given time');
	is($n->stop, 0, 'status 0');
};

subtest 'who cannot answer is not waited for, and does not spin' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my ($full, $stopped) = map { Narwhal->start(args => [$HELLO]) } 1 .. 2;
	$_->wait_ready for $full, $stopped;
	my $pid = $stopped->arbiter;

	system 'prlimit', '--pid', $full->arbiter, '--nofile=4:1024';
	kill 'STOP', $pid;
	$stopped->wait_until('it stands still', sub { (Narwhal::stat_fields($pid))[0] eq 'T' });
	my ($ticks, $begun) = (ticks_of($full), time);
	my @asked = map { Narwhal->start(bind => 0, args => [ 'status', $_->arbiter ]) } $full, $stopped;
	for my $asked (@asked) {
		is($asked->wait_end, 1, 'status 1');
		like(join("\n", $asked->lines), qr/^narwhal: process \d+ has not answered within 2000 ms$/, 'why');
	}
	cmp_ok((ticks_of($full) - $ticks) / POSIX::sysconf(POSIX::_SC_CLK_TCK()), '<', 0.1 * (time - $begun),
		'without a descriptor PID 1 tries again at intervals');
	my $waiting = knock(name_of($full->arbiter));
	system 'prlimit', '--pid', $full->arbiter, '--nofile=1024:1024';
	ok(IO::Select->new($waiting)->can_read($Narwhal::PATIENCE),
		'who waits meanwhile is answered as soon as it can be');
	kill 'CONT', $pid;
	for my $n ($full, $stopped) {
		is((status($n))[0], 0, 'so are others');
		is($n->stop, 0, 'status 0');
	}
};

# Binds the name of the process that it is forked from, which becomes narwhal.
my $SQUAT = <<'EOS';
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
pipe my $read, my $write;
if (!fork) {
	my $name = "narwhal-status-" . (stat "/proc/self/ns/pid")[1] . "-" . getppid;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "\0$name", Listen => 5) or die;
	close $write;
	sleep 1 while 1;
}
close $write;
sysread $read, my $byte, 1;
exec @ARGV;
EOS

subtest 'whoever has its name is not believed, and it takes it back' => sub {
	my $n = Narwhal->start(wrap => [ 'perl', '-e', $SQUAT ], args => [$HELLO]);

	$n->wait_line(qr/ warning status_refused error=EADDRINUSE /);
	my $squatter = Narwhal::find_below($n->arbiter, 'perl');
	my ($status, $output) = status($n);
	is($status, 1, 'status 1');
	my $pid = $n->arbiter;
	is($output, "narwhal: process $squatter has narwhal's name for process $pid, and is not believed\n", 'why');
	kill 'KILL', $squatter;
	$n->wait_until('it has its name again', sub { (status($n))[1] =~ /: serving$/m });
	is(scalar(grep { / status_refused / } $n->lines), 1, 'the log has told of it once');
	is($n->stop, 0, 'status 0');
};

done_testing;
