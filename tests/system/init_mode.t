# Init mode, `narwhal -- PROGRAM`: statuses, signals, what the program starts with, orphans, the end.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX qw(SIG_BLOCK SIGTERM SIG_SETMASK);
use Test::More;

use Narwhal;

my $WITNESS = "$Narwhal::BUILD/tests/programs/witness";
my $IS_ROOT = $> == 0;
my $DIR = tempdir(CLEANUP => 1);
chmod 0755, $DIR;

# A job in the background, or one under nohup, is born with these ignored.
@SIG{qw(HUP INT QUIT)} = ('DEFAULT') x 3;

# Both ways that there are: PID 1 of a namespace, and any process that makes itself a subreaper.
my @PLACES = ([ 'not PID 1', 0 ], $IS_ROOT ? [ 'PID 1', 1 ] : ());

sub status_of {
	my ($args, %option) = @_;
	my ($status, $output) = Narwhal->run(args => $args, %option);

	return wantarray ? ($status, $output) : $status;
}

# narwhal with a witness that has said ready; its pid, in its own namespace, is in {program}.
sub begin {
	my ($flags, %option) = @_;
	my $n = Narwhal->start(bind => 0, args => [ @$flags, '--', $WITNESS, 'signals' ], %option);

	($n->{program}) = $n->wait_line(qr/^ready pid=/) =~ /=(\d+)/;
	return $n;
}

sub field {
	my ($line, $name) = @_;

	return $line =~ /\b$name=(-?\w+)/ ? $1 : undef;
}

# The program's pid as this test sees it.
sub program_pid {
	my ($n) = @_;
	my ($pid) = Narwhal::children($n->arbiter);

	return $pid;
}

sub write_file {
	my ($name, $mode, $bytes) = @_;

	open my $out, '>', "$DIR/$name" or die;
	print $out $bytes;
	close $out;
	chmod $mode, "$DIR/$name";
	return "$DIR/$name";
}

subtest 'the exit status is the program\'s, and 128 + n for a death by signal n' => sub {
	for my $place (@PLACES) {
		my ($name, $pid1) = @$place;
		is(status_of([ '--', 'sh', '-c', "exit $_" ], pid1 => $pid1), $_, "$name: exit $_")
			for 0, 1, 77, 255;
		is(status_of([ '--', 'sh', '-c', "kill -$_ \$\$" ], pid1 => $pid1), 128 + $_,
			"$name: signal $_") for 1, 6, 9, 15, 64;
	}
};

subtest 'a program that asks its parent to trace it is not taken for dead, and gets its signals' => sub {
	my $ask = 'syscall(' . ((POSIX::uname())[4] eq 'aarch64' ? 117 : 101) . ', 0, 0, 0, 0) == 0 or exit 9';
	my %status = ("kill 'WINCH', \$\$; exit 5" => 5, "kill 'TERM', \$\$" => 143, "exec 'sh', '-c', 'exit 6'" => 6);

	plan(skip_all => 'needs ptrace(2)') if system($^X, '-e', $ask) != 0;
	for my $then (sort keys %status) {
		is(status_of([ '--', $^X, '-e', "$ask; $then" ], pid1 => $IS_ROOT), $status{$then}, $then);
	}
};

subtest 'other inits say the same' => sub {
	my %init = ('tini' => [ 'tini', '-s', '--' ], 'dumb-init' => [ 'dumb-init', '--' ],
		'catatonit' => [ 'catatonit', '--' ]);
	for my $name (sort keys %init) {
		my ($program) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
		if (!$program) {
			note("$name is not there");
			next;
		}
		for my $end ('exit 0', 'exit 3', 'kill -9 $$', 'kill -15 $$', 'kill -2 $$') {
			my @command = ('sh', '-c', $end);
			open my $old, '>&', \*STDERR or die;
			open STDERR, '>', '/dev/null' or die;
			system @{ $init{$name} }, @command;
			my $theirs = $? & 127 ? 128 + ($? & 127) : $? >> 8;
			open STDERR, '>&', $old or die;
			is(status_of([ '--', @command ]), $theirs, "$name: $end");
		}
	}
	pass('those that are there');
};

subtest 'a program that cannot be executed is told in one line' => sub {
	my $text = write_file('text', 0644, "echo hello\n");
	my $script = write_file('script', 0755, "echo this is sh\n");
	my $lost = write_file('lost', 0755, "#!/no/such/interpreter\n");
	my %path = (env => { PATH => "$DIR:/bin" });

	is_deeply([ status_of([ '--', 'no-such-program' ]) ],
		[ 127, "narwhal: no-such-program: not found in PATH\n" ], 'not in PATH');
	is_deeply([ status_of([ '--', '/no/such' ]) ],
		[ 127, "narwhal: /no/such: No such file or directory\n" ], 'no such file');
	is_deeply([ status_of([ '--', "$text/x" ]) ],
		[ 127, "narwhal: $text/x: Not a directory\n" ], 'no directory');
	is_deeply([ status_of([ '--', '' ]) ], [ 127, "narwhal: : not found in PATH\n" ], 'no name');
	is_deeply([ status_of([ '--', $text ], user => $IS_ROOT ? 65534 : undef) ],
		[ 126, "narwhal: $text: Permission denied\n" ], 'not executable');
	is_deeply([ status_of([ '--', 'text' ], %path, user => $IS_ROOT ? 65534 : undef) ],
		[ 126, "narwhal: text: Permission denied\n" ], 'found, not executable');
	is_deeply([ status_of([ '--', $DIR ]) ], [ 126, "narwhal: $DIR: Permission denied\n" ],
		'a directory');
	is_deeply([ status_of([ '--', 'script' ], %path) ], [ 126, 'narwhal: script: is no program: ' .
		"not of this machine's kind, or a script without a #! line\n" ], 'no shell has a say');
	is_deeply([ status_of([ '--', $lost ]) ], [ 127, "narwhal: $lost: its interpreter (of the #! " .
		"line, or the dynamic loader) is not there\n" ], 'without its interpreter');
};

subtest 'PATH is searched in order, past what is not executable' => sub {
	mkdir "$DIR/$_" for qw(a b c);
	write_file('a/tool', 0644, '');
	write_file('b/tool', 0755, "#!/bin/sh\nexit 42\n");
	write_file('c/tool', 0755, "#!/bin/sh\nexit 43\n");
	my %path = (env => { PATH => "/no/such:$DIR/a:$DIR/b:$DIR/c" });

	is(status_of([ '--', 'tool' ], %path), 42, 'the first that can be executed');
	is(status_of([ '--', 'tool' ], cwd => "$DIR/c", env => { PATH => '' }), 43,
		'an empty PATH is the current directory');
};

subtest 'map_exit makes one status another' => sub {
	is(status_of([ '--map-exit', '143:0,3:4', '--', 'sh', '-c', 'kill $$' ]), 0, '143 to 0');
	is(status_of([ '--map-exit', '143:0,3:4', '--', 'sh', '-c', 'exit 3' ]), 4, '3 to 4');
	is(status_of([ '--map-exit', '143:0,3:4', '--', 'sh', '-c', 'exit 4' ]), 4, '4 stays');
	is(status_of([ '--map-exit', '127:9', '--', 'no-such-program' ]), 9, 'not found, too');
};

subtest 'what is wrong is told, and nothing is started' => sub {
	my %wrong = (
		'map_exit: "143" is not FROM:TO' => [ '--map-exit', '143' ],
		'rewrite_signal: "KILL:15" is not FROM:TO' => [ '--rewrite-signal', 'KILL:15' ],
		'parent_death_signal: "NEVER" is no signal' => [ '--parent-death-signal', 'NEVER' ],
		'user (from --user): is for workers' => [ '--user', 'nobody' ],
		'initgroups (from --initgroups): is for workers' => ['--initgroups'],
	);
	for my $reason (sort keys %wrong) {
		my ($status, $output) = status_of([ @{ $wrong{$reason} }, '--', 'echo', 'started' ]);
		is($status, 1, "$reason: status 1");
		like($output, qr/^narwhal: \Q$reason\E/, 'says so');
		unlike($output, qr/^started/m, 'starts nothing');
	}
	is(status_of([ '--check-config', '--map-exit', '1:x', '--', 'true' ]), 1, '--check-config, too');
	is(status_of([ '--check-config', '--map-exit', '1:2', '--', 'true' ]), 0, 'what is right');
	is(status_of([ '--', 'sh', '-c', 'exit $PORT' ], env => { PORT => 80 }), 80,
		'PORT is the program\'s own, and no bind');
};

# As posix_spawn(3) leaves 32 and 33 for its children, make's among them; a program keeps that.
sub is_ignored {
	my ($number) = @_;
	my ($mask) = Narwhal::slurp('/proc/self/status') =~ /^SigIgn:\s+([0-9a-f]+)$/m;

	return hex(substr $mask, 8) >> ($number - 1) & 1;
}

subtest 'every signal arrives' => sub {
	for my $place (@PLACES) {
		my $n = begin([], pid1 => $place->[1]);
		my @numbers = grep { !($_ == 3 || $_ == 9 || $_ == 17 || $_ == 19) } 1 .. 31, 34 .. 64;
		for my $number (@numbers) {
			kill $number, $n->arbiter;
			like($n->wait_line(qr/^got /), qr/^got number=$number /, "$place->[0]: $number");
		}
		is($n->stop('QUIT'), 0, 'QUIT arrives too, and ends it');
		next if is_ignored(32);
		$n = begin([], pid1 => $place->[1]);
		is($n->stop(32), 160, 'so does one that the C library keeps for itself');
	}
};

# By pidfd_send_signal(2) to a group: Linux 6.9. Before, it is kill(2), from narwhal.
my $queues_to_groups = (POSIX::uname())[2] =~ /^(\d+)\.(\d+)/ && 1000 * $1 + $2 >= 6009;

subtest 'real-time signals arrive all, in order, with value and sender' => sub {
	for my $flags ([], ['--signal-group']) {
		my $n = begin($flags);
		my $sender = fork // die;
		exec $WITNESS, 'queue', $n->arbiter, 40, 1000 if $sender == 0;
		waitpid $sender, 0;
		my @got = map { $n->wait_line(qr/^got number=40 /) } 1 .. 1000;
		is(@got, 1000, "@$flags: all");
		next if @$flags && !$queues_to_groups;
		is_deeply([ map { field($_, 'value') } @got ], [ 0 .. 999 ], 'values');
		is(field($got[-1], 'sender'), $sender, 'sender');
		kill 40, $n->arbiter for 1 .. 3;
		like($n->wait_line(qr/^got /), qr/^got number=40 .* sender=$$\z/, 'kill(2) is heard')
			for 1 .. 3;
		is($n->stop('QUIT'), 0, 'that was all');
	}
};

subtest 'a full queue loses nothing' => sub {
	# One limit for all that this user has pending: the sender waits, we wait, nobody gives up.
	my $n = begin([], wrap => [ 'prlimit', '--sigpending=' . (pending_now() + 20) ]);
	my $program = program_pid($n);

	kill 'STOP', $program;
	my $sender = fork // die;
	if ($sender == 0) {
		exec 'prlimit', '--sigpending=' . (pending_now() + 40), $WITNESS, 'queue', $n->arbiter,
			41, 300;
	}
	$n->wait_until('the queue is full', sub { is_full($program) });
	kill 'CONT', $program;
	my @values = map { field($n->wait_line(qr/^got number=41 /), 'value') } 1 .. 300;
	is_deeply(\@values, [ 0 .. 299 ], 'all are there, in order');
	waitpid $sender, 0;
	is($n->stop('QUIT'), 0, 'that was all');
};

sub pending_now {
	return Narwhal::slurp('/proc/self/status') =~ m{^SigQ:\s*(\d+)/}m ? $1 : 0;
}

# Pending signals of the user, and how many this process may find.
sub is_full {
	my ($pid) = @_;

	return Narwhal::slurp("/proc/$pid/status") =~ m{^SigQ:\s*(\d+)/(\d+)}m && $1 >= $2;
}

subtest 'rewrite_signal makes one signal another, or none' => sub {
	my $n = begin([ '--rewrite-signal', 'TERM:USR1,HUP:0,40:41' ]);

	$n->signal('HUP')->signal('TERM');
	like($n->wait_line(qr/^got /), qr/^got number=10 /, 'HUP is dropped, TERM is USR1');
	system $WITNESS, 'queue', $n->arbiter, 40, 1;
	like($n->wait_line(qr/^got /), qr/^got number=41 code=-1 value=0/, 'with its value');
	is($n->stop('QUIT'), 0, 'QUIT stays');
	$n = begin([ '--rewrite-signal', '15:3' ]);
	is($n->stop('TERM'), 0, 'dumb-init\'s example');
};

subtest 'a log that nobody reads is not the program\'s trouble' => sub {
	my $n = begin([ '--loglevel', 'debug' ]);
	$n->signal('USR1')->wait_line(qr/ debug signal_forwarded name=USR1 as=USR1 pid=\d+/);
	is($n->stop('QUIT'), 0, 'there is a log');

	$n = begin([ '--loglevel', 'debug' ], wrap => [ 'perl', '-e',
		'pipe R, W; close R; open STDERR, ">&", \*W; exec @ARGV' ]);
	for my $number (10, 12, 15) {
		kill $number, $n->arbiter;
		like($n->wait_line(qr/^got /), qr/^got number=$number /, "$number, and no SIGPIPE");
	}
	is($n->stop('QUIT'), 0, 'ended');
};

subtest 'a signal is for the program alone, or for its group' => sub {
	my @command = ('--', 'sh', '-c', "trap 'exit 5' TERM; $WITNESS signals & wait");

	for my $group (0, 1) {
		my $n = Narwhal->start(bind => 0, args => [ $group ? '--signal-group' : (), @command ]);
		$n->wait_line(qr/^ready /);
		my $program = program_pid($n);
		is($n->stop('TERM'), 5, 'the program has got it');
		if ($group) {
			ok($n->wait_line(qr/^got number=15 /), 'so has the rest of the group');
		} else {
			ok(!(grep { /^got / } $n->lines), 'and nobody else');
		}
		kill 'KILL', -$program;    # who has outlived it has nobody left who would end it
	}
};

subtest 'the program has a group of its own, in our session' => sub {
	my $n = begin([]);
	my $program = program_pid($n);

	is(getpgrp $program, $program, 'a group of its own');
	isnt(getpgrp $n->arbiter, getpgrp $program, 'which is not ours');
	is($n->stop('QUIT'), 0, 'ended');
};

subtest 'it starts with the mask and the ignored signals that narwhal was started with' => sub {
	my ($status, $output) = status_of([ '--', 'cat', '/proc/self/status' ]);
	like($output, qr/^SigBlk:\s*0+$/m, 'nothing blocked');
	like($output, qr/^SigPnd:\s*0+$/m, 'nothing pending');
	like($output, qr/^SigCgt:\s*0+$/m, 'nothing caught');
	my ($none, $nohup) = map { sprintf '%016x', is_ignored(32) * (3 << 31) | $_ } 0, 0x10001;
	like($output, qr/^SigIgn:\s*$none$/m, 'nothing ignored');

	($status, $output) = status_of([ '--', 'cat', '/proc/self/status' ],
		wrap => [ 'perl', '-e', '@SIG{qw(HUP CHLD)} = ("IGNORE") x 2; exec @ARGV' ]);
	is($status, 0, 'an ignored SIGCHLD hides no end');
	like($output, qr/^SigIgn:\s*$nohup$/m, 'nohup holds');

	my $old = POSIX::SigSet->new;
	POSIX::sigprocmask(SIG_BLOCK, POSIX::SigSet->new(10), $old);
	($status, $output) = status_of([ '--', 'cat', '/proc/self/status' ]);
	POSIX::sigprocmask(SIG_SETMASK, $old);
	like($output, qr/^SigBlk:\s*0000000000000200$/m, 'what was blocked stays so');
};

subtest 'it has descriptors 0 to 2 and no more' => sub {
	for my $place (@PLACES) {
		my $n = Narwhal->start(bind => 0, pid1 => $place->[1],
			wrap => [ 'sh', '-c', 'exec "$@" 7</dev/null 9</dev/null', 'sh' ],
			args => [ '--', $WITNESS, 'signals' ]);
		$n->wait_line(qr/^ready /);
		is_deeply([ descriptors(program_pid($n)) ], [ 0, 1, 2 ], "$place->[0]: the program");
		is_deeply([ grep { $_ > 2 && readlink("/proc/" . $n->arbiter . "/fd/$_") eq '/dev/null' }
			descriptors($n->arbiter) ], [], 'narwhal keeps none open either');
		is($n->stop('QUIT'), 0, 'ended');
	}
};

sub descriptors {
	my ($pid) = @_;

	opendir my $dir, "/proc/$pid/fd" or die "$pid: $!";
	my @numbers = sort { $a <=> $b } grep { /^\d+$/ } readdir $dir;
	return @numbers;
}

subtest 'listeners by LISTEN_FDS are handed on' => sub {
	my $begin = sub {
		my ($pid) = @_;
		return begin([], wrap => [ 'sh', '-c', "LISTEN_PID=$pid LISTEN_FDS=2 " .
			'exec "$@" 3</dev/null 4</dev/null 5</dev/null', 'sh' ]);
	};
	my $n = $begin->('$$');
	my $program = program_pid($n);
	is_deeply([ descriptors($program) ], [ 0 .. 4 ], 'both are there, and not the third');
	like(Narwhal::slurp("/proc/$program/environ"), qr/\bLISTEN_PID=$program\0/,
		'LISTEN_PID is the program\'s');
	is($n->stop('QUIT'), 0, 'ended');

	$n = $begin->(1);
	is_deeply([ descriptors(program_pid($n)) ], [ 0 .. 2 ], 'what is another\'s is not handed on');
	is($n->stop('QUIT'), 0, 'ended');
};

subtest 'a TERM that comes before the program is there is acted on' => sub {
	my $old = POSIX::SigSet->new;
	POSIX::sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM), $old);
	my $n = Narwhal->start(bind => 0, wrap => [ 'sh', '-c', '(kill -TERM $$); exec "$@"', 'sh' ],
		args => [ '--', $WITNESS, 'signals' ]);
	POSIX::sigprocmask(SIG_SETMASK, $old);
	like($n->wait_line(qr/^got /), qr/^got number=15 /, 'pending at the first line of main');
	is($n->stop('QUIT'), 0, 'ended');

	my %ends;
	local $SIG{TERM} = 'DEFAULT';    # before its exec, the child is this program
	for my $i (1 .. 150) {
		my $late = Narwhal->start(bind => 0, args => [ '--', 'sleep', 1000 ]);
		select undef, undef, undef, $i / 50_000;    # somewhere in its first 3 ms
		$ends{ $late->stop('TERM') }++;
	}
	is_deeply(\%ends, { 143 => 150 }, 'at any time');
};

subtest 'orphans are reaped, and are not the program' => sub {
	for my $place (@PLACES) {
		my $n = Narwhal->start(bind => 0, pid1 => $place->[1], args => [ '--', 'sh', '-c',
			"$WITNESS orphans 300; (sh -c 'exit 9' &); echo left; exec sleep 1000" ]);
		$n->wait_line(qr/^left/);
		$n->wait_until('no zombie is left', sub {
			my @children = Narwhal::children($n->arbiter);
			return @children == 1 && (Narwhal::stat_fields($children[0]))[0] ne 'Z';
		});
		is($n->stop('TERM'), 143, "$place->[0]: all are gone");
	}
};

subtest 'the parent\'s death is heard' => sub {
	POSIX::mkfifo("$DIR/go", 0600) or die;
	my $n = Narwhal->start(bind => 0,
		wrap => [ 'sh', '-c', 'go=$1; shift; "$@" & read x <$go; kill -9 $$', 'sh', "$DIR/go" ],
		args => [ '--parent-death-signal', 'USR1', '--', $WITNESS, 'signals' ]);
	my $program = field($n->wait_line(qr/^ready /), 'pid');

	open my $go, '>', "$DIR/go" or die;
	close $go;
	like($n->wait_line(qr/^got /), qr/^got number=10 /, 'and handed on');
	kill 'KILL', $program, -$n->{pid};    # a shell's background job ignores INT and QUIT
	$n->wait_end;
};

# A program that leaves others behind as soon as they have set their traps, and ends with 3.
sub leaving {
	my (@traps) = @_;
	my $mark = File::Temp->new(DIR => $DIR)->filename;
	my $n = 0;
	my $script = join '', map {
		$n++;
		"(trap $_ TERM; : >$mark.$n; while :; do sleep 0.01; done) & ";
	} @traps;

	$script .= "until [ -e $mark.$_ ]; do sleep 0.01; done; " for 1 .. $n;
	return ('--', 'sh', '-c', "$script echo left; exit 3");
}

subtest 'when the program has ended, the others end at once, or after a grace time' => sub {
	plan skip_all => 'PID namespaces need root' if !$IS_ROOT;
	my ($asks, $ignores) = ("'echo asked; exit'", "''");
	my ($status, $output) = status_of([ leaving($asks, $ignores) ], pid1 => 1);
	is($status, 3, 'at once: status');
	unlike($output, qr/^asked/m, 'nobody is asked');

	my $begun = Time::HiRes::time();
	($status, $output) = status_of([ '--sweep-timeout', '300ms', leaving($asks, $ignores) ],
		pid1 => 1);
	is($status, 3, 'with sweep_timeout: status');
	like($output, qr/^asked/m, 'TERM is sent');
	cmp_ok(Time::HiRes::time() - $begun, '>=', 0.3, 'one that ignores it has its time');

	my $n = Narwhal->start(bind => 0, pid1 => 1,
		args => [ '--sweep-timeout', 3600, leaving($ignores) ]);
	$n->wait_line(qr/^left/);
	$n->wait_until('the program is gone', sub {
		!grep { getpgrp($_) == $_ } Narwhal::children($n->arbiter);
	});
	is($n->stop('TERM'), 3, 'a TERM ends the waiting');

	$n = Narwhal->start(bind => 0, args => [ '--sweep-timeout', 3600, leaving($asks) ]);
	is($n->wait_end, 3, 'not PID 1: status');
	ok((grep { /^asked/ } $n->lines), 'its orphans are asked, too');
};

subtest 'a stop that is sent stops the program, and CONT continues it' => sub {
	for my $place (@PLACES) {
		my $n = Narwhal->start(bind => 0, pid1 => $place->[1], args => [ '--', 'sleep', 1000 ]);
		my $program;
		$n->wait_until('it runs', sub {
			$program = program_pid($n);
			return $program && Narwhal::command_name($program) eq 'sleep';
		});
		$n->signal('TSTP');
		$n->wait_until('it is stopped', sub { (Narwhal::stat_fields($program))[0] eq 'T' });
		$n->wait_until('so is narwhal', sub { (Narwhal::stat_fields($n->arbiter))[0] eq 'T' })
			if !$place->[1];
		$n->signal('CONT');
		$n->wait_until('it runs again', sub { (Narwhal::stat_fields($program))[0] eq 'S' });
		is($n->stop('TERM'), 143, "$place->[0]: ended");
	}
};

subtest 'it idles without waking up' => sub {
	my $n = begin([]);
	my $name = '/proc/' . $n->arbiter . '/status';
	my $switches = sub {
		return Narwhal::slurp($name) =~ /^voluntary_ctxt_switches:\s*(\d+)/m ? $1 : -1;
	};

	$n->wait_until('it has settled', sub { (Narwhal::stat_fields($n->arbiter))[0] eq 'S' });
	my $before = $switches->();
	select undef, undef, undef, 1.5;
	is($switches->(), $before, 'not once in 1.5 s');
	is($n->stop('QUIT'), 0, 'ended');
};

done_testing;
