# Privileges in real containers, under Docker's default profile and as the usual platforms start
# them: what a worker is, what the arbiter keeps, and what is said where it cannot be.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

use Docker;
use Narwhal;

plan(skip_all => 'a container holds no build with sanitizers') if $ENV{SANITIZE};

my $docker = Docker->start;
my $dir = tempdir(CLEANUP => 1);
my $NONE = '0' x 16;
# kill, setgid, setuid, setpcap, net_raw: what a root arbiter with a port needs
my $KEPT = '00000000000021e0';

$docker->base_image;
chmod 0755, $dir;
for my $program (qw(narwhal narwhal-worker)) {
	copy("$Narwhal::BUILD/$program", "$dir/$program") or die "$program: $!";
	chmod 0755, "$dir/$program" or die;
}
mkdir "$dir/site" or die;

sub command {
	my ($flags, @args) = @_;
	return ('--network', 'none', '-v', "$dir:$dir:ro", @$flags, 'debian:bookworm-slim', "$dir/narwhal",
		'--bind', ':8080', @args, "$dir/site");
}

sub status_in {
	my ($id, $proc) = @_;
	my $text = $docker->ok('exec', $id, 'bash', '-c',
		"cd $proc && cat status && echo score: \$(cat oom_score_adj)");
	return { map { /^(\w+):\s*(.*?)\s*$/ ? ($1, join ' ', split ' ', $2) : () } split /\n/, $text };
}

# /proc/PID/status and oom_score_adj of the arbiter and of its worker, from inside.
sub look {
	my ($flags, @args) = @_;
	my $id = $docker->ok('run', '-d', command($flags, @args));

	$docker->wait_log($id, qr/ info ready /);
	my @look = map { status_in($id, $_) } '/proc/1',
		'$(dirname $(grep -l "^Name:.narwhal-worker" /proc/[0-9]*/status))';
	$docker->ok('rm', '-f', $id);
	return @look;
}

sub is_nobody {
	my ($worker, $uid, $gid, $bounding) = @_;

	is($worker->{Uid}, join(' ', ($uid) x 4), "uid $uid");
	is($worker->{Gid}, join(' ', ($gid) x 4), "gid $gid");
	is($worker->{$_}, $NONE, $_) for qw(CapInh CapPrm CapEff CapAmb);
	is($worker->{CapBnd}, $bounding, 'CapBnd');
	is($worker->{NoNewPrivs}, 1, 'no_new_privs');
	return;
}

sub refused {
	my ($flags, $why, @args) = @_;
	my ($status, $said) = $docker->try('run', '--rm', command($flags, @args));

	is($status, 3, 'status 3');
	like($said, $why, 'it says why');
	return;
}

subtest 'as docker run does it by itself' => sub {
	my ($arbiter, $worker) = look([]);
	is_nobody($worker, 65_534, 65_534, $NONE);
	is($worker->{Groups}, '', 'no groups');
	is($arbiter->{$_}, $KEPT, "the arbiter's $_") for qw(CapPrm CapEff CapBnd);
	is($worker->{score}, $arbiter->{score} + 100, 'killed first');
};

subtest 'as root with no-new-privileges' => sub {
	my ($arbiter, $worker) = look(['--security-opt', 'no-new-privileges']);
	is_nobody($worker, 65_534, 65_534, $NONE);
	is($arbiter->{CapPrm}, $KEPT, 'the arbiter');
};

subtest 'as OpenShift does it: any uid, group 0, no capability' => sub {
	my ($arbiter, $worker) = look(['--user', '1000660000:0', '--cap-drop', 'ALL', '--read-only',
			'--security-opt', 'no-new-privileges', '--oom-score-adj', 300]);
	is_nobody($worker, 1_000_660_000, 0, $NONE);
	is($arbiter->{$_}, $NONE, "the arbiter's $_") for qw(CapPrm CapEff CapBnd);
	is("$arbiter->{score} $worker->{score}", '300 400', 'killed first');
};

subtest 'as a user in a container that has capabilities for root' => sub {
	my ($arbiter, $worker) = look(['--user', 1000]);
	is_nobody($worker, 1000, 0, $arbiter->{CapBnd});
	is($arbiter->{$_}, $NONE, "the arbiter's $_") for qw(CapPrm CapEff CapAmb);
};

subtest 'without CAP_SETPCAP' => sub {
	my ($arbiter, $worker) = look(['--cap-drop', 'SETPCAP']);
	is_nobody($worker, 65_534, 65_534, $arbiter->{CapBnd});
	is($arbiter->{CapEff}, '00000000000020e0', 'the arbiter keeps what it needs');
	isnt($arbiter->{CapBnd}, $arbiter->{CapEff}, 'and cannot bound the rest');
};

subtest 'as root without any capability' => sub {
	refused(['--cap-drop', 'ALL'], qr/giving up privileges: set\w+\(\d+\): Operation not permitted/);
};

subtest 'a limit above that of the container' => sub {
	refused(['--ulimit', 'nofile=1000:1000'],
		qr/limit_nofile: 2000: Operation not permitted: above the hard limit 1000, which only CAP_SYS_RESOURCE/,
		'--limit-nofile', 2000);
};

done_testing;
