package Report;

# Figures to text: medians, and tables that are Markdown too.

use strict;
use warnings;

sub median {
	my @sorted = sort { $a <=> $b } @_;
	my $middle = int(@sorted / 2);
	return @sorted % 2 ? $sorted[$middle] : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}

# The first line is the heading; the first column stands left, the others right.
sub table {
	my (@lines) = @_;
	my @width;
	for my $line (@lines) {
		for my $i (0 .. $#$line) {
			my $n = length $line->[$i];
			$width[$i] = $n if $n > ($width[$i] // 0);
		}
	}
	my $format = join ' ', '|', (map { ($_ ? '%' : '%-') . "$width[$_]s |" } 0 .. $#width);
	my $rule = join '|', '', (map { '-' x ($width[$_] + 1) . ($_ ? ':' : '-') } 0 .. $#width), '';
	my ($heading, @rest) = map { sprintf $format, @$_ } @lines;
	return join "\n", $heading, $rule, @rest, '';
}

# A line of the last table: at most so much, and so much it was, both as they are printed.
sub goal {
	my ($name, $most, $measured, $limit, $format) = @_;
	my ($aim, $figure) = map { sprintf $format // '%.2f', $_ } $most, $measured;
	return [ $name, $aim, $figure, $limit, $figure <= $aim ? 'met' : 'not met' ];
}

sub goals_heading {
	return [ 'goal', 'at most', 'measured', 'bare', 'verdict' ];
}

1;
