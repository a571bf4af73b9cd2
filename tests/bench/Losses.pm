package Losses;

# The fourth part: what reloads cost the clients. Keep-alive clients ask one request after the
# other while the server reloads; a request that was sent and got no whole answer is lost, and so
# is the connection it went over.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Time::HiRes qw(sleep time);

use Counter;

my $RELOADS = 5;
my $CLIENTS = 32;
my $PATIENCE = 10; # seconds for a reload

sub measure {
	my ($server) = @_;
	my %result = (kind => $server->{kind}, reloads => $RELOADS, clients => $CLIENTS);
	for my $kind (qw(keepalive closing)) {
		my $counter = Counter->start("127.0.0.1:$server->{port}", $kind => $CLIENTS);
		$counter->wait_answered(500);
		reload($server, $counter) for 1 .. $RELOADS;
		my $counts = $counter->finish;
		die "bench: $server->{kind}: requests of which nothing is known\n"
			if Counter::unaccounted($counts) != 0;
		$result{$kind} = $counts;
	}
	return \%result;
}

# Other workers than before, all of them, and requests that they answered.
sub reload {
	my ($server, $counter) = @_;
	my %old = map { $_ => 1 } $server->worker_pids;
	my $deadline = time + $PATIENCE;
	kill 'HUP', $server->{pid};
	while (1) {
		my @now = $server->worker_pids;
		last if @now == keys %old && !grep { $old{$_} } @now;
		die "bench: $server->{kind} does not reload\n" if time > $deadline;
		sleep 0.005;
	}
	$counter->wait_answered(500);
	return;
}

sub heading {
	return [ "$RELOADS reloads, $CLIENTS clients", 'server', 'requests', 'lost', 'told to close' ];
}

sub lost {
	my ($counts) = @_;
	return $counts->{sent} - $counts->{answered} - $counts->{resent};
}

sub lines {
	my ($result) = @_;
	my %name = (keepalive => 'keep-alive', closing => 'a connection each');
	return map { [ $name{$_}, $result->{kind}, $result->{$_}{sent}, lost($result->{$_}),
		$result->{$_}{answered_close} ] } qw(keepalive closing);
}

sub goals {
	my ($result) = @_;
	my $lost = lost($result->{keepalive}) + lost($result->{closing});
	return Report::goal("$RELOADS reloads: requests lost", 0, $lost, '', '%.0f');
}

1;
