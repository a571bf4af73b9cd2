# The limits of a real container, as the engine sets them: --cpus, --cpuset-cpus and --memory.
use strict;
use warnings;

use List::Util qw(min);
use POSIX qw(ceil);
use Test::More;

use Docker;
use Narwhal;

plan(skip_all => 'the base image lacks the libraries of the sanitizers') if $ENV{SANITIZE};

my $docker = Docker->start;
my $image = $docker->base_image;

# What runs in it is what was built, on a plain base image: the image of ours is image.t's.
sub container {
	my ($options, @arguments) = @_;

	return $docker->ok('run', '-d', '--network', 'none', '-v', "$Narwhal::BUILD:/build:ro", @$options,
		'--entrypoint', '/build/narwhal', $image, '--bind', '127.0.0.1:8000',
		'--loglevel', 'debug', @arguments, '/build/tests/modules/trouble.so');
}

sub told {
	my ($id) = @_;
	my ($line) = $docker->wait_log($id, qr/ info ready /) =~ /( info workers_auto .*)/;

	return { map { /^(\w+)=(\S+)$/ ? ($1, $2) : () } split / /, $line };
}

my ($list) = Narwhal::slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
my ($first) = $list =~ /^(\d+)/;

for my $cpus (0.5, 1.5) {
	subtest "--cpus $cpus" => sub {
		my $id = container([ '--cpus', $cpus ], '--workers', 'auto');
		my $told = told($id);

		is($told->{quota}, $cpus, 'is the quota');
		is($told->{workers}, min($told->{cpus}, ceil($cpus)), 'is rounded up');
		$docker->ok('stop', $id);
	};
}

subtest '--cpuset-cpus' => sub {
	my $id = container([ '--cpuset-cpus', $first ], '--workers', 'auto');
	my $told = told($id);

	is("$told->{workers} $told->{cpus} $told->{quota}", '1 1 none', 'is one CPU, and no quota');
	$docker->ok('stop', $id);
};

subtest '--memory, and the OOM killer' => sub {
	my $id = container([ '--memory', '60m' ], '--workers', 'auto');
	my $told = told($id);

	is("$told->{workers} $told->{memory}", '1 ' . (60 << 20), 'one worker fits');
	$docker->try('exec', $id, 'bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/8000;'
		. ' printf "GET /eat HTTP/1.1\r\nHost: x\r\n\r\n" >&3; read -r line <&3');
	like($docker->wait_log($id, qr/ worker_exit /), qr{ worker_exit .*cause=oom .*request="GET /eat"},
		'its kill is told as what it was');
	$docker->wait_log($id, qr/ info worker_ready /);
	$docker->ok('stop', $id);
	is($docker->ok('inspect', '--format', '{{.State.ExitCode}}', $id), 0, 'it went on and ended well');
};

$docker->stop;
done_testing;
