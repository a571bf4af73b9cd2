# reuse_port: a socket for each CPU, all of them the arbiter's, so nothing that is queued is lost.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Counter;
use Narwhal;
use Page;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my ($list) = Narwhal::slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
my @cpus = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list;

plan skip_all => 'needs two CPUs or more' if @cpus < 2;

my $dir = tempdir(CLEANUP => 1);
my $conf = "$dir/narwhal.conf";

chmod 0755, $dir;

sub write_config {
	my (%settings) = @_;

	Narwhal::write_config($conf, %settings);
	return;
}

sub begin {
	my (%given) = @_;

	write_config(app => $HELLO, workers => 2, min_ready => 2, bind => '127.0.0.1:0', reuse_port => 'true',
		idle_grace => 2, %given);
	my $n = Narwhal->start(bind => 0, args => [ '--config', $conf ]);
	$n->wait_ready;
	return $n;
}

# Sockets that the arbiter listens on at a port.
sub listening {
	my ($n, $port) = @_;
	my %inodes = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? ($1 => 1) : () }
		glob '/proc/' . $n->arbiter . '/fd/*';
	my $hex = sprintf ':%04X', $port;
	my @lines = grep { /$hex \S+ 0A / } split /\n/, Narwhal::slurp('/proc/net/tcp');

	return scalar grep { $inodes{ (split)[9] } } @lines;
}

sub none_lost {
	my ($n, @counters) = @_;

	for my $counter (@counters) {
		my $counts = $counter->finish;
		is(Counter::lost($counts), '', "none of $counts->{sent} requests is lost");
		is(Counter::unaccounted($counts), 0, 'all are accounted for');
	}
	is($n->stop, 0, 'status 0');
	is(scalar(grep { / (?:warning|error) / } $n->lines), 0, 'no complaint');
	return;
}

subtest 'a socket for each CPU, and a worker on each' => sub {
	my $n = begin(bind => "127.0.0.1:0,unix:$dir/socket");

	is(listening($n, $n->port), scalar @cpus, 'as many sockets as CPUs');
	is(scalar $n->addresses, 2, 'but one address');
	my @lists = map { Narwhal::slurp("/proc/$_/status") =~ /^Cpus_allowed_list:\s*(\S+)/m } $n->workers;
	isnt($lists[0], $lists[1], "workers stay on CPUs of their own: @lists");
	is($n->connect($_)->request('GET', '/')->{status}, 200, $_) for $n->addresses;
	is($n->stop, 0, 'status 0');
};

subtest 'without it there is one socket, and workers go where they like' => sub {
	my $n = begin(reuse_port => 'false');

	is(listening($n, $n->port), 1, 'one');
	my ($all) = map { Narwhal::slurp("/proc/$_/status") =~ /^Cpus_allowed_list:\s*(\S+)/m } $n->workers;
	is($all, $list, 'all CPUs');
	is($n->stop, 0, 'status 0');
};

subtest 'no request is lost in reloads, nor when workers come and go' => sub {
	my $n = begin();
	my $counter = Counter->start($n->addresses, keepalive => 64, closing => 64,
		patience => 1000 * $Narwhal::PATIENCE);

	for my $round (1 .. 8) {
		$n->signal('HUP')->wait_line(qr/ reloaded generation=@{[ $round + 1 ]} /);
		$counter->wait_answered(200);
		$n->signal('TTIN')->wait_line(qr/ worker_ready /);
		$counter->wait_answered(200);
		$n->signal('TTOU')->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
		$counter->wait_answered(200);
		$n->signal('TTIN')->wait_line(qr/ worker_ready /);
	}
	none_lost($n, $counter);
};

subtest 'nor in upgrades' => sub {
	my $n = begin(upgrade_probation => 0);
	my $counter = Counter->start($n->addresses, keepalive => 64, closing => 64,
		patience => 1000 * $Narwhal::PATIENCE);

	for (1 .. 3) {
		$n->signal('USR2')->wait_line(qr/ info upgraded /);
		$counter->wait_answered(500);
	}
	is(listening($n, $n->port), scalar @cpus, 'the sockets are what they were');
	none_lost($n, $counter);
};

subtest 'one worker alone serves every socket' => sub {
	my $n = begin(workers => 1, min_ready => 1);
	my $counter = Counter->start($n->addresses, closing => 64, keepalive => 0);

	for my $cpu (@cpus) {
		system("taskset -cp $cpu $counter->{pid} >/dev/null") == 0 or die 'taskset';
		$counter->wait_answered(500);
	}
	none_lost($n, $counter);
};

subtest 'a worker that is stopped delays nobody who comes' => sub {
	my $n = begin();
	my ($stopped) = $n->workers;

	kill 'STOP', $stopped;
	my $counter = Counter->start($n->addresses, closing => 64, keepalive => 0);
	for my $cpu (@cpus) {
		system("taskset -cp $cpu $counter->{pid} >/dev/null") == 0 or die 'taskset';
		$counter->wait_answered(500);
	}
	is(Page::of($stopped)->{accepted}, 0, 'it has none of them');
	is(Counter::lost($counter->finish), '', 'none is lost');
	kill 'CONT', $stopped;
	is($n->stop, 0, 'status 0');
};

subtest 'what waits on any socket is served, though all workers were killed' => sub {
	my $n = begin();
	my @all = $n->workers;
	my @many;

	kill 'STOP', @all;
	for my $cpu (@cpus) {
		system("taskset -cp $cpu $$ >/dev/null") == 0 or die 'taskset';
		push @many, map { my $c = $n->connect; $c->write("GET / HTTP/1.1\r\nHost: t\r\n\r\n"); $c } 1 .. 100;
	}
	system "taskset -cp $list $$ >/dev/null";
	kill 'KILL', @all;
	is(scalar(grep { $_->response->{status} == 200 } @many), @many, 'all of ' . @many);
	is($n->stop, 0, 'status 0');
};

subtest 'what is queued when the service ends is served' => sub {
	my $n = begin();
	my $counter = Counter->start($n->addresses, keepalive => 32, closing => 32,
		patience => 1000 * $Narwhal::PATIENCE);

	$counter->wait_answered(500);
	is($n->stop, 0, 'status 0');
	my $counts = $counter->finish;
	is(Counter::lost($counts), '', 'none is lost');
};

subtest 'an address that is given up and wanted again has its sockets again' => sub {
	my $n = begin(bind => "127.0.0.1:0,unix:$dir/one");
	my $port = $n->port;
	my %common = (app => $HELLO, workers => 2, min_ready => 2, reuse_port => 'true');

	write_config(%common, bind => "unix:$dir/one");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	$n->wait_until('it is given up', sub { listening($n, $port) == 0 });
	write_config(%common, bind => "127.0.0.1:$port,unix:$dir/one");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=3 /);
	is(listening($n, $port), scalar @cpus, 'and all of them again');
	is($n->connect("127.0.0.1:$port")->request('GET', '/')->{status}, 200, 'served');
	is($n->stop, 0, 'status 0');
};

subtest 'it cannot be changed by a reload, and the log says so' => sub {
	for my $first ('true', 'false') {
		my $n = begin(reuse_port => $first);
		write_config(app => $HELLO, workers => 2, bind => '127.0.0.1:0',
			reuse_port => $first eq 'true' ? 'false' : 'true');
		$n->signal('HUP')->wait_line(qr/reuse_port: cannot be changed while a socket listens: restart/);
		is($n->get('/')->{status}, 200, 'it serves on');
		is($n->stop, 0, 'status 0');
	}
};

subtest 'nor while workers who leave still hold the address that is wanted back' => sub {
	for my $first ('true', 'false') {
		my $n = begin(reuse_port => $first, bind => "127.0.0.1:0,unix:$dir/one", idle_grace => 60);
		my $port = $n->port;
		my $held = $n->connect;
		my %common = (app => $HELLO, workers => 2, min_ready => 2);

		is($held->request('GET', '/')->{status}, 200, 'a client stays');
		write_config(%common, bind => "unix:$dir/one", reuse_port => $first);
		$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
		write_config(%common, bind => "127.0.0.1:0,unix:$dir/one",
			reuse_port => $first eq 'true' ? 'false' : 'true');
		$n->signal('HUP')->wait_line(qr/reload_failed .*reuse_port: cannot be changed while a socket listens/);
		write_config(%common, bind => "127.0.0.1:0,unix:$dir/one", reuse_port => $first);
		$n->signal('HUP')->wait_line(qr/ reloaded generation=\d+ /);
		is(listening($n, $port), $first eq 'true' ? scalar @cpus : 1, "reuse_port=$first: it is as it was");
		is($n->connect("127.0.0.1:$port")->request('GET', '/')->{status}, 200, 'served');
		$held->close;
		is($n->stop, 0, 'status 0');
	}
};

subtest 'more sockets than can be had are refused' => sub {
	my $bind = join ',', map { "unix:$dir/$_" } 1 .. 31;
	my ($status, $output) = Narwhal->run(args => [ '--reuse-port', '--bind', "127.0.0.1:0,$bind", $HELLO ]);

	is($status, 1, 'status 1');
	like($output, qr/reuse_port: 32 addresses with 2 sockets each are too many: allowed are 32 /, 'and says why');
};

done_testing;
