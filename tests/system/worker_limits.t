# What a worker has, seen in /proc from outside: descriptors, limits, who may look into it, and who
# of it and the arbiter is killed first.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

plan(skip_all => 'needs root, to look into workers') if $> != 0;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;

sub begin {
	my ($args, %option) = @_;
	my $n = Narwhal->start(pid1 => 1, args => [ @$args, $option{app} // $HELLO ], %option);
	$n->wait_ready;
	return $n;
}

# What each descriptor of that process is, by number.
sub descriptors {
	my ($pid) = @_;
	return map { m{/(\d+)$} && ($1 => readlink $_) } glob "/proc/$pid/fd/*";
}

# All that a worker may have: what it is, as /proc names it, and how many of it.
sub table {
	my (%more) = @_;
	return (
		'nothing, as its input' => [ qr{^/dev/null$}, 1 ],
		'output, errors, and a log of its own' => [ qr/^pipe:/, 3 ],
		'signals' => [ qr/^anon_inode:\[signalfd\]$/, 1 ],
		'the loop' => [ qr/^anon_inode:\[eventpoll\]$/, 1 ],
		'what wakes the loop' => [ qr/^anon_inode:\[eventfd\]$/, 1 ],
		%more,
	);
}

# Nothing but that, its channel, and those listeners of the arbiter.
sub has_only {
	my ($n, $listeners, %table) = @_;
	my %arbiter = map { ($_ => 1) } values %{ { descriptors($n->arbiter) } };
	my %own = descriptors(($n->workers)[0]);
	my (%found, @strange);

	for my $fd (sort { $a <=> $b } keys %own) {
		my ($row) = grep { $own{$fd} =~ $table{$_}[0] } sort keys %table;
		$row //= $arbiter{ $own{$fd} } ? 'listeners' : 'the channel' if $own{$fd} =~ /^socket:/;
		$found{$row}++ if defined $row;
		push @strange, "$fd: $own{$fd}" if !defined $row;
	}
	is($found{$_} // 0, $table{$_}[1], $_) for sort keys %table;
	is($found{'the channel'}, 1, 'the channel');
	is($found{listeners}, $listeners, "$listeners listeners");
	is("@strange", '', 'and nothing else');
	return;
}

subtest 'the descriptors of one with a module' => sub {
	my $n = begin([]);
	has_only($n, 1, table());
	is($n->get('/')->{status}, 200, 'a request later');
	$n->wait_until('its connection is gone', sub { 9 == keys %{ { descriptors(($n->workers)[0]) } } });
	has_only($n, 1, table());
	is($n->stop, 0, 'status 0');
};

subtest 'of one with files, several addresses and an access log' => sub {
	mkdir "$dir/public" or die $!;
	my $n = begin([ '--bind', "unix:$dir/socket", '--bind', '[::1]:0', '--accesslog', "$dir/access" ],
		app => "$dir/public");
	has_only($n, 3, table('the root' => [ qr{^\Q$dir/public\E$}, 1 ], 'the access log' => [ qr{/access$}, 1 ]));
	is($n->stop, 0, 'status 0');
};

subtest 'of its successor, and of one of another generation' => sub {
	my $n = begin([ '--loglevel', 'debug' ]);
	kill 'KILL', $n->workers;
	$n->wait_line(qr/ worker_exit /);
	$n->wait_line(qr/ worker_ready /);
	has_only($n, 1, table());
	$n->signal('HUP')->wait_line(qr/ reloaded /);
	$n->wait_line(qr/ worker_exit /);
	has_only($n, 1, table());
	is($n->stop, 0, 'status 0');
};

subtest 'of one that a zygote has forked, and of the successor that is forked beside others' => sub {
	my $n = begin([ '--preload-app', '--accesslog', "$dir/access", '--loglevel', 'debug' ]);
	my %more = ('the access log' => [ qr{/access$}, 1 ]);
	has_only($n, 1, table(%more));
	$n->signal('TTIN')->wait_line(qr/ worker_ready slot=1 /);
	kill 'KILL', ($n->workers)[0];
	$n->wait_line(qr/ worker_exit /);
	$n->wait_line(qr/ worker_ready slot=0 /);
	has_only($n, 1, table(%more));
	is($n->stop, 0, 'status 0');
};

subtest 'what was left open for narwhal goes no further' => sub {
	my $n = begin([], wrap => [ 'bash', '-c', 'exec 20</etc/passwd 21<>/dev/null; exec "$@"', 'bash' ]);
	has_only($n, 1, table());
	is($n->stop, 0, 'status 0');
};

# Soft and hard, as /proc/PID/limits has them.
sub limits {
	my ($n) = @_;
	my $text = Narwhal::slurp('/proc/' . ($n->workers)[0] . '/limits');
	my %name = (core => 'core file size', nofile => 'open files', nproc => 'processes', as => 'address space');
	return map { ($_ => $text =~ /^Max $name{$_}\s+(\S+)\s+(\S+)/m ? "$1 $2" : 'none') } keys %name;
}

subtest 'limits are the settings, soft and hard' => sub {
	plan(skip_all => 'sanitizers map far more') if $ENV{SANITIZE};
	my $n = begin([ '--limit-nofile', 300, '--limit-core', '1m', '--limit-nproc', 4000, '--limit-as', '4g' ]);
	is_deeply({ limits($n) }, { nofile => '300 300', core => '1048576 1048576', nproc => '4000 4000',
			as => '4294967296 4294967296' }, 'all four');
	is($n->get('/')->{status}, 200, 'it serves');
	is($n->stop, 0, 'status 0');
};

subtest 'without a setting there is no core, and the rest is the container\'s' => sub {
	my $n = begin([ '--worker-connections', 400, '--open-file-cache', 100 ],
		wrap => [ 'prlimit', '--nofile=512:2000', '--nproc=5000:6000', '--' ]);
	is_deeply({ limits($n) }, { nofile => '1156 2000', core => '0 0', nproc => '5000 6000',
			as => 'unlimited unlimited' }, 'descriptors for 400 connections and 100 files');
	is($n->stop, 0, 'status 0');
};

subtest 'a limit above the container\'s is refused, with the reason' => sub {
	my $n = Narwhal->start(pid1 => 1, user => 1000, args => [ '--limit-nofile', 2000, $HELLO ],
		wrap => [ 'prlimit', '--nofile=100:1000', '--' ]);
	is($n->wait_end, 3, 'status 3');
	like(join("\n", $n->lines),
		qr/limit_nofile: 2000: Operation not permitted: above the hard limit 1000, which only/,
		'says which, and why');
};

subtest 'too little memory is an error that is told' => sub {
	plan(skip_all => 'sanitizers die of it first') if $ENV{SANITIZE};
	my $n = Narwhal->start(pid1 => 1, args => [ '--limit-as', '100k', $HELLO ]);
	like($n->wait_end, qr/^[34]$/, 'status 3 or 4');
	like(join("\n", $n->lines), qr/annot allocate memory|failed to map segment/, 'it is the memory');
};

# Whether another process of that uid can look into the worker.
sub is_open {
	my ($n, $uid) = @_;
	my ($worker) = $n->workers;
	return 0 == system "setpriv --reuid=$uid --regid=$uid --clear-groups cat /proc/$worker/maps >/dev/null 2>&1";
}

subtest 'nobody of the same user can look into a worker' => sub {
	for my $user (undef, 1000) {
		my $n = begin([], defined $user ? (user => $user) : ());
		my $uid = $user // 65_534;
		ok(!is_open($n, $uid), "uid $uid");
		is((stat '/proc/' . ($n->workers)[0] . '/mem')[4], 0, 'it is not dumpable');
		is($n->stop, 0, 'status 0');
	}
	my $n = begin([ '--limit-core', '1m' ], user => 1000);
	ok(is_open($n, 1000), 'but where a core may be written');
	is($n->stop, 0, 'status 0');
};

sub score {
	my ($pid) = @_;
	return 0 + Narwhal::slurp("/proc/$pid/oom_score_adj");
}

subtest 'a kernel out of memory ends a worker before the arbiter' => sub {
	# setting, of who starts us, of a worker
	for my $case ([ undef, 0, 100 ], [ 7, 3, 10 ], [ 100, 950, 1000 ], [ 1000, 1, 1000 ], [ 0, 5, 5 ]) {
		my ($setting, $given, $want) = @$case;
		my $n = begin([ defined $setting ? ('--oom-score-adjust', $setting) : () ],
			wrap => [ 'choom', '-n', $given, '--' ]);
		is(score($n->arbiter), $given, "the arbiter has $given");
		is(score(($n->workers)[0]), $want, "its worker $want");
		is($n->stop, 0, 'status 0');
	}
	my $n = begin([], user => 1000);
	is(score(($n->workers)[0]), score($n->arbiter) + 100, 'not as root either');
	is($n->stop, 0, 'status 0');
};

done_testing;
