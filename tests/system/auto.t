# workers = auto: as many as the CPUs that may be used, the cgroup's quota and its memory allow.
use strict;
use warnings;

use List::Util qw(min);
use POSIX qw(ceil);
use Test::More;

use Cgroup;
use Narwhal;

my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my ($cpus, $first) = allowed();

# How many CPUs this test may run on, and the first of them.
sub allowed {
	my ($list) = Narwhal::slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
	my $n = 0;

	for my $range (split /,/, $list) {
		my ($from, $to) = split /-/, $range;
		$n += ($to // $from) - $from + 1;
	}
	return ($n, $list =~ /^(\d+)/);
}

# What the line of a start, or of a reload, says.
sub told {
	my ($n) = @_;
	my $line = $n->wait_line(qr/ info workers_auto /);

	return { map { /^(\w+)=(\S+)$/ ? ($1, $2) : () } split / /, $line };
}

sub begin {
	my (%option) = @_;

	return Narwhal->start(args => [ '--workers', 'auto', '--min-ready', 512, $TROUBLE ], %option);
}

subtest 'as many workers as CPUs, where nothing else binds' => sub {
	my $n = begin();
	my $told = told($n);

	is($told->{cpus}, $cpus, 'the CPUs are counted');
	cmp_ok($told->{workers}, '<=', $cpus, 'no more workers than CPUs');
	$n->wait_ready;
	is(scalar $n->workers, $told->{workers}, 'and they are there');
	is($n->stop, 0, 'status 0');
};

subtest 'the affinity counts, not the machine' => sub {
	my $n = begin(wrap => [ 'taskset', '-c', $first ]);
	my $told = told($n);

	is("$told->{workers} $told->{cpus}", '1 1', 'one');
	$n->wait_ready;
	is(scalar $n->workers, 1, 'and it is there');
	is($n->stop, 0, 'status 0');
};

subtest 'auto comes from wherever settings come from, and is printed as a word' => sub {
	my $n = Narwhal->start(args => [$TROUBLE], env => { WEB_CONCURRENCY => 'auto' });

	told($n);
	$n->wait_ready;
	is($n->stop, 0, 'status 0');
	my ($status, $output) = Narwhal->run(args => [ '--print-config', $TROUBLE ],
		env => { NARWHAL_WORKERS => 'auto' });
	is($status, 0, 'status 0');
	like($output, qr/^workers = auto$/m, 'printed');
	($status, $output) = Narwhal->run(args => [ '--workers', 'Auto', $TROUBLE ]);
	is($status, 1, 'status 1');
	like($output, qr/--workers: "Auto" .*allowed are auto, 1 to 512/, 'what is allowed is told');
};

SKIP: {
	my $group = $> == 0 ? Cgroup->make('cpu') : undef;

	skip(Cgroup->missing('cpu'), 2) if !$group;
	for my $quota (0.5, 1.5) {
		subtest "a quota of $quota CPUs is rounded up" => sub {
			my $wanted = min($cpus, ceil($quota));
			$group->limit_cpus($quota);
			my $n = begin(wrap => [ $group->wrap ]);
			my $told = told($n);

			is($told->{quota}, $quota, 'the quota is told');
			is($told->{workers}, $wanted, "$wanted workers");
			is($told->{reason}, ceil($quota) <= $cpus ? 'quota' : 'cpus', 'the reason');
			$n->wait_ready;
			is(scalar $n->workers, $wanted, 'and they are there');
			is($n->stop, 0, 'status 0');
		};
	}
	subtest 'a reload looks again' => sub {
		$group->limit_cpus(2);
		my $n = begin(wrap => [ $group->wrap ]);

		is(told($n)->{quota}, 2, 'before');
		$n->wait_ready;
		$group->limit_cpus(0.25);
		$n->signal('HUP');
		my $told = told($n);
		is("$told->{workers} $told->{quota} $told->{reason}", '1 0.25 quota', 'after');
		$n->wait_line(qr/ info reloaded /);
		$n->wait_until('one worker is left', sub { $n->workers == 1 });
		is($n->stop, 0, 'status 0');
	};
}

SKIP: {
	my $group = $> == 0 ? Cgroup->make('memory') : undef;

	skip(Cgroup->missing('memory'), 1) if !$group;
	subtest 'workers that do not fit into the memory are not begun' => sub {
		$group->limit_memory(63 << 20);
		my $n = begin(wrap => [ $group->wrap ]);
		my $told = told($n);

		is("$told->{workers} $told->{memory}", '1 ' . (63 << 20), 'one');
		is($told->{reason}, $cpus > 1 ? 'memory' : 'cpus', 'the reason');
		$n->wait_ready;
		is($n->stop, 0, 'status 0');
	};
}

done_testing;
