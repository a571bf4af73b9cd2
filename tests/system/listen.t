# Every kind of address, several at once, and sockets that somebody else opened.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use Socket;
use Test::More;

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

subtest 'TCP v4, TCP v6 and a unix socket at once' => sub {
	my $n = Narwhal->start(bind => 0,
		args => [ '--bind', '127.0.0.1:0', '--bind', "[::1]:0,unix:$dir/s", $HELLO ]);

	$n->wait_ready;
	my ($v4, $v6, $unix) = $n->addresses;
	like($v4, qr/^127\.0\.0\.1:\d+$/, 'v4');
	like($v6, qr/^\[::1\]:\d+$/, 'v6');
	is($unix, "unix:$dir/s", 'unix');
	for my $url ("http://$v4/", "http://$v6/") {
		is(qx(curl -sg $url), "Hello, World!\n", "curl $url");
	}
	is(qx(curl -s --unix-socket $dir/s http://x/), "Hello, World!\n", 'curl over the unix socket');
	is($n->stop, 0, 'status 0');
	ok(!-e "$dir/s", 'the socket file is gone');
};

subtest 'a stale socket file is replaced' => sub {
	{
		socket my $s, PF_UNIX, SOCK_STREAM, 0 or die;
		bind $s, sockaddr_un("$dir/stale") or die;
	}
	my $n = Narwhal->start(bind => 0, args => [ '--bind', "unix:$dir/stale", $HELLO ]);

	$n->wait_ready;
	is($n->connect->request('GET', '/')->{status}, 200, 'served');
	is($n->stop, 0, 'status 0');
};

subtest 'an inherited socket' => sub {
	my $socket = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1:0') or die;
	my $fd = fileno $socket;

	fcntl $socket, Fcntl::F_SETFD(), 0;
	my $n = Narwhal->start(bind => 0, args => [ '--bind', "fd://$fd", $HELLO ]);
	$n->wait_ready;
	my $address = '127.0.0.1:' . $socket->sockport;
	is($n->connect($address)->request('GET', '/')->{status}, 200, 'served');
	is($n->stop, 0, 'status 0');
	ok(IO::Socket::INET->new(PeerAddr => $address, Timeout => 2), 'still open for its owner');
};

subtest 'PORT and WEB_CONCURRENCY are heeded' => sub {
	my %env = (PORT => Narwhal::free_port(), WEB_CONCURRENCY => 3);
	my $n = Narwhal->start(bind => 0, env => \%env, args => [$HELLO]);

	like($n->wait_ready, qr/address=http:\/\/0\.0\.0\.0:\d+ workers=3/, 'on every address');
	is($n->stop, 0, 'status 0');
};

done_testing;
