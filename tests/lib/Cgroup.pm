# Cgroup - a control group of the test's own, v1 or v2, and what is started in it.
#
#	my $group = Cgroup->make('memory') or ... Cgroup->missing('memory');
#	$group->limit_memory(48 << 20);
#	Narwhal->start(wrap => [ $group->wrap ], ...);	# works for another PID namespace, too
#
# It is made at the top of the hierarchy that is mounted here, which in a container is the
# container's own group. At the end of the test, or of the object, whoever is left in it is killed
# and it is removed.
package Cgroup;

use strict;
use warnings;

use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

my %alive;
my $made = 0;

# A group with that controller, or undef where there can be none.
sub make {
	my ($class, $controller) = @_;
	my ($top, $version) = find($controller) or return;
	my $self = bless {
		dir => "$top/narwhal-test-$$-" . $made++, version => $version, owner => $$,
	}, $class;

	mkdir $self->{dir} or return;
	weaken($alive{$self} = $self);
	return $self;
}

sub missing {
	my ($class, $controller) = @_;

	return "no cgroup with the controller $controller can be made here";
}

# Where the controller is mounted, and whether as v1 or v2.
sub find {
	my ($controller) = @_;

	open my $mounts, '<', '/proc/self/mounts' or return;
	for my $line (<$mounts>) {
		my (undef, $top, $type, $options) = split / /, $line;
		return ($top, 1) if $type eq 'cgroup' && grep { $_ eq $controller } split /,/, $options;
		next if $type ne 'cgroup2' || !open my $file, '<', "$top/cgroup.subtree_control";
		return ($top, 2) if grep { $_ eq $controller } split ' ', <$file> // '';
	}
	return;
}

sub put {
	my ($self, $name, $value) = @_;

	open my $file, '>', "$self->{dir}/$name" or die "$self->{dir}/$name: $!";
	print $file $value;
	close $file or die "$self->{dir}/$name: $!";
	return;
}

sub limit_memory {
	my ($self, $bytes) = @_;

	$self->put($self->{version} == 1 ? 'memory.limit_in_bytes' : 'memory.max', $bytes);
	return;
}

# In CPUs: 0.5, 1.5.
sub limit_cpus {
	my ($self, $cpus) = @_;
	my $quota = int $cpus * 100_000;

	if ($self->{version} == 2) {
		$self->put('cpu.max', "$quota 100000");
	} else {
		$self->put('cpu.cfs_period_us', 100_000);
		$self->put('cpu.cfs_quota_us', $quota);
	}
	return;
}

# In front of a command: it runs in the group. 0 stands for the process that writes.
sub wrap {
	my ($self) = @_;

	return ('sh', '-c', 'echo 0 >"$0/cgroup.procs" && exec "$@"', $self->{dir});
}

sub members {
	my ($self) = @_;

	open my $file, '<', "$self->{dir}/cgroup.procs" or return;
	chomp(my @pids = <$file>);
	return grep { $_ > 0 } @pids;
}

sub remove {
	my ($self) = @_;
	my $deadline = time + 10;

	return if !delete $alive{$self} || $self->{owner} != $$;
	until (rmdir $self->{dir}) {
		kill 'KILL', $self->members;
		last if time > $deadline;
		sleep 0.01;
	}
	return;
}

sub DESTROY {
	$_[0]->remove;
}

END {
	$_->remove for grep { defined } values %alive;
}

1;
