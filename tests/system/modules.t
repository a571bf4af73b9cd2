#!/usr/bin/perl
# What a module in C can do, from outside: each function of narwhal/service.h by what a client sees.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Select;
use Socket qw(SOL_SOCKET SO_RCVBUF SHUT_WR);
use Test::More;
use Time::HiRes qw(sleep time);
use Worker;

$SIG{PIPE} = 'IGNORE';    # a worker that resets a connection must fail a test, not end it

my $modules = "$Worker::BUILD/tests/modules";

sub ready {
	my ($name, %option) = @_;
	return Worker->ready(app => "$modules/$name.so", %option);
}

sub request {
	my ($target, @lines) = @_;
	return join "\r\n", "GET $target HTTP/1.1", 'Host: test', @lines, '', '';
}

# Everything up to the end of the connection; an error, such as a reset, follows as "!".
sub rest {
	my ($c) = @_;
	my $all = '';
	while (1) {
		die "nothing came in time" if !IO::Select->new($c)->can_read($Worker::PATIENCE);
		my $n = sysread $c, $all, 1 << 20, length $all;
		return "$all!" if !defined $n;
		return $all if $n == 0;
	}
}

sub counts {
	my ($w) = @_;
	return $w->get('/counts')->{body};
}

# Asks again until the answer is that: what a client did reaches the worker in its own time.
sub comes_to {
	my ($ask, $expected, $name) = @_;
	my $until = time + $Worker::PATIENCE;
	my $got;
	while (($got = $ask->()) !~ $expected && time < $until) {
		sleep 0.005;
	}
	return like($got, $expected, $name);
}

sub slow_client {
	my ($w) = @_;
	my $c = $w->connect;
	setsockopt $c, SOL_SOCKET, SO_RCVBUF, 4096;
	return $c;
}

subtest 'a body of unknown size goes out in chunks' => sub {
	my $w = ready('streams');
	my $c = $w->connect;
	my $r = $w->get('/lines?3', $c);
	is($r->{fields}{'transfer-encoding'}, 'chunked', 'the head says so');
	is($r->{fields}{'content-length'}, undef, 'and no length');
	is($r->{body}, "line 0\nline 1\nline 2\n", 'the body is whole');
	is_deeply($r->{chunks}, [7, 7, 7], 'a chunk for each piece');
	is($r->{trailers}, "X-Lines: all\r\n", 'and the trailer follows');
	is($w->get('/lines?0', $c)->{body}, '', 'an empty one is whole, too');
	is($w->get('/counts', $c)->{body}, '4 2 0', 'each source was ended once');
	print {$c} request('/counts') x 3, request('/lines?2'), request('/counts');
	is($w->response($c)->{body}, '4 2 0', 'answers that go out before it in one piece') for 1 .. 3;
	is($w->response($c)->{body}, "line 0\nline 1\n", 'leave it whole');
	is($w->response($c)->{body}, '6 3 0', 'and so do those behind it');
};

subtest 'a body of known size goes out as it is' => sub {
	my $w = ready('streams');
	my $c = $w->connect;
	print {$c} request('/sized?100000') x 2, request('/lines?1');
	for (1, 2) {
		my $r = $w->response($c);
		is($r->{fields}{'content-length'}, 100000, 'with its length');
		is(length $r->{body}, 100000, 'whole');
	}
	is($w->response($c)->{body}, "line 0\n", 'and who is behind waits until it is done');
	is($w->get('/sized?0', $c)->{body}, '', 'a size of 0');
	is($w->get('/counts', $c)->{body}, '15 4 0', 'at its size nobody asks for more');
};

subtest 'to HTTP/1.0 the end of the connection is the end of the body' => sub {
	my $w = ready('streams');
	my $c = $w->connect;
	print {$c} "GET /lines?2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
	my $all = rest($c);
	like($all, qr/\r\n\r\nline 0\nline 1\n\z/, 'no chunks, no trailers');
	unlike($all, qr/Transfer-Encoding|Content-Length/, 'nothing in the head about them');
	like($all, qr/\r\nConnection: close\r\n/, 'and it says that it closes');
	$c = $w->connect;
	print {$c} "GET /fails HTTP/1.0\r\n\r\n";
	like(rest($c), qr/!\z/, 'a body that fails ends with a reset: no end would look whole');
	$w = ready('streams', set => {write_timeout => 0.2});
	$c = slow_client($w);
	print {$c} "GET /bytes?50000000 HTTP/1.0\r\n\r\n";
	comes_to(sub { $w->logged }, qr/write_timeout/, 'so does that of a client which reads nothing');
	like(rest($c), qr/!\z/, 'for all that it has');
	$c = $w->connect;
	print {$c} "GET /waits HTTP/1.0\r\n\r\n";
	is($w->taken($c, qr/^(.*\r\n\r\nsoon\n)/s) =~ /soon/, 1, 'and one that waits for its source');
	$w->signal('QUIT');
	like(rest($c), qr/!\z/, 'at a quick stop');
};

subtest 'where there is no body the source is not asked, but ended' => sub {
	my $w = ready('streams');
	my $c = $w->connect;
	print {$c} "HEAD /lines?2 HTTP/1.1\r\nHost: test\r\n\r\n";
	is($w->response($c, head => 1)->{fields}{'transfer-encoding'}, 'chunked', 'the head of it');
	is($w->get('/counts', $c)->{body}, '0 1 0', 'no pull, one end');
};

subtest 'a body that is not what was announced is cut' => sub {
	my $w = ready('streams');
	for my $case (['/short?100', 99], ['/short?20000', 19999], ['/over?20000', 16384]) {
		my ($target, $size) = @$case;
		my $c = $w->connect;
		print {$c} request($target), request('/counts');
		my ($body) = rest($c) =~ /\r\n\r\n(.*)\z/s;
		is(length $body, $size, "$target: then the connection ends");
	}
	my $c = $w->connect;
	print {$c} request('/fails');
	like(rest($c), qr/\r\n\r\n5\r\nhalf\n\r\n\z/, 'a body that fails has no last chunk');
	is($w->get('/over?100')->{status}, 500, 'at the first piece there is still time to say so');
	like(counts($w), qr/ 5 0$/, 'every source was ended');
	like($w->logged, qr/stream_failed peer=\S+ error=EMSGSIZE/, 'and the log says why');
};

subtest 'a slow reader costs one piece, and gets all of it' => sub {
	my $w = ready('streams');
	my $c = $w->connect;    # whose kernel takes some megabytes
	print {$c} request('/sized?50000000'), request('/lines?1');
	comes_to(sub { counts($w) =~ /^(\d+) / && $1 }, qr/^[1-9]/, 'it begins');
	comes_to(sub { my $before = counts($w); sleep 0.05; counts($w) eq $before }, qr/1/,
		'and stops when the client does not read');
	cmp_ok((split / /, counts($w))[0], '<', 2000, 'with most of it not made yet');
	is(length $w->response($c)->{body}, 50000000, 'the client gets all');
	is($w->response($c)->{body}, "line 0\n", 'and the next answer');
};

subtest 'a client that goes away ends its stream' => sub {
	my $w = ready('streams', set => {write_timeout => 0.2});
	my $c = slow_client($w);
	print {$c} request('/bytes?50000000');
	IO::Select->new($c)->can_read($Worker::PATIENCE);
	close $c;
	comes_to(sub { counts($w) }, qr/ 1 0$/, 'while it is written');
	$c = $w->connect;
	print {$c} request('/waits');
	like($w->response_head($c), qr/chunked/, 'a head at once');
	setsockopt $c, SOL_SOCKET, Socket::SO_LINGER(), pack 'ii', 1, 0;
	close $c;
	comes_to(sub { counts($w) }, qr/ 2 0$/, 'while it waits');
	is($w->get('/go')->{body}, 'nobody waits', 'and the app knows');
	$c = slow_client($w);
	print {$c} request('/bytes?50000000');
	comes_to(sub { counts($w) }, qr/ 3 0$/, 'who reads nothing is cut');
	like($w->logged, qr/write_timeout/, 'and the log says so');
};

subtest 'a source that has nothing now goes on when it is resumed' => sub {
	my $w = ready('streams', set => {head_timeout => 0.5, body_timeout => 0.5,
		keepalive => 0.5, write_timeout => 0.5});
	my $c = $w->connect;
	print {$c} request('/waits'), request('/lines?1');
	like($w->response_head($c), qr/chunked/, 'the head comes at once');
	is($w->taken($c, qr/^(.*\r\n.*\n\r\n)/), "5\r\nsoon\n\r\n", 'and what there is');
	sleep 0.8;
	comes_to(sub { $w->page->{busy} }, qr/^0$/, 'then the worker is idle, and no time limit runs');
	is($w->get('/go')->{body}, 'gone on', 'somebody resumes it');
	is($w->taken($c, qr/^(.*\r\n.*\n\r\n0\r\n\r\n)/), "5\r\nlate\n\r\n0\r\n\r\n", 'the rest comes');
	is($w->response($c)->{body}, "line 0\n", 'and the next answer');
	$c = $w->connect;
	is($w->get('/itself', $c)->{body}, '', 'one that resumes itself while it is asked goes on');
	is($w->get('/idle', $c)->{body}, '', 'one that has nothing may be asked again and again');
	my @c = map { $w->connect } 1, 2;
	print {$_} request('/pair') for @c;
	like($w->response_head($_), qr/chunked/, 'two that resume each other') for @c;
	is($w->get('/go')->{body}, 'nobody waits', 'have one turn each, and others theirs');
};

subtest 'a client that has ended its side still gets its stream' => sub {
	my $w = ready('streams');
	my $c = $w->connect;
	print {$c} request('/waits');
	like($w->response_head($c), qr/chunked/, 'a head');
	shutdown $c, SHUT_WR;
	comes_to(sub { counts($w) }, qr/ 1$/, 'the source is told');
	is($w->get('/go')->{body}, 'gone on', 'it waits on');
	like($w->taken($c, qr/^(.*\r\n0\r\n\r\n)/s), qr/late/, 'and gets the rest');
	ok($w->ended($c), 'then the connection ends');
};

subtest 'a worker that leaves finishes its streams' => sub {
	my $w = ready('streams');
	my $c = $w->connect;
	my $other = $w->connect;
	print {$c} request('/waits');
	like($w->response_head($c), qr/chunked/, 'one waits');
	$w->get('/', $other);
	$w->send('RETIRE');
	is($w->get('/go', $other)->{body}, 'gone on', 'others are answered');
	like($w->taken($c, qr/^(.*\r\n0\r\n\r\n)/s), qr/late/, 'it gets the rest');
	is($w->wait, 0, 'and the worker ends');
	$w = ready('streams');
	$c = $w->connect;
	print {$c} request('/waits');
	like($w->response_head($c), qr/chunked/, 'another one waits');
	$w->signal('QUIT');
	is($w->wait, 0, 'a quick stop waits for nobody');
};

sub post {
	my ($target, $body, @lines) = @_;
	return join "\r\n", "POST $target HTTP/1.1", 'Host: test', @lines,
		(grep { /^Transfer-Encoding/ } @lines) ? () : 'Content-Length: ' . length $body, '', $body;
}

sub in_chunks {
	return join('', map { sprintf "%x\r\n%s\r\n", length, $_ } @_) . "0\r\n\r\n";
}

subtest 'an answer may come later' => sub {
	my $w = ready('calls', set => {head_timeout => 0.5, body_timeout => 0.5,
		keepalive => 0.5, write_timeout => 0.5});
	my $c = $w->connect;
	print {$c} request('/counts'), request('/later'), post('/collect', 'abc');
	is($w->response($c)->{body}, '0 0 0', 'what was asked before is answered at once');
	sleep 0.8;
	comes_to(sub { $w->page->{busy} }, qr/^0$/, 'the worker is idle, and no time limit runs');
	is($w->page->{requests}, 2, 'and what was asked behind it waits');
	$w->get('/release');
	is($w->response($c)->{body}, 'GET /later ', 'the answer');
	is($w->response($c)->{body}, 3, 'and the next one');
	$c = $w->connect;
	is($w->get('/at-once', $c)->{body}, 'GET /at-once ', 'later may be at once');
	print {$c} post('/later', 'the body', 'X: y'), request('/at-once', 'Connection: close');
	comes_to(sub { $w->page->{requests} }, qr/^6$/, 'a body stays with its request');
	$w->get('/release');
	is($w->response($c)->{body}, 'POST /later the body', 'as long as that takes');
	is($w->response($c)->{fields}{connection}, 'close', 'and the last says so');
	ok($w->ended($c), 'then the connection ends');
};

subtest 'many may wait at once, each with its own request' => sub {
	my $w = ready('calls');
	my @c = map { $w->connect } 1 .. 50;
	print { $c[$_] } post('/later', "body $_") for 0 .. $#c;
	comes_to(sub { $w->page->{requests} }, qr/^50$/, 'the app has all of them');
	$w->get('/release');
	is(join(',', map { $w->response($_)->{body} } @c),
		join(',', map { "POST /later body $_" } 0 .. $#c), 'each gets its own');
};

subtest 'the app hears of a client that goes away' => sub {
	my $w = ready('calls');
	my $c = $w->connect;
	print {$c} request('/later');
	comes_to(sub { $w->page->{requests} }, qr/^1$/, 'the app has the request');
	setsockopt $c, SOL_SOCKET, Socket::SO_LINGER(), pack 'ii', 1, 0;
	close $c;
	comes_to(sub { counts($w) }, qr/^1 /, 'a reset');
	$c = $w->connect;
	print {$c} request('/later');
	shutdown $c, SHUT_WR;
	comes_to(sub { counts($w) }, qr/^2 /, 'or the end of its side alone');
	$w->get('/release');
	is($w->response($c)->{body}, 'GET /later ', 'which may well read the answer');
	ok($w->ended($c), 'its last');
	like(counts($w), qr/^2 /, 'nobody is told twice');
	$c = $w->connect;
	my $before = $w->page->{requests};
	print {$c} request('/streamed');
	comes_to(sub { $w->page->{requests} - $before }, qr/^1$/, 'another one');
	setsockopt $c, SOL_SOCKET, Socket::SO_LINGER(), pack 'ii', 1, 0;
	close $c;
	comes_to(sub { counts($w) }, qr/^3 1 /, 'what was built for it is given back');
	$c = $w->connect;
	print {$c} request('/finisher');
	comes_to(sub { $w->page->{requests} - $before }, qr/^[2-9]$/, 'one that is finished by its own end');
	setsockopt $c, SOL_SOCKET, Socket::SO_LINGER(), pack 'ii', 1, 0;
	close $c;
	comes_to(sub { counts($w) }, qr/^3 2 /, 'is given back once');
	is($w->get('/release')->{status}, 200, 'and nobody waits for it');
};

subtest 'a worker that leaves answers what it has' => sub {
	my $w = ready('calls');
	my ($c, $other) = ($w->connect, $w->connect);
	print {$c} request('/later');
	comes_to(sub { $w->page->{requests} }, qr/^1$/, 'the app has a request');
	$w->get('/counts', $other);
	$w->send('DRAIN');
	$w->get('/release', $other);
	my $r = $w->response($c);
	is($r->{body}, 'GET /later ', 'it is answered');
	is($r->{fields}{connection}, 'close', 'for the last time');
	is($w->wait, 0, 'and the worker ends');
	$w = ready('calls');
	$c = $w->connect;
	print {$c} request('/later'), post('/pause', 'x');
	comes_to(sub { $w->page->{requests} }, qr/^1$/, 'a quick stop');
	$w->signal('QUIT');
	is($w->wait, 0, 'waits for nobody');
	$w = ready('calls');
	my @c = map { $w->connect } 1 .. 3;
	print {$_} request('/heirs') for @c;
	comes_to(sub { $w->page->{requests} }, qr/^3$/, 'some wait for each other');
	$w->signal('QUIT');
	is($w->wait, 0, 'and all are ended, though the first to end answers the rest');
};

subtest 'a body is received as it comes' => sub {
	my $w = ready('calls', set => {limit_request_body => '10m'});
	my $c = $w->connect;
	print {$c} "POST /sum HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n", 'x' x 50;
	comes_to(sub { counts($w) }, qr/^0 0 50$/, 'the first bytes');
	print {$c} 'x' x 199950, post('/sum', in_chunks('abc', 'd' x 100000), 'Transfer-Encoding: chunked'),
		post('/sum', 'x'), request('/sum'), post('/sum-later', 'xy'), post('/collect', 'xyz');
	is($w->response($c)->{body}, 200000, 'and all of it');
	is($w->response($c)->{body}, 100003, 'a chunked one, decoded');
	is($w->response($c)->{body}, 1, 'one that came with its head');
	is($w->response($c)->{body}, 0, 'a request without one is not begun');
	comes_to(sub { counts($w) }, qr/ 4 /, 'the receivers were ended');
	$w->get('/release');
	like($w->response($c)->{body}, qr{^2POST /sum-later }, 'an answer may come later here, too');
	is($w->response($c)->{body}, 3, 'and one that nobody wants to receive is collected');
	$c = $w->connect;
	print {$c} "POST /sum HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
	is($w->response($c)->{status}, 100, 'who waits is invited');
	print {$c} 'abc';
	is($w->response($c)->{body}, 3, 'and answered');
	print {$c} "POST /named HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
	is($w->response($c)->{status}, 100, 'one that is collected is invited, too');
	print {$c} 'abc';
	is($w->response($c)->{body}, 'same', 'and keeps the id that was made for it');
	my ($before) = counts($w) =~ / (\d+) /;
	print {$c} post('/twice', 'abcd');
	is($w->response($c)->{body}, 4, 'of two receivers the first one has it');
	comes_to(sub { counts($w) }, qr/^0 @{[ $before + 2 ]} /, 'and both are ended');
};

subtest 'a receiver that has enough for now is given no more' => sub {
	my $w = ready('calls', set => {limit_request_body => '100m', body_timeout => 1});
	my $c = $w->connect;
	print {$c} "POST /pause HTTP/1.1\r\nHost: test\r\nContent-Length: 4000000\r\n\r\n";
	my $child = fork // die "fork: $!";
	if ($child == 0) {
		syswrite $c, 'x' x 100000 for 1 .. 40;
		POSIX::_exit(0);
	}
	comes_to(sub { counts($w) }, qr/^0 0 [1-9]/, 'the first bytes');
	my $taken = counts($w);
	sleep 1.3;
	is(counts($w), $taken, 'and no more, however long that takes');
	comes_to(sub { $w->get('/go'); counts($w) }, qr/^0 1 4000000$/,
		'until it has gone on often enough');
	is($w->response($c)->{body}, 4000000, 'then there is an answer');
	waitpid $child, 0;
};

# The most memory that it has ever had, in bytes.
sub most_memory {
	my ($w) = @_;
	open my $status, '<', "/proc/$w->{pid}/status" or die "status: $!";
	my ($kib) = join('', <$status>) =~ /^VmHWM:\s*(\d+) kB/m;
	return 1024 * $kib;
}

subtest 'a body that nobody wants is thrown away, and the connection goes on' => sub {
	my $w = ready('calls', set => {limit_request_body => '100m'});
	my $before = most_memory($w);
	for my $c ($w->connect, $w->connect) {
		print {$c} post('/discard', 'x' x 50), post('/discard', 'x' x 40_000_000), post('/collect', 'abc'),
			post('/discard', in_chunks('abc', 'd' x 3_000_000, 'e'), 'Transfer-Encoding: chunked'),
			post('/regret', 'x' x 100_000), post('/collect', 'abcd'), request('/discard');
		is($w->response($c)->{body}, 0, 'one that came with its head');
		is($w->response($c)->{body}, 0, 'a large one');
		is($w->response($c)->{body}, 3, 'what is behind it is whole');
		is($w->response($c)->{body}, 0, 'a chunked one');
		is($w->response($c)->{body}, 100_000, 'who changes its mind at the head gets it');
		is($w->response($c)->{body}, 4, 'and what is behind that, too');
		is($w->response($c)->{body}, 0, 'nor is there one where none was sent');
	}
	cmp_ok(most_memory($w) - $before, '<', 4_000_000, 'none of it was kept');
	for my $body ('x' x 300, in_chunks('x' x 250, 'yz')) {
		my $c = $w->connect;
		syswrite $c, $_ for split //, post('/discard', $body, $body =~ /^x/ ? () : 'Transfer-Encoding: chunked')
			. post('/collect', 'ab');
		is($w->response($c)->{body}, 0, 'byte by byte');
		is($w->response($c)->{body}, 2, 'and the next one');
	}
	my $c = $w->connect;
	print {$c} "POST /discard HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
	is($w->response($c)->{status}, 100, 'who waits is invited all the same');
	print {$c} 'abc';
	is($w->response($c)->{body}, 0, 'and answered');
	print {$c} "POST /discard HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n", 'x' x 70_000;
	shutdown $c, SHUT_WR;
	is($w->response($c)->{status}, 400, 'one that ends half way is refused');
	$c = $w->connect;
	print {$c} "POST /discard HTTP/1.1\r\nHost: test\r\nContent-Length: 200000000\r\n\r\n";
	is($w->response($c)->{status}, 413, 'and one above the limit');
	$w = ready('calls', set => {body_timeout => 1});
	$c = $w->connect;
	print {$c} "POST /discard HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n", 'x' x 70_000;
	is($w->response($c)->{status}, 408, 'one that does not go on is late');
};

subtest 'an answer before the end of the body is the last' => sub {
	my $w = ready('calls');
	for my $case (['/forbidden', 403], ['/enough', 200], ['/breaks', 500], ['/odd', 500]) {
		my ($target, $status) = @$case;
		my $c = $w->connect;
		print {$c} "POST $target HTTP/1.1\r\nHost: test\r\nContent-Length: 15000000\r\n\r\n",
			'x' x 1000000;
		my $r = $w->response($c);
		is($r->{status}, $status, "$target: $status");
		is($r->{fields}{connection}, 'close', 'and close');
		ok($w->ended($c), 'the end');
	}
	my $c = $w->connect;
	print {$c} "POST /forbidden HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
	is($w->response($c)->{status}, 403, 'who is forbidden is not invited');
	$c = $w->connect;
	print {$c} post('/enough', 'all'), request('/counts');
	is($w->response($c)->{body}, 3, 'enough at the last piece');
	is($w->response($c)->{status}, 200, 'is no reason to end');
	my ($before) = counts($w) =~ / (\d+) /;
	print {$c} post('/hasty', 'abc');
	is($w->response($c)->{body}, 3, 'what is built for an answer that does not come');
	is((split / /, counts($w))[1], $before + 1, 'is given back');
};

subtest 'a body that does not come to its end ends its receiver' => sub {
	my $w = ready('calls', set => {body_timeout => 2, limit_request_body => 100});
	my $head = "POST /sum HTTP/1.1\r\nHost: test\r\n";
	my $c = $w->connect;
	print {$c} "${head}Content-Length: 9\r\n\r\nhalf";
	is($w->response($c)->{status}, 408, 'a client that stops');
	like(counts($w), qr/^0 1 4$/, 'the receiver is ended');
	$c = $w->connect;
	print {$c} "${head}Content-Length: 9\r\n\r\nhalf";
	shutdown $c, SHUT_WR;
	is($w->response($c)->{status}, 400, 'one that ends');
	$c = $w->connect;
	print {$c} "${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nno size\r\n";
	is($w->response($c)->{status}, 400, 'one that sends nonsense');
	$c = $w->connect;
	print {$c} "${head}Transfer-Encoding: chunked\r\n\r\n", in_chunks('x' x 99, 'xx');
	is($w->response($c)->{status}, 413, 'one that sends too much');
	$c = $w->connect;
	print {$c} "${head}Content-Length: 9\r\n\r\nhalf";
	comes_to(sub { counts($w) }, qr/^0 4 /, 'all of them are ended');
	setsockopt $c, SOL_SOCKET, Socket::SO_LINGER(), pack 'ii', 1, 0;
	close $c;
	comes_to(sub { counts($w) }, qr/^0 5 /, 'and one that is reset');
	is($w->get('/counts')->{status}, 200, 'the worker serves on');
};

subtest 'what app_options gives' => sub {
	my $w = ready('host', set => {app_options => 'name=value,path=/a=b,empty='});
	is($w->get('/option?name')->{body}, 'value', 'an option');
	is($w->get('/option?path')->{body}, '/a=b', 'its value may have a =');
	is($w->get('/option?empty')->{body}, '', 'or be empty');
	is($w->get("/option?$_")->{body}, '(none)', "but $_ is none") for qw(nam name= value);
	$w = Worker->start(app => "$modules/host.so", set => {app_options => 'a=b,nonsense'});
	is($w->message, 'LOAD_FAILED app_options: "nonsense": allowed is NAME=VALUE', 'and nonsense is refused');
	is($w->wait, 4, 'before the app is loaded');
};

subtest 'counters stand in the page' => sub {
	my $w = ready('host');
	is_deeply($w->page->{counters}, {loads => 0}, 'from load() on');
	is($w->get('/count?hits')->{body}, 'counted', 'a new one') for 1 .. 3;
	is($w->get('/count?loads')->{body}, 'counted', 'an old one');
	is($w->get("/count?$_")->{body}, 'no', "no name: $_") for '', '9lives', 'Upper', 'a-b', 'x' x 48;
	is_deeply($w->page->{counters}, {loads => 1, hits => 3}, 'their values');
	is($w->get("/count?n$_")->{body}, 'counted', 'up to 32') for 1, 30;
	$w->get("/count?n$_") for 2 .. 29;
	is($w->get('/count?more')->{body}, 'no', 'and not one more');
	is(keys %{ $w->page->{counters} }, 32, 'all are there');
	is($w->get('/log?some%20words')->{status}, 200, 'and a line for the log');
	like($w->logged, qr/ warning app message="?some%20words/, 'is written');
	$w->send('RETIRE');
	is($w->wait, 0, 'a worker that leaves');
	like($w->logged, qr/ info app_counters loads=1 hits=3 n1=1 .* n29=1$/m, 'says all of them');
};

subtest 'timers, descriptors and threads of the app bring answers' => sub {
	my $w = ready('host');
	my @c = map { $w->connect } 1 .. 40;
	print {$c[0]} request('/timer?18446744073709551615');
	print {$c[1]} request('/timer?30'), request('/timer?0');
	is($w->response($c[1])->{body}, 'due', 'a timer');
	is($w->response($c[1])->{body}, 'due', 'one that is due at once');
	is($w->get('/stopped?1')->{body}, 'stopped', 'one that is stopped never is');
	ok(!IO::Select->new($c[0])->can_read(0), 'nor is the farthest there can be');
	print {$c[$_]} request('/thread') x 20 for 2 .. $#c;
	for my $c (@c[2 .. $#c]) {
		is(join(' ', map { $w->response($c)->{body} } 1 .. 20), join(' ', ('done') x 20), 'threads')
			or last;
	}
	is($w->get('/pipe')->{body}, 'written', 'a pipe');
	is($w->get('/file')->{body}, 'no', 'what cannot be watched is refused');
	comes_to(sub { join ' ', @{ $w->page }{qw(connections busy)} }, qr/^40 0$/, 'those have ended');
	my $turns = $w->page->{turns};
	sleep 0.2;
	is($w->page->{turns}, $turns, 'and nothing wakes the worker while nothing is due');
	$w->send('RETIRE');
	sleep 0.1;
	$w->signal('QUIT');
	is($w->wait, 0, 'a quick stop waits for no timer');
};

done_testing;
