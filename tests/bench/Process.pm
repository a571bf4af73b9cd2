package Process;

# What /proc says about processes. See proc(5).

use strict;
use warnings;

sub read_file {
	my ($path) = @_;
	open my $in, '<', $path or die "bench: $path: $!\n";
	local $/ = undef;
	my $text = <$in>;
	close $in;
	return $text;
}

sub children {
	my ($pid) = @_;
	return map { split ' ', read_file($_) } glob "/proc/$pid/task/*/children";
}

# "" of one that is gone.
sub name {
	my ($pid) = @_;
	my ($name) = (eval { read_file("/proc/$pid/comm") } // '') =~ /^(.*)$/m;
	return $name // '';
}

# CPU time in ns of all threads, user and system: the first number of schedstat, which is what
# utime and stime of stat are scaled to, without the rounding to ticks of 10 ms.
sub cpu_ns {
	my (@pids) = @_;
	my $sum = 0;
	for my $file (map { glob "/proc/$_/task/*/schedstat" } @pids) {
		$sum += (split ' ', read_file($file))[0];
	}
	return $sum;
}

# Times that a process went to sleep and was woken again.
sub wakeups {
	my ($pid) = @_;
	my ($n) = read_file("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m;
	return $n;
}

# In KiB.
sub memory {
	my ($pid) = @_;
	my $text = read_file("/proc/$pid/smaps_rollup");
	my ($dirty) = $text =~ /^Private_Dirty:\s+(\d+)/m;
	my ($resident) = $text =~ /^Rss:\s+(\d+)/m;
	my ($share) = $text =~ /^Pss:\s+(\d+)/m;
	return { dirty => $dirty, resident => $resident, share => $share };
}

1;
