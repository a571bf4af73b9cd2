# Bad input at the start: one clear line that says what, where and what is allowed; the right exit
# status; and nothing left behind.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket;
use Test::More;

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $MODULES = "$Narwhal::BUILD/tests/modules";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

sub spit {
	my ($name, $text) = @_;

	open my $file, '>', "$dir/$name" or die;
	print $file $text;
	close $file or die;
	return "$dir/$name";
}

my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1:0') or die;
my $address = '127.0.0.1:' . $taken->sockport;
my $living = IO::Socket::UNIX->new(Listen => 1, Local => "$dir/living") or die;
my $plain = spit('plain', "no socket\n");

sub refused {
	my ($name, $status, $pattern, @args) = @_;
	my @bind = (grep { /^--?b/ } @args) ? () : ('--bind', '127.0.0.1:0');
	my ($got, $output) = Narwhal->run(
		args => [ @bind, '--pidfile', "$dir/pid", '--when-ready', "$dir/ready", @args ]);
	my @lines = grep { !/ info / } split /\n/, $output;

	subtest $name => sub {
		is($got, $status, "exit status $status");
		is(scalar @lines, 1, 'one line') or diag $output;
		like($lines[0] // '', $pattern, 'that says what');
		ok(!-e "$dir/$_", "no $_ file") for qw(pid ready);
	};
	return;
}

refused('unknown flag', 1, qr/--wokers.*--workers/, '--wokers', 2, $HELLO);
refused('wrong type', 1, qr/workers.*"many".*1 to 512/, '--workers', 'many', $HELLO);
refused('out of range', 1, qr/workers.*"0".*1 to 512/, '--workers', 0, $HELLO);
refused('unknown key in the file', 1, qr/c\.conf:2: .*worker.*workers/, '--config',
	spit('c.conf', "# mine\nworker = 2\n"), $HELLO);
refused('no such file', 1, qr/nowhere\.conf/, '--config', "$dir/nowhere.conf", $HELLO);
refused('address in use', 1, qr/\Q$address\E.*in use/i, '--bind', $address, $HELLO);
refused('unix socket in use', 1, qr/living: a living process has this socket/, '--bind', "unix:$dir/living", $HELLO);
refused('no socket', 1, qr/plain.*not a socket|plain.*no socket/i, '--bind', "unix:$plain", $HELLO);
refused('no such directory', 1, qr{unix:/nowhere/s}, '--bind', 'unix:/nowhere/s', $HELLO);
refused('closed descriptor', 1, qr{fd://77}, '--bind', 'fd://77', $HELLO);
refused('a host name', 1, qr/example\.org.*address/, '--bind', 'example.org:80', $HELLO);
refused('no app', 1, qr/app/, ());
refused('unknown user', 1, qr/user.*"nosuchuser"/, '--user', 'nosuchuser', $HELLO) if $> == 0;
refused('app not found', 4, qr{nowhere\.so}, "$dir/nowhere.so");
refused('app that is no app', 4, qr/plain/, $plain);
refused('module without the symbol', 4, qr/nothing\.so.*narwhal_module/, "$MODULES/nothing.so");
refused('module of another ABI', 4, qr/stranger\.so.*ABI 2.*ABI 1/i, "$MODULES/stranger.so");
refused('module that refuses', 4, qr/refuses\.so/, '--workers', 4, "$MODULES/refuses.so");
refused('no worker program', 1, qr/worker_image.*nowhere/, '--worker-image', "$dir/nowhere", $HELLO);
refused('no program', 3, qr/program cannot be started/, '--worker-image',
	do { chmod 0755, $plain; $plain }, $HELLO);

subtest 'a module that crashes in its load ends the start, after some tries' => sub {
	my ($status, $output) = Narwhal->run(args => [ '--bind', "unix:$dir/crash", "$MODULES/crashes.so" ]);

	is($status, 3, 'exit status 3');
	is(scalar(() = $output =~ / worker_exit .*cause=signal signal=SIGSEGV/g), 5, 'five boots');
	ok(!-e "$dir/crash", 'no socket file');
};

subtest 'a module that hangs in its load is ended by boot_timeout' => sub {
	my $n = Narwhal->start(args => [ '--boot-timeout', '0.1', "$MODULES/hangs.so" ]);

	like($n->wait_line(qr/ worker_exit /), qr/cause=boot_timeout/, 'told so');
	is($n->wait_end, 3, 'no worker could boot');
};

subtest 'the pidfile of a living arbiter is respected, a stale one is not' => sub {
	spit('pid', "$$\n");
	my $n = Narwhal->start(args => [ '--pidfile', "$dir/pid", $HELLO ]);

	$n->wait_ready;
	my ($status, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', '--pidfile', "$dir/pid", $HELLO ]);
	is($status, 1, 'a second one is refused');
	like($output, qr/pid.*\b@{[$n->arbiter]}\b/, 'and names the first');
	is($n->stop, 0, 'status 0');
	ok(!-e "$dir/pid", 'the file is gone');
};

done_testing;
