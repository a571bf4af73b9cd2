package Upgrades;

# What upgrades cost the clients: p99 while there is one each second, against p99 of the rounds between,
# of narwhal and of nginx in the same run; and for how long the arbiter stands still with many workers.

use strict;
use warnings;

use IO::Select;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use Load;
use Process;
use Report;
use Rows;
use Server;

my $MANY = 64;     # workers
my $TIMES = 5;     # upgrades of an arbiter with so many
my $EVERY = 1;     # seconds from one to the next
my $PATIENCE = 30; # seconds for an upgrade

my %UPGRADE = ('narwhal+upgrade' => \&upgrade_narwhal, 'nginx+upgrade' => \&upgrade_nginx);

sub kinds { return ('narwhal+upgrade', 'nginx+upgrade') }

sub await {
	my ($server, $what, $is_so) = @_;
	my $deadline = time + $PATIENCE;
	until ($is_so->()) {
		$server->fail("is not upgraded: $what") if time > $deadline;
		sleep 0.002;
	}
	return;
}

# Milliseconds for which its arbiter stood still, each time so far.
sub pauses {
	my ($server) = @_;
	return Process::read_file($server->{log}) =~ / info thawed .*\bms=(\d+)/g;
}

sub upgrade_narwhal {
	my ($server) = @_;
	my $count = sub { scalar(() = Process::read_file($server->{log}) =~ / info upgraded /g) };
	my $before = $count->();
	kill 'USR2', $server->{pid};
	await($server, 'it does not say so', sub { $count->() > $before });
	return;
}

# As its manual has it: a second master, whose workers serve beside the others; then the first may go.
sub upgrade_nginx {
	my ($server) = @_;
	my $file = "$server->{dir}/nginx.pid";
	my $old = $server->{pid};
	my $new = sub { (eval { Process::read_file($file) } // '') =~ /^(\d+)\n/ && $1 != $old ? $1 : 0 };
	kill 'USR2', $old;
	await($server, 'no second master', $new);
	await($server, 'no second workers', sub { Process::children($new->()) == $server->{workers} });
	$server->becomes($new->());
	kill 'QUIT', $old;
	await($server, 'the first master stays', sub { waitpid($old, WNOHANG) == $old });
	return;
}

# The load's figures, and how many upgrades there were meanwhile.
sub meanwhile {
	my ($server, $row, $seconds) = @_;
	my $pid = open(my $out, '-|') // die "bench: fork: $!\n";
	if ($pid == 0) {
		my $figure = Load::wrk($server, $row, $seconds);
		syswrite STDOUT, join ' ', $figure->{p99_us}, @{ $figure->{errors} };
		POSIX::_exit(0);
	}
	my $upgrades = 0;
	my $load = IO::Select->new($out);
	my $next = time;
	until ($load->can_read($next > time ? $next - time : 0)) {
		$next = time + $EVERY;
		$UPGRADE{ $server->{kind} }->($server);
		$upgrades++;
	}
	my ($p99, @errors) = split ' ', <$out> // '';
	close $out;
	die "bench: no figures for upgrades of $server->{kind}\n" unless $p99;
	return ($p99, $upgrades, "@errors");
}

sub measure {
	my ($server, $rounds, $seconds) = @_;
	my ($row) = Rows::matching('^hello, keep-alive$');
	my (@before, @during, @errors);
	my $upgrades = 0;
	Load::wrk($server, $row, 1); # warm
	for (1 .. $rounds) {
		push @before, Load::wrk($server, $row, $seconds)->{p99_us};
		my ($p99, $count, $errors) = meanwhile($server, $row, $seconds);
		push @during, $p99;
		push @errors, $errors || ();
		$upgrades += $count;
	}
	my %p99 = (before => Report::median(@before), during => Report::median(@during));
	return { %p99, ratio => $p99{during} / $p99{before}, upgrades => $upgrades, errors => \@errors };
}

# The longest of some, in ms.
sub pause {
	my (%with) = @_;
	my $server = Server->start('narwhal+upgrade', %with, workers => $MANY, connections => 64, app => 'hello');
	await($server, 'it is not ready', sub { Process::read_file($server->{log}) =~ / info ready / });
	upgrade_narwhal($server) for 1 .. $TIMES;
	my ($longest) = sort { $b <=> $a } pauses($server);
	$server->stop;
	return $longest;
}

sub heading {
	return [ 'an upgrade each second', 'upgrades', 'p99 us before', 'meanwhile', 'ratio', 'errors' ];
}

sub line {
	my ($kind, $measured) = @_;
	return [ $kind, $measured->{upgrades}, (map { sprintf '%.0f', $measured->{$_} } qw(before during)),
		sprintf('%.2f', $measured->{ratio}), join(', ', @{ $measured->{errors} }) || 'none' ];
}

sub goals {
	my ($ratio, $pause) = @_;
	return (Report::goal('upgrades: p99 meanwhile, of that before', 1.5, $ratio, ''),
		Report::goal("upgrade with $MANY workers: the arbiter stands still, ms", 20, $pause, '', '%.0f'));
}

1;
