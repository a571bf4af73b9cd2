# Cases - the written tables of what is a request and what is refused, tests/unit/*_cases.def, for
# tests that send them to a server.
#
#	for my $rule (Cases::rules('request')) {	# { section, text, under, cases => [...] }
#		for my $case (@{ $rule->{cases} }) {	# { kind => 'REFUSED', status => 400, bytes => ... }
package Cases;

use strict;
use warnings;

use Lint qw(slurp);

my %ESCAPE = (r => "\r", n => "\n", t => "\t", 0 => "\0");

# A string of C, without its quotes, as bytes.
sub unescape {
	my ($text) = @_;

	$text =~ s{\\(?:([0-7]{1,3})|(.))}{ defined $1 ? chr oct $1 : $ESCAPE{$2} // $2 }ge;
	return $text;
}

sub rules {
	my ($table) = @_;
	my $file = "tests/unit/${table}_cases.def";
	my @rules;

	for my $line (split /\n/, slurp($file) =~ s{/\*.*?\*/}{}sr) {
		next if $line eq '';
		my ($row, $rest) = $line =~ /^([A-Z_]+)\((.*)\)$/ or die "$file: no row: $line\n";
		my ($number) = $rest =~ /^(\w+), /;
		my ($first, $second) = map { unescape($_) } $rest =~ /"((?:[^"\\]|\\.)*)"/g;
		if ($row =~ /^RULE/) {
			push @rules, { section => $first, text => $second, under => $number // 'limits', cases => [] };
		} else {
			push @{ $rules[-1]{cases} }, { kind => $row, status => $number, bytes => $first };
		}
	}
	return @rules;
}

1;
