# A graceful stop loses nothing: what is queued, what runs, what is kept alive.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

sub begin {
	my (@args) = @_;
	my $n = Narwhal->start(args => [ '--workers', 1, @args, $TROUBLE ]);

	$n->wait_ready;
	return $n;
}

# What the arbiter does next is asked for only when the connections are in the kernel's queue.
sub queue {
	my ($n, $count, $address) = @_;
	my @queued = map { $n->connect($address) } 1 .. $count;

	$_->write("GET / HTTP/1.1\r\nHost: test\r\n\r\n") for @queued;
	return @queued;
}

subtest 'requests in the backlog are answered, over TCP and over a unix socket' => sub {
	for my $address (undef, "unix:$dir/s") {
		my $n = begin(defined $address ? ('--bind', $address) : ());
		my $busy = $n->connect($address);
		my ($worker) = $n->workers;    # to look for it takes a slow machine longer than a nap

		$busy->write("GET /nap HTTP/1.1\r\nHost: test\r\n\r\n");
		$n->wait_until('the worker naps', sub {
			open my $f, '<', "/proc/$worker/wchan" or return 1;
			(<$f> // '') =~ /nanosleep/;
		});
		my @queued = queue($n, 20, $address);
		$n->signal('TERM');
		my @lost = grep { !defined $_->response } @queued;
		is(scalar @lost, 0, 'none of 20 is lost');
		is($busy->response->{status}, 200, 'the one that ran is answered');
		is($n->wait_end, 0, 'status 0');
	}
	ok(!-e "$dir/s", 'the socket file is gone');
};

subtest 'a backlog that nobody serves any more is emptied all the same' => sub {
	my $n = begin('--loglevel', 'debug');

	$n->signal('WINCH')->wait_line(qr/ worker_exit .*cause=retired/);
	my @queued = queue($n, 20);
	$n->signal('TERM');
	is(scalar(grep { !defined $_->response } @queued), 0, 'after WINCH: none of 20 is lost');
	is($n->wait_end, 0, 'status 0');

	$n = begin();
	my ($worker) = $n->workers;
	kill 'STOP', $worker;
	@queued = queue($n, 20);
	kill 'KILL', $worker;
	$n->signal('TERM');
	is(scalar(grep { !defined $_->response } @queued), 0, 'after a death: none of 20 is lost');
	is($n->wait_end, 0, 'status 0');
};

subtest 'a keep-alive client is told to close by its next answer' => sub {
	my $n = begin('--idle-grace', 5, '--loglevel', 'debug');
	my $c = $n->connect;

	is($c->request('GET', '/')->{fields}{connection}, undef, 'kept alive');
	$n->signal('TERM')->wait_line(qr/ worker_draining /);
	is($c->request('GET', '/')->{fields}{connection}, 'close', 'asked to close');
	ok($c->ended, 'and closed');
	is($n->wait_end, 0, 'status 0');
};

subtest 'an idle connection does not hold up the end' => sub {
	my $n = begin('--idle-grace', '0.05');
	my $c = $n->connect;

	is($c->request('GET', '/')->{status}, 200, 'served once');
	is($n->stop, 0, 'status 0');
	ok($c->ended, 'closed');
};

subtest 'a new connection is refused once the listeners are gated' => sub {
	my $n = begin('--drain-delay', 0, '--loglevel', 'debug');
	my $busy = $n->connect;
	my $port = $n->port;

	$busy->write("GET / HTTP/1.1\r\nHost: test\r\n");    # holds the worker in its drain
	$n->signal('TERM')->wait_line(qr/ worker_draining /);
	ok(!IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 0.3), 'not let in');
	$busy->write("\r\n");
	is($busy->response->{status}, 200, 'the one that was in is answered');
	is($n->wait_end, 0, 'status 0');
};

subtest 'who is not done within graceful_timeout is ended' => sub {
	my $n = begin('--graceful-timeout', '0.2');
	my $busy = $n->connect;

	$busy->write("GET / HTTP/1.1\r\nHost: test\r\n");
	$n->signal('TERM');
	like($n->wait_line(qr/ worker_exit /), qr/cause=graceful_timeout signal=SIGKILL/, 'told so');
	is($n->wait_end, 0, 'status 0');
};

subtest 'the worker that TTOU takes away finishes what it has' => sub {
	my $n = Narwhal->start(args => [ '--workers', 2, '--loglevel', 'debug', $TROUBLE ]);

	$n->wait_ready;
	my @clients = map { $n->connect } 1 .. 32;
	is($_->request('GET', '/')->{status}, 200) for @clients;
	$n->signal('TTOU')->wait_line(qr/ worker_(?:draining|retiring) /);
	my @lost = grep { !defined $_->request('GET', '/') } @clients;
	is(scalar @lost, 0, 'no kept-alive client loses its next request');
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/);
	is($n->stop, 0, 'status 0');
};

done_testing;
