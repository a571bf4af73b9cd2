package Init;

# Another part: narwhal as the init of one program, beside others. What stands before the program's
# first instruction, what an idle one costs, and how fast it buries 10,000 orphans.

use strict;
use warnings;

use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

use Machine;
use Process;
use Report;

my ($STARTS, $BURIALS, $ORPHANS) = (201, 5, 10_000);
my ($SETTLE, $WATCH) = (1, 5);    # seconds

sub inits {
	my ($build) = @_;
	my @inits = (
		[ 'nothing' ],
		[ 'narwhal', "$build/narwhal", '--' ],
		[ 'tini', '/usr/bin/tini', '-s', '--' ],
		[ 'dumb-init', '/usr/bin/dumb-init', '--' ],
		[ 'catatonit', '/usr/bin/catatonit', '--' ],
	);
	return grep { @$_ == 1 || -x $_->[1] } @inits;
}

# Runs it to its end: what it wrote, and when it began, in us.
sub run_to_end {
	my (@command) = @_;
	pipe my $read, my $write or die "bench: pipe: $!\n";
	my $begun = clock_gettime(CLOCK_MONOTONIC) * 1e6;
	my $pid = fork // die "bench: fork: $!\n";
	if ($pid == 0) {
		open STDOUT, '>&', $write or POSIX::_exit(127);
		exec {$command[0]} @command or POSIX::_exit(127);
	}
	close $write;
	my $said = do { local $/ = undef; <$read> };
	waitpid $pid, 0;
	die "bench: @command: failed\n" if $? != 0;
	return ($said, $begun);
}

# In turns, so that what the machine does besides falls on all; and of each the run that a tenth
# undercuts: what is added to it is the machine's doing.
sub start_up {
	my ($witness, @inits) = @_;
	my %us;
	for (1 .. $STARTS) {
		for my $init (@inits) {
			my ($name, @command) = @$init;
			my ($ns, $begun) = run_to_end(@command, $witness, 'stamp');
			push @{ $us{$name} }, $ns / 1000 - $begun;
		}
	}
	my %quick = map { $_ => (sort { $a <=> $b } @{ $us{$_} })[$STARTS / 10] } keys %us;
	return { map { $_ => $quick{$_} - $quick{nothing} } keys %quick };
}

sub burial {
	my ($witness, @inits) = @_;
	my %ms;
	for (1 .. $BURIALS) {
		for my $init (@inits) {
			my ($name, @command) = @$init;
			my (undef, $begun) = run_to_end('unshare', '--fork', '--pid', '--mount-proc',
				@command, $witness, 'orphans', $ORPHANS);
			push @{ $ms{$name} }, (clock_gettime(CLOCK_MONOTONIC) * 1e6 - $begun) / 1000;
		}
	}
	return { map { $_ => Report::median(@{ $ms{$_} }) } keys %ms };
}

# All at once, over the same seconds.
sub idle {
	my (@inits) = @_;
	my (%pid, %before, %figure);
	for my $init (@inits) {
		my ($name, @command) = @$init;
		$pid{$name} = fork // die "bench: fork: $!\n";
		exec {$command[0]} @command, 'sleep', 1000 or POSIX::_exit(127) if $pid{$name} == 0;
	}
	sleep $SETTLE;
	%before = map { $_ => Process::wakeups($pid{$_}) } keys %pid;
	sleep $WATCH;
	for my $name (keys %pid) {
		$figure{$name} = { %{ Process::memory($pid{$name}) },
			wakeups => (Process::wakeups($pid{$name}) - $before{$name}) / $WATCH };
	}
	kill 'TERM', values %pid;
	waitpid $_, 0 for values %pid;
	return \%figure;
}

sub part {
	my ($with) = @_;
	my $witness = "$with->{dir}/witness";
	Machine::must_run('cc', qw(-std=c17 -O2 -static -D_GNU_SOURCE -o), $witness,
		"$with->{source}/../programs/witness.c");
	my @inits = inits($with->{build});
	my @real = grep { @$_ > 1 } @inits;
	my ($start, $idle, $burial) = (start_up($witness, @inits), idle(@real), burial($witness, @real));
	my @lines = map { my $name = $_->[0]; [ $name, sprintf('%.0f', $start->{$name}),
		@{ $idle->{$name} }{qw(dirty resident share)}, sprintf('%.1f', $idle->{$name}{wakeups}),
		sprintf('%.0f', $burial->{$name}) ] } @real;
	print "\n", Report::table([ 'init of one program', 'start-up us', 'private dirty KiB',
		'resident KiB', 'share KiB', 'wake-ups/s', '10,000 orphans ms' ], @lines);
	return { map { my $name = $_->[0]; ($name => { start_us => $start->{$name},
		orphans_ms => $burial->{$name}, %{ $idle->{$name} } }) } @real };
}

sub goals {
	my ($result) = @_;
	my ($own, $tini) = @{$result}{qw(narwhal tini)};
	my @goals = Report::goal('init: wake-ups/s', 0, $own->{wakeups}, '', '%.0f');
	push @goals, Report::goal("init: start-up us, beside tini's", $tini->{start_us},
		$own->{start_us}, '', '%.0f') if $tini;
	return @goals;
}

1;
