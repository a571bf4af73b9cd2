# A row that nothing tests and nothing documents is a row that nobody knows: each row's name stands
# in a test or in the documentation, or the program itself prints it in --help; or a unit test
# includes the table and so goes through all of it.
use strict;
use warnings;
use Test::More;
use Lint qw(files slurp code no_faults output);

my $BUILD = $ENV{BUILD} // 'build';

# The first argument of every row, by line. Rows that start a group are no rows.
sub rows {
	my ($text) = @_;
	my @rows;

	for my $line (split /\n/, code($text, 1)) {
		push @rows, $2 if $line =~ /^([A-Z_]+)\(\s*"?([\w-]+)"?\s*[,)]/ && $1 ne 'SECTION';
	}
	return @rows;
}

is_deeply([rows("/* X(comment) */\nSECTION(http, \"HTTP\")\nROW(alpha, 1)\nROW(\"BE-TA\")\n")],
	['alpha', 'BE-TA'], 'rows are found; comments and headings are none');

my ($help, $status) = output("$BUILD/narwhal", '--help');
is($status, 0, 'narwhal --help');
$help =~ tr/-/_/;
my @readers = grep { $_ ne 'tests/lint/tables.t' }
	files(qr{^(?:tests|docs)/.*\.(?:c|h|t|pm|md|py|def)\z|^README\.md\z});
my $known = join "\n", $help, map { slurp($_) } @readers;

my @tables = grep { !m{^tests/} } files(qr/\.def\z/);
cmp_ok(scalar @tables, '>', 2, 'there are tables');
for my $table (@tables) {
	my @rows = rows(slurp($table));
	cmp_ok(scalar @rows, '>', 0, "$table has rows");
	@rows = () if $known =~ /^#include "\Q$table\E"/m;
	no_faults("$table: each row is tested or documented",
		map { "$table: $_" } grep { $known !~ /(?:\b|_)\Q$_\E(?:\b|_)/ } @rows);
}
done_testing;
