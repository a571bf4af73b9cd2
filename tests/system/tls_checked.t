# What somebody else's eyes find: testssl.sh, without the network. Nothing may be vulnerable or not
# in order, but for what a certificate of a test's own cannot be: vouched for, and for long.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

use Lint qw(needs);
use Narwhal;
use Tls;

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;
plan(skip_all => 'once is enough: see the run without sanitizers') if $ENV{SANITIZE};
needs('testssl');

# Of the certificate of this test, and of the machine's openssl, by the names that testssl.sh gives its
# findings. And it looks for a ticket of TLS 1.3 before one can have come: see tls_resumption.t.
my %OUR_OWN = map { $_ => 1 } qw(cert_trust cert_chain_of_trust cert_expirationStatus cert_notAfter
	cert_revocation cert_caIssuers OCSP_stapling DNS_CAArecord engine_problem sessionresumption_ticket);
# Of these it must have an opinion: a run that was cut short proves nothing.
my @ASKED = qw(SSLv3 TLS1 TLS1_2 TLS1_3 cipherlist_NULL cipherlist_STRONG heartbleed CCS ticketbleed ROBOT
	secure_renego secure_client_renego CRIME_TLS BREACH POODLE_SSL fallback_SCSV SWEET32 FREAK DROWN
	LOGJAM BEAST LUCKY13 RC4);

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $one = Tls::certificate($dir, 'one', by => Tls::authority($dir, 'ca'), names => ['localhost']);

my $n = Narwhal->start(bind => 0, args => [ '--bind-tls', '127.0.0.1:0', '--certfile', $one->{certificate},
	'--keyfile', $one->{key}, "$Narwhal::BUILD/examples/hello.so" ]);
$n->wait_ready;
my $port = $n->port;
{
	# It waits so long for an answer to what must have none.
	local @ENV{qw(HEARTBLEED_MAX_WAITSOCK CCS_MAX_WAITSOCK)} = (2, 2);
	my $run = 'testssl --quiet --color 0 --warnings off --nodns none --ip 127.0.0.1'
		. " --jsonfile $dir/findings.json -p -s -f -S -U localhost:$port >$dir/said 2>&1 </dev/null";
	system 'sh', '-c', $run;
}
my $findings = eval { decode_json(Narwhal::slurp("$dir/findings.json")) };
ok($findings, 'it gives its findings') or diag(Narwhal::slurp("$dir/said"));
my %found = map { $_->{id} => $_ } @{ $findings // [] };
is(join(' ', grep { !$found{$_} } @ASKED), '', 'on all that it is asked');
for my $finding (@{ $findings // [] }) {
	my ($id, $severity) = @{$finding}{qw(id severity)};
	next if $OUR_OWN{ $id =~ s/ <.*//r };
	like($severity, qr/^(?:OK|INFO|DEBUG)$/, "$id: $finding->{finding}");
}
is($n->stop, 0, 'the service has ended none of it badly');
unlike(join("\n", $n->lines), qr/worker_exit .*cause=(?!retired|drained)/, 'no worker has died');
done_testing;
