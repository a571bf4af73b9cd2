# Another engine than Docker: podman, with runc, the profile that narwhal exports, and nothing to spare.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

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

make_path(map { "$root/$_" } qw(proc dev sys tmp etc run));
chmod 0755, $root or die "$root: $!";
place("$Narwhal::BUILD/$_", '/narwhal') for qw(narwhal narwhal-worker examples/hello.so);
for my $library (qx(ldd $Narwhal::BUILD/narwhal-worker) =~ m{(/\S+) \(0x}g) {
	place($library, $library =~ s{/[^/]+$}{}r);
}
$ENV{CONTAINERS_CONF} = Narwhal::write_file("$dir/containers.conf", <<'CONF');
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
CONF

sub podman {
	my (@words) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec 'podman', '--root', "$dir/storage", '--runroot', "$dir/run", @words or POSIX::_exit(127);
	}
	local $/ = undef;
	my $said = <$out>;
	close $out;
	return ($? >> 8, $said // '');
}

plan(skip_all => 'podman does not work here') if (podman('info'))[0] != 0;

sub wait_log {
	my ($pattern) = @_;
	my $said;

	for (1 .. 300) {
		(undef, $said) = podman('logs', 'one');
		last if $said =~ $pattern;
		sleep 0.1;
	}
	return $said;
}

END { my $status = $?; podman('rm', '--force', '--time', 0, 'one') if $dir; $? = $status }

my ($status, $said) = podman(qw(run --detach --name one --network none --read-only --cap-drop ALL --user 12345
	--security-opt no-new-privileges --security-opt), "seccomp=$Narwhal::ROOT/deploy/seccomp-module.json",
	'--rootfs', $root, qw(/narwhal/narwhal --bind 127.0.0.1:8000 --workers 2 --min-ready 2
	--upgrade-probation 0.1 /narwhal/hello.so));
is($status, 0, 'it starts') or die "podman: $said";
like(wait_log(qr/ info ready /), qr/ info ready .*serving=2 /, 'and is ready');
is((podman(qw(kill --signal USR2 one)))[0], 0, 'asked for another image');
like(wait_log(qr/ (?:upgraded|upgrade_failed) /), qr/ upgraded /, 'it gives way to it');
is((podman(qw(stop --time 20 one)))[0], 0, 'asked to end');
is((podman('inspect', 'one', '--format', '{{.State.ExitCode}}'))[1], "0\n", 'it ends with status 0');
like(wait_log(qr/ stopped /), qr/ info stopped status=0 /, 'and says so');
unlike(wait_log(qr/ stopped /), qr/ sandbox_violation | error /, 'nothing was refused');

done_testing;
