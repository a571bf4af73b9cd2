# Sockets that whoever starts us has opened: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES.
use strict;
use warnings;

use Fcntl qw(F_SETFD);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;

sub listener {
	return IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1:0') || die "listen: $!";
}

# As a manager does it: the sockets at 3 and on, and then the pid, which only the child knows.
# A perl in between places them; a shell would leave its own descriptors there.
sub options {
	my ($sockets, %option) = @_;
	my @numbers = map { fileno $_ } @$sockets;
	my $placer = <<'PERL';
use POSIX ();
my ($numbers, $pid, @command) = @ARGV;
my @high = map { POSIX::dup2($_, 100 + $_); 100 + $_ } split /,/, $numbers;
POSIX::close($_) for 3 .. 99;
for my $n (0 .. $#high) {
	POSIX::dup2($high[$n], 3 + $n);
	POSIX::close($high[$n]);
}
$ENV{LISTEN_PID} = $pid eq 'own' ? $$ : $pid;
exec { $command[0] } @command or die;
PERL

	fcntl $_, F_SETFD, 0 for @$sockets;
	return (
		bind => 0,
		wrap => [ $^X, '-e', $placer, join(',', @numbers), $option{pid} // 'own' ],
		env => {
			LISTEN_FDS => $option{fds} // scalar @$sockets,
			defined $option{names} ? (LISTEN_FDNAMES => $option{names}) : (),
		},
		args => [ @{ $option{args} // [] }, $HELLO ],
	);
}

sub start {
	return Narwhal->start(options(@_));
}

sub address {
	my ($socket) = @_;

	return '127.0.0.1:' . $socket->sockport;
}

subtest 'without bind, all of them are the listeners' => sub {
	my @sockets = (listener(), IO::Socket::UNIX->new(Listen => 8, Local => "$dir/socket"));
	my $n = start(\@sockets);

	like($n->wait_ready, qr/127\.0\.0\.1:@{[$sockets[0]->sockport]},unix:$dir\/socket /, 'both');
	is($n->connect(address($sockets[0]))->request('GET', '/')->{status}, 200, 'TCP');
	is($n->connect("unix:$dir/socket")->request('GET', '/')->{status}, 200, 'unix');
	my ($worker) = $n->workers;
	unlike(Narwhal::slurp("/proc/$worker/environ"), qr/LISTEN_/, 'no worker is told of it');
	is($n->stop, 0, 'status 0');
	ok(-S "$dir/socket", 'what is not ours is left');
	ok(IO::Socket::INET->new(PeerAddr => address($sockets[0]), Timeout => 2), 'and open');
};

subtest 'by name' => sub {
	my @sockets = (listener(), listener(), listener());
	my $n = start(\@sockets, names => 'web:admin:web', args => [ '--bind', 'fd://web' ]);

	like($n->wait_ready, qr/:@{[$sockets[0]->sockport]},\S*:@{[$sockets[2]->sockport]} /, 'those of that name');
	is($n->connect(address($sockets[$_]))->request('GET', '/')->{status}, 200, "socket $_") for 0, 2;
	my ($worker) = $n->workers;
	my %held = map { (readlink($_) // '') => 1 } glob "/proc/$worker/fd/*";
	my $inode = (stat $sockets[1])[1];
	ok(!$held{"socket:[$inode]"}, 'no worker holds the other one');
	is($n->stop, 0, 'status 0');
};

subtest 'by number, and beside an address of our own' => sub {
	my @sockets = (listener(), listener());
	my $n = start(\@sockets, args => [ '--bind', "fd://4,unix:$dir/own" ]);

	$n->wait_ready;
	is($n->connect(address($sockets[1]))->request('GET', '/')->{status}, 200, 'fd://4');
	is($n->connect("unix:$dir/own")->request('GET', '/')->{status}, 200, 'our own');
	is($n->stop, 0, 'status 0');
};

subtest 'a name can come by a reload' => sub {
	my @sockets = (listener(), listener());
	open my $config, '>', "$dir/conf" or die;
	print $config "bind = fd://web\n";
	close $config;
	my $n = start(\@sockets, names => 'web:admin', args => [ '--config', "$dir/conf" ]);

	$n->wait_ready;
	open $config, '>', "$dir/conf" or die;
	print $config "bind = fd://web, fd://admin\n";
	close $config;
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	is($n->connect(address($sockets[1]))->request('GET', '/')->{status}, 200, 'served');
	open $config, '>', "$dir/conf" or die;
	print $config "bind = fd://other\n";
	close $config;
	$n->signal('HUP');
	like($n->wait_line(qr/ reload_failed /), qr/fd:\/\/other: no descriptor has that name/, 'refused');
	is($n->connect(address($sockets[1]))->request('GET', '/')->{status}, 200, 'and served on');
	is($n->stop, 0, 'status 0');
};

sub write_bind {
	my ($bind) = @_;

	open my $config, '>', "$dir/conf" or die;
	print $config "bind = $bind\n";
	close $config or die;
	return;
}

subtest 'what was inherited can be given up and taken back, and nothing else has such a name' => sub {
	my @sockets = (listener(), listener());
	write_bind("fd://3,unix:$dir/own");
	my $n = start(\@sockets, args => [ '--config', "$dir/conf" ]);

	$n->wait_ready;
	write_bind("fd://4,unix:$dir/own");
	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	write_bind('fd://3');
	$n->signal('HUP')->wait_line(qr/ reloaded generation=3 /);
	is($n->connect(address($sockets[0]))->request('GET', '/')->{status}, 200, 'taken back');
	my $arbiter = $n->arbiter;
	$n->wait_until('the last generation alone', sub {
		my @of = map { Narwhal::generation($_) } Narwhal::children($arbiter);
		return "@of" eq '3';
	});
	sleep 0.2;    # who has just left has its channel closed when it is buried
	my @own = grep { $_ > 4 } map { m{(\d+)\z} } glob "/proc/$arbiter/fd/*";
	my %kinds = map { (readlink("/proc/$arbiter/fd/$_") // '') =~ /^(\w+)/ ? ($1 => 1) : () } @own;
	ok($kinds{socket} && $kinds{anon_inode}, 'sockets and others of our own: ' . join ' ', @own);
	for my $fd (@own, 4000) {
		write_bind("fd://3,fd://$fd");
		$n->signal('HUP');
		like($n->wait_line(qr/ reload_failed /), qr/fd:\/\/$fd: no such descriptor was inherited: /,
			"$fd is refused");
	}
	is($n->connect(address($sockets[0]))->request('GET', '/')->{status}, 200, 'and it serves on');
	my @now = grep { $_ > 4 } map { m{(\d+)\z} } glob "/proc/$arbiter/fd/*";
	is("@now", "@own", 'every descriptor of our own is as it was');
	is($n->stop, 0, 'status 0');
};

subtest 'one that does not listen, or is no stream, is refused at a reload, too' => sub {
	socket my $datagram, Socket::PF_INET(), Socket::SOCK_DGRAM(), 0 or die;
	socket my $deaf, Socket::PF_INET(), Socket::SOCK_STREAM(), 0 or die;
	my @sockets = (listener(), $datagram, $deaf);
	write_bind('fd://3');
	my $n = start(\@sockets, args => [ '--config', "$dir/conf" ]);

	$n->wait_ready;
	for my $row ([ 4, qr/this is no stream socket/ ], [ 5, qr/this socket does not listen/ ]) {
		write_bind("fd://3,fd://$row->[0]");
		$n->signal('HUP');
		like($n->wait_line(qr/ reload_failed /), qr/fd:\/\/$row->[0]: $row->[1]/, "$row->[0] is refused");
		is($n->connect(address($sockets[0]))->request('GET', '/')->{status}, 200, 'it serves on');
	}
	is($n->stop, 0, 'status 0');
};

subtest 'what is for another process is none of ours' => sub {
	my $socket = listener();
	my $n = start([$socket], pid => 1, args => [ '--bind', '127.0.0.1:0' ]);

	unlike($n->wait_ready, qr/:@{[$socket->sockport]} /, 'not taken');
	is($n->stop, 0, 'status 0');
	my ($status, $output) = Narwhal->run(options([$socket], pid => 1, names => 'web',
		args => [ '--bind', 'fd://web' ]));
	is($status, 1, 'its names neither');
	like($output, qr/^narwhal: fd:\/\/web: no descriptor has that name: LISTEN_FDNAMES names none for/,
		'and why');
};

open my $file, '<', '/dev/null' or die;
socket my $datagram, Socket::PF_INET(), Socket::SOCK_DGRAM(), 0 or die;
socket my $deaf, Socket::PF_INET(), Socket::SOCK_STREAM(), 0 or die;
my $good = listener();
for my $row (
	[ 'no number of descriptors', [$good], { fds => 'two' }, qr/LISTEN_FDS: "two" is not a number/ ],
	[ 'too many', [$good], { fds => 33 }, qr/LISTEN_FDS: "33" is not a number: allowed are 0 to 32/ ],
	[ 'more than there are', [$good], { fds => 2 }, qr/LISTEN_FDS=2: descriptor 4 is no open socket/ ],
	[ 'no pid', [$good], { pid => 'me' }, qr/LISTEN_PID: "me" is not a number/ ],
	[ 'too few names', [ $good, $good ], { names => 'web' }, qr/LISTEN_FDNAMES: holds 1 names for LISTEN_FDS=2/ ],
	[ 'an unknown name', [$good], { names => 'web', args => [ '--bind', 'fd://wed' ] },
		qr/fd:\/\/wed: no descriptor has that name: LISTEN_FDNAMES is web/ ],
	[ 'no socket', [$file], {}, qr/LISTEN_FDS=1: descriptor 3 is no open socket/ ],
	[ 'a datagram socket', [$datagram], {}, qr/fd:\/\/3: this is no stream socket/ ],
	[ 'one that does not listen', [$deaf], {}, qr/fd:\/\/3: this socket does not listen/ ],
	[ 'a number beyond', [$good], { args => [ '--bind', 'fd://5' ] },
		qr/fd:\/\/5: no such descriptor was inherited/ ],
) {
	my ($what, $sockets, $option, $why) = @$row;
	my ($status, $output) = Narwhal->run(options($sockets, %$option));

	is($status, 1, "$what: status 1");
	like($output, qr/\Anarwhal: $why[^\n]*\n\z/, "$what: one line");
}

my ($status, $output) = Narwhal->run(args => [ '--check-config', '--bind', 'fd://web', $HELLO ]);
is($status, 0, '--check-config cannot know the names, and accepts them');
is($output, '', 'in silence');

done_testing;
