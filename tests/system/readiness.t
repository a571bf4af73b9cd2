# The ready file, and `narwhal ready`, which a probe calls.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir = tempdir(CLEANUP => 1);
my $file = "$dir/ready";

chmod 0755, $dir;

sub content {
	open my $f, '<', $file or return '';
	local $/;
	return <$f>;
}

sub probe {
	my ($status, $output) = Narwhal->run(args => [ 'ready', '--when-ready', $file ]);

	return ($status, $output);
}

subtest 'it is there only while the service is ready' => sub {
	my $n = Narwhal->start(args => [ '--workers', 2, '--min-ready', 2, '--when-ready', $file,
			'--drain-delay', 3600, $HELLO ]);
	my ($status, $output);

	like($n->wait_ready, qr/ workers=2 serving=2 /, 'ready when both workers are');
	$n->wait_until('the file', sub { -e $file });
	like(content(), qr/\Apid=\d+\ngeneration=1\ntime=20\d\d-\S+Z\n\z/, 'what it says');
	like(content(), qr/^pid=@{[$n->arbiter]}$/m, 'the arbiter');
	($status, $output) = probe();
	is($status, 0, 'the probe agrees');
	is($output, '', 'in silence');
	$n->signal('TERM')->wait_line(qr/ info unready /);
	ok($n->wait_until('no file', sub { !-e $file }), 'gone while it serves on');
	($status, $output) = probe();
	is($status, 1, 'the probe agrees');
	like($output, qr/^narwhal: not ready: \Q$file\E/, 'and says why');
	is($n->stop, 0, 'status 0');
};

subtest 'a stale one is removed at the start' => sub {
	open my $f, '>', $file or die;
	print $f "pid=$$\ngeneration=7\ntime=2026-01-01T00:00:00.000Z\n";
	close $f;
	my ($status, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', '--when-ready', $file,
			"$Narwhal::BUILD/tests/modules/refuses.so" ]);
	is($status, 4, 'the app cannot be loaded');
	ok(!-e $file, 'no file');
};

subtest 'it goes when no worker is left, and comes back' => sub {
	my $n = Narwhal->start(args => [ '--workers', 1, '--when-ready', $file, $TROUBLE ]);

	$n->wait_ready;
	kill 'KILL', $n->workers;
	$n->wait_line(qr/ info unready /);
	$n->wait_line(qr/ info ready /);
	ok($n->wait_until('the file', sub { -e $file }), 'back');
	is($n->stop, 0, 'status 0');
	ok(!-e $file, 'gone');
	opendir my $d, $dir or die;
	is_deeply([ grep { !/^\./ } readdir $d ], [], 'nothing is left behind');
};

done_testing;
