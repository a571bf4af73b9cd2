package Idle;

# The second part: what a service costs that nobody asks for anything.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Process;
use Report;

my $SETTLE = 1; # seconds
my $WATCH = 5;

# The arbiter's, from DESIGN: KiB of private dirty and of resident memory, wake-ups a second.
my %AIM = (dirty => 200, resident => 1229, wakeups => 0);

# One hash for the server's first process and each worker.
sub measure {
	my ($server) = @_;
	my @pids = ($server->{pid}, $server->worker_pids);
	sleep $SETTLE;
	my %before = map { $_ => Process::wakeups($_) } @pids;
	sleep $WATCH;
	my @figures;
	for my $pid (@pids) {
		my $wakeups = (Process::wakeups($pid) - $before{$pid}) / $WATCH;
		my $role = $pid == $server->{pid} ? 'arbiter' : 'worker';
		push @figures, { role => $role, %{ Process::memory($pid) }, wakeups => $wakeups };
	}
	return \@figures;
}

sub heading {
	return [ 'idle process', 'private dirty KiB', 'resident KiB', 'wake-ups/s' ];
}

sub lines {
	my ($kind, $figures) = @_;
	return map { [ "$kind $_->{role}", $_->{dirty}, $_->{resident},
		sprintf('%.1f', $_->{wakeups}) ] } @$figures;
}

sub goals {
	my ($figures) = @_;
	my ($arbiter) = grep { $_->{role} eq 'arbiter' } @$figures;
	my %unit = (dirty => 'private dirty KiB', resident => 'resident KiB', wakeups => 'wake-ups/s');
	return map { Report::goal("idle arbiter: $unit{$_}", $AIM{$_}, $arbiter->{$_}, '', '%.0f') }
		sort keys %AIM;
}

1;
