# The arbiter as PID 1: signals, deaths, counts, orphans, and the end.
use strict;
use warnings;

use Fcntl qw(F_SETFD);
use Test::More;

use Narwhal;

plan skip_all => 'PID namespaces need root' if $> != 0;

my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";

sub begin {
	my (@args) = @_;
	my $n = Narwhal->start(pid1 => 1, args =>
			[ '--workers', 2, '--min-ready', 2, '--loglevel', 'debug', @args, $TROUBLE ]);

	$n->wait_ready;
	return $n;
}

sub pid_from {
	my ($line, $name) = @_;

	return $line =~ /\b$name=(\d+)/ ? $1 : undef;
}

subtest 'it serves as PID 1, with the workers unprivileged' => sub {
	my $n = begin();
	my ($worker) = $n->workers;

	is(scalar $n->workers, 2, 'two workers');
	like($n->get('/')->{body}, qr/ uid=65534 gid=65534$/, 'as nobody');
	open my $status, '<', "/proc/$worker/status" or die;
	my %field = map { /^(\w+):\s*(.*)/ ? ($1, $2) : () } <$status>;
	is($field{Groups}, '', 'no supplementary group');
	is($field{$_}, '0' x 16, "$_ is empty") for qw(CapInh CapPrm CapEff CapBnd CapAmb);
	is($field{NoNewPrivs}, 1, 'no new privileges');
	ok((grep { /info privileges .*uid=65534/ } $n->lines), 'a line says so');
	is($n->stop, 0, 'TERM ends it with 0');
};

subtest 'a worker has nothing open that was left open to the arbiter' => sub {
	open my $secret, '<', $0 or die;
	fcntl $secret, F_SETFD, 0;
	my $n = begin();
	my ($worker) = $n->workers;
	my @open = map { readlink // '' } glob "/proc/$worker/fd/*";

	cmp_ok(scalar @open, '>', 5, 'it has its own');
	is(scalar(grep { m{/arbiter\.t$} } @open), 0, 'and not that');
	is($n->stop, 0, 'TERM ends it with 0');
};

subtest 'a worker that is killed comes back, and the cause is told' => sub {
	my $n = begin();
	my ($worker) = $n->workers;

	kill 'KILL', $worker;
	my $obituary = $n->wait_line(qr/ worker_exit /);
	like($obituary, qr/cause=signal signal=SIGKILL/, 'the cause');
	my $ready = $n->wait_line(qr/ info worker_ready /);
	is(pid_from($ready, 'slot'), pid_from($obituary, 'slot'), 'in the same slot');
	is(scalar(grep { $_ != $worker } $n->workers), 2, 'two again');
	is($n->get('/')->{status}, 200, 'and it serves');
	is($n->stop, 0, 'status 0');
};

subtest 'TTIN and TTOU change the number, but never to none' => sub {
	my $n = begin();

	$n->signal('TTIN')->wait_line(qr/ worker_ready /);
	is(scalar $n->workers, 3, 'one more');
	for my $left (2, 1) {
		$n->signal('TTOU')->wait_line(qr/ worker_exit .*cause=retired/);
		is(scalar $n->workers, $left, "$left left");
	}
	$n->signal('TTOU')->wait_line(qr/ workers_at_least .*workers=1/);
	is($n->get('/')->{status}, 200, 'the last one stays');
	is($n->stop, 0, 'status 0');
};

subtest 'a hanging worker gets ABRT, and the line says in which request' => sub {
	my $n = begin('--timeout', '0.5');
	my $c = $n->connect;

	$c->write("GET /hang HTTP/1.1\r\nHost: test\r\n\r\n");
	like($n->wait_line(qr/ worker_exit /), qr/cause=timeout signal=SIGABRT .*request="GET \/hang"/,
		'the obituary');
	is($n->get('/')->{status}, 200, 'it serves on');
	is($n->stop, 0, 'status 0');
};

subtest 'one that does not heed ABRT gets KILL' => sub {
	my $n = begin('--timeout', '0.5');

	$n->connect->write("GET /spin HTTP/1.1\r\nHost: test\r\n\r\n");
	my $line = $n->wait_line(qr/ step .*event=HUNG from=SERVING to=ABORTED/);
	my $slot = pid_from($line, 'slot');
	like($n->wait_line(qr/ worker_exit slot=$slot /), qr/cause=timeout /, 'ended');
	is($n->stop, 0, 'status 0');
};

subtest 'a worker that crashes is told with its request' => sub {
	my $n = begin();

	$n->connect->write("GET /segv HTTP/1.1\r\nHost: test\r\n\r\n");
	like($n->wait_line(qr/ worker_exit /), qr/cause=signal signal=SIGSEGV .*request="GET \/segv"/,
		'by a signal');
	$n->connect->write("GET /leave HTTP/1.1\r\nHost: test\r\n\r\n");
	like($n->wait_line(qr/ worker_exit /), qr/cause=exit status=7 .*request="GET \/leave"/,
		'by an exit');
	is($n->get('/')->{status}, 200, 'it serves on');
	is($n->stop, 0, 'status 0');
};

subtest 'an orphan is reaped and never mistaken for a worker' => sub {
	my $n = begin();
	my $arbiter = $n->arbiter;

	# A shell that joins the namespace and leaves children behind, one of them with status 3.
	system('nsenter', '-t', $arbiter, '-p', '--', 'sh', '-c',
		'for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c "exec >/dev/null 2>&1; exit 3" &) ; done');
	$n->wait_line(qr/ orphan_reaped .*status=3/) for 1 .. 10;
	$n->wait_until('no zombie is left', sub {
		!grep { (Narwhal::stat_fields($_))[0] eq 'Z' } Narwhal::children($arbiter);
	});
	is(scalar $n->workers, 2, 'the workers are as they were');
	ok(!(grep { / worker_exit / } $n->lines), 'no obituary');
	is($n->stop, 0, 'status 0');
};

subtest 'INT and QUIT end it at once' => sub {
	for my $name (qw(INT QUIT)) {
		my $n = begin();
		my $c = $n->connect;

		$c->write("GET / HTTP/1.1\r\nHost: test\r\n");    # a head that never ends
		is($n->stop($name), 0, "$name: status 0");
	}
};

subtest 'a second TERM makes a drain quick' => sub {
	my $n = begin('--drain-delay', 3600);

	$n->signal('TERM')->wait_line(qr/ info unready /);
	is($n->get('/')->{status}, 200, 'it lingers, and serves');
	is($n->stop, 0, 'status 0');
};

subtest 'every other process of the container ends with it' => sub {
	my $n = begin();
	my $pid = fork // die;

	if ($pid == 0) {
		exec 'nsenter', '-t', $n->arbiter, '-p', '--', 'sleep', 1000;
	}
	$n->wait_until('the sleep runs', sub {
		grep { Narwhal::command_name($_) eq 'sleep' } Narwhal::children($pid);
	});
	is($n->stop, 0, 'status 0');
	waitpid $pid, 0;
	is($? & 127 || $? >> 8, 15, 'by SIGTERM');
};

subtest 'an unknown signal does no harm' => sub {
	my $n = begin();

	$n->signal($_)->wait_line(qr/ signal name=$_ /) for qw(ALRM VTALRM CONT);
	is($n->get('/')->{status}, 200, 'it serves on');
	is($n->stop, 0, 'status 0');
};

done_testing;
