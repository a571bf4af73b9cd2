package Preload;

# Another part: what preload_app buys. How soon a worker that was killed has a successor that is
# READY; and how much memory each worker of a Django app has to itself.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Process;
use Report;
use Server;

my @KINDS = ('narwhal', 'narwhal+preload');
my $KILLS = 15;
my $PROVEN = 1.1;    # seconds; who dies younger waits for its backoff
my ($RESPAWN_AIM, $SHARE_AIM) = (5, 0.5);
my ($WORKERS, $REQUESTS) = (4, 200);

sub kinds { return @KINDS }
sub workers { return $WORKERS }

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

# KiB, as a mean of the workers, when each has answered.
sub share {
	my ($server, $path) = @_;
	$server->get($path) for 1 .. $REQUESTS;
	my @shares = map { Process::memory($_)->{share} } $server->worker_pids;
	my $sum = 0;
	$sum += $_ for @shares;
	return $sum / @shares;
}

sub heading {
	return [ 'workers', 'killed to READY, ms', 'Django: share (PSS) of a worker, KiB' ];
}

sub lines {
	my ($result) = @_;
	return map { [ $_, map { defined $_ ? sprintf '%.1f', $_ : '-' } $result->{respawn}{$_},
			$result->{share}{$_} ] } @KINDS;
}

sub goals {
	my ($result) = @_;
	my ($without, $with) = map { $result->{share}{$_} } @KINDS;
	my @goals = Report::goal('preload: killed to READY, ms', $RESPAWN_AIM,
		$result->{respawn}{ $KINDS[1] }, '', '%.1f');
	push @goals, Report::goal('preload: share of a Django worker, to one without', $SHARE_AIM,
		$with / $without, '') if defined $with;
	return @goals;
}

1;
