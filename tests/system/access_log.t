# The access log: a line for each answer, true to what was sent; opened again on USR1 with no line
# lost; never waited for.
use strict;
use warnings;

use Fcntl qw(O_NONBLOCK O_RDONLY O_RDWR);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes qw(sleep);

use Counter;
use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $CALLS = "$Narwhal::BUILD/tests/modules/calls.so";
my $STREAMS = "$Narwhal::BUILD/tests/modules/streams.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir = tempdir(CLEANUP => 1);
my $file = "$dir/access.log";
my $big = 64 * 1024 * 1024;

chmod 0755, $dir;
mkdir "$dir/www";
open my $handle, '>', "$dir/www/big.bin" or die "big.bin: $!";
truncate $handle, $big or die "truncate: $!";
close $handle;

sub begin {
	my ($app, @args) = @_;

	unlink glob "$file*";
	my $n = Narwhal->start(args => [ '--accesslog', $file, @args, $app ]);
	$n->wait_ready;
	return $n;
}

sub logged {
	my ($name) = @_;

	return -e ($name // $file) ? split /\n/, Narwhal::slurp($name // $file) : ();
}

# Until so many lines are there. A worker writes at the latest after a second; USR1 hurries it.
sub wait_lines {
	my ($n, $count, $name) = @_;

	$n->signal('USR1');
	$n->wait_until("$count lines", sub { logged($name) >= $count });
	return logged($name);
}

subtest 'a line says what was asked and what was answered' => sub {
	my $n = begin($HELLO, '--access-log-format',
		'%(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s'
			. '|%({x-a}i)s|%({Content-Type}o)s|%({content-length}o)s|%({REQUEST_METHOD}e)s|%%');
	my $body = $n->get('/a%20b?c=d', 'User-Agent' => 'it "is"', Referer => 'http://x/', 'X-A' => "\xe9",
		Authorization => 'Basic bWU6cHc=')->{body};
	my $size = length $body;
	my $line;

	$n->wait_until('a second has passed', sub { ($line) = logged() });
	is($line, "127.0.0.1|-|me|GET /a%20b?c=d HTTP/1.1|GET|/a%20b|c=d|HTTP/1.1|200|$size|$size|http://x/"
			. '|it \\x22is\\x22|\\xE9|text/plain; charset=utf-8|' . "$size|GET|%", 'all of it');
	is($n->stop, 0, 'status 0');
	is((stat $file)[2] & 0777, 0640, 'not for everybody to read');
};

subtest 'the formats that have a name' => sub {
	for my $format (qw(common combined json)) {
		my $n = begin($HELLO, '--access-log-format', $format);
		$n->get("/$format", 'User-Agent' => "a\tb");
		my ($line) = wait_lines($n, 1);
		if ($format eq 'json') {
			my $json = decode_json($line);
			is("$json->{method} $json->{path} $json->{status} $json->{user_agent}", "GET /json 200 a\tb",
				'json is JSON');
			like($json->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'with a time');
		} else {
			my $end = $format eq 'common' ? '' : ' "-" "a\\\\x09b"';
			my $time = qr{\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\]};
			like($line, qr{^127\.0\.0\.1 - - $time "GET /$format HTTP/1\.1" 200 \d+$end$},
				"$format is what others write");
		}
		is($n->stop, 0, 'status 0');
	}
};

subtest 'a pipeline is logged in its order, and a refusal with what is known' => sub {
	my $n = begin($HELLO, '--access-log-format', '%(s)s %(m)s %(r)s', '--head-timeout', '200ms');
	my $c = $n->connect;
	$c->write(join '', map { "GET /$_ HTTP/1.1\r\nHost: x\r\n\r\n" } 1 .. 50);
	$c->response for 1 .. 50;
	$c->write("GET /bad HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n");
	is($c->response->{status}, 400, 'refused in its fields');
	for my $garbage ("\x01\r\n\r\n", "GET /x\" y\r\n\r\n") {
		my $d = $n->connect;
		$d->write($garbage);
		is($d->response->{status}, 400, 'refused');
	}
	my $late = $n->connect;
	$late->write('GET /lat');
	is($late->response->{status}, 408, 'too late');
	is_deeply([ wait_lines($n, 54) ], [ map({ "200 GET GET /$_ HTTP/1.1" } 1 .. 50),
			'400 GET GET /bad HTTP/1.1', '400 - -', '400 GET -', '408 GET -' ], 'all of them');
	is($n->stop, 0, 'status 0');
};

subtest 'HEAD has no body, and a stream as much as it has sent' => sub {
	my $n = begin($STREAMS, '--access-log-format', '%(m)s %(q)s %(s)s %(B)s %(b)s');
	my $c = $n->connect;
	$c->request('HEAD', '/sized?7');
	$c->request('GET', '/sized?200000');
	$c->write("GET /lines?3 HTTP/1.0\r\n\r\n");
	1 while $c->fill(sub { 0 });
	is_deeply([ wait_lines($n, 3) ], [ 'HEAD 7 200 0 -', 'GET 200000 200 200000 200000', 'GET 3 200 21 21' ],
		'and no more');
	is($n->stop, 0, 'status 0');
};

subtest 'a client that goes away in the middle is logged with what it got' => sub {
	my $n = begin("$dir/www", '--access-log-format', 'json');
	my $c = $n->connect;
	$c->write("GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n");
	$c->fill(sub { length $c->{rest} > 100_000 });
	is(scalar logged(), 0, 'nothing is said before the end');
	$c->close;
	my ($line) = map { decode_json($_) } wait_lines($n, 1);
	is($line->{status}, 200, 'the status that was sent');
	cmp_ok($line->{bytes}, '>', 99_000, 'more than was seen');
	cmp_ok($line->{bytes}, '<', $big, 'and not all');
	is($n->stop, 0, 'status 0');
};

subtest 'what waits for the app is logged when it ends, with its duration' => sub {
	my $n = begin($STREAMS, '--access-log-format', '%(U)s %(D)s %(L)s %(M)s %(T)s');
	my $c = $n->connect;
	my $d = $n->connect;
	$c->write("GET /waits HTTP/1.1\r\nHost: x\r\n\r\n");
	$c->fill(sub { $c->{rest} =~ /soon/ });
	sleep 0.02;
	$d->request('GET', '/go');
	$c->fill(sub { $c->{rest} =~ /late/ });
	my ($line) = grep { m{^/waits} } wait_lines($n, 2);
	my ($us, $decimal, $ms, $s) = $line =~ m{^/waits (\d+) (\d+\.\d{6}) (\d+) (\d+)$} or fail("no line: $line");
	cmp_ok($us, '>=', 20_000, 'as long as it took');
	is(join(' ', $decimal * 1_000_000, $ms, $s), join(' ', $us, int($us / 1000), int($us / 1_000_000)),
		'in all units');
	is($n->stop, 0, 'status 0');
};

subtest 'a client that is gone before the app answers has a line, too' => sub {
	my $n = begin($CALLS, '--access-log-format', '%(m)s %(U)s %(s)s %(B)s');
	my $c = $n->connect;
	$c->write("POST /sum HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	ok($c->fill(sub { $c->{rest} =~ /100 Continue/ }), 'the app has it');
	setsockopt $c->{socket}, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0);
	$c->close;
	$n->wait_until('the line', sub { $n->signal('USR1'); grep { $_ eq 'POST /sum 499 0' } logged() });
	is($n->stop, 0, 'status 0');
};

subtest 'moved away and opened again, under load: each request has its line' => sub {
	my $n = begin($HELLO, '--workers', 2, '--access-log-format', '%(m)s %(U)s %(s)s');
	my $counter = Counter->start($n->{addresses}[0], keepalive => 16, closing => 4);
	for my $i (1 .. 5) {
		$counter->wait_answered(2000);
		rename $file, "$file.$i" or die "rename: $!";
		$n->signal('USR1');
		$n->wait_until('it is there again', sub { -e $file });
		$n->wait_line(qr/ info log_reopened file=\S*access.log workers=2/);
	}
	$counter->wait_answered(2000);
	my $counts = $counter->finish;
	is(Counter::lost($counts), '', 'no request was lost');
	is($n->stop, 0, 'status 0');
	my @lines = map { logged($_) } glob "$file*";
	is(scalar @lines, $counts->{answered}, 'as many lines as answers');
	is(scalar(grep { !m{^GET \S+ 200$} } @lines), 0, 'each of them whole');
	cmp_ok(scalar(grep { -s } glob "$file*"), '>', 2, 'in several files');
};

subtest 'a reload with another file: new workers write to that' => sub {
	my $conf = "$dir/narwhal.conf";
	my $write = sub {
		open my $out, '>', $conf or die "$conf: $!";
		print $out "accesslog = $_[0]\n";
		close $out;
	};
	$write->($file);
	unlink glob "$file*";
	my $n = Narwhal->start(args => [ '--config', $conf, $HELLO ]);
	$n->wait_ready;
	$n->get('/1');
	$write->("$file.new");
	$n->signal('HUP');
	$n->wait_line(qr/ worker_exit .*generation=1 /);
	$n->get('/2');
	wait_lines($n, 1, "$file.new");
	$write->('/nowhere/log');
	$n->signal('HUP');
	like($n->wait_line(qr/ reload_failed /), qr{accesslog: /nowhere/log: No such file},
		'one that cannot be opened is refused');
	is($n->stop, 0, 'status 0');
	like(Narwhal::slurp($file), qr{^\S+ - - \[.*\] "GET /1 HTTP/1.1" 200 \d+ "-" "-"\n\z},
		'the old one has the old');
	like(Narwhal::slurp("$file.new"), qr{ "GET /2 .*\n\z}, 'the new one the new');
};

# Starts it with its standard output on $path.
sub begin_on {
	my ($path, @args) = @_;
	my $n = Narwhal->start(wrap => [ 'sh', '-c', "exec \"\$0\" \"\$@\" >$path" ],
		args => [ '--accesslog', '-', @args ]); # a later --accesslog wins

	$n->wait_ready;
	return $n;
}

for my $name (qw(/dev/stdout /proc/self/fd/1)) {
	subtest "$name is the standard output, be it a file" => sub {
		unlink $file;
		my $n = begin_on($file, '--accesslog', $name, $HELLO);

		$n->get("/$_") for 1 .. 2;
		$n->signal('USR1')->wait_line(qr/ log_reopened .*workers=/);
		$n->get('/3');
		is($n->stop, 0, 'status 0');
		is(join(' ', map { m{"GET /(\d)} } logged()), '1 2 3', 'all lines are there');
	};
}

subtest 'a standard output that nobody reads costs lines, and is told when it goes on' => sub {
	mkfifo("$dir/fifo", 0600) or die "mkfifo: $!";
	sysopen my $fifo, "$dir/fifo", O_RDWR | O_NONBLOCK or die "fifo: $!";
	my $n = begin_on("$dir/fifo", '--workers', 2, '--access-log-format',
		'%(m)s %(U)s %(s)s ' . 'x' x 500, $HELLO);
	my $counter = Counter->start($n->{addresses}[0], keepalive => 8);
	$counter->wait_answered(2000);
	my $counts = $counter->finish;
	is(Counter::lost($counts), '', 'it serves on');
	$n->wait_line(qr/ warning access_log_waits error=EAGAIN/);
	my ($bytes, $dropped) = ('', 0);
	my $read = sub { 1 while sysread $fifo, $bytes, 1 << 20, length $bytes; };
	$n->wait_until('all that is left was read, and what is not was told', sub {
		$read->();
		$dropped = 0;
		/ access_log_dropped lines=(\d+)/ and $dropped += $1 for $n->lines;
		return ($bytes =~ tr/\n//) + $dropped >= $counts->{answered};
	});
	is($n->stop, 0, 'status 0');
	$read->();
	is(($bytes =~ tr/\n//) + $dropped, $counts->{answered}, 'lines and drops are as many as answers');
	is(scalar(grep { !/^GET \S+ 200 x{500}$/ } split /\n/, $bytes), 0, 'each line is whole');
	cmp_ok($dropped, '>', 0, 'some were dropped');
};

subtest 'several workers on one pipe: no line inside of another' => sub {
	mkfifo("$dir/pipe", 0600) or die "mkfifo: $!";
	sysopen my $fifo, "$dir/pipe", O_RDWR | O_NONBLOCK or die "fifo: $!";
	my $n = begin_on("$dir/pipe", '--workers', 4, '--access-log-format', 'json', $HELLO);
	my $counter = Counter->start($n->{addresses}[0], keepalive => 16, closing => 4);
	my $bytes = '';
	my $lines = sub {
		1 while sysread $fifo, $bytes, 1 << 20, length $bytes;
		return $bytes =~ tr/\n//;
	};
	$n->wait_until('many lines', sub { $lines->() > 3000 });
	Counter::lost($counter->finish);
	is($n->stop, 0, 'status 0');
	$lines->();
	is(scalar(grep { !eval { decode_json($_)->{status} == 200 } } split /\n/, $bytes), 0, 'each is JSON');
};

subtest 'a full disk costs lines and nothing else' => sub {
	my $n = Narwhal->start(args => [ '--accesslog', '/dev/full', $HELLO ]);
	$n->wait_ready;
	$n->get('/1');
	$n->wait_line(qr/ warning access_log_waits error=ENOSPC/);
	is($n->get('/2')->{status}, 200, 'it serves');
	is($n->stop, 0, 'status 0');
	is(join(',', map { / access_log_dropped lines=(\d+)/ ? $1 : () } $n->lines), '2', 'they are told in the end');
};

subtest 'what is lost in a crash is at most what no second has passed over' => sub {
	my $n = begin($TROUBLE, '--access-log-format', '%(U)s');
	$n->get('/before');
	wait_lines($n, 1);
	$n->connect->write("GET /segv HTTP/1.1\r\nHost: x\r\n\r\n");
	$n->wait_line(qr/ worker_exit /);
	$n->wait_until('another one serves', sub { eval { $n->get('/after')->{status} } });
	is_deeply([ wait_lines($n, 2) ], [ '/before', '/after' ], 'the line before is there');
	is($n->stop, 0, 'status 0');
};

for my $case (
	[ '%(h)s %(z)s', qr/ "%\(h\)s %\(z\)s" has an unknown atom at byte 7: allowed are common, combined, / ],
	[ '%(h', qr/ has a % that begins neither %% nor %\(\.\.\.\)s at byte 1: / ],
) {
	for my $check ([], ['--check-config']) {
		my ($status, $output) = Narwhal->run(args => [ @$check, '--access-log-format', $case->[0], $HELLO ]);
		is($status, 1, "a wrong format is refused @$check");
		like($output, $case->[1], 'with its place and what is allowed');
	}
}

my ($status, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', '--accesslog', '/nowhere/log', $HELLO ]);
is($status, 1, 'a start without its log is refused');
like($output, qr{accesslog: /nowhere/log: No such file}, 'in a line');

done_testing;
