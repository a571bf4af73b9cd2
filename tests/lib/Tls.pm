# Tls - certificates for a test, made by openssl, and clients that look closely at TLS.
#
#	my $ca = Tls::authority($dir, 'ca');
#	my $pair = Tls::certificate($dir, 'a', names => ['a.test'], by => $ca);
#	my $c = Tls::connect($n->port, SSL_hostname => 'a.test', SSL_ca_file => $ca->{certificate});
#	my $response = $c->request('GET', '/');	# as of Narwhal::Connection
package Tls;

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use Narwhal;
use POSIX qw(strftime);

our @EXPORT_OK = qw(openssl try_connect);

# What openssl says, with its status in $?.
sub openssl {
	my (@arguments) = @_;

	open my $pipe, '-|', 'sh', '-c', 'exec openssl "$@" 2>&1 </dev/null', 'openssl', @arguments
		or die "openssl: $!";
	local $/;
	my $text = <$pipe> // '';
	close $pipe;
	return $text;
}

sub must_openssl {
	my $text = openssl(@_);
	die "openssl @_: $text" if $? != 0;
	return $text;
}

sub new_key {
	my ($name, $kind) = @_;
	my @options = $kind eq 'rsa'
		? ('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048')
		: ('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256');

	must_openssl('genpkey', @options, '-out', $name);
	chmod 0600, $name;
	return $name;
}

sub authority {
	my ($dir, $name) = @_;
	my %pair = (certificate => "$dir/$name.crt", key => new_key("$dir/$name.key", 'ec'));

	must_openssl('req', '-x509', '-new', '-key', $pair{key}, '-out', $pair{certificate},
		'-days', 30, '-subj', "/CN=$name authority",
		'-addext', 'basicConstraints=critical,CA:TRUE');
	return \%pair;
}

# OpenSSL 3.5 has dates, and refuses a number of days below 0; OpenSSL 3.0 has only days.
sub lifetime {
	my ($days) = @_;

	return ('-days', $days) if openssl('x509', '-help') !~ /-not_after/;
	my $date = sub { strftime('%Y%m%d%H%M%SZ', gmtime(time + 86400 * $_[0])) };
	return ('-not_before', $date->($days < 0 ? $days - 1 : 0), '-not_after', $date->($days));
}

# Options: names (DNS names), by (an authority), kind (ec or rsa), subject, days (negative: it has
# expired), key (a file that is there).
sub certificate {
	my ($dir, $name, %option) = @_;
	my %pair = (certificate => "$dir/$name.crt",
		key => $option{key} // new_key("$dir/$name.key", $option{kind} // 'ec'));
	my $names = join ',', map { "DNS:$_" } @{ $option{names} // [$name] };
	my $extensions = Narwhal::write_file("$dir/$name.ext", "subjectAltName=$names\n");

	must_openssl('req', '-new', '-key', $pair{key}, '-out', "$dir/$name.csr",
		'-subj', $option{subject} // "/CN=$name");
	must_openssl('x509', '-req', '-in', "$dir/$name.csr", '-out', $pair{certificate},
		'-CA', $option{by}{certificate}, '-CAkey', $option{by}{key},
		lifetime($option{days} // 30), '-extfile', $extensions);
	unlink $extensions, "$dir/$name.csr";
	return \%pair;
}

# A connection to a port, or to unix:PATH, whose handshake is over, or undef; then $SSL_ERROR says why.
sub try_connect {
	my ($where, %option) = @_;

	my $plain = $where =~ /^unix:(.+)/
		? IO::Socket::UNIX->new(Peer => $1)
		: IO::Socket::INET->new(PeerAddr => "127.0.0.1:$where", Proto => 'tcp',
			Timeout => $Narwhal::PATIENCE);
	$plain or die "connect: $@ $!\n";
	print {$plain} delete $option{first} if defined $option{first};
	my $socket = IO::Socket::SSL->start_SSL($plain, Timeout => $Narwhal::PATIENCE,
		SSL_verify_mode => $option{SSL_ca_file} ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
		SSL_verifycn_scheme => 'http', SSL_verifycn_name => $option{SSL_hostname},
		%option) or return;
	return Tls::Connection->new($socket);
}

sub connect {
	my ($where, %option) = @_;

	return try_connect($where, %option) // die "no handshake: $IO::Socket::SSL::SSL_ERROR\n";
}

# What a client keeps of its last session: SSL_session_cache => Tls::Session->new. It offers it again
# until there is another one. Kept as bytes: OpenSSL resumes none whose connection was just dropped.
package Tls::Session;

sub new {
	my ($class) = @_;

	return bless {}, $class;
}

sub add_session {
	my ($self, undef, $session) = @_;

	$self->{session} = Net::SSLeay::i2d_SSL_SESSION($session) if !$self->{keeps};
	Net::SSLeay::SESSION_free($session);
	return;
}

sub get_session {
	my ($self) = @_;

	my $session = $self->{session};
	delete $self->{session} if $self->{once};
	return defined $session ? Net::SSLeay::d2i_SSL_SESSION($session) : undef;
}

sub del_session { return }

# From now on it stays the one that it has.
sub keep {
	my ($self) = @_;

	$self->{keeps} = 1;
	return $self;
}

# From now on it is shown once, as browsers do it.
sub once {
	my ($self) = @_;

	$self->{once} = 1;
	return $self;
}

# As Narwhal::Connection, over TLS.
package Tls::Connection;

use Time::HiRes qw(time);

our @ISA = ('Narwhal::Connection');

# Whether a close_notify has come (SSL_RECEIVED_SHUTDOWN): the end is the server's will.
sub was_notified {
	my ($self) = @_;

	return Net::SSLeay::get_shutdown($self->{socket}->_get_ssl_object) & 2;
}

# Whether the handshake was the short one.
sub resumed {
	my ($self) = @_;

	return $self->{socket}->get_session_reused ? 1 : 0;
}

sub write {
	my ($self, $bytes) = @_;

	while (length $bytes) {
		my $n = $self->{socket}->syswrite($bytes);
		return 0 if !defined $n;
		substr $bytes, 0, $n, '';
	}
	return 1;
}

sub fill {
	my ($self, $enough, $seconds) = @_;
	my $deadline = time + ($seconds // $Narwhal::PATIENCE);

	until ($enough->()) {
		my $left = $deadline - time;
		die "no answer in time; so far: $self->{rest}\n"
			if $left <= 0 || !($self->{socket}->pending
				|| IO::Select->new($self->{socket})->can_read($left));
		my $n = $self->{socket}->sysread($self->{rest}, 1 << 16, length $self->{rest});
		return 0 if !$n;
	}
	return 1;
}

1;
