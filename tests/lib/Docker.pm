# Docker - a Docker Engine of the test's own, and a base image, on any machine with root.
#
#	my $docker = Docker->start;		# skips the whole test where there can be none
#	$docker->base_image;			# debian:bookworm-slim, made by mmdebstrap, no registry
#	$docker->base_image('trixie');		# and so debian:trixie-slim: a shell and its tools alone
#	my $out = $docker->ok('run', ...);	# dies, with what docker wrote, if it fails
#	my ($status, $out) = $docker->try('exec', ...);
#
# The engine lives in its own mount and pid namespace and in a temporary folder: when the test
# ends, however it ends, the kernel ends every process and mount of it. It has no bridge: the
# networks are `host` and `none`.
package Docker;

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(sleep time);

our $ROOT = abs_path(dirname(__FILE__) . '/../..');
my $SUITE = 'bookworm';

# How each base image is made. The first is whole, as slim images are: packages can be installed in it. Of the
# other only the C library and what a shell calls are looked at: unpacking those is a fifth of the work.
my %RECIPE = (
	bookworm => [ '--variant=minbase', '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
		'--include=usr-is-merged', map { "--dpkgopt=$_" } 'force-unsafe-io',
		map { "path-exclude=/usr/share/$_/*" } qw(doc info locale man) ],
	trixie => [ '--variant=extract',
		'--include=base-files,base-passwd,bash,coreutils,dash,grep,libc-bin,sed,util-linux',
		'--extract-hook=cp $1/usr/share/base-passwd/passwd.master $1/etc/passwd' ],
);

# What the engine needs to find: cgroups where nobody mounted them (no systemd, a bare chroot).
# It is not PID 1 itself, because it does not reap orphans: the shell around it does.
my $INIT = <<'SH';
cgroups=/sys/fs/cgroup
if [ ! -e $cgroups/cgroup.controllers ] && ! grep -q " $cgroups/" /proc/self/mounts; then
	mount -t tmpfs -o mode=755 cgroup $cgroups
	while read -r name hierarchy number enabled; do
		[ "$enabled" = 1 ] && [ "$hierarchy" != 0 ] || continue
		mkdir -p $cgroups/$name && mount -t cgroup -o $name cgroup $cgroups/$name
	done </proc/cgroups
fi
trap 'kill $!' TERM
dockerd "$@" & wait $!; wait
SH

# A test that is ended by a signal cleans up too.
$SIG{$_} //= sub { exit 1 } for qw(HUP INT PIPE TERM);

my %alive;    # every engine that was started, by address

sub start {
	my ($class) = @_;

	Test::More::plan(skip_all => 'needs root, to start a Docker Engine') if $> != 0;
	for my $program (qw(dockerd docker mmdebstrap unshare setpriv)) {
		Test::More::plan(skip_all => "needs $program")
			if !grep { -x "$_/$program" } split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
	}
	my $dir = tempdir('narwhal-docker-XXXXXX', TMPDIR => 1);
	my $self = bless { dir => $dir, owner => $$, cgroup => "narwhal-test-$$" }, $class;
	$self->{pid} = fork // die "fork: $!";
	$self->become_engine if $self->{pid} == 0;
	$alive{$self} = $self;
	$self->wait_until(60, 'the Docker Engine answers', sub {
		die "dockerd ended:\n" . $self->log if waitpid($self->{pid}, WNOHANG) != 0;
		return -S "$dir/d.sock" && ($self->try('version'))[0] == 0;
	});
	return $self;
}

# In the child: never returns. The chain of deaths: this test, unshare, the namespace.
sub become_engine {
	my ($self) = @_;
	my $dir = $self->{dir};

	$ENV{PATH} .= ':/usr/sbin:/sbin';
	open STDIN,  '<', '/dev/null'         or POSIX::_exit(127);
	open STDOUT, '>', "$dir/dockerd.log"  or POSIX::_exit(127);
	open STDERR, '>&', \*STDOUT           or POSIX::_exit(127);
	exec 'setpriv', '--pdeathsig', 'KILL',
		'unshare', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child',
		'sh', '-c', $INIT, 'dockerd',
		'--data-root', "$dir/data", '--exec-root', "$dir/exec",
		'--pidfile', "$dir/docker.pid", '-H', "unix://$dir/d.sock",
		'--iptables=false', '--ip6tables=false', '--bridge=none',
		'--cgroup-parent', "/$self->{cgroup}"
		or POSIX::_exit(127);
}

sub log {
	my ($self) = @_;

	open my $file, '<', "$self->{dir}/dockerd.log" or return '';
	local $/;
	return <$file>;
}

# The status and all output of `docker ARGUMENTS`.
sub try {
	my ($self, @arguments) = @_;
	local $ENV{DOCKER_HOST} = "unix://$self->{dir}/d.sock";
	local $ENV{DOCKER_BUILDKIT} = 0;
	local $ENV{DOCKER_CONFIG} = "$self->{dir}/config";
	local $?;

	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec 'docker', @arguments or POSIX::_exit(127);
	}
	my $output = do { local $/; <$out> } // '';
	close $out;
	return ($? >> 8, $output);
}

sub ok {
	my ($self, @arguments) = @_;
	my ($status, $output) = $self->try(@arguments);

	die "docker @arguments: status $status\n$output" if $status != 0;
	$output =~ s/\n\z//;
	return $output;
}

# What a program needs in its environment to use this engine, like `make image`.
sub environment {
	my ($self) = @_;

	return (DOCKER_HOST => "unix://$self->{dir}/d.sock", DOCKER_BUILDKIT => 0,
		DOCKER_CONFIG => "$self->{dir}/config");
}

# Waits for an event that can only be asked for: until $look says yes.
sub wait_until {
	my ($self, $seconds, $what, $look) = @_;
	my $deadline = time + $seconds;

	until ($look->()) {
		die "not within $seconds s: $what\n" if time > $deadline;
		sleep 0.02;
	}
	return 1;
}

# Until the log of a container has it: all of the log.
sub wait_log {
	my ($self, $id, $pattern) = @_;
	my $log = '';

	eval {
		$self->wait_until(10, "the log has $pattern", sub {
			(undef, $log) = $self->try('logs', $id);
			return $log =~ $pattern;
		});
	} or die "$@$log";
	return $log;
}

sub base_image {
	my ($self, $suite) = @_;
	my $image = 'debian:' . ($suite // $SUITE) . '-slim';

	$self->ok('import', '--change', 'CMD ["bash"]', base_tar($suite), $image);
	return $image;
}

# A minimal Debian as a tar file, kept in a cache folder: made once (about 20 s).
sub base_tar {
	my $suite = shift // $SUITE;
	my $cache = defined $ENV{XDG_CACHE_HOME} ? "$ENV{XDG_CACHE_HOME}/narwhal" : "$ROOT/.cache";
	my $tar = "$cache/base-$suite.tar";

	make_path($cache);
	sysopen my $lock, "$cache/lock", O_RDWR | O_CREAT or die "$cache/lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	return $tar if -e $tar;

	run_quietly("$tar.log", 'mmdebstrap', '--quiet', '--format=tar', @{ $RECIPE{$suite} }, $suite, "$tar.part")
		or die "mmdebstrap failed: see $tar.log\n";
	unlink "$tar.log";
	rename "$tar.part", $tar or die "rename: $!";
	return $tar;
}

sub run_quietly {
	my ($log, @command) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		$ENV{PATH} .= ':/usr/sbin:/sbin';
		open STDOUT, '>>', $log or POSIX::_exit(127);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
		exec @command or POSIX::_exit(127);
	}
	local $?;
	waitpid $pid, 0;
	return $? == 0;
}

# Containers first, so that their cgroups go too; then the engine; then, by force, what is left.
sub stop {
	my ($self) = @_;

	return if !delete $alive{$self} || $self->{owner} != $$;
	local ($?, $@);
	my (undef, $containers) = $self->try('ps', '-aq');
	my @containers = $containers =~ /^([0-9a-f]{12})$/mg;
	$self->try('rm', '-f', @containers) if @containers;
	my $engine = $self->engine_pid;
	kill 'TERM', $engine if $engine;
	eval { $self->wait_until(10, 'dockerd ends', sub { waitpid($self->{pid}, WNOHANG) != 0 }) }
		or do { kill 'KILL', $self->{pid}; waitpid $self->{pid}, 0 };
	rmdir for glob("/sys/fs/cgroup/*/$self->{cgroup}"), "/sys/fs/cgroup/$self->{cgroup}";
	remove_tree($self->{dir});
	return;
}

# The shell that is PID 1 of the engine's namespace.
sub engine_pid {
	my ($self) = @_;

	open my $file, '<', "/proc/$self->{pid}/task/$self->{pid}/children" or return;
	return (split ' ', <$file> // '')[0];
}

END {
	$_->stop for values %alive;
}

1;
