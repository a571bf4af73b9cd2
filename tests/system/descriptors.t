# The arbiter has three descriptors for each worker: it may have more than the soft limit that it was
# started with, and what it executes has that one again.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;
use Upgrade qw($DIR begin);

my ($SOFT, $HARD, $WORKERS) = (80, 1024, 30);
my @LIMITED = (wrap => [ 'prlimit', "--nofile=$SOFT:$HARD", '--' ]);

sub limit {
	my ($pid) = @_;

	return Narwhal::slurp("/proc/$pid/limits") =~ /^Max open files\s+(\d+)\s+(\d+)/m ? "$1:$2" : '';
}

sub open_of {
	my ($pid) = @_;
	return scalar(() = glob "/proc/$pid/fd/*");
}

subtest 'more workers than the soft limit has room for, before and after an upgrade' => sub {
	my $n = begin(workers => $WORKERS, min_ready => $WORKERS, worker_connections => 4, open_file_cache => 0,
		start => {@LIMITED});

	cmp_ok(open_of($n->arbiter), '>', $SOFT, 'the arbiter has more than that open');
	is(limit($n->arbiter), "$HARD:$HARD", 'as it may');
	is_deeply([ grep { limit($_) eq "$HARD:$HARD" } $n->workers ], [], 'its workers have what they need');
	$n->signal('USR2')->wait_line(qr/ (?:upgraded|upgrade_failed) /);
	is(scalar(grep { / upgraded / } $n->lines), 1, 'another image takes over');
	is(limit($n->arbiter), "$HARD:$HARD", 'and may, too');
	$n->wait_until('new workers alone', sub { (() = $n->workers) == $WORKERS });
	is_deeply([ grep { limit($_) eq "$HARD:$HARD" } $n->workers ], [], 'and its workers have what they need');
	is($n->stop, 0, 'status 0');
};

subtest 'a hook has it, too' => sub {
	my $hook = Narwhal::write_file("$DIR/hook",
		"#!/bin/sh\nulimit -Sn > $DIR/limit.new\nmv $DIR/limit.new $DIR/limit\n");

	chmod 0755, $hook;
	my $n = begin(when_ready => $hook, start => {@LIMITED});
	$n->wait_until('the hook has run', sub { -e "$DIR/limit" });
	is(Narwhal::slurp("$DIR/limit"), "$SOFT\n", 'the soft limit');
	is($n->stop, 0, 'status 0');
};

done_testing;
