# What surrounds the arbiter goes away, fills up or stands still: disks, readers of its log, /proc
# and its like, users, a control group, the clock. It lives, serves, and is whole soon after.
use strict;
use warnings;

use Fcntl qw(F_SETPIPE_SZ);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/../fault";
use Cgroup;
use Fault qw(be_whole begin enter five in_mounts settle unharmed vitals);
use Narwhal;

plan skip_all => 'mount namespaces and control groups need root' if $> != 0;

my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

# A sanitizer's search for leaks needs /proc, and nobody else who traces the process.
my %NO_SEARCH = (env => { ASAN_OPTIONS => 'handle_segv=0:detect_leaks=0' });

# As the arbiter sees it; undef when it is not there. To look first would be a race with who removes it.
sub seen {
	my ($n, $path) = @_;
	my $name = '/proc/' . $n->arbiter . "/root$path";
	my $content = eval { Narwhal::slurp($name) };

	die $@ if !defined $content && !$!{ENOENT};
	return $content;
}

# What the ready file says, soon: its child has it in hand when the line `ready` comes.
sub is_said {
	my ($n, $pattern, $what) = @_;

	return ok($n->wait_until($what, sub { (seen($n, "$dir/ready") // '') =~ $pattern }), $what);
}

# Disks.

my $SMALL = "mount -t tmpfs -o size=64k,mode=755 none $dir";
# On top: the disk itself stays busy while the pid file is open.
my $LOCK = "mount --bind $dir $dir && mount -o remount,bind,ro $dir";
my $FILL = "dd if=/dev/zero of=$dir/fill bs=4k 2>/dev/null; true";

subtest 'a full disk: no ready file, but a service; the file is there when there is room' => sub {
	my $n = begin(wrap => [ in_mounts($SMALL) ], args => [ '--when-ready', "$dir/ready" ]);
	my $before = settle($n);

	is_said($n, qr/^generation=1$/m, 'the file');
	$n->signal('WINCH')->wait_line(qr/ unready /);
	is_said($n, qr/\A\z/, 'withdrawn');
	enter($n, $FILL);
	$n->signal('HUP')->wait_line(qr/ info ready /);
	$n->wait_line(qr/ error when_ready_failed .*No space left/);
	is(five($n), 5, 'it serves');
	sleep 1.2;    # the next try
	is(scalar(grep { / error when_ready_failed / } $n->lines), 1, 'it is said once');
	is(seen($n, "$dir/ready"), undef, 'no file, nor half of one');
	enter($n, "rm $dir/fill");
	is_said($n, qr/^generation=2$/m, 'the file is there');
	be_whole($n, 2);
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

subtest 'a read-only disk: the ready file cannot be withdrawn; it is when it can be' => sub {
	my $n = begin(wrap => [ in_mounts($SMALL) ],
		args => [ '--when-ready', "$dir/ready", '--pidfile', "$dir/pid" ]);
	my $before = settle($n);

	is_said($n, qr/^generation=1$/m, 'the file');
	enter($n, $LOCK);
	$n->signal('HUP');
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired/) for 1 .. 2;
	$n->wait_until('it is told', sub { grep { / error when_ready_failed .*Read-only/ } $n->lines });
	is(five($n), 5, 'it serves');
	$n->signal('WINCH')->wait_line(qr/ unready /);
	$n->wait_line(qr/ worker_exit .*generation=2 cause=retired/) for 1 .. 2;
	enter($n, "umount $dir");
	is_said($n, qr/\A\z/, 'the file is gone');
	$n->signal('TTIN')->wait_line(qr/ info ready /);
	is_said($n, qr/^generation=2$/m, 'there again');
	$n->signal('TTOU');
	be_whole($n, 2);
	unharmed($n, $before);
	enter($n, $LOCK);
	is($n->stop, 0, 'a stop needs no disk: status 0');
};

subtest 'a disk that does not answer: the ready file waits, and nobody else' => sub {
	my $n = begin(%NO_SEARCH, args => [ '--when-ready', "$dir/ready" ]);
	my $before = settle($n);

	is_said($n, qr/^generation=1$/m, 'the file');
	my $fault = Fault->inject($n, '-f', 'unlink,unlinkat,rename:delay_enter=3600000000');
	my $begun = time;
	$n->signal('WINCH')->wait_line(qr/ unready /);
	$n->wait_line(qr/ worker_exit .*cause=retired/) for 1 .. 2;
	$n->signal('HUP')->wait_line(qr/ info ready /);
	is(five($n), 5, 'it serves');
	cmp_ok(time - $begun, '<', 5, 'at once');
	$n->wait_line(qr/ error when_ready_failed .*its disk does not answer/);
	$fault->end;
	is_said($n, qr/^generation=2$/m, 'the file, when there is a disk again');
	$n->signal('WINCH')->wait_line(qr/ unready /);
	is_said($n, qr/\A\z/, 'withdrawn');
	$fault = Fault->inject($n, '-f', 'rename:delay_exit=3600000000');
	$n->signal('HUP')->wait_line(qr/ info ready /);
	is_said($n, qr/^generation=3$/m, 'the file is made, but not known to be');
	$n->signal('WINCH')->wait_line(qr/ error when_ready_failed .*its disk does not answer/);
	$fault->end;
	is_said($n, qr/\A\z/, 'and withdrawn all the same');
	$n->signal('HUP')->wait_line(qr/ info ready /);
	be_whole($n, 2);
	unharmed($n, $before);
	$fault = Fault->inject($n, '-f', 'unlink,unlinkat,rename:delay_enter=3600000000');
	$begun = time;
	is($n->stop, 0, 'status 0');
	cmp_ok(time - $begun, '<', 9, 'a stop waits a while, and no longer');
	unlink "$dir/ready";
};

subtest 'a log file on a full disk: lines are dropped and counted, nothing waits' => sub {
	my $n = begin(wrap => [ in_mounts($SMALL) ], args => [ '--errorlog', "$dir/log" ]);

	$n->wait_until('ready', sub { (seen($n, "$dir/log") // '') =~ / ready address=http:\S+/ });
	($n->{addresses}) = map { [$_] } seen($n, "$dir/log") =~ m{ address=http://(\S+)};
	my $before = vitals($n);
	enter($n, $FILL);
	for (1 .. 3) {
		my %old = map { $_ => 1 } $n->workers;
		$n->signal('HUP');
		$n->wait_until('a new generation', sub { 2 == grep { !$old{$_} } $n->workers });
		is(five($n), 5, 'it serves');
	}
	$n->wait_until('two workers', sub { 2 == $n->workers });
	enter($n, "rm $dir/fill");
	$n->signal('TTIN');
	$n->wait_until('it is told', sub { seen($n, "$dir/log") =~ / log_dropped lines=\d\d/ });
	$n->signal('TTOU');
	$n->wait_until('two workers', sub { 2 == $n->workers });
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

# Who reads the log.

# Makes the pipe small and full, without any line of it being read.
sub stop_reading {
	my ($n) = @_;
	my $reader = delete $n->{stderr};

	fcntl $reader, F_SETPIPE_SZ, 4096;
	return $reader;
}

sub reload_unseen {
	my ($n, $times) = @_;

	for (1 .. $times) {
		my %old = map { $_ => 1 } $n->workers;
		$n->signal('HUP');
		$n->wait_until('a new generation', sub { 2 == grep { !$old{$_} } $n->workers });
	}
	$n->wait_until('two workers', sub { 2 == $n->workers });
	return;
}

subtest 'nobody reads the log: lines are dropped and counted, nothing waits' => sub {
	my $n = begin();
	my $before = settle($n);
	my $reader = stop_reading($n);

	reload_unseen($n, 5);
	is(five($n), 5, 'it serves');
	my $begun = time;
	$n->signal('TTIN');
	$n->wait_until('three workers', sub { 3 == $n->workers });
	$n->signal('TTOU');
	$n->wait_until('two workers', sub { 2 == $n->workers });
	cmp_ok(time - $begun, '<', 5, 'TTIN and TTOU are acted on');
	$n->{stderr} = $reader;
	fcntl $reader, 1031, 1 << 20;    # F_SETPIPE_SZ: room for all that follows
	$n->lines;
	$n->signal('HUP')->wait_line(qr/ warning log_dropped lines=\d\d/);
	$n->wait_line(qr/ info reloaded /);
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

subtest 'the reader of the log is gone: EPIPE, and nothing else happens' => sub {
	my $n = begin();
	my $before = settle($n);

	close delete $n->{stderr};
	reload_unseen($n, 3);
	is(five($n), 5, 'it serves');
	sleep 1;
	unharmed($n, $before);
	kill 'PIPE', $n->arbiter, $n->workers;
	is(five($n), 5, 'SIGPIPE from elsewhere is nothing either');
	is($n->stop, 0, 'status 0');
};

# What the file system has for others.

my $BARE = join "\n", map { "mount -t tmpfs -o size=64k none $_" } qw(/dev /proc /etc /run);

subtest 'no /proc, /dev, /dev/shm, /tmp, /etc: start, serve, heal, reload, stop' => sub {
	plan skip_all => 'the build is below /tmp' if $Narwhal::BUILD =~ m{^/(?:dev|proc|etc|run)/};
	plan skip_all => 'a sanitizer reads its options in /proc' if $ENV{SANITIZE};
	my $n = begin(wrap => [ in_mounts($BARE . ($Narwhal::BUILD !~ m{^/tmp/}
		&& "\nmount -t tmpfs -o size=64k none /tmp")) ]);
	my $before = settle($n);

	is(five($n), 5, 'it serves');
	kill 'KILL', ($n->workers)[0];
	$n->wait_line(qr/ worker_exit .*cause=signal signal=SIGKILL/);
	be_whole($n, 2);
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired/) for 1 .. 2;
	is(five($n), 5, 'it serves');
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

subtest 'they go away while it runs: it heals all the same' => sub {
	my $n = begin(%NO_SEARCH, wrap => [ in_mounts('true') ]);
	my $before = settle($n);

	enter($n, $BARE);
	kill 'KILL', $n->workers;
	$n->wait_line(qr/ worker_exit .*cause=signal signal=SIGKILL/) for 1 .. 2;
	be_whole($n, 2);
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	is(five($n), 5, 'it serves');
	be_whole($n, 2);
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

subtest 'a uid that nobody knows, and no list of users at all' => sub {
	for my $uid (4242424, 2147483646) {
		my $n = begin(wrap => [ in_mounts('mount -t tmpfs none /etc') ],
			args => [ '--user', $uid, '--group', $uid ]);

		settle($n);
		like($n->get('/')->{body}, qr/ uid=$uid gid=$uid$/m, "workers are $uid")
			or diag $n->get('/')->{body};
		is($n->stop, 0, 'status 0');
	}
	my $n = begin(user => 4242424);
	settle($n);
	is(five($n), 5, 'the arbiter itself may be nobody known');
	is($n->stop, 0, 'status 0');
};

# Time.

SKIP: {
	my $group = Cgroup->make('freezer');

	skip(Cgroup->missing('freezer'), 1) if !$group;
	subtest 'a frozen control group: what was in hand is finished after the thaw' => sub {
		my $n = begin(wrap => [ $group->wrap ], args => [ '--timeout', 1 ]);
		my $before = settle($n);
		my @workers = $n->workers;
		my $client = $n->connect;

		$client->write("GET /nap HTTP/1.1\r\nHost: test\r\n\r\n");
		sleep 0.1;
		$group->put('freezer.state', 'FROZEN');
		sleep 2.5;
		$group->put('freezer.state', 'THAWED');
		is($client->response->{status}, 200, 'the request is answered');
		is(five($n), 5, 'it serves');
		is_deeply([ $n->workers ], \@workers, 'nobody was taken for hung');
		$group->put('freezer.state', 'FROZEN');
		kill 'KILL', $workers[0];
		$n->signal('TTIN');
		sleep 0.3;
		$group->put('freezer.state', 'THAWED');
		$n->wait_line(qr/ workers_wished workers=3/);
		be_whole($n, 3);
		$n->signal('TTOU');
		be_whole($n, 2);
		unharmed($n, $before);
		is($n->stop, 0, 'status 0');
	};
}

# A machine that has been up for decades. (The wall clock cannot be set for one process alone; that
# nobody decides by it is what tests/lint and the next subtest say.)
SKIP: {
	skip('no time namespaces here', 1)
		if system('unshare --time --fork --monotonic 946080000 true >/dev/null 2>&1') != 0;
	subtest 'up for thirty years' => sub {
		my $n = begin(pid1 => 1,
			wrap => [ 'unshare', '--time', '--monotonic', '946080000', '--boottime', '946080000', '--' ]);

		settle($n);
		like(join("\n", $n->lines), qr/ ready .* ms=\d{1,5}$/m, 'how long a start takes');
		is(five($n), 5, 'it serves');
		kill 'KILL', ($n->workers)[0];
		$n->wait_line(qr/ worker_exit .*uptime_ms=\d{1,5} /);
		be_whole($n, 2);
		is($n->stop, 0, 'status 0');
	};
}

subtest 'the wall clock is for people and certificates: the arbiter decides nothing by it' => sub {
	my @users = grep { Narwhal::slurp($_) =~ /clock_wall_ms|CLOCK_REALTIME|\btime\(|gettimeofday/ }
		glob "$Narwhal::ROOT/init/*.c $Narwhal::ROOT/base/*.c";

	is_deeply([ map { s{.*/(\w+/\w+\.c)}{$1}r } @users ],
		[ map({ "init/$_.c" } qw(adoption certificates opening scribe)), 'base/clock.c', 'base/log.c' ],
		'the time of log lines, in the ready file, of the birth, at which workers judge dates, and no more');
};

done_testing;
