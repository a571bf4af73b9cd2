# Several workers share the connections of one listener: evenly, and none waits for one that stalls.
use strict;
use warnings;

use IO::Select;
use List::Util qw(sum);
use POSIX ();
use Test::More;

use Counter;
use Narwhal;
use Page;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $WORKERS = 4;

sub begin {
	my ($app, @arguments) = @_;
	my $n = Narwhal->start(args => [ '--workers', $WORKERS, '--min-ready', $WORKERS, @arguments, $app ]);

	$n->wait_ready;
	return $n;
}

sub accepted {
	my ($n) = @_;

	return map { Page::of($_)->{accepted} } $n->workers;
}

# What each worker accepted while $act ran, the busiest first.
sub shares {
	my ($n, $act) = @_;
	my @before = accepted($n);

	$act->();
	my @after = accepted($n);
	my @shares = sort { $b <=> $a } map { $after[$_] - $before[$_] } 0 .. $#before;

	return @shares;
}

sub ratio {
	my (@shares) = @_;

	return $shares[-1] == 0 ? 9**9 : $shares[0] / $shares[-1];
}

# A worker that has no CPU for a while, because others' programs have, gets less than its share. So
# most of the tries count, and there are more if it is close. Says how many were good and bad.
sub tries {
	my ($is_good) = @_;
	my ($good, $bad) = (0, 0);

	$is_good->() ? $good++ : $bad++ while ($good < 3 || $good <= $bad) && $bad < 10;
	return ($good, $bad);
}

subtest 'one client, one connection after the other: no worker gets more than 30 %' => sub {
	my $n = begin($HELLO);
	my $all = 0;
	my ($good, $bad) = tries(sub {
		my @shares = shares($n, sub { $n->get('/') for 1 .. 400 });
		note "@shares";
		$all += sum(@shares);
		return $shares[0] <= 0.3 * 400;
	});

	is($all, 400 * ($good + $bad), 'all are counted');
	cmp_ok($good, '>', $bad, "$good good tries, $bad others");
	is($n->stop, 0, 'status 0');
};

# Seconds of CPU: of processes, and of all that runs on the machine.
sub used {
	my (@pids) = @_;
	my $ticks = 0;

	for my $pid (@pids) {
		my @fields = split ' ', Narwhal::slurp("/proc/$pid/stat") =~ s/.*\) //sr;
		$ticks += $fields[11] + $fields[12];
	}
	return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub used_by_all {
	# What a process is interrupted for counts as its own time, and here apart: proc(5).
	my ($user, $nice, $system, $irq, $softirq) =
		Narwhal::slurp('/proc/stat') =~ /^cpu +(\d+) (\d+) (\d+) \d+ \d+ (\d+) (\d+)/;

	return ($user + $nice + $system + $irq + $softirq) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Who gets a CPU is the kernel's choice: it evens out in time, unless other programs want them, too.
subtest '64 clients at once, a connection for each request: busiest at most 1.2 times the idlest' => sub {
	my $n = begin($HELLO);
	my $counter = Counter->start($n->addresses, closing => 64, keepalive => 0);
	my @ours = ($$, $counter->{pid}, $n->workers);
	my ($all, $own) = (used_by_all(), used(@ours));
	my @before = accepted($n);
	my ($now, $windows, @shares) = (9**9, 0);

	while ($now > 1.2 && $windows++ < 20) {
		$counter->wait_answered(5000);
		my @after = accepted($n);
		@shares = sort { $b <=> $a } map { $after[$_] - $before[$_] } 0 .. $#after;
		$now = ratio(@shares);
	}
	$own = used(@ours) - $own;
	my $others = used_by_all() - $all - $own;
	my $most = $others > $own / 4 ? 2 : 1.2;
	cmp_ok($now, '<=', $most, sprintf "@shares; CPU: ours %.1f s, others' %.1f s", $own, $others);
	is(Counter::lost($counter->finish), '', 'none is lost');
	is($n->stop, 0, 'status 0');
};

# All come within few milliseconds.
subtest '512 connections that stay: busiest at most 2.2 times the idlest' => sub {
	my $n = begin($HELLO);
	my $lost = '';
	my ($good, $bad) = tries(sub {
		my @shares = shares($n, sub {
			my $counter = Counter->start($n->addresses, closing => 0, keepalive => 512);
			$counter->wait_answered(2000);
			$lost .= Counter::lost($counter->finish);
		});
		note "@shares";
		return ratio(@shares) <= 2.2;
	});

	cmp_ok($good, '>', $bad, "$good good tries, $bad others");
	is($lost, '', 'none is lost');
	is($n->stop, 0, 'status 0');
};

subtest 'a worker that is stopped delays its own connections, and no others' => sub {
	my $n = begin($HELLO);
	my @open = map { my $c = $n->connect; $c->request('GET', '/'); $c } 1 .. 40;
	my %own = map { $_ => Page::of($_)->{connections} } $n->workers;
	my ($stopped) = sort { $own{$b} <=> $own{$a} } keys %own;
	my $own = $own{$stopped};

	cmp_ok($own, '>', 0, "it has $own of 40");
	kill 'STOP', $stopped;
	is(scalar(grep { $n->get('/')->{status} == 200 } 1 .. 100), 100, 'new connections go elsewhere');
	$_->write("GET / HTTP/1.1\r\nHost: t\r\n\r\n") for @open;
	my $silent = IO::Select->new(map { $_->{socket} } @open);
	my $deadline = time + $Narwhal::PATIENCE;
	while ($silent->count > $own && time < $deadline) {
		$silent->remove($_) for $silent->can_read(1);
	}
	my @waiting = grep { $silent->exists($_->{socket}) } @open;
	my @heard = $silent->can_read(0);
	is(scalar @heard, 0, 'nobody else is answered');
	is(scalar @waiting, $own, 'who is not answered is its own');
	kill 'CONT', $stopped;
	is(scalar(grep { $_->response->{status} == 200 } @waiting), $own, 'and only late');
	is($n->stop, 0, 'status 0');
};

subtest 'nor does one whose app hangs' => sub {
	my $n = begin($TROUBLE, '--timeout', 0);
	my @all = $n->workers;

	for my $left (reverse 1 .. $WORKERS - 1) {
		my $c = $n->connect;
		$c->write("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n");
		$n->wait_until('it hangs', sub {
			return $left == $WORKERS - grep { Page::of($_)->{request} eq 'GET /hang' } @all;
		});
		my @many = map { my $m = $n->connect; $m->write("GET / HTTP/1.1\r\nHost: t\r\n\r\n"); $m } 1 .. 50;
		is(scalar(grep { $_->response->{status} == 200 } @many), 50, "$left are left: all are served");
	}
};

# Each of the old clients asks again as soon as it is answered.
subtest 'a new client has its turn between the slow requests of those that came before' => sub {
	my $n = Narwhal->start(args => [ '--workers', 1, $TROUBLE ]);
	my $blink = "GET /blink HTTP/1.1\r\nHost: t\r\n\r\n";
	my ($old, $new) = (16, 12);
	my ($answers, $left) = (0, $new);

	$n->wait_ready;
	my ($worker) = $n->workers;
	my @old = map { my $c = $n->connect; $c->request('GET', '/'); $c } 1 .. $old;
	kill 'STOP', $worker;
	$_->write($blink) for @old;
	my @new = map { my $c = $n->connect; $c->write($blink); $c } 1 .. $new;
	my %client = map { fileno $_->{socket} => $_ } @old, @new;
	my %is_new = map { fileno $_->{socket} => 1 } @new;
	my $select = IO::Select->new(map { $_->{socket} } @old, @new);
	kill 'CONT', $worker;
	while ($left > 0) {
		for my $socket ($select->can_read($Narwhal::PATIENCE)) {
			$client{ fileno $socket }->response;
			$answers++;
			$left -= delete $is_new{ fileno $socket } // 0;
			$client{ fileno $socket }->write($blink);
		}
	}
	# Up to two for each of the new ones; it was 16 and more.
	cmp_ok($answers, '<=', $old + 4 * $new, "$answers answers until all new clients had theirs");
	is($n->stop, 0, 'status 0');
};

subtest 'who waits in the queue is served by those that are left when workers die' => sub {
	my $n = begin($HELLO);
	my @all = $n->workers;

	kill 'STOP', @all;
	my @many = map { my $c = $n->connect; $c->write("GET / HTTP/1.1\r\nHost: t\r\n\r\n"); $c } 1 .. 200;
	kill 'KILL', @all[ 1 .. $#all ];
	$n->wait_line(qr/ worker_exit .*SIGKILL/) for 2 .. @all;
	kill 'CONT', $all[0];
	is(scalar(grep { $_->response->{status} == 200 } @many), 200, 'all of them');
	is($n->stop, 0, 'status 0');
};

done_testing;
