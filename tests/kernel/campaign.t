# Narwhal's own tests on other kernels, each in a virtual machine: those which ask the kernel for something
# that another one has not, or does otherwise. KERNELS says whose, TESTS which. See `make kernels`.
use strict;
use warnings;

use Test::More;

use Kernel;

my $NARWHAL = ($ENV{BUILD} // 'build') . '/narwhal';

# Debian's releases: Linux 5.10, 6.1, 6.12, and what is newest.
my @kernels = split ' ', $ENV{KERNELS} || 'bullseye bookworm trixie sid';

my @UNITS = qw(adoption channel errand fd filter_kernel filter_load groups inherit introduction keyholder_desk
	landlock listener loop net notifier notify oom outsider path_watch pidfile preload readback readiness);
# None whose limits are of time or CPU time: those would measure QEMU.
my @SYSTEM = qw(causes init_mode ktls landlock listen notify privileges signals worker_limits);
my $tests = $ENV{TESTS}
	|| join ' ', map({ "\$BUILD/tests/unit/${_}_test" } @UNITS), map { "tests/system/$_.t" } @SYSTEM;

# No shell, no /proc and no /dev but what the kernel makes: narwhal and a program, all the files there are.
sub is_first_and_alone {
	my ($kernel) = @_;
	my $end = $kernel->boot('', append => 'rdinit=/narwhal -- --version', files => { narwhal => $NARWHAL });

	like($end->{console}, qr/^narwhal \d/m, 'the kernel starts it, with the words of the command line');
	like($end->{console}, qr/Attempted to kill init! exitcode=0x00000000/, 'its end is the end of the machine');
	return;
}

# Ctrl-Alt-Del is SIGINT for PID 1, if it is not to restart the machine at once: a quick stop.
sub stops_by_keys {
	my ($kernel) = @_;
	my $end = $kernel->boot(<<~'SH',
		echo 0 >/proc/sys/kernel/ctrl-alt-del
		exec $BUILD/narwhal --bind 127.0.0.1:0 examples/public
		SH
		press => [ qr/ info ready /, 'ctrl-alt-delete' ]);

	like($end->{console}, qr/ info stopped status=0 reason="SIGINT from 0"/, 'Ctrl-Alt-Del ends a service');
	like($end->{console}, qr/Attempted to kill init! exitcode=0x00000000/, 'with status 0');
	return;
}

for my $suite (@kernels) {
	my $kernel = Kernel->get($suite);
	subtest "$suite: narwhal is the machine's first process" => sub {
		is_first_and_alone($kernel);
		stops_by_keys($kernel);
	};
	my $end = $kernel->run("prove --timer -Itests/lib $tests", modules => [qw(tls veth)], memory => 1536,
		seconds => $ENV{SECONDS} || 3600);

	is($end->{status}, 0, "$suite: " . $kernel->release) or diag $end->{console};
	diag $end->{output};
}
done_testing;
