# Keys outside the workers: who has them, what becomes of handshakes without the one who has, and what it signs.
use strict;
use warnings;
no warnings 'portable';    # addresses have 64 bits

use Test::More;

use File::Temp qw(tempdir);
use POSIX ();

use Narwhal;
use Tls qw(openssl);

plan skip_all => 'memory of other users is root\'s to read' if $> != 0;

my $dir = tempdir(CLEANUP => 1);
my $ca = Tls::authority($dir, 'ca');
my %pair = map { $_ => Tls::certificate($dir, $_, by => $ca, kind => $_) } qw(ec rsa);
my $HELLO = "$Narwhal::BUILD/examples/hello.so";

chmod 0755, $dir;

sub begin {
	my ($pair, @args) = @_;
	my $app = $args[-1] && $args[-1] =~ /\.so$/ ? pop @args : $HELLO;
	my $n = Narwhal->start(bind => 0, args => [ '--bind-tls', '127.0.0.1:0', '--workers', 2, '--min-ready', 2,
		'--certfile', $pair->{certificate}, '--keyfile', $pair->{key}, @args, $app ]);

	$n->wait_ready;
	return $n;
}

sub keyholder {
	my ($n) = @_;
	my ($pid) = grep { Narwhal::command_name($_) eq 'narwhal-keys' } Narwhal::children($n->arbiter);

	return $pid;
}

sub ask {
	my ($n, %option) = @_;

	return Tls::connect($n->port, %option)->request('GET', '/')->{status};
}

# All that is private in a key, as openssl prints it.
sub secrets {
	my ($file) = @_;
	my $text = openssl('pkey', '-in', $file, '-noout', '-text');
	my %found;

	while ($text =~ /^(priv\w*|prime[12]|exponent[12]|coefficient):\s*\n((?:\s+[0-9a-f:]+\n)+)/mg) {
		my ($name, $hex) = ($1, $2);
		my $bytes = pack('H*', $hex =~ s/[\s:]//gr) =~ s/\A\0+//r;

		$found{$name} = $bytes;
		$found{"$name backwards"} = reverse $bytes;
	}
	return %found;
}

# A sanitizer's shadow of all memory takes days to read.
my $SEARCHED = ($ENV{SANITIZE} // '') ne '1';

# Names of what is found in the memory of a process.
sub scan {
	my ($pid, %secrets) = @_;
	my $overlap = 2048;
	my %hits;

	open my $mem, '<:raw', "/proc/$pid/mem" or die "mem: $!";
	for my $line (split /\n/, Narwhal::slurp("/proc/$pid/maps")) {
		my ($from, $to, $rights) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+)/ or next;
		next if $rights !~ /^r/ || $line =~ /\[v(?:var|syscall)/;
		my ($at, $end, $last) = (hex $from, hex $to, '');
		sysseek $mem, $at, 0 or next;
		while ($at < $end && (my $n = sysread $mem, my $bytes, 1 << 20)) {
			my $window = $last . $bytes;
			index($window, $secrets{$_}) >= 0 and $hits{$_} = 1 for keys %secrets;
			$last = substr $window, -$overlap if length $window > $overlap;
			$at += $n;
		}
	}
	return sort keys %hits;
}

for my $kind ($SEARCHED ? qw(ec rsa) : ()) {
	subtest "no worker, and not PID 1, ever has a part of the $kind key in its memory" => sub {
		my %secrets = secrets($pair{$kind}{key});
		my $n = begin($pair{$kind});

		cmp_ok(scalar keys %secrets, '==', $kind eq 'ec' ? 2 : 12, 'there is something to look for');
		is(ask($n, SSL_version => $_), 200, "served by $_") for qw(TLSv1_2 TLSv1_3);
		is(join(', ', scan($_, %secrets)), '', 'a worker has none') for $n->workers;
		is(join(', ', scan($n->arbiter, %secrets)), '', 'PID 1 has none');
		isnt(join(', ', scan(keyholder($n), %secrets)), '', 'and the key holder has');
		is(scalar(grep { readlink($_) =~ /narwhal-keys/ } map { glob "/proc/$_/fd/*" } $n->workers), 0,
			'nor does a worker hold a descriptor of it');
		is($n->stop, 0, 'status 0');
	};
}

subtest 'without isolation each worker has them, so the search can find them' => sub {
	plan skip_all => 'nothing is searched under sanitizers' if !$SEARCHED;
	my $n = begin($pair{rsa}, '--tls-key-isolation', 'off');

	is(ask($n), 200, 'served');
	isnt(join(', ', scan(($n->workers)[0], secrets($pair{rsa}{key}))), '', 'a worker has some');
	is(keyholder($n), undef, 'and there is no key holder');
	is($n->stop, 0, 'status 0');
};

subtest 'the key holder is locked in, and cannot be looked at' => sub {
	my $n = begin($pair{ec});
	my $pid = keyholder($n);
	my $status = Narwhal::slurp("/proc/$pid/status");

	like($status, qr/^Uid:\t65534\t65534\t65534\t65534$/m, 'it is nobody');
	like($status, qr/^CapEff:\t0+$/m, 'without capabilities');
	like($status, qr/^Seccomp:\t2$/m, 'behind its filter');
	is((stat "/proc/$pid/mem")[4], 0, 'and not dumpable: its memory is root\'s');
	my @fds = grep { !/^(?:anon_inode|socket|pipe|\/dev\/null)/ } map { readlink // () } glob "/proc/$pid/fd/*";
	is("@fds", '', 'with no file open');
	my $inodes = join '|', map { readlink($_) =~ /^socket:\[(\d+)/ ? $1 : () } glob "/proc/$pid/fd/*";
	is(scalar(grep { /\s(?:$inodes)\s/ } map { split /\n/, Narwhal::slurp("/proc/net/$_") } qw(tcp tcp6 udp udp6)),
		0, 'and no socket of the network');
	is($n->stop, 0, 'status 0');
};

# So many clients at once, each with so many handshakes; wait_for() says how many of them were not served.
sub clients {
	my ($n, $count, $handshakes) = @_;
	my @urls = ('https://127.0.0.1:' . $n->port . '/') x $handshakes;
	my @pids;

	for (1 .. $count) {
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			open STDOUT, '>', '/dev/null';
			open STDERR, '>', "$dir/said.$$";
			exec 'curl', '-sSkf', '--no-sessionid', '--max-time', $Narwhal::PATIENCE * $handshakes,
				'-H', 'Connection: close', @urls or POSIX::_exit(1);
		}
		push @pids, $pid;
	}
	return @pids;
}

sub wait_for {
	return scalar grep { waitpid($_, 0); $? != 0 } @_;
}

subtest 'while it stands still, handshakes wait, and whoever is served goes on' => sub {
	my $n = begin($pair{ec}, '--workers', 1, '--min-ready', 1);
	my $old = Tls::connect($n->port);
	my $port = sprintf '%04X', $n->port;

	is($old->request('GET', '/')->{status}, 200, 'a connection is there');
	kill 'STOP', keyholder($n);
	my @waiting = clients($n, 40, 1);    # more than may ask at once
	$n->wait_until('they have come', sub {
		my $all = () = Narwhal::slurp('/proc/net/tcp') =~ /: 0100007F:$port \S+ 01 /g;
		return $all == 41;
	});
	is($old->request('GET', '/')->{status}, 200, 'it goes on') for 1 .. 3;
	kill 'CONT', keyholder($n);
	is(wait_for(@waiting), 0, 'then all of them are served');
	is($n->stop, 0, 'status 0');
};

subtest 'killed again and again under load, it is replaced, and no handshake fails' => sub {
	my $n = begin($pair{rsa});
	my $old = Tls::connect($n->port);
	my @clients = clients($n, 4, 100);

	for (1 .. 3) {
		kill 'KILL', keyholder($n) // 0;
		$n->wait_line(qr/ attendant_exit role=keyholder .*signal=SIGKILL/);
		$n->wait_line(qr/ attendant_ready role=keyholder /);
		is($old->request('GET', '/')->{status}, 200, 'who is connected notices nothing');
	}
	is(wait_for(@clients), 0, 'all were served');
	is(scalar(grep { / handshake_failed / } $n->lines), 0, 'and the log knows of no failure');
	is($n->stop, 0, 'status 0');
};

subtest 'who waits for it in vain is told so in time, and others can wait in its place' => sub {
	my $n = begin($pair{ec}, '--workers', 1, '--min-ready', 1, '--tls-handshake-timeout', 2);

	kill 'STOP', keyholder($n);
	my @clients = clients($n, 35, 1);
	is(wait_for(@clients), 35, 'all handshakes fail');
	is(scalar(grep { Narwhal::slurp("$dir/said.$_") =~ /alert internal error/ } @clients),
		35, 'by an alert, also of those that could not ask yet');
	is(scalar(grep { / handshake_failed .*"it did not end in time"/ } $n->lines), 35, 'and each has its line');
	kill 'CONT', keyholder($n);
	is(wait_for(clients($n, 3, 20)), 0, 'and then none');
	is($n->stop, 0, 'status 0');
};

subtest 'who waits in a worker that retires, and whose key holder is dead, is told so, too' => sub {
	my $n = begin($pair{ec}, '--workers', 1, '--min-ready', 1, '--tls-handshake-timeout', 3);
	my $old = keyholder($n);
	my ($worker) = $n->workers;
	my $sockets = sub { scalar grep { /^socket:/ } map { readlink // '' } glob "/proc/$worker/fd/*" };
	my $before = $sockets->();

	kill 'STOP', $old;
	my ($client) = clients($n, 1, 1);
	$n->wait_until('it has come', sub { $sockets->() > $before });
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	kill 'KILL', $old;
	is(ask($n), 200, 'the new generation serves');
	is(wait_for($client), 1, 'the old one cannot');
	like(Narwhal::slurp("$dir/said.$client"), qr/alert internal error/, 'and says so');
	$n->wait_line(qr/ worker_exit .*pid=$worker .*cause=retired status=0/);
	is($n->stop, 0, 'status 0');
};

subtest 'so many questions that it does not take that no more go in cost handshakes, but not the line' => sub {
	my $n = begin($pair{ec}, '--workers', 1, '--min-ready', 1, '--tls-handshake-timeout', 0.1);
	my $pid = keyholder($n);

	kill 'STOP', $pid;
	wait_for(clients($n, 32, 14));
	kill 'CONT', $pid;
	$n->wait_until('it answers again', sub { wait_for(clients($n, 1, 1)) == 0 });
	is($n->stop, 0, 'status 0');
};

subtest 'who asks what no worker asks is replaced, and who loses his line gets another one' => sub {
	my $n = begin($pair{ec}, '--workers', 1, '--min-ready', 1, '--sandbox', 'off',
		"$Narwhal::BUILD/tests/modules/rogue.so");
	my ($worker) = $n->workers;

	for (1 .. 3) {
		is(Tls::connect($n->port)->request('GET', '/hang-up')->{status}, 200, 'the line is broken off');
		is(ask($n), 200, 'and there is another one');
	}
	is(join(' ', $n->workers), $worker, 'for the same worker');
	is(scalar(grep { / keyholder_refused / } $n->lines), 0, 'who is accused of nothing');
	my $visitor = Tls::connect($n->port);
	$visitor->write("GET /ask HTTP/1.1\r\nHost: test\r\n\r\n");
	like($n->wait_line(qr/ keyholder_refused /), qr/ pid=$worker reason="a question of a wrong size"/,
		'a question');
	like($n->wait_line(qr/ worker_exit /), qr/ pid=$worker .*cause=misbehaved signal=SIGKILL/,
		'is the end of who has asked it');
	is(ask($n), 200, 'another one serves');
	is($n->stop, 0, 'status 0');
};

subtest 'workers for whose line it has no descriptor have one as soon as it has' => sub {
	my $n = begin($pair{ec}, '--workers', 12, '--min-ready', 12, '--limit-nofile', 14, '--worker-connections', 2,
		'--loglevel', 'debug');
	my $pid = keyholder($n);

	$n->wait_line(qr/ debug line_lost /) for 1 .. 2;
	$n->signal('TTOU')->wait_line(qr/ worker_exit .*cause=retired/) for 1 .. 6;
	is(wait_for(clients($n, 6, 10)), 0, 'all handshakes are done');
	is(keyholder($n), $pid, 'by the same one');
	is($n->stop, 0, 'status 0');
};

# Numbers that a process may have, as its own user allows.
sub allow_numbers {
	my ($pid, $most) = @_;
	my ($uid, $gid) = map { (Narwhal::slurp("/proc/$pid/status") =~ /^$_:\s+(\d+)/m)[0] } 'Uid', 'Gid';

	return system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups',
		'prlimit', '--pid', $pid, "--nofile=$most:");
}

subtest 'a worker that has no descriptor for its next line has one as soon as it can' => sub {
	my $n = begin($pair{ec}, '--workers', 1, '--min-ready', 1, '--loglevel', 'debug');
	my ($worker) = $n->workers;

	is(ask($n), 200, 'it has a line');
	is(allow_numbers($worker, 3), 0, 'and no number for another');
	kill 'KILL', keyholder($n);
	$n->wait_line(qr/ debug line_lost /) for 1 .. 2;
	is(allow_numbers($worker, 64), 0, 'until there are some again');
	is(ask($n), 200, 'then a handshake is done');
	is(join(' ', $n->workers), $worker, 'by the same worker');
	is($n->stop, 0, 'status 0');
};

subtest 'no suite is spoken that takes more of the key than a signature' => sub {
	my @args = ('--bind-tls', '127.0.0.1:0', '--certfile', $pair{rsa}{certificate}, '--keyfile', $pair{rsa}{key});
	my ($status, $log) = Narwhal->run(args => [@args, '--ciphers', 'ECDHE+AESGCM:AES128-GCM-SHA256', $HELLO]);

	isnt($status, 0, 'one by its name is refused');
	like($log, qr/ciphers: AES128-GCM-SHA256: needs the private key itself: allowed are .*ECDHE/, 'with a reason');
	my %old = (SSL_version => 'TLSv1_2', SSL_cipher_list => 'AES128-GCM-SHA256');
	my $n = begin($pair{rsa}, '--ciphers', 'HIGH');
	is(Tls::try_connect($n->port, %old), undef, 'of a name for many it is left out');
	$n->wait_line(qr/ handshake_failed .*"no shared cipher"/);
	is(ask($n, SSL_version => 'TLSv1_2'), 200, 'and the others are there');
	is($n->stop, 0, 'status 0');
	$n = begin($pair{rsa}, '--ciphers', 'AES128-GCM-SHA256', '--tls-key-isolation', 'off');
	is(ask($n, %old), 200, 'workers that have the key speak it');
	is($n->stop, 0, 'status 0');
};

done_testing;
