# What the linker was asked for is in the programs.
use strict;
use warnings;
use Test::More;
use Lint qw(needs output);

plan(skip_all => 'a build with sanitizers is neither static nor fortified') if $ENV{SANITIZE};
needs('readelf');
my $BUILD = $ENV{BUILD} // 'build';

sub elf {
	my ($program) = @_;
	my ($text, $status) = output('readelf', '-W', '-h', '-l', '-d', '-s', $program);

	is($status, 0, "readelf reads $program") or diag($text);
	return $text;
}

sub hardened {
	my ($program, $elf) = @_;

	like($elf, qr/^\s+Type:\s+DYN\b/m, "$program is position-independent");
	like($elf, qr/^\s+GNU_RELRO\b/m, "$program has RELRO");
	like($elf, qr/\bBIND_NOW\b|FLAGS_1.*\bNOW\b/, "$program binds everything at its start");
	like($elf, qr/^\s+GNU_STACK\s.*\sRW\s/m, "$program has no executable stack");
	unlike($elf, qr/^\s+LOAD\s.*\sRWE\s/m, "$program has nothing writable and executable");
	unlike($elf, qr/\((?:RPATH|RUNPATH|TEXTREL)\)/, "$program has no search path and no TEXTREL");
	like($elf, qr/__stack_chk_fail/, "$program has the stack protector");
	like($elf, qr/__\w+_chk\b/, "$program is fortified");
	return;
}

my $arbiter = elf("$BUILD/narwhal");
hardened('narwhal', $arbiter);
unlike($arbiter, qr/^\s+INTERP\b/m, 'narwhal is static: it needs no loader');
unlike($arbiter, qr/\(NEEDED\)/, 'narwhal needs no library');

my $worker = elf("$BUILD/narwhal-worker");
hardened('narwhal-worker', $worker);
my @needed = $worker =~ /\(NEEDED\).*\[(\S+?)\]/g;
is_deeply([grep { !/^(?:libc|libdl|libcrypto|libssl|libz|ld-linux-aarch64)\.so/ } @needed], [],
	'narwhal-worker needs only the libraries that it should');
done_testing;
