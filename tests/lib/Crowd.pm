# Crowd - many clients at once, each of which sends its bytes, reads to the end of its connection and
# never ends it first.
#
#	my $crowd = Crowd->new(tcp => '127.0.0.1:8080', unix => '/run/x');
#	my $client = $crowd->add(bytes => "GET / ...", pace => 'byte');
#	$crowd->run;
#	$client->{got}, $client->{error}	# all that came; undef, or why it was not read to the end
#
# Options of add: bytes; pace: "whole" (one write, over TCP) or "byte" (over the unix socket, each byte
# when the server has read the one before); half (1: ends its side behind the bytes); then (called
# with the client at its end).
package Crowd;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(MSG_DONTWAIT MSG_NOSIGNAL SHUT_WR);
use Time::HiRes qw(time);

use Narwhal;

my $SIOCOUTQ = 0x5411;    # of a unix socket: not 0 as long as the other side has bytes to read
my $AT_ONCE = 100;
my $PAUSE = 0.0005;    # seconds, when it is the server's turn everywhere

sub new {
	my ($class, %address) = @_;

	return bless { %address, waiting => [], select => IO::Select->new, clients => {} }, $class;
}

sub add {
	my ($self, %client) = @_;
	my $client = { pace => 'whole', half => 0, sent => 0, got => '', %client };

	push @{ $self->{waiting} }, $client;
	return $client;
}

sub run {
	my ($self) = @_;
	my $deadline = time + 6 * $Narwhal::PATIENCE;

	while (@{ $self->{waiting} } || %{ $self->{clients} }) {
		die "clients wait in vain\n" if time > $deadline;
		$self->start(shift @{ $self->{waiting} })
			while @{ $self->{waiting} } && keys %{ $self->{clients} } < $AT_ONCE;
		my @sending = grep { $_->{sent} < length $_->{bytes} } values %{ $self->{clients} };
		my $sent = grep { send_more($_) } @sending;
		$self->receive($_) for $self->{select}->can_read($sent ? 0 : @sending ? $PAUSE : 1);
	}
	return;
}

sub start {
	my ($self, $client) = @_;
	my $socket = $client->{pace} eq 'byte'
		? IO::Socket::UNIX->new(Peer => $self->{unix})
		: IO::Socket::INET->new(PeerAddr => $self->{tcp}, Proto => 'tcp');

	$socket or die "connect: $@ $!\n";
	$client->{socket} = $socket;
	$self->{clients}{ fileno $socket } = $client;
	$self->{select}->add($socket);
	send_more($client);
	return;
}

# Whether there was anything to do.
sub send_more {
	my ($client) = @_;
	my $socket = $client->{socket};
	my $left = length($client->{bytes}) - $client->{sent};
	my $size = $left;

	if ($client->{pace} eq 'byte') {
		my $unread = pack 'i', 0;
		ioctl $socket, $SIOCOUTQ, $unread or die "SIOCOUTQ: $!\n";
		return 0 if unpack('i', $unread) != 0;
		$size = 1;
	}
	my $n = send $socket, substr($client->{bytes}, $client->{sent}, $size), MSG_NOSIGNAL | MSG_DONTWAIT;
	return 0 if !defined $n && $!{EAGAIN};
	$client->{error} = "after $client->{sent} bytes: $!" if !defined $n;
	$client->{sent} += $n // $left;
	shutdown $socket, SHUT_WR if $client->{half} && $client->{sent} == length $client->{bytes};
	return 1;
}

# Not before all is sent: a client that does not listen meanwhile must get its answer all the same.
sub receive {
	my ($self, $socket) = @_;
	my $client = $self->{clients}{ fileno $socket };

	return if $client->{sent} < length $client->{bytes};
	my $n = sysread $socket, $client->{got}, 1 << 16, length $client->{got};
	return if $n;
	$client->{error} //= "after " . length($client->{got}) . " bytes of answer: $!" if !defined $n;
	$self->{select}->remove($socket);
	delete $self->{clients}{ fileno $socket };
	close $socket;
	delete $client->{socket};
	$client->{then}->($client) if $client->{then};
	return;
}

# The responses in all that came: { status, fields => {...}, body }. Dies when it is not made of whole
# responses that say their length.
sub responses {
	my ($bytes) = @_;
	my @responses;

	while (length $bytes) {
		$bytes =~ s{\AHTTP/1\.1 (\d{3}) [^\r\n]*\r\n(.*?)\r\n\r\n}{}s or die "no response: $bytes\n";
		my ($status, $lines) = ($1, $2);
		my %fields = map { /^([^:]+): (.*)\z/ ? (lc $1, $2) : die "no field line: $_\n" } split /\r\n/, $lines;
		my $size = $status < 200 ? 0 : $fields{'content-length'} // die "no Content-Length: $lines\n";
		die "a body that is cut\n" if length $bytes < $size;
		push @responses, { status => $status, fields => \%fields, body => substr($bytes, 0, $size, '') };
	}
	return @responses;
}

1;
