# What the next image knows of what was before it; and an upgrade that is held, until it is decided.
use strict;
use warnings;

use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;

use Counter;
use Narwhal;
use Upgrade qw($DIR $IMAGE $UNIX begin configure exe identity install load none_lost work);

plan skip_all => 'PID 1 needs root' if $> != 0;

# The arbiter of a namespace is asked from within.
sub ask {
	my ($n, @words) = @_;

	return system 'nsenter', '-t', $n->arbiter, '-p', '-m', $IMAGE, @words;
}

sub upgrade {
	my ($n) = @_;

	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ info upgraded /);
	return;
}

sub script {
	my ($name, $text) = @_;

	open my $file, '>', "$DIR/$name" or die;
	print $file "#!/bin/sh\n$text\n";
	close $file or die;
	chmod 0755, "$DIR/$name" or die;
	return "$DIR/$name";
}

subtest 'counters, the uptime, the wished number and files are what they were' => sub {
	my $n = begin(pidfile => "$DIR/pid", when_ready => "$DIR/ready");
	my $inode = (stat "$DIR/pid")[1];

	$n->get('/') for 1 .. 3;
	$n->signal('TTIN')->wait_line(qr/ worker_ready slot=2 /);
	kill 'SEGV', ($n->workers)[0];
	$n->wait_line(qr/ worker_exit .*cause=signal/);
	$n->wait_line(qr/ worker_ready /);
	upgrade($n);
	$n->wait_until('three workers serve', sub { $n->workers == 3 });
	is((stat "$DIR/pid")[1], $inode, 'the pidfile is the same');
	my ($status, $said) = Narwhal->run(args => [ '--pidfile', "$DIR/pid", 'examples/public' ]);
	like($said, qr/pid: is held by a living process/, 'and locked');
	$n->wait_until('the ready file names the new generation',
		sub { (eval { Narwhal::slurp("$DIR/ready") } // '') =~ /^generation=2$/m });
	$n->get('/');
	is($n->stop, 0, 'status 0');
	my ($line) = grep { / stopped / } $n->lines;
	like($line, qr/ requests=[4-9]/, 'requests were counted on');
	like($line, qr/ exits_signal=1/, 'and deaths');
	ok(!-e "$DIR/$_", "no file $_") for qw(pid ready);
};

subtest 'a hook that runs is told of, and ended in time, by the next image' => sub {
	my $n = begin(on_reload => script('long', 'sleep 60'), hook_timeout => 3);

	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	upgrade($n);
	like($n->wait_line(qr/ hook_failed hook=on_reload /), qr/cause=timeout/, 'it had its time');
	is($n->stop, 0, 'status 0');
};

subtest 'pre_exec has ended before the new image is there' => sub {
	my $n = begin(pre_exec => script('before', "stat -Lc %i /proc/\$NARWHAL_PID/exe >$DIR/seen"));
	my $before = (stat $IMAGE)[1];

	upgrade($n);
	is(Narwhal::slurp("$DIR/seen"), "$before\n", 'it saw the old one');
	is($n->stop, 0, 'status 0');
};

subtest 'children that died unseen are reaped' => sub {
	my $n = begin();

	for (1 .. 3) {
		system 'nsenter', '-t', $n->arbiter, '-p', 'sh', '-c',
			'n=0; while [ $n -lt 100 ]; do (true &); n=$((n + 1)); done';
		upgrade($n);
	}
	$n->wait_until('no zombie is left', sub {
		!grep { (Narwhal::stat_fields($_))[0] eq 'Z' } Narwhal::children($n->arbiter);
	});
	is($n->stop, 0, 'status 0');
};

subtest 'narwhal upgrade, held; then narwhal commit' => sub {
	my $n = begin();
	my @counters = load($n);
	my $exe = exe($n);

	install('narwhal');
	is(ask($n, 'upgrade', '--upgrade-hold'), 0, 'it is asked');
	$n->wait_line(qr/ info upgrade_held /);
	work(@counters);
	is(scalar $n->workers, 4, 'both generations serve');
	isnt(exe($n), $exe, 'the new image runs');
	is(ask($n, 'commit'), 0, 'it is asked');
	$n->wait_line(qr/ info upgraded /);
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/) for 1 .. 2;
	ask($n, 'rollback');
	$n->wait_line(qr/ rollback_refused /);
	none_lost($n, @counters);
	is($n->stop, 0, 'status 0');
};

subtest 'each answer and each line of the access log says which generation it is of' => sub {
	my $n = begin(generation_header => 'server-timing', accesslog => "$DIR/access",
		access_log_format => '%(generation)s %(s)s');
	my $ask_one = sub {
		my $field = $n->get('/')->{fields}{'server-timing'} // '';
		return $field =~ /^generation;desc="(\d+)", version;desc="[\d.]+"$/ ? $1 : 'none';
	};

	is($ask_one->(), 1, 'the first one');
	install('narwhal');
	is(ask($n, 'upgrade', '--upgrade-hold'), 0, 'it is asked');
	$n->wait_line(qr/ info upgrade_held /);
	my %seen;
	$n->wait_until('both answer', sub { $seen{ $ask_one->() }++; return keys %seen == 2 });
	is(join(' ', sort keys %seen), '1 2', 'and none else');
	is(ask($n, 'commit'), 0, 'it is asked');
	$n->wait_line(qr/ worker_exit .*generation=1 cause=retired status=0/) for 1 .. 2;
	is($ask_one->(), 2, 'the second one');
	is($n->stop, 0, 'status 0');
	my @lines = split /\n/, Narwhal::slurp("$DIR/access");
	is(join(' ', (sort keys %{ { map { $_ => 1 } @lines } })), '1 200 2 200', 'the log has both');
};

subtest 'narwhal upgrade --image FILE --hold' => sub {
	my $n = begin(upgrade_image => "$DIR/nowhere");
	my $exe = exe($n);

	install('other', $Narwhal::PROGRAM);
	isnt(ask($n, 'upgrade', '--image', 'other'), 0, 'not by half a path');
	is(ask($n, 'upgrade', '--image', "$DIR/other", '--hold'), 0, 'it is asked');
	$n->wait_line(qr{ info upgrade_held image=\S+/other });
	is(exe($n), join(':', (stat "$DIR/other")[0, 1]), 'the other file runs');
	is(ask($n, 'rollback'), 0, 'it is asked');
	$n->wait_line(qr/ upgrade_returned /);
	is(exe($n), $exe, 'and back');
	is(ask($n, 'upgrade', "--image=$DIR/other"), 0, 'it is asked');
	$n->wait_line(qr{ info upgraded image=\S+/other });
	is(ask($n, 'upgrade', '--image', "$DIR/nobody"), 0, 'what is not there can be asked for');
	like($n->wait_line(qr/ error upgrade_failed /), qr{/nobody: No such file}, 'and is refused');
	is(ask($n, 'upgrade'), 0, 'the setting counts again');
	like($n->wait_line(qr/ error upgrade_failed /), qr{/nowhere: No such file}, 'as it did');
	is($n->stop, 0, 'status 0');
};

subtest 'where workers of its own user may send signals, root alone can name an image' => sub {
	plan(skip_all => 'needs root') if $> != 0;
	install('other', $Narwhal::PROGRAM);
	my $n = begin(bind => '127.0.0.1:0', sandbox => 'app', start => { user => 1000 });
	my @as_user = qw(setpriv --reuid 1000 --regid 1000 --clear-groups);

	is(system('nsenter', '-t', $n->arbiter, '-p', '-m', @as_user, $IMAGE, 'upgrade', '--image', "$DIR/other"),
		0, 'its user asks');
	like($n->wait_line(qr/ upgrade_refused /), qr/does not belong to root alone/, 'and is refused');
	is(ask($n, 'upgrade', '--image', "$DIR/other"), 0, 'root asks');
	$n->wait_line(qr{ info upgraded image=\S+/other });
	is($n->stop, 0, 'status 0');
};

for my $way ('narwhal rollback', 'SIGHUP') {
	subtest "an upgrade that is held, and called back by $way" => sub {
		my $n = begin(upgrade_hold => 'true');
		my @counters = load($n);
		my ($exe, $identity, @old) = (exe($n), identity($n), $n->workers);

		install('narwhal');
		$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
		unlink $IMAGE;
		$way eq 'SIGHUP' ? $n->signal('HUP') : system('nsenter', '-t', $n->arbiter, '-p', '-m',
			$Narwhal::PROGRAM, 'rollback');
		$n->wait_line(qr/ error upgrade_returned .*called (?:it )?back/);
		is(exe($n), $exe, 'the old image runs, though its file is gone');
		is(identity($n), $identity, 'the same process');
		$n->wait_until('the old workers are left', sub { "@old" eq join ' ', $n->workers });
		none_lost($n, @counters);
		is($n->stop, 0, 'status 0');
	};
}

subtest 'an upgrade that is held, and committed by SIGWINCH' => sub {
	my $n = begin(upgrade_hold => 'true');

	$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
	$n->signal('USR2')->wait_line(qr/ upgrade_refused .*under way/);
	$n->signal('WINCH')->wait_line(qr/ info upgraded /);
	is($n->get('/')->{status}, 200, 'served');
	is($n->stop, 0, 'status 0');
};

subtest 'TERM while two generations serve' => sub {
	my $n = begin(upgrade_hold => 'true');
	my @counters = load($n);

	$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
	is($n->stop, 0, 'status 0');
	none_lost($n, @counters);
	like(join("\n", $n->lines), qr/ upgrade_abandoned .* stopped .* killed=0 /s, 'in good order');
};

subtest 'HUP and TERM at once while two generations serve: TERM wins' => sub {
	my $n = begin(upgrade_hold => 'true');

	$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
	kill 'STOP', $n->arbiter;
	$n->signal($_) for qw(HUP TERM);
	kill 'CONT', $n->arbiter;
	is($n->wait_end, 0, 'status 0');
	my $log = join "\n", $n->lines;
	like($log, qr/ upgrade_abandoned .* stopped .* killed=0 /s, 'in good order');
	unlike($log, qr/ upgrade_returning /, 'and nothing went back');
};

subtest 'a rollback and SIGWINCH at once: what is called back is no more to give way to' => sub {
	my $n = begin(upgrade_hold => 'true');
	my $exe = exe($n);

	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
	kill 'STOP', $n->arbiter;
	is(ask($n, 'rollback'), 0, 'it is asked');
	$n->signal('WINCH');
	kill 'CONT', $n->arbiter;
	$n->wait_line(qr/ rest_refused /);
	$n->wait_line(qr/ error upgrade_returned /);
	is(exe($n), $exe, 'the old image runs');
	is($n->get('/')->{status}, 200, 'and serves');
	is($n->stop, 0, 'status 0');
};

subtest 'refused: before the service has been ready, and while it rests' => sub {
	my $n = begin();

	$n->signal('WINCH')->wait_line(qr/ info unready /);
	$n->signal('USR2')->wait_line(qr/ upgrade_refused .*rests/);
	$n->signal('HUP')->wait_line(qr/ info ready /);
	upgrade($n);
	is($n->stop, 0, 'status 0');
};

# What comes until one says so.
sub hear {
	my ($socket, $pattern) = @_;
	my $all = '';

	local $SIG{ALRM} = sub { die "the manager heard only: $all\n" };
	alarm 20;
	until ($all =~ $pattern) {
		$socket->recv(my $bytes, 4096) // die "recv: $!";
		$all .= "$bytes\n";
	}
	alarm 0;
	return $all;
}

subtest 'not PID 1, under a manager that wants to know' => sub {
	my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$DIR/notify") or die "$!";
	my $n = begin(start => { pid1 => 0, env => { NOTIFY_SOCKET => "$DIR/notify" } });
	my @counters = load($n);
	my ($exe, $identity) = (exe($n), identity($n));

	hear($manager, qr/^READY=1/m);
	upgrade($n);
	unlike(hear($manager, qr/^RELOADING=1\n(?:.*\n)*READY=1/m), qr/MAINPID|STOPPING/,
		'it reloads, and is ready');
	isnt(exe($n), $exe, 'the image is another');
	is(identity($n), $identity, 'the process is the same');
	none_lost($n, @counters);
	is($n->stop, 0, 'status 0');
	hear($manager, qr/^STOPPING=1/m);
};

subtest 'the command says whom it cannot ask' => sub {
	my ($status, $said) = Narwhal->run(args => [ 'upgrade', '--pidfile', "$DIR/nowhere" ]);

	is($status, 1, 'status 1');
	like($said, qr{pidfile: \S+/nowhere: No such file}, 'no pidfile');
	open my $file, '>', "$DIR/mine" or die;
	print $file "$$\n";
	close $file;
	($status, $said) = Narwhal->run(args => [ 'commit', '--pidfile', "$DIR/mine" ]);
	like($said, qr/process $$ is no narwhal/, 'another program');
};

done_testing;
