# `narwhal alive`, which a liveness probe calls: whether PID 1 turns its loop, whatever its workers do.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $dir = tempdir(CLEANUP => 1);
my $pidfile = "$dir/pid";

sub probe {
	return Narwhal->run(args => [ 'alive', '--pidfile', $pidfile, @_ ]);
}

subtest 'an arbiter that runs is alive, also while it serves nobody' => sub {
	my $n = Narwhal->start(args => [ '--pidfile', $pidfile, '--drain-delay', 3600, $HELLO ]);

	$n->wait_ready;
	my ($status, $output) = probe();
	is($status, 0, 'it is alive');
	is($output, '', 'and the probe says nothing');
	$n->signal('TERM');
	$n->wait_line(qr/ unready /);
	is((probe())[0], 0, 'it is while it drains');

	my $pid = $n->arbiter;
	kill 'STOP', $pid;
	$n->wait_until('it stands still', sub { (Narwhal::stat_fields($pid))[0] eq 'T' });
	($status, $output) = probe();
	is($status, 1, 'one that stands still is not');
	like($output, qr/^narwhal: process $pid has not looked at its signals for \d+ ms$/m, 'the probe says why');
	kill 'CONT', $pid;
	$n->signal('INT');
	is($n->wait_end, 0, 'it ends');
	($status, $output) = probe();
	is($status, 1, 'one that has ended is not');
	like($output, qr/^narwhal: pidfile: /, 'and the probe says why');
};

subtest 'PID 1 of a container is found without a file, in init mode, too' => sub {
	my $script = "$Narwhal::BUILD/narwhal alive; echo alive=\$?";
	my ($status, $output) = Narwhal->run(pid1 => 1, args => [ '--', 'sh', '-c', $script ]);
	is($status, 0, 'the program ran');
	like($output, qr/^alive=0$/m, 'its init is alive');
};

subtest 'PID 1 that is somebody else is told of' => sub {
	my ($status, $output) = Narwhal->run(args => ['alive']);
	is($status, 1, 'not alive');
	like($output, qr/^narwhal: process 1 is no narwhal, but ".*": give --pidfile/m, 'why');
};

done_testing;
