# The sandbox within another one: a user namespace, and filters that somebody else has put around narwhal. Where
# it cannot be had, narwhal does not start, and says what would help.
use strict;
use warnings;

use POSIX qw(EINVAL ENOSYS EPERM);
use Test::More;

use Narwhal;
use Smoke;

plan(skip_all => 'needs root, for namespaces') if $> != 0;
plan(skip_all => 'sanitizers make system calls of their own') if $ENV{SANITIZE};

my $OUTER = "$Narwhal::BUILD/tests/programs/outer";
my $site = Smoke::site();

subtest 'as PID 1 of a user namespace' => sub {
	my $n = Narwhal->start(pid1 => 1, unshare => [qw(--user --map-root-user)],
		args => [ '--user', 'root', '--sandbox', 'strict', @Smoke::SETTINGS, $site ]);

	$n->wait_ready;
	my @workers = $n->workers;
	like(Narwhal::slurp("/proc/$workers[0]/status"), qr/^Seccomp:\t2$/m, 'its worker has a filter');
	Smoke::served('user namespace', sub { $n->connect });
	is_deeply([ $n->workers ], \@workers, 'nobody died of it');
	is($n->stop, 0, 'it ends in good order') or diag join "\n", $n->lines;
};

subtest 'where no filter can be loaded, it does not start' => sub {
	for my $error (EINVAL, ENOSYS, EPERM) {
		my ($status, $out) = Narwhal->run(wrap => [ $OUTER, $error, 'seccomp', '--' ],
			args => [ '--bind', '127.0.0.1:0', '--user', 'nobody', '--sandbox', 'strict', $site ]);

		is($status, 1, "error $error: status 1");
		like($out, qr/allow seccomp\(2\) there, or set sandbox = off/, 'the remedy');
		unlike($out, qr/ ready /, 'it never served');
	}
};

subtest 'sandbox = off is what it says there' => sub {
	my $n = Narwhal->start(wrap => [ $OUTER, EPERM, 'seccomp', '--' ],
		args => [ '--user', 'nobody', '--sandbox', 'off', @Smoke::SETTINGS, $site ]);

	$n->wait_ready;
	Smoke::served('no sandbox', sub { $n->connect });
	is($n->stop, 0, 'it ends in good order');
};

subtest 'two filters hold together' => sub {
	my $n = Narwhal->start(wrap => [ $OUTER, EPERM, '600', '--' ],
		args => [ '--user', 'nobody', '--sandbox', 'strict', @Smoke::SETTINGS, $site ]);

	$n->wait_ready;
	my ($worker) = $n->workers;
	like(Narwhal::slurp("/proc/$worker/status"), qr/^Seccomp_filters:\t2$/m, "ours and the other one's");
	Smoke::served('two filters', sub { $n->connect });
	is($n->stop, 0, 'it ends in good order');
};

subtest 'a name that is no system call is refused' => sub {
	my ($status, $out) = Narwhal->run(
		args => [ '--bind', '127.0.0.1:0', '--sandbox-allow', 'getpid,opnat', $site ]);

	is($status, 1, 'status 1');
	like($out, qr/sandbox-allow: "opnat" is no system call; nearest is openat$/m, 'which one, and the nearest');
};

done_testing;
