# kTLS: the kernel makes the records of what is sent. Here where this kernel can; and under others in virtual
# machines, by `make kernels`.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use IPC::Open2;
use IO::Socket::SSL;
use POSIX ();
use Socket qw(SO_RCVBUF);
use Test::More;

use Metrics;
use Narwhal;
use Tls;

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;

# A network of our own: what the kernel counts is ours, and so is the size of its buffers.
if (!$ENV{NARWHAL_OWN_NETWORK}) {
	$ENV{NARWHAL_OWN_NETWORK} = 1;
	exec 'unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', $^X, $0;
}

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $ca = Tls::authority($dir, 'ca');
my $pair = Tls::certificate($dir, 'site', by => $ca);
my @tls = ('--bind-tls', '127.0.0.1:0', '--certfile', $pair->{certificate}, '--keyfile', $pair->{key});
mkdir "$dir/public";
my $big = join '', map { sha256_hex($_) } 1 .. 10 << 14;    # 10 MiB
Narwhal::write_file("$dir/public/big", $big);
Narwhal::write_file("$dir/public/hello", "hello\n");
chmod 0644, glob "$dir/public/*";

sub start {
	my $n = Narwhal->start(bind => 0, args => [@tls, @_]);

	$n->wait_ready;
	return $n;
}

# Connections whose records the kernel has written since the last time.
my $before = 0;

sub taken_over {
	open my $file, '<', '/proc/net/tls_stat' or die "tls_stat: $!";
	my ($now) = map { /^TlsTxSw\s+(\d+)/ } <$file>;
	my $more = $now - $before;

	$before = $now;
	return $more;
}

# No call was refused, and no worker died; ends it.
sub ends_well {
	my ($n) = @_;

	is($n->stop, 0, 'it ends');
	is_deeply([ grep { / (?:warning|error) |sandbox_violation| cause=(?!retired)/ } $n->lines ], [],
		'and nothing was refused meanwhile');
	return;
}

if (!-e '/proc/net/tls_stat') {
	my $n = start('--ktls', "$dir/public");
	my @said = grep { / ktls_missing / } $n->lines;
	is(scalar @said, 1, 'where the kernel has no kTLS a line says so');
	like($said[0], qr/ warning ktls_missing error=\w+ remedy="[^"]+"/, 'with the cause and the remedy');
	is(Tls::connect($n->port)->request('GET', '/hello')->{body}, "hello\n", 'and the service goes on without');
	$n->signal('HUP');
	$n->wait_line(qr/ ktls_missing /);
	is($n->stop, 0, 'it ends');

	my ($status, $said) = Narwhal->run(args => [ 'check', @tls, '--ktls', "$dir/public" ]);
	like($said, qr/^advice +kernel's TLS +\w.*\n.* modprobe tls, on the host$/m, 'narwhal check says so, too');
	done_testing;
	exit;
}

subtest 'each suite, by each version, whatever is asked for' => sub {
	my $n = start('--ktls', '--workers', 1, '--metrics-bind', '127.0.0.1:0', "$dir/public");
	my @suites = (
		map({ [ 'TLSv1_3', SSL_ciphersuites => "TLS_$_" ] } qw(AES_128_GCM_SHA256 AES_256_GCM_SHA384
			CHACHA20_POLY1305_SHA256)),
		map({ [ 'TLSv1_2', SSL_cipher_list => "ECDHE-ECDSA-$_" ] } qw(AES128-GCM-SHA256 AES256-GCM-SHA384
			CHACHA20-POLY1305)));

	for my $suite (@suites) {
		my ($version, @ciphers) = @$suite;
		my $c = Tls::connect($n->port, SSL_version => $version, @ciphers);
		is($c->request('GET', '/hello')->{body}, "hello\n", "$version, $ciphers[1]: a small file");
		my $part = $c->request('GET', '/big', Range => 'bytes=1000-50000');
		ok($part->{status} == 206 && $part->{body} eq substr($big, 1000, 49_001), 'a part of a large one');
		$c->write("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" x 20);
		is(scalar(grep { $c->response->{body} eq "hello\n" } 1 .. 20), 20, 'twenty in a pipeline');
		is($c->request('GET', '/none', Connection => 'close')->{status}, 404, 'the last one');
		ok($c->ended && $c->was_notified, 'and then close_notify');
		is(taken_over(), 1, 'and the kernel wrote all that');
	}
	my $c = Tls::connect($n->port);
	$c->request('HEAD', '/big');
	is(Metrics::scrape($n)->{narwhal_tls_kernel_connections_total}, 7, 'the metrics tell of it');
	my $alert = '';
	Net::SSLeay::set_info_callback($c->{socket}->_get_ssl_object,
		sub { $alert = Net::SSLeay::alert_desc_string_long($_[2]) if $_[1] == 0x4004 });    # SSL_CB_READ_ALERT
	POSIX::write(fileno $c->{socket}, "\x17\x03\x03\x00\x40" . 'x' x 64, 69);
	ok($c->ended, 'a bad record ends it');
	is($alert, 'bad record mac', 'by the alert for that');
	like(Narwhal::Connection->new(IO::Socket::INET->new('127.0.0.1:' . $n->port))->request('GET', '/')->{body},
		qr/plain HTTP/, 'plain HTTP is told what it is');
	ends_well($n);
};

subtest 'bodies of clients, sessions that resume, and keys in the worker' => sub {
	my $n = start('--ktls', '--tls-key-isolation', 'off', "$Narwhal::BUILD/examples/echo.so");
	my $cache = Tls::Session->new;
	my $body = substr $big, 0, 1 << 20;

	taken_over();
	for my $resumed (0, 1) {
		my $c = Tls::connect($n->port, SSL_session_cache => $cache);
		is($c->request('POST', '/', body => $body)->{body}, $body, '1 MiB there and back');
		is($c->resumed, $resumed, $resumed ? 'by a ticket' : 'by a full handshake');
	}
	is(taken_over(), 2, 'the kernel wrote both');
	ends_well($n);
};

# openssl s_client: what it says; each step is what to wait for, and what to type then.
sub talk {
	my ($n, $version, @steps) = @_;
	my $pid = open2(my $out, my $in, 'sh', '-c', 'exec openssl s_client -msg -$0 -connect $1 2>&1', $version,
		'127.0.0.1:' . $n->port);
	my $said = '';

	while (my ($pattern, $typed) = splice @steps, 0, 2) {
		my $since = length $said;
		until (substr($said, $since) =~ $pattern) {
			sysread($out, $said, 1 << 16, length $said) or last;
		}
		syswrite $in, $typed;
	}
	close $in;
	local $/;
	$said .= <$out> // '';
	waitpid $pid, 0;
	return $said;
}

subtest 'who wishes for new keys is served on, and renegotiation is refused' => sub {
	my $n = start('--ktls', "$dir/public");
	my $get = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

	for my $letter (qw(K k)) {
		my $said = talk($n, 'tls1_3', qr/(?:NewSessionTicket.*){2}/s => $get,
			qr/^hello$/m => "$letter\n", qr/^KEYUPDATE$/m => $get, qr/^hello$/m => "Q\n");
		is(scalar(() = $said =~ /^hello$/mg), 2, "$letter: answered before and behind");
	}
	like(talk($n, 'tls1_2', qr/^---\n.*^---\n.*^---\n/ms => $get, qr/^hello$/m => "R\n"), qr/no renegotiation/,
		'by the alert for it');
	ends_well($n);
};

# A client with hardly any room, who has asked and has not read yet.
sub narrow {
	my ($n, $request) = @_;
	my $plain = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $@";
	$plain->sockopt(SO_RCVBUF, 2048) or die "SO_RCVBUF: $!";
	$plain->connect(Socket::pack_sockaddr_in($n->port, Socket::INADDR_LOOPBACK)) or die "connect: $!";
	my $c = Tls::Connection->new(IO::Socket::SSL->start_SSL($plain, SSL_verify_mode => SSL_VERIFY_NONE)
			// die "no handshake: $IO::Socket::SSL::SSL_ERROR\n");

	$c->write($request);
	return $c;
}

# As net/tls/tls_sw.c has it, a close(2) forgets a record for which TCP had no room.
subtest 'the end of an answer does not get lost, however slowly it is read' => sub {
	my $wmem = '/proc/sys/net/ipv4/tcp_wmem';
	my $usual = Narwhal::slurp($wmem);
	Narwhal::write_file($wmem, '4096 8192 8192');
	my $n = start('--ktls', '--workers', 1, "$dir/public");

	for my $size (10_000, 30_000, 60_000) {
		my $last = $size - 1;
		my $c = narrow($n, "GET /big HTTP/1.1\r\nHost: x\r\nRange: bytes=0-$last\r\nConnection: close\r\n\r\n");
		is(Tls::connect($n->port)->request('GET', '/hello')->{body}, "hello\n", 'another is served meanwhile');
		ok((eval { $c->response->{body} } // '') eq substr($big, 0, $size), "$size bytes are whole");
		ok($c->ended && $c->was_notified, 'and then close_notify');
	}
	ends_well($n);
	Narwhal::write_file($wmem, $usual);
};

subtest 'a reload loses no byte of a download, and the end of a worker is no end of it' => sub {
	my $n = start('--ktls', '--workers', 1, "$dir/public");
	my $c = Tls::connect($n->port);
	$c->write("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
	$c->fill(sub { length $c->{rest} });
	$n->signal('HUP');
	$n->wait_line(qr/ reloaded /);
	is(sha256_hex($c->response->{body}), sha256_hex($big), '10 MiB are whole');
	$c = narrow($n, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
	$c->fill(sub { length $c->{rest} });
	kill 'KILL', $n->workers;
	ok(!eval { $c->response }, 'one of a worker that is killed is not');
	ok(!$c->was_notified, 'and there is no close_notify that says so');
	$n->wait_line(qr/ worker_exit /);
	is($n->stop, 0, 'it ends');
};

subtest 'without the setting nothing of it happens' => sub {
	my $n = start("$dir/public");

	taken_over();
	is(Tls::connect($n->port)->request('GET', '/hello')->{body}, "hello\n", 'it serves');
	is(taken_over(), 0, 'and makes the records itself');
	ends_well($n);
};

done_testing;
