package Rounds;

# The first part: rows under load, server after server, round after round. The order turns with
# each round, and a server is compared with another one inside the round: what the machine does
# besides falls on both.

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
	return { map { $_ => summary($_, Rows::beside($row), @figures) } @kinds };
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
	my $first = Process::cpu_ns($server->{pid}) - $above;
	return {
		rate => $figure->{requests} / $figure->{seconds},
		cpu_us => @errors ? 0 : (Process::cpu_ns(@workers) - $before + $first) / 1000 / $requests,
		first_us => $first / 1000,
		p99_us => $figure->{p99_us},
		errors => \@errors,
	};
}

# In each round one server's figure by another's: in the middle, and from the least to the most.
sub ratio {
	my ($name, $kind, $beside, @figures) = @_;
	my @ratios = sort { $a <=> $b } map { $_->{$beside}{$name}
		? $_->{$kind}{$name} / $_->{$beside}{$name} : 0 } @figures;
	return { middle => Report::median(@ratios), least => $ratios[0], most => $ratios[-1] };
}

sub summary {
	my ($kind, $beside, @figures) = @_;
	my @own = map { $_->{$kind} } @figures;
	my %median = map { my $name = $_; ($name => Report::median(map { $_->{$name} } @own)) }
		qw(rate cpu_us first_us p99_us);
	my %to = map { $_ => ratio('cpu_us', $kind, $_, @figures) }
		grep { exists $figures[0]{$_} } 'nginx+cache', 'bare', $beside;
	return {
		%median,
		to => \%to,
		ratio => $to{$beside},
		p99 => ratio('p99_us', $kind, $beside, @figures),
		errors => [ map { @{ $_->{errors} } } @own ],
		rounds => \@own,
	};
}

sub heading {
	return [ 'work', 'server', 'requests/s', 'CPU us', 'p99 ms', 'beside', 'CPU ratio',
		'from-to', 'p99 ratio', 'to nginx+cache', 'to bare', 'errors' ];
}

sub lines {
	my ($row, $summary) = @_;
	return map { line($row, $_, $summary->{$_}) }
		sort { $summary->{$a}{cpu_us} <=> $summary->{$b}{cpu_us} } keys %$summary;
}

sub line {
	my ($row, $kind, $own) = @_;
	my @errors = @{ $own->{errors} };
	return [
		$row->{name}, $kind, sprintf('%.0f', $own->{rate}), sprintf('%.2f', $own->{cpu_us}),
		sprintf('%.2f', $own->{p99_us} / 1000), Rows::beside($row),
		sprintf('%.2f', $own->{ratio}{middle}),
		sprintf('%.2f-%.2f', $own->{ratio}{least}, $own->{ratio}{most}),
		sprintf('%.2f', $own->{p99}{middle}), other($own, 'nginx+cache'), other($own, 'bare'),
		@errors ? 'FAILED: ' . join(', ', @errors) : 0,
	];
}

sub other {
	my ($own, $kind) = @_;
	return defined $own->{to}{$kind} ? sprintf '%.2f', $own->{to}{$kind}{middle} : '';
}

# What is to be had, and what came out: CPU, and, beside nginx, the slowest hundredth of the answers.
sub goals {
	my ($row, $summary) = @_;
	my ($subject, $beside) = (Rows::subject($row), Rows::beside($row));
	my ($own, $bare) = ($summary->{$subject}, $summary->{bare});
	my $limit = $bare ? sprintf '%.2f', $bare->{ratio}{middle} : '';
	my @goals = Report::goal("$row->{name}: CPU to $beside", $row->{aim},
		$own->{ratio}{middle}, $limit);
	push @goals, Report::goal("$row->{name}: p99 to $beside", 1.00, $own->{p99}{middle}, '')
		if $beside eq 'nginx';
	return @goals;
}

1;
