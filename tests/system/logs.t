# The log file: opened by the arbiter, written by all, opened again on USR1.
use strict;
use warnings;

use Fcntl qw(O_NONBLOCK O_RDONLY);
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;

use Narwhal;

my $TROUBLE = "$Narwhal::BUILD/tests/modules/trouble.so";
my $dir = tempdir(CLEANUP => 1);
my $file = "$dir/error.log";

chmod 0755, $dir;

sub begin {
	my $n = Narwhal->start(
		args => [ '--errorlog', $file, '--workers', 1, '--loglevel', 'debug', @_, $TROUBLE ]);

	$n->wait_until('it is ready', sub {
		my ($address) = -e $file ? Narwhal::slurp($file) =~ m{ info ready .*address=http://(\S+)} : ();
		$n->{addresses} = [$address];
		return $address;
	});
	return $n;
}

# A request that no parser takes: a line of the worker's.
sub provoke {
	my ($n) = @_;
	my $c = $n->connect;

	$c->write("\x01\r\n\r\n");
	return $c->response->{status};
}

subtest 'the file takes every line, and standard error none' => sub {
	my $n = begin();

	is(provoke($n), 400, 'refused');
	$n->wait_until('the worker wrote it', sub { Narwhal::slurp($file) =~ / request_refused / });
	is($n->stop, 0, 'status 0');
	is(join('', $n->lines), '', 'nothing on standard error');
	like(Narwhal::slurp($file), qr/ info stopped status=0/, 'to the end');
	is((stat $file)[2] & 0777, 0640, 'not for everybody to read');
};

subtest 'USR1 opens it again, for the arbiter and its workers' => sub {
	unlink $file;
	my $n = begin();

	rename $file, "$file.1" or die;
	$n->signal('USR1');
	$n->wait_until('it is there again', sub { -e $file && Narwhal::slurp($file) =~ / log_reopened .*workers=1/ });
	$n->wait_until('the worker has it', sub { Narwhal::slurp($file) =~ / debug log_reopened/ });
	is(provoke($n), 400, 'refused');
	$n->wait_until('the worker writes to it', sub { Narwhal::slurp($file) =~ / request_refused / });
	unlike(Narwhal::slurp("$file.1"), qr/ request_refused /, 'and not to the old one');
	is($n->stop, 0, 'status 0');
};

# Of the worker's descriptors that lead to `path`: those that a program of its app's would have, too.
sub handed_on {
	my ($worker, $path) = @_;
	my @numbers = map { m{(\d+)$} ? $1 : () } glob "/proc/$worker/fd/*";

	return grep {
		(readlink "/proc/$worker/fd/$_" // '') eq $path
			&& Narwhal::slurp("/proc/$worker/fdinfo/$_") !~ /^flags:\s+0?2\d{6}$/m
	} @numbers;
}

subtest 'the descriptor of a log that was opened again is handed on to no program' => sub {
	my $fifo = "$dir/fifo";
	POSIX::mkfifo($fifo, 0666) or die "$fifo: $!";
	chmod 0666, $fifo;
	sysopen my $reader, $fifo, O_RDONLY | O_NONBLOCK or die "$fifo: $!";
	my $n = Narwhal->start(args => [ '--errorlog', $fifo, '--loglevel', 'debug', '--workers', 1, $TROUBLE ]);
	my $log = '';
	my $wait = sub {
		my ($pattern) = @_;
		$n->wait_until("$pattern", sub { sysread $reader, $log, 65536, length $log; $log =~ $pattern });
	};

	$wait->(qr/ info ready /);
	$log = '';
	$n->signal('USR1');
	$wait->(qr/ debug log_reopened slot=0/);
	is_deeply([ handed_on(($n->workers)[0], $fifo) ], [2], 'standard error alone');
	is($n->stop, 0, 'status 0');
} if $> == 0;

subtest 'a worker without a free number keeps the log that it has' => sub {
	my $limit = 32;
	unlink $file;
	my $n = begin('--limit-nofile', $limit);
	my ($worker) = $n->workers;
	my @clients = map { $n->connect } 1 .. $limit;

	$_->write('GET / HTTP/1.1') for @clients;    # requests that are not over
	$n->wait_until('there is none left', sub { (() = glob "/proc/$worker/fd/*") == $limit });
	$n->signal('USR1');
	$n->wait_until('it says so', sub { Narwhal::slurp($file) =~ / error log_not_reopened slot=0 error=EMFILE/ });
	@clients = ();
	is(provoke($n), 400, 'and serves on');
	is_deeply([ $n->workers ], [$worker], 'the same worker');
	is($n->stop, 0, 'status 0');
	unlike(Narwhal::slurp($file), qr/ arbiter_lost /, 'the arbiter is where it was');
} if $> == 0;

subtest 'a file that cannot be opened again leaves the old one' => sub {
	unlink $file;
	mkdir "$dir/sub" or die;
	chmod 0755, "$dir/sub";
	my $n = Narwhal->start(args => [ '--errorlog', "$dir/sub/log", $TROUBLE ]);

	$n->wait_until('it is ready', sub { -e "$dir/sub/log" && Narwhal::slurp("$dir/sub/log") =~ / info ready / });
	rename "$dir/sub", "$dir/moved" or die;
	$n->signal('USR1');
	$n->wait_until('it says so', sub { Narwhal::slurp("$dir/moved/log") =~ / error log_not_reopened / });
	is($n->stop, 0, 'status 0');
};

subtest 'a link that a worker might have put there is not followed to a file' => sub {
	open my $handle, '>', "$dir/precious" or die;
	close $handle;
	symlink "$dir/precious", "$dir/link" or die;
	for my $name (qw(errorlog accesslog)) {
		my ($status, $output) = Narwhal->run(
			args => [ '--bind', '127.0.0.1:0', "--$name", "$dir/link", $TROUBLE ]);
		is($status, 1, "$name: refused");
		like($output, qr{^narwhal: $name: \S+/link: root follows no symbolic link to a file}, 'in a line');
	}
	is(-s "$dir/precious", 0, 'nothing was written');
	symlink "$dir/nothing", "$dir/dangling" or die;
	my ($status) = Narwhal->run(
		args => [ '--bind', '127.0.0.1:0', '--errorlog', "$dir/dangling", $TROUBLE ]);
	is($status, 1, 'nor to none');
	ok(!-e "$dir/nothing", 'which is not made');
	symlink '/dev/stderr', "$dir/own" or die;
	my $n = Narwhal->start(args => [ '--errorlog', "$dir/own", $TROUBLE ]);
	$n->wait_ready;
	is($n->stop, 0, 'but to a pipe it is');
} if $> == 0;

my ($status, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', '--errorlog', '/nowhere/log', $TROUBLE ]);
is($status, 1, 'a start without its log is refused');
like($output, qr{^narwhal: errorlog: /nowhere/log: No such file}, 'in a line');

done_testing;
