# System calls that fail: memory, descriptors and processes that the arbiter asks for in vain. It
# lives, serves with the worker that it has, and is whole soon after the fault's end.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;
use Time::HiRes qw(sleep);

use lib "$FindBin::Bin/../fault";
use Cgroup;
use Fault qw(be_whole begin five serves settle unharmed);
use Narwhal;

plan skip_all => 'tracing and control groups need root' if $> != 0;
plan skip_all => 'an image under sanitizers asks for memory as no other' if $ENV{SANITIZE};
plan skip_all => 'no strace' if system('strace -V >/dev/null 2>&1') != 0;

# Each row: what fails, and how. All of them at once, each on an arbiter of its own.
my @refusals = (
	[ 'fork: no process', 'clone,clone3,fork,vfork:error=EAGAIN' ],
	[ 'fork: no memory', 'clone,clone3,fork,vfork:error=ENOMEM' ],
	[ 'mmap: no memory', 'mmap,mremap,brk:error=ENOMEM' ],
	[ 'memfd_create: no memory', 'memfd_create:error=ENOMEM' ],
	[ 'memfd_create: no descriptor', 'memfd_create:error=EMFILE' ],
	[ 'ftruncate: no space', 'ftruncate:error=ENOSPC' ],
	[ 'fcntl: no memory for seals', 'fcntl:error=ENOMEM' ],
	[ 'socketpair: no descriptor', 'socketpair:error=EMFILE' ],
	[ 'socketpair: no descriptor of the machine', 'socketpair:error=ENFILE' ],
	[ 'epoll_ctl: no memory', 'epoll_ctl:error=ENOMEM:when=1+2' ],
	[ 'epoll_ctl: no watch of the user', 'epoll_ctl:error=ENOSPC:when=1+2' ],
	[ 'open: no descriptor', 'open,openat:error=EMFILE' ],
	[ 'open: no such file', 'open,openat:error=ENOENT' ],
);

{
	my @cases = map { { name => $_->[0], spec => $_->[1], n => begin() } } @refusals;

	$_->{before} = settle($_->{n}) for @cases;
	$_->{fault} = Fault->inject($_->{n}, $_->{spec}) for @cases;
	for my $case (@cases) {
		my ($n) = $case->{n};
		kill 'KILL', ($n->workers)[0];
		$n->signal('HUP') if $case->{spec} =~ /^(?:mmap|open)/;
	}
	$_->{n}->wait_line(qr/ worker_exit .*signal=SIGKILL/) for @cases;
	$_->{served} = five($_->{n}) for @cases;
	sleep 1.2;    # more than two tries
	$_->{served} += five($_->{n}) for @cases;
	$_->{fault}->end for @cases;
	for my $case (@cases) {
		my $n = $case->{n};

		subtest $case->{name} => sub {
			is($case->{served}, 10, 'the other worker serves');
			be_whole($n, 2);
			unharmed($n, $case->{before});
			is($n->stop, 0, 'status 0');
		};
	}
}

# Interrupted calls: while the fault is on, all goes on as if there were none.
my @interrupted = (
	[ 'epoll_wait', 'epoll_wait,epoll_pwait:error=EINTR:when=1+2' ],
	[ 'waitid', 'waitid:error=EINTR:when=1..4' ],
	[ 'read: signals', 'read:error=EINTR:when=1+2' ],
	[ 'recvmsg: messages', 'recvmsg:error=EINTR:when=1+2' ],
	[ 'recvmsg: no memory', 'recvmsg:error=ENOMEM:when=1+2' ],
	[ 'open', 'open,openat:error=EINTR:when=1+2' ],
	[ 'writes of the log', 'pwritev2:error=EINTR:when=1+2' ],
);

{
	my @cases = map { { name => $_->[0], spec => $_->[1], n => begin() } } @interrupted;

	$_->{before} = settle($_->{n}) for @cases;
	for my $case (@cases) {
		my $n = $case->{n};

		subtest "interrupted: $case->{name}" => sub {
			my $fault = Fault->inject($n, $case->{spec});
			my ($first, $second) = $n->workers;

			kill 'KILL', $first;
			$n->wait_until('reaped', sub { !grep { $_ == $first } $n->workers });
			is(scalar(grep { serves($n) } 1 .. 10), 10, 'it serves');
			$n->wait_until('two workers', sub { 2 == $n->workers });
			$n->signal('TTIN');
			$n->wait_until('three workers', sub { 3 == $n->workers });
			$n->signal('TTOU');
			$n->wait_until('two workers', sub { 2 == $n->workers });
			ok((grep { $_ == $second } $n->workers), 'nobody else has died');
			$fault->end;
			if ($case->{name} !~ /log/) {
				be_whole($n, 2);
				my ($line) = grep { /worker_exit .*pid=$first / } $n->lines;
				like($line, qr/ cause=signal signal=SIGKILL /, 'the true cause');
				is(scalar(grep { /cause=misbehaved/ } $n->lines), 0, 'nobody misbehaved');
			}
			unharmed($n, $case->{before});
			is($n->stop, 0, 'status 0');
		};
	}
}

subtest 'no descriptor by the limit, down to the last' => sub {
	my $n = begin(args => [ '--hook-timeout', 1, '--child-exit', '/bin/true' ]);
	my $before = settle($n);
	my $arbiter = $n->arbiter;

	for my $limit (0, $before->{files} - 2, $before->{files} - 1, $before->{files}) {
		system('prlimit', '--pid', $arbiter, "--nofile=$limit:1024") == 0 or die;
		kill 'KILL', ($n->workers)[0];
		$n->wait_line(qr/ worker_exit .*signal=SIGKILL/);
		$n->signal('HUP');
		is(five($n), 5, "limit $limit: it serves");
		sleep 0.7;
		is(five($n), 5, 'and goes on');
		system('prlimit', '--pid', $arbiter, '--nofile=1024:1024') == 0 or die;
		be_whole($n, 2);
	}
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

SKIP: {
	my $group = Cgroup->make('pids');

	skip(Cgroup->missing('pids'), 1) if !$group;
	subtest 'no process by the limit of the control group' => sub {
		my $n = begin(pid1 => 1, wrap => [ $group->wrap ]);
		my $before = settle($n);

		$group->put('pids.max', scalar($group->members) - 1);
		kill 'KILL', ($n->workers)[0];
		$n->wait_line(qr/ warning spawn_refused .*error=EAGAIN/) for 1 .. 2;
		is(scalar(grep { serves($n) } 1 .. 10), 10, 'it serves');
		is(scalar $n->workers, 1, 'with one worker');
		kill 'KILL', ($n->workers)[0];
		$n->wait_line(qr/ unready /);
		$group->put('pids.max', 'max');
		be_whole($n, 2);
		ok(serves($n), 'it serves');
		unharmed($n, $before);
		is($n->stop, 0, 'status 0');
	};
}

subtest 'no process, and the service is asked to end' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $n = begin(args => [ '--when-ready', "$dir/ready" ]);

	settle($n);
	$n->wait_until('the file', sub { -e "$dir/ready" });
	my $fault = Fault->inject($n, 'clone,clone3,fork,vfork:error=EAGAIN');
	kill 'KILL', $n->workers;
	$n->wait_line(qr/ spawn_refused /);
	ok($n->wait_until('no file', sub { !-e "$dir/ready" }), 'the ready file goes without a process, too');
	is($n->stop, 0, 'it ends, status 0');
};

done_testing;
