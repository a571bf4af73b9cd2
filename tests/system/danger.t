# A worker that is broken into is worth nothing: what a module in it may try, of danger_attempts.def,
# is refused or the worker's end; the arbiter lives, and the next request is served. That each is
# worth trying shows the same attempt without the sandbox.
#
# All of it happens in namespaces of its own: processes, mounts, network, IPC, host name.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX qw(uname);
use Test::More;

use Narwhal;

plan(skip_all => 'needs root, for namespaces and for other users') if $> != 0;
plan(skip_all => 'sanitizers make system calls of their own') if $ENV{SANITIZE};

my $TABLE = "$Narwhal::ROOT/tests/modules/danger_attempts.def";
my $WORKERS = 3;
my $BATCH = 4;    # attempts for one narwhal: more deaths than that, and workers are back too slowly
my @USERS = (
	{ name => 'root, workers as nobody', args => [ '--user', 'nobody' ] },
	{ name => 'uid 1000', user => 1000 },
);

my @attempts = map {
	/^(?:CALL|ACT) ?\((\w+),\s*(\w+),\s*(\w+),\s*(\w+)/
		? { name => $1, without => $2, strict => $3, app => $4 } : ()
	}
	split /\n/, Narwhal::slurp($TABLE);

# The i386 gate is of x86_64 alone; and landlock_create_ruleset(2) has the same number everywhere.
@attempts = grep { $_->{name} ne 'i386_call' } @attempts if (uname)[4] ne 'x86_64';
@attempts = grep { $_->{strict} ne 'WALLED' } @attempts if syscall(444, 0, 0, 1) <= 0;

# One PID 1 with its workers, in namespaces of its own; a socket with a name is reached from outside.
sub service {
	my ($user, @sandbox) = @_;
	my $dir = tempdir(CLEANUP => 1);

	chmod 0777, $dir or die "$dir: $!";
	for my $name (qw(file doomed own)) {
		open my $file, '>', "$dir/$name" or die "$dir/$name: $!";
		chmod 0666, "$dir/$name";
	}
	my $n = Narwhal->start(pid1 => 1, unshare => [qw(--mount --net --ipc --uts)], cwd => $dir, bind => 0,
		user => $user->{user},
		args => [ '--bind', "unix:$dir/socket", '--workers', $WORKERS, '--min-ready', $WORKERS,
			@sandbox, @{ $user->{args} // [] }, "$Narwhal::BUILD/tests/modules/danger.so" ]);
	$n->wait_ready;
	return $n;
}

# The pids of the workers as their own namespace has them, each with a comma behind it.
sub pids {
	my ($n) = @_;
	my @status = map { eval { Narwhal::slurp("/proc/$_/status") } // '' } $n->workers;

	return join '', map { /^NSpid:.*\t(\d+)$/m ? "$1," : () } @status;
}

# The attempt, on a connection of its own: "done", "refused EPERM", or "fatal" when none answers.
sub attempt {
	my ($n, $name) = @_;
	my $response = $n->get("/$name?" . pids($n));

	return 'fatal' if !defined $response;
	die "$name: status $response->{status}\n" if $response->{status} != 200;
	return $response->{body};
}

# Within the sandbox: by the table, and what it left behind.
sub holds {
	my ($n, $attempt, $sandbox) = @_;
	my $got = attempt($n, $attempt->{name});
	my $expected = $attempt->{$sandbox} eq 'FATAL' ? qr/^fatal$/ : qr/^refused E\w+$/;
	my $ok = like($got, $expected, "$attempt->{name} is $attempt->{$sandbox}");

	$ok &&= like($n->wait_line(qr/ worker_exit /), qr/ cause=sandbox\b/, "$attempt->{name}: by the sandbox")
		if $got eq 'fatal';
	$ok &&= is($n->get('/nothing')->{status}, 200, "$attempt->{name}: the next request is served");
	return $ok;
}

sub hold_all {
	my ($user, $sandbox) = @_;
	my @left = grep { $_->{$sandbox} ne 'FREE' } @attempts;

	while (my @batch = splice @left, 0, $BATCH) {
		my $n = service($user, '--sandbox', $sandbox);
		my $ok = 1;
		$ok = holds($n, $_, $sandbox) && $ok for @batch;
		$ok = is($n->stop, 0, 'the arbiter lives, and ends in good order') && $ok;
		diag join "\n", $n->lines if !$ok;
	}
	return;
}

# Without it: the attempt is one, so that the test above could fail.
sub works_without {
	my ($user) = @_;
	my $n = service($user, '--sandbox', 'off', '--landlock', 'off');

	my %expected = (WORKS => qr/^done$/, ASKS => qr/^(?:done|refused E\w+)$/);

	for my $attempt (grep { $_->{without} ne 'NEVER' } @attempts) {
		like(attempt($n, $attempt->{name}), $expected{ $attempt->{without} },
			"$attempt->{name} $attempt->{without}");
	}
	is($n->stop, 0, 'nothing broke') or diag join "\n", $n->lines;
	return;
}

cmp_ok(scalar @attempts, '>', 100, 'there are attempts');
my $WITHIN = qr/FATAL|REFUSED|WALLED/;
my $WORDS = qr/^(?:WORKS|ASKS|NEVER) $WITHIN (?:$WITHIN|FREE)$/;
is_deeply([ grep { "$_->{without} $_->{strict} $_->{app}" !~ $WORDS } @attempts ], [],
	'the table has no other word');
for my $user (@USERS) {
	subtest "without the sandbox, as $user->{name}" => sub { works_without($user) };
	subtest "in the strict sandbox, as $user->{name}" => sub { hold_all($user, 'strict') };
}
subtest 'in that for apps' => sub { hold_all($USERS[1], 'app') };
done_testing;
