# narwhal check: what it says of a container from which one thing at a time is taken.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;

use Narwhal;

my $WITHOUT = "$Narwhal::BUILD/tests/programs/without";
my %NUMBER = (memfd_create => 319, seccomp => 317, landlock_create_ruleset => 444, pidfd_open => 434);
my ($EPERM, $ENOSYS) = (1, 38);

# What each row says, by its name; and the whole in words.
sub check {
	my (%option) = @_;
	my ($status, $said) = Narwhal->run(%option,
		args => ['check', @{ $option{args} // [] }, $option{app} // 'examples/public']);
	my (%row, $last);
	for my $line (split /\n/, $said) {
		if ($line =~ /^(ok|advice|missing) +(\S.{16}) (.*)/) {
			my ($verdict, $what, $found) = ($1, $2, $3);
			$what =~ s/ +$//;
			$last = $row{$what} = { verdict => $verdict, found => $found };
		} elsif ($line =~ /^ +(docker|kubernetes|otherwise) +(.*)/) {
			$last->{$1} = $2;
		}
	}
	return { status => $status, said => $said, row => \%row };
}

# One row of it, with the exit status that it makes.
sub says {
	my ($check, $what, $verdict, $found, $remedy) = @_;
	my $row = $check->{row}{$what} // { verdict => 'none' };
	my $good = is($row->{verdict}, $verdict, "$what: $verdict");
	$good &&= like($row->{found}, $found, '... with what is found and wanted');
	$good &&= like($row->{docker} // '', $remedy, '... and the flag') if $remedy;
	$good &&= is($check->{status}, 1, '... and status 1') if $verdict eq 'missing';
	diag $check->{said} if !$good;
}

my $root = $> == 0;

subtest 'a service that can start: status 0, each row, and the worker is gone again' => sub {
	my $check = check();
	is($check->{status}, 0, 'status 0') or diag $check->{said};
	open my $table, '<', "$Narwhal::ROOT/init/survey.def" or die "survey.def: $!";
	for my $what (map { /^SURVEY\(\w+,\s*"([^"]+)"/ } <$table>) {
		ok($check->{row}{$what}, $what);
	}
	says($check, 'a worker', 'ok', qr/^answers a request$/);
};

subtest 'it looks at the hooks, and runs none of them' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my @hooks = qw(on_starting when_ready pre_fork post_fork child_exit on_exit);
	Narwhal::write_file("$dir/hook", "#!/bin/sh\n: > $dir/ran.\$NARWHAL_HOOK\n");
	chmod 0755, "$dir/hook";
	is(check(args => [ map { ("--\L$_" =~ tr/_/-/r, "$dir/hook") } @hooks ])->{status}, 0, 'status 0');
	is_deeply([ glob "$dir/ran.*" ], [], 'none has run');
};

subtest 'JSON: a line for each row' => sub {
	my ($status, $said) = Narwhal->run(args => ['check', '--log-format', 'json', 'examples/public']);
	is($status, 0, 'status 0');
	my %row = map { ($_->{what} => $_) } grep { $_->{event} eq 'check' } map { decode_json($_) } split /\n/, $said;
	is($row{'a worker'}{verdict}, 'ok', 'a worker');
	is($row{'root directory'}{docker}, '--read-only', 'a remedy');
};

subtest 'settings that are wrong, and what is not an app' => sub {
	my $check = check(args => ['--worker-image', '/not/there']);
	says($check, 'settings', 'missing', qr{^worker_image: .*/not/there.* good$});
	says($check, 'a worker', 'missing', qr/^not tried/);
	my $none = check(app => './not-there');
	says($none, 'a worker', 'missing', qr/not-there.*No such file/);
	unlike($none->{said}, qr/gate_failed/, 'its end has no faults of its own');
	says(check(args => ['--when-ready', '/not/there/ready']), 'files to write', 'missing',
		qr{^/not/there/ready: No such file or directory}, qr/tmpfs/);
	my ($status, $said) = Narwhal->run(args => ['check']);
	is($status, 1, 'no app: status 1') and like($said, qr/no app is given/, '... and a word');
	($status, $said) = Narwhal->run(args => ['check', '--', '/bin/true']);
	is($status, 1, 'a program: status 1') and like($said, qr/is for a service/, '... and a word');
};

subtest 'relative names are looked for where chdir says' => sub {
	my $dir = tempdir(CLEANUP => 1);
	chmod 0755, $dir;
	mkdir "$dir/$_" or die for qw(site run);
	my @args = ('--chdir', $dir, '--pidfile', 'run/pid');
	is(check(app => './site', args => \@args)->{status}, 0, 'they are there');
	says(check(app => './none', args => \@args), 'a worker', 'missing', qr/none.*No such file/);
};

subtest 'an app that hangs, at its start or in a request, ends with boot_timeout' => sub {
	my $modules = "$Narwhal::BUILD/tests/modules";
	says(check(app => "$modules/hangs.so", args => [ '--boot-timeout', 1 ]), 'a worker', 'missing',
		qr/^the worker is not ready within boot_timeout/);
	# This one has to boot in that time.
	says(check(app => "$modules/hangs.so", args => [ '--boot-timeout', 5, '--sandbox-allow', 'pause' ],
		env => { HANGS_IN_REQUEST => 1 }), 'a worker', 'missing', qr/^the worker did not answer a request/);
	says(check(app => "$modules/refuses.so"), 'a worker', 'missing', qr/^the worker cannot serve/);
};

subtest 'beside a service that runs: its address is not touched' => sub {
	my $n = Narwhal->start(args => ['examples/public']);
	$n->wait_ready;
	my $check = check(args => ['--bind', ($n->addresses)[0]]);
	is($check->{status}, 0, 'status 0') or diag $check->{said};
	is($n->stop, 0, 'and it serves on');
};

subtest 'limits' => sub {
	my $check = check(wrap => ['prlimit', '--nofile=300', '--']);
	says($check, 'descriptors', 'advice', qr/^300 +3256$/, qr/^--ulimit nofile=N$/);
	says(check(args => ['--backlog', 60000]), 'backlog', 'advice', qr/^\d+ +60000$/, qr/somaxconn/);
};

subtest 'system calls that an outer filter forbids' => sub {
	my $try = sub {
		my ($call, $errno, @args) = @_;
		return check(wrap => [$WITHOUT, "$NUMBER{$call}=$errno", '--'], args => \@args);
	};
	my $check = $try->('landlock_create_ruleset', $EPERM);
	says($check, 'Landlock', 'advice', qr/^Operation not permitted +ABI 6$/, qr/landlock_create_ruleset/);
	is($check->{status}, 0, 'it would start');
	says($try->('landlock_create_ruleset', $ENOSYS, '--landlock', 'require'), 'Landlock', 'missing',
		qr/^Function not \w+ +ABI 6$/);
	says($try->('seccomp', $EPERM), 'seccomp', 'missing', qr/^Operation not permitted/, qr/allows seccomp/);
	says($try->('seccomp', $EPERM, '--sandbox', 'off'), 'seccomp', 'advice', qr/^Operation not permitted/);
	says($try->('memfd_create', $EPERM), 'memfd_create(2)', 'missing', qr/^Operation not permitted +yes$/,
		qr/memfd_create/);
	says($try->('pidfd_open', $ENOSYS), 'pidfd_open(2)', 'advice', qr/^Function not /);
};

SKIP: {
	skip 'needs root', 1 if !$root;

	subtest 'capabilities that are dropped' => sub {
		my $without = sub { (wrap => ['setpriv', '--bounding-set', "-$_[0]", '--']) };
		says(check($without->('setuid')), "workers' user", 'missing', qr/CAP_SETUID, CAP_SETGID$/,
			qr/--cap-add SETUID/);
		says(check($without->('kill')), 'ending workers', 'missing', qr/CAP_KILL$/, qr/--cap-add KILL/);
		my $check = check($without->('setpcap'));
		says($check, 'bounding set', 'advice', qr/CAP_SETPCAP$/, qr/--cap-add SETPCAP/);
		says($check, "arbiter's work", 'advice', qr/^lacks CAP_SETPCAP +them$/, qr/--cap-add/);
		is($check->{status}, 0, 'it would start') or diag $check->{said};
	};

	subtest 'a port below 1024' => sub {
		my @ask = (args => ['--bind', '127.0.0.1:80'], wrap => ['unshare', '--net', '--']);
		says(check(@ask), 'lowest port', 'ok', qr/^80, free to bind$/);
		my @other = ('setpriv', '--reuid', 1000, '--regid', 1000, '--clear-groups', '--');
		says(check(args => $ask[1], wrap => [@{ $ask[3] }, @other]), 'lowest port', 'missing',
			qr/^80, .* CAP_NET_BIND_SERVICE$/, qr/--cap-add NET_BIND_SERVICE/);
	};

	subtest 'as uid 1000 and as uid 1000660000 of group 0, without any capability' => sub {
		for my $uid (1000, 1000660000) {
			my $check = check(wrap => ['setpriv', '--reuid', $uid, '--regid', 0, '--clear-groups',
				'--bounding-set', '-all', '--no-new-privs', '--']);
			is($check->{status}, 0, "status 0 of uid $uid") or diag $check->{said};
			says($check, "workers' user", 'ok', qr/^uid $uid$/);
			says($check, 'no_new_privs', 'ok', qr/^set$/);
		}
		my $dir = tempdir(CLEANUP => 1);
		my $check = check(user => 1000, args => ['--when-ready', "$dir/ready"]);
		says($check, 'files to write', 'missing', qr{^\Q$dir\E/ready: Permission denied}, qr/--tmpfs/);
	};

	subtest 'as PID 1 of a namespace, and without /proc and /sys' => sub {
		says(check(pid1 => 1), 'process id', 'ok', qr/^1$/);
		my $bare = 'umount -l /sys && umount -l /proc && exec "$@"';
		my $check = check(wrap => ['unshare', '--mount', '--', 'sh', '-c', $bare, 'sh'],
			args => ['--worker-image', "$Narwhal::BUILD/narwhal-worker"]);
		says($check, '/proc', 'advice', qr/^No such file or directory +readable$/);
		says($check, 'OOM counter', 'advice', qr/^no /);
	};

	subtest 'a read-only root directory' => sub {
		my $check = check(wrap => ['unshare', '--mount', '--', 'sh', '-c',
			'mount -o remount,bind,ro / && exec "$@"', 'sh']);
		says($check, 'root directory', 'ok', qr/^read-only$/);
	};
}

done_testing;
