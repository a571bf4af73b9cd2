# What else happens while an upgrade is under way, drawn by lot: signals, deaths, orphans, bad images.
# Whatever it is, PID 1 lives, ends when it is told to, and else serves with as many workers as wished
# for. RUNS says how often (make upgrades), SEED which run to repeat.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Counter;
use Narwhal;
use Upgrade qw($DIR $IMAGE begin configure identity install load misfit none_lost work);

plan skip_all => 'PID 1 needs root' if $> != 0;

my $RUNS = $ENV{SEED} ? 1 : $ENV{RUNS} // 8;
my $IMAGES = "$Narwhal::BUILD/tests/images";

# What is brought up, and how often.
my @IMAGE_OF = (
	(sub { install('narwhal') }) x 5,
	sub { install('narwhal', '/bin/false') },
	sub { misfit('older') },
	sub { misfit('crash') },
	sub { misfit('refuse') },
	sub { configure(%{ $_[0]{settings} }, worker_image => install('mute', "$IMAGES/fickle")) },
	sub { configure(%{ $_[0]{settings} }, app => '/nowhere') },
);

# What happens meanwhile; each tells what it means for the end of the run.
my %HAPPENS = (
	more => sub { return wish($_[0], 'TTIN') },
	fewer => sub { return wish($_[0], 'TTOU') },
	again => sub { $_[0]->signal('USR2'); return },
	reload => sub { $_[0]->signal('HUP'); return },
	death => sub {
		my @workers = $_[0]->workers;
		kill 'KILL', $workers[ rand @workers ] if @workers;
		return (harmed => 1);
	},
	orphans => sub {
		system 'nsenter', '-t', $_[0]->arbiter, '-p', 'sh', '-c',
			'n=0; while [ $n -lt 40 ]; do (true &); n=$((n + 1)); done';
		return;
	},
	rollback => sub { request($_[0], 'rollback'); return },
	commit => sub { request($_[0], 'commit'); return },
	stop => sub { $_[0]->signal('TERM'); return (ends => 1) },
	quick => sub { $_[0]->signal('INT'); return (ends => 1, harmed => 1) },
);
my @OFTEN = ((map { ($_) x 4 } qw(more fewer again reload orphans)), (map { ($_) x 2 } qw(death rollback commit)),
	qw(stop quick));

# Waited for: two of these at once come in the order of their numbers, or as one.
sub wish {
	my ($n, $signal) = @_;
	my $line = $n->signal($signal)->wait_line(qr/ workers_(?:wished|at_least|at_most) /);

	return (workers => $line =~ / workers=(\d+)/);
}

# As PID 1 of its namespace sees it.
sub request {
	my ($n, $word) = @_;

	system 'nsenter', '-t', $n->arbiter, '-p', '-m', $Narwhal::PROGRAM, $word;
	return;
}

sub expect_whole {
	my ($n, $workers) = @_;

	$n->wait_until("$workers workers serve", sub {
		my @workers = grep { (Narwhal::stat_fields($_))[0] ne 'Z' } $n->workers;
		return @workers == $workers;
	}, 30);
	is($n->get('/')->{status}, 200, 'it serves');
	is($n->stop, 0, 'status 0');
	return;
}

sub run_one {
	my ($seed) = @_;

	srand $seed;
	my %settings = (upgrade_timeout => '0.4', upgrade_probation => sprintf('%.3f', rand 0.2));
	my $n = begin(%settings);
	my @counters = load($n, keepalive => 4, closing => 4);
	my ($identity, $workers, %outcome) = (identity($n), 2);
	my @story;

	$IMAGE_OF[ rand @IMAGE_OF ]->({ settings => \%settings });
	$n->signal('USR2');
	for (1 .. 1 + int rand 4) {
		my $what = $OFTEN[ rand @OFTEN ];
		sleep rand 0.06;    # at which step it comes is what is drawn
		my %is = $HAPPENS{$what}->($n);
		$workers = $is{workers} // $workers;
		%outcome = (%outcome, map { $is{$_} ? ($_ => 1) : () } qw(ends harmed));
		push @story, $what;
		last if $outcome{ends};
	}
	if ($outcome{ends}) {
		is($n->wait_end(30), 0, 'status 0');
	} else {
		$n->wait_until('the upgrade has come to its end', sub {
			grep { / (?:upgraded|upgrade_failed|upgrade_returned|upgrade_abandoned) / } $n->lines;
		}, 30);
		# Another one may be under way, by the second USR2; while an image thaws, its name is
		# that of its file.
		ok($n->wait_until('the same process', sub { identity($n) eq $identity }), 'the same process');
		work(@counters);
		expect_whole($n, $workers);
	}
	none_lost($n, @counters) if !$outcome{harmed};
	diag "SEED=$seed: @story" if !Test::More->builder->is_passing;
	return;
}

my $first = $ENV{SEED} // (time ^ $$ << 8) & 0xffffff;
for my $seed ($first .. $first + $RUNS - 1) {
	subtest "what is drawn by SEED=$seed" => sub { run_one($seed) };
	last if !Test::More->builder->is_passing;
}
done_testing;
