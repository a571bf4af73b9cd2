# Narwhal's own tests on aarch64, in virtual machines, with programs that were built for it here. KERNELS
# says under which, as RELEASE:FLAVOUR of Debian's; TESTS which. See `make aarch64`.
use strict;
use warnings;

use Test::More;

use Foreign;
use Kernel;

# Linux 6.1; and 6.12 with pages of 16 KiB.
my @kernels = split ' ', $ENV{KERNELS} || 'bookworm:arm64 trixie:arm64-16k';

# What the architecture decides: system calls by number, credentials, memory across an exec. Others are for TESTS:
# a machine some fifty times slower than its host exceeds the times that several of them give a client.
my @SYSTEM = qw(landlock privileges sandbox signals tls upgrade);
my $tests = $ENV{TESTS} || join ' ', '$BUILD/tests/unit/*_test', map { "tests/system/$_.t" } @SYSTEM;

for (@kernels) {
	my ($suite, $flavour) = split /:/;
	my $kernel = Kernel->get($suite, flavour => $flavour, root => Foreign::root('arm64'));
	my $end = $kernel->run("prove --timer --jobs 2 -Itests/lib $tests", modules => [qw(tls veth)],
		memory => 2048, processors => 2, seconds => 3600);

	is($end->{status}, 0, $kernel->release) or diag $end->{console};
	diag $end->{output};
}
done_testing;
