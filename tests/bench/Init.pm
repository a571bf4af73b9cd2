package Init;

# Another part: narwhal as the init of one program, beside others. What stands before the program's
# first instruction, what an idle one costs, and how fast it buries 10,000 orphans.

use strict;
use warnings;

use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

use Machine;
use Process;
use Report;

my ($STARTS, $BURIALS, $ORPHANS) = (1001, 5, 10_000);
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

# getrusage(2) of the children that were waited for, in us: perl's own times() counts in ticks.
my %GETRUSAGE = (x86_64 => 98, aarch64 => 165);

sub children_cpu {
	my $usage = "\0" x 144;
	my $number = $GETRUSAGE{ (POSIX::uname())[4] } // return 0;
	return 0 if syscall($number, -1, $usage) != 0;
	my @part = unpack 'q4', $usage;
	return ($part[0] + $part[2]) * 1e6 + $part[1] + $part[3];
}

# In turns, so that what the machine does besides falls on all: the time from fork(2) to the
# program's first instruction, and the CPU of all until the end. What the machine's doing adds to is
# hardly the run that a tenth undercuts. All figures are what comes on top of no init.
sub start_up {
	my ($witness, @inits) = @_;
	my (%us, %cpu);
	for (1 .. $STARTS) {
		for my $init (@inits) {
			my ($name, @command) = @$init;
			my $before = children_cpu();
			my ($ns, $begun) = run_to_end(@command, $witness, 'stamp');
			push @{ $us{$name} }, $ns / 1000 - $begun;
			push @{ $cpu{$name} }, children_cpu() - $before;
		}
	}
	my %start;
	for my $name (keys %us) {
		my ($sorted, $cpu) = map { [ sort { $a <=> $b } @{ $_->{$name} } ] } \%us, \%cpu;
		$start{$name} = { quick => $sorted->[$STARTS / 10], median => $sorted->[$STARTS / 2],
			cpu => $cpu->[$STARTS / 10] };
	}
	my %none = %{ $start{nothing} };
	for my $name (keys %start) {
		$start{$name} = { map { $_ => $start{$name}{$_} - $none{$_} } keys %none };
	}
	return \%start;
}

# How many system calls come on top, which repeats exactly.
sub calls {
	my ($witness, $dir, @inits) = @_;
	my %calls;
	for my $init (@inits) {
		my ($name, @command) = @$init;
		run_to_end('strace', '-f', '-qq', '-o', "$dir/calls", @command, $witness, 'stamp');
		$calls{$name} = grep { /^\d+\s+\w+\(/ } split /\n/, Process::read_file("$dir/calls");
	}
	return { map { $_ => $calls{$_} - $calls{nothing} } keys %calls };
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
	my ($start, $calls) = (start_up($witness, @inits), calls($witness, $with->{dir}, @inits));
	my ($idle, $burial) = (idle(@real), burial($witness, @real));
	my %result = map { my $name = $_->[0]; ($name => { %{ $start->{$name} }, %{ $idle->{$name} },
		calls => $calls->{$name}, orphans_ms => $burial->{$name} }) } @real;
	print "\n", Report::table(heading(), map { line($_->[0], $result{ $_->[0] }) } @real);
	return \%result;
}

sub heading {
	return [ 'init of one program', 'start-up us', 'median us', 'CPU us', 'system calls',
		'private dirty KiB', 'resident KiB', 'share KiB', 'wake-ups/s', '10,000 orphans ms' ];
}

sub line {
	my ($name, $own) = @_;
	return [ $name, (map { sprintf '%.0f', $own->{$_} } qw(quick median cpu)), $own->{calls},
		@{$own}{qw(dirty resident share)}, sprintf('%.1f', $own->{wakeups}),
		sprintf('%.0f', $own->{orphans_ms}) ];
}

sub goals {
	my ($result) = @_;
	my ($own, $tini) = @{$result}{qw(narwhal tini)};
	my @goals = Report::goal('init: wake-ups/s', 0, $own->{wakeups}, '', '%.0f');
	push @goals, map { Report::goal("init: start-up, $_->[0] us, beside tini's",
		$tini->{ $_->[1] }, $own->{ $_->[1] }, '', '%.0f') }
		[ 'time', 'quick' ], [ 'median', 'median' ], [ 'CPU', 'cpu' ] if $tini;
	return @goals;
}

1;
