#!/usr/bin/perl
# One worker, driven by the test as its arbiter: HTTP on real sockets, at every pace.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep time);
use Worker;

$SIG{PIPE} = 'IGNORE';    # a worker that resets a connection must fail a test, not end it

my $hello = "$Worker::BUILD/examples/hello.so";
my $echo = "$Worker::BUILD/examples/echo.so";
my $get = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

sub ready {
	return Worker->ready(@_);
}

sub chunked {
	return join('', map { sprintf("%x\r\n%s\r\n", length $_, $_) } @_) . "0\r\n\r\n";
}

sub took {
	my ($least, $most, $what, $act) = @_;
	my $start = time;
	$act->();
	my $ms = int((time - $start) * 1000);
	ok($ms >= $least && $ms <= $most, "$what: after $ms ms, $least to $most allowed");
}

subtest 'a client that sends many requests at once has its share of the worker, and no more' => sub {
	my $w = ready(app => "$Worker::BUILD/tests/modules/trouble.so");
	my $c = $w->connect;
	my $one = "GET /blink HTTP/1.1\r\nHost: t\r\n\r\n";
	syswrite $c, $one x 300;
	sleep 0.05;
	took(0, 400, 'another one is not kept waiting', sub { is($w->get('/')->{status}, 200) });
	my $oldest = 0;
	for (1 .. 50) {
		my $since = $w->page->{busy} / 1000;
		my $age = $since == 0 ? 0 : clock_gettime(CLOCK_MONOTONIC) - $since;
		$oldest = $age if $age > $oldest;
		sleep 0.01;
	}
	cmp_ok($oldest, '<', 0.2, 'and the arbiter sees how long each of them takes, not all together');
	is(scalar(grep { $w->response($c)->{status} == 200 } 1 .. 300), 300, 'all are answered');
};

subtest 'bodies of every framing come back' => sub {
	my $w = ready(app => $echo);
	my $c = $w->connect;
	for my $size (0, 1, 1000, 65_536, 70_000, 1_000_000, 5_000_000) {
		my $body = join '', map { chr(33 + $_ % 90) } 1 .. $size;
		$w->post($c, $body);
		ok($w->response($c)->{body} eq $body, "sized, $size bytes");
	}
	print {$c} "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n",
		chunked('Hello, ', 'chunked ', 'world'), $get;
	is($w->response($c)->{body}, 'Hello, chunked world', 'chunked');
	is($w->response($c)->{status}, 200, 'and what follows it is found');
	my @chunks = map { 'c' x $_ } 1 .. 900;
	print {$c} "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n", chunked(@chunks);
	ok($w->response($c)->{body} eq join('', @chunks), 'chunked, 400 KB in 900 pieces');
};

subtest 'a request that comes byte by byte is the same request' => sub {
	my $w = ready(app => $echo);
	my $c = $w->connect;
	for my $request ("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde",
		"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" . chunked('ab', 'cde')) {
		for my $byte (split //, $request) {
			syswrite $c, $byte;
			sleep 0.0005;
		}
		is($w->response($c)->{body}, 'abcde', 'answered');
	}
};

subtest 'what is no request gets an answer and an end' => sub {
	my $w = ready(set => { limit_request_body => 1000 });
	my %bad = (
		"GET / HTTP/1.1\r\n\r\n" => 400,
		"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n" => 400,
		"GET / HTTP/3.0\r\nHost: a\r\n\r\n" => 505,
		"\x16\x03\x01\x02\x00\x01" => 400,
		"GET /" . 'x' x 5000 . " HTTP/1.1\r\nHost: a\r\n\r\n" => 414,
		"GET / HTTP/1.1\r\nHost: a\r\nX: " . 'x' x 9000 . "\r\n\r\n" => 431,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" => 413,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" . chunked('x' x 1001) => 413,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" => 400,
	);
	for my $request (sort keys %bad) {
		my $c = $w->connect;
		syswrite $c, $request;
		my $r = $w->response($c);
		is($r->{status}, $bad{$request}, "$bad{$request}: $r->{body}");
		is($r->{fields}{connection}, 'close', 'says that it closes');
		ok($w->ended($c), 'and closes');
	}
	my $lines = () = $w->logged =~ /request_refused peer=127\.0\.0\.1:\d+ status=\d+ reason=/g;
	is($lines, scalar keys %bad, 'each of them is logged');
};

subtest 'a refused upload is answered although the client is still sending' => sub {
	my $w = ready(set => { limit_request_body => 1000 });
	my $c = $w->connect;
	print {$c} "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n";
	my $n = 0;
	$n += syswrite $c, 'x' x 100_000 for 1 .. 30;
	is($n, 3_000_000, 'nothing stopped it');
	is($w->response($c)->{status}, 413, 'answered');
};

subtest 'a client that reads nothing before it has sent 100 MiB still gets its refusal' => sub {
	my $w = ready();
	my $c = $w->connect;
	print {$c} "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n";
	my $n = 0;
	my $piece = 'x' x (1 << 20);
	for (1 .. 100) { $n += syswrite($c, $piece) // last }
	is($n, 104_857_600, 'nothing stopped it');
	is($w->response($c)->{status}, 413, 'answered');
	ok($w->ended($c), 'and ended');
};

SKIP: {
	skip 'a sanitizer brings its own memory', 1 if ($ENV{SANITIZE} // 0) eq '1';
	subtest 'without memory for what must wait, nobody gets the answers of another' => sub {
		my $poor = ['env', "LD_PRELOAD=$Worker::BUILD/tests/modules/poor.so", 'POOR=4096'];
		my $w = ready(wrap => $poor);
		my $c = $w->connect;
		syswrite $c, "${get}GET /" . 'x' x 3000;
		is($w->response($c)->{status}, 200, 'what was complete is answered');
		is($w->response($c)->{status}, 503, 'what was not is refused');
		ok($w->ended($c), 'and that was all');
		$c = $w->connect;
		print {$c} "HEAD / HTTP/1.0\r\n\r\n";
		is($w->response($c, head => 1)->{status}, 200, 'the next client has its answer');
		ok($w->ended($c), 'and none besides');
		$w = ready(app => $echo, wrap => $poor);
		$c = $w->connect;
		print {$c} "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000\r\n\r\n";
		sleep 0.01 until $w->page->{connections} == 1;
		sleep 0.05;
		print {$c} 'x' x 2500;
		is($w->response($c)->{status}, 503, 'a body for which there is no memory is refused');
		ok($w->ended($c), 'and not in silence');
	};
}

subtest 'a unix socket serves, too' => sub {
	my $w = ready(unix => 1);
	my $c = $w->connect;
	is($w->get('/', $c)->{body}, "Hello, World!\n", 'answered') for 1 .. 3;
};

subtest 'the first busy turn that nobody watches calls the arbiter' => sub {
	my $w = ready();
	$w->get('/');
	is($w->message, 'ACTIVE', 'it calls');
	$w->watch(1);
	$w->get('/') for 1 .. 3;
	sleep 0.12;
	$w->watch(0);
	$w->get('/');
	is($w->message, 'ACTIVE', 'and calls again when nobody looks any more');
};

subtest 'RETIRE: no new connection, a last answer, then the end' => sub {
	my $w = ready(set => { idle_grace => '0.3' });
	my ($asks, $idle, $fresh) = map { $w->connect } 1 .. 3;
	$w->get('/', $_) for $asks, $idle;
	sleep 0.01 until $w->page->{connections} == 3;
	$w->send('RETIRE');
	sleep 0.1;
	my $late = $w->connect;
	print {$late} $get;
	is($w->get('/', $asks)->{fields}{connection}, 'close', 'the next answer says close');
	is($w->get('/', $fresh)->{fields}{connection}, 'close', 'so does the first of a new one');
	took(50, 700, 'idle: closed after the grace', sub { ok($w->ended($idle), 'closed') });
	is($w->wait, 0, 'then it leaves');
	is($w->page->{accepted}, 3, 'and never took the late one');
};

subtest 'RETIRE: a request in progress is finished' => sub {
	my $w = ready(app => $echo, set => { idle_grace => '0.05' });
	my $c = $w->connect;
	print {$c} "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\nabc";
	sleep 0.01 until $w->page->{connections} == 1;
	sleep 0.05;
	$w->send('RETIRE');
	sleep 0.3;
	print {$c} 'def';
	my $r = $w->response($c);
	is($r->{body}, 'abcdef', 'answered');
	is($r->{fields}{connection}, 'close', 'for the last time');
	is($w->wait, 0, 'then it leaves');
};

subtest 'DRAIN: what waits in the backlog is served' => sub {
	my $w = ready(set => { worker_connections => 1000 });
	$w->signal('STOP');
	my @waiting = map { my $c = $w->connect; print {$c} $get; $c } 1 .. 100;
	$w->send('DRAIN');
	$w->signal('CONT');
	is(scalar(grep { $w->response($_)->{status} == 200 } @waiting), 100, 'all of it');
	is($w->wait, 0, 'then it leaves');
};

subtest 'an idle worker drains at once' => sub {
	my $w = ready();
	took(30, 400, 'DRAIN', sub { $w->send('DRAIN'); is($w->wait, 0, 'left') });
	$w = ready();
	took(0, 300, 'RETIRE', sub { $w->send('RETIRE'); is($w->wait, 0, 'left') });
};

subtest 'signals' => sub {
	my $w = ready();
	$w->signal($_) for qw(HUP WINCH USR1 USR2 PIPE);
	is($w->get('/')->{status}, 200, 'HUP, WINCH, USR1, USR2 and PIPE change nothing');
	$w->signal('TERM');
	is($w->wait, 0, 'TERM retires');
	for my $name (qw(INT QUIT)) {
		$w = ready();
		my $c = $w->connect;
		print {$c} 'GET';
		$w->signal($name);
		is($w->wait, 0, "$name leaves at once");
	}
	$w = ready();
	$w->signal('ABRT');
	is($w->wait, 'signal 6', 'ABRT aborts');
};

subtest 'it does not outlive its arbiter' => sub {
	my $w = ready();
	my $c = $w->connect;
	$w->get('/', $c);
	close $w->{channel};
	is($w->wait, 0, 'the channel ends: it leaves');
};

subtest 'an app that cannot be loaded is told in one line' => sub {
	my %bad = (
		'nothing' => qr/^LOAD_FAILED .*nothing.*allowed are/,
		'./nothing.so' => qr/^LOAD_FAILED .*nothing\.so.*No such file/,
		"$Worker::ROOT/Makefile" => qr/^LOAD_FAILED .*Makefile.*(invalid ELF|too short)/,
	);
	for my $app (sort keys %bad) {
		my $w = Worker->start(app => $app);
		like($w->message, $bad{$app}, $app);
		is($w->wait, 4, 'and it ends with status 4');
		is($w->logged, '', 'and logs nothing itself');
	}
};

subtest 'files of every size are sent whole' => sub {
	my $root = tempdir(CLEANUP => 1);
	my %file = map { $_ => join '', map { pack 'N', $_ } 1 .. $_ / 4 } 4, 40_000, 65_536, 65_540, 8_000_000;
	chmod 0755, $root;
	for my $size (keys %file) {
		open my $file, '>', "$root/$size" or die $!;
		print {$file} $file{$size};
	}
	my $w = ready(app => $root);
	my $c = $w->connect;
	for my $size (sort { $a <=> $b } keys %file) {
		print {$c} "HEAD /$size HTTP/1.1\r\nHost: t\r\n\r\n";
		is($w->response($c, head => 1)->{fields}{'content-length'}, $size, "HEAD of $size bytes");
		ok($w->get("/$size", $c)->{body} eq $file{$size}, "$size bytes");
	}
	syswrite $c, "GET /8000000 HTTP/1.1\r\nHost: t\r\n\r\nGET /4 HTTP/1.1\r\nHost: t\r\n\r\n" x 3;
	sleep 0.2;
	for (1 .. 3) {
		ok($w->response($c)->{body} eq $file{$_}, "pipelined, $_") for 8_000_000, 4;
	}
};

SKIP: {
	skip 'no file that claims to be longer than it is', 1 if (-s '/sys/kernel/uevent_seqnum' // 0) < 100;
	subtest 'a response that cannot be made is a 500 and a line' => sub {
		my $w = ready(app => '/sys/kernel');
		my $c = $w->connect;
		is($w->get('/uevent_seqnum', $c)->{status}, 500, 'the client hears of it');
		like($w->logged, qr/warning response_failed peer=127\.0\.0\.1:\d+ error=EIO/, 'so does the log');
		is($w->get('/nothing', $c)->{status}, 404, 'and the connection goes on');
	};
}

subtest 'a file that becomes shorter while it is sent ends the connection, and a line says so' => sub {
	my $root = tempdir(CLEANUP => 1);
	chmod 0755, $root;
	open my $file, '>', "$root/big" or die $!;
	truncate $file, 50_000_000;
	my $w = ready(app => $root);
	my $c = $w->connect;
	print {$c} "GET /big HTTP/1.1\r\nHost: t\r\n\r\n";
	sysread $c, my $head, 10;
	truncate $file, 0;
	my $n = 0;
	while (my $more = sysread $c, my $bytes, 1 << 20) { $n += $more }
	cmp_ok($n, '<', 50_000_000, 'the client sees that something is missing');
	sleep 0.01 until $w->page->{connections} == 0;
	like($w->logged, qr/warning file_shortened peer=127\.0\.0\.1:\d+ missing=\d+/, 'and so does the log');
	is($w->get('/nothing')->{status}, 404, 'the worker serves on');
};

SKIP: {
	skip 'needs root', 3 if $> != 0;
	my $dir = tempdir(CLEANUP => 1);
	chmod 0755, $dir;
	copy($hello, "$dir/hello.so") or die "copy: $!";
	chmod 0755, "$dir/hello.so";
	my @nobody = (app => "$dir/hello.so", drop => 1, uid => 65_534, gid => 65_534);
	subtest 'privileges are given up under every condition, or the worker does not boot' => sub {
		my $w = ready(@nobody, wrap => ['setpriv', '--no-new-privs']);
		is($w->get('/')->{status}, 200, 'with no_new_privs set before');
		$w = ready(@nobody, wrap => ['setpriv', '--bounding-set', '-all,+setuid,+setgid']);
		is($w->get('/')->{status}, 200, 'with CAP_SETUID and CAP_SETGID alone');
		$w = ready(app => "$dir/hello.so", wrap => [qw(setpriv --reuid 12345 --regid 12345 --clear-groups)]);
		is($w->get('/')->{status}, 200, 'started as a user');
		for my $kept ('-all', '-all,+setuid', '-all,+setgid') {
			$w = Worker->start(@nobody, wrap => ['setpriv', '--bounding-set', $kept]);
			my $why = qr/^BOOT_FAILED giving up privileges: set\w+\(\d+\): Operation not permitted$/;
			like($w->message, $why, "root with capabilities $kept: the step is named");
			is($w->wait, 3, 'status 3');
		}
	};
	subtest 'the keys of who started it are out of its reach' => sub {
		my ($add_key, $keyctl) = (POSIX::uname())[4] eq 'x86_64' ? (248, 250) : (217, 219);
		my ($type, $name, $secret) = ('user', 'narwhal-test', 'secret');
		syscall($keyctl, 1, 0) >= 0 && syscall($add_key, $type, $name, $secret, 6, -3) >= 0
			or plan skip_all => "no keys here: $!";
		copy("$Worker::BUILD/tests/modules/trouble.so", "$dir/trouble.so") or die "copy: $!";
		chmod 0755, "$dir/trouble.so";
		my $w = ready(@nobody, app => "$dir/trouble.so");
		is($w->get('/seek')->{status}, 200, 'it does not find one');
	};
	subtest 'as root it becomes nobody before the app is loaded' => sub {
		my $w = ready(@nobody);
		open my $file, '<', "/proc/$w->{pid}/status" or die $!;
		my %status = map { /^(\w+):\s*(.*?)\s*$/ ? ($1, $2) : () } <$file>;
		is($status{Uid} =~ s/\s+/ /gr, '65534 65534 65534 65534', 'uid');
		is($status{Gid} =~ s/\s+/ /gr, '65534 65534 65534 65534', 'gid');
		is($status{Groups}, '', 'no groups');
		is($status{$_}, '0' x 16, $_) for qw(CapInh CapPrm CapEff CapBnd CapAmb);
		is($status{NoNewPrivs}, 1, 'no new privileges');
		is($w->get('/')->{status}, 200, 'serves');
	};
}

subtest 'without root it keeps its ids and loses the rest' => sub {
	my $w = ready(wrap => ['sh', '-c', 'umask 0; exec "$@"', 'sh']);
	open my $file, '<', "/proc/$w->{pid}/status" or die $!;
	my %status = map { /^(\w+):\s*(.*?)\s*$/ ? ($1, $2) : () } <$file>;
	is($status{$_}, '0' x 16, $_) for qw(CapInh CapPrm CapEff CapAmb);
	is($status{NoNewPrivs}, 1, 'no new privileges');
	is($status{Umask}, '0002', 'and what an app makes is not for everybody to write');
};

done_testing;
