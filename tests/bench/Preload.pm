package Preload;

# Another part: what preload_app buys: how soon a worker that was killed has a successor that is
# READY, and how much memory a worker of a Django app has for its own.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Load;
use Process;
use Report;
use Server;
use Wsgi;

my @KINDS = ('narwhal', 'narwhal+preload');
my $KILLS = 15;
my $PROVEN = 1.1;    # seconds; who dies younger waits for its backoff
my $RESPAWN_AIM = 5; # ms
my $WORKERS = 4;
my $SERVED = 2; # seconds
my $MEMORY_AIM = 0.5;

sub kinds { return @KINDS }

# How many successors have become READY so far.
sub ready_count {
	my ($server) = @_;
	return scalar(() = Process::read_file($server->{log}) =~ / worker_ready /g);
}

# From the signal to the line that tells of READY, in ms.
sub respawn_ms {
	my ($server) = @_;
	my $before = ready_count($server);
	my ($victim) = $server->worker_pids;
	my $begun = time;
	kill 'KILL', $victim;
	sleep 0.0002 until ready_count($server) > $before;
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

# The proportional share of a worker that has served a while (smaps_rollup, proc(5)), in KiB; with
# preload_app the zygote's is told apart.
sub memory {
	my ($with) = @_;
	my ($row) = Wsgi::rows('^Django');
	my %kib;
	for my $kind (@KINDS) {
		my $server = Server->start($kind =~ s/narwhal/narwhal+wsgi/r, %$with, workers => $WORKERS,
			app => 'hello', module => $row->{module});
		# All of them: --min-ready.
		sleep 0.01 until Process::read_file($server->{log}) =~ / ready address=/;
		Load::wrk($server, $row, $SERVED);
		my @shares = map { Process::memory($_)->{share} } $server->worker_pids;
		my ($zygote) = grep { Process::name($_) eq 'narwhal-zygote' } Process::children($server->{pid});
		$kib{$kind} = { worker => Report::median(@shares),
			zygote => $zygote ? Process::memory($zygote)->{share} : 0 };
		$server->stop;
	}
	return \%kib;
}

sub heading {
	return [ 'workers', 'killed to READY, ms', 'Django: PSS of a worker, KiB', 'of the zygote' ];
}

sub lines {
	my ($result) = @_;
	return map { [ $_, sprintf('%.1f', $result->{respawn}{$_}), $result->{memory}{$_}{worker},
		$result->{memory}{$_}{zygote} ] } @KINDS;
}

sub goals {
	my ($result) = @_;
	my ($alone, $shared) = map { $result->{memory}{$_}{worker} } @KINDS;
	return (Report::goal('preload: killed to READY, ms', $RESPAWN_AIM, $result->{respawn}{ $KINDS[1] }, '',
		'%.1f'), Report::goal('preload: PSS of a Django worker to without', $MEMORY_AIM, $shared / $alone, ''));
}

1;
