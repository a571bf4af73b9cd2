# TLS as clients see it: what is spoken, by which certificate, and what becomes of who speaks badly.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use Test::More;
use IO::Socket::SSL;
use Narwhal;
use Tls qw(openssl try_connect);

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $ca = Tls::authority($dir, 'ca');
my $one = Tls::certificate($dir, 'one', names => ['one.test', '*.wild.test'], by => $ca);
my $two = Tls::certificate($dir, 'two', names => ['two.test'], by => $ca, kind => 'rsa');
my $old = Tls::certificate($dir, 'old', by => $ca, days => -1);
my $trust = $ca->{certificate};
my $secured = "$Narwhal::BUILD/tests/modules/secured.so";

mkdir "$dir/public";
my $big = join '', map { sha256_hex($_) } 1 .. 1 << 15;    # 2 MiB
Narwhal::write_file("$dir/public/big", $big);
Narwhal::write_file("$dir/public/index.html", "small\n");
chmod 0644, glob "$dir/public/*";

sub start {
	my ($app, @args) = @_;
	my $n = Narwhal->start(bind => 0, args => ['--bind-tls', '127.0.0.1:0', '--certfile',
		$one->{certificate}, '--keyfile', $one->{key}, @args, $app]);

	$n->wait_ready;
	return $n;
}

# Exit status and log of a start that is refused.
sub refused {
	return Narwhal->run(args => ['--bind-tls', '127.0.0.1:0', @_, $secured]);
}

sub common_name {
	my ($c) = @_;

	return $c->{socket}->peer_certificate('cn');
}

note 'What is spoken';

subtest 'TLS 1.3 and 1.2 with AEAD and forward secrecy, and nothing older' => sub {
	my $n = start($secured);
	my $port = $n->port;

	like("@{ $n->{lines} }", qr{address=https://127}, 'the log says https');
	for my $row (['TLSv1_3', 'TLSv1.3', qr/^TLS_AES_128_GCM_SHA256$/],
		['TLSv1_2', 'TLSv1.2', qr/^ECDHE-ECDSA-AES\d+-GCM/]) {
		my ($version, $name, $cipher) = @$row;
		my $c = Tls::connect($port, SSL_version => $version, SSL_hostname => 'one.test',
			SSL_ca_file => $trust);
		my $body = $c->request('GET', '/')->{body};
		like($body, qr/^scheme=https$/m, "$name: the app is told https");
		like($body, qr/^version=\Q$name\E$/m, 'the version');
		my ($told) = $body =~ /^cipher=(.*)$/m;
		like($told, $cipher, 'the cipher');
		like($body, qr/^server_name=one\.test$/m, "and the client's server name");
		like($body, qr/^subject=$/m, 'a client without a certificate has no name');
	}
	my @floor = ('-cipher', 'ALL:@SECLEVEL=0', '-connect', "127.0.0.1:$port");
	like(openssl('s_client', '-tls1_1', @floor), qr/alert protocol version/, 'TLS 1.1 is refused');
	for my $suite (qw(ECDHE-ECDSA-AES128-SHA256 AES128-GCM-SHA256)) {
		like(openssl('s_client', '-tls1_2', '-cipher', $suite, '-connect', "127.0.0.1:$port"),
			qr/alert handshake failure/, "$suite is refused");
	}
	is($n->stop, 0, 'it ends');
};

subtest 'tls_min, ciphers and tls_curves say otherwise' => sub {
	my $n = start($secured, '--tls-min', '1.3', '--tls-curves', 'P-384');
	is(try_connect($n->port, SSL_version => 'TLSv1_2'), undef, 'TLS 1.2 is refused');
	is(try_connect($n->port, SSL_ecdh_curve => 'X25519'), undef, 'a curve that is none of these, too');
	ok(try_connect($n->port, SSL_ecdh_curve => 'P-384'), 'the one that is named serves');

	$n = start($secured, '--ciphers', 'TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES128-SHA256');
	like(Tls::connect($n->port, SSL_version => 'TLSv1_3')->request('GET', '/')->{body},
		qr/^cipher=TLS_CHACHA20/m, "a suite of TLS 1.3's");
	like(Tls::connect($n->port, SSL_version => 'TLSv1_2')->request('GET', '/')->{body},
		qr/^cipher=ECDHE-ECDSA-AES128-SHA256$/m, "and one of TLS 1.2's, as they were named");

	$n = start($secured, '--ciphers', 'ECDHE+AESGCM');
	is(try_connect($n->port, SSL_version => 'TLSv1_3'), undef, 'a version without a suite is not spoken');
};

subtest 'ALPN chooses HTTP/1.1, and ends a handshake that leaves no choice' => sub {
	my $n = start($secured);
	my $c = Tls::connect($n->port, SSL_alpn_protocols => ['h2', 'http/1.1']);
	is($c->{socket}->alpn_selected, 'http/1.1', 'of several');
	is(Tls::connect($n->port)->request('GET', '/')->{status}, 200, 'none need be named');
	is(try_connect($n->port, SSL_alpn_protocols => ['h2']), undef, 'h2 alone is refused');
	like($IO::Socket::SSL::SSL_ERROR, qr/no application protocol/, 'by the alert for it');
};

note 'Which certificate';

subtest 'the server name chooses; the first is for all others' => sub {
	my $n = start($secured, '--certfile', $two->{certificate}, '--keyfile', $two->{key});
	my %wanted = ('one.test' => 'one', 'two.test' => 'two', 'TWO.test' => 'two',
		'x.wild.test' => 'one', 'else.test' => 'one');
	for my $name (sort keys %wanted) {
		is(common_name(Tls::connect($n->port, SSL_hostname => $name, SSL_verify_mode => 0)),
			$wanted{$name}, $name);
	}
	is(common_name(Tls::connect($n->port)), 'one', 'no name at all');
};

subtest 'a directory of certificates, in each of the usual layouts' => sub {
	my $folder = "$dir/certificates";
	mkdir $_ for $folder, "$folder/live", "$folder/secret", "$folder/..data", "$folder/empty";
	Tls::certificate($folder, 'plain', by => $ca);
	Tls::certificate("$folder/live", 'live', by => $ca);
	Tls::certificate("$folder/secret", 'secret', by => $ca);
	rename "$folder/live/live.crt", "$folder/live/fullchain.pem";
	rename "$folder/live/live.key", "$folder/live/privkey.pem";
	rename "$folder/secret/secret.crt", "$folder/secret/tls.crt";
	rename "$folder/secret/secret.key", "$folder/secret/tls.key";
	link $trust, "$folder/secret/ca.crt";
	link $trust, "$folder/ca.crt";    # no key is beside it
	Narwhal::write_file("$folder/README", "text\n");

	my $n = Narwhal->start(bind => 0, args => ['--bind-tls', '127.0.0.1:0', '--certdir', $folder,
		$secured]);
	$n->wait_ready;
	for my $name (qw(plain live secret)) {
		is(common_name(Tls::connect($n->port, SSL_hostname => $name, SSL_ca_file => $trust)),
			$name, $name);
	}
	is(common_name(Tls::connect($n->port)), 'live', 'the first by name is for all others');

	my ($status, $log) = refused('--certdir', "$folder/empty");
	is($status, 1, 'a directory without any is refused');
	like($log, qr{certdir: \Q$folder\E/empty: has no certificate with its key}, 'and why is said');
};

subtest 'an OCSP response beside a certificate is stapled to it' => sub {
	my $index = Narwhal::write_file("$dir/index.txt", '');
	my $serial = openssl('x509', '-in', $one->{certificate}, '-noout', '-serial') =~ /=(\S+)/ ? $1 : '';
	Narwhal::write_file($index, "V\t300101000000Z\t\t$serial\tunknown\t/CN=one\n");
	openssl('ocsp', '-issuer', $trust, '-cert', $one->{certificate}, '-reqout', "$dir/ocsp.req");
	openssl('ocsp', '-index', $index, '-rsigner', $trust, '-rkey', $ca->{key}, '-CA', $trust,
		'-reqin', "$dir/ocsp.req", '-respout', "$one->{certificate}.ocsp", '-ndays', 7);

	my $n = start($secured);
	my $told = openssl('s_client', '-status', '-connect', '127.0.0.1:' . $n->port);
	like($told, qr/OCSP Response Status: successful/, 'to who asks');
	like($told, qr/Cert Status: good/, 'as it was');

	# All its times in the past: whoever checks it finds a bad signature, but nobody checks it here.
	Narwhal::write_file("$one->{certificate}.ocsp", Narwhal::slurp("$one->{certificate}.ocsp")
		=~ s/\x18\x0f\K\d{14}Z/20200101000000Z/gr);
	$n = start($secured);
	like(join("\n", $n->lines), qr/warning staple_refused .*one\.crt\.ocsp.*nextUpdate is past/,
		'one that is too old has a line');
	$told = openssl('s_client', '-status', '-connect', '127.0.0.1:' . $n->port);
	like($told, qr/OCSP responses?: no responses? sent/, 'and is not sent');
	Narwhal::write_file("$one->{certificate}.ocsp", 'nonsense');
	$n = start($secured);
	like(join("\n", $n->lines), qr/warning staple_refused .*is no OCSP response/, 'nor is nonsense');
	unlink "$one->{certificate}.ocsp";
};

subtest 'a chain in its order serves, and what expires soon is told of' => sub {
	my $soon = Tls::certificate($dir, 'soon', by => $ca, days => 13);
	my $chain = joined('chain', $soon, $ca);
	my $n = start($secured, '--certfile', $chain, '--keyfile', $soon->{key});
	my @told = grep { /certificate_expires/ } $n->lines;
	like("@told", qr/warning certificate_expires file=\S+chain\.crt days=1[23]\b/, 'its days are counted');
	unlike("@told", qr/one\.crt/, 'and not those of another');
};

note 'What goes through';

subtest 'requests of every kind' => sub {
	my $n = start("$dir/public");
	my $c = Tls::connect($n->port);
	is($c->request('GET', '/')->{body}, "small\n", 'a small file');
	is($c->request('GET', '/big')->{body}, $big, 'a large one, on the same connection');
	is($c->request('HEAD', '/big')->{fields}{'content-length'}, length $big, 'its head');
	$c->write("GET / HTTP/1.1\r\nHost: x\r\n\r\n" x 50);
	is(scalar(grep { $c->response->{body} eq "small\n" } 1 .. 50), 50, 'fifty in a pipeline');
	my $r = $c->request('GET', '/', Connection => 'close');
	is($r->{fields}{connection}, 'close', 'the last one');
	ok($c->ended, 'is the last');
	ok($c->was_notified, 'and the end is in order: close_notify');

	my $upload = start("$Narwhal::BUILD/examples/echo.so");
	my @curl = ('curl', '-sS', '--cacert', $trust, '--resolve', 'one.test:' . $upload->port . ':127.0.0.1');
	for my $how (['--data-binary', "\@$dir/public/big"], ['-T', "$dir/public/big", '-X', 'POST'],
		['--tls-max', '1.2', '--data-binary', "\@$dir/public/big"],
		['-H', 'Transfer-Encoding: chunked', '--data-binary', "\@$dir/public/big"]) {
		open my $pipe, '-|', @curl, @$how, 'https://one.test:' . $upload->port . '/' or die "curl: $!";
		local $/;
		ok(index(<$pipe> // '', $big) >= 0, "2 MiB there and back: curl @$how[0 .. $#$how - 1]");
	}
};

subtest 'a client that reads slowly gets all of it, and keeps nobody waiting' => sub {
	my $n = start("$dir/public", '--workers', 1);
	my $slow = Tls::connect($n->port);
	$slow->write("GET /big HTTP/1.1\r\nHost: x\r\n\r\n" x 8);
	is(Tls::connect($n->port)->request('GET', '/')->{body}, "small\n", 'another is served meanwhile');
	is(scalar(grep { $slow->response->{body} eq $big } 1 .. 8), 8, 'all eight are whole');
};

subtest 'an answer begins with a small record, and goes on with full ones' => sub {
	my $n = start("$dir/public");
	my $client = 'openssl s_client -tls1_3 -msg -ign_eof -connect 127.0.0.1:' . $n->port;
	open my $pipe, '-|', 'sh', '-c',
		"printf 'GET /big HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | $client 2>&1"
		or die "sh: $!";
	local $/;
	my @sizes = map { hex s/ //gr } <$pipe> =~ /<<< [^\n]*RecordHeader[^\n]*\n\s+17 03 03 (\w\w \w\w)$/mg;
	my $overhead = 17;    # of TLS 1.3 with GCM: the type, and the tag
	my ($at) = grep { $sizes[$_] == 4096 + $overhead } 0 .. $#sizes;
	ok(defined $at, 'the first has 4 KiB') or diag "@sizes[0 .. 9]";
	is_deeply([ @sizes[ $at + 1 .. $at + 5 ] ], [ (16384 + $overhead) x 5 ], 'then 16 KiB each');
	is(scalar(grep { $_ == 4096 + $overhead } @sizes), 1, 'and no other is small, however slow the client');
};

note 'Who speaks badly';

subtest 'plain HTTP at the port of TLS, and TLS at the port of plain HTTP' => sub {
	my $n = start($secured, '--bind', '127.0.0.2:0');
	my ($plain, $tls) = $n->addresses;
	for my $method (qw(GET POST OPTIONS DELETE)) {
		my $r = $n->connect($tls)->request($method, '/', 'Content-Length' => 0);
		is($r->{status}, 400, "$method without TLS");
		like($r->{body}, qr/plain HTTP, and the port speaks TLS/, 'the answer says what is wrong');
	}
	like($n->wait_line(qr/request_refused.*port speaks TLS/), qr/status=400/, 'and so does the log');
	my $c = $n->connect($plain);
	my ($hello) = client_hello();
	$c->write($hello);
	like($c->response->{body}, qr/looks like TLS, and the port speaks plain HTTP/, 'TLS without need');
	$n->wait_line(qr/request_refused.*speaks plain HTTP/);
};

# The bytes of a ClientHello.
sub client_hello {
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec 'openssl', 's_client', '-connect', '127.0.0.1:' . $listener->sockport or POSIX::_exit(1);
	}
	my $client = $listener->accept;
	sysread $client, my $head, 5;
	my $rest = '';
	my $size = unpack 'x3 n', $head;
	sysread $client, $rest, $size - length $rest, length $rest while length $rest < $size;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return $head . $rest;
}

subtest 'a handshake that does not go on ends by its timeout, and delays nobody' => sub {
	my $n = start($secured, '--tls-handshake-timeout', 2, '--workers', 1);
	my $hello = client_hello();
	my $address = $n->addresses;
	my @waiting = map { $n->connect } 1 .. 50;
	$waiting[$_]->write(substr $hello, 0, 1 + $_ * 4) for 0 .. $#waiting;
	is(Tls::connect($n->port)->request('GET', '/')->{status}, 200, 'others are served');
	is(scalar(grep { $_->ended } @waiting), 50, 'and those that stand still are ended');
	like($n->wait_line(qr/handshake_failed/), qr/reason="it did not end in time"/, 'the log says why');

	my $c = $n->connect;
	my $sent = 0;
	for my $byte (split //, $hello) {
		last if !$c->write($byte);
		$sent++;
		select undef, undef, undef, 0.01;
	}
	ok($c->ended, 'a hello byte by byte wins no time');
	cmp_ok($sent, '<', length $hello, 'it was cut before its end');
};

subtest 'what is no TLS is refused, and whoever comes next is served' => sub {
	my $n = start($secured, '--workers', 1, '--tls-handshake-timeout', 3600);
	my $hello = client_hello();
	my %garbage = (
		'nothing' => '',
		'half a hello' => substr($hello, 0, 100),
		'zeros' => "\0" x 100,
		'an alert' => "\x15\x03\x01\x00\x02\x02\x28",
		'data before a handshake' => "\x17\x03\x03\x00\x10" . 'x' x 16,
		'a record that is too large' => "\x16\x03\x01\xff\xff" . 'x' x 20000,
		'a hello of 100 KiB' => join('', map { "\x16\x03\x01\x40\x00"
				. ($_ ? '' : "\x01\x01\x90\x00\x03\x03") . 'x' x (16384 - ($_ ? 0 : 6)) } 0 .. 6),
		'a broken hello' => substr($hello, 0, 60) . "\xff" x (length($hello) - 60),
		'a hello twice' => $hello . $hello,
		'lower case' => "get / http/1.1\r\n\r\n",
	);
	for my $name (sort keys %garbage) {
		my $c = $n->connect;
		$c->write($garbage{$name});
		$c->{socket}->shutdown(1);
		eval { $c->fill(sub { 0 }) };
		unlike($@, qr/in time/, "$name: ended");
	}
	is(Tls::connect($n->port)->request('GET', '/')->{status}, 200, 'the worker serves on');
	is(scalar($n->workers), 1, 'one worker');
	unlike(join("\n", $n->lines), qr/worker_exit/, 'and none had died');
};

subtest 'a hello that declares more than 16 KiB is refused before there is room made for it' => sub {
	my $n = start($secured, '--workers', 1, '--tls-handshake-timeout', 3600);
	my $alert = "\x15\x03\x03\x00\x02\x02\x2f";
	my $hello = client_hello();
	my %declared = (
		'in nine bytes' => "\x16\x03\x01\x00\x04\x01\x02\x00\x00",
		'byte by byte' => join('', map { "\x16\x03\x01\x00\x01$_" } "\x01", "\x00", "\x40", "\x01"),
	);
	for my $name (sort keys %declared) {
		my $c = $n->connect;
		$c->write($declared{$name});
		is($c->fill(sub { 0 }), 0, "$name: ended at once");
		is($c->{rest}, $alert, 'by an alert');
	}
	like($n->wait_line(qr/handshake_failed/), qr/reason="the ClientHello is larger than 16 KiB"/,
		'the log says why');
	my $c = $n->connect;
	$c->write($hello);
	ok($c->fill(sub { $c->{rest} =~ /^\x16\x03\x03/ }), 'one that fits is answered');
};

subtest 'many hellos that stand still cost little memory each' => sub {
	my $n = start($secured, '--workers', 1, '--tls-handshake-timeout', 3600);
	my ($pid) = $n->workers;
	my $memory = sub { Narwhal::slurp("/proc/$pid/smaps_rollup") =~ /^Private_Dirty:\s+(\d+)/m ? $1 : die };
	my $start = "\x16\x03\x01\x40\x00\x01\x00\x3f\xf0\x03\x03";    # of the largest that fits
	my @some = map { $n->connect } 1 .. 20;
	$_->write($start) for @some;
	is(Tls::connect($n->port)->request('GET', '/')->{status}, 200, 'the worker has seen them');
	my $before = $memory->();
	push @some, map { $n->connect } 1 .. 200;
	$_->write($start) for @some[ 20 .. $#some ];
	is(Tls::connect($n->port)->request('GET', '/')->{status}, 200, 'and 200 more');
	my $each = ($memory->() - $before) / 200;
	cmp_ok($each, '<', 64, 'KiB for each of them') unless $ENV{SANITIZE};
	$_->close for @some;
	is(Tls::connect($n->port)->request('GET', '/')->{status}, 200, 'it serves on');
};

subtest 'a flood ends the connection that brings it, and no other' => sub {
	my $n = start("$Narwhal::BUILD/examples/echo.so", '--workers', 1, '--tls-handshake-timeout', 3600);
	my $other = Tls::connect($n->port);
	local $SIG{PIPE} = 'IGNORE';
	my %flood = (
		'plain text' => 'plain text, and more of it ' x 40000,
		'empty records' => "\x17\x03\x03\x00\x00" x 200_000,
		'alerts' => "\x15\x03\x03\x00\x02\x01\x5a" x 150_000,
		'change_cipher_spec' => "\x14\x03\x03\x00\x01\x01" x 150_000,
	);
	for my $name (sort keys %flood) {
		for my $greeted (0, 1) {
			my $when = $greeted ? "$name behind a handshake" : "$name at once";
			my $c = $greeted ? Tls::connect($n->port) : $n->connect;
			open my $raw, '>&', fileno $c->{socket} or die "dup: $!";
			my $rest = $flood{$name};
			while (length $rest) {
				my $sent = syswrite $raw, $rest or last;
				substr $rest, 0, $sent, '';
			}
			shutdown $raw, 1;
			ok(IO::Select->new($raw)->can_read($Narwhal::PATIENCE), "$when: an answer, or the end");
			1 while sysread $raw, my $bytes, 65536;
			is($other->request('GET', '/')->{status}, 200, 'the other goes on');
		}
	}
	open my $pipe, '|-', 'sh', '-c', 'exec openssl s_client -tls1_3 -connect "$1" >/dev/null 2>&1', 'sh',
		'127.0.0.1:' . $n->port or die "openssl: $!";
	print {$pipe} "K\n" x 2000, "Q\n";
	close $pipe;
	is($other->request('GET', '/')->{status}, 200, 'nor do 2,000 wishes for new keys matter');
	is(scalar(grep { /worker_exit/ } $n->lines), 0, 'no worker has died');
};

subtest 'renegotiation is refused' => sub {
	my $n = start($secured);
	my $port = $n->port;
	my $client = "openssl s_client -tls1_2 -connect 127.0.0.1:$port 2>&1";
	open my $pipe, '-|', 'sh', '-c', "(echo R; sleep 3) | $client" or die "sh: $!";
	local $/;
	like(<$pipe>, qr/no renegotiation/, 'by the alert for it');
	is(Tls::connect($port)->request('GET', '/')->{status}, 200, 'it serves on');
};

subtest 'a body that is cut is no body' => sub {
	my $n = start("$Narwhal::BUILD/examples/echo.so");
	my $c = Tls::connect($n->port);
	$c->write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
	$c->{socket}->stop_SSL(SSL_fast_shutdown => 1, SSL_ctx_free => 0);
	like($n->wait_line(qr/request_refused/), qr/status=400 reason="the connection ended inside/,
		'by close_notify');
	$c = Tls::connect($n->port);
	$c->write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
	shutdown $c->{socket}, 1;
	like($n->wait_line(qr/request_refused/), qr/status=400 reason="the connection ended inside/,
		'and without it');
};

subtest 'a record that comes byte by byte wins no time' => sub {
	my $n = start("$Narwhal::BUILD/examples/echo.so", '--keepalive', 1, '--body-timeout', 1,
		'--body-min-rate', 0);
	my $trickle = sub {
		my ($c) = @_;
		open my $raw, '>&', fileno $c->{socket} or die "dup: $!";
		my $select = IO::Select->new($raw);
		syswrite $raw, "\x17\x03\x03\x40\x00";
		for (1 .. 10 * $Narwhal::PATIENCE) {
			return 1 if $select->can_read(0.1);
			syswrite $raw, 'x';
		}
		return 0;
	};
	local $SIG{PIPE} = 'IGNORE';
	my $c = Tls::connect($n->port);
	is($c->request('GET', '/')->{status}, 200, 'a connection');
	ok($trickle->($c), 'keepalive ends it');
	ok($c->ended && $c->was_notified, 'in order');
	$c = Tls::connect($n->port);
	is($c->request('GET', '/')->{status}, 200, 'another');    # and nothing is left to be read
	$c->write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
	ok($trickle->($c), 'body_timeout ends a body');
	is($c->response->{status}, 408, 'and says so');
};

note "Clients' certificates";

subtest 'cert_reqs asks for them, and the app learns who it is' => sub {
	my $alice = Tls::certificate($dir, 'alice', by => $ca, subject => '/O=Example/CN=alice');
	my $stranger = Tls::certificate($dir, 'stranger', by => Tls::authority($dir, 'other'));
	my @mine = (SSL_cert_file => $alice->{certificate}, SSL_key_file => $alice->{key});
	my @its = (SSL_cert_file => $stranger->{certificate}, SSL_key_file => $stranger->{key});
	my $answer = sub {
		my $c = try_connect(@_) or return '';
		return eval { $c->request('GET', '/')->{body} } // '';
	};

	for my $version (qw(TLSv1_2 TLSv1_3)) {
		my $n = start($secured, '--ca-certs', $trust, '--cert-reqs', 'optional');
		my @client = ($n->port, SSL_version => $version);
		like($answer->(@client), qr/^subject=$/m, "$version, optional: let in without");
		my $told = $answer->(@client, @mine);
		like($told, qr/^subject=CN=alice,O=Example$/m, 'and known with one');
		like($told, qr/^issuer=CN=ca authority$/m, 'by whom');
		my $der = openssl('x509', '-in', $alice->{certificate}, '-noout', '-fingerprint', '-sha256',
			'-serial');
		my ($print) = map { lc s/://gr } $der =~ /Fingerprint=(\S+)/i;
		my ($serial) = map { lc } $der =~ /serial=(\S+)/i;
		like($told, qr/^fingerprint=$print$/m, 'its fingerprint');
		like($told, qr/^serial=$serial$/m, 'its serial number');
		like($told, qr/^certificate=-----BEGIN CERTIFICATE-----\n/m, 'and all of it');
		is($answer->(@client, @its), '', "somebody else's is refused");

		$n = start($secured, '--ca-certs', $trust, '--cert-reqs', 'required');
		@client = ($n->port, SSL_version => $version);
		is($answer->(@client), '', "$version, required: nobody is let in without");
		like($n->wait_line(qr/handshake_failed/), qr/did not return a certificate/, 'the log says why');
		like($answer->(@client, @mine), qr/^subject=CN=alice/m, 'with one');
	}
	my ($status, $log) = refused('--certfile', $one->{certificate}, '--keyfile', $one->{key},
		'--cert-reqs', 'required');
	is($status, 1, 'without ca_certs it cannot start');
	like($log, qr/cert_reqs: needs ca_certs/, 'and says so');
};

subtest 'the access log has it, too' => sub {
	my $bob = Tls::certificate($dir, 'bob', by => $ca, subject => '/CN=bob "b"');
	my $log = "$dir/access.log";
	my @atoms = map { "%(tls_$_)s" } qw(version cipher server_name client_subject client_serial
		client_fingerprint);
	my $n = start($secured, '--ca-certs', $trust, '--cert-reqs', 'optional', '--bind', '127.0.0.2:0',
		'--accesslog', $log, '--access-log-format', join ' ', '%(scheme)s', @atoms);
	my ($plain, $tls) = $n->addresses;
	Tls::connect($tls =~ s/.*://r, SSL_hostname => 'one.test', SSL_version => 'TLSv1_3',
		SSL_cert_file => $bob->{certificate}, SSL_key_file => $bob->{key})
		->request('GET', '/', Connection => 'close');
	$n->connect($plain)->request('GET', '/', Connection => 'close');
	is($n->stop, 0, 'it ends');
	my ($secure, $bare) = sort { length $b <=> length $a } split /\n/, Narwhal::slurp($log);
	like($secure, qr/^https TLSv1\.3 TLS_\w+ one\.test CN=bob \S+ [0-9a-f]{40} [0-9a-f]{64}$/, 'of TLS');
	unlike($secure, qr/ "/, 'and a quotation mark is escaped');
	is($bare, 'http - - - - - -', 'without TLS there is nothing to tell');
};

note 'Away from plain HTTP';

subtest 'https_redirect sends plain requests to TLS, and hsts keeps clients there' => sub {
	my $n = start($secured, '--bind', '127.0.0.2:0', '--https-redirect', '8443', '--hsts', '3600',
		'--hsts-subdomains');
	my ($plain, $tls) = $n->addresses;
	my $c = $n->connect($plain);
	for my $row (['a.test', '/', 'a.test:8443/'], ['a.test:80', '/x?y=1', 'a.test:8443/x?y=1'],
		['[::1]:80', '/', '[::1]:8443/'], ['[::1]', '/%20', '[::1]:8443/%20']) {
		my ($host, $target, $location) = @$row;
		my $r = $c->request('GET', $target, Host => $host);
		is($r->{status}, 308, "$host$target");
		is($r->{fields}{location}, "https://$location", 'to the same by TLS');
		is($r->{fields}{'strict-transport-security'}, undef, 'and nothing is promised in plain text');
	}
	is($c->request('OPTIONS', '*', Host => 'a.test')->{fields}{location}, 'https://a.test:8443/',
		'a target that is no path');
	is($c->request('POST', '/', body => 'x' x 1000)->{status}, 308, 'a request with a body');
	$c = $n->connect($plain);
	$c->write("GET / HTTP/1.0\r\n\r\n");
	is($c->response->{status}, 400, 'one without Host cannot be sent anywhere');
	my $r = Tls::connect($tls =~ s/.*://r)->request('GET', '/');
	is($r->{status}, 200, 'over TLS it is served');
	is($r->{fields}{'strict-transport-security'}, 'max-age=3600; includeSubDomains', 'with HSTS');

	$n = start($secured, '--bind', '127.0.0.2:0', '--https-redirect', '443', '--hsts', '1',
		'--forwarded-allow-ips', '127.0.0.0/8');
	($plain) = $n->addresses;
	is($n->connect($plain)->request('GET', '/', Host => 'a:80')->{fields}{location}, 'https://a/',
		'port 443 need not be said');
	$r = $n->connect($plain)->request('GET', '/', 'X-Forwarded-Proto' => 'https');
	is($r->{status}, 200, 'a trusted proxy that had TLS is served');
	is($r->{fields}{'strict-transport-security'}, 'max-age=1', 'with HSTS');
};

note 'What is wrong at the start';

# One file of the certificates of these.
sub joined {
	my ($name, @all) = @_;

	return Narwhal::write_file("$dir/$name.crt", join '', map { Narwhal::slurp($_->{certificate}) } @all);
}

subtest 'each fault has its line, and status 1' => sub {
	my $sealed = "$dir/sealed.key";
	Tls::must_openssl('pkey', '-in', $one->{key}, '-aes128', '-passout', 'pass:secret', '-out', $sealed);
	Narwhal::write_file("$dir/nonsense", "nonsense\n");
	Narwhal::write_file("$dir/nothing", '');
	my $with = sub {
		my ($certificate, $key, @more) = @_;
		return ('--certfile', $certificate, '--keyfile', $key, @more);
	};
	my @pair = $with->($one->{certificate}, $one->{key});
	my @rows = (
		[qr/bind_tls: needs a certificate/],
		[qr/certfile has more files than keyfile/, '--certfile', $one->{certificate}],
		[qr{certfile: /nowhere: No such file}, $with->('/nowhere', $one->{key})],
		[qr{keyfile: /nowhere: No such file}, $with->($one->{certificate}, '/nowhere')],
		[qr{keyfile: /dev/null: is no regular file}, $with->($one->{certificate}, '/dev/null')],
		[qr{certfile: \Q$dir\E/nothing: is empty}, $with->("$dir/nothing", $one->{key})],
		[qr{/nonsense: holds no certificate}, $with->("$dir/nonsense", $one->{key})],
		[qr{/nonsense: holds no private key}, $with->($one->{certificate}, "$dir/nonsense")],
		[qr{two\.key: the key is not that of the certificate \Q$one->{certificate}\E},
			$with->($one->{certificate}, $two->{key})],
		[qr{old\.crt: the certificate has expired}, $with->($old->{certificate}, $old->{key})],
		[qr{strangers\.crt: certificate 1 in it is not signed by number 2}, $with->(
			joined('strangers', $one, Tls::authority($dir, 'stranger')), $one->{key})],
		[qr{ciphers: no suite of TLS 1\.2 is for the key of \S+two\.crt: allowed are those with RSA},
			$with->($two->{certificate}, $two->{key}), '--ciphers', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
		[qr{ciphers: no suite of TLS 1\.2 is for the key of \S+one\.crt: allowed are those with ECDSA},
			@pair, '--ciphers', 'ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256'],
		[qr{sealed\.key: the key is protected by a password}, $with->($one->{certificate}, $sealed)],
		[qr{ciphers: NONSENSE: is no suite}, @pair, '--ciphers', 'ECDHE+AESGCM:NONSENSE'],
		[qr{ciphers: TLS_NONSENSE: is no suite}, @pair, '--ciphers', 'TLS_NONSENSE'],
		[qr{ciphers: names no suite of TLS 1\.3, and tls_min is 1\.3}, @pair,
			'--tls-min', '1.3', '--ciphers', 'ECDHE+AESGCM'],
		[qr{tls_curves: is no list of groups}, @pair, '--tls-curves', 'X25519:nonsense'],
		[qr{/nonsense: holds no certificates}, @pair, '--ca-certs', "$dir/nonsense",
			'--cert-reqs', 'optional'],
		[qr{bind_tls: 127\.0\.0\.1:1: is an address of bind, too}, @pair,
			'--bind', '127.0.0.1:1', '--bind-tls', '127.0.0.1:1'],
	);
	for my $row (@rows) {
		my ($pattern, @args) = @$row;
		my ($status, $log) = refused(@args);
		is($status, 1, "status 1: @args");
		like($log, $pattern, 'and a clear line');
	}
	my ($status, $log) = Narwhal->run(args => ['--bind', '127.0.0.1:0', @pair, $secured]);
	is($status, 1, 'a certificate and no address for it is refused');
	like($log, qr/certfile: is of no use without bind_tls/, 'and why is said');
};

note 'Reload and drain';

subtest 'a reload brings new certificates, or keeps the old ones' => sub {
	my ($certificate, $key) = ("$dir/now.crt", "$dir/now.key");
	my $use = sub {
		my ($pair) = @_;
		Narwhal::write_file($certificate, Narwhal::slurp($pair->{certificate}));
		Narwhal::write_file($key, Narwhal::slurp($pair->{key}));
		chmod 0600, $key;
	};
	$use->($one);
	my $n = Narwhal->start(bind => 0, args => ['--bind-tls', '127.0.0.1:0', '--certfile', $certificate,
		'--keyfile', $key, '--workers', 2, '--no-tls-watch', $secured]);
	$n->wait_ready;
	my $kept = Tls::connect($n->port);
	is($kept->request('GET', '/')->{status}, 200, 'a connection');

	$use->($old);
	$n->signal('HUP');
	like($n->wait_line(qr/reload_failed/), qr/now\.crt: the certificate has expired/, 'a bad one is refused');
	is(common_name(Tls::connect($n->port)), 'one', 'and the old one serves on');
	is($kept->request('GET', '/')->{status}, 200, 'as does the connection');
	unlink $key;
	$n->signal('HUP');
	like($n->wait_line(qr/reload_failed/), qr/keyfile: \S+now\.key: No such file/, 'none at all is refused');
	kill 'KILL', ($n->workers)[0];
	$n->wait_line(qr/worker_exit.*SIGKILL/);
	$n->wait_line(qr/worker_ready/);
	is(scalar(grep { common_name(Tls::connect($n->port)) eq 'one' } 1 .. 10), 10,
		'a worker that is born now has the old one, too');

	$use->($two);
	$n->signal('HUP');
	my $failed = 0;
	my $new = 0;
	my $deadline = time + 6 * $Narwhal::PATIENCE;
	while ($new < 20 && time < $deadline) {
		my $c = eval { Tls::connect($n->port) };
		my $r = eval { $c->request('GET', '/', Connection => 'close') };
		$failed++ if !$r || $r->{status} != 200;
		$new++ if $c && common_name($c) eq 'two';
	}
	$n->wait_line(qr/ reloaded /);
	is($new, 20, 'the new one serves');
	is($failed, 0, 'no handshake and no request fails while a new one comes');
	is($n->stop, 0, 'it ends');
};

subtest 'a stop lets handshakes and requests finish' => sub {
	my $n = start($secured, '--idle-grace', 20, '--tls-handshake-timeout', 20);
	my $hello = client_hello();
	my $idle = Tls::connect($n->port);
	is($idle->request('GET', '/')->{status}, 200, 'an idle connection');
	my $begun = $n->connect;
	$begun->write(substr $hello, 0, 20);
	is($idle->request('GET', '/')->{status}, 200, 'the worker has seen both');
	$n->signal('TERM');
	$n->wait_line(qr/unready/);
	my $told = sub { ($idle->request('GET', '/')->{fields}{connection} // '') eq 'close' };
	ok($n->wait_until('the worker drains', $told), 'the idle one is answered once more');
	ok($idle->ended, 'and ended');
	$begun->write(substr $hello, 20);
	ok($begun->fill(sub { $begun->{rest} =~ /^\x16\x03\x03/ }), 'the handshake goes on');
	$begun->close;
	is($n->wait_end, 0, 'then it ends');
};

subtest 'the PROXY protocol comes before the handshake' => sub {
	my $n = start($secured, '--proxy-protocol', 'v1');
	for my $first ("PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n") {
		my $c = Tls::connect($n->port, first => $first);
		my $body = $c->request('GET', '/')->{body};
		like($body, qr/^peer=192\.0\.2\.7:4711$/m, 'it is believed');
		like($body, qr/^scheme=https$/m, 'and TLS begins behind it');
	}
	my $c = $n->connect;
	$c->write("PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n" . client_hello());
	ok($c->fill(sub { $c->{rest} =~ /^\x16\x03\x03/ }), 'also in one piece with the hello');
	$c = $n->connect;
	$c->write(client_hello());
	is($c->response->{status}, 400, 'without the header that is due there is an answer');
};
done_testing;
