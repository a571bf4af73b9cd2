package Sandbox;

# What the filter of system calls costs: narwhal as it is, and with sandbox = off, in the same rounds.

use strict;
use warnings;

use Load;
use Report;
use Rounds;
use Rows;

my ($WITH, $WITHOUT) = qw(narwhal narwhal+open);

sub kinds { return ($WITH, $WITHOUT) }

sub rows { return Rows::matching('^(?:hello, keep-alive|file, 1 KiB)$') }

# The medians, and the ratio of the CPU of a request.
sub measure {
	my ($row, $servers, $rounds, $seconds) = @_;
	my @kinds = kinds();
	my @figures;

	for my $server (values %$servers) {
		Load::check($server, $row, Rows::body($row));
		Load::wrk($server, $row, 1); # warm
	}
	for my $round (1 .. $rounds) {
		push @figures, { map { $_ => Rounds::one($servers->{$_}, $row, $seconds) } @kinds };
		@kinds = reverse @kinds;
	}
	my %median;
	for my $kind (kinds()) {
		$median{$kind}{$_} = median($kind, $_, @figures) for qw(rate cpu_us);
	}
	return { %median, ratio => Rounds::ratio('cpu_us', $WITH, $WITHOUT, @figures),
		errors => [ map { map { @{ $_->{errors} } } values %$_ } @figures ] };
}

sub median {
	my ($kind, $name, @figures) = @_;
	return Report::median(map { $_->{$kind}{$name} } @figures);
}

sub heading {
	return [ 'work', 'requests/s', 'sandbox = off', 'CPU us', 'sandbox = off', 'CPU ratio', 'from-to',
		'errors' ];
}

sub line {
	my ($row, $measured) = @_;
	my @rates = map { sprintf '%.0f', $measured->{$_}{rate} } kinds();
	my @cpu = map { sprintf '%.2f', $measured->{$_}{cpu_us} } kinds();
	my $ratio = $measured->{ratio};
	return [ $row->{name}, @rates, @cpu, sprintf('%.3f', $ratio->{middle}),
		sprintf('%.3f-%.3f', $ratio->{least}, $ratio->{most}), scalar @{ $measured->{errors} } ];
}

sub goal {
	my ($row, $measured) = @_;
	return Report::goal("$row->{name}: CPU to sandbox = off", 1.03, $measured->{ratio}{middle}, '', '%.3f');
}

1;
