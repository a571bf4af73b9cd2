# Twenty upgrades of a real container, five of them bad ones, under load: it stays the container that it
# was, and nothing is lost.
use strict;
use warnings;

use Test::More;

use Counter;
use Docker;
use Narwhal;
use Upgrade qw($DIR $IMAGE $UNIX configure install misfit);

plan(skip_all => 'a container holds no build with sanitizers') if $ENV{SANITIZE};

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

my $before = inspect();
my @counters = map { Counter->start($_, keepalive => 64, closing => 64, patience => 20_000) } $address, $UNIX;
my ($good, $bad) = (0, 0);

$_->wait_answered(300) for @counters;
for my $n (1 .. 20) {
	my $break = $n % 4 == 0 ? $BAD[ $n / 4 - 1 ] : undef;

	install('narwhal');
	$break->() if $break;
	$docker->ok('kill', '-s', 'USR2', $id);
	wait_count(qr/ error upgrade_failed /, ++$bad) if $break;
	configure(app => "$DIR/hello.so", upgrade_timeout => 2) if $break;
	wait_count(qr/ info upgraded /, ++$good) if !$break;
	$_->wait_answered(50) for @counters;
}
is("$good $bad", '15 5', 'fifteen took over, five did not');
is(inspect(), $before, 'the same pid and the same start time, and no restart');
install('narwhal');
$docker->ok('exec', $id, $IMAGE, 'upgrade');
wait_count(qr/ info upgraded /, 16);
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
