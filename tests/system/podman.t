# Another engine than Docker: podman, with runc, the profile that narwhal exports, and nothing to spare; a socket
# that is handed in; and the pod of deploy/kubernetes.
use strict;
use warnings;

use Cwd qw(realpath);
use Fcntl qw(F_SETFD);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Spec;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Counter;
use Lint qw(kubectl_kustomizes output slurp);
use Narwhal;

plan(skip_all => 'needs root, for an engine of its own') if $> != 0;
plan(skip_all => 'a container holds no build with sanitizers') if $ENV{SANITIZE};
for my $program (qw(podman runc)) {
	plan(skip_all => "needs $program") if !grep { -x "$_/$program" } split(/:/, $ENV{PATH}), '/usr/sbin';
}

my $dir = tempdir(CLEANUP => 1);
my $root = "$dir/rootfs";

# All that a worker needs is a C library: there is no image, and no shell.
sub place {
	my ($file, $at) = @_;

	make_path("$root$at");
	my ($name) = $file =~ m{([^/]+)$};
	copy($file, "$root$at/$name") or die "$file: $!";
	chmod 0755, "$root$at/$name" or die "$file: $!";
	return;
}

make_path(map { "$root/$_" } qw(proc dev sys tmp etc run etc/narwhal));
chmod 0755, $dir, $root or die "$root: $!";
place("$Narwhal::BUILD/$_", '/narwhal') for qw(narwhal narwhal-worker examples/hello.so);
for my $library (qx(ldd $Narwhal::BUILD/narwhal-worker) =~ m{(/\S+) \(0x}g) {
	place($library, $library =~ s{/[^/]+$}{}r);
}
place("$Narwhal::ROOT/examples/public/index.html", '/srv/www');
$ENV{CONTAINERS_CONF} = Narwhal::write_file("$dir/containers.conf", <<'CONF');
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
CONF

my @PODMAN = ('podman', '--root', "$dir/storage", '--runroot', "$dir/run");

sub podman {
	my ($said, $status) = output(@PODMAN, @_);
	return ($status, $said);
}

plan(skip_all => 'podman does not work here') if (podman('info'))[0] != 0;

# Until the log of a container has it: all of the log.
sub wait_log {
	my ($name, $pattern) = @_;
	my $said;

	for (1 .. 300) {
		(undef, $said) = podman('logs', $name);
		last if $said =~ $pattern;
		sleep 0.1;
	}
	return $said;
}

sub inspect {
	my ($name, $what) = @_;
	my (undef, $said) = podman('inspect', $name, '--format', "{{$what}}");
	return $said =~ s/\n\z//r;
}

END {
	my $status = $?;
	podman('pod', 'rm', '--all', '--force', '--time', 0) if $dir;
	podman('rm', '--all', '--force', '--time', 0) if $dir;
	$? = $status;
}

my @HARD = (qw(--network none --read-only --cap-drop ALL --user 12345 --security-opt no-new-privileges
	--security-opt), "seccomp=$Narwhal::ROOT/deploy/seccomp-module.json");

subtest 'it lives under the profile that narwhal exports' => sub {
	my ($status, $said) = podman(qw(run --detach --name one), @HARD, '--rootfs', $root,
		qw(/narwhal/narwhal --bind 127.0.0.1:8000 --workers 2 --min-ready 2 --upgrade-probation 0.1
		/narwhal/hello.so));
	is($status, 0, 'it starts') or die "podman: $said";
	like(wait_log('one', qr/ info ready /), qr/ info ready .*serving=2 /, 'and is ready');
	is((podman(qw(kill --signal USR2 one)))[0], 0, 'asked for another image');
	like(wait_log('one', qr/ (?:upgraded|upgrade_failed) /), qr/ upgraded /, 'it gives way to it');
	is((podman(qw(stop --time 20 one)))[0], 0, 'asked to end');
	is(inspect('one', '.State.ExitCode'), 0, 'it ends with status 0');
	like(wait_log('one', qr/ stopped /), qr/ info stopped status=0 /, 'and says so');
	unlike(wait_log('one', qr/ stopped /), qr/ sandbox_violation | error /, 'nothing was refused');
};

# As a manager does it: the socket at 3, and the pid of podman, which is the first to read it.
sub run_with_socket {
	my ($socket, @words) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	open STDOUT, '>', "$dir/inherited.log" or POSIX::_exit(127);
	open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
	POSIX::dup2(fileno $socket, 3) // POSIX::_exit(127) if fileno $socket != 3;
	fcntl $socket, F_SETFD, 0 if fileno $socket == 3;
	POSIX::close($_) for 4 .. 99;
	@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, 1, 'http');
	exec @PODMAN, 'run', @words or POSIX::_exit(127);
}

subtest 'a container without a network serves at a socket that is handed in' => sub {
	my $socket = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1:0') or die "listen: $!";
	my $address = $socket->sockhost . ':' . $socket->sockport;
	my $podman = run_with_socket($socket, '--name', 'inherited', @HARD, '--rootfs', $root,
		qw(/narwhal/narwhal --bind fd://http /narwhal/hello.so));
	close $socket;

	my $client = IO::Socket::INET->new(PeerAddr => $address) or die "connect $address: $!";
	is(Narwhal::Connection->new($client)->request('GET', '/', Connection => 'close')->{status}, 200,
		'who connects before it is ready is served');
	my $pid = inspect('inherited', '.State.Pid');
	is_deeply([ slurp("/proc/$pid/net/dev") =~ /^\s*(\w+):/mg ], ['lo'], 'it has no network');
	is((podman(qw(stop --time 20 inherited)))[0], 0, 'asked to end');
	waitpid $podman, 0;
	is($? >> 8, 0, 'it ends with status 0') or diag slurp("$dir/inherited.log");
};

# The base as kubectl renders it, at an address of its own: a pod that podman plays.
sub pod_file {
	my ($suffix) = @_;
	my $base = File::Spec->abs2rel("$Narwhal::ROOT/deploy/kubernetes/base", realpath($dir) . "/$suffix");

	make_path("$dir/$suffix");
	Narwhal::write_file("$dir/$suffix/kustomization.yaml", <<"YAML");
resources: [$base]
nameSuffix: -$suffix
patches:
  - target: {kind: Deployment}
    patch: |
      - {op: replace, path: /spec/replicas, value: 1}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: "--bind=127.0.0.1:0"}
      - {op: remove, path: /spec/template/spec/containers/0/ports}
YAML
	my ($text, $status) = output('kubectl', 'kustomize', "$dir/$suffix");
	die "kubectl: $text" if $status;
	return Narwhal::write_file("$dir/$suffix/pod.yaml", $text);
}

# Plays it: the container, which is ready, and where it listens.
sub play {
	my ($suffix) = @_;
	my ($status, $said) = podman(qw(kube play --network host), pod_file($suffix));
	my (undef, $names) = podman('ps', '--all', '--format', '{{.Names}}');
	my ($name) = $names =~ /^(\S*-$suffix-\S*-narwhal)$/m;

	is($status, 0, "$suffix is played") && $name or die "podman: $said\n$names";
	my ($address) = wait_log($name, qr/"ready"/) =~ m{http://([\d.:]+)};
	return ($name, $address // die +(podman('logs', $name))[1]);
}

SKIP: {
	skip('needs kubectl 1.22', 1) if !kubectl_kustomizes();
	subtest 'one pod takes over from another, and no request is lost' => sub {
		# podman 4.3 asks a shell to run a probe's command.
		place('/bin/sh', '/bin');
		my $tar = "$dir/image.tar";
		my ($said, $failed) = output('tar', '-C', $root, '-cf', $tar, '.');
		die $said if $failed;
		my @change = map { ('--change', $_) } 'ENTRYPOINT ["narwhal"]', 'ENV PATH=/narwhal',
			'ENV NARWHAL_WHEN_READY=/dev/shm/narwhal.ready';
		is((podman('import', @change, $tar, 'localhost/narwhal:slim'))[0], 0, 'an image');

		my ($old, $at) = play('old');
		my $status = slurp('/proc/' . inspect($old, '.State.Pid') . '/status');
		like($status, qr/^Uid:\t65532\t/m, 'it is the user that the pod asks for');
		like($status, qr/^CapBnd:\t0+$/m, 'and has no capability');
		is((podman('healthcheck', 'run', $old))[0], 0, 'the liveness probe says yes');
		is((podman('exec', $old, 'narwhal', 'ready'))[0], 0, 'and that of readiness');
		my $clients = Counter->start($at, keepalive => 4, closing => 4);
		$clients->wait_answered(50);

		my ($new, $there) = play('new');
		is((podman('exec', $new, 'narwhal', 'ready'))[0], 0, 'the other is ready');
		my $others = Counter->start($there, keepalive => 4, closing => 4);
		my $ready = '/proc/' . inspect($old, '.State.Pid') . '/root/dev/shm/narwhal.ready';
		ok(-e $ready, 'the first is, too');
		my $stopper = fork // die "fork: $!";
		if (!$stopper) {
			podman('stop', '--time', 45, $old);
			POSIX::_exit(0);
		}
		# From here on clients are told of it, and come no more; until then they are served.
		for (1 .. 3000) {
			last if !-e $ready;
			sleep 0.01;
		}
		ok(!-e $ready, 'it is asked to end: not ready any more');
		$clients->wait_answered(50);
		is(Counter::lost($clients->finish), '', 'clients of the first lost no request');
		waitpid $stopper, 0;
		is(inspect($old, '.State.ExitCode'), 0, 'it ended with status 0') or diag +(podman('logs', $old))[1];
		$others->wait_answered(50);
		is(Counter::lost($others->finish), '', 'nor did those of the other');
	};
}

done_testing;
