# Attendants: they come with a generation, are replaced when they die, and go behind its last worker.
use strict;
use warnings;

use Test::More;

use Narwhal;
use Tls;
use Upgrade qw($DIR $UNIX begin install);

my $pair = Tls::certificate($DIR, 'site', by => Tls::authority($DIR, 'ca'));
my %tls = (bind => $UNIX, bind_tls => '127.0.0.1:0', certfile => $pair->{certificate}, keyfile => $pair->{key},
	tls_key_isolation => 'on', workers => 2, min_ready => 2);

sub keyholders {
	my ($n) = @_;

	return grep { Narwhal::command_name($_) eq 'narwhal-keys' } Narwhal::children($n->arbiter);
}

subtest 'one that is killed is replaced, with its own line and no worker\'s' => sub {
	my $n = begin(%tls);
	my ($old) = keyholders($n);

	is(scalar keyholders($n), 1, 'one to a generation');
	kill 'KILL', $old;
	like($n->wait_line(qr/ attendant_exit /),
		qr/ role=keyholder pid=\d+ generation=1 cause=signal signal=SIGKILL /, 'its obituary');
	$n->wait_line(qr/ attendant_ready role=keyholder /);
	is(scalar keyholders($n), 1, 'one again');
	is($n->stop, 0, 'status 0');
	is(scalar(grep { / worker_exit .*keyholder/ } $n->lines), 0, 'it is no worker');
	like((grep { / attendant_exit / } $n->lines)[-1], qr/ cause=retired signal=SIGQUIT /,
		'and it has nothing to finish');
};

subtest 'one that is stopped while nobody asks it for anything is replaced, and so is a worker' => sub {
	my $n = begin(%tls, timeout => 2, metrics_bind => "unix:$DIR/metrics");
	my ($keyholder) = keyholders($n);
	my ($exporter) = grep { Narwhal::command_name($_) eq 'narwhal-metrics' } Narwhal::children($n->arbiter);

	kill 'STOP', $keyholder, $exporter, ($n->workers)[0];
	$n->wait_lines(qr/ $_ .*cause=timeout signal=SIGKILL /, 1)
		for 'worker_exit', 'attendant_exit role=keyholder', 'attendant_exit role=exporter';
	$n->wait_lines(qr/ $_ /, 1)
		for 'worker_ready', 'attendant_ready role=keyholder', 'attendant_ready role=exporter';
	is($n->stop, 0, 'status 0');
};

subtest 'each generation has its own, and the old one goes behind its workers' => sub {
	my $n = begin(%tls);

	$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /);
	like($n->wait_line(qr/ (?:attendant_exit|worker_exit) /), qr/ worker_exit /, 'first the workers') for 1 .. 2;
	like($n->wait_line(qr/ attendant_exit /), qr/ generation=1 cause=retired /, 'then what they needed');
	is($n->stop, 0, 'status 0');
};

subtest 'it lives through an upgrade, and is replaced by the new image as before' => sub {
	my $n = begin(%tls);

	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ upgraded /);
	like($n->wait_line(qr/ attendant_exit /), qr/ generation=1 cause=retired /,
		'the new image knows it, and whose it is');
	my ($new) = keyholders($n);
	kill 'KILL', $new;
	$n->wait_line(qr/ attendant_exit .*generation=2 cause=signal /);
	$n->wait_line(qr/ attendant_ready role=keyholder /);
	is($n->stop, 0, 'status 0');
};

done_testing;
