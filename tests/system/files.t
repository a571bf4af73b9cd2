#!/usr/bin/perl
# A directory that is served, from outside: what each request gets, and what a worker notices.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use IO::Uncompress::Gunzip qw(gunzip);
use POSIX qw(mkfifo O_WRONLY O_NONBLOCK);
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(sleep time utime);
use Narwhal;
use Worker;

$SIG{PIPE} = 'IGNORE';

my $LONG_AGO = 1_000_000_000;    # Sun, 09 Sep 2001 01:46:40 GMT
my $long_ago = 'Sun, 09 Sep 2001 01:46:40 GMT';

# A new directory with these files, all of them long ago; a name that ends with "/" is a directory.
sub site {
	my (%file) = @_;
	my $root = tempdir(CLEANUP => 1);
	chmod 0755, $root;
	put("$root/$_", $file{$_}) for sort keys %file;
	return $root;
}

sub put {
	my ($name, $bytes, $time) = @_;
	make_path($name =~ m{^(.*)/}s ? $1 : '.');
	return if $name =~ m{/$};
	open my $file, '>', $name or die "$name: $!";
	print {$file} $bytes;
	close $file;
	utime $time // $LONG_AGO, $time // $LONG_AGO, $name;
}

# As one writes it who means that nobody shall see half of it.
sub replace {
	my ($name, $bytes, $time) = @_;
	put("$name.new", $bytes, $time);
	rename "$name.new", $name or die "$name: $!";
}

sub packed {
	my ($bytes) = @_;
	gzip(\$bytes, \my $packed) or die;
	return $packed;
}

sub unpacked {
	my ($bytes) = @_;
	gunzip(\$bytes, \my $unpacked) or return undef;
	return $unpacked;
}

sub serve {
	my ($root, %set) = @_;
	my $w = Worker->start(app => $root, set => { mime_types => '', %set });
	my $first = $w->message;
	die "not ready: $first\n" . $w->logged if $first ne 'READY';
	return $w;
}

# GET, or another method in front; then field lines.
sub ask {
	my ($w, $target, @fields) = @_;
	my $method = $target =~ s/^([A-Z]+) // ? $1 : 'GET';
	my $c = $w->{asking} //= $w->connect;
	print {$c} join "\r\n", "$method $target HTTP/1.1", 'Host: test', @fields, '', '';
	return $w->response($c, head => $method eq 'HEAD');
}

# Until the answer is as wanted: what has changed is seen when it is looked at again.
sub seen {
	my ($w, $what, $target, $is_so, @fields) = @_;
	my $until = time + $Worker::PATIENCE;
	my $r;
	while (!$is_so->($r = ask($w, $target, @fields))) {
		return fail("$what: not in time, but $r->{status} with " . length $r->{body}) if time > $until;
		sleep 0.01;
	}
	return pass($what);
}

sub descriptors {
	my ($w) = @_;
	opendir my $dir, "/proc/$w->{pid}/fd" or die $!;
	return scalar(grep { !/^\./ } readdir $dir);
}

sub curl {
	my (@options) = @_;
	open my $curl, '-|', 'curl', '-sS', @options or die "curl: $!";
	local $/;
	return scalar <$curl>;
}

my $text = join '', map { "line $_ of a text that is worth to be compressed\n" } 1 .. 400;
my $large = join '', map { "line $_ of a text that is too large for memory\n" } 1 .. 20_000;

subtest 'validators, HEAD, conditions and ranges go together' => sub {
	my $w = serve(site('a.bin' => '0123456789'));
	my $r = ask($w, '/a.bin');
	is($r->{status}, 200, 'a file');
	is($r->{fields}{'last-modified'}, $long_ago, 'its date');
	is($r->{fields}{'accept-ranges'}, 'bytes', 'its ranges');
	is($r->{fields}{vary}, undef, 'there is no other form of it');
	my $etag = $r->{fields}{etag};
	like($etag, qr/^"[^"]+"$/, 'a strong tag');

	my ($all, $later) = ('0123456789', 'Sun, 09 Sep 2001 01:46:41 GMT');
	my @rows = (
		# what, method and target, fields, status, body, Content-Range
		['a range', '/a.bin', ['Range: bytes=2-4'], 206, '234', 'bytes 2-4/10'],
		['the last bytes', '/a.bin', ['Range: bytes=-3'], 206, '789', 'bytes 7-9/10'],
		['HEAD has no range', 'HEAD /a.bin', ['Range: bytes=2-4'], 200, '', undef],
		['what is not there', '/a.bin', ['Range: bytes=10-'], 416, undef, 'bytes */10'],
		['no range', '/a.bin', ['Range: lines=1-2'], 200, $all, undef],
		['two fields are none', '/a.bin', ['Range: bytes=1-2', 'Range: bytes=3-4'], 200, $all, undef],
		['too many ranges', '/a.bin', ['Range: bytes=' . join ',', ('0-0') x 17], 200, $all, undef],
		['many ranges that are one', '/a.bin', ['Range: bytes=' . join ',', map { "$_-" } 0 .. 9],
			206, $all, 'bytes 0-9/10'],
		['If-Range with the tag', '/a.bin', ['Range: bytes=2-4', "If-Range: $etag"],
			206, '234', 'bytes 2-4/10'],
		['If-Range with another', '/a.bin', ['Range: bytes=2-4', 'If-Range: "x"'], 200, $all, undef],
		['If-Range with a weak one', '/a.bin', ['Range: bytes=2-4', "If-Range: W/$etag"], 200, $all, undef],
		['If-Range with a later date', '/a.bin', ['Range: bytes=2-4', "If-Range: $later"],
			200, $all, undef],
		['If-Range and a range that is not there', '/a.bin', ['Range: bytes=99-', 'If-Range: "x"'],
			200, $all, undef],
		['304 before a range', '/a.bin', ['Range: bytes=2-4', "If-None-Match: $etag"], 304, '', undef],
		['412 before a range', '/a.bin', ['Range: bytes=2-4', 'If-Match: "x"'], 412, undef, undef],
		['If-Match and a range', '/a.bin', ['Range: bytes=2-4', "If-Match: $etag"],
			206, '234', 'bytes 2-4/10'],
		['304 by date', '/a.bin', ["If-Modified-Since: $long_ago"], 304, '', undef],
		['the tag goes before the date', '/a.bin', ["If-Modified-Since: $long_ago", 'If-None-Match: "x"'],
			200, $all, undef],
		['412 by date', '/a.bin', ['If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT'], 412, undef, undef],
		['HEAD and 304', 'HEAD /a.bin', ["If-None-Match: $etag"], 304, '', undef],
		['a condition does not make a 404 a 304', '/b.bin', ['If-None-Match: *'], 404, undef, undef],
	);
	for my $row (@rows) {
		my ($what, $target, $fields, $status, $body, $range) = @$row;
		my $r = ask($w, $target, @$fields);
		is($r->{status}, $status, "$what: $status");
		is($r->{body}, $body, "$what: the body") if defined $body;
		is($r->{fields}{'content-range'}, $range, "$what: Content-Range");
		is($r->{fields}{etag}, $etag, "$what: the tag") if $status < 400;
	}
	is(ask($w, 'HEAD /a.bin')->{fields}{'content-length'}, 10, 'HEAD tells the size');
	seen($w, 'If-Range with the date, when the file is no longer new', '/a.bin',
		sub { $_[0]{status} == 206 && $_[0]{body} eq '234' }, 'Range: bytes=2-4', "If-Range: $long_ago");
};

subtest 'several ranges are one body in parts' => sub {
	for my $size (1000, 200_000) {
		my $bytes = join '', map { chr(32 + ($_ * 7 + int($_ / 90)) % 90) } 1 .. $size;
		my $w = serve(site('a.txt' => $bytes), gzip_level => 0);
		my $last = $size - 1;
		my $r = ask($w, '/a.txt', 'Range: bytes=10-19,0-4,-1,12-29');
		is($r->{status}, 206, "$size bytes: a part");
		my ($boundary) = $r->{fields}{'content-type'} =~ m{^multipart/byteranges; boundary=(\w+)$};
		ok($boundary, 'with a boundary') or next;
		is($r->{fields}{'content-range'}, undef, 'the parts have their ranges');
		my @parts = split /\r\n--\Q$boundary\E/, $r->{body}, -1;
		is($parts[0], '', 'nothing before the first');
		is($parts[-1], "--\r\n", 'and nothing behind the last');
		my @wanted = ([10, 29], [0, 4], [$last, $last]);
		for my $i (0 .. 2) {
			my ($from, $to) = @{ $wanted[$i] };
			is($parts[$i + 1], "\r\nContent-Type: text/plain; charset=utf-8\r\n"
				. "Content-Range: bytes $from-$to/$size\r\n\r\n"
				. substr($bytes, $from, $to - $from + 1), "part $i");
		}
		isnt(ask($w, '/a.txt', 'Range: bytes=0-0,2-2')->{fields}{'content-type'},
			$r->{fields}{'content-type'}, 'the next one has another boundary');
		is(ask($w, '/a.txt')->{body}, $bytes, 'and the connection goes on');
	}
};

subtest 'a file that is there in other codings is sent in the best that is liked' => sub {
	my $root = site('a.css' => $text, 'a.css.br' => 'BR', 'a.css.gz' => packed($text), 'a.css.zst' => 'ZSTD',
		'old.css' => $text, 'b.png' => 'PNG', 'b.png.gz' => 'GZ', 'd/index.html' => $text,
		'd/index.html.gz' => packed($text));
	put("$root/old.css.br", 'OLD', $LONG_AGO - 1);
	mkfifo("$root/b.css.br", 0644);
	put("$root/b.css", $text);
	my $w = serve($root, gzip_level => 0);
	my %etag;
	for my $row (['', undef], ['gzip', 'gzip'], ['gzip, br', 'br'], ['gzip, br;q=0.5', 'gzip'], ['*', 'br'],
		['zstd, gzip', 'zstd'], ['deflate', undef], ['br;q=0', undef]) {
		my ($accept, $coding) = @$row;
		my $r = ask($w, '/a.css', "Accept-Encoding: $accept");
		is($r->{fields}{'content-encoding'}, $coding, "\"$accept\" gets " . ($coding // 'it as it is'));
		is($r->{fields}{vary}, 'Accept-Encoding', 'Vary');
		is($r->{fields}{'content-type'}, 'text/css; charset=utf-8', 'the type is that of the original');
		$etag{ $coding // '' } = $r->{fields}{etag};
	}
	is(scalar(keys %{ { reverse %etag } }), 4, 'each has a tag of its own');
	is(ask($w, '/a.css')->{fields}{vary}, 'Accept-Encoding', 'who says nothing is told, too');
	my $r = ask($w, '/a.css', 'Accept-Encoding: br', "If-None-Match: $etag{br}");
	is($r->{status}, 304, 'a condition is about the one that would be sent');
	is($r->{fields}{vary}, 'Accept-Encoding', 'and a 304 says Vary');
	is(ask($w, '/a.css', 'Accept-Encoding: br', "If-None-Match: $etag{gzip}")->{status}, 200, 'and about no other');
	$r = ask($w, '/a.css', 'Accept-Encoding: br', 'Range: bytes=1-1');
	is($r->{body}, 'R', 'a range is one of the bytes in that coding');
	is($r->{fields}{'content-range'}, 'bytes 1-1/2', 'and of their size');
	is($r->{fields}{'content-encoding'}, 'br', 'which it says');
	is(ask($w, '/old.css', 'Accept-Encoding: br')->{body}, $text, 'one older than the original is not sent');
	is(ask($w, '/b.css', 'Accept-Encoding: br')->{body}, $text, 'nor is a FIFO');
	is(ask($w, '/b.png', 'Accept-Encoding: gzip')->{body}, 'PNG', 'nor is one looked for, of a picture');
	is(ask($w, '/a.css.gz')->{fields}{'content-type'}, 'application/gzip', 'by its name it is a file of its own');
	is(unpacked(ask($w, '/d/', 'Accept-Encoding: gzip')->{body}), $text, 'an index may have one');
	$r = ask($w, '/a.css', 'Accept-Encoding: identity;q=0, compress');
	is($r->{status}, 406, 'who refuses all there is gets none');
	is($r->{fields}{vary}, 'Accept-Encoding', 'and hears why');
	is(ask($w, '/b.png', 'Accept-Encoding: identity;q=0')->{status}, 406, 'nor any other one');
	is(curl('--compressed', "http://127.0.0.1:$w->{port}/d/"), $text, 'curl unpacks it');
	$w = serve($root, gzip_level => 0, precompressed => 'false');
	$r = ask($w, '/a.css', 'Accept-Encoding: br');
	is($r->{body}, $text, 'unless the setting says otherwise');
	is($r->{fields}{vary}, undef, 'and then there is nothing to vary');
};

subtest 'text is compressed for who accepts gzip' => sub {
	my @representation = qw(content-encoding content-length content-type transfer-encoding etag vary);
	my $root = site('a.txt' => $text, 'large.txt' => $large, 'small.txt' => 'x' x 1023, 'a.bin' => $text,
		'dense.txt' => join('', map { chr rand 256 } 1 .. 500));
	my $w = serve($root, gzip_min => 400);
	my $url = "http://127.0.0.1:$w->{port}";
	my $r = ask($w, '/a.txt', 'Accept-Encoding: gzip');
	is($r->{fields}{'content-encoding'}, 'gzip', 'gzip');
	is($r->{fields}{'content-length'}, length $r->{body}, 'of a size that is known');
	is(unpacked($r->{body}), $text, 'is the text');
	cmp_ok(length $r->{body}, '<', length($text) / 5, 'and much smaller');
	like($r->{fields}{etag}, qr/^W\/"/, 'with a weak tag');
	is($r->{fields}{vary}, 'Accept-Encoding', 'and Vary');
	my $plain = ask($w, '/a.txt');
	is($plain->{body}, $text, 'as it is for who says nothing');
	is($plain->{fields}{vary}, 'Accept-Encoding', 'with Vary');
	my $condition = sub { ask($w, '/a.txt', 'Accept-Encoding: gzip', "$_[0]: $_[1]{fields}{etag}")->{status} };
	is($condition->('If-None-Match', $r), 304, 'the tag makes a 304');
	is($condition->('If-Match', $r), 412, 'and being weak, no If-Match');
	is($condition->('If-None-Match', $plain), 200, 'nor the other one a 304');
	my $part = ask($w, '/a.txt', 'Accept-Encoding: gzip', 'Range: bytes=0-3');
	is($part->{body}, 'line', 'a range is one of the text as it is');
	is($part->{fields}{'content-encoding'}, undef, 'and says so');
	my $head = ask($w, 'HEAD /a.txt', 'Accept-Encoding: gzip');
	is($head->{fields}{'content-length'}, $r->{fields}{'content-length'}, 'HEAD tells the same');

	$head = ask($w, 'HEAD /large.txt', 'Accept-Encoding: gzip');
	my $first = ask($w, '/large.txt', 'Accept-Encoding: gzip');
	is_deeply([ map { $head->{fields}{$_} } @representation ], [ map { $first->{fields}{$_} } @representation ],
		'HEAD tells of a large one what GET does, without making it');
	is($first->{fields}{'transfer-encoding'}, 'chunked', 'a large one goes out while it is made');
	is(unpacked($first->{body}), $large, 'whole');
	my $second = ask($w, '/large.txt', 'Accept-Encoding: gzip');
	is($second->{fields}{'content-length'}, length $first->{body}, 'and is not made again');
	is($second->{body}, $first->{body}, 'it is the same');
	is($second->{fields}{etag}, $first->{fields}{etag}, 'with the same tag');
	is(curl('--compressed', "$url/large.txt"), $large, 'curl reads it');
	is(curl('--compressed', '--http1.0', "$url/large.txt"), $large, 'and of old');
	is(ask($w, "/$_", 'Accept-Encoding: gzip')->{fields}{'content-encoding'}, undef, "$_ is not compressed")
		for 'a.bin', 'dense.txt';
	is(ask($w, '/dense.txt', 'Accept-Encoding: gzip')->{body}, ask($w, '/dense.txt')->{body}, 'but sent');
	$w = serve($root);
	is(ask($w, '/small.txt', 'Accept-Encoding: gzip')->{fields}{'content-encoding'}, undef, 'nor what is small');
	is(ask($w, '/small.txt', 'Accept-Encoding: gzip')->{fields}{vary}, undef, 'and nothing varies');
	$w = serve($root, gzip_level => 0);
	is(ask($w, '/a.txt', 'Accept-Encoding: gzip')->{fields}{vary}, undef, 'nor anything at level 0');
	$w = serve($root, open_file_cache => 0);
	is(unpacked(ask($w, "/$_.txt", 'Accept-Encoding: gzip')->{body}), $_ eq 'a' ? $text : $large,
		"without a cache $_ is made each time") for 'a', 'large', 'a', 'large';
	$w = serve($root);
	my $c = $w->connect;
	print {$c} "GET /large.txt HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";
	my $answer = '';
	1 while sysread $c, $answer, 1 << 20, length $answer;
	my ($lines, $body) = split /\r\n\r\n/, $answer, 2;
	unlike($lines, qr/transfer-encoding|content-length/i, 'HTTP/1.0 knows no chunks');
	is(unpacked($body), $large, 'and the end of the connection ends it');
};

subtest 'who reads a large gzip slowly delays nobody, and there is a most of them' => sub {
	my $huge = join '', map { sprintf "%08x %08x\n", $_ * 2654435761 % 2**32, $_ * 40503 % 2**32 } 1 .. 600_000;
	my $w = serve(site('huge.txt' => $huge, 'a.bin' => 'x'));
	my @slow = map {
		my $c = IO::Socket::INET->new(Proto => 'tcp') or die;
		setsockopt $c, SOL_SOCKET, SO_RCVBUF, 4096;
		connect $c, Socket::pack_sockaddr_in($w->{port}, Socket::inet_aton('127.0.0.1')) or die;
		print {$c} "GET /huge.txt HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n";
		$c->flush;
		$c;
	} 1 .. 20;
	my %codings;
	for my $c (@slow) {
		my $head = $w->response_head($c);
		$codings{ $head =~ /^Content-Encoding: (\w+)/m ? $1 : 'none' }++;
		is(ask($w, '/a.bin')->{body}, 'x', 'others are served meanwhile');
	}
	is_deeply(\%codings, { gzip => 16, none => 4 }, 'whoever comes then gets it as it is');
	undef @slow;
	seen($w, 'when they are gone there is room again', 'HEAD /huge.txt',
		sub { $_[0]{fields}{'content-encoding'} }, 'Accept-Encoding: gzip');
	is(ask($w, '/a.bin')->{body}, 'x', 'and the worker serves on');
};

# Each is done to a file that is known already; then the answer is another one.
my @changes = (
	['an edit', sub { put("$_[0]/a.txt", 'another') }, 200, 'another'],
	['an edit that keeps size and date', sub { put("$_[0]/a.txt", 'OTHER') }, 200, 'OTHER'],
	['a file moved into place', sub { replace("$_[0]/a.txt", 'moved') }, 200, 'moved'],
	['a file that is gone', sub { unlink "$_[0]/a.txt" }, 404, undef],
	['a file that is cut', sub { truncate "$_[0]/a.txt", 2 }, 200, 'fi'],
	['a file of nothing', sub { truncate "$_[0]/a.txt", 0 }, 200, ''],
	['a directory in its place', sub { unlink "$_[0]/a.txt"; mkdir "$_[0]/a.txt" }, 301, undef],
	['a FIFO in its place', sub { unlink "$_[0]/a.txt"; mkfifo("$_[0]/a.txt", 0644) }, 404, undef],
	['a link in its place', sub { unlink "$_[0]/a.txt"; symlink 'b.txt', "$_[0]/a.txt" }, 200, 'second'],
	['a link out of the root', sub { unlink "$_[0]/a.txt"; symlink '/etc/passwd', "$_[0]/a.txt" }, 404, undef],
);

subtest 'what becomes of a file is noticed' => sub {
	for my $cache ({}, { open_file_cache => 0 }, { open_file_cache_bytes => 0 }) {
		for my $change (@changes) {
			my ($what, $act, $status, $body) = @$change;
			my $root = site('a.txt' => 'first', 'b.txt' => 'second');
			my $w = serve($root, open_file_cache_valid => '20ms', %$cache);
			ask($w, '/a.txt')->{body} eq 'first' or die;
			$act->($root);
			seen($w, join(' ', $what, %$cache), '/a.txt',
				sub { $_[0]{status} == $status && (!defined $body || $_[0]{body} eq $body) });
		}
	}
};

subtest 'what is not there is remembered, and noticed when it comes' => sub {
	my $root = site('a.txt' => 'a');
	my $w = serve($root, open_file_cache_valid => '20ms');
	is(ask($w, '/new.txt')->{status}, 404, 'not there') for 1 .. 3;
	put("$root/new.txt", 'new');
	seen($w, 'there', '/new.txt', sub { $_[0]{status} == 200 });
	is(ask($w, '/d/')->{status}, 404, 'no such directory');
	put("$root/d/index.html", 'index');
	seen($w, 'an index', '/d/', sub { $_[0]{body} eq 'index' });
	put("$root/a.txt.gz", packed('a'), time);
	seen($w, 'another coding', '/a.txt', sub { $_[0]{fields}{vary} });
	unlink "$root/a.txt.gz";
	seen($w, 'and that it is gone', '/a.txt', sub { !$_[0]{fields}{vary} });
};

subtest 'a file that is written to again and again is seen as it was written last' => sub {
	my $root = site('a.txt' => '00000');
	my $w = serve($root, open_file_cache_valid => '1ms');
	for my $round (1 .. 50) {
		put("$root/a.txt", sprintf '%05d', $round);    # the same size, date and inode
		ask($w, '/a.txt');
	}
	seen($w, 'the last one', '/a.txt', sub { $_[0]{body} eq '00050' });
};

subtest 'a swap of ..data, as Kubernetes does it, is noticed' => sub {
	my $root = site('..v1/app.json' => '1', '..v2/app.json' => '2');
	symlink '..v1', "$root/..data";
	symlink '..data/app.json', "$root/app.json";
	my $w = serve($root, open_file_cache_valid => '20ms');
	is(ask($w, '/app.json')->{body}, '1', 'the first version');
	symlink '..v2', "$root/..data_tmp";
	rename "$root/..data_tmp", "$root/..data";
	seen($w, 'the second one', '/app.json', sub { $_[0]{body} eq '2' });
	is(ask($w, '/..data/app.json')->{status}, 404, 'by its own name it is hidden');
};

subtest 'a link to the directory that is moved on to another release is noticed' => sub {
	my $home = site('v1/a.txt' => 'one', 'v2/a.txt' => 'two');
	symlink 'v1', "$home/current";
	# With Landlock it takes another worker: landlock.t.
	my $w = serve("$home/current", open_file_cache_valid => '20ms', landlock => 'off');
	is(ask($w, '/a.txt')->{body}, 'one', 'the first release');
	symlink 'v2', "$home/next";
	rename "$home/next", "$home/current";
	seen($w, 'the second one', '/a.txt', sub { $_[0]{body} eq 'two' });
	unlink "$home/current";
	sleep 0.05;
	is(ask($w, '/a.txt')->{body}, 'two', 'without a link the last one stays');
};

subtest 'for as long as the setting says nothing is looked at again' => sub {
	my $root = site('a.txt' => 'first');
	my $w = serve($root, open_file_cache_valid => '1h');
	is(ask($w, '/a.txt')->{body}, 'first', 'first');
	is(ask($w, '/b.txt')->{status}, 404, 'not there');
	unlink "$root/a.txt";
	put("$root/b.txt", 'b');
	is(ask($w, '/a.txt')->{body}, 'first', 'still there');
	is(ask($w, '/b.txt')->{status}, 404, 'still not there');
};

subtest 'a file that is cut while it is sent ends the connection' => sub {
	my $root = site('a.bin' => 'x' x 20_000_000);
	my $w = serve($root, open_file_cache_valid => '1h');
	my $c = $w->connect;
	print {$c} "GET /a.bin HTTP/1.1\r\nHost: t\r\n\r\n";
	my $head = $w->response_head($c);
	truncate "$root/a.bin", 1000;
	my $got = 0;
	while (my $n = sysread $c, my $bytes, 1 << 20) {
		$got += $n;
	}
	cmp_ok($got, '<', 20_000_000, 'it does not get all');
	like($w->logged, qr/ file_shortened /, 'and a line says why');
	my $r = eval { ask($w, '/a.bin') };
	ok(!$r, 'as long as it is remembered, nobody gets it');
};

subtest 'more files than are remembered are all served, and cost no more' => sub {
	my %file = map { ("d/$_.txt" => "file $_\n" x (1 + $_ % 100)) } 1 .. 3000;
	my $root = site(%file, 'big' => 'x' x 100_000, map { ("l/$_" => $_ x 70_000) } 10 .. 60);
	my $w = serve($root, open_file_cache => 40, open_file_cache_bytes => '64k');
	ask($w, '/d/1.txt');
	my $before = descriptors($w);
	my $bad = 0;
	for my $round (1 .. 2) {
		for my $i (1 .. 3000) {
			my $r = ask($w, "/d/$i.txt");
			$bad++ if $r->{body} ne $file{"d/$i.txt"};
			$r = ask($w, "/d/$i.html");
			$bad++ if $r->{status} != 404;
		}
	}
	is($bad, 0, 'each as it is');
	cmp_ok(descriptors($w), '<=', $before, 'small ones keep no file open');
	for my $i (10 .. 60) {
		$bad++ if ask($w, "/l/$i")->{body} ne $i x 70_000;
	}
	is($bad, 0, 'so are large ones');
	cmp_ok(descriptors($w), '<=', $before + 40, 'of which there are at most so many open');
	$before = descriptors($w);
	for my $i (1 .. 200) {
		replace("$root/big", chr(65 + $i % 26) x 100_000);
		ask($w, '/big');
	}
	seen($w, 'a file that was replaced often', '/big', sub { substr($_[0]{body}, 0, 1) eq chr(65 + 200 % 26) });
	cmp_ok(descriptors($w), '<=', $before + 1, 'leaves nothing behind');
	$w->signal('TERM');
	is($w->wait, 0, 'and the worker ends well');
};

subtest 'Cache-Control goes by name and by path' => sub {
	my $root = site('a.css' => 'a', 'assets/b.js' => 'b', 'c.html' => 'c');
	my $w = serve($root, cache_control => '/assets/*:public max-age=31536000 immutable,*.css:max-age=60');
	is(ask($w, '/a.css')->{fields}{'cache-control'}, 'max-age=60', 'by name');
	my $r = ask($w, '/assets/b.js');
	is($r->{fields}{'cache-control'}, 'public, max-age=31536000, immutable', 'by path');
	is(ask($w, '/assets/b.js', "If-None-Match: $r->{fields}{etag}")->{fields}{'cache-control'},
		'public, max-age=31536000, immutable', 'in a 304, too');
	is(ask($w, '/c.html')->{fields}{'cache-control'}, undef, 'and not at all');
};

subtest 'errors have pages' => sub {
	my $root = site('404.html' => '<p>lost', 'sorry.html' => '<p>sorry', 'a.txt' => 'a');
	my $w = serve($root, error_page => '404:/404.html,4xx:/sorry.html,5xx:/nowhere.html');
	my $r = ask($w, '/nope', 'Accept-Encoding: gzip', 'Range: bytes=0-1', 'If-None-Match: *');
	is($r->{status}, 404, 'the status stays');
	is($r->{body}, '<p>lost', 'the page is sent, whole');
	is($r->{fields}{'content-type'}, 'text/html; charset=utf-8', 'with its type');
	is($r->{fields}{etag}, undef, 'and no validator');
	$r = ask($w, 'HEAD /nope');
	is($r->{fields}{'content-length'}, 7, 'HEAD tells its size');
	$r = ask($w, 'DELETE /a.txt');
	is("$r->{status} $r->{body}", '405 <p>sorry', 'by pattern');
	is($r->{fields}{allow}, 'GET, HEAD, OPTIONS', 'what belongs to the status stays');
	$r = ask($w, '/a.txt', 'Range: bytes=9-');
	is("$r->{status} $r->{body}", '416 <p>sorry', 'for a range, too');
	is($r->{fields}{'content-range'}, 'bytes */1', 'with Content-Range');
	unlink "$root/404.html";
	$w = serve($root, error_page => '404:/404.html');
	$r = ask($w, '/nope');
	is("$r->{status} $r->{body}", "404 404 Not Found\n", 'a page that is not there is none');
};

subtest 'paths that a browser routes fall back to one page' => sub {
	my $root = site('index.html' => '<app>', 'a.js' => 'a', 'sub/index.html' => 'sub');
	my $w = serve($root, fallback => '/index.html', error_page => '404:/a.js');
	my $r = ask($w, '/users/7', 'Accept: text/html,*/*;q=0.8');
	is("$r->{status} $r->{body}", '200 <app>', 'a path that is not there');
	ok($r->{fields}{etag}, 'with its validators');
	is(ask($w, '/users/7', "If-None-Match: $r->{fields}{etag}")->{status}, 304, 'which count');
	is(ask($w, '/users/7/')->{body}, '<app>', 'one that ends with a slash');
	is(ask($w, '/sub/')->{body}, 'sub', 'what is there is served');
	is(ask($w, '/missing.js')->{status}, 404, 'a file that is missing is missing');
	is(ask($w, '/users/7', 'Accept: application/json')->{status}, 404, 'and so it is for who wants no page');
	my @json = ('Accept: application/json');
	my $tag = "If-None-Match: $r->{fields}{etag}";
	for my $row ([200], [304, $tag], [404, @json]) {
		my ($status, @fields) = @$row;
		my $r = ask($w, '/users/7', @fields);
		is("$r->{status} $r->{fields}{vary}", "$status Accept", "a cache is told on what this $status depends");
	}
	is(ask($w, $_, @json)->{fields}{vary}, undef, "$_ does not depend on it") for '/sub/', '/missing.js', '/.env';
	is(ask($w, "/$_")->{status}, 404, "$_ is hidden") for '.env', '.git/config', '%2egit/config', '../x', 'a%2fb';
	is(ask($w, '/%zz')->{status}, 400, 'what is malformed is malformed');
	$w = serve($root, fallback => '/index.html', gzip_min => 1);
	is_deeply([grep { /^Vary:/ } @{ ask($w, '/users/7')->{lines} }], ['Vary: Accept-Encoding', 'Vary: Accept'],
		'a page that has other codings varies by both');
};

subtest 'a directory has an index, or several' => sub {
	my $root = site('a/index.htm' => 'htm', 'b/index.htm' => 'htm', 'b/default.html' => 'default', 'c/x' => 'x');
	my $w = serve($root, index => 'default.html,index.htm');
	is(ask($w, '/a/')->{body}, 'htm', 'the one that is there');
	is(ask($w, '/b/')->{body}, 'default', 'the first');
	is(ask($w, '/c/')->{status}, 404, 'or none');
	is(ask($w, '/a')->{fields}{location}, '/a/', 'by its name with a slash');
	$w = serve($root, index => '');
	is(ask($w, '/a/')->{status}, 404, 'and none at all');
};

subtest 'a directory is listed where the setting says so' => sub {
	my $root = site('d/b.txt' => 'bb', 'd/a<&">\'.txt' => 'a', 'd/sub/x' => '', 'd/.hidden' => 'h',
		'd/j:s 100%' => 'x', 'i/index.html' => 'i');
	mkfifo("$root/d/fifo", 0644);
	symlink 'b.txt', "$root/d/inside";
	symlink '/etc/passwd', "$root/d/outside";
	my $w = serve($root, autoindex => 'true');
	my $r = ask($w, '/d/');
	is($r->{status}, 200, 'a page');
	is($r->{fields}{'content-type'}, 'text/html; charset=utf-8', 'of HTML');
	my @links = $r->{body} =~ /href="([^"]*)"/g;
	is_deeply(\@links, ['../', './sub/', './a%3C%26%22%3E%27.txt', './b.txt', './inside', './j%3As%20100%25'],
		'what would be served, in order');
	like($r->{body}, qr{>a&#60;&#38;&#34;&#62;&#39;\.txt</a><td>1<td>\Q$long_ago\E}, 'escaped, with size and date');
	unlike($r->{body}, qr/hidden|outside|fifo|passwd/, 'and nothing else');
	is(ask($w, "/d/$_")->{status}, 200, "$_ leads there") for grep { !m{/$} } @links;
	is(ask($w, '/i/')->{body}, 'i', 'an index goes before');
	like(ask($w, '/')->{body}, qr{href="\./d/"}, 'the root is listed');
	unlike(ask($w, '/')->{body}, qr{href="\.\./"}, 'and leads nowhere up');
	is(ask($w, '/d')->{status}, 301, 'by its name with a slash');
	is(ask($w, '/none/')->{status}, 404, 'what is not there is not there');
	is(ask($w, 'HEAD /d/')->{fields}{'content-length'}, length $r->{body}, 'HEAD tells the size');
	put("$root/m/$_", '') for 1 .. 4100;
	$r = ask($w, '/m/');
	is(scalar(() = $r->{body} =~ /<tr>/g), 4097, 'a large one is cut');
	like($r->{body}, qr/There is more/, 'and says so');
	$w = serve($root, autoindex => 'true', open_file_cache_valid => '1h');
	is(ask($w, '/d/')->{status}, 200, 'what is remembered as a directory');
	put("$root/d/index.html", 'index');
	is(ask($w, '/d/')->{body}, 'index', 'and has got an index shows that at once');
	is(ask($w, '/d/sub/')->{status}, 200, 'one more');
	unlink "$root/d/sub/x";
	rmdir "$root/d/sub" or die $!;
	is(ask($w, '/d/sub/')->{status}, 404, 'that is gone is not there');
	unlink "$root/d/index.html";
	$w = serve($root);
	is(ask($w, '/d/')->{status}, 404, 'nothing is listed by default');
};

subtest 'nothing outside of the root is served, and nothing but files' => sub {
	my $home = site('root/a.txt' => 'a', 'root/sub/b.txt' => 'b', 'secret.txt' => 'secret', 'root/.env' => 'secret',
		'root/.git/config' => 'secret', 'root/.well-known/x' => 'x', 'root/sub/.well-known/x' => 'secret');
	my $root = "$home/root";
	symlink '../secret.txt', "$root/out";
	symlink "$home/secret.txt", "$root/absolute";
	symlink '..', "$root/up";
	symlink 'sub/b.txt', "$root/in";
	mkfifo("$root/fifo", 0644);
	my $has_device = system('mknod', "$root/zero", 'c', 1, 5) == 0;
	my $w = serve($root, open_file_cache_valid => 0);
	for my $path (qw(/../secret.txt /%2e%2e/secret.txt /..%2fsecret.txt /%2e%2e%2fsecret.txt
		/%252e%252e/secret.txt /sub/../../secret.txt /sub/..%5c..%5csecret.txt /..\secret.txt
		/..%c0%afsecret.txt
		/out /absolute /up/secret.txt /up/root/a.txt /.env /.git/config /%2eenv /sub/.well-known/x /fifo /zero
		//etc/passwd /etc/passwd /%2fetc%2fpasswd /a.txt/ /a.txt%2f /proc/self/environ)) {
		my $r = ask($w, $path);
		is($r->{status}, 404, $path) or diag($r->{body});
	}
	is(ask($w, "/$_")->{status}, 400, "/$_") for '%00', 'a.txt%00.html', 'a%0d%0ab', '%', '%4', '%zz';
	is(ask($w, '/in')->{body}, 'b', 'a link that stays inside is followed');
	is(ask($w, '/.well-known/x')->{body}, 'x', '/.well-known/ is for all');
	is(ask($w, '/%61.t%78t')->{body}, 'a', 'a name may be escaped');
	ok(!sysopen(my $fifo, "$root/fifo", O_WRONLY | O_NONBLOCK), 'nobody has opened the FIFO');
	ask($w, '/fifo') for 1 .. 50;
	ok(!sysopen($fifo, "$root/fifo", O_WRONLY | O_NONBLOCK), 'nor does anybody hold it');
	note('no device: mknod is not allowed') if !$has_device;
};

subtest 'media types come from a file' => sub {
	my $root = site('a.txt' => 'a', 'a.css' => 'a', 'a.mine' => 'a');
	my $types = site('types' => "# mine\nx/y-z\tmine txt\nbroken\n");
	my $w = serve($root, mime_types => "$types/types");
	is(ask($w, '/a.mine')->{fields}{'content-type'}, 'x/y-z', 'a new one');
	is(ask($w, '/a.txt')->{fields}{'content-type'}, 'x/y-z', 'one in place of ours');
	is(ask($w, '/a.css')->{fields}{'content-type'}, 'text/css; charset=utf-8', 'and ours for the rest');
	for my $name ("$types/none", $types, '/dev/zero') {
		$w = Worker->start(app => $root, set => { mime_types => $name });
		like($w->message, qr/^LOAD_FAILED mime_types: "\Q$name\E": .*; allowed is a file/, "$name is none");
		is($w->wait, 4, 'and the worker ends');
	}
};

subtest 'what the settings may not be is refused before anything starts' => sub {
	for my $row (
		['--cache-control', '*.css', '"*.css" is not GLOB:DIRECTIVES: allowed are'],
		['--error-page', '404:lost.html', '"404:lost.html" is not STATUS:/PATH: allowed are'],
		['--index', 'a,../b', '"../b" is not the name of a file: allowed are'],
		['--fallback', 'index.html', '"index.html" is not the path of a file: allowed is'],
		['--gzip-level', 10, '"10" is out of range: allowed are 0 to 9'],
	) {
		my ($flag, $value, $reason) = @$row;
		my ($status, $output) = Narwhal->run(args => ['--check-config', $flag, $value, 'examples/public']);
		is($status, 1, "$flag=$value");
		like($output, qr/^narwhal: $flag: \Q$reason\E/, 'says why');
	}
	my ($status) = Narwhal->run(args => ['--check-config', '--cache-control', '*.css:max-age=1,/a/*:no-store',
		'--error-page', '404:/404.html,5xx:/x', '--index', '', '--fallback', '/index.html', 'examples/public']);
	is($status, 0, 'what they may be is not');
};

done_testing;
