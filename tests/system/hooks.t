# Hooks: each is run with its facts, none can hurt, and only on_starting can stop a start.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time);

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir;

sub put {
	my ($name, $content, $mode) = @_;

	open my $f, '>', "$dir/$name" or die "$dir/$name: $!";
	print $f $content;
	close $f;
	chmod $mode // 0644, "$dir/$name";
	return "$dir/$name";
}

sub script {
	my ($name, $body, $mode) = @_;

	return put($name, "#!/bin/sh\n$body\n", $mode // 0755);
}

# Appends what it was told, as one line.
sub teller {
	return script('teller', qq(printf '%s\\n' "\$(env | grep ^NARWHAL_ | sort | tr '\\n' ' ')" >>$dir/told));
}

# What was told so far to that hook: a hash for each time.
sub told {
	my ($hook) = @_;
	my @lines = -e "$dir/told" ? split /\n/, Narwhal::slurp("$dir/told") : ();
	my @told = map { { /NARWHAL_(\w+)=(\S*)/g } } @lines;

	return grep { $_->{HOOK} eq $hook } @told;
}

sub start {
	my (@args) = @_;

	return Narwhal->start(args => [ '--loglevel', 'debug', @args ]);
}

# Whatever is told of it, and how often.
sub wait_told {
	my ($n, $hook, $times) = @_;

	$n->wait_until("$hook is told $times times", sub { told($hook) >= $times });
	my @told = told($hook);
	is(scalar @told, $times, "$hook: $times times");
	return @told;
}

sub test {
	my ($name, $code) = @_;

	subtest $name => sub {
		$dir = tempdir(CLEANUP => 1);
		chmod 0755, $dir;
		$code->();
	};
}

test 'every hook is told its facts' => sub {
	my $teller = teller();
	my $config = put('conf', join '', map { "$_ = $teller\n" }
		qw(on_starting when_ready on_reload nworkers_changed pre_fork post_fork child_exit on_drain
		on_exit));
	my $n = start('--config', $config, '--workers', 2, '--min-ready', 2, $TROUBLE);
	my $pid = $n->arbiter;

	$n->wait_ready;
	my ($first) = wait_told($n, 'on_starting', 1);
	is_deeply($first, { HOOK => 'on_starting', PID => $pid, GENERATION => 1, WORKERS => 2 },
		'on_starting');
	my ($ready) = wait_told($n, 'when_ready', 1);
	is($ready->{SERVING}, 2, 'how many serve');
	my @before = wait_told($n, 'pre_fork', 2);
	my @after = wait_told($n, 'post_fork', 2);
	is_deeply([ sort map { $_->{SLOT} } @before ], [ 0, 1 ], 'pre_fork: each slot');
	is_deeply([ sort map { $_->{SLOT} } @after ], [ 0, 1 ], 'post_fork: each slot');
	is_deeply([ sort { $a <=> $b } map { $_->{WORKER_PID} } @after ], [ $n->workers ],
		'post_fork: the workers');
	ok(!exists $before[0]{WORKER_PID}, 'pre_fork cannot know its pid');

	my ($victim) = $n->workers;
	kill 'KILL', $victim;
	my ($death) = wait_told($n, 'child_exit', 1);
	is_deeply([ @$death{qw(WORKER_PID CAUSE SIGNAL WORKER_GENERATION)} ],
		[ $victim, 'signal', 'SIGKILL', 1 ], 'child_exit: of what it died');
	ok(!exists $death->{STATUS}, 'a signal is no status');
	$n->wait_line(qr/ info worker_ready /);
	$n->connect->write("GET /leave HTTP/1.1\r\nHost: test\r\n\r\n");
	is_deeply([ @{ (wait_told($n, 'child_exit', 2))[1] }{qw(CAUSE STATUS)} ], [ 'exit', 7 ],
		'child_exit: with which status');

	$n->signal('TTIN');
	my ($number) = wait_told($n, 'nworkers_changed', 1);
	is_deeply([ @$number{qw(OLD_WORKERS WORKERS)} ], [ 2, 3 ], 'nworkers_changed');
	$n->wait_until('three workers', sub { $n->workers == 3 });

	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	my ($reload) = wait_told($n, 'on_reload', 1);
	is_deeply([ @$reload{qw(GENERATION NEW_GENERATION)} ], [ 1, 2 ], 'on_reload');
	is((wait_told($n, 'when_ready', 2))[1]{GENERATION}, 2, 'when_ready: of the new generation');

	is($n->stop, 0, 'status 0');
	is(scalar told('on_drain'), 1, 'on_drain: once');
	is_deeply([ map { $_->{EXIT_STATUS} } told('on_exit') ], [0], 'on_exit: once');
	is(scalar told('post_fork'), scalar told('child_exit'), 'a death for each birth');
	ok(!(grep { / hook_failed | hook_dropped / } $n->lines), 'none failed');
	my @hooks = map { / hook_started .*pid=(\d+)/ } $n->lines;
	for my $hook (@hooks) {
		fail("hook $hook was taken for an orphan") if grep { / orphan_reaped pid=$hook / } $n->lines;
	}
};

test 'a hook has an empty input, our standard error, and nothing else of ours' => sub {
	my $n = Narwhal->start(
		env => { NOTIFY_SOCKET => "$dir/nobody", WATCHDOG_USEC => 1000000000 },
		args => [ '--when-ready',
			script('hook', "echo to-output; echo to-error >&2; echo \$\$ >$dir/pid; exec sleep 1000"),
			$HELLO ]);

	$n->wait_ready;
	$n->wait_until('it runs', sub { -s "$dir/pid" });
	chomp(my $pid = Narwhal::slurp("$dir/pid"));
	$n->wait_until('it sleeps', sub { Narwhal::command_name($pid) eq 'sleep' });
	my %fd = map { m{/(\d+)$} ? ($1, readlink) : () } glob "/proc/$pid/fd/*";
	is_deeply([ sort keys %fd ], [ 0, 1, 2 ], 'three descriptors');
	is($fd{0}, '/dev/null', 'input');
	is($fd{1}, $fd{2}, 'output is the standard error');
	is($fd{2}, readlink('/proc/' . $n->arbiter . '/fd/2'), 'which is ours');
	unlike(Narwhal::slurp("/proc/$pid/environ"), qr/\b(?:NOTIFY_SOCKET|WATCHDOG_\w+|LISTEN_\w+)=/,
		'environment');
	like(Narwhal::slurp("/proc/$pid/stat"), qr/\) \S \d+ $pid $pid /, 'a session of its own');
	like(Narwhal::slurp("/proc/$pid/status"), qr/SigBlk:\s+0+\n(?:.*\n)*SigIgn:\s+0+$/m,
		'signals as at birth');
	$n->wait_until('what it prints is seen', sub { 2 == grep { /^to-(?:output|error)$/ } $n->lines });
	kill 'KILL', $pid;
	is($n->stop, 0, 'status 0');
};

test 'workers wait for on_starting' => sub {
	system('mkfifo', "$dir/fifo") == 0 or die;
	my $n = start('--on-starting', script('hook', "read x <$dir/fifo"), $HELLO);

	$n->wait_line(qr/ hook_started hook=on_starting /);
	$n->signal('TTIN')->wait_line(qr/ workers_wished workers=2/);
	is(scalar $n->workers, 0, 'no worker yet');
	open my $fifo, '>', "$dir/fifo" or die;
	print $fifo "\n";
	close $fifo;
	$n->wait_ready;
	is($n->get('/')->{status}, 200, 'then they serve');
	is($n->stop, 0, 'status 0');
};

test 'it waits without turning' => sub {
	my $n = start('--on-starting', script('hook', "echo >$dir/begun; exec sleep 1000"), $HELLO);

	$n->wait_until('it runs', sub { -e "$dir/begun" });
	my $before = switches($n->arbiter);
	Time::HiRes::sleep(0.3);
	cmp_ok(switches($n->arbiter) - $before, '<=', 2, 'no wake-ups');
	is($n->stop, 0, 'TERM ends it with 0');
	like(join("\n", $n->lines), qr/ hook_failed hook=on_starting .*cause=service_ends signal=SIGTERM/,
		'and the hook');
};

sub switches {
	my ($pid) = @_;

	return Narwhal::slurp("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : die;
}

for my $row (
	[ 'exits with 3', 'exit 3', 0755, qr/cause=exit status=3$/ ],
	[ 'dies of a signal', 'kill -SEGV $$', 0755, qr/cause=signal signal=SIGSEGV$/ ],
	[ 'hangs', 'exec sleep 1000', 0755, qr/cause=timeout signal=SIGTERM$/ ],
	[ 'is not executable', 'true', 0644, qr/cause=exec error=EACCES$/ ],
) {
	my ($what, $body, $mode, $cause) = @$row;

	test "an on_starting that $what ends the start with status 1" => sub {
		my $n = start('--on-starting', script('hook', $body, $mode), '--hook-timeout', 0.3,
			'--pidfile', "$dir/pid", '--when-ready', "$dir/ready", '--bind', "unix:$dir/socket",
			'--on-exit', script('exit', "echo >$dir/wrong"), $HELLO);

		is($n->wait_end, 1, 'status 1');
		my @lines = $n->lines;
		like((grep { / error / } @lines)[0], qr/ error hook_failed hook=on_starting file=\S+ pid=\d+ .*$cause/,
			'one line says why');
		ok(!(grep { /worker_spawned/ } @lines), 'no worker was there');
		ok(!-e "$dir/$_", "no $_ is left") for qw(pid ready socket wrong);
	};
}

test 'a failing hook is told, and nothing else happens' => sub {
	my $n = start('--workers', 1, '--pre-fork', "$dir/missing", '--post-fork',
		script('plain', 'true', 0644), '--on-drain', put('noise', "\1\2\3\n", 0755),
		'--child-exit', script('failing', 'exit 9'), '--when-ready', script('ready', 'kill -9 $$'), $HELLO);

	$n->wait_ready;
	my @causes;
	$n->wait_until('three failed', sub {
		@causes = sort map { / (warning hook_failed hook=\w+) .*(cause=.*)/ ? "$1 $2" : () } $n->lines;
		return @causes == 3;
	});
	is_deeply(\@causes, [
		'warning hook_failed hook=post_fork cause=exec error=EACCES',
		'warning hook_failed hook=pre_fork cause=exec error=ENOENT',
		'warning hook_failed hook=when_ready cause=signal signal=SIGKILL',
	], 'each with its cause');
	is($n->get('/')->{status}, 200, 'it serves');
	is($n->stop, 0, 'status 0');
	my $lines = join "\n", $n->lines;
	like($lines, qr/ hook_failed hook=child_exit .*cause=exit status=9/, 'a status');
	like($lines, qr/ hook_failed hook=on_drain .*cause=exec error=ENOEXEC/, 'no program');
};

test 'a hook that hangs is ended, with all that it started, while the service goes on' => sub {
	my $n = start('--hook-timeout', 0.3, '--when-ready',
		script('hook', "sleep 1000 & echo \$! >$dir/pid.new; mv $dir/pid.new $dir/pid;"
				. " trap '' TERM; wait; wait"),
		$HELLO);
	$n->wait_ready;
	$n->wait_until('it runs', sub { -e "$dir/pid" });
	is($n->get('/')->{status}, 200, 'served meanwhile');
	like($n->wait_line(qr/ hook_failed /), qr/hook=when_ready .*cause=timeout /, 'told');
	chomp(my $sleeper = Narwhal::slurp("$dir/pid"));
	$n->wait_until('what it started is gone', sub { !kill 0, $sleeper });
	is($n->stop, 0, 'status 0');
};

test 'a storm of hooks slows nothing and is bounded' => sub {
	my $hook = script('hook', 'sleep 0.2');
	my $n = start('--workers', 90, '--min-ready', 90, '--hook-timeout', 60, '--pre-fork', $hook,
		'--post-fork', $hook, $HELLO);

	$n->wait_ready(60);
	is(scalar $n->workers, 90, 'all workers');
	my @lines = $n->lines;
	my $dropped = grep { / warning hook_dropped hook=(?:pre|post)_fork running=32 waiting=128$/ } @lines;
	cmp_ok($dropped, '>', 0, 'what is too much is dropped, with a line each');
	is($n->stop('INT'), 0, 'status 0');
	@lines = $n->lines;
	$dropped = grep { / hook_dropped / } @lines;
	is((grep { / hook_done / } @lines) + $dropped, 180, 'none is forgotten');
};

test 'files of hooks_dir are run in order, behind the one of the setting' => sub {
	mkdir "$dir/hooks" or die;
	script("hooks/on_exit.$_", "sleep 0.02; echo $_ >>$dir/order") for qw(b a 10-x);
	script('hooks/on_exit', "sleep 0.02; echo plain >>$dir/order");
	script('hooks/on_exit.md', 'echo wrong', 0644);
	script('hooks/on_exit~', "echo wrong >>$dir/order");
	my $n = start('--hooks-dir', "$dir/hooks", '--on-exit',
		script('set', "sleep 0.02; echo setting >>$dir/order"), $HELLO);

	$n->wait_ready;
	is($n->stop, 0, 'status 0');
	is(Narwhal::slurp("$dir/order"), "setting\nplain\n10-x\na\nb\n", 'in order');
	is(scalar(grep { / hooks_left_out files=$dir\/hooks\/on_exit.md / } $n->lines), 1, 'a line for the other');
};

test 'on_exit is waited for, and the arbiter is the last to go' => sub {
	my $n = start('--on-exit', script('hook', "sleep 0.3; echo >$dir/done"), $HELLO);

	$n->wait_ready;
	is($n->stop, 0, 'status 0');
	ok(-e "$dir/done", 'it was finished');
};

test 'an on_exit that hangs holds nobody longer than hook_timeout' => sub {
	my $n = start('--hook-timeout', 0.3, '--on-exit', script('hook', "trap '' TERM; while :; do sleep 0.05; done"),
		$HELLO);

	$n->wait_ready;
	my $begun = time;
	is($n->stop, 0, 'status 0');
	cmp_ok(time - $begun, '<', 15, 'in time');
};

test 'hooks that hang do not make a stop longer than graceful_timeout' => sub {
	my $hang = script('hook', "trap '' TERM; while :; do sleep 0.05; done");
	my $n = start('--hook-timeout', 3600, '--graceful-timeout', 1.5, '--on-drain', $hang,
		'--on-exit', $hang, $HELLO);

	$n->wait_ready;
	my $begun = time;
	is($n->stop, 0, 'status 0');
	cmp_ok(time - $begun, '>', 1, 'they have the time that the workers left');
	ok(!(grep { / cause=graceful_timeout / } $n->lines), 'who needed none of it');
	is(scalar(grep { / hooks_ended running=2 / } $n->lines), 1, 'they were ended');
};

test 'a reload takes other hooks, or stays when they cannot be had' => sub {
	mkdir "$dir/hooks" or die;
	my $config = put('conf', "hooks_dir = $dir/hooks\n");
	my $n = start('--config', $config, $HELLO);

	$n->wait_ready;
	put('conf', "hooks_dir = $dir/nowhere\n");
	$n->signal('HUP');
	like($n->wait_line(qr/ reload_failed /), qr/hooks_dir: $dir\/nowhere: No such file/, 'refused');
	is($n->get('/')->{status}, 200, 'it serves on');
	put('conf', "hooks_dir = $dir/hooks\n");
	script('hooks/nworkers_changed.sh', "echo >$dir/changed");
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	$n->signal('TTIN')->wait_until('the new hook', sub { -e "$dir/changed" });
	is($n->stop, 0, 'status 0');
};

test 'when_ready is run only if it can be trusted, and never written over' => sub {
	my @rows = (
		[ 0757, $>, qr/when_ready: $dir\/ready: is a program .*writable by everybody/ ],
		[ 0644, $>, qr/$dir\/ready: holds something else than readiness/ ],
		$> == 0 ? [ 0755, 4711, qr/when_ready: $dir\/ready: is a program .*user 4711's/ ] : (),
	);
	for my $row (@rows) {
		my ($mode, $owner, $why) = @$row;
		my $file = script('ready', "echo >$dir/wrong", $mode);

		chown $owner, -1, $file;
		my ($status, $output) = Narwhal->run(
			args => [ '--bind', '127.0.0.1:0', '--when-ready', $file, $HELLO ]);
		is($status, 1, 'status 1');
		like($output, qr/^narwhal: $why/m, 'and why');
		ok(!-e "$dir/wrong", 'not run');
		like(Narwhal::slurp($file), qr/^#!/, 'not touched');
		unlink $file;
	}
	my $file = script('ready', "echo >>$dir/told");
	my $n = start('--when-ready', $file, $HELLO);
	$n->wait_ready;
	$n->wait_until('it was run', sub { -e "$dir/told" });
	chmod 0644, $file;
	$n->signal('HUP');
	like($n->wait_line(qr/ reload_failed /), qr/when_ready: .*is no program any more/, 'it stays what it was');
	is($n->stop, 0, 'status 0');
	like(Narwhal::slurp($file), qr/^#!/, 'and where it was');
};

test 'as PID 1, too: hooks are no orphans, and end before the sweep' => sub {
	plan skip_all => 'PID namespaces need root' if $> != 0;
	my $n = Narwhal->start(pid1 => 1, args => [ '--loglevel', 'debug', '--workers', 2, '--min-ready', 2,
			'--child-exit', script('child', "sleep 0.1; echo >>$dir/children"),
			'--on-exit', script('exit', "sleep 0.2; echo >>$dir/end"), $TROUBLE ]);

	$n->wait_ready;
	is($n->stop, 0, 'status 0');
	is(Narwhal::slurp("$dir/children"), "\n\n", 'two deaths');
	is(Narwhal::slurp("$dir/end"), "\n", 'one end');
	ok(!(grep { / hook_failed / } $n->lines), 'none was killed');
};

done_testing;
