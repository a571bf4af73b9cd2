package Machine;

# Where it is measured: a world of its own, and the facts that belong beside the figures.

use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX ();

use Process;

my $INSIDE = 'NARWHAL_BENCH_DIR';

# Runs the script again in private network, mount and pid namespaces, and ends with its status; in
# there, returns the name of an empty folder. What the script starts does not outlive it there, and
# the folder goes at the end.
sub enter {
	my ($script, @arguments) = @_;
	my $dir = $ENV{$INSIDE};
	return prepare($dir) if defined $dir;
	die "bench: namespaces need root: sudo make bench\n" if $> != 0;
	$ENV{$INSIDE} = tempdir('narwhal-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $ENV{$INSIDE}; # workers are nobody
	my $pid = fork // die "bench: fork: $!\n";
	if ($pid == 0) {
		exec 'prlimit', '--nofile=' . most_files(), 'unshare',
			qw(--net --mount --pid --fork --kill-child --mount-proc),
			$^X, $script, @arguments or POSIX::_exit(127);
	}
	# unshare itself ignores these while it waits; KILL takes its children with it.
	local @SIG{qw(INT TERM HUP)} = (sub { kill 'KILL', $pid }) x 3;
	1 while waitpid($pid, 0) != $pid;
	exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}

# A crowd needs many descriptors: the hard limit.
sub most_files {
	my ($hard) = Process::read_file('/proc/self/limits') =~ /^Max open files\s+\S+\s+(\S+)/m;
	return "$hard:$hard";
}

sub prepare {
	my ($dir) = @_;
	delete @ENV{ grep { /^(?:NARWHAL_.*|PORT|WEB_CONCURRENCY)\z/ } keys %ENV }; # settings
	network();
	return $dir;
}

# bbr, where it is the default, paces loopback and so distorts CPU per request.
sub network {
	must_run(qw(ip link set lo up));
	open my $out, '>', '/proc/sys/net/ipv4/tcp_congestion_control'
		or die "bench: congestion control: $!\n";
	print {$out} "reno\n";
	close $out or die "bench: reno is refused: $!\n";
	return;
}

sub must_run {
	my (@command) = @_;
	system {$command[0]} @command;
	die "bench: @command: failed\n" if $? != 0;
	return;
}

sub first_line {
	my ($pattern, @command) = @_;
	my $text = run(@command);
	return $text =~ $pattern ? $1 : '-';
}

sub run {
	my (@command) = @_;
	my $pid = open(my $out, '-|') // die "bench: fork: $!\n";
	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec {$command[0]} @command or POSIX::_exit(127);
	}
	local $/ = undef;
	my $text = <$out> // '';
	close $out;
	return $text;
}

sub facts {
	my ($build) = @_;
	my $cpu = Process::read_file('/proc/cpuinfo');
	my ($model) = $cpu =~ /^model name\s*:\s*(.*)$/m;
	my @cores = $cpu =~ /^processor\s*:/mg;
	return (
		[ kernel => join ' ', (POSIX::uname())[0, 2, 4] ],
		[ cores => @cores . ' of ' . ($model // 'unknown model') ],
		[ narwhal => first_line(qr/(\d+\.\d\S*)/, "$build/narwhal", '--version') ],
		[ nginx => first_line(qr{nginx/(\S+)}, 'nginx', '-v') ],
		[ wrk => first_line(qr/^wrk (\S+)/, 'wrk', '--version') ],
		[ tcp => 'loopback, reno' ],
	);
}

1;
