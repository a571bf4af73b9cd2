# Sessions resume by tickets: at any worker, of any generation, of any image, and under the same rules.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::SSL;
use Narwhal;
use Tls;
use Upgrade qw($DIR $UNIX begin configure install);

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;

my $ca = Tls::authority($DIR, 'ca');
my $pair = Tls::certificate($DIR, 'one', names => ['one.test'], by => $ca);
my %tls = (app => "$Narwhal::BUILD/tests/modules/secured.so", bind => $UNIX, bind_tls => '127.0.0.1:0',
	certfile => $pair->{certificate}, keyfile => $pair->{key}, loglevel => 'debug',
	idle_grace => '0.1');
my @versions = qw(TLSv1_2 TLSv1_3);
my $port;

sub visit {
	my ($session, %option) = @_;
	my $c = Tls::try_connect($port, SSL_hostname => 'one.test', SSL_session_cache => $session,
		SSL_ca_file => $ca->{certificate}, %option)
		or return;
	my $response = eval { $c->request('GET', '/') } or return;

	$c->{told} = $response->{body};
	return $c;
}

sub begin_tls {
	my $n = begin(%tls, @_);
	($port) = map { /^127\.0\.0\.1:(\d+)$/ } $n->addresses;
	return $n;
}

# Of so many connections at the same time, each at another worker, as each has one at the most: how
# many were resumed.
sub resumed {
	my ($count, $session, %option) = @_;
	my @all = map { visit($session, %option) } 1 .. $count;

	return scalar grep { $_->resumed } @all;
}

subtest 'at every worker, after a reload, and after an upgrade' => sub {
	my $n = begin_tls(workers => 4, min_ready => 4, worker_connections => 1);
	my %session = map { $_ => Tls::Session->new } @versions;
	my $rate = sub {
		my ($when) = @_;
		for my $version (@versions) {
			my $resumed = 0;
			$resumed += resumed(4, $session{$version}, SSL_version => $version) for 1 .. 5;
			is($resumed, 20, "$version, $when: each of 20, at 4 workers");
		}
	};
	my $replaced = sub {
		$n->wait_line(qr/ info reloaded /);
		$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 4;
	};

	for my $version (@versions) {
		is(visit($session{$version}, SSL_version => $version)->resumed, 0, 'the first is none');
		$session{$version}->keep;
	}
	$rate->('from the start');
	$n->signal('HUP');
	$replaced->();
	$rate->('after a reload');
	install($_) for qw(narwhal narwhal-worker);
	$n->signal('USR2');
	$replaced->();
	$rate->('after an upgrade');
	$_->{keeps} = 0 for values %session;
	$rate->('by the tickets that are given now');
	is($n->stop, 0, 'it ends');
};

subtest 'a client of TLS 1.3 that shows each ticket once is given another one each time' => sub {
	my $n = begin_tls();
	my $session = Tls::Session->new->once;

	is(visit($session, SSL_version => 'TLSv1_3')->resumed, 0, 'the first is none');
	is(visit($session, SSL_version => 'TLSv1_3')->resumed, 1, "visit $_") for 2 .. 6;
	is($n->stop, 0, 'it ends');
};

# The lines of /proc/PID/smaps that tell of the keys' memory.
sub memory {
	my ($pid) = @_;
	my @blocks = split /^(?=[0-9a-f]+-[0-9a-f]+ )/m, Narwhal::slurp("/proc/$pid/smaps");

	return join '', grep { /narwhal-tickets/ } @blocks;
}

subtest 'workers cannot write to the keys, and nobody dumps them or swaps them out' => sub {
	my $n = begin_tls();

	for my $worker ($n->workers) {
		my $memory = memory($worker);
		like($memory, qr/^\S+ r--s /m, 'a worker has them to be read');
		like($memory, qr/^VmFlags:.* dd\b/m, 'not to be dumped');
		unlike($memory, qr/^VmFlags:.* mw\b/m, 'and cannot make them writable');
		is(scalar(grep { (readlink // '') =~ /narwhal-tickets/ } glob "/proc/$worker/fd/*"), 0,
			'nor has it their descriptor');
	}
	my $memory = memory($n->arbiter);
	like($memory, qr/^VmFlags:.* $_\b/m, "the arbiter's are $_")
		for qw(dd dc), $ENV{SANITIZE} ? () : 'lo';    # a sanitizer locks no memory
	is($n->stop, 0, 'it ends');
};

subtest 'a ticket is worth nothing when its key is gone' => sub {
	my $n = begin_tls(tls_ticket_rotation => 1);
	my %session = map { $_ => Tls::Session->new } @versions;

	visit($session{$_}, SSL_version => $_) for @versions;
	$n->wait_line(qr/ debug ticket_key_rotated/) for 1 .. 3;
	is(visit($session{$_}, SSL_version => $_)->resumed, 0, $_) for @versions;
	is($n->stop, 0, 'it ends');
};

subtest 'without tls_tickets none is given, and none of before is taken' => sub {
	my $n = begin_tls();
	my %session = map { $_ => Tls::Session->new } @versions;
	my $kept = visit(Tls::Session->new, SSL_version => 'TLSv1_3');

	visit($session{$_}, SSL_version => $_) for @versions;
	configure(%tls, tls_tickets => 'false');
	$n->signal('HUP')->wait_line(qr/ info reloaded /);
	is($kept->request('GET', '/')->{status}, 200, 'who is connected stays so');
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	for my $version (@versions) {
		is(visit($session{$version}, SSL_version => $version)->resumed, 0, $version);
		my $fresh = Tls::Session->new;
		is(resumed(2, $fresh, SSL_version => $version), 0, 'none is given');
	}
	is(memory($n->arbiter), '', 'and no key is left');
	is($n->stop, 0, 'it ends');
};

subtest 'a reload that wants keys and comes to nothing does not have new ones made ever after' => sub {
	my $n = begin_tls(tls_tickets => 'false');
	my $other = Tls::certificate($DIR, 'two', names => ['two.test'], by => $ca);

	configure(%tls, keyfile => $other->{key});
	$n->signal('HUP')->wait_line(qr/ error reload_failed /);
	is($n->stop, 0, 'it ends');
	is(scalar(grep { / debug ticket_key_rotated/ } $n->lines), 0, 'none was due');
};

subtest 'who was let in by other rules is judged anew' => sub {
	my $other = Tls::authority($DIR, 'other');
	my $alice = Tls::certificate($DIR, 'alice', by => $ca);
	my %rules = (%tls, ca_certs => "$DIR/trusted.crt", cert_reqs => 'required');
	my @mine = (SSL_cert_file => $alice->{certificate}, SSL_key_file => $alice->{key});
	my $trust = sub { Narwhal::write_file("$DIR/trusted.crt", Narwhal::slurp(shift->{certificate})) };

	for my $version (@versions) {
		my ($nobody, $somebody) = map { Tls::Session->new } 1 .. 2;
		my $n = begin_tls(workers => 1, min_ready => 1);
		my $reload = sub {
			configure(%rules, workers => 1, min_ready => 1);
			$n->signal('HUP')->wait_line(qr/ info reloaded /);
			$n->wait_line(qr/ worker_exit .*cause=retired status=0/);
		};

		visit($nobody, SSL_version => $version);
		$trust->($ca);
		$reload->();
		is(visit($nobody, SSL_version => $version), undef,
			"$version: a ticket of before cert_reqs lets nobody in");
		visit($somebody, SSL_version => $version, @mine);
		my $again = visit($somebody, SSL_version => $version, @mine);
		is($again->resumed, 1, 'one of a client with its certificate does');
		like($again->{told}, qr/^subject=CN=alice$/m, 'and it is known who that is');
		$trust->($other);
		$reload->();
		is(visit($somebody, SSL_version => $version, @mine), undef,
			'until another authority is to vouch for it');
		is($n->stop, 0, 'it ends');
	}
};

done_testing;
