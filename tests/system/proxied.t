# Behind proxies: who the client is, what it asked for, and the ids that tie log lines together.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Select;
use Test::More;

use Narwhal;

my $TELLS = "$Narwhal::BUILD/tests/modules/tells.so";
my $V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 7 8\r\n";
my $SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
my $V2 = "$SIGNATURE\x21\x11\0\x13\xc0\0\x02\x01\xc6\x33\x64\x02\0\x07\0\x08\x02\0\x04host";
my $LOCAL = "$SIGNATURE\x20\0\0\0";
my $GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

sub begin {
	my (@args) = @_;
	my $n = Narwhal->start(args => [ @args, $TELLS ]);

	$n->wait_ready;
	return $n;
}

# What the app was told, as a hash.
sub told {
	my ($response) = @_;

	return { status => $response->{status} } if $response->{status} != 200;
	return { $response->{body} =~ /(\w+)=(\S*)/g };
}

# Sends the bytes, whole or one after the other, and reads an answer.
sub ask {
	my ($n, $bytes, $bytewise) = @_;
	my $c = $n->connect;

	setsockopt $c->{socket}, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
	$c->write($_) for $bytewise ? split(//, $bytes) : $bytes;
	return ($c->response, $c);
}

sub ask_with {
	my ($n, %field) = @_;

	return told($n->connect->request('GET', '/', %field));
}

subtest 'a PROXY protocol header of a trusted peer says who the client is' => sub {
	my $n = begin('--proxy-protocol', 'auto');
	for my $bytewise (0, 1) {
		for my $header ($V1, $V2) {
			my ($response, $c) = ask($n, $header . $GET, $bytewise);
			is(told($response)->{peer}, '192.0.2.1:7',
				'the header and a request' . ($bytewise ? ', byte by byte' : ''));
			is(told($c->request('GET', '/'))->{peer}, '192.0.2.1:7', 'for the next request, too');
		}
		for my $header ($LOCAL, "PROXY UNKNOWN\r\n", "$SIGNATURE\x21\0\0\x01x") {
			my ($response) = ask($n, $header . $GET, $bytewise);
			like(told($response)->{peer}, qr/^127\.0\.0\.1:\d+$/, 'one that names nobody');
		}
	}
	my ($first, $c) = ask($n, $V1 . $GET x 3);
	is($c->response->{status}, 200, 'a pipeline behind it') for 1 .. 2;
	is($n->stop, 0, 'status 0');
	is(scalar(grep { / request_refused / } $n->lines), 0, 'none was refused');
};

subtest 'what a trusted peer sends without a header, or with a wrong one, is refused' => sub {
	my $n = begin('--proxy-protocol', 'v1', '--head-timeout', '200ms');
	my $pid = ($n->workers)[0];
	my %wrong = (
		$GET => 'no PROXY protocol header, where one is due',
		"PROXY TCP4 192.0.2.1 198.51.100.2 7 65536\r\n$GET" => 'a malformed PROXY protocol line',
		"PROXY TCP4 192.0.2.1 198.51.100.2 7 8\n$GET" => 'a PROXY protocol line without CRLF',
		$V2 => 'PROXY protocol version 2 where version 1 is set',
		'PROXY ' . 'x' x 200 => 'a PROXY protocol line without CRLF',
	);
	for my $bytes (sort keys %wrong) {
		for my $bytewise (0, 1) {
			my ($response, $c) = ask($n, $bytes, $bytewise);
			is($response->{status}, 400, $wrong{$bytes});
			is($response->{fields}{connection}, 'close', 'and says that it closes');
			like($response->{body}, qr/\Q$wrong{$bytes}\E/, 'with the reason');
		}
	}
	my ($late) = ask($n, 'PROXY TCP4 192.0.2.1 ');
	is($late->{status}, 408, 'one that does not end is late');
	my $silent = $n->connect;
	$silent->write($V1);
	shutdown $silent->{socket}, 1;
	ok($silent->ended, 'a check that ends behind the header gets no answer');
	is(told((ask($n, $V1 . $GET))[0])->{peer}, '192.0.2.1:7', 'it serves on');
	is(($n->workers)[0], $pid, 'in the same process');
	is($n->stop, 0, 'status 0');
};

subtest 'from a peer that is not trusted, a header is refused and a request is not' => sub {
	my $n = begin('--proxy-protocol', 'auto', '--proxy-allow-ips', '192.0.2.0/24');
	for my $bytewise (0, 1) {
		for my $header ($V1, $V2) {
			my ($response) = ask($n, $header . $GET, $bytewise);
			is($response->{status}, 400, 'refused');
			like($response->{body}, qr/not in proxy_allow_ips/, 'with the reason');
		}
		my ($response) = ask($n, $GET, $bytewise);
		like(told($response)->{peer}, qr/^127\.0\.0\.1:\d+$/, 'a request');
		($response) = ask($n, "\r\n" . $GET =~ s/GET/PROPFIND/r, $bytewise);
		is($response->{status}, 200, 'even one that begins like a header');
	}
	is($n->stop, 0, 'status 0');
};

subtest 'without the setting, a header is no request' => sub {
	my $n = begin();
	is((ask($n, $_ . $GET))[0]{status}, 400, 'refused') for $V1, $V2;
	is($n->stop, 0, 'status 0');
};

subtest 'a unix socket is trusted for everything' => sub {
	my $n = Narwhal->start(bind => 0, args => [ '--bind', "unix:$dir/socket", '--proxy-protocol', 'v2',
			'--forwarded-allow-ips', '192.0.2.1', $TELLS ]);
	$n->wait_ready;
	my $c = $n->connect("unix:$dir/socket");
	$c->write($LOCAL . "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
	is(told($c->response)->{peer}, '203.0.113.9', 'for X-Forwarded-For');
	is($n->stop, 0, 'status 0');
};

subtest 'the app knows at which of our addresses a request came in' => sub {
	my $n = Narwhal->start(bind => 0, args => [ '--bind', "0.0.0.0:0,unix:$dir/local,unix:\@narwhal.$$", $TELLS ]);
	$n->wait_ready;
	my ($port) = ($n->addresses)[0] =~ /:(\d+)$/;
	for my $address ("127.0.0.1:$port", "127.0.0.2:$port", "unix:$dir/local") {
		my $c = $n->connect($address);
		is(told($c->request('GET', '/'))->{local}, $address, $address);
		is(told($c->request('GET', '/'))->{local}, $address, 'and again');
	}
	my $abstract = $n->connect("unix:\0narwhal.$$");
	is(told($abstract->request('GET', '/'))->{local}, "unix:\@narwhal.$$", 'an abstract name');
	is($n->stop, 0, 'status 0');
};

subtest 'Forwarded and X-Forwarded-* of a trusted peer' => sub {
	my $n = begin('--forwarded-allow-ips', '127.0.0.1,10.0.0.0/8');
	my $told = ask_with($n, 'X-Forwarded-For' => '203.0.113.9, 192.0.2.1, 10.1.1.1',
		'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'a.example:8443');
	is("$told->{peer} $told->{scheme} $told->{host}", '192.0.2.1 https a.example:8443', 'X-Forwarded-*');
	$told = ask_with($n, Forwarded => 'for="[2001:db8::1]:47";proto=https;host=b.example, for=10.1.1.1');
	is("$told->{peer} $told->{scheme} $told->{host}", '[2001:db8::1]:47 https b.example', 'Forwarded');
	$told = ask_with($n);
	like("$told->{peer} $told->{scheme} $told->{host}", qr/^127\.0\.0\.1:\d+ http test$/, 'neither');
	$told = ask_with($n, body => 'x' x 100, 'X-Forwarded-For' => '192.0.2.1');
	is($told->{peer}, '192.0.2.1', 'with a body');
	for my $wrong (
		{ Forwarded => 'for=192.0.2.1', 'X-Forwarded-For' => '192.0.2.2' },
		{ Forwarded => 'for="192.0.2.1' },
		{ 'X-Forwarded-Proto' => 'gopher' },
		{ 'X-Forwarded-Host' => 'a/b' },
	) {
		my $response = $n->connect->request('GET', '/', %$wrong);
		is($response->{status}, 400, join ' and ', map { "$_: $wrong->{$_}" } sort keys %$wrong);
		is($response->{fields}{connection}, 'close', 'is refused');
	}
	is($n->stop, 0, 'status 0');
};

subtest 'of a peer that is not trusted they are fields like others' => sub {
	my $n = begin('--forwarded-allow-ips', '10.0.0.0/8');
	my $told = ask_with($n, 'X-Forwarded-For' => '203.0.113.9', 'X-Forwarded-Proto' => 'gopher',
		Forwarded => 'for=', 'X-Request-ID' => 'mine');
	like("$told->{peer} $told->{scheme} $told->{host}", qr/^127\.0\.0\.1:\d+ http test$/, 'nothing is believed');
	is($told->{raw}, '203.0.113.9', 'the app sees what was sent');
	like($told->{id}, qr/^[0-9a-f]{32}$/, 'an id is made');
	is($n->stop, 0, 'status 0');
};

subtest 'whom a PROXY protocol header names has to be trusted itself' => sub {
	my $n = begin('--proxy-protocol', 'v1');
	my $get = $GET =~ s/\r\n\r\n/\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n/r;
	is(told((ask($n, $V1 . $get))[0])->{peer}, '192.0.2.1:7', 'one who is not is no proxy');
	my ($response) = ask($n, $V1 =~ s/192\.0\.2\.1/127.0.0.1/r . $get);
	is(told($response)->{peer}, '203.0.113.9', 'one who is, is');
	is($n->stop, 0, 'status 0');
};

subtest 'FORWARDED_ALLOW_IPS, as others have it' => sub {
	my $n = Narwhal->start(args => [$TELLS], env => { FORWARDED_ALLOW_IPS => '*' });
	$n->wait_ready;
	is(ask_with($n, 'X-Forwarded-For' => '203.0.113.9, 192.0.2.1')->{peer}, '203.0.113.9', 'everybody is trusted');
	is($n->stop, 0, 'status 0');
};

subtest 'a request id is taken over or made, given to the app, echoed and logged' => sub {
	my $n = begin('--request-id-echo', '--accesslog', "$dir/access.log", '--access-log-format',
		'%(request_id)s %(trace_id)s %(h)s %(peer)s %(scheme)s %(host)s %(s)s');
	my $trace = '0af7651916cd43dd8448eb211c80319c';
	my %proxy = ('X-Request-ID' => 'req-1', traceparent => "00-$trace-b7ad6b7169203331-01",
		'X-Forwarded-For' => '192.0.2.1', 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'a.example');
	my $response = $n->connect->request('GET', '/', %proxy);
	is(told($response)->{id}, 'req-1', 'the app has it');
	is(told($response)->{trace}, $trace, 'and the trace');
	is($response->{fields}{'x-request-id'}, 'req-1', 'the answer, too');
	my %seen;
	for my $sent ({}, { 'X-Request-ID' => 'a b' }, { 'X-Request-ID' => 'x' x 129 }, { 'X-Request-ID' => 'a,b' }) {
		$response = $n->connect->request('GET', '/', %$sent, traceparent => '00-zz');
		my $told = told($response);
		like($told->{id}, qr/^[0-9a-f]{32}$/, 'one is made');
		is($response->{fields}{'x-request-id'}, $told->{id}, 'and is the same in the answer');
		is($told->{trace}, '', 'no trace');
		$seen{ $told->{id} }++;
	}
	is(scalar keys %seen, 4, 'each another');
	$response = $n->connect->request('GET', '/', 'X-Request-ID' => 'req-2', 'X-Bad' => 1,
		'X-Forwarded-For' => '192.0.2.9');
	is("$response->{status} $response->{fields}{'x-request-id'}", '500 req-2', 'an answer that failed');
	like($n->wait_line(qr/ response_failed /), qr/ peer=192\.0\.2\.9 .* request_id=req-2$/, 'is logged with both');
	my ($refused) = ask($n, "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n");
	my $id = $refused->{fields}{'x-request-id'};
	like("$refused->{status} $id", qr/^400 [0-9a-f]{32}$/, 'one that was refused');
	like($n->wait_line(qr/ request_refused /), qr/ request_id=$id$/, 'is logged with its id');
	is($n->stop, 0, 'status 0');
	my @lines = split /\n/, Narwhal::slurp("$dir/access.log");
	like($lines[0], qr/^req-1 $trace 192\.0\.2\.1 127\.0\.0\.1:\d+ https a\.example 200$/, 'all of it in the log');
	like($lines[-1], qr/^$id - 127\.0\.0\.1 127\.0\.0\.1:\d+ http x 400$/, 'of the refused one, too');
};

# Sends a request that a proxy has passed on, on a connection that takes little at once.
sub ask_slowly {
	my ($n, $target, $id) = @_;
	my $c = $n->connect;

	setsockopt $c->{socket}, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096;
	$c->write("GET $target HTTP/1.1\r\nHost: x\r\nX-Request-ID: $id\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
	return $c;
}

subtest 'the line about an answer that was cut says whose it was' => sub {
	my @common = ('--request-id-echo', '--write-timeout', '300ms');
	my $n = Narwhal->start(args => [ @common, "$Narwhal::BUILD/tests/modules/streams.so" ]);
	$n->wait_ready;
	my $failed = ask_slowly($n, '/over?20000', 'req-1');
	like($n->wait_line(qr/ stream_failed /), qr/ peer=192\.0\.2\.1 error=EMSGSIZE request_id=req-1$/, 'a stream');
	my $waits = ask_slowly($n, '/bytes?50000000', 'req-2');
	like($n->wait_line(qr/ write_timeout /), qr/ peer=192\.0\.2\.1 request_id=req-2$/, 'a client that stalls');
	is($n->connect->request('GET', '/sized?2')->{status}, 200, 'it serves on');
	is($n->stop, 0, 'status 0');
	my $file = "$dir/large.bin";
	open my $out, '>', $file or die "$file: $!";
	truncate $out, 50_000_000;
	$n = Narwhal->start(args => [ '--request-id-echo', $dir ]);
	$n->wait_ready;
	my $cut = ask_slowly($n, '/large.bin', 'req-3');
	read $cut->{socket}, my $first, 1;
	truncate $out, 0;
	1 while read $cut->{socket}, my $rest, 1 << 20;
	like($n->wait_line(qr/ file_shortened /), qr/ peer=192\.0\.2\.1 missing=\d+ request_id=req-3$/, 'a file');
	is($n->stop, 0, 'status 0');
};

subtest 'another field for ids, or none' => sub {
	my $n = begin('--request-id-header', 'X-Trace', '--request-id-echo');
	my $response = $n->connect->request('GET', '/', 'X-Trace' => 'abc', 'X-Request-ID' => 'no');
	is(told($response)->{id} . $response->{fields}{'x-trace'}, 'abcabc', 'that one');
	is($n->stop, 0, 'status 0');
	$n = begin('--request-id-header', '', '--request-id-echo');
	$response = $n->connect->request('GET', '/', 'X-Request-ID' => 'no');
	my $id = told($response)->{id};
	like($id, qr/^[0-9a-f]{32}$/, 'none is taken over');
	unlike($response->{head}, qr/$id/, 'none is said');
	is($n->stop, 0, 'status 0');
};

done_testing;
