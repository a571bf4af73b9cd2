package Crowd;

# Another part: ten thousand clients that have asked once and keep their connections. What each
# holds of the workers' own memory, and what they cost those who are busy.

use strict;
use warnings;

use Socket;
use Time::HiRes qw(sleep);

use Load;
use Process;
use Report;
use Rounds;
use Rows;
use Server;

my $CLIENTS = 10_000;
my $AT_ONCE = 100;
my ($SETTLE, $ROOM) = (1, 12_000); # seconds; a worker may get more than its half

my ($BYTES_AIM, $RATE_AIM) = (600, 1.05);

# `$CLIENTS` connections that have had one answer each.
sub gather {
	my ($server, $row) = @_;
	my @sockets;
	my $address = pack_sockaddr_in($server->{port}, INADDR_LOOPBACK);
	while (@sockets < $CLIENTS) {
		my @some = map { one_more($address) } 1 .. $AT_ONCE;
		Load::one_round(\@some, Load::request($server, $row), $row->{size});
		push @sockets, @some;
	}
	return \@sockets;
}

sub one_more {
	my ($address) = @_;
	socket my $socket, PF_INET, SOCK_STREAM, 0 or die "bench: socket: $!\n";
	connect $socket, $address or die "bench: connect: $!\n";
	return $socket;
}

sub room { return $ROOM }

sub private_bytes {
	my ($server) = @_;
	my $sum = 0;
	sleep $SETTLE;
	$sum += 1024 * Process::memory($_)->{dirty} for $server->worker_pids;
	return $sum;
}

# Bytes for each of the crowd, and the workers' figures with it by those without it. Two servers
# take turns: one with the crowd, and one without.
sub measure {
	my ($kind, $rounds, $seconds, %with) = @_;
	my ($row) = Rows::matching('^hello, keep-alive$');
	my %server = map { $_ => Server->start($kind, %with, workers => 2, app => $row->{app},
		file => Rows::file($with{dir}, $row), connections => $ROOM) } qw(alone crowded);
	Load::wrk($_, $row, 1) for values %server;
	my $before = private_bytes($server{crowded});
	my $crowd = gather($server{crowded}, $row);
	my $bytes = (private_bytes($server{crowded}) - $before) / $CLIENTS;
	my @order = sort keys %server;
	my @figures;
	for my $round (1 .. 2 * $rounds) {
		push @figures, { map { $_ => Rounds::one($server{$_}, $row, $seconds) } @order };
		@order = reverse @order;
	}
	Load::one_round($crowd, Load::request($server{crowded}, $row), $row->{size}); # all are there
	$_->stop for values %server;
	return {
		bytes => $bytes,
		cpu => Rounds::ratio('cpu_us', 'crowded', 'alone', @figures),
		rate => Rounds::ratio('rate', 'alone', 'crowded', @figures),
	};
}

sub heading {
	return [ "$CLIENTS idle connections", 'private bytes each', 'CPU of 64 active, with/without',
		'from-to', 'rate, without/with', 'from-to' ];
}

sub line {
	my ($kind, $figure) = @_;
	return [ $kind, sprintf('%.0f', $figure->{bytes}), map { sprintf('%.2f', $_->{middle}),
		sprintf('%.2f-%.2f', $_->{least}, $_->{most}) } @{$figure}{qw(cpu rate)} ];
}

sub goals {
	my ($figure) = @_;
	return (
		Report::goal("$CLIENTS idle: private bytes each", $BYTES_AIM, $figure->{bytes}, '', '%.0f'),
		Report::goal("$CLIENTS idle: rate of 64 active, without/with", $RATE_AIM,
			$figure->{rate}{middle}, ''),
	);
}

1;
