# Worker - one narwhal-worker without an arbiter: the test is the arbiter.
#
#	my $w = Worker->start(app => "$Worker::BUILD/examples/hello.so", set => {keepalive => 1});
#	is($w->message, 'READY', 'it is ready');
#	my $c = $w->connect;
#	print {$c} "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
#	my $response = $w->response($c);	# { status => 200, fields => {...}, body => ... }
#	$w->send('DRAIN');
#	is($w->wait, 0, 'it ends');
#
# Options of start: app; set (settings, over the table's defaults); drop, uid, gid; unix (1: listen
# on a unix socket instead of 127.0.0.1); wrap (a command in front, such as strace). Nothing here
# waits for time, but for a byte, a message or an end, with a deadline.
package Worker;

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(F_SETFD);
use File::Basename qw(dirname);
use File::Temp qw(tempdir tempfile);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Socket qw(AF_UNIX SOCK_SEQPACKET PF_UNSPEC);
use Time::HiRes qw(sleep time);

use Page;

our $ROOT = abs_path(dirname(__FILE__) . '/../..');
our $BUILD = $ENV{BUILD} // "$ROOT/build";
our $PATIENCE = $ENV{PATIENCE} // (($ENV{SANITIZE} // 0) eq '1' ? 30 : 10);    # seconds, for what should take none

my $RECVMSG = (POSIX::uname())[4] eq 'aarch64' ? 212 : 47;
my @messages = rows('messages', qr/^MESSAGE\((\w+)/);
my %alive;
my %unread;    # by socket: what came and nobody has asked for yet

sub rows {
	my ($table, $pattern) = @_;
	open my $file, '<', "$ROOT/base/$table.def" or die "$table.def: $!";
	return map { $_ =~ $pattern } <$file>;
}

sub start {
	my ($class, %option) = @_;
	my $self = bless { %option, log => '' }, $class;

	socketpair my $mine, my $its, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC or die "socketpair: $!";
	$self->{channel} = $mine;
	$self->{listener} = $self->listener;
	$self->{page} = unlinked("\0" x Page::SIZE);
	pipe my $log, my $stderr or die "pipe: $!";
	$log->blocking(0);
	$self->{stderr} = $log;
	$self->{pid} = fork // die "fork: $!";
	$self->become_worker($its, $stderr) if $self->{pid} == 0;
	$alive{ $self->{pid} } = 1;
	close $its;
	close $stderr;
	return $self;
}

# One that serves: the hello app, unless another is given.
sub ready {
	my ($class, %option) = @_;
	my $self = $class->start(app => "$BUILD/examples/hello.so", %option);
	my $first = $self->message;
	die "not ready: $first\n" . $self->logged if $first ne 'READY';
	return $self;
}

sub listener {
	my ($self) = @_;
	if ($self->{unix}) {
		$self->{path} = tempdir(CLEANUP => 1) . '/socket';
		return IO::Socket::UNIX->new(Local => $self->{path}, Listen => 1024, Blocking => 0)
			|| die "listen: $!";
	}
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1024,
		ReuseAddr => 1, Blocking => 0) || die "listen: $!";
	setsockopt $listener, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
	$self->{port} = $listener->sockport;
	return $listener;
}

sub unlinked {
	my ($bytes) = @_;
	my ($file, $name) = tempfile();
	unlink $name;
	syswrite $file, $bytes;
	return $file;
}

# In the child: never returns.
sub become_worker {
	my ($self, $its, $stderr) = @_;
	my $settings = join '', map { "set $_\n" } $self->settings;
	my $text = join '', map { "$_\n" } 'slot 0', 'generation 1', 'channel_fd ' . fileno $its,
		'page_fd ' . fileno $self->{page}, 'drop ' . ($self->{drop} // 0),
		'uid ' . ($self->{uid} // 0), 'gid ' . ($self->{gid} // 0),
		'listener ' . fileno $self->{listener}, "app $self->{app}";
	my $heritage = unlinked($text . $settings);

	fcntl $_, F_SETFD, 0 for $its, $self->{page}, $self->{listener}, $heritage;
	$ENV{NARWHAL_HERITAGE} = fileno $heritage;
	open STDERR, '>&', $stderr or die "stderr: $!" unless $self->{loud};
	no warnings 'exec';
	exec @{ $self->{wrap} // [] }, "$BUILD/narwhal-worker";
	warn "narwhal-worker: $!";
	POSIX::_exit(127);
}

sub settings {
	my ($self) = @_;
	my %value = rows('settings', qr/^SETTING\((\w+),\s*(?:'.'|0),\s*\w+,\s*"([^"]*)"/);
	%value = (%value, %{ $self->{set} // {} });
	return map { "$_ $value{$_}" } sort keys %value;
}

# "READY", "LOAD_FAILED text" and the like; undef when the channel has ended.
sub message {
	my ($self) = @_;
	IO::Select->new($self->{channel})->can_read($PATIENCE) or die "no message in time\n" . $self->logged;
	my $bytes = $self->datagram;
	return undef if length $bytes == 0;
	my ($type, $text) = unpack 'L a*', $bytes;
	# Nobody answers what its filter asks: a call that is refused stands still, and is seen.
	return $self->message if $messages[$type] eq 'CONFINED';
	return $messages[$type] . (length $text ? " $text" : '');
}

# recvmsg(2), as a descriptor may come along, which is kept; "" at the end.
sub datagram {
	my ($self) = @_;
	my $bytes = "\0" x 2048;
	my $control = "\0" x 24;
	my $part = pack 'P Q', $bytes, length $bytes;
	my $head = pack 'Q L x4 P Q P Q L x4', 0, 0, $part, 1, $control, length $control, 0;
	my $got = syscall $RECVMSG, fileno $self->{channel}, $head, 0;
	return '' if $got <= 0;
	my ($size, $level, $type, $fd) = unpack 'Q L L l', $control;
	open $self->{notifier}, '<&=', $fd or die "fd $fd: $!" if $size >= 20;
	return substr $bytes, 0, $got;
}

sub send {
	my ($self, $name) = @_;
	my ($type) = grep { $messages[$_] eq $name } 0 .. $#messages;
	CORE::send $self->{channel}, pack('L', $type), 0 or die "send: $!";
}

# As in Page.pm.
sub page {
	my ($self) = @_;
	sysseek $self->{page}, 0, 0;
	sysread $self->{page}, my $bytes, Page::SIZE;
	return Page::decode($bytes);
}

sub watch {
	my ($self, $watched) = @_;
	sysseek $self->{page}, 16, 0;
	syswrite $self->{page}, pack 'L', $watched;
}


sub connect {
	my ($self) = @_;
	my $socket = $self->{unix}
		? IO::Socket::UNIX->new(Peer => $self->{path})
		: IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
	die "connect: $!" if !$socket;
	$unread{$socket} = '';    # it may have the name of one that is gone
	$socket->autoflush(1);
	return $socket;
}

# Reads more into the socket's own buffer; false at the end, dies when nothing comes.
sub more {
	my ($self, $socket) = @_;
	IO::Select->new($socket)->can_read($PATIENCE) or die "nothing came in time\n" . $self->logged;
	my $n = sysread $socket, my $bytes, 1 << 20;
	$unread{$socket} .= $bytes if $n;
	return $n;
}

# The next response, or undef when the connection has ended before its first byte.
sub response {
	my ($self, $socket, %option) = @_;
	$unread{$socket} //= '';
	while ($unread{$socket} !~ /\r\n\r\n/) {
		next if $self->more($socket);
		die "the connection ended inside a head: $unread{$socket}" if length $unread{$socket};
		return undef;
	}
	$unread{$socket} =~ s/^(.*?)\r\n\r\n//s;
	my ($line, @lines) = split /\r\n/, $1;
	my ($status) = $line =~ m{^HTTP/1\.1 (\d{3}) } or die "no status line: $line";
	my %field = map { /^([^:]+): (.*)$/ ? (lc $1, $2) : die "no field line: $_" } @lines;
	my %response = (status => $status, fields => \%field, lines => \@lines, body => '');
	return \%response if $option{head} || $status < 200 || $status == 204 || $status == 304;
	if (($field{'transfer-encoding'} // '') eq 'chunked') {
		while (my $size = hex $self->taken($socket, qr/^([0-9a-f]+)\r\n/)) {
			push @{ $response{chunks} }, $size;
			$response{body} .= $self->bytes($socket, $size);
			$self->taken($socket, qr/^\r\n/);
		}
		$response{trailers} = $self->taken($socket, qr/^((?:[^\r\n]+\r\n)*)\r\n/);
	} else {
		$response{body} = $self->bytes($socket, $field{'content-length'} // die 'no Content-Length');
	}
	return \%response;
}

sub bytes {
	my ($self, $socket, $size) = @_;
	while (length $unread{$socket} < $size) {
		$self->more($socket) or die 'the connection ended inside a body';
	}
	return substr $unread{$socket}, 0, $size, '';
}

# The head of the next response alone.
sub response_head {
	my ($self, $socket) = @_;
	$unread{$socket} //= '';
	return $self->taken($socket, qr/^(.*?\r\n\r\n)/s);
}

# What stands there next; of it the first group.
sub taken {
	my ($self, $socket, $pattern) = @_;
	while ($unread{$socket} !~ $pattern) {
		$self->more($socket) or die 'the connection ended inside a body';
	}
	$unread{$socket} =~ s/$pattern//;
	return $1;
}

# Whether nothing but the end comes.
sub ended {
	my ($self, $socket) = @_;
	return ($unread{$socket} // '') eq '' && !$self->more($socket);
}

# A request with a body, written to a connection.
sub post {
	my ($self, $socket, $body, @fields) = @_;
	print {$socket} join("\r\n", 'POST / HTTP/1.1', 'Host: test', 'Content-Length: ' . length $body,
		@fields, '', ''), $body;
}

sub get {
	my ($self, $target, $socket) = @_;
	$socket //= $self->connect;
	print {$socket} "GET $target HTTP/1.1\r\nHost: test\r\n\r\n";
	return $self->response($socket);
}

sub logged {
	my ($self) = @_;
	while (sysread $self->{stderr}, my $bytes, 65536) {
		$self->{log} .= $bytes;
	}
	return $self->{log};
}

# Its exit status: 0 to 255, or "signal N".
sub wait {
	my ($self) = @_;
	my $until = time + $PATIENCE;
	return $self->{status} if defined $self->{status};
	while (waitpid($self->{pid}, WNOHANG) == 0) {
		die "it does not end\n" . $self->logged if time > $until;
		sleep 0.005;
	}
	delete $alive{ $self->{pid} };
	return $self->{status} = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
}

sub signal {
	my ($self, $name) = @_;
	kill $name, $self->{pid};
}

END {
	my $status = $?;
	kill 'KILL', keys %alive if %alive;
	waitpid $_, 0 for keys %alive;
	$? = $status;
}

1;
