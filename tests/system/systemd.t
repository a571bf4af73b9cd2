# The units in deploy/systemd: what they promise is what systemd says of them, and narwhal lives with
# what they forbid. No systemd runs here: its tools judge, and a container stands in for its filter.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use Test::More;

use Docker;
use Lint qw(slurp needs output);
use Narwhal;

plan(skip_all => 'units are for the build that is installed') if $ENV{SANITIZE};
needs('systemd-analyze', 'systemd-socket-activate');

my $UNIT = "$Narwhal::ROOT/deploy/systemd/narwhal.service";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

# The value of a key that stands once; and all of one that may stand again.
sub values_of {
	my ($file, $key) = @_;
	return slurp($file) =~ /^\Q$key\E=(.*)$/mg;
}

subtest 'its exposure is at most 2.0' => sub {
	my ($out, $status) = output('systemd-analyze', 'security', '--offline=true', '--no-pager',
		'--threshold=20', $UNIT);
	is($status, 0, 'systemd-analyze security') or diag $out;
	my ($exposure) = $out =~ /Overall exposure level for \S+: ([\d.]+)/;
	cmp_ok($exposure, '<=', 2.0, "it is $exposure");
};

subtest 'systemd understands each line' => sub {
	# systemd 252 does not know the one type that it learnt in 253.
	for my $unit ('narwhal.service', 'narwhal.socket') {
		my $text = slurp("$Narwhal::ROOT/deploy/systemd/$unit") =~ s{/usr/bin/narwhal}{/bin/true}r;
		Narwhal::write_file("$dir/$unit", $text);
	}
	my ($out) = output('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no',
		"$dir/narwhal.socket", "$dir/narwhal.service");
	my @faults = grep { m{^\Q$dir\E} && !/ignoring: notify-reload/ } split /\n/, $out;
	is_deeply(\@faults, [], 'systemd-analyze verify');
};

subtest 'its stop waits for as long as the settings may need' => sub {
	my ($limit) = values_of($UNIT, 'TimeoutStopSec');
	my ($config) = output("$Narwhal::BUILD/narwhal", '--print-config');
	my %default = $config =~ /^(graceful_timeout|drain_delay|hook_timeout) = (\d+)s?$/mg;
	is(scalar keys %default, 3, 'there are three of them');
	my $longest = 0;
	$longest += $_ for values %default;
	cmp_ok($limit, '>=', $longest, "TimeoutStopSec=$limit, the defaults add up to $longest");
};

# SystemCallFilter= as systemd reads it: the first line says whether it allows; ~ takes away again.
sub allowed_calls {
	my %allowed;

	for my $line (values_of($UNIT, 'SystemCallFilter')) {
		my $takes = $line =~ s/^~//;
		for my $word (split ' ', $line) {
			$allowed{$_} = !$takes for expand($word);
		}
	}
	return sort grep { $allowed{$_} } keys %allowed;
}

sub expand {
	my ($word) = @_;

	return $word if $word !~ /^@/;
	my ($out) = output('systemd-analyze', '--no-pager', 'syscall-filter', $word);
	return map { expand($_) } grep { !/^#/ } map { /^ +(\S.*)/ } split /\n/, $out;
}

subtest 'narwhal serves, reloads and stops under its filter of system calls' => sub {
	my $docker = Docker->start;
	my @calls = allowed_calls();
	cmp_ok(scalar @calls, '>', 150, 'there are calls');
	ok(!grep({ $_ eq 'setuid' } @calls), 'setuid is none of them');
	my $names = join ',', map { "\"$_\"" } @calls;
	Narwhal::write_file("$dir/filter.json", '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":'
		. "[{\"names\":[$names],\"action\":\"SCMP_ACT_ALLOW\"}]}\n");
	for my $file ('narwhal', 'narwhal-worker') {
		copy("$Narwhal::BUILD/$file", "$dir/$file") or die "$file: $!";
		chmod 0755, "$dir/$file";
	}
	mkdir "$dir/site";
	chmod 0777, $dir;
	Narwhal::write_file("$dir/site/index.html", "hello\n");
	$docker->base_image;
	my $id = $docker->ok('run', '-d', '--network', 'none', '-v', "$dir:$dir", '--user', '64321',
		'--cap-drop', 'ALL', '--security-opt', 'no-new-privileges',
		'--security-opt', "seccomp=$dir/filter.json", 'debian:bookworm-slim', "$dir/narwhal",
		'--bind', "unix:$dir/socket", '--workers', 2, "$dir/site");

	$docker->wait_log($id, qr/ info ready /);
	my $get = sub {
		my $socket = IO::Socket::UNIX->new(Peer => "$dir/socket") or die "connect: $!";
		return Narwhal::Connection->new($socket)->request('GET', '/')->{body};
	};
	is($get->(), "hello\n", 'it serves');
	$docker->ok('kill', '-s', 'HUP', $id);
	$docker->wait_log($id, qr/ info (?:reloaded|ready) .*generation=2/);
	is($get->(), "hello\n", 'and after a reload');
	$docker->ok('stop', $id);
	is($docker->ok('inspect', '--format', '{{.State.ExitCode}}', $id), 0, 'it stops with status 0')
		or diag(($docker->try('logs', $id))[1]);
	$docker->stop;
};

subtest 'a socket that systemd opens is served, under its name' => sub {
	my $n = Narwhal->start(bind => 0, wrap => [ 'systemd-socket-activate', '-l', "$dir/activated",
			'--fdname=http' ], args => [ '--bind', 'fd://http', 'examples/public' ]);
	$n->wait_line(qr/Listening on/);
	my $socket = IO::Socket::UNIX->new(Peer => "$dir/activated") or die "connect: $!";
	is(Narwhal::Connection->new($socket)->request('GET', '/')->{status}, 200, 'the first client starts it');
	is($n->stop, 0, 'and it stops');
};

# podman 4.4 reads it; Debian 12 has 4.3. What can be seen: that it says the same as the others.
subtest 'the Quadlet file has what podman documents' => sub {
	my %known = map { $_ => 1 } qw(Image ContainerName Exec Volume PublishPort Notify ReadOnly DropCapability
		NoNewPrivileges User HealthCmd HealthInterval);
	my $file = slurp("$Narwhal::ROOT/deploy/systemd/narwhal.container");
	my ($container) = $file =~ /^\[Container\]\n(.*?)^\[/ms;
	is_deeply([ grep { !$known{$_} } $container =~ /^(\w+)=/mg ], [], 'keys of podman-systemd.unit(5) alone');
};

done_testing;
