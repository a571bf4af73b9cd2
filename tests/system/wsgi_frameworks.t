#!/usr/bin/perl
# Apps of Flask, Django, Bottle and Werkzeug as Debian has them, unchanged, with their own debug
# pages: what their users see is what it was.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::SHA;
use File::Temp qw(tempdir);
use Narwhal;
use Test::More;

my $python = '/usr/bin/python3';
my $packages = '/usr/lib/python3/dist-packages';
my %there = map { $_ => -e "$packages/$_" } qw(flask django bottle.py);
my $large = join '', map { chr(65 + $_ % 26) x 1024 } 1 .. 1024;
my $digest = Digest::SHA->new(256);
$digest->add($large) for 1 .. 100;
my $large_digest = $digest->hexdigest;

my $dir = tempdir(CLEANUP => 1);
chmod 0777, $dir;
my %env = (PYTHONDONTWRITEBYTECODE => 1, ASAN_OPTIONS => 'handle_segv=0:detect_leaks=0',
	DATABASE => "$dir/notes.db", TMPDIR => $dir, DEBUG => 1);

sub start {
	my ($app, @args) = @_;
	my $n = Narwhal->start(cwd => "$Narwhal::ROOT/tests/wsgi", env => \%env,
		args => [ '--python', $python, '--limit-request-body', '200m', @args, $app ]);
	$n->wait_ready(30);
	return $n;
}

sub get {
	my ($n, $target, %field) = @_;
	return $n->get($target, %field);
}

sub post {
	my ($n, $target, $type, $body) = @_;
	return $n->connect->request('POST', $target, 'Content-Type' => $type, body => $body, Connection => 'close');
}

# A file of 100 MiB in a form, as a browser sends it.
sub upload {
	my ($n, $target) = @_;
	my $c = $n->connect;
	my $first = join "\r\n", '--b', 'Content-Disposition: form-data; name="name"', '', 'whale', '--b',
		'Content-Disposition: form-data; name="file"; filename="f"', '', '';
	my $last = "\r\n--b--\r\n";
	my $size = length($first) + 100 * length($large) + length $last;
	$c->write("POST $target HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: $size\r\n"
			. "Content-Type: multipart/form-data; boundary=b\r\n\r\n$first");
	$c->write($large) for 1 .. 100;
	$c->write($last);
	return $c->response('POST', 60);
}

my $form = 'application/x-www-form-urlencoded';

SKIP: {
	skip 'no Flask', 1 if !$there{flask};
	subtest 'Flask' => sub {
		my $n = start('flask_app:app', '--threads', 2);
		is(get($n, '/')->{body}, 'Hello, World!', 'hello');
		is(get($n, '/stream')->{status}, 200, 'a stream with its request');
		like(get($n, '/stream')->{body}, qr{/stream0.*/stream1.*/stream2}s, 'is whole');
		my $got = post($n, '/json', 'application/json', '{"a": "\u00e9"}');
		like($got->{body}, qr/"from":"127.0.0.1","got":"\\u00e9","url":"http:\/\/test\/json"/, 'JSON');
		like(get($n, '/file')->{body}, qr/^"""As it stands/, 'a file');
		is(get($n, '/file', Range => 'bytes=3-4')->{body}, 'As', 'a part of it');
		is(get($n, '/missing')->{status}, 404, 'abort()');
		is(get($n, '/error')->{status}, 500, 'an error');
		$n->wait_line(qr/ error app message=.*about to fail/);
		$n->wait_line(qr/ error app message=.*ZeroDivisionError/);
		is(upload($n, '/upload')->{body}, "whale $large_digest\n", '100 MiB of a file');
		is($n->stop, 0, 'it ends');
	};
	subtest 'Werkzeug' => sub {
		# It asks for uuid.getnode(), for which Python 3.14 runs ip(8), which gives up its capabilities.
		my $n = start('flask_app:create_debugger()', '--sandbox-allow', 'capset');
		like(get($n, '/error')->{body}, qr/Werkzeug Debugger.*secret_name \+ 1/s, 'its debugger\'s page');
		is($n->stop, 0, 'it ends');
	};
}

SKIP: {
	skip 'no Django', 1 if !$there{django};
	subtest 'Django' => sub {
		my $n = start('django_app:app');
		is(post($n, '/', $form, 'text=a%20%3Cb%3E')->{body}, '<ul><li>1: a &lt;b&gt;</li></ul>',
			'a form, sqlite, a template');
		is(get($n, '/')->{body}, '<ul><li>1: a &lt;b&gt;</li></ul>', 'and what is there again');
		is($n->connect->request('POST', '/body', 'Transfer-Encoding' => 'chunked', Connection => 'close',
				body => "3\r\nabc\r\n0\r\n\r\n", 'Content-Type' => 'text/plain')->{status},
			400, 'two framings are refused');
		like(get($n, '/stream')->{body}, qr/0\n.*1\n.*2\n/s, 'a stream');
		like(get($n, '/file')->{body}, qr/^"""A whole Django/, 'a file');
		like(get($n, '/error')->{body}, qr/ZeroDivisionError at \/error/, 'its debug page');
		is(upload($n, '/upload')->{body}, "$large_digest\n", '100 MiB of a file');
		is($n->stop, 0, 'it ends');
	};
}

SKIP: {
	skip 'no Bottle', 1 if !$there{'bottle.py'};
	subtest 'Bottle' => sub {
		my $n = start('bottle_app:app');
		is(get($n, '/hello/%3Cb%3E')->{body}, '<b>Hello &lt;b&gt;</b>!', 'a template');
		my $got = post($n, '/form', $form, 'a=1');
		is($got->{body}, '{"a": "1"}', 'a form');
		is($got->{fields}{'set-cookie'}, 'seen=1', 'a cookie');
		like(get($n, '/file')->{body}, qr/^"""Bottle's own/, 'a file');
		like(get($n, '/error')->{body}, qr/Error: 500 Internal Server Error/, 'its error page');
		$n->wait_line(qr/ error app message="ValueError: bottle's own page"/);
		is($n->stop, 0, 'it ends');
	};
}
done_testing;
