# Upgrades of a real container, one in four a bad one, under load: it stays the container that it was, and
# nothing is lost. UPGRADES says how many.
use strict;
use warnings;

use Test::More;

use Counter;
use Docker;
use Narwhal;
use Upgrade qw($DIR $IMAGE $UNIX configure install misfit);

plan(skip_all => 'a container holds no build with sanitizers') if $ENV{SANITIZE};

my $TIMES = $ENV{UPGRADES} // 20;
my $docker = Docker->start;

$docker->base_image;
install($_) for qw(narwhal narwhal-worker);
install('hello.so', "$Narwhal::BUILD/examples/hello.so");
configure(app => "$DIR/hello.so", upgrade_timeout => 2);

# The volume stands at the same path inside, so that its unix socket has one name.
my $id = $docker->ok('run', '-d', '--network', 'host', '-v', "$DIR:$DIR", 'debian:bookworm-slim',
	$IMAGE, '--config', "$DIR/narwhal.conf");
my $log = $docker->wait_log($id, qr/ info ready /);
my ($address) = $log =~ m{ info ready .*?address=http://([^,\s]+)};

sub inspect {
	return $docker->ok('inspect', '--format', '{{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}', $id);
}

# Where such a line stands for the `count`th time.
sub wait_count {
	my ($pattern, $count) = @_;

	return $docker->wait_until(60, "$count lines like $pattern", sub {
		my @lines = grep { $_ =~ $pattern } split /\n/, ($docker->try('logs', $id))[1];
		return @lines >= $count;
	});
}

my @BAD = (
	sub { install('narwhal', '/bin/false') },
	sub { misfit('older') },
	sub { misfit('crash') },
	sub { unlink $IMAGE },
	sub { configure(app => "$DIR/hello.so", workers => 'x') },
);

# What PID 1 has when those have left that were replaced: descriptors, and KiB of memory of its own.
sub holds {
	$docker->wait_until(60, 'two workers', sub {
		return $docker->ok('exec', $id, 'sh', '-c', 'grep -l narwhal-worker /proc/[0-9]*/comm | wc -l') == 2;
	});
	my $said = $docker->ok('exec', $id, 'sh', '-c',
		'ls /proc/1/fd | wc -l; grep ^RssAnon: /proc/1/status');

	return $said =~ /^(\d+)\s+RssAnon:\s+(\d+)/ ? ($1, $2) : die "holds: $said";
}

my $before = inspect();
my @counters = map { Counter->start($_, keepalive => 64, closing => 64, patience => 20_000) } $address, $UNIX;
my ($good, $bad) = (0, 0);

$_->wait_answered(300) for @counters;
my @held;
for my $n (1 .. $TIMES) {
	my $break = $n % 4 == 0 ? $BAD[ ($n / 4 - 1) % @BAD ] : undef;

	install('narwhal');
	$break->() if $break;
	$docker->ok('kill', '-s', 'USR2', $id);
	wait_count(qr/ error upgrade_failed /, ++$bad) if $break;
	configure(app => "$DIR/hello.so", upgrade_timeout => 2) if $break;
	wait_count(qr/ info upgraded /, ++$good) if !$break;
	$_->wait_answered(50) for @counters;
	@held = holds() if $n == 4;
}
is("$good $bad", ($TIMES * 3 / 4) . ' ' . $TIMES / 4, 'three of four took over, one did not');
my @holds = holds();
cmp_ok($holds[0], '<=', $held[0], 'no descriptor has leaked');
cmp_ok($holds[1], '<=', $held[1] + 256, 'nor memory');
is(inspect(), $before, 'the same pid and the same start time, and no restart');
install('narwhal');
$docker->ok('exec', $id, $IMAGE, 'upgrade');
wait_count(qr/ info upgraded /, $good + 1);
is($docker->ok('exec', $id, 'stat', '-Lc', '%i', '/proc/1/exe'), (stat $IMAGE)[1],
	'narwhal upgrade, too: /proc/1/exe is the new file');
for my $counter (@counters) {
	my $counts = $counter->finish;
	is(Counter::lost($counts), '', "none of $counts->{sent} requests is lost");
	is(Counter::unaccounted($counts), 0, 'all are accounted for');
}
$docker->ok('stop', $id);
is($docker->ok('inspect', '--format', '{{.State.ExitCode}}', $id), 0, 'docker stop ends it with status 0');
done_testing;
