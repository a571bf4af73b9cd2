# Narwhal on another kernel than this machine's: Debian 12's, in a virtual machine of which it is PID 1.
# What differs between kernels is tried there by the tests themselves. `make kernels` does more of it.
use strict;
use warnings;

use Test::More;

use Kernel;

my @TESTS = (map({ "\$BUILD/tests/unit/${_}_test" } qw(landlock readback filter_load fd channel)),
	map { "tests/system/$_.t" } qw(landlock ktls));

my $kernel = Kernel->get('bookworm');
# An orphan that nobody reaped would be there for ever, and so would this.
my $end = $kernel->boot(<<~'SH', command => "prove --timer -Itests/lib @TESTS", modules => ['tls'], seconds => 600);
	exec $BUILD/narwhal -- sh -c '
		uname -r >/run/out/release; cat /proc/1/comm >/run/out/init
		orphan=$(sh -c "sleep 0 >/run/out/orphan & echo \$!")
		while kill -0 $orphan 2>/dev/null; do :; done
		sh /run/command >/run/out/output 2>&1; echo $? >/run/out/status
		exit 42'
	SH
my %said = %{ $end->{files} };
is($said{release}, $kernel->release . "\n", "the machine's kernel is Debian's");
is($said{init}, "narwhal\n", 'narwhal is its first process');
is($said{status}, "0\n", 'the tests pass there') or diag($said{output}, $end->{console});
like($said{output}, qr/^Result: PASS$/m, 'all of them');
like($end->{console}, qr/Attempted to kill init! exitcode=0x00002a00/,
	"when narwhal ends the kernel panics, and tells the program's status");
done_testing;
