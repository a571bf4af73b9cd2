# Init mode: narwhal gives way to another image, and back, while its program runs on and notices nothing.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../fault";
use Fault;
use Narwhal;
use Terminal;
use Upgrade qw($DIR $IMAGE exe identity install misfit replace);

my $WITNESS = "$Narwhal::BUILD/tests/programs/witness";
my $BASH = (grep { -x } '/bin/bash', '/usr/bin/bash')[0];
my @PLACES = ([ 'not PID 1', 0 ], $> == 0 ? [ 'PID 1', 1 ] : ());
my @QUICK = ('--upgrade-probation', '0.05');

# From the folder's own image, with a program that runs.
sub begin {
	my ($pid1, $flags, @program) = @_;

	install('narwhal');
	return Narwhal->start(program => $IMAGE, bind => 0, pid1 => $pid1,
		args => [ @QUICK, @$flags, '--', @program ]);
}

sub begin_witness {
	my ($pid1, @flags) = @_;
	my $n = begin($pid1, \@flags, $WITNESS, 'signals');

	$n->wait_line(qr/^ready/);
	return $n;
}

# A verb: PID 1 is asked from within its namespace, anybody else by a pidfile.
sub ask {
	my ($n, @words) = @_;
	my $pid = $n->arbiter;

	return system 'nsenter', '-t', $pid, '-p', '-m', $Narwhal::PROGRAM, @words if $n->{pid1};
	open my $file, '>', "$DIR/pid" or die;
	print $file "$pid\n";
	close $file or die;
	return system $Narwhal::PROGRAM, '--pidfile', "$DIR/pid", @words;
}

sub upgrade {
	my ($n) = @_;

	install('narwhal');
	is(ask($n, 'upgrade'), 0, 'it is asked');
	$n->wait_line(qr/ info upgraded /);
	return;
}

# Pid and start time.
sub program_of {
	my ($n) = @_;
	my ($pid) = Narwhal::children($n->arbiter);
	my @stat = split ' ', Narwhal::slurp("/proc/$pid/stat") =~ s/^.*\) //sr;

	return "$pid $stat[19]";
}

subtest 'the process, its program, signals and the status are what they were' => sub {
	for my $place (@PLACES) {
		my $n = begin($place->[1], [ '--map-exit', '7:8' ], 'sh', '-c',
			'trap "exit 7" TERM; trap "echo heard" USR2; echo begun; while :; do sleep 0.05; done');
		$n->wait_line(qr/^begun/);
		my ($identity, $program) = (identity($n), program_of($n));

		for (1 .. 3) {
			my $exe = exe($n);
			upgrade($n);
			isnt(exe($n), $exe, "$place->[0]: the image is another");
		}
		is(identity($n), $identity, 'the process is the same');
		is(program_of($n), $program, 'so is the program');
		$n->signal('USR2')->wait_line(qr/^heard/);
		is(scalar(grep { /^heard/ } $n->lines), 1, 'SIGUSR2 is its own, and the verb is not');
		is($n->stop('TERM'), 8, 'its status is told, by the settings of the start');
	}
};

subtest 'signals arrive all, in order, while it changes its image' => sub {
	for my $place (@PLACES) {
		my $n = begin_witness($place->[1]);
		my ($program) = Narwhal::children($n->arbiter);

		kill 'STOP', $program;
		my $sender = fork // die;
		exec $WITNESS, 'queue', $n->arbiter, 40, 500 if $sender == 0;
		upgrade($n) for 1 .. 3;
		kill 'CONT', $program;
		waitpid $sender, 0;
		my @values = map { $n->wait_line(qr/^got number=40 /) =~ /value=(\d+)/ } 1 .. 500;
		is_deeply(\@values, [ 0 .. 499 ], "$place->[0]: none is lost");
		for my $number (1, 2, 10, 11, 12, 14, 15, 28) {
			kill $number, $n->arbiter;
			like($n->wait_line(qr/^got number=$number /), qr/code=0/, "signal $number");
		}
		is($n->stop('QUIT'), 0, 'ended');
	}
};

# The program's queue takes few, narwhal's more: what stands between them goes along.
subtest 'signals that were held go along' => sub {
	my ($pending) = Narwhal::slurp('/proc/self/status') =~ m{^SigQ:\s*(\d+)/}m;
	install('narwhal');
	my $n = Narwhal->start(program => $IMAGE, bind => 0,
		wrap => [ 'prlimit', '--sigpending=' . ($pending + 20) . ':' . ($pending + 1000) ],
		args => [ @QUICK, '--', $WITNESS, 'signals' ]);
	$n->wait_line(qr/^ready/);
	my ($program) = Narwhal::children($n->arbiter);

	kill 'STOP', $program;
	is(system('prlimit', '--pid', $n->arbiter, '--sigpending=' . ($pending + 1000) . ':'), 0, 'one has room');
	is(system($WITNESS, 'queue', $n->arbiter, 41, 45), 0, 'more than the other takes');
	upgrade($n) for 1 .. 2;
	kill 'CONT', $program;
	my @values = map { $n->wait_line(qr/^got number=41 /) =~ /value=(\d+)/ } 1 .. 45;
	is_deeply(\@values, [ 0 .. 44 ], 'all are there, in order');
	is($n->stop('QUIT'), 0, 'ended');
};

subtest 'orphans are reaped before, meanwhile and afterwards' => sub {
	for my $place (@PLACES) {
		my $n = begin($place->[1], [], 'sh', '-c',
			"echo begun; while :; do (true &); sleep 0.01; done");

		$n->wait_line(qr/^begun/);
		my ($program) = split ' ', program_of($n);
		upgrade($n) for 1 .. 5;
		kill 'STOP', $program;
		$n->wait_until("$place->[0]: no zombie is left", sub {
			!grep { (Narwhal::stat_fields($_))[0] eq 'Z' } Narwhal::children($n->arbiter);
		});
		kill 'CONT', $program;
		is($n->stop('TERM'), 143, 'ended');
	}
};

subtest 'a program that ended unseen has its status told by the next image' => sub {
	my $n = begin(0, [], 'sh', '-c', 'echo begun; exec sleep 1000');

	$n->wait_line(qr/^begun/);
	my ($program) = Narwhal::children($n->arbiter);
	install('narwhal');
	kill 'STOP', $n->arbiter;
	is(ask($n, 'upgrade'), 0, 'it is asked');
	kill 'KILL', $program;
	kill 'CONT', $n->arbiter;
	is($n->wait_end, 137, 'killed');
};

subtest 'held: both ways from there' => sub {
	for my $place (@PLACES) {
		my $n = begin_witness($place->[1]);
		my ($exe, $identity) = (exe($n), identity($n));

		install('narwhal');
		is(ask($n, 'upgrade', '--image', $IMAGE, '--hold'), 0, "$place->[0]: it is asked");
		$n->wait_line(qr/ info upgrade_held /);
		isnt(exe($n), $exe, 'the new image runs');
		unlink $IMAGE;
		is(ask($n, 'rollback'), 0, 'it is called back');
		$n->wait_line(qr/ error upgrade_returned .*called back/);
		is(exe($n), $exe, 'the old image runs, though its file is gone');
		is(identity($n), $identity, 'the same process');
		install('narwhal');
		ask($n, 'upgrade', '--upgrade-hold');
		$n->wait_line(qr/ info upgrade_held /);
		ask($n, 'commit');
		$n->wait_line(qr/ info upgraded /);
		ask($n, 'rollback');
		$n->wait_line(qr/ rollback_refused /);
		isnt(exe($n), $exe, 'the new one stays');
		$n->signal('HUP');
		like($n->wait_line(qr/^got number=1 /), qr/code=0/, 'signals are heard');
		is($n->stop('QUIT'), 0, 'ended');
	}
};

sub by_misfit {
	my ($name) = @_;

	return sub { misfit($name); return };
}

sub refuses {
	my (@specs) = @_;

	return sub { return Fault->inject($_[0], @specs) };
}

my $bytes = Narwhal::slurp($Narwhal::PROGRAM);
my @BAD = (
	[ 'missing', sub { unlink $IMAGE; return }, qr/step=TRIAL .*No such file/ ],
	[ 'not executable', sub { replace($bytes, 0644) }, qr/Permission denied/ ],
	[ 'a script', sub { replace("#!/bin/sh\nexit 0\n") }, qr/Exec format error/ ],
	[ 'no program', sub { replace("Hello, World!\n" x 100) }, qr/cannot be executed: Exec format/ ],
	[ 'empty', sub { replace('') }, qr/cannot be executed: Exec format error/ ],
	[ 'cut', sub { replace(substr $bytes, 0, 8192) }, qr/trial: / ],
	[ 'another program', sub { install('narwhal', '/bin/false'); return },
		qr/did not answer as a narwhal does; exit status 1/ ],
	[ 'deaf', by_misfit('deaf'), qr/not over within upgrade_timeout/ ],
	[ 'older', by_misfit('older'), qr/heirloom: is of version/ ],
	map({ [ "$_ in the thaw", by_misfit($_), qr/the other image could not thaw/ ] }
		qw(crash abort refuse hang)),
	[ 'no process for the trial', refuses('clone:error=EAGAIN'), qr/no process for the trial/ ],
	[ 'no memory for the heirloom', refuses('memfd_create:error=ENOSPC'), qr/the heirloom: No space/ ],
	[ 'the exec is refused', refuses('execveat:error=ENOMEM'), qr/exec: .*Cannot allocate memory/ ],
);

for my $bad (@BAD) {
	my ($name, $break, $reason) = @$bad;
	subtest "a bad image changes nothing: $name" => sub {
		my $n = begin_witness($> == 0, '--upgrade-timeout', '0.5');
		my ($exe, $identity, $program) = (exe($n), identity($n), program_of($n));

		my $fault = $break->($n);
		is(ask($n, 'upgrade'), 0, 'it is asked');
		like($n->wait_line(qr/ error upgrade_failed /, 30), $reason, 'one line says why');
		is(exe($n), $exe, 'the same image runs');
		is(identity($n), $identity, 'the same process');
		is(program_of($n), $program, 'the same program');
		$fault->end if ref $fault;
		upgrade($n);
		isnt(exe($n), $exe, 'a good one is welcome');
		$n->signal('HUP');
		like($n->wait_line(qr/^got number=1 /), qr/code=0/, 'signals are heard');
		is($n->stop('QUIT'), 0, 'its status is told');
	};
}

subtest 'a program that ends within a trial ends narwhal with its status, and the trial' => sub {
	my $n = begin($> == 0, [], 'sh', '-c', 'echo begun; trap "exit 6" TERM; while :; do sleep 0.05; done');

	$n->wait_line(qr/^begun/);
	misfit('deaf');
	is(ask($n, 'upgrade'), 0, 'it is asked');
	$n->wait_line(qr/ upgrade_begun /);
	my ($trial) = grep { Narwhal::command_name($_) ne 'sh' } Narwhal::children($n->arbiter);
	is($n->stop('TERM'), 6, 'its status');
	$n->wait_until('no trial is left', sub { !$trial || !-e "/proc/$trial" });
};

subtest 'a stopped program stays so, and is continued by the next image' => sub {
	my $n = begin_witness(1);
	my ($program) = Narwhal::children($n->arbiter);

	$n->signal('TSTP');
	kill 'STOP', $program;
	$n->wait_until('it is stopped', sub { (Narwhal::stat_fields($program))[0] eq 'T' });
	upgrade($n);
	is((Narwhal::stat_fields($program))[0], 'T', 'it stays so');
	$n->signal('CONT');
	$n->wait_until('it runs again', sub { (Narwhal::stat_fields($program))[0] eq 'S' });
	is($n->stop('QUIT'), 0, 'ended');
} if $> == 0;

# On a terminal, by the pid that a test sees: there the verb's lines stand among the program's.
sub upgrade_below {
	my ($t) = @_;
	my $pid = Narwhal::find_below($t->{pid}, 'narwhal');

	install('narwhal');
	open my $file, '>', "$DIR/pid" or die;
	print $file "$pid\n";
	close $file or die;
	is(system($Narwhal::PROGRAM, '--pidfile', "$DIR/pid", 'upgrade'), 0, 'it is asked');
	$t->wait_for(qr/ info upgraded .*\n/);
	return;
}

subtest 'on a terminal it stays the program\'s, and as a shell\'s job it is stopped and continued' => sub {
	plan skip_all => 'needs bash' if !$BASH;
	install('narwhal');
	my $t = Terminal->start($BASH, '--norc', '-i');

	$t->wait_for(qr/\$ \z/);
	$t->type("$IMAGE @QUICK -- cat\n");
	my $cat;
	$t->wait_until('cat runs', sub { $cat = Narwhal::find_below($t->{pid}, 'cat') });
	$t->wait_until('it has the terminal', sub { $t->foreground == getpgrp $cat });
	for my $round (1 .. 2) {
		upgrade_below($t);
		is($t->foreground, getpgrp $cat, 'it has it still');
		$t->type("\cZ");
		$t->wait_for(qr/Stopped.*\$ \z/s);
		is((Narwhal::stat_fields($cat))[0], 'T', 'the program is stopped');
		$t->type("fg\n");
		$t->wait_for(qr/fg\r\n\S+narwhal .*-- cat\r\n/);
		$t->type("word$round\n");
		$t->wait_for(qr/word$round\r\nword$round/);
	}
	$t->type("\cD");
	$t->wait_for(qr/\$ \z/);
	$t->type("echo status=\$?\n");
	$t->wait_for(qr/status=0/);
	$t->type("exit\n");
	is($t->end, 0, 'the shell has its terminal back');
};

done_testing;
