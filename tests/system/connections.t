#!/usr/bin/perl
# Connections: how long they stay, in which order they are answered, what each silence costs them,
# and what they cost. On raw sockets, with one worker and the test as its arbiter.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw(tempdir);
use IO::Select;
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF SHUT_WR);
use Test::More;
use Time::HiRes qw(sleep time);
use Worker;

$SIG{PIPE} = 'IGNORE';    # a worker that resets a connection must fail a test, not end it

my $ECHO = "$Worker::BUILD/examples/echo.so";
my $STATUS = "$Worker::BUILD/tests/modules/status.so";
my $GET = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

sub ready {
	return Worker->ready(@_);
}

sub chunk {
	return sprintf "%x\r\n%s\r\n", length $_[0], $_[0];
}

# A client that sends on after its refusal, a byte now and then: for how many seconds somebody reads
# it. In a process of its own, since that is longer than most of what follows.
sub trickle {
	my ($w) = @_;
	pipe my $read, my $write or die "pipe: $!";
	if (!fork) {
		my $c = $w->connect;
		syswrite $c, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n";
		my $status = $w->response($c)->{status};
		my $start = time;
		sleep 0.2 while time - $start < 120 && syswrite $c, 'x';
		syswrite $write, "$status " . int(time - $start);
		POSIX::_exit(0);
	}
	return $read;
}

my $trickled_on = ready(app => $STATUS, set => { limit_request_body => 1000 });
my $trickle = trickle($trickled_on);

# A deadline may be late, on a machine that is busy, and never early. Connect inside of it: what is
# waited for may begin with that, and whoever asks may have no CPU behind it.
sub not_before {
	my ($least, $what, $act) = @_;
	my $start = time;

	$act->();
	my $ms = int((time - $start) * 1000);
	cmp_ok($ms, '>=', $least, "$what: not before $least ms");
	return;
}

sub cpu_ticks {
	my ($w) = @_;

	open my $file, '<', "/proc/$w->{pid}/stat" or die "stat: $!";
	my @fields = split ' ', <$file> =~ s/.*\) //r;
	return $fields[11] + $fields[12];
}

# The client may have its answer before the turn that wrote it has ended.
sub idle {
	my ($w) = @_;
	my $deadline = time + $Worker::PATIENCE;

	sleep 0.001 while $w->page->{busy} != 0 && time < $deadline;
	return $w->page->{busy} == 0;
}

# Whether it rests: in half a second hardly a turn of its loop, and hardly CPU time (10 ms a tick).
sub rests {
	my ($w, $what) = @_;
	my ($turns, $ticks) = ($w->page->{turns}, cpu_ticks($w));

	sleep 0.5;
	cmp_ok($w->page->{turns} - $turns, '<=', 10, "$what: it does not spin");
	cmp_ok(cpu_ticks($w) - $ticks, '<=', 5, 'and uses no CPU');
	return;
}

note 'How long';

subtest 'a keep-alive connection serves one request after the other' => sub {
	my $w = ready();
	my $c = $w->connect;
	for (1 .. 3) {
		my $r = $w->get('/', $c);
		is($r->{status}, 200, 'answered');
		is($r->{body}, "Hello, World!\n", 'with the body');
		is($r->{fields}{connection}, undef, 'and nothing about the connection');
	}
	like($w->get('/', $c)->{fields}{date}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, 'a date');
	is($w->page->{requests}, 4, 'the page counts requests');
	is($w->page->{accepted}, 1, 'and connections');
	ok(idle($w), 'an idle worker is not busy');
	is($w->page->{request}, '', 'and has no request in hand');
};

subtest 'keepalive = 0 means one request a connection' => sub {
	my $w = ready(set => { keepalive => 0 });
	my $c = $w->connect;
	is($w->get('/', $c)->{fields}{connection}, 'close', 'announced');
	ok($w->ended($c), 'closed');
};

# RFC 9110 section 7.6.1 (a list, in any case), RFC 9112 section 9.3 (what stays).
subtest 'Connection is a list' => sub {
	my $w = ready();
	my @stays = ('', 'keep-alive', 'Keep-Alive, Upgrade', 'x-close', 'closed', 'clos', ',,', 'upgrade');
	my @closes = ('close', 'CLOSE', 'Close', 'keep-alive, close', 'close, keep-alive', ' ,close,, ',
		"x,close\t", "keep-alive\r\nConnection: close", "close\r\nConnection: keep-alive");
	for my $value (@stays, @closes) {
		my $c = $w->connect;
		my $name = $value =~ s/\r\n/ | /r;
		my $closes = grep { $_ eq $value } @closes;
		print {$c} "GET / HTTP/1.1\r\nHost: t\r\nConnection: $value\r\n\r\n";
		my $r = $w->response($c);
		is($r->{fields}{connection}, $closes ? 'close' : undef, "1.1 '$name': says so");
		ok($closes ? $w->ended($c) : $w->get('/', $c)->{status} == 200, 'and does so');
	}
};

subtest 'HTTP/1.0 closes, unless the client asks' => sub {
	my $w = ready();
	for my $value (undef, '', 'upgrade', 'keep-alive, close', 'keepalive') {
		my $c = $w->connect;
		print {$c} "GET / HTTP/1.0\r\n", defined $value ? "Connection: $value\r\n" : '', "\r\n";
		is($w->response($c)->{fields}{connection}, 'close', defined $value ? "'$value'" : 'none');
		ok($w->ended($c), 'closed');
	}
	my $c = $w->connect;
	for my $value ('keep-alive', 'Keep-Alive', 'x, KEEP-ALIVE') {
		print {$c} "GET / HTTP/1.0\r\nConnection: $value\r\n\r\n";
		is($w->response($c)->{fields}{connection}, 'keep-alive', "'$value': stays, and says so");
	}
	print {$c} "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" x 3;
	is($w->response($c)->{status}, 200, 'also in a pipeline') for 1 .. 3;
};

subtest 'what follows Connection: close is not answered, and does not cost the answer' => sub {
	my $w = ready();
	my $c = $w->connect;
	syswrite $c, "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" . $GET x 100;
	is($w->response($c)->{status}, 200, 'the answer arrives');
	ok($w->ended($c), 'and nothing else');
};

subtest 'a client that has ended its side still gets its answer' => sub {
	my $w = ready(app => $ECHO);
	my $c = $w->connect;
	$w->post($c, 'abc');
	$w->post($c, 'def');
	shutdown $c, SHUT_WR;
	is($w->response($c)->{body}, $_, "answered: $_") for qw(abc def);
	ok($w->ended($c), 'then the end');
	$c = $w->connect;
	$w->get('/', $c);
	$w->signal('STOP');
	$w->post($c, 'ghi');
	shutdown $c, SHUT_WR;
	$w->signal('CONT');
	is($w->response($c)->{body}, 'ghi', 'answered when request and end are seen at once');
	ok($w->ended($c), 'and the end is not missed');
	$c = $w->connect;
	print {$c} 'GET / HT';
	shutdown $c, SHUT_WR;
	is($w->response($c)->{status}, 400, 'half a request and an end: 400');
	$c = $w->connect;
	$w->post($c, 'x' x 10_000_000);
	shutdown $c, SHUT_WR;
	is(length $w->response($c)->{body}, 10_000_000, 'a long answer comes whole');
	ok($w->ended($c), 'then the end');
	$c = $w->connect;
	shutdown $c, SHUT_WR;
	ok($w->ended($c), 'nothing and an end: an end');
};

note 'In order, and in how many writes';

subtest 'pipelined requests are answered in order' => sub {
	my $w = ready(app => $ECHO);
	my $c = $w->connect;
	my $bytes = join '', map { "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n" . $_ } 100 .. 199;
	syswrite $c, $bytes;
	is($w->response($c)->{body}, $_, "answer $_") for 100 .. 199;
};

subtest 'a thousand pipelined requests with large answers come back whole' => sub {
	my $w = ready(app => $ECHO);
	my $c = $w->connect;
	my $body = 'x' x 5000;
	my $pid = fork // die;
	if ($pid == 0) {
		$w->post($c, $body) for 1 .. 1000;
		POSIX::_exit(0);
	}
	my $good = grep { $w->response($c)->{body} eq $body } 1 .. 1000;
	waitpid $pid, 0;
	is($good, 1000, 'all of them');
};

# Lines that strace wrote of what happened on client sockets.
sub traced {
	my ($file) = @_;

	open my $lines, '<', $file or die "$file: $!";
	return grep { /^(?:\d+ +)?(?:read|write|send|recv)\w*\(\d+<?[^,]*, ["\[{].*HTTP/ } <$lines>;
}

SKIP: {
	skip 'no strace', 1 if system('command -v strace >/dev/null') != 0;
	subtest 'sixteen pipelined requests are one read and one write' => sub {
		my $file = tempdir(CLEANUP => 1) . '/trace';
		# There is but one tracer of a process, and a sanitizer's search for leaks is one.
		my $w = ready(wrap => [ 'env', 'ASAN_OPTIONS=detect_leaks=0',
			'strace', '-f', '-qq', '-s', '200', '-o', $file,
			'-e', 'trace=read,write,readv,writev,sendto,sendmsg,recvfrom,recvmsg' ]);
		my $c = $w->connect;
		syswrite $c, $GET x 16;
		is(scalar(grep { $w->response($c)->{status} == 200 } 1 .. 16), 16, 'all are answered');
		syswrite $c, $GET x 16;
		is(scalar(grep { $w->response($c)->{status} == 200 } 1 .. 16), 16, 'and again');
		close $w->{channel};
		is($w->wait, 0, 'it leaves');
		my @calls = map { /(\w+)\(/ ? $1 : () } traced($file);
		is("@calls", 'read sendmsg read sendmsg', 'one read and one write each time');
	};
}

subtest 'a request that comes byte by byte in a pipeline is one request' => sub {
	my $w = ready(app => $ECHO);
	my $c = $w->connect;
	my $request = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde";
	syswrite $c, $request . substr $request, 0, 20;
	is($w->response($c)->{body}, 'abcde', 'the whole one is answered, whatever of the next is there');
	for my $byte (split //, substr($request, 20) . $request) {
		syswrite $c, $byte;
		sleep 0.0005;
	}
	is($w->response($c)->{body}, 'abcde', 'answered') for 1 .. 2;
};

note 'Without a body';

subtest 'HEAD, 204 and 304 have no body, and the next answer follows at once' => sub {
	my $w = ready();
	my $c = $w->connect;
	print {$c} "HEAD / HTTP/1.1\r\nHost: t\r\n\r\n$GET";
	my $r = $w->response($c, head => 1);
	is($r->{fields}{'content-length'}, 14, 'HEAD: the length of what GET would give');
	is($w->response($c)->{body}, "Hello, World!\n", 'then the next');
	$w = ready(app => $STATUS);
	$c = $w->connect;
	for my $status (204, 304) {
		print {$c} map { "$_ HTTP/1.1\r\nHost: t\r\n\r\n" } "GET /$status", 'GET /200';
		$r = $w->response($c);
		is($r->{status}, $status, "a $status");
		is($r->{fields}{'transfer-encoding'}, undef, 'no transfer coding');
		is($w->response($c)->{body}, 'body', 'then the next');
	}
	is($w->get('/204', $c)->{fields}{'content-length'}, undef, '204: no length (RFC 9110 section 8.6)');
};

note '100-continue';

my @POST = ('POST / HTTP/1.1', 'Host: t', 'Expect: 100-continue');

subtest 'a client that waits for 100 is invited once' => sub {
	my $w = ready(app => $ECHO);
	my $c = $w->connect;
	for my $framing ([ 'Content-Length: 3', 'abc' ], [ 'Transfer-Encoding: chunked', chunk('abc') . chunk('') ]) {
		my ($field, $body) = @$framing;
		print {$c} join "\r\n", @POST, $field, '', '';
		is($w->response($c)->{status}, 100, "invited: $field");
		for my $byte (split //, $body) {
			syswrite $c, $byte;
			sleep 0.001;
		}
		my $r = $w->response($c);
		is("$r->{status} $r->{body}", '200 abc', 'answered, and not invited again');
	}
	for my $byte (split //, join "\r\n", @POST, 'Content-Length: 3', '', '') {
		syswrite $c, $byte;
		sleep 0.001;
	}
	is($w->response($c)->{status}, 100, 'also when the head comes byte by byte');
	print {$c} 'abc';
	is($w->response($c)->{body}, 'abc', 'answered');
};

subtest 'who does not wait is not invited' => sub {
	my $w = ready(app => $ECHO);
	my $c = $w->connect;
	$w->post($c, 'abc', 'Expect: 100-continue');
	is($w->response($c)->{status}, 200, 'the body is there already');
	print {$c} join("\r\n", @POST, 'Content-Length: 6', '', 'abc');
	sleep 0.02;
	print {$c} 'def';
	is($w->response($c)->{body}, 'abcdef', 'a part of it is there');
	print {$c} join("\r\n", @POST, 'Content-Length: 0', '', '');
	is($w->response($c)->{status}, 200, 'there is none');
	print {$c} join("\r\n", 'POST / HTTP/1.0', @POST[1, 2], 'Content-Length: 3', '', '');
	sleep 0.02;
	print {$c} 'abc';
	is($w->response($c)->{status}, 200, 'HTTP/1.0 (RFC 9110 section 10.1.1)');
};

subtest 'who is refused is not invited, but told at once' => sub {
	my $w = ready(app => $ECHO, set => { limit_request_body => 1000 });
	my %refused = (
		'Content-Length: 1001' => 413,
		"Content-Length: 3\r\nContent-Length: 4" => 400,
		"Content-Length: 3\r\nExpect: tea" => 417,
	);
	for my $field (sort keys %refused) {
		my $c = $w->connect;
		print {$c} join "\r\n", @POST, $field, '', '';
		is($w->response($c)->{status}, $refused{$field}, $field =~ s/\r\n/ | /r);
		ok($w->ended($c), 'closed');
	}
};

note 'Each wait has its end';

subtest 'each silence has its own end' => sub {
	my $w = ready(app => $ECHO, set => {
		head_timeout => '0.2', body_timeout => '0.3', keepalive => '0.15', write_timeout => '0.4',
	});
	my $c;
	not_before(180, 'nothing at all: 408', sub { is($w->response($w->connect)->{status}, 408) });
	not_before(180, 'half a head: 408', sub {
		$c = $w->connect;
		print {$c} 'GET /';
		is($w->response($c)->{status}, 408);
	});
	ok($w->ended($c), 'then the end');
	not_before(180, 'a head that trickles: 408', sub {
		$c = $w->connect;
		syswrite $c, 'GET /';
		syswrite $c, 'a' until IO::Select->new($c)->can_read(0.04);
		is($w->response($c)->{status}, 408);
	});
	not_before(290, 'a body that goes silent: 408', sub {
		$c = $w->connect;
		print {$c} "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\na";
		is($w->response($c)->{status}, 408);
	});
	ok($w->ended($c), 'then the end');
	not_before(130, 'an idle connection: closed', sub {
		$c = $w->connect;
		$w->get('/', $c);
		ok($w->ended($c), 'without a word');
	});
	my $body = 'x' x 12_000_000;
	not_before(300, 'a client that does not read: closed', sub {
		$c = $w->connect;
		setsockopt $c, SOL_SOCKET, SO_RCVBUF, 4096;
		$w->post($c, $body);
		sleep 0.02 until $w->page->{connections} == 0;
	});
	like($w->logged, qr/write_timeout peer=127/, 'and logged');
};

subtest 'a body that trickles is cut, one that keeps up is not' => sub {
	my $w = ready(app => $ECHO, set => { body_timeout => '1.5', body_min_rate => 1000 });
	my ($slow, $fast, $sent) = (undef, $w->connect, 0);
	print {$fast} "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n";
	not_before(1490, '10 bytes a second: 408', sub {
		my $start = time;
		$slow = $w->connect;
		print {$slow} "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n";
		until (IO::Select->new($slow)->can_read(0.1)) {
			syswrite $slow, 'x';
			# By the clock, as nobody knows how long that sleep was.
			my $due = int(5000 * (time - $start)) - $sent;
			$sent += syswrite $fast, 'y' x $due if $due > 0;
		}
		is($w->response($slow)->{status}, 408, 'refused');
	});
	ok($w->ended($slow), 'and closed');
	like($w->logged, qr/status=408 reason="the body comes too slowly"/, 'and the reason is logged');
	print {$fast} 'y' x (500_000 - $sent);
	is($w->response($fast)->{body}, 'y' x 500_000, '5,000 bytes a second: answered');
	$w = ready(app => $ECHO, set => { body_timeout => '1.5', body_min_rate => 0 });
	my $c = $w->connect;
	print {$c} "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n";
	for (1 .. 20) { syswrite $c, 'z'; sleep 0.1 }
	is($w->response($c)->{status}, 200, 'body_min_rate = 0: any pace will do');
};

subtest 'a client that reads too little is cut' => sub {
	my $w = ready(app => $ECHO, set => { write_timeout => '0.5', write_min_rate => 1_000_000_000 });
	my ($slow, $body, $got) = ($w->connect, 'x' x 15_000_000, 0);
	$w->post($slow, $body);
	while ($w->page->{connections} != 0) {
		$got += sysread $slow, my $bytes, 50_000;
		sleep 0.02;
	}
	like($w->logged, qr/write_timeout peer=127/, 'cut, and logged');
	while (my $n = sysread $slow, my $bytes, 1 << 20) { $got += $n }
	cmp_ok($got, '<', length $body, 'the client has got a part');
};

subtest 'what came in time is answered, though the worker was too busy to look' => sub {
	my $w = ready(app => $ECHO, set => {
		head_timeout => 2, body_timeout => 2, keepalive => 2,
	});
	my @head = ('POST / HTTP/1.1', 'Host: t', 'Content-Length: 3', '', 'abc');
	my %waits = (
		'the next request' => ['', join("\r\n", @head)],
		'the rest of a head' => [join("\r\n", @head[0, 1]), join("\r\n", '', @head[2 .. 4])],
		'the rest of a body' => [join("\r\n", @head[0 .. 3], 'a'), 'bc'],
	);
	for my $what (sort keys %waits) {
		my ($first, $rest) = @{ $waits{$what} };
		my @all = map { my $c = $w->connect; $w->get('/', $c); print {$c} $first; $c } 1 .. 20;
		sleep 0.01 until $w->page->{busy} == 0;
		$w->signal('STOP');
		print {$_} $rest for @all;
		sleep 2.2;
		$w->signal('CONT');
		my $good = grep { my $r = $w->response($_); $r && $r->{body} eq 'abc' } @all;
		is($good, 20, $what);
	}
};

subtest 'a slow reader gets all of it' => sub {
	my $w = ready(app => $ECHO, set => { write_timeout => 2 });
	my $c = $w->connect;
	my $body = join '', map { pack 'N', $_ } 1 .. 1_500_000;
	$w->post($c, $body);
	my $got = '';
	for (1 .. 12) {
		sysread $c, my $bytes, 200_000;
		$got .= $bytes;
		sleep 0.2;
	}
	while (length $got < length $body) { sysread($c, my $bytes, 1 << 20) or last; $got .= $bytes; }
	$got =~ s/^.*?\r\n\r\n//s;
	ok($got eq substr($body, 0, length $got), 'in order');
	my $rest = length($body) - length $got;
	while ($rest > 0) { my $n = sysread($c, my $bytes, $rest) or last; $rest -= $n; }
	is($rest, 0, 'to the end');
	is($w->get('/', $c)->{status}, 200, 'and the connection serves on');
};

note 'Each size has its limit';

subtest 'at the limit it is answered, one byte above refused' => sub {
	my %set = (limit_request_line => 100, limit_request_fields => 8, limit_request_field_size => 64,
		limit_request_head => 256, limit_request_body => 50);
	my $w = ready(app => $ECHO, set => \%set);
	my $line = sub { 'GET /' . 'x' x ($_[0] - length 'GET / HTTP/1.1') . " HTTP/1.1\r\nHost: t\r\n\r\n" };
	my $fields = sub { join "\r\n", 'GET / HTTP/1.1', 'Host: t', ('X: y') x ($_[0] - 1), '', '' };
	my $field = sub { "GET / HTTP/1.1\r\nHost: t\r\nX: " . 'y' x ($_[0] - 3) . "\r\n\r\n" };
	my $head = sub {
		my $first = "GET / HTTP/1.1\r\nHost: t\r\n" . ('X: ' . 'y' x 61 . "\r\n") x 3;
		return $first . 'Z: ' . 'z' x ($_[0] - 7 - length $first) . "\r\n\r\n";
	};
	my $body = sub { "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: $_[0]\r\n\r\n" . 'b' x $_[0] };
	my $chunked = sub {
		"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" . chunk('b' x $_[0]) . chunk('');
	};
	for (
		[ $line, limit_request_line => 414 ],
		[ $fields, limit_request_fields => 431 ],
		[ $field, limit_request_field_size => 431 ],
		[ $head, limit_request_head => 431 ],
		[ $body, limit_request_body => 413 ],
		[ $chunked, limit_request_body => 413 ],
		)
	{
		my ($make, $limit, $status) = @$_;
		my $c = $w->connect;
		syswrite $c, $make->($set{$limit});
		is($w->response($c)->{status}, 200, "$limit: $set{$limit} is allowed");
		syswrite $c, $make->($set{$limit} + 1);
		is($w->response($c)->{status}, $status, "one more: $status");
		ok($w->ended($c), 'and closed');
	}
	is($w->get('/')->{status}, 200, 'it serves on');
};

subtest 'two hundred connections at once' => sub {
	my $w = ready();
	my @all = map { $w->connect } 1 .. 200;
	for my $round (1 .. 3) {
		print {$_} $GET for @all;
		is(scalar(grep { $w->response($_)->{status} == 200 } @all), 200, "round $round");
	}
	is($w->page->{connections}, 200, 'are 200 connections');
	close $_ for @all;
	sleep 0.01 until $w->page->{connections} == 0;
	pass('and then none');
};

subtest 'when it is full, the longest idle connection makes room' => sub {
	my $w = ready(set => { worker_connections => 2 });
	my @idle = map { my $c = $w->connect; $w->get('/', $c); $c } 1 .. 2;
	is($w->get('/')->{status}, 200, 'a third one is served');
	ok($w->ended($idle[0]), 'the first one had to go');
};

subtest 'when it is full and nobody is idle, the next one waits' => sub {
	my $w = ready(set => { worker_connections => 2 });
	my @busy = map { my $c = $w->connect; print {$c} 'GET '; $c } 1 .. 2;
	sleep 0.01 until $w->page->{connections} == 2;
	my $c = $w->connect;
	print {$c} $GET;
	rests($w, 'full');
	close $busy[0];
	is($w->response($c)->{status}, 200, 'until one leaves');
	print {$c} 'GET ';
	sleep 0.05;
	my $next = $w->connect;
	print {$next} $GET;
	print {$c} "/ HTTP/1.1\r\nHost: t\r\n\r\n";
	is($w->response($c)->{status}, 200, 'or until one has its answer');
	is($w->response($next)->{status}, 200, 'and could go');
};

subtest 'without descriptors an idle connection makes room' => sub {
	my $w = ready(wrap => ['sh', '-c', 'ulimit -n 12; exec "$@"', 'sh']);
	my @all;
	for (1 .. 20) {
		push @all, $w->connect;
		print { $all[-1] } $GET;
		last if $w->response($all[-1])->{status} != 200;
	}
	is(scalar @all, 20, 'all are served');
	unlike($w->logged, qr/accept_paused/, 'and nothing to complain of');
};

subtest 'without descriptors it waits for one, and does not spin' => sub {
	my $w = ready();
	my @first = map { my $c = $w->connect; print {$c} 'GET '; $c } 1 .. 5;
	sleep 0.01 until $w->page->{connections} == 5;
	my ($free) = grep { !-l "/proc/$w->{pid}/fd/$_" } 0 .. 1000;
	system('prlimit', "--pid=$w->{pid}", "--nofile=$free:") == 0 or die 'prlimit';
	my @more = map { my $c = $w->connect; print {$c} 'GET '; $c } 1 .. 5;
	sleep 0.01 until $w->logged =~ /accept_paused error=EMFILE/;
	rests($w, 'nothing to accept with');
	is($w->page->{connections}, 5, 'the others wait');
	my $lines = () = $w->logged =~ /accept_paused/g;
	is($lines, 1, 'logged once');
	my $served = 0;
	for my $c (@first, @more) {
		print {$c} "/ HTTP/1.1\r\nHost: t\r\n\r\n";
		$served++ if $w->response($c)->{status} == 200;
		close $c;
	}
	is($served, 10, 'all of them are served in the end');
	my $last = $w->connect;
	is($w->get('/', $last)->{status}, 200, 'and whoever comes then');
};

note 'What each one costs';

sub private_bytes {
	my ($w) = @_;

	open my $file, '<', "/proc/$w->{pid}/smaps_rollup" or return;
	my ($kib) = map { /^Private_Dirty:\s+(\d+)/ ? $1 : () } <$file>;
	return $kib * 1024;
}

# So many connections of a kind: what each adds to the worker's private memory.
sub cost {
	my ($count, $act, %option) = @_;
	my $w = ready(set => {
		map({ ("${_}_timeout" => 600) } qw(head body write)), keepalive => 600,
		worker_connections => $count + 100,
	}, %option);
	my @all;
	my $grow = sub {
		my ($n) = @_;
		for (1 .. $n) {
			push @all, $w->connect;
			$act->($w, $all[-1]);
		}
		sleep 0.01 until $w->page->{connections} == @all && $w->page->{busy} == 0;
		sleep 0.1;
		return private_bytes($w);
	};
	my $before = $grow->(10);
	my $each = ($grow->($count) - $before) / $count;
	my $another = $w->connect;
	ok($w->get('/', $another), 'another client is served meanwhile') for 1 .. 3;
	return $each;
}

SKIP: {
	skip 'a sanitizer brings its own memory', 3 if ($ENV{SANITIZE} // 0) eq '1';
	skip 'no smaps_rollup', 3 if !-e '/proc/self/smaps_rollup';
	subtest 'a body that a file has no use for costs no memory, and the connection goes on behind it' => sub {
		my $w = ready(app => "$Worker::ROOT/examples/public");
		my $c = $w->connect;
		is($w->get('/', $c)->{status}, 200, 'a file');
		my $before = private_bytes($w);
		my @pieces = ('x' x 65_536) x 240;
		syswrite $c, sprintf "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", 65_536 * @pieces;
		my $last = pop @pieces;
		syswrite $c, $_ for @pieces;
		cmp_ok(private_bytes($w) - $before, '<', 1_000_000, 'of 15 MiB hardly any is kept');
		syswrite $c, $last;
		is($w->response($c)->{status}, 405, 'the method is refused');
		is($w->get('/', $c)->{status}, 200, 'and the next one is not');
	};

	# Sockets are the test's, too.
	system('prlimit', "--pid=$$", '--nofile=10500:') == 0 or skip 'too few descriptors', 2;

	subtest '10,000 idle connections cost 600 bytes each, and no more' => sub {
		my $each = cost(10_000, sub { my ($w, $c) = @_; $w->get('/', $c) });
		cmp_ok($each, '<=', 600, "$each bytes each");
	};

	subtest 'a slow client of any kind costs 2 KiB, and no more' => sub {
		my $root = tempdir(CLEANUP => 1);
		chmod 0755, $root;
		open my $file, '>', "$root/big" or die $!;
		truncate $file, 5_000_000;
		my $post = "POST / HTTP/1.1\r\nHost: t\r\n";
		my $in_two = sub {
			my ($first, $second) = @_;
			return sub {
				my ($w, $c) = @_;
				syswrite $c, $first;
				sleep 0.0005;
				syswrite $c, $second;
			};
		};
		my %kinds = (
			'a head' => [ $in_two->('GET / HTTP/1.1', "\r\nHost: t") ],
			'a sized body' => [
				$in_two->("${post}Content-Length: 1000000\r\n\r\nabc", 'def'),
				app => $ECHO,
			],
			'a chunked body' => [
				$in_two->("${post}Transfer-Encoding: chunked\r\n\r\n" . chunk('abc') . '9', "\r\nabc"),
				app => $ECHO,
			],
			'an answer' => [
				sub {
					my ($w, $c) = @_;
					setsockopt $c, SOL_SOCKET, SO_RCVBUF, 4096;
					syswrite $c, "GET /big HTTP/1.1\r\nHost: t\r\n\r\n";
				},
				app => $root,
			],
		);
		for my $kind (sort keys %kinds) {
			my ($act, %option) = @{ $kinds{$kind} };
			my $each = cost(2000, $act, %option);
			cmp_ok($each, '<', 2048, "$kind that stays half: $each bytes each");
		}
	};
}

subtest 'who sends on after a refusal is listened to for 30 seconds, and no longer' => sub {
	my ($status, $seconds) = split ' ', <$trickle>;
	is($status, 413, 'it was refused');
	cmp_ok($seconds, '>=', 29, 'long enough to read why');
	cmp_ok($seconds, '<', 120, 'and then cut');
	is($trickled_on->get('/200')->{status}, 200, 'the worker serves on');
};

done_testing;
