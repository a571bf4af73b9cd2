# What the arbiter and its workers may do, seen in /proc from outside, however narwhal was started;
# and that a worker which is more than it should be does not serve.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX ();
use Test::More;

use Narwhal;
use Worker;

plan(skip_all => 'needs root') if $> != 0;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $NONE = '0' x 16;

# One whose workers serve; `wrap` is what stands around it in its namespace.
sub begin {
	my ($wrap, @args) = @_;
	my $n = Narwhal->start(pid1 => 1, wrap => $wrap, args => [ @args, $HELLO ]);
	$n->wait_ready;
	is($n->get('/')->{status}, 200, 'it serves');
	return $n;
}

# /proc/PID/status as name => value, blanks made one.
sub status {
	my ($pid) = @_;
	return map { /^(\w+):\s*(.*?)\s*$/ ? ($1, join ' ', split ' ', $2) : () } split /\n/,
		Narwhal::slurp("/proc/$pid/status");
}

sub four { return join ' ', ($_[0]) x 4 }

# A worker of this one has those ids, and nothing that is worth having.
sub is_nobody {
	my ($n, $uid, $gid, $bounding, $groups) = @_;
	my %status = status(($n->workers)[0]);

	is($status{Uid}, four($uid), "uid $uid, all four");
	is($status{Gid}, four($gid), "gid $gid, all four");
	is($status{Groups}, $groups // '', $groups ? "groups $groups" : 'no groups');
	is($status{$_}, $NONE, "$_ is empty") for qw(CapInh CapPrm CapEff CapAmb);
	is($status{CapBnd}, $bounding // $NONE, 'the bounding set is ' . ($bounding ? 'as it was' : 'empty'));
	is($status{NoNewPrivs}, 1, 'no_new_privs');
	return;
}

# It ends with this status, and says this.
sub refused {
	my ($wrap, $why, @args) = @_;
	my $n = Narwhal->start(pid1 => 1, wrap => $wrap, args => [ @args, $HELLO ]);

	is($n->wait_end, 3, 'status 3');
	like(join("\n", $n->lines), $why, 'it says which step');
	unlike(join("\n", $n->lines), qr/ info ready /, 'and never was ready');
	return;
}

subtest 'as root the workers are nobody, and the log says so' => sub {
	my $n = begin([]);
	like(join("\n", $n->lines), qr/ info privileges uid=65534 gid=65534 reason=/, 'said');
	is_nobody($n, 65_534, 65_534);
	is($n->stop, 0, 'status 0');
};

subtest 'as root with a user and a group they are these' => sub {
	my $n = begin([], '--user', 12_345, '--group', 54_321);
	is_nobody($n, 12_345, 54_321);
	is($n->stop, 0, 'status 0');
};

subtest 'with initgroups they have the groups that name their user, and no others' => sub {
	my $dir = tempdir(CLEANUP => 1);
	Narwhal::write_file("$dir/passwd", "root:x:0:0::/:/bin/sh\napp:x:12345:54321::/:/bin/sh\n");
	Narwhal::write_file("$dir/group", "disk:x:6:root,app\nroot:x:0:root\nother:x:7:root\naudio:x:29:app\n");
	my @wrap = ('unshare', '--mount', 'sh', '-c',
		"mount --bind $dir/passwd /etc/passwd && mount --bind $dir/group /etc/group && exec \"\$@\"", 'sh');
	my $n = begin(\@wrap, '--user', 'app', '--initgroups');
	is_nobody($n, 12_345, 54_321, undef, '6 29 54321');
	is($n->stop, 0, 'status 0');

	Narwhal::write_file("$dir/group", join '', map { "g$_:x:$_:app\n" } 1 .. 256);
	refused(\@wrap, qr{ reason="initgroups: /etc/group: the user is in more than 256 groups"},
		'--user', 'app', '--initgroups');
};

subtest 'root is to be had by name alone, and is root without any power' => sub {
	my $n = begin([], '--user', 'root');
	is_nobody($n, 0, 0);
	is($n->stop, 0, 'status 0');
};

subtest 'as another user they stay that' => sub {
	my $n = begin([qw(setpriv --reuid=1000 --regid=1000 --clear-groups --)]);
	my %arbiter = status($n->arbiter);
	is_nobody($n, 1000, 1000, $arbiter{CapBnd});
	is($n->stop, 0, 'status 0');
};

subtest 'then the arbiter keeps its memory and its environment from them' => sub {
	my @as = qw(setpriv --reuid=1000 --regid=1000 --clear-groups --);
	my $n = begin(\@as, '--upgrade-probation', 0.1);
	my $secret = '/proc/' . $n->arbiter . '/environ';

	isnt(system(@as, 'sh', '-c', "cat $secret >/dev/null 2>&1"), 0, 'which no process of that user reads');
	$n->signal('USR2')->wait_line(qr/ upgraded /);
	isnt(system(@as, 'sh', '-c', "cat $secret >/dev/null 2>&1"), 0, 'nor when it is another image');
	is($n->stop, 0, 'status 0');
};

subtest 'as a uid of OpenShift with group 0, and none of its powers' => sub {
	my $n = begin([qw(setpriv --reuid=1000660000 --regid=0 --clear-groups --bounding-set=-all --)]);
	is_nobody($n, 1_000_660_000, 0);
	is($n->stop, 0, 'status 0');
};

subtest 'a user with ambient capabilities has them, and its workers none' => sub {
	my $n = begin([qw(setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=+net_bind_service
		--ambient-caps=+net_bind_service --)]);
	my %status = status(($n->workers)[0]);
	is($status{$_}, $NONE, "$_ is empty") for qw(CapInh CapPrm CapEff CapAmb);
	is($n->stop, 0, 'status 0');
};

subtest 'without CAP_SETPCAP the bounding set stays, and nobody has anything of it' => sub {
	my $n = begin([qw(setpriv --bounding-set=-setpcap --)]);
	my %arbiter = status($n->arbiter);
	is_nobody($n, 65_534, 65_534, $arbiter{CapBnd});
	is($n->stop, 0, 'status 0');
};

subtest 'with no_new_privs set already' => sub {
	my $n = begin([qw(setpriv --no-new-privs --)]);
	is_nobody($n, 65_534, 65_534);
	is($n->stop, 0, 'status 0');
};

subtest 'with secure bits set and locked already' => sub {
	my $bits = '+noroot,+noroot_locked,+no_setuid_fixup,+no_setuid_fixup_locked';
	my $kept = '+setuid,+setgid,+setpcap,+kill';
	my $n = begin([ 'setpriv', "--securebits=$bits", "--inh-caps=$kept", "--ambient-caps=$kept", '--' ]);
	is_nobody($n, 65_534, 65_534);
	is($n->stop, 0, 'status 0');
};

subtest 'with a secure bit locked open nothing is served' => sub {
	refused([qw(setpriv --securebits=+noroot_locked --)],
		qr/giving up privileges: bounding set and secure bits: Operation not permitted/);
};

subtest 'root without the capability to become somebody else serves nothing' => sub {
	my $hint = qr/giving up privileges: setres[ug]id\(65534\): Operation not permitted/;
	refused([qw(setpriv --bounding-set=-setuid --)], $hint);
	refused([qw(setpriv --bounding-set=-setgid --)], $hint);
};

subtest 'in a user namespace that has root alone' => sub {
	my @namespace = ('setpriv', '--clear-groups', '--', 'unshare', '--user', '--map-root-user', '--');
	system(@namespace, 'true') == 0 or plan(skip_all => 'no user namespaces here');
	refused(\@namespace,
		qr/privileges: setresgid\(65534\): Invalid argument: not mapped in this user namespace/);
	my $n = begin(\@namespace, '--user', 'root');
	is_nobody($n, 0, 0);
	is($n->stop, 0, 'status 0');
};

subtest 'a user who can become root again serves nothing' => sub {
	not_sanitized();
	refused([ 'perl', '-e', '$> = 1000; $> == 1000 or die; exec @ARGV' ],
		qr/giving up privileges: a way back to root is left: Operation not permitted/);
};

# Its TOMOYO looks for /proc/self/fd/N, where N is what was executed by descriptor.
my $needs_proc = (POSIX::uname())[2] =~ /^5\.10\./
	&& (eval { Narwhal::slurp('/sys/kernel/security/lsm') } // '') =~ /\btomoyo\b/;

subtest 'where there is no /proc, calls alone are asked' => sub {
	not_sanitized();
	plan skip_all => 'this kernel executes nothing by descriptor then' if $needs_proc;
	my $n = begin([ qw(unshare --mount sh -c), 'mount -t tmpfs none /proc && exec "$@"', 'sh' ],
		'--worker-image', "$Narwhal::BUILD/narwhal-worker");
	$n->wait_until('it says that a score is lost', sub { grep { / warning oom_score_refused / } $n->lines });
	is_nobody($n, 65_534, 65_534);
	is($n->stop, 0, 'status 0');
};

subtest 'where /proc hides who is not ours' => sub {
	my $n = begin([ qw(unshare --mount sh -c), 'mount -o remount,hidepid=2 /proc && exec "$@"', 'sh' ]);
	is_nobody($n, 65_534, 65_534);
	is($n->stop, 0, 'status 0');
};

# Where a sanitizer cannot look for leaks, as it does by ptrace and by /proc.
sub not_sanitized {
	plan(skip_all => 'a sanitizer cannot do its work like this') if $ENV{SANITIZE};
	return;
}

# The worker alone, for what only a debugger or a mount can do to it.
sub lone {
	my ($wrap) = @_;
	return Worker->start(app => $HELLO, drop => 1, uid => 65_534, gid => 65_534, wrap => $wrap);
}

subtest 'a call that says it has done what it has not is found out' => sub {
	not_sanitized();
	grep { -x "$_/strace" } split /:/, $ENV{PATH} or plan(skip_all => 'needs strace');
	my @groups = ('setpriv', '--groups=4,20', '--');
	my %found = (
		setresuid => qr/real uid: wanted 65534, the kernel says 0$/,
		setresgid => qr/real gid: wanted 65534, the kernel says 0$/,
		capset => qr/a way back to root is left/,
		setgroups => qr/number of supplementary groups: wanted 0, the kernel says [1-9]\d*$/,
	);
	my %first = (capset => '', map { ($_ => ':when=1') } qw(setgroups setresgid setresuid));
	for my $call (sort keys %found) {
		my $w = lone([ @groups, 'strace', '-o', '/dev/null', '-e', "trace=$call", '-e',
				"inject=$call:retval=0$first{$call}" ]);
		like($w->message // 'nothing', qr/^BOOT_FAILED .*$found{$call}/, $call);
		is($w->wait, 3, 'status 3');
	}
};

subtest 'a status that tells otherwise is believed' => sub {
	not_sanitized();
	my $dir = tempdir(CLEANUP => 1);
	my %wrong = (
		'Uid' => [ '65534 65534 65534 0', 'read back: file system uid: wanted 65534, the kernel says 0' ],
		'CapAmb'
			=> [ '0000000000000400', 'read back: ambient capabilities: wanted 0x0, the kernel says 0x400' ],
		'Seccomp' => [ '0', 'read back: seccomp mode: wanted 2, the kernel says 0' ],
		'Seccomp_filters' => [ '1', 'read back: number of seccomp filters: wanted 2, the kernel says 1' ],
		'NoNewPrivs' => [ '0', 'read back: no_new_privs: wanted 1, the kernel says 0' ],
		'Groups' => [ '4 20',
			'read back: number of supplementary groups: wanted 0, the kernel says 2' ],
		'CapEff' => [ 'none', '/proc/self/status has a line "CapEff:\x09none"' ],
	);
	for my $line (sort keys %wrong) {
		my ($value, $why) = @{ $wrong{$line} };
		open my $file, '>', "$dir/status" or die $!;
		print $file "Name:\tx\n$line:\t$value\n";
		close $file;
		my $w = lone([ qw(unshare --mount sh -c),
			"mount --bind $dir/status /proc/\$\$/status && exec \"\$@\"", 'sh' ]);
		is($w->message, "BOOT_FAILED $why", $line);
		is($w->wait, 3, 'status 3');
	}
};

done_testing;
