package Preload;

# Another part: what preload_app buys: how soon a worker that was killed has a successor that is
# READY.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Process;
use Report;
use Server;

my @KINDS = ('narwhal', 'narwhal+preload');
my $KILLS = 15;
my $PROVEN = 1.1;    # seconds; who dies younger waits for its backoff
my $RESPAWN_AIM = 5; # ms

sub kinds { return @KINDS }

# From the signal to the line that tells of READY, in ms.
sub respawn_ms {
	my ($server) = @_;
	my $lines = () = Process::read_file($server->{log}) =~ / worker_ready /g;
	my ($victim) = $server->worker_pids;
	my $begun = time;
	kill 'KILL', $victim;
	sleep 0.0002 until (() = Process::read_file($server->{log}) =~ / worker_ready /g) > $lines;
	return 1000 * (time - $begun);
}

# In turns.
sub respawns {
	my ($server) = @_;
	my %ms;
	for (1 .. $KILLS) {
		sleep $PROVEN;
		push @{ $ms{$_} }, respawn_ms($server->{$_}) for @KINDS;
	}
	return { map { $_ => Report::median(@{ $ms{$_} }) } @KINDS };
}

sub heading {
	return [ 'workers', 'killed to READY, ms' ];
}

sub lines {
	my ($result) = @_;
	return map { [ $_, sprintf '%.1f', $result->{respawn}{$_} ] } @KINDS;
}

sub goals {
	my ($result) = @_;
	return Report::goal('preload: killed to READY, ms', $RESPAWN_AIM, $result->{respawn}{ $KINDS[1] }, '',
		'%.1f');
}

1;
