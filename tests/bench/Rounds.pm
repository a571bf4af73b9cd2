package Rounds;

# The first part: rows under load, server after server, round after round. The order turns with
# each round, and a rival is compared with nginx inside the round: what the machine does besides
# falls on both.

use strict;
use warnings;

use Load;
use Process;
use Report;
use Rows;

# One row: a hash for each kind of server with the medians, and `rounds` with all figures.
sub row {
	my ($row, $servers, $rounds, $seconds) = @_;
	Load::check($_, $row, Rows::body($row)) for values %$servers;
	Load::wrk($_, $row, 1) for values %$servers; # warm
	my @kinds = sort keys %$servers;
	my @figures;
	for my $round (1 .. $rounds) {
		my %figure = map { $_ => one($servers->{$_}, $row, $seconds) } @kinds;
		push @figures, \%figure;
		@kinds = reverse @kinds;
	}
	return { map { $_ => summary($_, @figures) } @kinds };
}

sub one {
	my ($server, $row, $seconds) = @_;
	my @workers = $server->worker_pids;
	my $before = Process::cpu_ns(@workers);
	my $above = Process::cpu_ns($server->{pid});
	my $figure = Load::wrk($server, $row, $seconds);
	my @errors = @{ $figure->{errors} };
	my $requests = $figure->{requests} || 1;
	push @errors, 'a worker died' if "@workers" ne join ' ', $server->worker_pids;
	return {
		rate => $figure->{requests} / $figure->{seconds},
		cpu_us => @errors ? 0 : (Process::cpu_ns(@workers) - $before) / 1000 / $requests,
		arbiter_us => (Process::cpu_ns($server->{pid}) - $above) / 1000,
		p99_us => $figure->{p99_us},
		errors => \@errors,
	};
}

sub summary {
	my ($kind, @figures) = @_;
	my @own = map { $_->{$kind} } @figures;
	my %median = map { my $name = $_; ($name => Report::median(map { $_->{$name} } @own)) }
		qw(rate cpu_us arbiter_us p99_us);
	my @ratios = sort { $a <=> $b }
		map { $_->{nginx}{cpu_us} ? $_->{$kind}{cpu_us} / $_->{nginx}{cpu_us} : 0 } @figures;
	return {
		%median,
		ratio => Report::median(@ratios),
		spread => $ratios[-1] - $ratios[0],
		errors => [ map { @{ $_->{errors} } } @own ],
		rounds => \@own,
	};
}

sub heading {
	return [ 'work', 'server', 'requests/s', 'CPU us/request', 'p99 ms', 'CPU to nginx',
		'spread', 'aim', 'errors' ];
}

sub lines {
	my ($row, $summary) = @_;
	return map { line($row, $_, $summary->{$_}) } sort keys %$summary;
}

sub line {
	my ($row, $kind, $own) = @_;
	my @errors = @{ $own->{errors} };
	return [
		$row->{name}, $kind, sprintf('%.0f', $own->{rate}), sprintf('%.2f', $own->{cpu_us}),
		sprintf('%.2f', $own->{p99_us} / 1000), sprintf('%.2f', $own->{ratio}),
		sprintf('%.2f', $own->{spread}), aim($row, $kind, $own),
		@errors ? 'FAILED: ' . join(', ', @errors) : 0,
	];
}

sub aim {
	my ($row, $kind, $own) = @_;
	return '' if $kind ne 'narwhal';
	my $met = sprintf('%.2f', $own->{ratio}) <= $row->{aim};
	return sprintf '%.2f %s', $row->{aim}, $met ? 'met' : 'missed';
}

1;
