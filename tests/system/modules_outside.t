#!/usr/bin/perl
# A module's author has what `make headers` installs, a compiler and pkg-config: the examples, and
# what `narwhal new module` writes, are built with nothing else, and served.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep time);
use Worker;

$SIG{PIPE} = 'IGNORE';
# An author's make is nobody's child: `make -C` above would have it tell where it is.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
is(system("make -s -C $Worker::ROOT headers PREFIX=$dir/prefix BUILD=$Worker::BUILD"), 0, 'make headers');
local $ENV{PKG_CONFIG_PATH} = "$dir/prefix/share/pkgconfig";
like(`pkg-config --modversion narwhal`, qr/^\d+\.\d+\.\d+$/, 'pkg-config knows the version');
my $flags = `pkg-config --cflags narwhal`;
$flags =~ s/\s+$//;
is($flags, "-I$dir/prefix/include", 'and where the header is');

my $cc = 'cc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -shared -fPIC';
for my $file (glob "$Worker::ROOT/examples/*.c") {
	my ($name) = $file =~ m{(\w+)\.c$};
	my $libraries = $name eq 'upload' ? '-lcrypto' : '';
	is(system("$cc $flags -o $dir/$name.so $file $libraries"), 0, "$name is built");
}

sub ready {
	my ($name, %option) = @_;
	return Worker->ready(app => "$dir/$name.so", %option);
}

sub ask {
	my ($w, $method, $target, $body) = @_;
	my $c = $w->connect;
	print {$c} join "\r\n", "$method $target HTTP/1.1", 'Host: test',
		'Content-Length: ' . length($body // ''), '', $body // '';
	return $w->response($c);
}

sub lines_of {
	my ($name) = @_;
	open my $file, '<', $name or die "$name: $!";
	return <$file>;
}

is(ready('hello')->get('/')->{body}, "Hello, World!\n", 'hello serves');

subtest 'kv keeps keys for all workers' => sub {
	my %with = (set => {app_options => "map=$dir/map"});
	my ($one, $other) = (ready('kv', %with), ready('kv', %with));
	is(ask($one, 'PUT', '/a', "say \"hi\"\n")->{status}, 201, 'a new key');
	is(ask($other, 'PUT', '/a', "say \"hi\"\n")->{status}, 204, 'an old one, at another worker');
	is($other->get('/a')->{body}, qq({"key":"a","value":"say \\u0022hi\\u0022\\u000a"}\n), 'its value');
	is($one->get('/b')->{status}, 404, 'no such key');
	is(ask($one, 'PUT', '/b', 'x' x 952)->{status}, 201, 'a large value');
	is(ask($one, 'PUT', '/b', 'x' x 953)->{status}, 413, 'a too large one');
	is($one->get('/')->{fields}{'content-type'}, 'application/json', 'the list');
	like($other->get('/')->{body}, qr/^\{"keys":\["[ab]","[ab]"\]\}\n$/, 'of keys');
	is(ask($other, 'DELETE', '/a')->{status}, 204, 'one goes');
	is($one->get('/a')->{status}, 404, 'for all');
	is(ask($one, 'POST', '/a', 'x')->{status}, 405, 'another method');
	is(ask($one, 'PUT', '/' . 'k' x 65, 'x')->{status}, 404, 'a key that is too long');
	ask($one, 'PUT', "/k$_", 'x') for 1 .. 1023;
	is(ask($one, 'PUT', '/one-too-many', 'x')->{status}, 507, 'a full map says so');
	is(ask($other, 'PUT', '/k7', 'new')->{status}, 204, 'and still takes new values');
};

subtest 'a worker that is killed leaves the map whole' => sub {
	my %with = (set => {app_options => "map=$dir/killed"});
	my $survivor = ready('kv', %with);
	for my $round (1 .. 10) {
		my $victim = ready('kv', %with);
		my $c = $victim->connect;
		print {$c} map { "PUT /k$_ HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n" . 'v' x 900 } 1 .. 50;
		$victim->response($c);
		$victim->signal('KILL');
		is($victim->wait, 'signal 9', "round $round: one is killed at work") or last;
		like($survivor->get('/k1')->{body}, qr/"v{900}"/, 'the other one serves on') or last;
	}
};

subtest 'upload sums up a body as it comes' => sub {
	my $w = ready('upload', set => {limit_request_body => '1g'});
	my $body = join '', map { chr($_ * 7 % 256) x 1000 } 1 .. 5000;
	is(ask($w, 'PUT', '/x', $body)->{body}, sha256_hex($body) . " 5000000\n", 'a large one');
	is(ask($w, 'POST', '/x', 'a')->{body}, sha256_hex('a') . " 1\n", 'a small one');
	is($w->get('/')->{status}, 400, 'none');
	my ($size) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } lines_of("/proc/$w->{pid}/status");
	cmp_ok($size, '<', 100000, "in $size KiB of memory");
};

subtest 'narwhal new module writes one to begin with' => sub {
	my $narwhal = "$Worker::BUILD/narwhal";
	is(system("cd $dir && $narwhal new module my_first"), 0, 'it is written');
	is(join(' ', map { m{([^/]+)$} } sort glob "$dir/my_first/*"), 'Makefile README.md my_first.c', 'all of it');
	is(system("make -s -C $dir/my_first CFLAGS='-Wall -Wextra -Werror'"), 0, 'it can be built');
	is(system("cp $dir/my_first/my_first.so $dir/first.so"), 0, 'and');
	is(ready('first')->get('/world')->{body}, "Hello, /world!\n", 'it serves');
	mkdir "$dir/tools";
	system("ln -s \$(command -v $_) $dir/tools/") for qw(cc as ld make sh);
	is(`PATH=$dir/tools make -s -B -C $dir/my_first CFLAGS=-I$dir/prefix/include 2>&1`, '',
		'without pkg-config too, and nothing is said of it');
	my $said = `cd $dir && $narwhal new module my_first 2>&1`;
	is($? >> 8, 1, 'a second time it is refused');
	is($said, qq(narwhal: new module "my_first": File exists: nothing is written over\n), 'in words');
	for my $name ('', '9x', '_x', 'a-b', '../a', 'A', 'a' x 33) {
		like(`cd $dir && $narwhal new module '$name' 2>&1`, qr/allowed are up to 32/,
			"no name: $name");
	}
	like(`$narwhal $_ 2>&1`, qr/narwhal new module NAME/, "what is meant by: $_")
		for 'new', 'new module', 'new thing x', 'new module a b';
};

done_testing;
