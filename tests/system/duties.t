# Which capabilities the arbiter keeps once its listeners are open: those of its duties, and no
# other comes back to it, to its hooks or to the next image.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;
use Tls;
use Upgrade qw($DIR configure install);

plan(skip_all => 'needs root') if $> != 0;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my %NUMBER = (chown => 0, dac_override => 1, dac_read_search => 2, kill => 5, setgid => 6, setuid => 7,
	setpcap => 8, net_bind_service => 10, net_raw => 13, sys_resource => 24, sys_time => 25);
my @ALWAYS = qw(kill setgid setuid setpcap);
my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;

sub mask {
	my $mask = 0;
	$mask |= 1 << $NUMBER{$_} for @_;
	return sprintf '%016x', $mask;
}

# /proc/PID/status as name => value.
sub status {
	my ($pid) = @_;
	return map { /^(\w+):\s*(.*?)\s*$/ ? ($1, $2) : () } split /\n/, Narwhal::slurp("/proc/$pid/status");
}

sub keeps {
	my ($n, @names) = @_;
	my %status = status($n->arbiter);
	my %own = status($$);
	my $want = unpack 'H*', pack('H*', mask(@names)) & pack 'H*', $own{CapEff};

	is($status{$_}, $want, "$_: " . join ' ', @names) for qw(CapPrm CapEff CapBnd);
	is($status{$_}, mask(), "$_ is empty") for qw(CapInh CapAmb);
	return;
}

# What these settings need, beside what every root arbiter does.
my %needed = (
	'a port' => [ ['net_raw'] ],
	'a low port' => [ [ 'net_raw', 'net_bind_service' ], '--bind', '127.0.0.1:81' ],
	'a unix socket' => [ ['dac_override'], '--bind', "unix:$dir/socket" ],
	'a unix socket without a file' => [ [], '--bind', 'unix:@narwhal-duties' ],
	'a pidfile' => [ [ 'dac_override', 'net_raw' ], '--pidfile', "$dir/pid" ],
	'a ready file' => [ [ 'dac_override', 'net_raw' ], '--when-ready', "$dir/ready" ],
	'a log file' => [ [ 'dac_override', 'net_raw' ], '--accesslog', "$dir/access" ],
	'a config file' => [ [ 'dac_read_search', 'net_raw' ], '--config', "$dir/empty.conf" ],
	'a limit' => [ [ 'sys_resource', 'net_raw' ], '--limit-nofile', 300 ],
	'names of one\'s own' => [ [ 'chown', 'sys_time', 'net_raw' ], '--keep-capabilities', 'CHOWN, Cap_Sys_Time' ],
);
Narwhal::write_config("$dir/empty.conf");
for my $what (sort keys %needed) {
	my ($names, @args) = @{ $needed{$what} };

	subtest "what it keeps for $what" => sub {
		my $is_bound = grep { $_ eq '--bind' } @args;
		my $n = Narwhal->start(pid1 => 1, bind => !$is_bound, args => [ @args, $HELLO ]);
		$n->wait_ready;
		is($n->get('/')->{status}, 200, 'it serves') if $what !~ /without a file/;
		keeps($n, @ALWAYS, @$names);
		my ($worker) = $n->workers;
		kill 'KILL', $worker;
		$n->wait_line(qr/ worker_exit /);
		$n->wait_until('another', sub { grep { $_ != $worker } $n->workers });
		is($n->stop, 0, 'it replaces a worker, and stops');
		ok(!-e "$dir/$_", "$_ is gone") for qw(socket pid ready);
	};
}

subtest 'all of them, if it is said' => sub {
	my $n = Narwhal->start(pid1 => 1, args => [ '--keep-capabilities', 'all', $HELLO ]);
	my %own = status($$);
	$n->wait_ready;
	my %status = status($n->arbiter);
	is($status{$_}, $own{$_}, $_) for qw(CapPrm CapEff CapBnd);
	is($n->stop, 0, 'status 0');
};

subtest 'who has none keeps none' => sub {
	my $n = Narwhal->start(pid1 => 1, user => 1000, args => [$HELLO]);
	$n->wait_ready;
	my %status = status($n->arbiter);
	is($status{$_}, mask(), $_) for qw(CapInh CapPrm CapEff CapAmb);
	is($n->stop, 0, 'status 0');
};

subtest 'without CAP_SETPCAP the bounding set stays' => sub {
	my $n = Narwhal->start(pid1 => 1, args => [$HELLO],
		wrap => [ 'setpriv', '--bounding-set', '-setpcap', '--' ]);
	$n->wait_ready;
	my %status = status($n->arbiter);
	is($status{$_}, mask(grep({ $_ ne 'setpcap' } @ALWAYS), 'net_raw'), $_) for qw(CapPrm CapEff);
	isnt($status{CapBnd}, $status{CapPrm}, 'CapBnd');
	is($n->stop, 0, 'status 0');
};

subtest 'in init mode nothing is given up' => sub {
	my %own = status($$);
	my ($status, $output) = Narwhal->run(pid1 => 1,
		args => [ '--', 'cat', '/proc/self/status', '/proc/1/status' ]);
	is($status, 0, 'status 0');
	for my $set (qw(CapInh CapPrm CapEff CapBnd CapAmb)) {
		is_deeply([ $output =~ /^$set:\s*(\w+)$/mg ], [ ($own{$set}) x 2 ],
			"$set of the program, and of narwhal");
	}
};

subtest 'a hook and a new image have what the arbiter has kept' => sub {
	open my $hook, '>', "$DIR/hook" or die $!;
	print $hook "#!/bin/sh\ngrep ^Cap /proc/self/status >$DIR/seen.new && mv $DIR/seen.new $DIR/seen\n";
	close $hook;
	chmod 0755, "$DIR/hook";
	my $n = Upgrade::begin(on_reload => "$DIR/hook");
	my @kept = (@ALWAYS, qw(net_raw dac_override dac_read_search));
	my $want = mask(@kept);

	keeps($n, @kept);
	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ upgraded /);
	keeps($n, @kept);
	is($n->get('/')->{status}, 200, 'the new image serves');
	$n->wait_until('the hook has run', sub { -e "$DIR/seen" });
	my $seen = Narwhal::slurp("$DIR/seen");
	like($seen, qr/^$_:\s*$want$/m, "$_ of the hook") for qw(CapPrm CapEff CapBnd);
	is($n->stop, 0, 'status 0');
};

subtest 'keys that only another user may read are read again at a reload' => sub {
	my $pair = Tls::certificate($dir, 'theirs', by => Tls::authority($dir, 'ca'));
	my @files = @$pair{qw(certificate key)};
	is(chmod(0600, @files) + chown(1000, 1000, @files), 4, 'another user has them');
	my $n = Narwhal->start(pid1 => 1, bind => 0, args => [ '--bind-tls', '127.0.0.1:0',
			'--certfile', $files[0], '--keyfile', $files[1], $HELLO ]);
	$n->wait_ready;
	keeps($n, @ALWAYS, qw(net_raw dac_read_search));
	$n->signal('HUP');
	like($n->wait_line(qr/ reloaded | reload_failed /), qr/ reloaded generation=2/, 'it reloads');
	is($n->stop, 0, 'status 0');
};

subtest 'a reload that needs what was given up says so, and fails if it cannot do without' => sub {
	my $file = "$dir/reload.conf";
	Narwhal::write_config($file, bind => '127.0.0.1:0', app => $HELLO);
	my $n = Narwhal->start(pid1 => 1, bind => 0, args => [ '--config', $file ]);
	$n->wait_ready;
	Narwhal::write_config($file, bind => '127.0.0.1:0,127.0.0.1:81', app => $HELLO);
	$n->signal('HUP');
	$n->wait_line(qr/ warning capability_lacking name=CAP_NET_BIND_SERVICE setting=bind .*restart to have it/);
	$n->wait_line(qr/ reload_failed reason="127\.0\.0\.1:81: no permission: .*CAP_NET_BIND_SERVICE/);
	is($n->get('/')->{status}, 200, 'it serves on');
	Narwhal::write_config($file, bind => '127.0.0.1:0', app => $HELLO, accesslog => "$dir/log");
	$n->signal('HUP');
	$n->wait_line(qr/ warning capability_lacking name=CAP_DAC_OVERRIDE setting=accesslog /);
	$n->wait_line(qr/ reloaded generation=/);
	is($n->get('/')->{status}, 200, 'and where it is not needed after all, all is well');
	Narwhal::write_config($file, bind => '127.0.0.1:0', app => $HELLO, keep_capabilities => 'all');
	$n->signal('HUP')
		->wait_line(qr/ reload_failed reason="keep_capabilities: .* cannot become .*all.* by a reload/);
	is($n->stop, 0, 'status 0');
};

subtest 'a name that is none is refused' => sub {
	for my $verb ([], ['--check-config']) {
		my ($status, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', '--keep-capabilities',
				'net_raw,net_admni', @$verb, $HELLO ]);
		is($status, 1, 'status 1');
		like($output, qr/keep_capabilities: "net_admni" is no capability: allowed are "all", and names/,
			'it says why');
	}
};

subtest 'a step that fails, or only seems to have been done, ends the start' => sub {
	plan(skip_all => 'a sanitizer cannot look for leaks when it is traced') if $ENV{SANITIZE};
	grep { -x "$_/strace" } split /:/, $ENV{PATH} or plan(skip_all => 'needs strace');
	my %said = (
		'error=EPERM' => qr/^narwhal: giving up capabilities: capability sets: Operation not permitted$/m,
		'retval=0' => qr/^narwhal: read back: permitted capabilities: wanted 0x[0-9a-f]+, the kernel says 0x/m,
	);
	for my $fault (sort keys %said) {
		my ($status, $output) = Narwhal->run(args => [ '--bind', '127.0.0.1:0', $HELLO ],
			wrap => [ 'strace', '-o', '/dev/null', '-e', "inject=capset:$fault" ]);
		is($status, 1, "$fault: status 1");
		like($output, $said{$fault}, 'it says which step');
	}
};

done_testing;
