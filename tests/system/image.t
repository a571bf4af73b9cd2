# The images, built and run by a real Docker Engine.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(sleep time);

use Docker;
use Lint qw(needs output slurp);
use Narwhal;
use Tls;

plan(skip_all => 'the image holds no build with sanitizers') if $ENV{SANITIZE};
needs('docker-compose');

my $READY = '/dev/shm/narwhal.ready';
my $docker = Docker->start;
$docker->base_image;

# Runs `docker run -d`, waits until the service is ready, and says where: the container's id and
# the address, which is a free port of the machine unless the container has no network.
sub container {
	my ($options, @arguments) = @_;
	return container_of('narwhal', $options, @arguments);
}

sub container_of {
	my ($image, $options, @arguments) = @_;
	my @network = grep({ $_ eq 'none' } @$options) ? () : ('--network', 'host');
	my $id = $docker->ok('run', '-d', @network, @$options, $image,
		@network ? ('--bind', '127.0.0.1:0') : (), @arguments);
	my $log = $docker->wait_log($id, qr/ info ready /);
	return ($id, $log =~ m{ info ready .*?address=http://(\S+?)[, ]});
}

sub inspect {
	my ($id, $what) = @_;
	return $docker->ok('inspect', '--format', "{{$what}}", $id);
}

sub in_container {
	my ($id, $script) = @_;
	return $docker->ok('exec', $id, 'bash', '-c', $script);
}

# Every process of the container but the one that asks, as "pid state name".
sub processes {
	my ($id) = @_;
	my $out = in_container($id, 'for p in /proc/[0-9]*; do n=${p#/proc/}; [ $n = $$ ] && continue;'
		. ' read -r line <$p/stat && echo "${line/ (/ }"; done 2>/dev/null');
	return map { /^(\d+) (.*?)\) (\S)/ ? "$1 $3 $2" : () } split /\n/, $out;
}

sub workers {
	my ($id) = @_;
	return map { /^(\d+) \S narwhal-worker/ } processes($id);
}

sub fetch {
	my ($address, $target) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => $address) or die "connect $address: $!";
	return Narwhal::Connection->new($socket)->request('GET', $target, Connection => 'close');
}

# The answer to a client in the container, which may have no network.
sub get_inside {
	my ($id) = @_;
	return in_container($id, 'exec 3<>/dev/tcp/127.0.0.1/8080;'
		. ' printf "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" >&3; cat <&3');
}

# `docker stop`: seconds, and the status that the container ended with.
sub stop {
	my ($id) = @_;
	my $begin = time;

	$docker->ok('stop', $id);
	return (time - $begin, inspect($id, '.State.ExitCode'));
}

subtest 'make images builds them' => sub {
	local %ENV = (%ENV, $docker->environment);
	delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	my $out = `make -C "$Docker::ROOT" images 2>&1`;
	is($?, 0, 'make images') or die $out;
	is(inspect('narwhal', '.Id'), inspect('narwhal:slim', '.Id'), 'the latest is slim');
	is(inspect('narwhal', '.Config.User'), '65532:65532', 'user');
	is(inspect('narwhal', '.Config.StopSignal'), 'SIGTERM', 'stop signal');
	is(inspect('narwhal', 'json .Config.Entrypoint'), '["docker-entrypoint"]', 'entrypoint');
	is(inspect('narwhal', 'json .Config.ExposedPorts'), '{"8080/tcp":{},"8443/tcp":{}}', 'ports');
	is(inspect('narwhal', 'json .Config.Healthcheck.Test'), '["CMD","narwhal","ready"]', 'health');
	like(inspect('narwhal', 'json .Config.Labels'), qr/"org\.opencontainers\.image\.version":"\d/,
		'labels');
	is($docker->ok('run', '--rm', '--network', 'none', '--entrypoint', 'bash', 'narwhal', '-c',
		'for p in gcc cc make curl; do command -v $p; done; ls /build 2>/dev/null; true'), '',
		'nothing of the build is left in it');
};

subtest 'it is PID 1, serves, replaces workers and reaps a thousand orphans' => sub {
	my ($id, $address) = container([], '--workers', 2, '--min-ready', 2, '/srv/www');
	my $page = Narwhal::slurp("$Docker::ROOT/examples/public/index.html");

	is(in_container($id, 'cat /proc/1/comm'), 'narwhal', 'PID 1 is narwhal');
	like(in_container($id, 'cat /proc/1/status'), qr/^Uid:\t65532\t65532\t/m, 'and not root');
	is(fetch($address, '/')->{body}, $page, 'it serves its page');

	my @before = workers($id);
	is(scalar @before, 2, 'two workers');
	in_container($id, "kill -9 $before[0]");
	$docker->wait_log($id, qr/ worker_exit slot=\d pid=$before[0] .*SIGKILL/);
	ok($docker->wait_until($Narwhal::PATIENCE, 'there are two again',
		sub { grep({ $_ != $before[0] } workers($id)) == 2 }), 'a killed worker is replaced');
	is(fetch($address, '/')->{status}, 200, 'it serves on');

	is(in_container($id, 'for ((n = 0; n < 1000; n++)); do (sleep 0.1 & :); done; echo made'),
		'made', 'a thousand orphans');
	my @left;
	ok(eval { $docker->wait_until($Narwhal::PATIENCE, 'they are reaped',
		sub { (@left = grep { !/ narwhal/ } processes($id)) == 0 }) }, 'are reaped')
		or diag(@left);
	is(scalar(grep { / Z / } processes($id)), 0, 'no zombie is left');
	is(scalar(grep { / narwhal/ } processes($id)), 3, 'the arbiter and its two workers are');

	my ($seconds, $status) = stop($id);
	is($status, 0, 'docker stop ends it with status 0');
	cmp_ok($seconds, '<', 5, 'long before Docker loses its patience');
	like(($docker->try('logs', $id))[1], qr/ info stopped status=0 /, 'and the log says so');
};

subtest 'readiness and health come, and go with SIGTERM' => sub {
	my ($id) = container([ '--health-interval', '200ms', '--health-retries', 1,
			'--health-start-period', '0s' ], '--drain-delay', 3600, '/srv/www');
	my $health = sub {
		my ($wanted) = @_;
		return $docker->wait_until(20, $wanted, sub { inspect($id, '.State.Health.Status') eq $wanted });
	};

	ok($health->('healthy'), 'HEALTHCHECK says healthy');
	like(in_container($id, "cat $READY"), qr/^pid=1$/m, 'the file is there');
	$docker->ok('kill', '-s', 'TERM', $id);
	$docker->wait_log($id, qr/ unready /);
	ok($docker->wait_until(20, 'no file', sub { in_container($id, "[ -e $READY ] || echo gone") eq 'gone' }),
		'the file goes when it drains');
	isnt(($docker->try('exec', $id, 'narwhal', 'ready'))[0], 0, 'narwhal ready says no');
	ok($health->('unhealthy'), 'HEALTHCHECK says unhealthy');
	$docker->ok('kill', '-s', 'INT', $id);
	is($docker->ok('wait', $id), 0, 'INT ends the wait, with status 0');
};

subtest 'docker stop lets a running download finish' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $size = 48 << 20;
	chmod 0755, $dir;
	open my $file, '>', "$dir/big" or die "$dir/big: $!";
	truncate $file, $size;
	close $file;

	my ($id, $address) = container([ '-v', "$dir:/files:ro" ], '/files');
	my $slow = IO::Socket::INET->new(PeerAddr => $address) or die "connect: $!";
	setsockopt $slow, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 65536;
	print {$slow} "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
	my $got = sysread($slow, my $bytes, 65536) // 0;
	my $head = index($bytes, "\r\n\r\n") + 4;

	my $begin = time;
	my $stopper = fork // die "fork: $!";
	if (!$stopper) {
		$docker->try('stop', $id);
		POSIX::_exit(0);
	}
	$docker->wait_log($id, qr/ signal name=TERM /);
	# A client of 48 MB/s: that takes a second, which is the point.
	while (my $n = sysread $slow, $bytes, 1 << 20) {
		$got += $n;
		my $early = ($got / (48 << 20)) - (time - $begin);
		sleep $early if $early > 0;
	}
	my $seconds = time - $begin;
	waitpid $stopper, 0;
	is($got, $size + $head, 'all of it came');
	cmp_ok($seconds, '>', 0.7, 'over a second');
	is(inspect($id, '.State.ExitCode'), 0, 'then it ended, with status 0');
};

subtest 'it speaks TLS, by certificates that are mounted' => sub {
	my $dir = tempdir(CLEANUP => 1);
	chmod 0755, $dir;
	my $pair = Tls::certificate($dir, 'one', by => Tls::authority($dir, 'ca'));
	chown 65532, 65532, $pair->{key};
	my $id = $docker->ok(qw(run -d --network host -v), "$dir:/tls:ro",
		qw(narwhal --bind 127.0.0.2:0 --bind-tls 127.0.0.1:0 --certfile /tls/one.crt --keyfile /tls/one.key
		/srv/www));
	my ($port) = $docker->wait_log($id, qr/ info ready /) =~ m{https://127\.0\.0\.1:(\d+)};
	my $c = Tls::connect($port, SSL_ca_file => "$dir/ca.crt", SSL_hostname => 'one');
	is($c->request('GET', '/', Connection => 'close')->{status}, 200, 'a client that checks it is served');
	my (undef, $status) = stop($id);
	is($status, 0, 'status 0');
};

subtest 'it runs with nothing: no root, no capability, nothing to write to, little memory' => sub {
	my ($id) = container([ '--network', 'none', '--read-only', '--cap-drop', 'ALL', '--user', '12345',
			'--security-opt', 'no-new-privileges', '--memory', '64m', '--pids-limit', 32 ]);
	my $answer = get_inside($id);

	like($answer, qr{\AHTTP/1\.1 200 OK\r\n}, 'it serves');
	like(in_container($id, 'cat /proc/1/status'), qr/^Uid:\t12345\t/m, 'as that user');
	like(in_container($id, 'cat /proc/1/status'), qr/^CapBnd:\t0+$/m, 'with no capability');
	is(($docker->try('exec', $id, 'narwhal', 'ready'))[0], 0, 'narwhal ready says yes');
	my ($seconds, $status) = stop($id);
	is($status, 0, 'docker stop ends it with status 0');
	cmp_ok($seconds, '<', 5, 'long before Docker loses its patience');
};

subtest 'scripts run first, and another program in its place' => sub {
	my $scripts = tempdir(CLEANUP => 1);
	chmod 0755, $scripts;
	my %script = ('10-say.sh' => "#!/bin/sh\necho said >/dev/shm/said\n",
		'20-set.envsh' => "export NARWHAL_WORKERS=3\n", '30-not.sh' => "#!/bin/sh\nexit 1\n");
	for my $name (keys %script) {
		Narwhal::write_file("$scripts/$name", $script{$name});
		chmod 0755, "$scripts/$name" if $name ne '30-not.sh';
	}
	my ($id) = container([ '-v', "$scripts:/docker-entrypoint.d:ro" ], '--min-ready', 3, '/srv/www');
	is(in_container($id, 'cat /dev/shm/said'), 'said', 'a script that can be executed was run');
	is(scalar(workers($id)), 3, 'and one for the environment read');
	is(in_container($id, 'cat /proc/1/comm'), 'narwhal', 'PID 1 is narwhal');
	$docker->ok('rm', '-f', $id);

	chmod 0755, "$scripts/30-not.sh";
	my @run = ('run', '--rm', '--network', 'none');
	isnt(($docker->try(@run, '-v', "$scripts:/docker-entrypoint.d:ro", 'narwhal'))[0], 0,
		'one that fails ends the container');
	Narwhal::write_file("$scripts/10-say.sh",
		"#!/bin/sh\ntrap 'echo heard; exit' TERM\necho begun\nwhile :; do sleep 0.05; done\n");
	$id = $docker->ok('run', '-d', '--network', 'none', '-v', "$scripts:/docker-entrypoint.d:ro", 'narwhal');
	$docker->wait_log($id, qr/^begun$/m);
	is((stop($id))[1], 143, 'docker stop ends it while a script runs');
	like(($docker->try('logs', $id))[1], qr/^heard$/m, 'which hears of it');
	is($docker->ok(@run, 'narwhal', 'bash', '-c', 'echo $$ $0'), '1 bash', 'bash is bash');
	like($docker->ok(@run, 'narwhal', '--version'), qr/^narwhal \d/, 'a flag is ours');
};

my @HARD = ('--network', 'none', '--read-only', '--cap-drop', 'ALL', '--user', '1000660000:0', '--security-opt',
	'no-new-privileges', '--memory', '96m', '--pids-limit', 32);

subtest 'narwhal:static has no file but its own, and is as hard' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $made = $docker->ok('create', 'narwhal:static');
	$docker->ok('export', '-o', "$dir/static.tar", $made);
	my @files = grep { !m{/\z|^(?:etc|dev|proc|sys)/|^\.dockerenv} } split /\n/, `tar -tf $dir/static.tar`;
	is_deeply([ sort grep { !m{^srv/www/} } @files ], [qw(narwhal/narwhal narwhal/narwhal-worker)],
		'two programs, beside the page that it serves');
	my ($id) = container_of('narwhal:static', \@HARD);
	is(($docker->try('exec', $id, '/narwhal/narwhal', 'ready'))[0], 0, 'it is ready with nothing at all');
	my ($seconds, $ended) = stop($id);
	is($ended, 0, 'docker stop ends it with status 0');
	my ($other, $address) = container_of('narwhal:static', [ '--read-only' ], '/srv/www');
	is(fetch($address, '/')->{status}, 200, 'it serves');
	$docker->ok('rm', '-f', $other);
};

subtest 'narwhal:python serves an app, as hard' => sub {
	my ($id) = container_of('narwhal:python', \@HARD);
	my $answer = get_inside($id);
	like($answer, qr{\AHTTP/1\.1 200 OK\r\n.*Hello, World!}s, 'it serves');
	like(in_container($id, 'cat /proc/1/status'), qr/^Uid:\t1000660000\t/m, 'as that user');
	my ($seconds, $status) = stop($id);
	is($status, 0, 'docker stop ends it with status 0');
	is(($docker->try('run', '--rm', '--network', 'none', 'narwhal:python', 'missing:app'))[0], 4,
		'no app: status 4');
};

# Durations of a Compose file, in seconds: 45s, 1m30s.
sub seconds_of {
	my ($text) = @_;
	my ($minutes, $seconds) = $text =~ /^(?:(\d+)m)?(?:(\d+)s)?\z/ or die "no duration: $text";
	return 60 * ($minutes // 0) + ($seconds // 0);
}

subtest 'Compose starts it, asks after its health, and stops it' => sub {
	local %ENV = (%ENV, $docker->environment, COMPOSE_PROJECT_NAME => 'narwhal');
	my $dir = tempdir(CLEANUP => 1);
	my @compose = ('docker-compose', '-f', "$Docker::ROOT/deploy/compose/compose.yaml",
		'-f', Narwhal::write_file("$dir/here.yaml", "services: {narwhal: {network_mode: none}}\n"),
		'--project-directory', $dir);
	chmod 0755, $dir;
	mkdir "$dir/public";
	Narwhal::write_file("$dir/public/index.html", "by Compose\n");

	my ($file, $status) = output(@compose, 'config');
	is($status, 0, 'it is a Compose file') or diag $file;
	my ($grace) = $file =~ /stop_grace_period: (\S+)/;
	my %default = map { /^(drain_delay|graceful_timeout|hook_timeout) = (\d+)s/ ? ($1, $2) : () }
		split /\n/, (output("$Narwhal::BUILD/narwhal", '--print-config'))[0];
	cmp_ok(seconds_of($grace), '>', sum(values %default), "$grace is longer than a stop may take");

	my ($said, $up) = output(@compose, 'up', '-d');
	is($up, 0, 'it starts') or diag $said;
	my $id = $docker->ok('ps', '-q', '--filter', 'label=com.docker.compose.service=narwhal');
	$docker->wait_log($id, qr/ info ready .*workers=2/);
	like(get_inside($id), qr{\AHTTP/1\.1 200 OK\r\n.*by Compose}s, 'it serves what is mounted');
	like(in_container($id, 'cat /proc/1/status'), qr/^CapBnd:\t0+\n(?s:.*)^NoNewPrivs:\t1\n/m, 'no capability');
	isnt(($docker->try('exec', $id, 'touch', '/file'))[0], 0, 'and nothing to write to');
	is(inspect($id, 'json .Config.Healthcheck.Test'), '["CMD","narwhal","ready"]', 'health is asked of narwhal');
	($said, my $stopped) = output(@compose, 'stop');
	is($stopped, 0, 'it stops') or diag $said;
	is(inspect($id, '.State.ExitCode'), 0, 'with status 0');
};

subtest 'the README says how large they are' => sub {
	my ($row) = slurp("$Docker::ROOT/README.md") =~ /^(.*narwhal:slim.* MB.*)$/m;
	my %said = ($row // '') =~ /`narwhal:(\w+)` (\d+) MB/g;
	for my $image (qw(slim static python)) {
		my $size = inspect("narwhal:$image", '.Size') / 1e6;
		my $base = inspect('debian:bookworm-slim', '.Size') / 1e6;
		$size -= $base if $image ne 'static';
		cmp_ok(abs($size - ($said{$image} // 0)), '<=', 0.1 * $size + 1,
			sprintf('%s: it is %.1f MB', $image, $size));
	}
};

$docker->stop;
done_testing;
