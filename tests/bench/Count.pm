package Count;

# The third part: what repeats exactly, nearly. System calls (strace) and user instructions
# (callgrind) for a request, with one worker and a fixed count of requests on keep-alive
# connections. One at a time, a request pays for a whole turn of the loop; of 64 at once, for its
# own work.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(sleep time);

use Load;
use Machine;
use Process;
use Report;
use Rows;
use Server;

my $REQUESTS = 4096;

# The most that one of 64 requests at once may cost: user instructions, system calls.
my %GATE = (
	'hello, keep-alive' => { instructions => 2500, calls => 2.15 },
	'file, 1 KiB' => { instructions => 3500, calls => 2.15 },
);

sub rows { return grep { $GATE{ $_->{name} } } Rows::matching('') }

# How each server is brought under callgrind, so that exactly one process is counted.
my %COUNTED = (
	narwhal => sub { (image => launcher(@_)) },
	nginx => sub { (alone => 1, prefix => [ callgrind($_[1]) ]) },
	bare => sub { (alone => 1, prefix => [ callgrind($_[1]) ]) },
);

sub can { return exists $COUNTED{ $_[0] } }

# System calls for a request, by name, and `total`; of so many `requests`, when said.
sub calls {
	my ($kind, $row, $connections, %with) = @_;
	my $server = Server->start($kind, %with, workers => 1);
	my $file = "$with{dir}/$kind.strace";
	my $strace;
	my $requests = Load::fixed($server, $row, {
		connections => $connections,
		rounds => ($with{requests} // $REQUESTS) / $connections,
		before => sub { $strace = strace_start(($server->worker_pids)[0], $file) },
		after => sub { strace_stop($strace) },
	});
	$server->stop;
	my %count = map { /^\s*(\d+)\s+(\w+)$/ ? ($2 => $1 / $requests) : () }
		split /\n/, Process::read_file($file);
	return \%count;
}

sub strace_start {
	my ($pid, $file) = @_;
	my $strace = fork // die "bench: fork: $!\n";
	if ($strace == 0) {
		exec qw(strace -qq -f -c -U), 'calls,name',
			'-o', $file, '-p', $pid or POSIX::_exit(127);
	}
	my $deadline = time + 10;
	until (Process::read_file("/proc/$pid/status") =~ /^TracerPid:\s+$strace$/m) {
		die "bench: strace does not attach\n" if time > $deadline;
		sleep 0.01;
	}
	sleep 0.2; # the attached call of each thread is restarted once
	return $strace;
}

sub strace_stop {
	my ($strace) = @_;
	kill 'INT', $strace;
	waitpid $strace, 0;
	return;
}

# User instructions for a request: the difference between a long and a short run.
sub instructions {
	my ($kind, $row, $connections, %with) = @_;
	my ($short, $long) = map { total($kind, $row, $connections, $_, %with) }
		1, 1 + $REQUESTS / $connections;
	my $requests = $long->{requests} - $short->{requests};
	return ($long->{instructions} - $short->{instructions}) / $requests;
}

sub total {
	my ($kind, $row, $connections, $rounds, %with) = @_;
	my $output = "$with{dir}/callgrind.$kind.$connections.$rounds";
	open my $out, '>', $output or die "bench: $output: $!\n";
	close $out;
	chmod 0666, $output; # the worker writes it as nobody
	my $server = Server->start($kind, %with, workers => 1, $COUNTED{$kind}->(\%with, $output));
	my $requests = Load::fixed($server, $row,
		{ connections => $connections, rounds => $rounds });
	$server->stop;
	my ($instructions) = Process::read_file($output) =~ /^(?:summary|totals): (\d+)/m
		or die "bench: callgrind counted nothing for $kind\n";
	return { requests => $requests, instructions => $instructions };
}

sub callgrind {
	my ($output) = @_;
	return ('valgrind', '-q', '--tool=callgrind', '--vgdb=no', "--callgrind-out-file=$output");
}

# A program that becomes valgrind on narwhal-worker.
sub launcher {
	my ($with, $output) = @_;
	my ($valgrind) = grep { -x } map { "$_/valgrind" } split /:/, $ENV{PATH};
	my $program = "$output.launch";
	my %define = (VALGRIND => $valgrind, WORKER => "$with->{build}/narwhal-worker",
		OUTPUT => $output);
	Machine::must_run('cc', '-std=c17', '-O2', (map { qq{-D$_="$define{$_}"} } sort keys %define),
		'-o', $program, "$with->{source}/launch.c");
	return $program;
}

# Both figures of one server and one row.
sub measure {
	my ($kind, $row, $connections, %with) = @_;
	my %all = (%with, app => $row->{app}, tls => $row->{tls}, file => Rows::file($with{dir}, $row));
	return {
		calls => calls($kind, $row, $connections, %all),
		instructions => instructions($kind, $row, $connections, %all),
	};
}

sub heading {
	return [ 'keep-alive', 'server', 'at once', 'instructions/request',
		'system calls/request', 'of which' ];
}

sub line {
	my ($row, $kind, $connections, $measured) = @_;
	my %each = %{ $measured->{calls} };
	my $total = delete $each{total};
	my $detail = join ', ', map { sprintf '%s %.2f', $_, $each{$_} }
		grep { $each{$_} >= 0.005 } sort { $each{$b} <=> $each{$a} || $a cmp $b } keys %each;
	return [ $row->{name}, $kind, $connections, sprintf('%.0f', $measured->{instructions}),
		sprintf('%.2f', $total), $detail ];
}

# Of narwhal's, with 64 at once; `bare` may be missing.
sub goals {
	my ($row, $own, $bare) = @_;
	my $gate = $GATE{ $row->{name} };
	return (
		Report::goal("$row->{name}: user instructions", $gate->{instructions},
			$own->{instructions}, $bare ? sprintf('%.0f', $bare->{instructions}) : '', '%.0f'),
		Report::goal("$row->{name}: system calls", $gate->{calls},
			$own->{calls}{total}, $bare ? sprintf('%.2f', $bare->{calls}{total}) : ''),
	);
}

1;
