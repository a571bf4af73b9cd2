# narwhal check in real containers, under Docker's default profile: the flags that it names give what it
# wants, and a container that has them all is told nothing more.
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

$docker->base_image;
chmod 0755, $dir;
for my $program (qw(narwhal narwhal-worker)) {
	copy("$Narwhal::BUILD/$program", "$dir/$program") or die "$program: $!";
	chmod 0755, "$dir/$program" or die;
}
mkdir "$dir/site" or die;

# The exit status, and each row that is not ok: its verdict, by its name.
sub check {
	my ($flags, @args) = @_;
	my ($status, $said) = $docker->try('run', '--rm', '--network', 'none', '-v', "$dir:$dir:ro", @$flags,
		'debian:bookworm-slim', "$dir/narwhal", 'check', '--bind', ':8080', @args, "$dir/site");
	my %row = map { /^(advice|missing) +(\S.{16}) / ? ($2 =~ s/ +$//r, (split)[0]) : () } split /\n/, $said;
	return { status => $status, said => $said, row => \%row };
}

sub is_whole {
	my ($check, $name) = @_;
	return is($check->{status}, 0, "$name: status 0") || diag $check->{said};
}

my @HARD = ('--user', 65534, '--cap-drop', 'ALL', '--read-only', '--security-opt', 'no-new-privileges',
	'--memory', '64m', '--pids-limit', 64, '--ulimit', 'nofile=20000', '--sysctl', 'net.core.somaxconn=4096');

subtest 'as docker run does it by itself' => sub {
	my $check = check([]);
	is_whole($check, 'it would start');
	is($check->{row}{$_}, 'advice', "$_: advice") for 'root directory', 'no_new_privs', 'memory limit';
	like($check->{said}, qr/^ok +process id +1$/m, 'PID 1');
	like($check->{said}, qr/^ok +a worker +answers a request$/m, 'a worker answers');
	like($check->{said}, qr/^ok +seccomp +yes, inside another filter$/m, 'inside the default profile');
};

subtest 'with every flag that was named' => sub {
	my $check = check(\@HARD);
	is_whole($check, 'it would start');
	# What only the machine can give.
	delete $check->{row}{$_} for 'Landlock', 'swap', 'OOM counter', 'pidfd_open(2)', 'seccomp notices';
	is_deeply($check->{row}, {}, 'nothing more is wanted') or diag $check->{said};
};

subtest 'as root without any capability' => sub {
	my $check = check(['--cap-drop', 'ALL']);
	is($check->{status}, 1, 'status 1') or diag $check->{said};
	is($check->{row}{$_}, 'missing', "$_: missing") for "workers' user", 'ending workers', 'a worker';
	is_whole(check(['--cap-drop', 'ALL', map { ('--cap-add', $_) } qw(SETUID SETGID KILL)]),
		'with what it names');
};

subtest 'a limit of processes that leaves none for workers' => sub {
	my $check = check(['--pids-limit', 4], '--workers', 8);
	is($check->{row}{'process limit'}, 'missing', 'missing') or diag $check->{said};
	is($check->{status}, 1, 'status 1');
};

subtest 'a directory that cannot be written' => sub {
	my @args = ('--when-ready', '/run/app/ready');
	is(check(\@HARD, @args)->{row}{'files to write'}, 'missing', 'missing');
	is_whole(check([@HARD, '--tmpfs', '/run/app:mode=1777'], @args), 'with --tmpfs');
};

done_testing;
