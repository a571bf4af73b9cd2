# Init mode on a terminal, as under `docker run -it` and as a job of a shell.
use strict;
use warnings;

use Test::More;

use Narwhal;
use Terminal;

my $NARWHAL = $Narwhal::PROGRAM;
my $WITNESS = "$Narwhal::BUILD/tests/programs/witness";
my $BASH = (grep { -x } '/bin/bash', '/usr/bin/bash')[0];

plan skip_all => 'no /dev/ptmx' if !-e '/dev/ptmx';

# What stands in front of narwhal: nothing, a shell without job control, or PID 1 of a namespace
# and the leader of its session.
my @PLACES = ([ 'a session\'s leader', [] ], [ 'in a script', [ 'sh', '-c', '"$@"; exit $?', 'sh' ] ]);
push @PLACES, [ 'PID 1', [ qw(unshare --fork --pid --mount-proc --kill-child setsid --ctty) ] ]
	if $> == 0;

sub wait_below {
	my ($t, $name) = @_;
	my $pid;

	$t->wait_until("$name runs", sub { $pid = Narwhal::find_below($t->{pid}, $name) });
	return $pid;
}

sub state_of {
	return (Narwhal::stat_fields($_[0]))[0];
}

sub session_of {
	return Narwhal::slurp("/proc/$_[0]/stat") =~ /\) \S \d+ \d+ (\d+)/ ? $1 : 0;
}

subtest 'the terminal is the program\'s: Ctrl-C reaches it, once' => sub {
	for my $place (@PLACES) {
		my $t = Terminal->start(@{ $place->[1] }, $NARWHAL, '--', $WITNESS, 'signals');
		$t->wait_for(qr/ready/);
		my $program = wait_below($t, 'witness');

		is($t->foreground, getpgrp $program, "$place->[0]: in the foreground")
			if !@{ $place->[1] };
		$t->type("\cC");
		$t->wait_for(qr/got number=2 code=128 /);
		$t->type("\c\\");
		is($t->end, 0, 'Ctrl-\ too');
		unlike($t->{said}, qr/number=2 /, 'INT came once');
	}
};

subtest 'Ctrl-Z does nothing where nobody could continue the program' => sub {
	for my $place (@PLACES) {
		my $t = Terminal->start(@{ $place->[1] }, $NARWHAL, '--', 'cat');
		my $cat = wait_below($t, 'cat');

		$t->type("one\n");
		$t->wait_for(qr/one\r\none/);
		for my $word (qw(two three)) {
			$t->type("\cZ");
			$t->type("$word\n");
			$t->wait_for(qr/$word\r\n$word/);
		}
		isnt(state_of($cat), 'T', "$place->[0]: it runs");
		$t->type("\cD");
		is($t->end, 0, 'and ends');
	}
};

subtest 'a stop that was sent holds on a terminal, too' => sub {
	for my $place (@PLACES) {
		my $t = Terminal->start(@{ $place->[1] }, $NARWHAL, '--', 'cat');
		my $cat = wait_below($t, 'cat');

		kill 'TSTP', wait_below($t, 'narwhal');
		$t->wait_until('it is stopped', sub { state_of($cat) eq 'T' });
		select undef, undef, undef, 0.1;
		is(state_of($cat), 'T', "$place->[0]: it stays so");
		kill 'CONT', Narwhal::find_below($t->{pid}, 'narwhal');
		$t->type("one\n");
		$t->wait_for(qr/one\r\none/);
		$t->type("\cD");
		is($t->end, 0, 'and ends');
	}
};

subtest 'a change of the window\'s size is told to the program' => sub {
	my $t = Terminal->start($NARWHAL, '--', $WITNESS, 'signals');

	$t->wait_for(qr/ready/);
	$t->resize(33, 101);
	$t->wait_for(qr/got number=28 code=128 /);
	kill 'WINCH', $t->{pid};
	$t->wait_for(qr/got number=28 code=0 /);
	$t->type("\c\\");
	is($t->end, 0, 'ended');
};

subtest 'a hang-up is told to the program' => sub {
	my $t = Terminal->start($NARWHAL, '--', 'sleep', 1000);
	wait_below($t, 'sleep');

	close $t->{master};
	my $pid = $t->{pid};
	Narwhal->wait_until('it ends', sub { waitpid($pid, POSIX::WNOHANG()) == $pid });
	is($? >> 8, 129, 'by SIGHUP');
	$? = 0;
};

subtest 'a shell inside has its job control' => sub {
	plan skip_all => 'needs bash' if !$BASH;
	for my $place (@PLACES) {
		my $t = Terminal->start(@{ $place->[1] }, $NARWHAL, '--', $BASH, '--norc', '-i');

		$t->wait_for(qr/\$ \z/);
		unlike($t->{said}, qr/no job control/, "$place->[0]: bash has no complaint");
		$t->type("cat\n");
		my $cat = wait_below($t, 'cat');
		$t->wait_until('cat reads', sub { state_of($cat) eq 'S' });
		$t->type("\cZ");
		$t->wait_for(qr/Stopped.*\$ \z/s);
		$t->type("fg\n");
		$t->wait_for(qr/fg\r\ncat\r\n/);
		$t->type("word\n");
		$t->wait_for(qr/word\r\nword/);
		$t->type("\cC");
		$t->wait_for(qr/\$ \z/);
		$t->type("exit 5\n");
		is($t->end, 5, 'and its status is told');
	}
};

subtest 'as a shell\'s job it is stopped and continued as one' => sub {
	plan skip_all => 'needs bash' if !$BASH;
	my $t = Terminal->start($BASH, '--norc', '-i');

	$t->wait_for(qr/\$ \z/);
	for my $round (1 .. 3) {
		$t->type("$NARWHAL -- cat\n") if $round == 1;
		my $cat = wait_below($t, 'cat');
		$t->wait_until('it has the terminal', sub { $t->foreground == getpgrp $cat });
		$t->type("\cZ");
		$t->wait_for(qr/Stopped.*\$ \z/s);
		is(state_of($cat), 'T', 'the program is stopped');
		is(state_of(Narwhal::find_below($t->{pid}, 'narwhal')), 'T', 'so is narwhal');
		$t->type("fg\n");
		$t->wait_for(qr/-- cat\r\n/);
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

subtest 'all of the program\'s group is continued' => sub {
	plan skip_all => 'needs bash' if !$BASH;
	my $t = Terminal->start($BASH, '--norc', '-i');

	$t->wait_for(qr/\$ \z/);
	$t->type("$NARWHAL -- sh -c 'cat; exit 4'\n");
	my $cat = wait_below($t, 'cat');
	$t->type("\cZ");
	$t->wait_for(qr/Stopped.*\$ \z/s);
	is(state_of($cat), 'T', 'a child of the program is stopped');
	$t->type("fg\n");
	$t->wait_for(qr/exit 4'\r\n/);
	$t->type("word\n");
	$t->wait_for(qr/word\r\nword/);
	$t->type("\cD");
	$t->wait_for(qr/\$ \z/);
	$t->type("exit\n");
	is($t->end, 4, 'ended');
};

subtest 'in the background it leaves the terminal where it is' => sub {
	plan skip_all => 'needs bash' if !$BASH;
	my $t = Terminal->start($BASH, '--norc', '-i');

	$t->wait_for(qr/\$ \z/);
	$t->type("$NARWHAL -- cat &\n");
	my $cat = wait_below($t, 'cat');
	$t->wait_until('it wants to read, and is stopped', sub { state_of($cat) eq 'T' });
	$t->wait_until('narwhal, too', sub { state_of(Narwhal::find_below($t->{pid}, 'narwhal')) eq 'T' });
	is($t->foreground, $t->{pid}, 'the shell has the terminal');
	$t->type("fg\n");
	$t->wait_for(qr/-- cat\r\n/);
	$t->type("word\n");
	$t->wait_for(qr/word\r\nword/);
	$t->type("\cD");
	$t->wait_for(qr/\$ \z/);
	$t->type("exit\n");
	is($t->end, 0, 'ended');
};

subtest 'the terminal is given back at the end' => sub {
	my $t = Terminal->start('sh', '-c', "$NARWHAL -- true; read word; echo got \$word");

	$t->type("this\n");
	$t->wait_for(qr/got this/);
	is($t->end, 0, 'the next program could read');
};

subtest 'a terminal that is none of the three descriptors is handed over, too' => sub {
	my $t = Terminal->start('sh', '-c', "$NARWHAL -- sh -c '"
		. 'read word </dev/tty; echo got $word >/dev/tty' . "' </dev/null >/dev/null 2>&1");

	$t->type("this\n");
	$t->wait_for(qr/got this/);
	is($t->end, 0, 'ended');
};

done_testing;
