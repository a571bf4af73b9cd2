# The service manager is told, by sd_notify(3).
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Select;
use Socket;
use Test::More;
use Time::HiRes qw(clock_gettime time CLOCK_MONOTONIC);

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir = tempdir(CLEANUP => 1);
my $names = 0;

chmod 0755, $dir;

# A manager that listens: its socket, and the name for NOTIFY_SOCKET.
sub manager {
	my ($name) = @_;

	socket my $socket, PF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
	bind $socket, sockaddr_un($name =~ /^@(.*)/ ? "\0$1" : $name) or die "bind $name: $!";
	return $socket;
}

sub new_name {
	return "$dir/notify" . $names++;
}

# The next datagram as a hash, or undef when none comes in time.
sub told {
	my ($socket, $seconds) = @_;

	return if !IO::Select->new($socket)->can_read($seconds // $Narwhal::PATIENCE);
	defined recv $socket, my $bytes, 4096, 0 or die "recv: $!";
	unlike($bytes, qr/\n\z|\n\n|[^\n -~]/, 'well-formed');
	return { map { /^([A-Z_]+)=(.*)/ ? ($1, $2) : die "no assignment: $_" } split /\n/, $bytes };
}

# Until one says that; what else was said is left out.
sub wait_told {
	my ($socket, $name) = @_;
	my $deadline = time + $Narwhal::PATIENCE;

	while (time < $deadline) {
		my $told = told($socket) or last;
		return $told if exists $told->{$name};
	}
	die "not told: $name\n";
}

sub start {
	my ($name, @args) = @_;

	return Narwhal->start(env => { NOTIFY_SOCKET => $name },
		args => [ '--workers', 2, '--min-ready', 2, @args, $HELLO ]);
}

for my $name (new_name(), "\@narwhal-notify-$$") {
	subtest $name =~ /^@/ ? 'an abstract socket' : "a socket's path" => sub {
		my $socket = manager($name);
		my $n = start($name);

		my $told = wait_told($socket, 'READY');
		is($told->{READY}, 1, 'READY=1');
		is($told->{STATUS}, '2 of 2 workers serve, generation 1', 'with a STATUS');
		$n->wait_ready;
		is($n->stop, 0, 'status 0');
		$told = wait_told($socket, 'STOPPING');
		is($told->{STOPPING}, 1, 'STOPPING=1');
		ok(!exists $told->{READY}, 'and no more READY');
	};
}

subtest 'not ready before it is' => sub {
	my $socket = manager(my $name = new_name());
	system('mkfifo', "$dir/fifo") == 0 or die;
	open my $script, '>', "$dir/hook" or die;
	print $script "#!/bin/sh\nread x <$dir/fifo\n";
	close $script;
	chmod 0755, "$dir/hook";
	my $n = start($name, '--on-starting', "$dir/hook");

	my $told = told($socket);
	is($told->{STATUS}, 'starting: 0 of 2 workers serve, generation 1', 'a STATUS');
	ok(!exists $told->{READY}, 'but not READY');
	ok(!defined told($socket, 0.1), 'and nothing more');
	open my $fifo, '>', "$dir/fifo" or die;
	print $fifo "\n";
	close $fifo;
	is(wait_told($socket, 'READY')->{READY}, 1, 'then READY');
	is($n->stop, 0, 'status 0');
};

subtest 'a reload: RELOADING with the time, then READY, well or not' => sub {
	my $socket = manager(my $name = new_name());
	open my $config, '>', "$dir/conf" or die;
	close $config;
	my $n = start($name, '--config', "$dir/conf");

	wait_told($socket, 'READY');
	$n->wait_ready;
	my $before = clock_gettime(CLOCK_MONOTONIC);
	$n->signal('HUP');
	my $told = wait_told($socket, 'RELOADING');
	is($told->{RELOADING}, 1, 'RELOADING=1');
	cmp_ok($told->{MONOTONIC_USEC}, '>=', int($before * 1e6), 'not before the signal');
	cmp_ok($told->{MONOTONIC_USEC}, '<=', clock_gettime(CLOCK_MONOTONIC) * 1e6, 'not after now');
	$told = told($socket);
	is($told->{READY}, 1, 'the next is READY=1');
	like($told->{STATUS}, qr/generation 2$/, 'of the new generation');

	open $config, '>', "$dir/conf" or die;
	print $config "workers = many\n";
	close $config;
	$n->wait_until('the old workers are gone', sub { $n->workers == 2 });
	$n->signal('HUP');
	wait_told($socket, 'RELOADING');
	$told = told($socket);
	is($told->{READY}, 1, 'READY=1 again');
	is($told->{STATUS}, '2 of 2 workers serve, generation 2', 'as it was');
	is($n->stop, 0, 'status 0');
};

subtest 'STATUS follows the workers' => sub {
	my $socket = manager(my $name = new_name());
	my $n = start($name);

	wait_told($socket, 'READY');
	$n->signal('TTIN');
	my $told = {};
	$told = wait_told($socket, 'STATUS') until ($told->{STATUS} // '') =~ /^3 of 3 workers/;
	is($told->{READY}, 1, 'READY stands beside it');
	is($n->stop, 0, 'status 0');
};

# With WATCHDOG_PID as systemd sets it: the pid of what is exec'd.
sub watched {
	my ($name, $pid) = @_;

	return Narwhal->start(wrap => [ 'sh', '-c', "WATCHDOG_PID=$pid exec \"\$0\" \"\$@\"" ],
		env => { NOTIFY_SOCKET => $name, WATCHDOG_USEC => 400_000 }, args => [$HELLO]);
}

subtest 'the watchdog is fed twice in its time' => sub {
	my $socket = manager(my $name = new_name());
	my $n = watched($name, '$$');

	$n->wait_ready;
	wait_told($socket, 'WATCHDOG');
	my $begun = time;
	wait_told($socket, 'WATCHDOG') for 1 .. 4;
	cmp_ok(time - $begun, '<', 4 * 0.4, 'in the time of four');
	is($n->stop, 0, 'status 0');
};

subtest "another process's watchdog is not fed, and an idle arbiter does not wake" => sub {
	my $socket = manager(my $name = new_name());
	my $n = watched($name, 1);
	my $switches = sub {
		return Narwhal::slurp('/proc/' . $n->arbiter . '/status') =~ /^voluntary_ctxt_switches:\s+(\d+)/m
			? $1 : die;
	};

	$n->wait_ready;
	wait_told($socket, 'READY');
	1 while told($socket, 0.2);
	my $before = $switches->();
	ok(!defined told($socket, 0.6), 'silence');
	is($switches->() - $before, 0, 'no wake-up');
	is($n->stop, 0, 'status 0');
};

subtest 'the socket is not passed on' => sub {
	my $socket = manager(my $name = new_name());
	my $n = start($name);

	$n->wait_ready;
	unlike(Narwhal::slurp("/proc/$_/environ"), qr/\b(?:NOTIFY_SOCKET|WATCHDOG)/, "worker $_")
		for $n->workers;
	is($n->stop, 0, 'status 0');
};

subtest 'a manager that is not there yet is told when it is' => sub {
	my $name = new_name();
	my $n = start($name);

	$n->wait_ready;
	is($n->get('/')->{status}, 200, 'it serves without');
	my $socket = manager($name);
	is(wait_told($socket, 'READY')->{READY}, 1, 'READY=1 all the same');
	is($n->stop, 0, 'status 0');
};

subtest 'a manager that does not read holds nobody up' => sub {
	my $socket = manager(my $name = new_name());
	my $n = start($name);

	$n->wait_ready;
	$n->signal($_)->wait_line(qr/ workers_wished /) for map { ('TTIN', 'TTOU') } 1 .. 20;
	is($n->get('/')->{status}, 200, 'it serves');
	is($n->stop, 0, 'status 0');
};

subtest 'a bad NOTIFY_SOCKET costs a line and nothing else' => sub {
	my $n = start('run/notify');

	like($n->wait_line(qr/ notify_refused /), qr/warning .*NOTIFY_SOCKET: .*run\/notify/, 'the line');
	$n->wait_ready;
	is($n->stop, 0, 'status 0');
};

done_testing;
