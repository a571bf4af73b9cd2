# preload_app: a zygote (the attendant ZYGOTE) loads the app, and forks the workers, which are the
# arbiter's children.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/../fault";
use Counter;
use Fault;
use Narwhal;
use Upgrade qw(none_lost);

plan(skip_all => 'needs root, to be PID 1') if $> != 0;

my $dir = tempdir(CLEANUP => 1);
my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $FORKS = "$Narwhal::BUILD/tests/modules/forks.so";
chmod 0755, $dir;

sub begin {
	my ($args, %option) = @_;
	my $n = Narwhal->start(pid1 => 1, %option,
		args => [ '--preload-app', '--min-ready', 9, @$args, $option{app} // $HELLO ]);
	$n->wait_ready;
	return $n;
}

# The pid of a process in its own pid namespace, as log lines have it.
sub own_pid {
	my ($pid) = @_;
	return Narwhal::slurp("/proc/$pid/status") =~ /^NSpid:.*\s(\d+)$/m ? $1 : undef;
}

# The arbiter's children of that name.
sub children {
	my ($n, $name) = @_;
	return grep { Narwhal::command_name($_) eq $name } Narwhal::children($n->arbiter);
}

sub zygote {
	my ($n) = @_;
	return (children($n, 'narwhal-zygote'))[0];
}

sub wait_workers {
	my ($n, $count) = @_;
	$n->wait_until("$count workers", sub { $count == $n->workers });
	return;
}

sub load {
	my ($n) = @_;
	my $counter = Counter->start('127.0.0.1:' . $n->port, keepalive => 8, closing => 8);
	$counter->wait_answered(100);
	return $counter;
}

for my $pid1 (1, 0) {
	subtest 'workers are children of ' . ($pid1 ? 'PID 1' : 'a subreaper') => sub {
		my $n = begin([ '--workers', 2, '--loglevel', 'debug' ], app => $FORKS, pid1 => $pid1);
		$n->wait_lines(qr/message="fork_parent in /, 2);    # of the second one, a worker may be quicker
		my $log = join "\n", $n->lines;
		is_deeply([ sort map { own_pid($_) } $n->workers ],
			[ sort $log =~ /worker_spawned slot=\d pid=(\d+)/g ], 'the arbiter knows their pids');
		my $zygote = own_pid(zygote($n));
		like($log, qr/attendant_ready role=zygote pid=$zygote /, 'and the zygote\'s');
		is(() = $log =~ /message="load in/g, 1, 'the app is loaded once');
		like($log, qr/message="load in $zygote"/, 'by the zygote');
		is(() = $log =~ /message="fork_(?:prepare|parent) in $zygote"/g, 4,
			'which calls it around each fork');
		for my $worker (map { own_pid($_) } $n->workers) {
			like($log, qr/"fork_child in $worker"[^\0]*"worker_init in $worker"/,
				"and so does worker $worker");
		}
		for my $worker ($n->workers) {
			my ($slot) = Narwhal::slurp("/proc/$worker/cmdline") =~ /slot=(\d)/;
			my $pid = own_pid($worker);
			like($log, qr/worker_spawned slot=$slot pid=$pid$/m, 'ps shows its slot');
		}
		is((grep { /socket:/ } map { readlink $_ } glob '/proc/' . zygote($n) . '/fd/*'), 1,
			'the zygote has no listener');
		like($n->get('/')->{body}, qr/^forks=[12]$/, 'they serve');
		is($n->stop, 0, 'status 0');
		is(() = join("\n", $n->lines) =~ / app_counters loads=1$/mg, 2,
			'a counter of load goes on in each worker');
	};
}

subtest 'a worker that is killed has a successor at once, with its obituary' => sub {
	my $n = begin([ '--workers', 2 ]);
	my $counter = load($n);
	my ($old) = $n->workers;
	my $pid = own_pid($old);
	kill 'KILL', $old;
	like($n->wait_line(qr/ worker_exit /), qr/ pid=$pid generation=1 cause=signal signal=SIGKILL /, 'the cause');
	like($n->wait_line(qr/ worker_ready /), qr/ boot_ms=\d+$/, 'its successor');
	isnt(zygote($n), undef, 'of the same zygote');
	unlike(join("\n", $n->lines), qr/ attendant_exit /, 'which lives');
	$counter->finish;
	is($n->stop, 0, 'status 0');
};

subtest 'a zygote that is killed is replaced, and no request is lost' => sub {
	my $n = begin([ '--workers', 2 ]);
	my $counter = load($n);
	my @workers = $n->workers;
	kill 'KILL', zygote($n);
	$n->wait_line(qr/ attendant_exit role=zygote .*cause=signal signal=SIGKILL /);
	$n->wait_line(qr/ attendant_ready role=zygote /);
	$counter->wait_answered(100);
	none_lost($n, $counter);
	is_deeply([ $n->workers ], \@workers, 'the workers are the same');
	kill 'KILL', $workers[0];
	$n->wait_line(qr/ worker_ready slot=0 /);
	is($n->stop, 0, 'and the new one forks');
};

subtest 'a zygote that hangs is replaced, and no request is lost' => sub {
	my $n = begin([ '--workers', 2, '--boot-timeout', 1 ]);
	my $counter = load($n);
	kill 'STOP', zygote($n);
	$n->signal('TTIN');
	$n->wait_line(qr/ worker_unborn slot=2 generation=1 cause=boot_timeout$/);
	$n->wait_line(qr/ attendant_exit role=zygote .*cause=timeout /);
	$n->wait_line(qr/ attendant_ready role=zygote /);
	$n->wait_line(qr/ worker_ready slot=2 /);
	$counter->wait_answered(100);
	none_lost($n, $counter);
	is($n->stop, 0, 'status 0');
};

subtest 'a backlog waits for a zygote that waits for its backoff' => sub {
	my $n = begin([]);
	my $stopped = ($n->workers)[0];
	kill 'STOP', $stopped;
	my @queued = map { $n->connect } 1 .. 5;
	$_->write("GET / HTTP/1.1\r\nHost: test\r\n\r\n") for @queued;
	for my $death (1 .. 3) {
		kill 'KILL', zygote($n);
		$n->wait_line(qr/ attendant_exit role=zygote /);
		$n->wait_line(qr/ attendant_ready role=zygote /) if $death < 3;
	}
	$n->signal('TERM');
	kill 'KILL', $stopped;
	is(scalar(grep { !defined $_->response } @queued), 0, 'none of 5 is lost');
	is($n->wait_end, 0, 'status 0');
};

subtest 'an order that its zygote did not live to obey is given to the next one' => sub {
	my $n = begin([ '--loglevel', 'debug' ]);
	my $zygote = zygote($n);
	kill 'STOP', $zygote;
	$n->signal('TTIN');
	$n->wait_line(qr/ step slot=1 event=SPAWNED /);
	kill 'KILL', $zygote;
	$n->wait_line(qr/ worker_unborn slot=1 generation=1 cause=none$/);
	$n->wait_line(qr/ worker_ready slot=1 /);
	is($n->stop, 0, 'status 0');
	like(join("\n", $n->lines), qr/ stopped .*killed=0 .* exits_retired=2$/m, 'and it counts as nobody\'s death');
};

subtest 'a fork that is refused is ordered again' => sub {
	plan(skip_all => 'no strace') if system('strace -V >/dev/null 2>&1') != 0;
	my $n = begin([]);
	my $fault = Fault->inject($n, zygote($n), 'clone,clone3,fork,vfork:error=EAGAIN');
	kill 'KILL', $n->workers;
	$n->wait_line(qr/ warning fork_refused error=EAGAIN/);
	$n->wait_line(qr/ worker_unborn slot=0 /);
	$fault->end;
	$n->wait_line(qr/ worker_ready slot=0 /);
	is($n->stop, 0, 'status 0');
};

subtest 'TTOU takes an order back' => sub {
	my $n = begin([ '--loglevel', 'debug' ]);
	kill 'STOP', zygote($n);
	$n->signal('TTIN')->wait_line(qr/ step slot=1 event=SPAWNED /);
	$n->signal('TTOU')->wait_line(qr/ worker_unborn slot=1 generation=1 cause=retired$/);
	kill 'CONT', zygote($n);
	$n->wait_line(qr/ orphan_reaped /);
	is($n->stop, 0, 'status 0: who came all the same has left');
};

subtest 'an app that cannot be loaded ends the start, and a reload alone' => sub {
	my $n = Narwhal->start(pid1 => 1, args => [ '--preload-app', "$Narwhal::BUILD/tests/modules/refuses.so" ]);
	is($n->wait_end, 4, 'status 4');
	like(join("\n", $n->lines), qr/ attendant_failed role=zygote .*reason="app \\"/, 'with the reason');
	$n = Narwhal->start(pid1 => 1, args => [ '--preload-app', "$Narwhal::BUILD/tests/modules/crashes.so" ]);
	is($n->wait_end, 3, 'status 3 when it crashes in load');
	like(join("\n", $n->lines), qr/ attendant_exit role=zygote .* signal=SIGSEGV /, 'with the signal');
	my $file = Narwhal::write_file("$dir/app.so", Narwhal::slurp($HELLO));
	$n = begin([], app => "$dir/app.so");
	my @workers = $n->workers;
	Narwhal::write_file("$dir/new", Narwhal::slurp("$Narwhal::BUILD/tests/modules/refuses.so"));
	rename "$dir/new", "$dir/app.so" or die;
	$n->signal('HUP')->wait_line(qr/ reload_failed /);
	is_deeply([ $n->workers ], \@workers, 'the old generation serves on');
	is($n->get('/')->{status}, 200, 'and answers');
	$n->wait_until('the failed zygote has gone', sub { 1 == children($n, 'narwhal-zygote') });
	is($n->stop, 0, 'status 0');
};

subtest 'a program behind -- is not preloaded, and that is said' => sub {
	my ($status, $said) = Narwhal->run(
		args => [ '--check-config', '--bind', '127.0.0.1:0', '--preload-app', '--', '/bin/true' ]);
	is($status, 0, 'status 0');
	like($said, qr/^--preload-app: does nothing for a program behind --$/m, 'a warning');
};

subtest 'a reload brings a new zygote, and the old one goes with its workers' => sub {
	my $n = begin([ '--workers', 2 ]);
	my $counter = load($n);
	my $old = zygote($n);
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	$n->wait_line(qr/ attendant_exit role=zygote .*generation=1 cause=retired /);
	wait_workers($n, 2);
	none_lost($n, $counter);
	my @zygotes = children($n, 'narwhal-zygote');
	is(scalar @zygotes, 1, 'one zygote');
	isnt($zygotes[0], $old, 'a new one');
	is($n->stop, 0, 'status 0');
};

subtest 'an upgrade keeps zygote and workers, until the new generation has its own' => sub {
	my $n = Upgrade::begin(preload_app => 'true');
	my @counters = Upgrade::load($n);
	kill 'STOP', zygote($n);
	$n->signal('TTIN');    # an order is under way all the time
	$n->signal('USR2')->wait_line(qr/ upgraded /);
	$n->wait_line(qr/ attendant_exit role=zygote .*generation=1 /);
	wait_workers($n, 3);
	none_lost($n, @counters);
	is(scalar(children($n, 'narwhal-zygote')), 1, 'one zygote');
	kill 'KILL', ($n->workers)[0];
	$n->wait_line(qr/ worker_ready /);
	is($n->stop, 0, 'status 0');
};

subtest 'what load may not do is told' => sub {
	my $n = begin([ '--app-options', 'thread=1' ], app => $FORKS);
	like(join("\n", $n->lines), qr/ warning preload_threads threads=1 /, 'threads');
	is($n->stop, 0, 'status 0');
	$n = Narwhal->start(pid1 => 1, args => [ '--preload-app', '--app-options', 'watch=1', $FORKS ]);
	is($n->wait_end, 4, 'a watch: status 4');
};

my $APP = <<'PYTHON';
import gc, os, random, threading

LOADED_IN = os.getpid()
forks = []
os.register_at_fork(after_in_child=lambda: forks.append(os.getpid()))


def app(environ, start_response):
    start_response("200 OK", [])
    return ["{} {} {} {} {} {}".format(LOADED_IN, os.getpid(), forks == [os.getpid()],
        threading.current_thread() is threading.main_thread(), gc.get_freeze_count() > 1000,
        random.random()).encode()]
PYTHON

subtest 'a Python app' => sub {
	plan(skip_all => 'no /usr/bin/python3') if !-x '/usr/bin/python3';
	Narwhal::write_file("$dir/preloaded.py", $APP);
	my $n = begin([ '--workers', 2, '--python', '/usr/bin/python3', '--chdir', $dir ],
		app => 'preloaded:app', env => { PYTHONDONTWRITEBYTECODE => 1 });
	my %by;
	$n->wait_until('both have answered', sub {
		my ($pid) = (my $said = $n->get('/')->{body}) =~ /^\d+ (\d+) / or die;
		$by{$pid} //= $said;
		return 2 == keys %by;
	});
	my $zygote = own_pid(zygote($n));
	like($by{$_}, qr/^$zygote $_ True True True /,
		'loaded by the zygote; Python knows of the fork, of its thread, and leaves alone what is shared')
		for keys %by;
	my %random = map { (split ' ')[5] => 1 } values %by;
	is(scalar keys %random, 2, 'random numbers are each worker\'s own');
	is($n->stop, 0, 'status 0');
};

subtest 'files and an access log' => sub {
	mkdir "$dir/public" or die $!;
	Narwhal::write_file("$dir/public/a.txt", 'a');
	my $n = begin([ '--loglevel', 'debug', '--accesslog', "$dir/access" ], app => "$dir/public");
	is($n->get('/a.txt')->{body}, 'a', 'a file');
	rename "$dir/access", "$dir/access.1" or die;
	$n->signal('USR1')->wait_line(qr/ debug access_log_reopened slot=0$/);
	is($n->get('/a.txt')->{body}, 'a', 'again');
	is($n->stop, 0, 'status 0');
	like(Narwhal::slurp("$dir/$_"), qr{^\S+ .*"GET /a.txt HTTP/1.1" 200 .*\n\z}, "one line in $_")
		for qw(access access.1);
};

done_testing;
