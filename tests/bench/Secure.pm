package Secure;

# The part of TLS: narwhal and nginx with the same certificate, suite and curves. Rows under load,
# handshakes one after the other, 10,000 idle clients, and what repeats of a request.

use strict;
use warnings;

use IPC::Open2;

use Count;
use Crowd;
use Load;
use Machine;
use Process;
use Report;
use Rounds;
use Server;

my $HELLO = 14;
my $KIB = 1024;
my $CLIENTS = 10_000;

# As in Rows.pm, and: tls  the kind of the certificate; greet  how greet.c comes, instead of wrk.
my @ROWS = (
	{
		name => 'TLS: hello, keep-alive', tls => 'ec', app => 'hello', path => '/',
		size => $HELLO, connections => 64, aim => 0.94,
	},
	{
		name => 'TLS: file, 100 KiB', tls => 'ec', app => 'files', path => '/100k.txt',
		size => 100 * $KIB, connections => 64, aim => 0.70,
	},
	{
		name => 'TLS: file, 10 MiB', tls => 'ec', app => 'files', path => '/10m.txt',
		size => 10 * $KIB * $KIB, connections => 16, aim => 1.00,
	},
	{
		name => 'TLS: full handshake, P-256', tls => 'ec', app => 'hello', path => '/',
		size => $HELLO, greet => 'full', aim => 1.00,
	},
	{
		name => 'TLS: full handshake, RSA-2048', tls => 'rsa', app => 'hello', path => '/',
		size => $HELLO, greet => 'full', aim => 1.00,
	},
	{
		name => 'TLS: full handshake, P-256, keys apart', tls => 'ec', app => 'hello', path => '/',
		size => $HELLO, greet => 'full', aim => 1.15, subject => 'narwhal+keys',
	},
	{
		name => 'TLS: full handshake, RSA-2048, keys apart', tls => 'rsa', app => 'hello',
		path => '/', size => $HELLO, greet => 'full', aim => 1.15, subject => 'narwhal+keys',
	},
	{
		name => 'TLS: resumed handshake, P-256', tls => 'ec', app => 'hello', path => '/',
		size => $HELLO, greet => 'resumed', aim => 1.00,
	},
);

# What an idle client may hold, of nginx's; and the most that one of 64 hellos at once may cost.
my $MEMORY_AIM = 0.60;
my %GATE = (instructions => 17_500, calls => 2.15);

my %KEY = (
	ec => [ qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256) ],
	rsa => [ qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048) ],
);

sub rows {
	my ($pattern) = @_;
	return grep { $_->{name} =~ /$pattern/ } @ROWS;
}

# Certificates, and the program that greets.
sub prepare {
	my ($with) = @_;
	my $dir = $with->{dir};
	for my $kind (sort keys %KEY) {
		Machine::run('openssl', 'genpkey', @{ $KEY{$kind} }, '-out', "$dir/$kind.key");
		Machine::must_run(qw(openssl req -x509 -new -days 30 -subj /CN=bench -key),
			"$dir/$kind.key", '-out', "$dir/$kind.crt");
	}
	Machine::must_run(qw(cc -std=c17 -O2 -D_GNU_SOURCE -o), "$dir/greet", "$with->{source}/greet.c",
		qw(-lssl -lcrypto));
	return;
}

# Bytes for each of the crowd. Some have come and gone before: what stays of them is no client's.
sub memory {
	my ($kind, %with) = @_;
	my $server = Server->start($kind, %with, workers => 2, app => 'hello', tls => 'ec',
		connections => Crowd::room());
	hold($server, $with{dir}, 200, sub { });
	my $before = Crowd::private_bytes($server);
	my $bytes;
	hold($server, $with{dir}, $CLIENTS,
		sub { $bytes = (Crowd::private_bytes($server) - $before) / $CLIENTS });
	$server->stop;
	return $bytes;
}

sub hold {
	my ($server, $dir, $count, $meanwhile) = @_;
	my $pid = open2(my $out, my $in, "$dir/greet", $server->{port}, 'hold', $count);
	(<$out> // '') eq "held\n" or die "bench: $server->{kind}: not all of $count clients came\n";
	$meanwhile->();
	close $in;
	waitpid $pid, 0;
	return;
}

sub count_row { return (rows('hello, keep-alive'))[0] }

# What repeats of one of 64 hellos at once.
sub count {
	my ($kind, %with) = @_;
	return Count::measure($kind, count_row(), 64, %with);
}

sub goals {
	my ($own) = @_;
	return (
		Report::goal('TLS: hello: user instructions', $GATE{instructions}, $own->{instructions},
			'', '%.0f'),
		Report::goal('TLS: hello: system calls', $GATE{calls}, $own->{calls}{total}, ''),
	);
}

sub memory_goal {
	my ($own, $nginx) = @_;
	return Report::goal("TLS: $CLIENTS idle: memory to nginx", $MEMORY_AIM, $own / $nginx, '');
}

sub memory_heading { return [ "$CLIENTS idle connections with TLS", 'private bytes each' ] }

1;
