package Rows;

# What is measured, one row each:
#	name         what it is called in the table, and what --rows looks for
#	app          'hello' (the C module; nginx: return 200) or 'files'
#	path, size   what is asked for, and how long a body has to come
#	connections  wrk's
#	aim          of the CPU per request, as a ratio to nginx's
#	close => 1   a new connection for each request
#	pipeline     requests that are sent at once
# A file of a row is made by its size: add a row and it is there.

use strict;
use warnings;

my $HELLO = "Hello, World!\n";

my @ROWS = (
	{
		name => 'hello, keep-alive', app => 'hello', path => '/',
		size => length $HELLO, connections => 64, aim => 1.00,
	},
	{
		name => 'hello, a connection each', app => 'hello', path => '/',
		size => length $HELLO, connections => 64, aim => 1.00, close => 1,
	},
	{
		name => 'file, 1 KiB', app => 'files', path => '/1k.txt',
		size => 1024, connections => 64, aim => 1.00,
	},
	{
		name => 'file, 100 KiB', app => 'files', path => '/100k.txt',
		size => 102_400, connections => 64, aim => 1.00,
	},
);

sub matching {
	my ($pattern) = @_;
	return grep { $_->{name} =~ /$pattern/ } @ROWS;
}

sub body {
	my ($row) = @_;
	return $HELLO if $row->{app} eq 'hello';
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
