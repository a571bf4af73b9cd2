# The strict filter where it was not made: within an engine's own profile, with nothing to spare, within the
# profile that narwhal itself writes, and on another libc.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

use Docker;
use Narwhal;
use Smoke;

plan(skip_all => 'a container holds no build with sanitizers') if $ENV{SANITIZE};

my $docker = Docker->start;
my $site = Smoke::site();
my $dir = tempdir(CLEANUP => 1);

chmod 0777, $dir;
for my $file ('narwhal', 'narwhal-worker', 'examples/hello.so') {
	my ($name) = $file =~ m{([^/]+)\z};
	copy("$Narwhal::BUILD/$file", "$dir/$name") or die "$file: $!";
	chmod 0755, "$dir/$name";
}
$docker->base_image;

# A container with narwhal as PID 1; everything of it lies in two volumes. Returns its id and how to reach it.
sub container {
	my ($options, $image, @arguments) = @_;
	my $name = 'socket-' . $$ . '-' . int rand 1e9;
	my $id = $docker->ok('run', '-d', '--network', 'none', '-v', "$dir:$dir", '-v', "$site:/site:ro", @$options,
		$image, "$dir/narwhal", '--bind', "unix:$dir/$name", '--workers', 2, '--min-ready', 2,
		'--sandbox', 'strict', @arguments);
	$docker->wait_log($id, qr/ info ready /);
	return ($id, sub {
		my $socket = IO::Socket::UNIX->new(Peer => "$dir/$name") or die "connect: $!";
		return Narwhal::Connection->new($socket);
	});
}

sub in_container {
	my ($id, $script) = @_;

	return $docker->ok('exec', $id, 'sh', '-c', $script);
}

# A field of /proc/PID/status of each process of that name, as "1 2".
sub status {
	my ($id, $name, $field) = @_;

	return join ' ', split /\n/, in_container($id,
		"for p in /proc/[0-9]*; do [ \"\$(cat \$p/comm)\" != $name ] ||"
		. " sed -n 's/^$field:[[:space:]]*//p' \$p/status; done 2>/dev/null");
}

sub ends_well {
	my ($id) = @_;

	$docker->ok('stop', $id);
	is($docker->ok('inspect', '--format', '{{.State.ExitCode}}', $id), 0, 'docker stop ends it with status 0')
		or diag +($docker->try('logs', $id))[1];
	return;
}

# A site and a module: every kind of request is answered, by workers that are locked in.
sub serves {
	my ($where, $options, $image) = @_;
	my ($id, $connect) = container($options, $image, @Smoke::SETTINGS, '/site');
	my $filters = status($id, 'narwhal', 'Seccomp_filters') + 1;
	my $workers = status($id, 'narwhal-worker', 'Pid');

	is(status($id, 'narwhal-worker', 'Seccomp_filters'), "$filters $filters", 'two workers, a filter more each');
	is(status($id, 'narwhal-worker', 'NoNewPrivs'), '1 1', 'without new privileges');
	is(status($id, 'narwhal-worker', 'CapEff'), join(' ', ('0' x 16) x 2), 'and without capabilities');
	Smoke::served($where, $connect);
	is(status($id, 'narwhal-worker', 'Pid'), $workers, 'nobody died of it');
	ends_well($id);

	($id, $connect) = container($options, $image, "$dir/hello.so");
	is($connect->()->request('GET', '/', Connection => 'close')->{status}, 200, "$where: a module");
	ends_well($id);
	return;
}

subtest "in the engine's own profile" => sub {
	serves('default profile', [], 'debian:bookworm-slim');
};

subtest 'without a capability, a disk to write to, or a way to new privileges' => sub {
	serves('nothing to spare', [ qw(--read-only --cap-drop ALL --user 12345 --security-opt no-new-privileges
		--memory 64m --pids-limit 32) ], 'debian:bookworm-slim');
};

subtest 'on the libc of another Debian' => sub {
	serves('trixie', [], $docker->base_image('trixie'));
};

# A hook that does what scripts do: it asks, lists, pipes, makes and removes.
sub hook {
	open my $file, '>', "$dir/hook" or die "$dir/hook: $!";
	print {$file} <<'SH';
#!/bin/sh
set -eu
made=$(mktemp -d)
ls -l / | sort | head -n 1 >"$made/list"
cp "$made/list" "$made/copy" && mv "$made/copy" "$made/moved" && cat "$made/moved" >/dev/null
(sleep 0.01) & wait
rm -r "$made"
id -u >/dev/null && date >/dev/null && touch /dev/shm/hooked
SH
	close $file or die "$dir/hook: $!";
	chmod 0755, "$dir/hook";
	return map { ("--$_", "$dir/hook") } qw(on-starting post-fork child-exit on-reload pre-exec on-drain on-exit);
}

# The whole of a container's life: hooks, a probe, a shell, a reload, an upgrade, a stop.
sub lives {
	my ($options, $image) = @_;
	my ($id, $connect) = container($options, $image, hook(), '--when-ready', '/dev/shm/ready', '--pidfile',
		'/dev/shm/pid', '--upgrade-probation', '0.1', @Smoke::SETTINGS, '/site');

	Smoke::served('at first', $connect);
	$docker->ok('exec', $id, "$dir/narwhal", 'ready', '--when-ready', '/dev/shm/ready');
	is(in_container($id, 'ls -la / >/dev/null && cat /dev/shm/hooked && echo shell'), 'shell',
		'a shell, and a hook has run');
	isnt(($docker->try('exec', $id, 'unshare', '--mount', 'true'))[0], 0, 'but no new namespace');
	$docker->ok('kill', '-s', 'HUP', $id);
	$docker->wait_log($id, qr/ info reloaded .*generation=2\b/);
	Smoke::served('after a reload', $connect);
	$docker->ok('exec', $id, "$dir/narwhal", 'upgrade', '--pidfile', '/dev/shm/pid');
	$docker->wait_log($id, qr/ info upgraded /);
	Smoke::served('after an upgrade', $connect);
	ends_well($id);
	unlike(($docker->try('logs', $id))[1], qr/ (?:error|hook_failed|cause=sandbox) /, 'and nothing failed');
	return;
}

subtest 'in the profile that narwhal writes' => sub {
	for my $role (qw(module app)) {
		my @profile = ('--security-opt', "seccomp=$Narwhal::ROOT/deploy/seccomp-$role.json");
		my @poor = qw(--cap-drop ALL --user 12345 --security-opt no-new-privileges);

		lives([@profile], 'debian:bookworm-slim');
		lives([ @profile, @poor ], 'debian:trixie-slim');
	}
};

$docker->stop;
done_testing;
