# The sandbox from outside: it is on without being asked for, it lets a worker do its work, what it is
# told to allow it allows, and where it cannot be had nothing is served.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX ();
use Test::More;

use Narwhal;

my $BUILD = $Narwhal::BUILD;
my $HELLO = "$BUILD/examples/hello.so";
my $MODULES = "$BUILD/tests/modules";
my %number = (x86_64 => { seccomp => 317, prctl => 157, arch => 0xc000003e },
	aarch64 => { seccomp => 277, prctl => 167, arch => 0xc00000b7 });
my $own = $number{ (POSIX::uname())[4] };
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;
mkdir "$dir/public";
Narwhal::write_file("$dir/public/index.html", "here\n");

sub begin {
	my ($app, @args) = @_;
	my $n = Narwhal->start(args => [ @args, $app ]);

	$n->wait_ready;
	return $n;
}

# What /proc tells of that name, for each thread of each worker.
sub states {
	my ($n, $name) = @_;

	return map { /^\Q$name\E:\s+(\d+)/m ? $1 : () }
		map { Narwhal::slurp("$_/status") } map { glob "/proc/$_/task/*" } $n->workers;
}

for (['a directory', "$dir/public"], [ 'a module', $HELLO ]) {
	my ($name, $app) = @$_;

	subtest "$name is served behind a filter, without being asked" => sub {
		my $n = begin($app, '--workers', 2, '--min-ready', 2);

		is_deeply([ states($n, 'Seccomp') ], [ 2, 2 ], 'filtered');
		is_deeply([ states($n, 'NoNewPrivs') ], [ 1, 1 ], 'for good');
		is($n->get('/')->{status}, 200, 'it serves');
		is($n->get('/nothing/here')->{status}, $app eq $HELLO ? 200 : 404, 'and refuses');
		is($n->stop, 0, 'status 0');
		is(scalar(grep { /sandbox_violation/ } $n->lines), 0, 'nothing was refused');
	};
}

subtest 'app is a filter, too, and off is none and says so' => sub {
	my $n = begin($HELLO, '--sandbox', 'app');
	is_deeply([ states($n, 'Seccomp') ], [2], 'app');
	is($n->get('/')->{status}, 200, 'it serves');
	is($n->stop, 0, 'status 0');

	$n = begin($HELLO, '--sandbox', 'off');
	is_deeply([ states($n, 'Seccomp') ], [0], 'off');
	is(scalar(grep { / warning sandbox_off / } $n->lines), 1, 'one line');
	is($n->stop, 0, 'status 0');
};

subtest 'threads that were there before are behind it, too' => sub {
	# What a new thread calls before it does what it is for, which may be behind the filter.
	my $n = begin("$MODULES/reaches.so", '--app-options', 'threads=1',
		'--sandbox-allow', 'rseq,set_robust_list,pause');

	is_deeply([ states($n, 'Seccomp') ], [ 2, 2 ], 'both');
	is($n->stop, 0, 'status 0');
};

subtest 'what a module asks for it has, and each worker says so' => sub {
	my $n = begin("$MODULES/trouble.so", '--workers', 2, '--min-ready', 2);
	my @lines = grep { / info sandbox_needs app=trouble calls=\S*\bclock_nanosleep,/ } $n->lines;

	is(scalar @lines, 2, 'a line each');
	is($n->get('/nap')->{status}, 200, 'it sleeps');
	is($n->stop, 0, 'status 0');
	$n = begin("$MODULES/elder.so");
	is($n->get('/')->{status}, 200, 'a module from before asks for nothing');
	is($n->stop, 0, 'status 0');
	is(scalar(grep { /sandbox_needs/ } $n->lines), 0, 'and nothing is said');
};

subtest 'a danger is given to who asks, and said at the start' => sub {
	my $n = begin($HELLO, '--sandbox-allow', 'getppid,ptrace');
	my @lines = grep { / warning sandbox_weakened / } $n->lines;

	is(scalar @lines, 1, 'one line');
	like($lines[0], qr/ call=ptrace danger="reads and steers/, 'of the danger alone');
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	is(scalar(grep { / sandbox_weakened / } $n->lines), 2, 'and one for a new generation');
	is($n->stop, 0, 'status 0');
};

subtest 'what the C library does late, and for some alone, does not end a worker' => sub {
	local $ENV{GLIBC_TUNABLES} = 'glibc.malloc.hugetlb=1';
	my $n = begin("$MODULES/breaches.so", '--sandbox-allow',
		'clone,exit,mprotect,rseq,rt_sigaction,sched_getaffinity,set_robust_list');

	is($n->get($_)->{status}, 200, $_) for qw(/heap /end-of-thread);
	is($n->stop, 0, 'status 0');
	is(scalar(grep { /sandbox_violation/ } $n->lines), 0, 'nothing was refused');
};

subtest 'a bug is told as what it is: the filter lets a worker abort' => sub {
	my $n = begin("$MODULES/breaches.so");

	eval { $n->get('/abort') };
	like($n->wait_line(qr/ worker_exit /), qr/ cause=signal signal=SIGABRT /, 'SIGABRT');
	is(scalar(grep { /sandbox_violation/ } $n->lines), 0, 'no violation');
	is($n->stop, 0, 'status 0');
};

sub refused {
	my ($name, $status, $pattern, @args) = @_;
	my ($got, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', @args ]);
	my @lines = grep { !/ info / } split /\n/, $output;

	subtest $name => sub {
		is($got, $status, "exit status $status");
		is(scalar @lines, 1, 'one line') or diag $output;
		like($lines[0] // '', $pattern, 'that says what');
	};
	return;
}

refused('a call that there is not', 1,
	qr/sandbox-allow: "scoket" is no system call; nearest is socket/, '--sandbox-allow', 'bind,scoket', $HELLO);
refused('the same in the file', 1,
	qr/allow\.conf:2: sandbox_allow: "opennat" is no system call; nearest is openat/,
	'--config', Narwhal::write_file("$dir/allow.conf", "[privileges]\nsandbox_allow = opennat\n"), $HELLO);
refused('a word that is no choice', 1, qr/sandbox: "lax" is unknown: allowed are strict, app, off/,
	'--sandbox', 'lax', $HELLO);
refused('a module that asks for what there is not', 4,
	qr/asks\.so\\": narwhal_module\.calls: \\"scoket\\" is no system call; nearest is socket/,
	"$MODULES/asks.so");

# A program that loads a filter of its own first, and becomes the rest of its arguments.
sub behind {
	my ($flags, @rows) = @_;
	my $program = join '', map { sprintf '\\x%02x', $_ } unpack 'C*', join '', map { pack 'S C C L', @$_ } @rows;
	my $count = @rows;

	return ($^X, '-e', <<"END", '--');
my \$rows = "$program";
my \$all = pack 'S x6 P', $count, \$rows;
syscall $own->{prctl}, 38, 1, 0, 0, 0;
my \$fd = syscall $own->{seccomp}, 1, $flags, \$all;
die "seccomp: \$!" if \$fd < 0;
open my \$listener, '<&=', \$fd or die "listener: \$!" if \$fd > 0;
fcntl \$listener, 2, 0 if \$fd > 0;
exec \@ARGV or die "exec: \$!";
END
}

my @ALLOW = ([ 0x06, 0, 0, 0x7fff0000 ]);

subtest 'a profile around it that forbids the filter: nothing is served, and the remedy is named' => sub {
	my @deny = ([ 0x20, 0, 0, 0 ], [ 0x15, 0, 1, $own->{seccomp} ], [ 0x06, 0, 0, 0x00050001 ]);
	my @wrap = behind(0, @deny, @ALLOW);
	my $n = Narwhal->start(wrap => \@wrap, args => [$HELLO]);

	is($n->wait_end, 1, 'exit status 1');
	like(join("\n", $n->lines),
		qr/seccomp.*Operation not permitted.*allow seccomp\(2\) there, or set sandbox = off/,
		'what, and what to do');
	$n = Narwhal->start(wrap => \@wrap, args => [ '--sandbox', 'off', $HELLO ]);
	$n->wait_ready;
	is($n->stop, 0, 'which is the only way to serve without');
};

subtest 'another listener around it: the filter kills by itself' => sub {
	my $n = Narwhal->start(wrap => [ behind(8, @ALLOW) ], args => ["$MODULES/breaches.so"]);

	$n->wait_ready;
	eval { $n->get('/getsid') };
	like($n->wait_line(qr/ worker_exit /), qr/ cause=sandbox signal=SIGSYS /, 'it dies of it');
	like(join("\n", $n->lines), qr/ sandbox_violation .*call=unknown /, 'and the call is not known');
	is($n->stop, 0, 'status 0');
};

done_testing;
