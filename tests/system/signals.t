# Every signal of the table: told with its sender, acted on at once, whatever else is going on.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);

use Narwhal;

my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $HANGS = "$Narwhal::BUILD/tests/modules/hangs.so";
my $AT_ONCE = 0.05;    # seconds
my $TRIES = 20;        # of which the best one counts: the machine may be busy
my $me = $$;
my $dir = tempdir(CLEANUP => 1);
my $conf = "$dir/conf";

chmod 0755, $dir;

sub write_app {
	my ($app) = @_;

	open my $file, '>', $conf or die;
	print $file "app = $app\n";
	close $file or die;
	return;
}

sub begin {
	my (@args) = @_;
	my $n = Narwhal->start(args => [ '--config', $conf, '--workers', 2, '--min-ready', 2, @args ]);

	$n->wait_ready;
	return $n;
}

# When the line was logged, in seconds.
sub logged_at {
	my ($line) = @_;
	my ($year, $month, $day, $hour, $minute, $second) =
		$line =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z / or die "no time: $line\n";

	return timegm(0, $minute, $hour, $day, $month - 1, $year) + $second;
}

# Seconds from a signal to the line that tells what came of it.
sub reaction {
	my ($n, $name, $pattern) = @_;
	my $sent = time;

	$n->signal($name);
	return logged_at($n->wait_line($pattern)) - $sent;
}

# $try says how long it took, each time; the best of many is the machine's own doing no more.
sub acted_on_at_once {
	my ($what, $try) = @_;
	my $best = 1e9;

	for (1 .. $TRIES) {
		my $took = $try->();
		$best = $took if $took < $best;
		last if $best < $AT_ONCE;
	}
	return cmp_ok($best, '<', $AT_ONCE, $what);
}

my @ROWS = (
	[ TTIN => qr/ info worker_ready slot=2 / ],
	[ HUP => qr/ info reloaded generation=2 / ],
	[ TTOU => qr/ workers_wished workers=2/ ],
	[ CONT => undef ],
	[ WINCH => qr/ info unready phase=REST/ ],
	[ TTIN => qr/ info ready .*workers=3/ ],
	[ USR1 => undef ],
	[ URG => undef ],
	[ TERM => qr/ info stopped status=0 reason="SIGTERM from $me"/ ],
);

subtest 'each in the order sent, with its number and its sender' => sub {
	write_app($TROUBLE);
	my $n = begin();
	my @sent;

	for my $row (@ROWS) {
		my ($name, $effect) = @$row;
		my $line = $n->signal($name)->wait_line(qr/ info signal name=$name /);
		like($line, qr/ number=\d+ sender=$me\z/, "$name: the sender");
		$n->wait_line($effect) if $effect;
		push @sent, $name;
	}
	is($n->wait_end, 0, 'status 0');
	my @told = map { / info signal name=(\w+) / ? $1 : () } $n->lines;
	is("@told", "@sent", 'all of them, once, in that order');
};

subtest 'a burst of one kind: each that the kernel hands over counts' => sub {
	write_app($TROUBLE);
	my $n = begin();

	kill 'TTIN', $n->arbiter for 1 .. 3;
	$n->signal('USR1')->wait_line(qr/ signal name=USR1 /);
	# It makes one of many that wait, and gives the lower number first: the last may come behind USR1.
	my $told;
	ok($n->wait_until('so many workers more', sub {
		$told = grep { / signal name=TTIN / } $n->lines;
		return $told > 0 && $n->workers == 2 + $told;
	}), 'so many workers more');
	cmp_ok($told, '<=', 3, "$told of three");
	is($n->stop, 0, 'status 0');
};

subtest 'TTIN, and TERM while it serves' => sub {
	acted_on_at_once('TTIN: one more is wished for', sub {
		write_app($TROUBLE);
		my $n = begin();
		my $took = reaction($n, 'TTIN', qr/ info workers_wished workers=3/);
		$n->stop;
		return $took;
	});
	acted_on_at_once('TERM: unready', sub {
		my $n = begin();
		my $took = reaction($n, 'TERM', qr/ info unready /);
		is($n->wait_end, 0, 'status 0');
		return $took;
	});
};

subtest 'TERM during a reload' => sub {
	acted_on_at_once('the reload is given up', sub {
		write_app($TROUBLE);
		my $n = begin();
		write_app($HANGS);
		$n->signal('HUP')->wait_line(qr/ info reloading /);
		my $took = reaction($n, 'TERM', qr/ error reload_failed .*the service ends/);
		is($n->wait_end, 0, 'status 0');
		return $took;
	});
};

subtest 'HUP during a drain' => sub {
	acted_on_at_once('it is refused', sub {
		write_app($TROUBLE);
		my $n = begin('--drain-delay', 3600);
		$n->signal('TERM')->wait_line(qr/ info unready /);
		my $took = reaction($n, 'HUP', qr/ info reload_ignored /);
		is($n->stop, 0, 'status 0');
		return $took;
	});
};

subtest 'TERM during a boot' => sub {
	acted_on_at_once('who boots has served nobody, and goes', sub {
		write_app($HANGS);
		my $n = Narwhal->start(args => [ '--config', $conf, '--loglevel', 'debug' ]);
		$n->wait_line(qr/ debug worker_spawned /);
		my $took = reaction($n, 'TERM', qr/ info worker_exit .*cause=retired/);
		is($n->wait_end, 0, 'status 0');
		return $took;
	});
};

subtest 'a second TERM during a drain' => sub {
	acted_on_at_once('it becomes quick', sub {
		write_app($TROUBLE);
		my $n = begin('--graceful-timeout', 3600);
		my $busy = $n->connect;
		$busy->write("GET / HTTP/1.1\r\nHost: test\r\n");    # holds a worker in its drain
		$n->signal('TERM')->wait_line(qr/ info unready /);
		my $took = reaction($n, 'TERM', qr/ info worker_exit .*cause=retired/);
		is($n->wait_end, 0, 'status 0');
		return $took;
	});
};

done_testing;
