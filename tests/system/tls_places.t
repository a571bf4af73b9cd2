# TLS wherever an address may be: a socket for each CPU, a unix socket, one that somebody else has
# opened, and through an upgrade in place.
use strict;
use warnings;

use Fcntl qw(F_SETFD);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Test::More;

use Narwhal;
use Tls;
use Upgrade;

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $ca = Tls::authority($dir, 'ca');
my $one = Tls::certificate($dir, 'one', by => $ca);
my $secured = "$Narwhal::BUILD/tests/modules/secured.so";
my @pair = ('--certfile', $one->{certificate}, '--keyfile', $one->{key});

sub start {
	my ($address, @args) = @_;
	my $n = Narwhal->start(bind => 0, args => [ '--bind-tls', $address, @pair, @args, $secured ]);

	$n->wait_ready;
	return $n;
}

# Those of so many handshakes, each with a request, that came to nothing.
sub failed {
	my ($where, $count) = @_;

	return scalar grep {
		my $r = eval { Tls::connect($where)->request('GET', '/', Connection => 'close') };
		!$r || $r->{status} != 200 || $r->{body} !~ /^scheme=https$/m;
	} 1 .. $count;
}

subtest 'reuse_port: each of the sockets speaks TLS, over a reload, too' => sub {
	my $n = start('127.0.0.1:0', '--reuse-port', '--workers', 2, '--min-ready', 2);
	is(failed($n->port, 40), 0, 'forty clients');
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	is(failed($n->port, 40), 0, 'and forty behind a reload');
	is($n->stop, 0, 'status 0');
};

subtest 'a unix socket' => sub {
	my $n = start("unix:$dir/socket");
	is(failed("unix:$dir/socket", 3), 0, 'speaks TLS');
	my $r = $n->connect("unix:$dir/socket")->request('GET', '/');
	is($r->{status}, 400, 'who speaks HTTP there is told so');
	is($n->stop, 0, 'status 0');
};

subtest 'a socket that somebody else has opened: fd://N' => sub {
	my $socket = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1:0') or die "listen: $!";
	my $placer = 'use POSIX (); my $n = shift; POSIX::dup2($n, 100); POSIX::close($_) for 3 .. 99;'
		. 'POSIX::dup2(100, 3); POSIX::close(100); $ENV{LISTEN_PID} = $$; exec { $ARGV[0] } @ARGV or die;';
	fcntl $socket, F_SETFD, 0;
	my $n = Narwhal->start(bind => 0, wrap => [ $^X, '-e', $placer, fileno $socket ],
		env => { LISTEN_FDS => 1 }, args => [ '--bind-tls', 'fd://3', @pair, $secured ]);
	$n->wait_ready;
	is(failed($socket->sockport, 3), 0, 'speaks TLS');
	is($n->stop, 0, 'status 0');
};

subtest 'an upgrade in place loses no handshake and no connection' => sub {
	my $n = Upgrade::begin(app => $secured, bind => undef, bind_tls => '127.0.0.1:0', idle_grace => 60,
		certfile => $one->{certificate}, keyfile => $one->{key});
	my @kept = map { Tls::connect($n->port) } 1 .. 4;
	is($_->request('GET', '/')->{status}, 200, 'a connection') for @kept;

	$n->signal('USR2');
	my $failed = 0;
	$failed += failed($n->port, 1) until grep { / info upgraded / } $n->lines;
	$n->wait_line(qr/ info reloaded generation=2 /);
	$failed += failed($n->port, 10);
	is($failed, 0, 'no handshake fails meanwhile');
	for my $c (@kept) {
		my $r = $c->request('GET', '/');
		is($r->{status}, 200, 'a connection of the old image is answered');
		is($r->{fields}{connection}, 'close', 'a last time');
		ok($c->ended && $c->was_notified, 'and ended in order');
	}
	is($n->stop, 0, 'status 0');
};
done_testing;
