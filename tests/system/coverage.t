# Units and reviewed corpora reach nearly every line of the parser, file by file; `make coverage`
# prints the figures, and each line that nothing reaches.
use strict;
use warnings;

use File::Find qw(find);
use Test::More;
use Lint qw(needs output);

plan(skip_all => 'once is enough: see the run without sanitizers') if $ENV{SANITIZE};
needs('make', 'gcc', 'gcov', 'nproc');
delete @ENV{qw(MAKEFLAGS MAKELEVEL CFLAGS LDFLAGS CPPFLAGS)};

my $LEAST = 95;    # percent of a file's lines
my @PARSER = map { "service/$_.c" } qw(request request_field field authority chunked);
my @UNITS = qw(request_test chunked_test);
my @TARGETS = qw(request request_split request_llhttp chunked);
my $BUILD = ($ENV{BUILD} // 'build') . '/coverage';
my ($processors) = output('nproc');

my ($text, $status) = output('make', '-s', '-j' . ($processors + 0), "BUILD=$BUILD", 'CC=gcc', 'COVERAGE=1',
	(map { "$BUILD/tests/unit/$_" } @UNITS), (map { "$BUILD/tests/fuzz/$_" } @TARGETS));
is($status, 0, 'it is built') or diag($text);

# Counts of an earlier run would be added to.
find({ no_chdir => 1, wanted => sub { unlink if /\.gcda\z/ } }, $BUILD);
for my $unit (@UNITS) {
	($text, $status) = output("$BUILD/tests/unit/$unit");
	is($status, 0, $unit) or diag($text);
}
for my $target (@TARGETS) {
	($text, $status) = output("$BUILD/tests/fuzz/$target", grep { -f } glob "tests/fuzz/corpus/$target/*");
	is($status, 0, "the corpus of $target") or diag($text);
}

for my $file (@PARSER) {
	my $object = "$BUILD/" . $file =~ s/\.c\z/.o/r;
	my ($report) = output('gcov', '-n', '-o', $object, $file);
	my ($percent, $lines) = $report =~ /^File '\Q$file\E'\nLines executed:([\d.]+)% of (\d+)/m;

	ok(($percent // 0) >= $LEAST, sprintf '%-26s %6s %% of %d lines', $file, $percent // 0, $lines // 0);
	my ($listing) = output('gcov', '-t', '-o', $object, $file);
	note($_) for grep { /^\s*#####:/ && !/:\s+0:/ } split /\n/, $listing;
}
done_testing;
