# Every fuzz target holds its properties on its corpus and on the cases of the written tables, under
# ASan and UBSan, and for a short slice of what libFuzzer makes of them; `make fuzz` goes on from
# there. The slice is bounded by runs, not by time, so that it is about the same on any machine; and
# without randomised addresses, as libFuzzer learns words from what is compared, some of it pointers.
use strict;
use warnings;

use File::Basename qw(basename);
use File::Temp qw(tempdir);
use Test::More;
use Lint qw(needs output);

plan(skip_all => 'once is enough: see the run without sanitizers') if $ENV{SANITIZE};
needs('make', 'clang', 'nproc', 'setarch');
delete @ENV{qw(MAKEFLAGS MAKELEVEL CFLAGS LDFLAGS CPPFLAGS)};

my $SLICE_RUNS = 20_000;
my %SLICE_RUNS_SLOW = (config_file => 1_500, heirloom => 1_500,    # each opens files
	transport_tls => 500);    # each shakes hands
my $CORPUS_FILE_MAX = 8192;    # an heirloom holds every setting
my $BUILD = ($ENV{BUILD} // 'build') . '/fuzz';
my ($processors) = output('nproc');
my $tmp = tempdir(CLEANUP => 1);

my ($text, $status) = output('make', '-s', '-j' . ($processors + 0), "BUILD=$BUILD", 'CC=clang',
	'SANITIZE=fuzzer', 'fuzzers');
is($status, 0, 'the targets are built') or diag($text);
mkdir "$BUILD/findings";

my @targets = map { basename($_, '.c') } glob 'tests/fuzz/*.c';
my %corpus = map { $_ => [ grep { -f } glob "tests/fuzz/corpus/$_/*" ] } @targets;

is_deeply([ sort map { basename($_) } glob 'tests/fuzz/corpus/*' ], [ sort @targets ],
	'each target has a corpus, each corpus a target');
for my $target (@targets) {
	my @large = grep { -s > $CORPUS_FILE_MAX } @{ $corpus{$target} };
	cmp_ok(scalar @{ $corpus{$target} }, '>', 0, "$target has reviewed inputs");
	is("@large", '', 'and each is small');
}

# One process for each processor.
sub in_parallel {
	my ($name, @commands) = @_;

	while (my @batch = splice @commands, 0, $processors) {
		$_->{pipe} = start(@{ $_->{command} }) for @batch;
		for my $run (@batch) {
			my $pipe = $run->{pipe};
			my $said = do { local $/; <$pipe> };
			close $pipe;
			is($?, 0, "$run->{target}: $name") or diag($said);
		}
	}
	return;
}

sub start {
	my (@command) = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";

	return $pipe if $pid != 0;
	open STDERR, '>&', \*STDOUT;
	exec @command or exit 127;
}

sub command {
	my ($target, @more) = @_;

	return { target => $target, command => [ 'setarch', '-R', "$BUILD/tests/fuzz/$target",
		'-timeout=20', "-artifact_prefix=$BUILD/findings/$target-", @more ] };
}

($text, $status) = output('tests/fuzz/seeds', "$tmp/seeds");
is($status, 0, 'the cases of the tables are inputs, too') or diag($text);
in_parallel('every input there is', map {
	command($_, @{ $corpus{$_} }, glob "$tmp/seeds/$_/*");
} @targets);
in_parallel('a slice of what they lead to', map {
	mkdir "$tmp/$_" or die "$tmp/$_: $!";
	command($_, '-seed=1', '-runs=' . ($SLICE_RUNS_SLOW{$_} // $SLICE_RUNS), "$tmp/$_",
		"tests/fuzz/corpus/$_", grep { -d } "$tmp/seeds/$_");
} @targets);
done_testing;
