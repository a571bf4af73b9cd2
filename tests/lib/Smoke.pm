# Smoke - one request of each kind, for a service in a place where it has not been yet.
#
#	my $site = Smoke::site();		# a directory to serve, which the test may mount somewhere
#	Smoke::served('in that place', $connect);	# $connect->() gives a Narwhal::Connection
package Smoke;

use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $TEXT = "a line of text\n" x 1000;

# What a service of Smoke::site() has to be started with.
our @SETTINGS = ('--accesslog', '-', '--autoindex', '--fallback', '/index.html', '--error-page', '404:/404.html');

sub site {
	my $dir = tempdir(CLEANUP => 1);
	my %content = ('index.html' => "hello\n", '404.html' => "nothing there\n", 'text.txt' => $TEXT,
		'large.bin' => "\0" x (1 << 20), 'sub/other.css' => 'p {}');

	mkdir "$dir/sub";
	for my $name (keys %content) {
		open my $file, '>', "$dir/$name" or die "$dir/$name: $!";
		print {$file} $content{$name};
		close $file or die "$dir/$name: $!";
	}
	chmod 0755, $dir, "$dir/sub";
	return $dir;
}

# method, target, fields; status and a look at the response.
my @requests = (
	[ 'an index', GET => '/', {}, 200, sub { $_[0]{body} eq "hello\n" } ],
	[ 'a file', GET => '/text.txt', {}, 200, sub { $_[0]{body} eq $TEXT } ],
	[ 'the same file', GET => '/text.txt', {}, 200, sub { $_[0]{body} eq $TEXT } ],
	[ 'a file compressed', GET => '/text.txt', { 'Accept-Encoding' => 'gzip' }, 200,
		sub { ($_[0]{fields}{'content-encoding'} // '') eq 'gzip' } ],
	[ 'a large file', GET => '/large.bin', {}, 200, sub { length $_[0]{body} == 1 << 20 } ],
	[ 'a part of it', GET => '/large.bin', { Range => 'bytes=10-19' }, 206, sub { length $_[0]{body} == 10 } ],
	[ 'two parts', GET => '/large.bin', { Range => 'bytes=0-1,9-10' }, 206, sub { 1 } ],
	[ 'a head', HEAD => '/text.txt', {}, 200, sub { $_[0]{fields}{'content-length'} == length $TEXT } ],
	[ 'one that it has', GET => '/text.txt', { 'If-Modified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT' }, 304,
		sub { 1 } ],
	[ 'a listing', GET => '/sub/', {}, 200, sub { $_[0]{body} =~ /other\.css/ } ],
	[ 'a directory without its slash', GET => '/sub', {}, 301, sub { 1 } ],
	[ 'nothing', GET => '/none.txt', {}, 404, sub { $_[0]{body} eq "nothing there\n" } ],
	[ 'a page of the app', GET => '/page', { Accept => 'text/html' }, 200, sub { $_[0]{body} eq "hello\n" } ],
	[ 'a body', POST => '/', { body => 'x' x 100_000 }, 405, sub { 1 } ],
);

# One test for each; all of them on connections of their own.
sub served {
	my ($where, $connect) = @_;

	for my $request (@requests) {
		my ($name, $method, $target, $fields, $status, $look) = @$request;
		my $response = eval { $connect->()->request($method, $target, %$fields, Connection => 'close') };
		ok($response && $response->{status} == $status && $look->($response), "$where: $name")
			or diag $@ || ($response ? $response->{head} : 'no answer');
	}
	return;
}

1;
