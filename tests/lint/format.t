# clang-format decides; tables (.def) are aligned by hand.
use strict;
use warnings;
use Test::More;
use Lint qw(c_files files slurp no_faults needs output);

needs('clang-format');

my (undef, $status) = output('sh', '-c',
	'printf "int f( ){return 0;}\n" | clang-format --dry-run --Werror --assume-filename=base/x.c');
isnt($status, 0, 'clang-format under our rules finds fault with a bad line');

my ($text) = output('clang-format', '--dry-run', '--Werror', c_files());
no_faults('every file is as clang-format has it', $text =~ /^(\S+:\d+):\d+: error/mg);

my $width = 120; # tabs counted as 8
no_faults("scripts keep to $width columns, no line ends in a space, every file ends in a newline", map {
	my ($file, $all) = ($_, slurp($_));
	my $script = $file =~ /\.(?:pm|t)\z/ || $all =~ /\A#!/;
	my $n = 0;
	my @faults = map {
		my $line = s/\t/' ' x 8/ger;
		$n++;
		(/[ \t]\z/ ? "$file:$n: ends in a space" : (),
		 $script && length $line > $width ? "$file:$n: has " . length($line) . ' columns' : ());
	} split /\n/, $all;
	(@faults, length $all && $all !~ /\n\z/ ? "$file: no newline at the end" : ());
} files(qr{(?:\.(?:c|h|def|pm|t|md|py|sh|table)|Makefile|Dockerfile|/run|bootstrap)\z}));
done_testing;
