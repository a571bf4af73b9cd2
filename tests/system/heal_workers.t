# What workers, and who kills them, can do to the arbiter: nothing. It lives, serves with those that
# are left, burns no CPU, keeps no descriptor, and is whole soon after.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/../fault";
use Fault qw(be_whole begin serves settle unharmed vitals);
use Narwhal;

my $MODULES = "$Narwhal::BUILD/tests/modules";
my $TROUBLE = "$MODULES/trouble.so";
my $IMPOSTOR = "$Narwhal::BUILD/tests/fault/impostor";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

sub put {
	my ($name, $text) = @_;

	open my $file, '>', "$name.new" or die "$name: $!";
	print $file "$text\n";
	close $file or die "$name: $!";
	rename "$name.new", $name or die "$name: $!";
	return;
}

# Seconds of a line's time within its day.
sub moment {
	my ($line) = @_;

	return $line =~ /T(\d+):(\d+):([\d.]+)Z/ ? $1 * 3600 + $2 * 60 + $3 : undef;
}

# These take their time by themselves, beside all that follows. Both are ready before they break.

symlink $TROUBLE, "$dir/app.so" or die;
my $looping = begin(app => "$dir/app.so",
	args => [ '--workers', 1, '--when-ready', "$dir/ready" ]);
$looping->wait_ready;
my $looping_before = vitals($looping);
symlink "$MODULES/crashes.so", "$dir/new.so" or die;
rename "$dir/new.so", "$dir/app.so" or die;
ok($looping->wait_until('the file', sub { -e "$dir/ready" }), 'one that will crash in each boot is ready');
sleep 1.1;    # it has proven itself
kill 'KILL', $looping->workers;

# What each word of the impostor's costs, and how its end is told.
my %fault = (
	leave => qr/cause=exit status=9/,
	crash => qr/cause=signal signal=SIGABRT/,
	mute => qr/cause=boot_timeout signal=SIGABRT/,
	repeat => qr/cause=boot_failed signal=SIGKILL/,    # its first word is believed
	map({ ($_ => qr/cause=misbehaved signal=SIGKILL/) }
		qw(twice early awake_early late accuse curious flood oversized too_long cut_short empty unknown
			negative upside_down descriptors hang_up confined_by_log confined_by_nothing
			confined_twice)),
	confined_late => qr/cause=(?:misbehaved signal=SIGKILL|exit status=9)/,    # or the kernel refuses it
	confined_and_failed => qr/cause=boot_failed status=3/,
	map({ ($_ => qr/cause=sandbox signal=SIGKILL/) } qw(breach_in_boot breach)),
	breach_and_eavesdrop => qr/cause=(?:sandbox|misbehaved) signal=SIGKILL/,    # whoever is quicker
);
my %liar;

for my $word (sort keys %fault) {
	put("$dir/$word", 'well');
	$liar{$word} = begin(app => "$dir/$word",
		args => [ '--worker-image', $IMPOSTOR, '--boot-timeout', $word eq 'mute' ? 3 : 30 ]);
}
for my $word (sort keys %fault) {
	$liar{before}{$word} = settle($liar{$word});
	put("$dir/$word", $word);
	kill 'KILL', ($liar{$word}->workers)[0];
}

subtest 'a stopped worker with a request in it is replaced after its timeout' => sub {
	my $n = begin(args => [ '--timeout', '0.5' ]);
	my $before = settle($n);
	my ($client, $busy);

	# For 0.3 s: who comes too late to see it asks again.
	$n->wait_until('one sleeps', sub {
		($client = $n->connect)->write("GET /nap HTTP/1.1\r\nHost: test\r\n\r\n")
			if !$client || IO::Select->new($client->{socket})->can_read(0);
		return ($busy) = grep { sleeps($_) } $n->workers;
	});
	kill 'STOP', $busy;
	like($n->wait_line(qr/ worker_exit /), qr/ pid=$busy .*cause=timeout signal=SIG.*"GET \/nap"/,
		'it was seen');
	be_whole($n, 2);
	is(scalar(grep { serves($n) } 1 .. 5), 5, 'it serves');
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

# Within a request: one that idles waits in epoll.
sub sleeps {
	my ($pid) = @_;
	my $where = eval { Narwhal::slurp("/proc/$pid/wchan") } // '';

	return $where =~ /nanosleep/;
}

subtest 'a stopped worker that idles harms nobody, and goes on after CONT within the timeout' => sub {
	my $n = begin;
	my $before = settle($n);
	my ($stopped) = $n->workers;

	kill 'STOP', $stopped;
	is(scalar(grep { serves($n) } 1 .. 20), 20, 'the other one serves');
	kill 'CONT', $stopped;
	is(scalar(grep { serves($n) } 1 .. 20), 20, 'both serve');
	is(scalar(grep { $_ == $stopped } $n->workers), 1, 'it lives');
	kill 'STOP', $stopped;
	$n->signal('TTOU')->wait_line(qr/ workers_wished workers=1/);
	kill 'KILL', $stopped;
	$n->signal('TTIN')->wait_line(qr/ workers_wished workers=2/);
	be_whole($n, 2);
	unharmed($n, $before);
	is($n->stop, 0, 'status 0');
};

subtest 'a stop with stopped workers ends within graceful_timeout' => sub {
	my $n = begin(args => [ '--graceful-timeout', '0.5' ]);

	settle($n);
	kill 'STOP', $n->workers;
	is($n->stop, 0, 'status 0');
	like(join("\n", $n->lines), qr/cause=graceful_timeout signal=SIGKILL/, 'the true cause');
};

subtest 'kill -9 of every worker each 10 ms, for three seconds' => sub {
	my $n = begin(args => [ '--workers', 4 ]);
	$n->wait_ready;
	be_whole($n, 4);
	my $before = vitals($n);
	my $end = time + 3;
	my $killed = 0;

	while (time < $end) {
		$killed += kill 'KILL', $n->workers;
		sleep 0.01;
	}
	cmp_ok($killed, '>', 12, "$killed killed");
	be_whole($n, 4);
	is(scalar(grep { serves($n) } 1 .. 10), 10, 'it serves');
	unharmed($n, $before, cpu => 2);
	is($n->stop, 0, 'status 0');
	my $told = grep { / worker_exit .*cause=signal signal=SIGKILL/ } $n->lines;
	my ($stopped) = grep { / info stopped / } $n->lines;
	like($stopped, qr/ exits_signal=$told\b/, 'each is counted');    # $killed: the dead, too
};

subtest 'every signal there is but KILL and STOP, from nowhere' => sub {
	for my $pid1 ($> == 0 ? (0, 1) : 0) {
		my $n = begin(pid1 => $pid1);
		my $before = settle($n);
		my %ends = map { $_ => 1 } qw(2 3 9 15 19);

		for my $number (grep { !$ends{$_} } 1 .. 64) {
			kill $number, $n->arbiter;
			kill 0, $n->arbiter or die "signal $number ended it\n";
		}
		$n->wait_line(qr/ signal name=\S+ number=64 /);
		$n->signal('HUP')->wait_line(qr/ info reloaded generation=[23] /);
		be_whole($n, 2);
		is(scalar(grep { serves($n) } 1 .. 5), 5, 'it lives and serves');
		unharmed($n, $before);
		is($n->stop([qw(INT QUIT)]->[$pid1]), 0, 'status 0');
	}
};

subtest 'a storm of signals' => sub {
	my $n = begin();
	my $before = settle($n);

	for (1 .. 100) {
		kill $_, $n->arbiter for qw(HUP WINCH USR1 CHLD PIPE ALRM), 34 .. 64;
		sleep 0.01;
	}
	# Of those that are pending the kernel gives the lower number first: HUP alone is the last.
	$n->wait_until('none is pending', sub {
		Narwhal::slurp('/proc/' . $n->arbiter . '/status') =~ /^ShdPnd:\t0{16}$/m;
	});
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	$n->wait_until('two workers', sub { 2 == $n->workers });
	is(scalar(grep { serves($n) } 1 .. 5), 5, 'it serves');
	unharmed($n, $before, cpu => 8, rss => 1024);
	is($n->stop, 0, 'status 0');
};

# Two workers of that generation, and nobody else, be it a dead one, for a while.
sub calm_down {
	my ($n, $generation) = @_;

	$n->wait_until("two of generation $generation", sub {
		my @of = map { Narwhal::generation($_) } Narwhal::children($n->arbiter);
		return "@of" eq "$generation $generation";
	});
	sleep 0.2;
	return;
}

subtest '200 deaths and 200 reloads leave nothing behind' => sub {
	my $n = begin(args => [ '--loglevel', 'info', '--idle-grace', 0 ]);
	my ($before, $generation);

	$n->wait_ready;
	for my $round (1 .. 220) {
		if ($round == 21) {    # what a first time takes, it has taken
			calm_down($n, 21);
			$before = vitals($n);
		}
		kill 'KILL', ($n->workers)[0];
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		$n->wait_until('two workers', sub { 2 == $n->workers });
	}
	calm_down($n, 221);
	unharmed($n, $before, cpu => 10, rss => 256);
	is(scalar(grep { serves($n) } 1 .. 5), 5, 'it serves');
	is($n->stop, 0, 'status 0');
};

for my $word (sort keys %fault) {
	subtest "an impostor: $word" => sub {
		my $n = $liar{$word};

		like($n->wait_line(qr/ worker_exit .*cause=(?!signal signal=SIGKILL)/), $fault{$word},
			'its end');
		my @boots = grep { / worker_spawned / } $n->lines;
		# Two places, and two for successors of those who take their time to die.
		cmp_ok(scalar @boots, '<=', 2 + 4 * (5 + (time - $^T) / 10), 'few of them were born');
		put("$dir/$word", 'well');
		my $cpu = vitals($n)->{cpu} - $liar{before}{$word}{cpu};
		cmp_ok($cpu, '<', 0.5, "CPU seconds: $cpu");
		$n->signal('HUP')->wait_line(qr/ info reloaded /);
		be_whole($n, 2);
		unharmed($n, $liar{before}{$word});
		is($n->stop, 0, 'status 0');
	};
}

subtest 'a crash loop: at most 5 boots in 6 s, then one in 10 s, and unready meanwhile' => sub {
	my $n = $looping;

	$n->wait_line(qr/ info unready phase=SERVE/);
	my @lines = map { $n->wait_line(qr/ worker_spawned /, 20) } 1 .. 6;
	my @boots = map { moment($_) } @lines;
	cmp_ok($boots[4] - $boots[0], '<', 6, 'five quickly');
	cmp_ok($boots[5] - $boots[0], '>', 6, 'no sixth in 6 s');
	cmp_ok($boots[5] - $boots[4], '>', 9.9, 'but after 10 s');
	ok(!-e "$dir/ready", 'the ready file is withdrawn');
	cmp_ok(vitals($n)->{cpu} - $looping_before->{cpu}, '<', 0.5, 'little CPU time');
	symlink $TROUBLE, "$dir/new.so" or die;
	rename "$dir/new.so", "$dir/app.so" or die;
	$n->signal('HUP')->wait_line(qr/ info ready /);
	ok($n->wait_until('the file', sub { -e "$dir/ready" }), 'a reload with a good app makes it ready');
	be_whole($n, 1);
	unharmed($n, $looping_before);
	is($n->stop, 0, 'status 0');
};

done_testing;
