# Page - what a worker tells in the page that it shares with the arbiter (base/page.h).
#
#	my $page = Page::of($pid);	# of a process that runs; needs to be root, or its user
#	my $page = Page::decode($bytes);
#
# A hash: busy (since, ms), turns, watched, connections, accepted, requests, request, dropped
# (lines of the access log), counters (the app's, by name), work and work_request (of its threads).
package Page;

use strict;
use warnings;

use constant SIZE => 4096;

sub decode {
	my ($bytes) = @_;
	my %page;

	my ($count, @counters);
	(@page{qw(busy turns watched connections accepted requests request dropped)}, $count, @counters) =
		unpack 'Q Q L L Q Q Z256 Q L x4 (Z48 Q)32 Q Z256', $bytes;
	@page{qw(work work_request)} = splice @counters, -2;
	$page{counters} = {@counters[0 .. 2 * $count - 1]};
	return \%page;
}

sub of {
	my ($pid) = @_;
	my ($at) = map { /^([0-9a-f]+)-.*memfd:narwhal-page/ ? $1 : () } lines_of("/proc/$pid/maps");

	die "process $pid has no page\n" if !defined $at;
	open my $memory, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!\n";
	no warnings 'portable';    # addresses have 64 bits
	sysseek $memory, hex $at, 0;
	sysread $memory, my $bytes, SIZE;
	return decode($bytes);
}

sub lines_of {
	my ($name) = @_;

	open my $file, '<', $name or die "$name: $!\n";
	return <$file>;
}

1;
