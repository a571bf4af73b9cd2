# SIGUSR2: another image under the same pid. What survives, and that nothing is lost.
use strict;
use warnings;

use Test::More;

use Narwhal;
use Upgrade qw($DIR $IMAGE $UNIX begin configure exe identity install load none_lost stays work);

# Waits until the new generation has taken over, and the old one is gone.
sub upgraded {
	my ($n, $generation, $workers) = @_;

	$n->wait_line(qr/ info upgraded /);
	$n->wait_line(qr/ info reloaded generation=$generation /);
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. $workers // 2;
	return;
}

subtest 'another image, the same process, and nothing is lost' => sub {
	my $n = begin();
	my @counters = load($n);
	my ($identity, $exe) = (identity($n), exe($n));
	my %old = map { $_ => 1 } $n->workers;

	install($_) for qw(narwhal narwhal-worker);
	$n->signal('USR2');
	upgraded($n, 2);
	work(@counters);
	is(identity($n), $identity, 'pid, start time, argv, environment and name are the same');
	isnt(exe($n), $exe, 'the image is another');
	is(join(':', (stat $IMAGE)[ 0, 1 ]), exe($n), 'it is the file at that path');
	is(scalar(grep { $old{$_} } $n->workers), 0, 'the workers are others');
	none_lost($n, @counters);
	is($n->stop, 0, 'status 0');
	like(join("\n", $n->lines), qr/ stopped .* dropped=0 killed=0 /, 'and it says so itself');
};

subtest 'twenty in a row leave nothing behind' => sub {
	my $n = begin(upgrade_probation => 0);
	my @counters = load($n);
	my $fds = sub { my @fds = glob '/proc/' . $n->arbiter . '/fd/*'; return scalar @fds };
	my $before;

	for my $generation (2 .. 21) {
		$n->signal('USR2');
		upgraded($n, $generation);
		$n->wait_until('two workers are left', sub { $n->workers == 2 });
		$before //= $fds->();
		work(@counters);
	}
	cmp_ok($fds->(), '<=', $before, 'no more descriptors than before');
	none_lost($n, @counters);
	is($n->stop, 0, 'status 0');
};

done_testing;
