#!/usr/bin/perl
# Python apps by WSGI, from outside: what PEP 3333 says, what goes wrong in an app, and what a
# client sees of it. No client gets a wrong answer, and the next request works.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::SHA;
use File::Temp qw(tempdir tempfile);
use Narwhal;
use Page;
use Test::More;
use Time::HiRes;
use Tls;

my $python = '/usr/bin/python3';
plan skip_all => "no $python" if !-x $python;

# What Python keeps to its end is no leak of ours.
my %env = (PYTHONDONTWRITEBYTECODE => 1, ASAN_OPTIONS => 'handle_segv=0:detect_leaks=0');
my %usual = (cwd => "$Narwhal::ROOT/tests/wsgi", env => \%env);

sub start {
	my ($app, @args) = @_;
	my $n = Narwhal->start(%usual, args => [ '--python', $python, @args, $app ]);
	$n->wait_ready;
	return $n;
}

sub begin {
	my ($n, $bytes) = @_;
	my $c = $n->connect;
	$c->write($bytes);
	return $c;
}

sub refused {
	return Narwhal->run(%usual, args => [ '--bind', '127.0.0.1:0', @_ ]);
}

# All that comes on one connection, up to its end.
sub rest {
	my ($c) = @_;
	$c->fill(sub { 0 });
	return $c->{rest};
}

sub exchange {
	return rest(begin(@_));
}

# The first line of what comes.
sub line {
	my ($c) = @_;
	$c->fill(sub { $c->{rest} =~ /\n/ });
	return $c->{rest} =~ /\A(.*)/ ? $1 : undef;
}

sub get {
	my ($n, $target, @fields) = @_;
	return exchange($n, join "\r\n", "GET $target HTTP/1.1", 'Host: test:81', 'Connection: close',
		@fields, '', '');
}

sub body {
	my ($response) = @_;
	return $response =~ /\r\n\r\n(.*)\z/s ? $1 : undef;
}

my $n = start('apps:app', '--timeout', '1');

subtest 'the environment' => sub {
	my $seen = body(get($n, '/environ/a%20b%2Fc?x=%20', 'X-Two: 1', 'X-Two: 2', 'Cookie: a=1',
		'Cookie: b=2', 'X_Under: 1', 'X-Same: 1', 'X-Same: 1', 'X-None:', 'X-None:'));
	like($seen, qr{"PATH_INFO": "/environ/a b/c"}, 'the path is decoded');
	like($seen, qr{"QUERY_STRING": "x=%20"}, 'the query is not');
	like($seen, qr{"RAW_URI": "/environ/a%20b%2Fc\?x=%20"}, 'the target stands there as it came');
	like($seen, qr{"HTTP_X_TWO": "1,2"}, 'a field that comes twice is one');
	like($seen, qr{"HTTP_X_SAME": "1,1"}, 'with the same letter, too');
	like($seen, qr{"HTTP_X_NONE": ","}, 'and with none');
	like($seen, qr{"HTTP_COOKIE": "a=1; b=2"}, 'and so are cookies');
	unlike($seen, qr/UNDER/, 'a field with an underscore is left out');
	like($seen, qr/"SERVER_NAME": "test", "SERVER_PORT": "81"/, 'the server is what the client calls it');
	like($seen, qr/"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "\d+"/, 'the client has an address');
	like($seen, qr/"wsgi.url_scheme": "http"/, 'and a scheme');
	like(body(exchange($n, "GET /environ HTTP/1.0\r\n\r\n")), qr{"SERVER_PROTOCOL": "HTTP/1.0"},
		'HTTP/1.0 is said');
};

subtest 'bodies that come in' => sub {
	my $post = "POST /%s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
	like(exchange($n, sprintf($post, 'digest') . "Content-Length: 3\r\n\r\nabc"),
		qr/\n3 ba7816bf\w+ b''\n\z/, 'a body is read, and never past its end');
	my $chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
	like(exchange($n, sprintf($post, 'digest') . $chunks),
		qr/\n3 ba7816bf\w+ b''\n\z/, 'and so is one in chunks');
	like(exchange($n, sprintf($post, 'environ') . $chunks),
		qr/"CONTENT_LENGTH": "3"/, 'which has a length by then');
	like(exchange($n, sprintf($post, 'lines') . "Content-Length: 9\r\n\r\na\nbb\nccc\n"),
		qr/\[b'a\\n', \[b'bb\\n', b'ccc\\n'\], \[\]\]\z/, 'its lines can be read');
	like(exchange($n, sprintf($post, 'validated') . "Content-Length: 3\r\n\r\nabc"),
		qr/\r\nX-Seen: 3\r\n.*valid .*and whole\n/s, 'wsgiref.validate finds nothing');
	$n->wait_line(qr/ error app message="validated writes"/);
	my $large = join '', map { pack 'N', $_ } 1 .. 800_000;
	like(exchange($n, sprintf($post, 'digest') . 'Content-Length: ' . length($large) . "\r\n\r\n$large"),
		qr/\n3200000 @{[ Digest::SHA::sha256_hex($large) ]} b''\n\z/, 'a large one goes through a file');
	my $c = begin($n, sprintf($post, 'digest') . "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	like(line($c), qr/ 100 /, 'a client that waits is told to go on');
	$c->write('abc');
	like(rest($c), qr/\n3 ba7816bf/, 'and does');
};

subtest 'bodies that go out' => sub {
	like(get($n, '/hello'), qr/\r\nContent-Length: 6\r\n.*\r\n\r\nhello\n\z/s, 'a list, with its size');
	like(get($n, '/pieces'), qr/chunked\r\n.*\r\n4\r\none \r\n4\r\ntwo \r\n6\r\nthree\n\r\n0\r\n\r\n\z/s,
		'pieces of an iterable are chunks');
	unlike(exchange($n, "GET /pieces HTTP/1.0\r\n\r\n"), qr/chunked/, 'but not in HTTP/1.0');
	like(get($n, '/sized'), qr/Content-Length: 8\r\n.*\r\n\r\none two\n\z/s, 'with a size they are none');
	like(get($n, '/late'), qr/ 201 Created\r\n.*late\n/s, 'a generator may say the head late');
	like(get($n, '/writes'), qr/\r\n\r\nwritten, twice, and returned\n\z/, 'write() writes');
	like(get($n, '/writes_and_yields'), qr/written, and .*yielded\n/s, 'before what is yielded');
	like(get($n, '/replaced'), qr/ 503 .*\r\nX-New: 2\r\n.*sorry\n\z/s, 'exc_info replaces the head');
	unlike(get($n, '/replaced'), qr/X-Old/, 'all of it');
	like(get($n, '/latin/%c3%a9%ff'), qr{\r\nX-Name: caf\xe9\r\n.*/latin/\xc3\xa9\xff\z}s, 'text is Latin-1');
	my $head = exchange($n, "HEAD /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	like($head, qr/Content-Length: 6\r\n(?:.*\r\n)?\r\n\z/s, 'HEAD gets the size alone');
	my $before = body(get($n, '/counts'));
	exchange($n, "HEAD /pieces HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	like($before, qr/\b4\n/, 'close() was called each time');
	like(body(get($n, '/counts')), qr/\b5\n/, 'for HEAD, too');
};

subtest 'files' => sub {
	my ($file, $path) = tempfile(UNLINK => 1);
	print {$file} 'abc' . 'x' x 200_000;
	close $file;
	chmod 0644, $path;
	is(body(get($n, "/file?$path")), 'x' x 200_000, 'a file is sent from where it stands');
	like(get($n, "/file?$path"), qr/Content-Length: 200000\r\n/, 'with its size');
	like(get($n, "/unplain_file?$path"), qr/\r\n2000\r\nABCX+\r\n/, 'one that is read otherwise is read');
};

subtest 'beside requests' => sub {
	get($n, '/prints');
	$n->wait_line(qr/ error app message=$_$/) for qw(first second a b);
	is(body(get($n, '/prints_oddly/%00')), "printed\n", 'text that is no UTF-8, or has a NUL, can be logged');
	$n->wait_line(qr{ error app message="odd \\\\udc80 /prints_oddly/\\\\x00"$});
	like(get($n, '/raises_oddly/%00'), qr/ 500 /, 'an error with such a text');
	$n->wait_line(qr{ error app_error error="ValueError: odd \\\\udc80 \S+\\\\x00 \(\S+apps.py, line});
	$n->wait_line(qr{ error app message="ValueError: odd \\\\udc80 \S+\\\\x00"$});
	is(body(get($n, '/subprocesses')), "-15\n", 'what the app runs can be ended by SIGTERM');
	get($n, '/tick');
	$n->wait_until('threads of the app run while the worker waits',
		sub { body(get($n, '/only_threads')) > 2 });
};

# Two answers of 8 MiB, of which neither client reads before both have begun.
sub interleaved {
	my ($n) = @_;
	my $head = "HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
	my %client = map { $_ => begin($n, "GET /contexts?$_ $head") } 'a', 'b';
	line($client{$_}) for 'a', 'b';
	for my $name ('a', 'b') {
		my $end = substr rest($client{$name}), -40;
		like($end, qr/x\r\n\w+\r\n\n$name True\n\r\n0\r\n\r\n\z/, "$name is itself");
	}
	return;
}

subtest 'answers that come in turns do not see each other' => sub {
	interleaved($n);
};

subtest 'apps that go wrong get a 500' => sub {
	my @long = qw(long long_pieces long_writes);
	for my $name (qw(nothing text text_pieces unsaid twice raises raises_begun exits short), @long) {
		like(get($n, "/$name"), qr/\AHTTP\/1.1 500 .*\r\n\r\n500 Internal Server Error\n\z/s, $name);
		$n->wait_line(qr/ error app_error error=/);
	}
	open my $source, '<', "$usual{cwd}/apps.py" or die;
	my @heads = grep { $_ } map { /^    "([\w-]+)": \(/ ? $1 : '' } <$source>;
	cmp_ok(scalar @heads, '>', 15, 'there are bad heads');
	my $sorry = qr/\AHTTP\/1.1 500 .*\r\n\r\n500 Internal Server Error\n\z/s;
	like(get($n, "/head?$_"), $sorry, $_) for @heads;
	$n->wait_line(qr/app message="ValueError: after it began"/) if get($n, '/raises_begun');
	$n->wait_line(qr/error="RuntimeError: Content-Length says 3, and the body has 65536 bytes/)
		if get($n, '/long_pieces');
	$n->wait_line(qr/error="RuntimeError: Content-Length says 100000, and the body has 131072 bytes/)
		if get($n, '/long_writes?100000');
	is(body(get($n, '/long_writes_caught')), "abc\n", 'what write() refuses is not kept');
	is(body(get($n, '/makes_functions')), 'refused ' x 5, 'no function of ours can be made anew');
	like(get($n, '/raises_closing'), qr/\nwhole\n\r\n0\r\n\r\n\z/, 'one behind the answer is not told');
	$n->wait_line(qr/ error app_close_error error="ValueError: at the end/);
	is(body(get($n, '/writes_at_its_end')), "abc\n", 'nor what comes behind it');
	$n->wait_line(qr/ error app_close_error error="RuntimeError: Content-Length says 4, and the body has 8 /);
};

subtest 'and where it is too late, the connection is cut' => sub {
	for my $name (qw(raises_midway replaced_late)) {
		my $all = get($n, "/$name");
		like($all, qr/\AHTTP\/1.1 200 /, "$name: it had begun");
		unlike($all, qr/\r\n0\r\n\r\n\z/, 'and does not look whole');
	}
	my $all = get($n, '/short_pieces');
	like($all, qr/Content-Length: 10\r\n/, 'a body of a promised size');
	cmp_ok(length body($all), '<', 10, 'is not whole either');
	$n->wait_line(qr/ warning stream_failed /);
	$all = get($n, '/long_pieces?100000');
	cmp_ok(length body($all), '<', 100_000, 'nor is one that would have more than it should');
	is(body(get($n, '/long_writes_midway')), '01234', 'nor one that is written between its pieces');
	for my $name (qw(long_pieces long_writes)) {
		my $head = exchange($n, "HEAD /$name HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
		like($head, qr/ 200 .*\r\nContent-Length: 3\r\n/s, "$name: nobody would see that behind HEAD");
	}
};

subtest 'a client that leaves ends what never would' => sub {
	my $before = body(get($n, '/counts'));
	my $c = begin($n, "GET /forever HTTP/1.1\r\nHost: t\r\n\r\n");
	like(line($c), qr/ 200 /, 'it has begun');
	$c->close;
	$n->wait_until('close() was called', sub { body(get($n, '/counts')) == $before + 1 });
};

subtest 'a child that the app forks does not serve' => sub {
	my ($worker) = $n->workers;
	is(body(get($n, '/forks')), "$worker\n", 'the worker alone answers');
	is(body(get($n, '/forks_and_exits')), "7\n", 'a child can exit');
	is_deeply([ $n->workers ], [$worker], 'and nothing is left of it');
	my $dir = tempdir(CLEANUP => 1);
	my $pair = Tls::certificate($dir, 'site', by => Tls::authority($dir, 'ca'));
	my $t = start('apps:app', '--bind-tls', '127.0.0.2:0', '--certfile', $pair->{certificate},
		'--keyfile', $pair->{key}, '--tls-key-isolation', 'on');
	my $idle = $t->connect;
	is($idle->request('GET', '/hello')->{status}, 200, 'a client stays');
	my $child = body(get($t, '/forks_and_stays')) + 0;
	ok(kill(0, $child), 'one that goes on does not keep its client\'s connection open');
	$t->wait_until('nor has it anything else of the worker\'s', sub {
		!grep { /^socket:|eventpoll|signalfd|eventfd/ } map { readlink // '' } glob "/proc/$child/fd/*";
	});
	is($idle->request('GET', '/hello')->{status}, 200, 'which serves on');
	kill 'KILL', $child;
	is($t->stop, 0, 'status 0');
};

subtest 'a worker that is destroyed is replaced' => sub {
	for my $name (qw(crashes closes forever_nothing sleeps)) {
		my $all = get($n, "/$name?60");
		ok($all eq '' || $all =~ / 500 /, "$name: the client gets no wrong answer");
		if ($name =~ /^(?:crashes|sleeps)$/) {
			$n->wait_line(qr/ worker_stack .*line="  File \\"\S+apps.py\\", line \d+ in $name"$/);
			my $was = qr/(?:\S+ \S+ < )?apps.py:\d+ $name < apps.py:\d+ app\b/;
			$n->wait_line(qr/ worker_exit .*cause=(?!retired).* python="$was/);
		} else {
			$n->wait_line(qr/ worker_exit .*cause=(?!retired)/);
		}
		like(get($n, '/hello'), qr/\nhello\n\z/, 'the next one is served');
	}
};
is($n->stop, 0, 'and it ends in good order');

subtest 'what cannot be loaded ends it with status 4' => sub {
	my %says = (
		'apps:not_callable' => qr/it is of type int, which cannot be called/,
		'apps:missing' => qr/AttributeError: .*missing/,
		'no_such:app' => qr/ModuleNotFoundError: No module named 'no_such'/,
		'broken:app' => qr/ModuleNotFoundError: No module named 'no_such_module' \(\S+broken.py, line 1\)/,
		'apps:factory(' => qr/SyntaxError/,
	);
	for my $app (sort keys %says) {
		my ($status, $log) = refused('--python', $python, $app);
		is($status, 4, $app);
		like($log, $says{$app}, 'and it says why');
	}
	my ($status, $log) = refused('--python', '/bin/sh', 'apps:app');
	is($status, 4, 'a program that is no Python');
	like($log, qr{python \S+/bin/sh\S+: no shared library}, 'is told from one');
	($status, $log) = Narwhal->run(%usual, env => { %env, PATH => '/nowhere' },
		args => [ '--bind', '127.0.0.1:0', 'apps:app' ]);
	is($status, 4, 'no Python at all');
	like($log, qr/no python3 in PATH \(\/nowhere\)/, 'is told, too');
};

subtest 'a factory, and a virtual environment' => sub {
	my $f = start('apps:factory("ab", times=2)');
	is(body(get($f, '/')), 'abab', 'a factory is called');
	is($f->stop, 0, 'it ends');
};

subtest 'threads' => sub {
	my $t = start('apps:app', '--threads', 4);
	like(body(get($t, '/thread')), qr/^narwhal-[1-4]$/, 'the app runs in threads of their own');
	my @slow = map {
		begin($t, "GET /sleeps?0.3 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
	} 1 .. 3;
	like(get($t, '/hello'), qr/\nhello\n\z/, 'a quick request does not wait for slow ones');
	like(rest($_), qr/slept\n\z/, 'which are answered, too') for @slow;
	like(get($t, '/pieces'), qr/\r\n4\r\none \r\n4\r\ntwo \r\n6\r\nthree\n\r\n0\r\n\r\n\z/s, 'pieces come');
	like(get($t, '/raises'), qr/ 500 /, 'errors are told');
	like(get($t, '/raises_midway'), qr/half\n\r\n\z/, 'and late ones cut');
	begin($t, "GET /$_ HTTP/1.1\r\nHost: t\r\n\r\n")->close for 'sleeps?0.1', 'sleeps_and_yields?0.1';
	$t->wait_until('close() is called for a client that has left', sub { body(get($t, '/counts')) == 2 });
	interleaved($t);
	my @many = map { begin($t, "GET /remembers HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n") } 1 .. 40;
	is(scalar(grep { body(rest($_)) =~ /\Aown/ } @many), 40, 'contextvars stay with their thread');
	my $c = begin($t, "GET /forever HTTP/1.1\r\nHost: t\r\n\r\n");
	like(line($c), qr/ 200 /, 'what never ends has begun');
	$c->close;
	$t->wait_until('and ends', sub { body(get($t, '/counts')) == 3 });
	is(body(get($t, '/forks')) =~ /^\d+\n\z/, 1, 'a child does not serve');
	is($t->stop, 0, 'it ends in good order');
};

subtest 'a thread that hangs ends its worker, and one that makes progress does not' => sub {
	my $t = start('apps:app', '--threads', 4, '--timeout', 1);
	my $hangs = begin($t, "GET /sleeps?60 HTTP/1.1\r\nHost: t\r\n\r\n");
	$t->wait_line(qr/ app message=sleeps$/);
	get($t, '/hello') for 1 .. 3;
	my $request = qr{request="GET /sleeps\?60" request_ms=\d{4}};
	$t->wait_line(qr/ worker_exit .*cause=timeout .*$request\d* python="apps.py:\d+ sleeps < apps.py:\d+ app\b/);
	is(rest($hangs), '', 'its client gets no wrong answer');
	is($t->stop, 0, 'the next worker ends in good order');

	return if $> != 0;    # who sees no page
	$t = start('apps:app', '--threads', 2);
	my ($worker) = $t->workers;
	my $c = begin($t, "GET /gated HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	line($c);
	my $since;
	$t->wait_until('a thread is at work', sub { $since = Page::of($worker)->{work} });
	is(Page::of($worker)->{work_request}, 'GET /gated', 'for that request');
	# Clocks of the kernel's ticks tell no less.
	$t->wait_until('time goes on', sub { Time::HiRes::clock_gettime(1) * 1000 > $since + 10 });
	get($t, '/opens');
	$t->wait_until('since the last piece', sub { Page::of($worker)->{work} > $since });
	get($t, '/opens');
	like(rest($c), qr/\r\n0\r\n\r\n\z/, 'it ends');
	$t->wait_until('and nobody is at work', sub { Page::of($worker)->{work} == 0 });
	is(Page::of($worker)->{work_request}, '', 'for nothing');
	is($t->stop, 0, 'it ends in good order');
};

subtest 'close() is called when a worker leaves at once' => sub {
	my $t = start('apps:app', '--threads', 2);
	my $c = begin($t, "GET /drips HTTP/1.1\r\nHost: t\r\n\r\n");
	like(line($c), qr/ 200 /, 'it has begun');
	kill 'QUIT', $t->arbiter;
	# Or on a machine that is busy nobody waits for it.
	$t->wait_line(qr/ app message=dripped$| app_abandoned | worker_exit .*SIGKILL/);
	is($t->wait_end, 0, 'and it ends');
};

subtest 'a worker that is told to leave at once does not wait for the app' => sub {
	my $t = start('apps:app', '--threads', 2);
	my $c = begin($t, "GET /sleeps?60 HTTP/1.1\r\nHost: t\r\n\r\n");
	$t->wait_line(qr/ app message=sleeps$/);
	kill 'QUIT', $t->arbiter;
	# Or on a machine that is busy it is killed before.
	$t->wait_line(qr/ warning app_abandoned threads=1$| worker_exit .*SIGKILL/);
	is($t->wait_end, 0, 'and it ends');
};
done_testing;
