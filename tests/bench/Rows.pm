package Rows;

# What is measured, one row each:
#	name         what it is called in the table, and what --rows looks for
#	app          'hello' (the C module; nginx: return 200), 'drop', 'size' or 'files'
#	path, size   what is asked for, and how long a body has to come
#	connections  wrk's
#	subject      whose figures are judged; narwhal's unless said otherwise
#	beside       what its CPU per request is divided by, in each round: nginx unless said otherwise
#	others       rivals that are shown only; `bare` is the limit
#	aim          the most that this ratio may be
#	close => 1   a new connection for each request
#	pipeline     requests that are sent at once
#	post         bytes of a body that is sent with each request
# A file of a row is made by its size: add a row and it is there.

use strict;
use warnings;

my $HELLO = "Hello, World!\n";
my ($KIB, $MIB) = (1024, 1024 * 1024);

my @ROWS = (
	{
		name => 'hello, keep-alive', app => 'hello', path => '/',
		size => length $HELLO, connections => 64, aim => 0.92, others => ['bare'],
	},
	{
		name => 'hello, 16 pipelined', app => 'hello', path => '/',
		size => length $HELLO, connections => 64, aim => 0.11, others => ['bare'],
		pipeline => 16,
	},
	{
		name => 'hello, a connection each', app => 'hello', path => '/',
		size => length $HELLO, connections => 64, aim => 0.90, others => ['bare'],
		close => 1,
	},
	{
		name => 'hello, access log on', app => 'hello', path => '/',
		size => length $HELLO, connections => 64, aim => 1.03,
		subject => 'narwhal+log', beside => 'narwhal', others => [ 'nginx', 'nginx+log' ],
	},
	{
		name => 'file, 1 KiB', app => 'files', path => '/1k.txt', size => $KIB,
		connections => 64, aim => 0.53, others => [ 'nginx+cache', 'bare' ],
	},
	{
		name => 'file, 100 KiB', app => 'files', path => '/100k.txt', size => 100 * $KIB,
		connections => 64, aim => 0.78, others => [ 'nginx+cache', 'bare' ],
	},
	{
		name => 'file, 10 MiB', app => 'files', path => '/10m.txt', size => 10 * $MIB,
		connections => 16, aim => 0.98, others => [ 'nginx+cache', 'bare' ],
	},
	{
		name => 'POST, 1 MiB', app => 'drop', path => '/size', size => 16,
		connections => 16, aim => 0.45, others => ['bare'], post => $MIB,
	},
	{
		name => 'POST, 1 MiB, kept', app => 'size', path => '/size', size => 16,
		connections => 16, aim => 1.00, beside => 'nginx+body', others => [ 'nginx', 'bare' ],
		post => $MIB,
	},
);

sub matching {
	my ($pattern) = @_;
	return grep { $_->{name} =~ /$pattern/ } @ROWS;
}

sub subject { return $_[0]{subject} // 'narwhal' }
sub beside { return $_[0]{beside} // 'nginx' }

# Whom a row needs.
sub kinds {
	my ($row) = @_;
	return (subject($row), beside($row), @{ $row->{others} // [] });
}

sub body {
	my ($row) = @_;
	return $HELLO if $row->{app} eq 'hello';
	return sprintf "%09u bytes\n", $row->{post} if $row->{post};
	my $line = "The unicorn lives in the sea where the whale swims, and has a long tooth.\n";
	return substr($line x (1 + $row->{size} / length $line), 0, $row->{size});
}

# Writes the bodies below $dir/public, where nginx and narwhal serve and bare takes its answer.
sub write_files {
	my ($dir) = @_;
	mkdir "$dir/public" or die "bench: $dir/public: $!\n";
	for my $row (@ROWS) {
		my $path = file($dir, $row);
		open my $out, '>', $path or die "bench: $path: $!\n";
		print {$out} body($row);
		close $out or die "bench: $path: $!\n";
	}
	return;
}

sub file {
	my ($dir, $row) = @_;
	return "$dir/public" . ($row->{path} eq '/' ? '/hello.txt' : $row->{path});
}

1;
