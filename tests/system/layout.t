# Workers share no address and no seed: what a crash of one tells, or what can be read in one, is
# worth nothing against the next (each is exec'd, and not only forked).
use strict;
use warnings;

use Test::More;

use Narwhal;

plan(skip_all => 'needs root, to look into workers') if $> != 0;
plan(skip_all => 'a sanitizer maps its own memory at addresses of its choice') if $ENV{SANITIZE};
plan(skip_all => 'this kernel randomizes nothing, or not all')
	if 0 + Narwhal::slurp('/proc/sys/kernel/randomize_va_space') != 2;

my ($AT_BASE, $AT_RANDOM, $AT_VDSO) = (7, 25, 33);
my $HELLO = "$Narwhal::BUILD/examples/hello.so";

# Where each segment begins, as address => name. The page of vsyscall is the kernel's, and the same
# in every process of the machine.
sub segments {
	my ($pid) = @_;
	my %name;

	for my $line (split /\n/, Narwhal::slurp("/proc/$pid/maps")) {
		my ($begin, $name) = $line =~ /^([0-9a-f]+)-\S+ \S+ \S+ \S+ \S+\s*(.*)$/ or die $line;
		$name{$begin} = $name if $name ne '[vsyscall]';
	}
	return \%name;
}

# The kernel's vector of facts for the loader, as number => value.
sub facts {
	my ($pid) = @_;
	return { unpack '(J J)*', Narwhal::slurp("/proc/$pid/auxv") };
}

# 16 random bytes, of which the C library makes the guards of stack and pointers.
sub seed {
	my ($pid) = @_;
	open my $memory, '<:raw', "/proc/$pid/mem" or die "mem: $!";
	sysseek $memory, facts($pid)->{$AT_RANDOM}, 0 or die "seek: $!";
	16 == sysread $memory, my $bytes, 16 or die "read: $!";
	return $bytes;
}

# All that is looked at, of a process that lives now.
sub layout {
	my ($pid) = @_;
	return { segments => segments($pid), facts => facts($pid), seed => seed($pid) };
}

sub share_nothing {
	my ($one, $other, $who) = @_;
	my @common = grep { exists $other->{segments}{$_} } sort keys %{ $one->{segments} };

	subtest "$who share nothing" => sub {
		for my $part (qr{/narwhal-worker$}, qr{/hello\.so$}, qr{/libc\.so}, qr/^\[heap\]$/,
			qr/^\[stack\]$/, qr/^\[vdso\]$/) {
			my @all = map { scalar grep { /$part/ } values %{ $_->{segments} } } $one, $other;
			ok($all[0] && $all[1], "both have $part");
		}
		is(join(' ', map { "$_ $one->{segments}{$_}" } @common), '', 'no segment');
		isnt($one->{facts}{$_}, $other->{facts}{$_}, "nor fact $_ of the loader") for $AT_BASE, $AT_VDSO;
		isnt(unpack('H*', $one->{seed}), unpack('H*', $other->{seed}), 'nor the seed');
		isnt($one->{seed}, "\0" x 16, 'which is one');
	};
	return;
}

my $n = Narwhal->start(pid1 => 1, args => [ '--workers', 2, '--min-ready', 2, '--loglevel', 'debug', $HELLO ]);
$n->wait_ready;
my ($first, $second) = $n->workers;
my %of = map { ($_ => layout($_)) } $first, $second;
is_deeply(layout($first), $of{$first}, 'one and the same worker stays as it is');
share_nothing($of{$first}, $of{$second}, 'two workers');

kill 'KILL', $first;
$n->wait_line(qr/ worker_exit /);
$n->wait_line(qr/ worker_ready /);
my ($third) = grep { $_ != $second } $n->workers;
share_nothing($of{$first}, layout($third), 'a worker and its successor');

$n->signal('HUP')->wait_line(qr/ reloaded /);
$n->wait_line(qr/ worker_exit /) for 1 .. 2;
share_nothing($of{$second}, layout(($n->workers)[0]), 'a worker and one of the next generation');
is($n->stop, 0, 'status 0');
done_testing;
