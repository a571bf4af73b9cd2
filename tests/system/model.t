# Spin walks through every state of the model in tests/model (see docs/MODEL.md): the arbiter as it
# is must have no fault there, and each fault that is seeded must be found.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Lint qw($ROOT needs output slurp);

needs(qw(spin cc timeout));

my $SECONDS = 900;      # for each search; a clean one takes 5 to 30 if it has a processor of its own
my $MEGABYTES = 2048;
my @SOURCES = map { "$ROOT/$_.c" } qw(base/roles init/attendant init/backoff init/converge init/roster init/wish
	tests/model/decide);

my $dir = tempdir(CLEANUP => 1);
my %names;    # by table, in the order of its rows, as the enums have them

sub write_names {
	open my $file, '>', "$dir/names.h" or die "names.h: $!";
	for my $table (qw(STATE EVENT PHASE TURN)) {
		my $rows = slurp("$ROOT/init/\L${table}s.def");

		$names{$table} = [ $rows =~ /^$table\((\w+)/mg ];
		my $n = 0;
		print $file map { "#define ${table}_$_ " . $n++ . "\n" } @{$names{$table}};
		print $file "#define ${table}S $n\n";
	}
	close $file or die "names.h: $!";
	return;
}

sub run_in_dir {
	my (@command) = @_;

	return output('sh', '-c', 'cd "$0" && exec "$@"', $dir, @command);
}

# The tables become Promela by the C preprocessor; Promela becomes C, linked with what decides.
sub build {
	my @steps = (
		['cc', '-E', '-P', '-w', '-x', 'c', '-include', 'names.h', "-I$ROOT",
			"$ROOT/tests/model/arbiter.pml", '-o', 'arbiter.pml'],
		['spin', '-a', 'arbiter.pml'],
		['cc', '-w', '-O2', "-DMEMLIM=$MEGABYTES", '-D_GNU_SOURCE', "-I$ROOT", '-o', 'pan', 'pan.c',
			@SOURCES],
	);

	for my $step (@steps) {
		my ($text, $status) = run_in_dir(@$step);

		next if $status == 0;
		diag($text);
		return 0;
	}
	return 1;
}

sub search {
	my ($bug) = @_;
	local $ENV{BUG} = $bug;
	my ($text) = run_in_dir('timeout', $SECONDS, './pan', '-a', '-m10000');

	return $text;
}

# How it came to that, in the words of the tables.
sub story {
	my ($bug) = @_;
	local $ENV{BUG} = $bug;
	my ($text) = run_in_dir('./pan', '-r');
	my @told = grep { !/^(?:\s*\d+:\s+proc|MSC:)/ } split /\n/, $text =~ s/^spin: trail ends.*//msr;

	return map { s/\b([A-Z]+)_(\d+)\b/$names{$1}[$2]/gr } @told;
}

write_names();
ok(build(), 'the model is made from the tables and the code as they are') or done_testing, exit;

subtest 'the arbiter has no fault in any state that the model reaches' => sub {
	my $text = search(0);

	like($text, qr/errors: 0$/m, 'no assertion fails, and it always comes to rest')
		or diag(join "\n", $text =~ /^pan:.*/mg, story(0));
	unlike($text, qr/not completed|max search depth|out of memory/, 'every state was looked at')
		or diag($text);
	my ($states) = $text =~ /^\s*([\d.e+]+) states, stored/m;
	cmp_ok($states // 0, '>', 100_000, 'they are many');
};

my %seeded = slurp("$ROOT/tests/model/arbiter.pml") =~ /^#define BUG_(\w+) (\d+)$/mg;
my %seen_as = (
	SPAWNS_IN_A_LEAVING_SLOT => qr/assertion violated \(process\[order_slot\]==0\)/,
	RETIRES_BEFORE_THE_CANDIDATE_IS_READY => qr/assertion violated .*>=.*harmed.*workers/,
	FORGETS_THE_DEADLINE_OF_A_DRAIN => qr/acceptance cycle/,
	LOSES_A_WISH_IN_A_RELOAD => qr/assertion violated .*workers==wished/,
);
is_deeply([sort keys %seen_as], [sort keys %seeded], 'each seeded bug is looked for');
for my $name (sort keys %seeded) {
	like(search($seeded{$name}), $seen_as{$name}, 'found: an arbiter that ' . lc $name =~ tr/_/ /r);
}

done_testing;
