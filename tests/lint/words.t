# Nothing half-done, nothing that only one machine knows.
use strict;
use warnings;
use Test::More;
use Lint qw(files slurp no_faults);

# Written apart, so that this file is no finding of its own.
my %banned = (
	join('|', map { '\b' . join('', @$_) . '\b' }
		['TO', 'DO'], ['FIX', 'ME'], ['XX', 'X'], ['HA', 'CK'], ['not im', 'plemented'])
		=> 'is for later: do it now',
	join('|', map { join '', @$_ }
		['/wo', 'rk/'], ['/ho', 'me/\w+/'], ['pkg', '\.dev'], ['10\.25', '5\.'])
		=> 'is known to one machine',
	join('', '^#[ \t]*if', ' 0\b') => 'is dead code',
	join('', "<<<<", '<<<|>>>>', '>>>') => 'is left of a merge',
);

sub faults {
	my ($file, $text) = @_;
	my ($n, @faults) = 0;

	for my $line (split /\n/, $text) {
		$n++;
		for my $pattern (sort keys %banned) {
			push @faults, "$file:$n: \"$1\" $banned{$pattern}" if $line =~ /($pattern)/;
		}
	}
	return @faults;
}

is(faults('x.c', join '', '/* TO', 'DO */'), 1, 'a thing to do is a fault');
is(faults('x.md', join '', 'see /wo', 'rk/x'), 1, "a machine's path is a fault");
is(faults('x.c', join '', '# if', " 0\n"), 1, 'dead code is a fault');
is(faults('x.c', 'int todo_list;'), 0, 'a word that only resembles one is none');

my $text = qr{(?:\.(?:c|h|def|pm|t|md|py|sh|table|conf|ya?ml)|Makefile|Dockerfile|/run|bootstrap)\z};
no_faults('no file holds such words', map { faults($_, slurp($_)) } files($text));
done_testing;
