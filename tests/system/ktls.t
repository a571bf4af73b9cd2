# kTLS: the kernel makes the records of what is sent. Here where this kernel can; and on Debian's, in a
# virtual machine, by kernels.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use Narwhal;
use Tls;

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $ca = Tls::authority($dir, 'ca');
my $pair = Tls::certificate($dir, 'site', by => $ca);
mkdir "$dir/public";
Narwhal::write_file("$dir/public/hello", "hello\n");
chmod 0644, glob "$dir/public/*";

sub start {
	my (@args) = @_;
	my $n = Narwhal->start(bind => 0, args => ['--bind-tls', '127.0.0.1:0', '--certfile', $pair->{certificate},
		'--keyfile', $pair->{key}, @args]);

	$n->wait_ready;
	return $n;
}

# What the kernel has counted.
sub counted {
	my ($name) = @_;
	open my $file, '<', '/proc/net/tls_stat' or return 0;
	my ($count) = map { /^\Q$name\E\s+(\d+)/ } <$file>;
	return $count;
}

my $there = -e '/proc/net/tls_stat';

subtest 'where the kernel has no kTLS, a line says so and the service goes on without' => sub {
	plan(skip_all => 'this one has it') if $there;
	my $n = start('--ktls', "$dir/public");
	my @said = grep { / ktls_missing / } $n->lines;

	is(scalar @said, 1, 'one line, however many workers there are');
	like($said[0], qr/ warning ktls_missing error=\w+ remedy="[^"]+"/, 'with the cause and the remedy');
	is(Tls::connect($n->port)->request('GET', '/hello')->{body}, "hello\n", 'and it serves');
	$n->signal('HUP');
	$n->wait_line(qr/ ktls_missing /);
	is($n->stop, 0, 'it ends');

	my ($status, $said) = Narwhal->run(args => ['check', '--bind-tls', '127.0.0.1:0', '--certfile',
		$pair->{certificate}, '--keyfile', $pair->{key}, '--ktls', "$dir/public"]);
	like($said, qr/^advice +kernel's TLS +\w.*\n.* modprobe tls, on the host$/m, 'as narwhal check does');
};

done_testing;
