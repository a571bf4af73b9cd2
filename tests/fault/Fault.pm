# Fault - what the world does to an arbiter that runs, and what shows that it did no harm.
#
#	my $before = vitals($n);
#	my $fault = Fault->inject($n, 'clone:error=EAGAIN');	# strace(1), on the arbiter alone
#	... kill a worker ...
#	$fault->end;
#	be_whole($n, 2);			# within 5 s of the fault's end
#	unharmed($n, $before);			# no descriptor lost, no CPU burnt, no memory grown
#
# For what a file system does, in_mounts() gives the arbiter a mount namespace of its own.
package Fault;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

use Narwhal;

our @EXPORT_OK = qw(be_whole begin enter five in_mounts is_whole serves settle unharmed vitals);

my $TICKS = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my $SANITIZE = ($ENV{SANITIZE} // 0) eq '1';
my $WHOLE = $SANITIZE ? 15 : 5;    # seconds, from the fault's end

# What an arbiter waits in. It is interrupted when strace comes: with its next wait in the log, all
# that it calls from then on is seen, and not before, though a tracer it has.
my @WAITS = qw(epoll_wait epoll_pwait epoll_pwait2 rt_sigtimedwait restart_syscall);

my %alive;

# Two workers, with an app that does what it is asked for, or with another. Options are start's.
sub begin {
	my (%option) = @_;
	my @args = @{ delete $option{args} // [] };
	my $app = delete $option{app} // "$Narwhal::BUILD/tests/modules/trouble.so";

	return Narwhal->start(%option,
		args => [ '--workers', 2, '--min-ready', 2, '--loglevel', 'debug', @args, $app ]);
}

# When both serve: how it is then, for unharmed().
sub settle {
	my ($n) = @_;

	$n->wait_ready;
	$n->wait_until('whole', sub { is_whole($n, 2) });
	return vitals($n);
}

# Each of the specs is of strace's -e inject=, but without "inject="; -f means its children, too. A
# number in front is the pid of another process than the arbiter, whose faults they are.
sub inject {
	my ($class, $n, @specs) = @_;
	my $whom = $specs[0] =~ /^\d+$/ ? shift @specs : $n->arbiter;
	my @follow = $specs[0] eq '-f' ? shift @specs : ();
	# brk fails without an error number: it tells an end that is below the one that was asked for.
	@specs = map { s/,brk(?=:)// ? ($_, 'brk:retval=0' . (/(:when=.*)/ ? $1 : '')) : $_ } @specs;
	my $calls = join ',', map({ /^([^:]+)/ } @specs), @WAITS;
	my $log = File::Temp->new;
	my @command = ('strace', @follow, '-qq', '-o', "$log", '-e', "trace=$calls",
		map({ ('-e', "inject=$_") } @specs), '-p', $whom);
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDERR, '>', '/dev/null';
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	my $self = bless { pid => $pid, traced => $whom }, $class;
	$alive{$pid} = 1;
	$n->wait_until("strace has come: @command", sub { $self->tracer == $pid && -s "$log" });
	return $self;
}

# The pid of who traces it, or 0.
sub tracer {
	my ($self) = @_;
	my $status = Narwhal::slurp("/proc/$self->{traced}/status");

	return $status =~ /^TracerPid:\t(\d+)/m ? $1 : 0;
}

sub end {
	my ($self) = @_;
	my $pid = $self->{pid};

	return if !delete $alive{$pid};
	local $?;
	kill 'TERM', $pid;
	waitpid $pid, 0;
	return;
}

sub DESTROY {
	$_[0]->end;
}

END {
	kill 'KILL', keys %alive if %alive;
}

# CPU seconds, descriptors, and resident kB of the arbiter.
sub vitals {
	my ($n) = @_;
	my $proc = '/proc/' . $n->arbiter;
	my @stat = split ' ', Narwhal::slurp("$proc/stat") =~ s/^.*\) //sr;
	my ($rss) = Narwhal::slurp("$proc/status") =~ /^VmRSS:\s+(\d+)/m;
	my @files = glob "$proc/fd/*";

	return { cpu => ($stat[11] + $stat[12]) / $TICKS, files => scalar @files, rss => $rss // 0 };
}

# When it is whole again. An arbiter that spins burns all of the time, one in good order next to none.
sub unharmed {
	my ($n, $before, %most) = @_;
	my $deadline = time + $WHOLE;
	my $now;

	# Who has just left has its channel closed when it is buried.
	until (($now = vitals($n))->{files} == $before->{files} || time > $deadline) {
		sleep 0.02;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($now->{files}, $before->{files}, 'no descriptor is lost or left');
	cmp_ok($now->{cpu} - $before->{cpu}, '<', $most{cpu} // 0.5, 'little CPU time');
	# A sanitizer keeps what was freed for a while, and looks for leaks itself.
	cmp_ok($now->{rss} - $before->{rss}, '<', $most{rss} // 512, 'no memory, in kB') if !$SANITIZE;
	return;
}

# A request on a connection of its own is answered.
sub serves {
	my ($n, $path) = @_;

	return (eval { $n->get($path // '/')->{status} } // 0) == 200;
}

# Requests served, of five.
sub five {
	my ($n) = @_;

	return scalar grep { serves($n) } 1 .. 5;
}

# So many workers serve, and no slot is in any other state. Wants --loglevel debug.
sub is_whole {
	my ($n, $workers) = @_;
	my $seen = \$n->{fault_seen};
	my @lines = $n->lines;

	$$seen //= 0;
	for (; $$seen < @lines; $$seen++) {
		$n->{fault_state}{$1} = $2 if $lines[$$seen] =~ / step slot=(\d+) .* to=(\w+)$/;
	}
	my @states = grep { $_ ne 'VACANT' } values %{ $n->{fault_state} };
	return @states == $workers && !grep { $_ ne 'SERVING' } @states;
}

sub be_whole {
	my ($n, $workers, $what) = @_;
	my $begun = time;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $whole = eval {
		$n->wait_until('it is whole', sub { is_whole($n, $workers) }, $WHOLE);
	};
	my $why = $@;
	ok($whole, $what // "whole within $WHOLE s") or diag $why;
	note sprintf 'after %.2f s', time - $begun;
	return $whole;
}

# In front of a command: it runs in a mount namespace, after these shell commands; $ROOT is there.
sub in_mounts {
	my ($commands) = @_;

	return ('unshare', '--mount', '--propagation', 'private', 'sh', '-ec',
		"$commands\nexec \"\$@\"", 'sh');
}

# Runs a shell command in the arbiter's mount namespace; its directory is the namespace's root.
sub enter {
	my ($n, $command) = @_;

	system('nsenter', '--target', $n->arbiter, '--mount', '--wd=/', 'sh', '-c', $command) == 0
		or die "in the arbiter's namespace: $command: $?";
	return;
}

1;
