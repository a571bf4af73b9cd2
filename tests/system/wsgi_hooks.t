#!/usr/bin/perl
# The hooks of a gunicorn.conf.py that belong to workers: when they are called, with what, and what
# becomes of one that fails.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw(tempdir);
use Narwhal;
use Test::More;

my $python = '/usr/bin/python3';
plan skip_all => "no $python" if !-x $python;

my %env = (PYTHONDONTWRITEBYTECODE => 1, ASAN_OPTIONS => 'handle_segv=0:detect_leaks=0');
my %usual = (cwd => "$Narwhal::ROOT/tests/wsgi", env => \%env);
my @conf = ('--python', $python, '--gunicorn-conf', 'gunicorn.conf.py');

sub start {
	my ($fails, @args) = @_;
	my $n = Narwhal->start(%usual, env => { %env, FAILS => $fails },
		args => [ @conf, @args, 'apps:app' ]);
	$n->wait_ready;
	return $n;
}

sub refused {
	my ($fails, @args) = @_;
	return Narwhal->run(%usual, env => { %env, FAILS => $fails },
		args => [ '--bind', '127.0.0.1:0', @args, 'apps:app' ]);
}

# What the hooks have said, in order.
sub said {
	my ($n) = @_;
	return map { / app message="?(\w+)/ ? $1 : () } grep { / info app / } $n->lines;
}

subtest 'in a worker that loads the app itself' => sub {
	my $n = start('post_request', '--workers', 2, '--min-ready', 2);
	$n->wait_until('all workers have begun', sub { 4 == (() = said($n)) });
	is_deeply([ sort(said($n)) ], [ ('post_fork') x 2, ('post_worker_init') x 2 ], 'hooks of the boot');
	my @lines = $n->lines;
	is((grep { /post_fork server=True worker=True age=[12]"/ } @lines), 2, 'they know who they are');
	is((grep { /post_worker_init kept 2"/ } @lines), 2, 'the worker, and the settings');
	is((grep { /gunicorn_conf: (?:child_exit|on_starting) is not run in workers/ } @lines), 2,
		'what belongs to the server is told once');
	is((grep { /gunicorn_conf: no settings are taken from it \(bind, workers/ } @lines), 1,
		'and so are settings');

	is($n->get('/hello?a=b', 'X-Two' => 2)->{status}, 200, 'a request');
	$n->wait_line(qr{"post_request GET /hello\|a=b\|\(1, 1\) 200 OK sent=6 2 yes"});
	$n->wait_line(qr/ error app message="Exception in post_request hook"/);
	$n->wait_line(qr/ app message="ValueError: post_request fails"/);
	is($n->get('/pieces')->{status}, 200, 'an answer in pieces');
	$n->wait_line(qr{"post_request GET /pieces\|\|\(1, 1\) 200 OK sent=14 None yes"});
	$n->wait_line(qr{"\[\('Content-Type', 'text/plain'\)\]"});
	is($n->get('/refused')->{status}, 500, 'pre_request can refuse');
	$n->wait_line(qr{ error app_error error="ValueError: no /refused });
	$n->wait_line(qr{"post_request GET /refused\|\|\(1, 1\) 500 Internal Server Error });
	is($n->get('/missing')->{status}, 500, 'what is not there');
	$n->wait_line(qr{AttributeError: Worker has no sockets here: docs/WSGI.md lists });
	$n->get('/forks');
	$n->wait_line(qr{post_request GET /forks});
	is((grep { m{post_request GET /forks} } $n->lines), 1, 'a child of the app calls no hook');
	kill 'INT', $n->arbiter;
	is($n->wait_end, 0, 'it ends');
	is_deeply([ sort grep { /^worker_/ } said($n) ], [qw(worker_exit worker_exit worker_int worker_int)],
		'and says so in each worker') or diag $n->lines;
};

subtest 'in a worker that was forked by a zygote, with threads' => sub {
	my $n = start('', '--preload-app', '--threads', 2);
	is_deeply([ said($n) ], [qw(post_fork post_worker_init)], 'no hook was called in the zygote');
	my $child = $n->get('/forks_and_stays')->{body} + 0;
	$n->wait_until('it is no worker any more', sub {
		!grep { /^socket:/ } map { readlink // '' } glob "/proc/$child/fd/*";
	});
	kill 'ABRT', $child;
	$n->wait_until('the child of the app is dead', sub { Narwhal::slurp("/proc/$child/stat") =~ /\) Z / });
	is($n->get('/pieces')->{status}, 200, 'a request');
	$n->wait_line(qr{"post_request GET /pieces\|\|\(1, 1\) 200 OK sent=14 None yes"});
	is_deeply([ grep { /^worker_/ } said($n) ], [], 'a child of the app that is aborted calls no hook');
	kill 'ABRT', $n->workers;
	$n->wait_line(qr/ warning app message="worker_abort aborted=True"/);
	$n->wait_line(qr/ app message="worker_exit True <Worker \d+>"/);
	$n->wait_line(qr/ worker_stack .*line="Fatal Python error: Aborted"/);
	$n->wait_line(qr/ worker_exit .*cause=signal signal=SIGABRT/);
	$n->wait_line(qr/post_worker_init/);
	is($n->get('/hello')->{status}, 200, 'the next one serves');
	is($n->stop, 0, 'it ends');
	is((said($n))[-1], 'worker_exit', 'which is told, and worker_int is not');
};

subtest 'a request that hangs is told by worker_abort' => sub {
	my $n = start('', '--timeout', '1');
	my $c = $n->connect;
	$c->write("GET /sleeps?60 HTTP/1.1\r\nHost: t\r\n\r\n");
	$n->wait_line(qr/ warning app message="worker_abort aborted=True"/);
	$n->wait_line(qr/ worker_exit .*cause=timeout signal=SIGABRT .*python="apps.py:\d+ sleeps </);
	is($n->stop, 0, 'it ends');
};

subtest 'a hook that keeps a worker from booting' => sub {
	my %status = (post_fork => 4, post_worker_init => 3);
	for my $name (sort keys %status) {
		my ($status, $log) = refused($name, @conf);
		is($status, $status{$name}, $name);
		like($log, qr/reason="gunicorn_conf \\"gunicorn.conf.py\\", $name: ValueError: $name fails/,
			'it is named');
		like($log, qr/ app message="ValueError: $name fails"/, 'with a traceback');
	}
	my $dir = tempdir(CLEANUP => 1);
	chmod 0755, $dir;
	Narwhal::write_file("$dir/conf.py", "def post_worker_init(worker):\n    worker.wsgi = None\n");
	chmod 0644, "$dir/conf.py";
	my ($status, $log) = refused('', '--python', $python, '--gunicorn-conf', "$dir/conf.py");
	is($status, 3, 'post_worker_init that leaves no app');
	like($log, qr/, post_worker_init: TypeError: the app is of type NoneType now, which cannot/, 'says so');
};

subtest 'a file that cannot be used ends it with status 4' => sub {
	my $dir = tempdir(CLEANUP => 1);
	chmod 0755, $dir;
	my %says = (
		'def x(:' => qr/SyntaxError: invalid syntax \(\S+, line 1\)/,
		'pre_request = 3' => qr/TypeError: pre_request is of type int, which cannot be called/,
		'def worker_int(a, b, c): pass' => qr/TypeError: worker_int must take 1 arguments/,
		'import no_such_module' => qr/ModuleNotFoundError: No module named 'no_such_module'/,
	);
	for my $text (sort keys %says) {
		Narwhal::write_file("$dir/conf.py", "$text\n");
		chmod 0644, "$dir/conf.py";
		my ($status, $log) = refused('', '--python', $python, '--gunicorn-conf', "$dir/conf.py");
		is($status, 4, $text);
		like($log, qr/reason="gunicorn_conf \S+conf.py\\": $says{$text}/, 'says why');
	}
	my ($status, $log) = refused('', '--python', $python, '--gunicorn-conf', "$dir/none.py");
	is($status, 4, 'a file that is not there');
	like($log, qr/reason="gunicorn_conf \S+none.py\\": FileNotFoundError/, 'is named');
};
done_testing;
