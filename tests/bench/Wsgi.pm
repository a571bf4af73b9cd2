package Wsgi;

# Python apps: narwhal beside Gunicorn and uWSGI as Debian has them, all with the same Python and the
# apps of tests/wsgi, and beside narwhal's own hello in C; then what slow clients take from fast ones.

use strict;
use warnings;

use File::Copy qw(copy);
use IO::Socket::INET;

use Load;
use Report;
use Rounds;
use Rows;
use Server;

my $SLOW = 20; # clients that send a byte now and then

my @ROWS = (
	{
		name => 'WSGI hello', module => 'apps:hello', path => '/', body => "hello\n",
		aims => { 'gunicorn gthread' => 0.09, uwsgi => 0.12, narwhal => 1.30 },
	},
	{
		name => 'Flask hello', module => 'flask_app:app', path => '/', body => 'Hello, World!',
		aims => { 'gunicorn gthread' => 0.33 },
	},
	{
		name => 'Django, template, sqlite', module => 'django_app:app', path => '/', body => '<ul></ul>',
		aims => {},
	},
	{
		name => 'WSGI POST, 1 MiB', module => 'apps:size', path => '/', post => 1 << 20,
		body => "001048576 bytes\n", connections => 16, aims => {},
	},
);

my @PYTHONS = ('narwhal+wsgi', 'gunicorn sync', 'gunicorn gthread', 'uwsgi');

sub rows {
	my ($pattern) = @_;
	return map { { connections => 64, size => length $_->{body}, app => 'hello', %$_ } }
		grep { $_->{name} =~ /$pattern/ } @ROWS;
}

# Where servers find the apps, and Django writes.
sub prepare {
	my ($with) = @_;
	return if -d "$with->{dir}/wsgi"; # by another part
	mkdir "$with->{dir}/wsgi" or die "bench: $with->{dir}/wsgi: $!\n";
	chmod 0777, "$with->{dir}/wsgi";
	for my $name (qw(apps flask_app django_app)) {
		copy("$with->{source}/../wsgi/$name.py", "$with->{dir}/wsgi/$name.py")
			or die "bench: $name.py: $!\n";
	}
	$ENV{DATABASE} = "$with->{dir}/wsgi/notes.db";
	return;
}

sub start {
	my ($with, $row, @kinds) = @_;
	return map { $_ => Server->start($_, %$with, workers => 2, app => 'hello', module => $row->{module}) }
		@kinds;
}

# The row's medians, and its CPU by that of each server that there is a goal for.
sub measure {
	my ($with, $row, $rounds, $seconds) = @_;
	my @besides = exists $row->{aims}{narwhal} ? 'narwhal' : ();
	my %server = start($with, $row, @PYTHONS);
	my %own = (%$row, beside => 'gunicorn gthread');
	# The C hello has another body.
	my %c = map { $_ => Server->start($_, %$with, workers => 2, app => 'hello') } @besides;
	my $c_row = { %own, body => "Hello, World!\n", size => 14 };
	Load::check($server{$_}, \%own, $row->{body}) for keys %server;
	my (@figures, @kinds);
	@kinds = ((sort keys %server), @besides);
	for my $round (0 .. $rounds) {
		my %figure = map { $_ => Rounds::one($server{$_} // $c{$_}, $server{$_} ? \%own : $c_row, $seconds) }
			@kinds;
		push @figures, \%figure if $round > 0; # the first one warms
		@kinds = reverse @kinds;
	}
	$_->stop for values %server, values %c;
	return { map { $_ => summary($_, @figures) } @kinds };
}

sub summary {
	my ($kind, @figures) = @_;
	my @own = map { $_->{$kind} } @figures;
	my %ratio = map { $_ => Rounds::ratio('cpu_us', 'narwhal+wsgi', $_, @figures) } $kind;
	return {
		map({ my $name = $_; ($name => Report::median(map { $_->{$name} } @own)) } qw(rate cpu_us p99_us)),
		ratio => $ratio{$kind},
		errors => [ map { @{ $_->{errors} } } @own ],
	};
}

sub heading {
	return [ 'work', 'server', 'requests/s', 'CPU us', 'p99 ms', 'narwhal by it', 'from-to', 'errors' ];
}

sub lines {
	my ($row, $measured) = @_;
	return map { my $own = $measured->{$_};
		[ $row->{name}, $_, sprintf('%.0f', $own->{rate}), sprintf('%.2f', $own->{cpu_us}),
			sprintf('%.2f', $own->{p99_us} / 1000), sprintf('%.3f', $own->{ratio}{middle}),
			sprintf('%.3f-%.3f', $own->{ratio}{least}, $own->{ratio}{most}),
			join(', ', @{ $own->{errors} }) || 0 ] }
		sort { $measured->{$a}{cpu_us} <=> $measured->{$b}{cpu_us} } keys %$measured;
}

sub goals {
	my ($row, $measured) = @_;
	my %aims = %{ $row->{aims} };
	return map { Report::goal("$row->{name}: CPU to $_", $aims{$_}, $measured->{$_}{ratio}{middle}, '') }
		sort keys %aims;
}

# Clients that send their heads byte by byte, in a process of their own, until it is ended.
sub slow_clients {
	my ($server) = @_;
	my $pid = fork // die "bench: fork: $!\n";
	return $pid if $pid != 0;
	local $SIG{PIPE} = 'IGNORE';
	my $head = "GET / HTTP/1.1\r\nHost: bench\r\nX-Slow: " . 'x' x 1000;
	my (@clients, @sent);
	while (1) {
		for my $n (0 .. $SLOW - 1) {
			if (!$clients[$n] || !defined syswrite $clients[$n], substr $head, $sent[$n]++, 1) {
				$clients[$n] = $server->connect;
				$sent[$n] = 0;
			}
		}
		select undef, undef, undef, 0.05;
	}
}

# Throughput of 64 fast clients with slow ones beside them, by that without: the median of rounds.
sub beside_slow {
	my ($with, $rounds, $seconds) = @_;
	my ($row) = rows('^WSGI hello');
	my %share;
	for my $kind (@PYTHONS) {
		my (undef, $server) = start($with, $row, $kind);
		my @shares;
		for (1 .. $rounds) {
			my $alone = Load::wrk($server, $row, $seconds)->{requests};
			my $pid = slow_clients($server);
			select undef, undef, undef, 0.5;
			my $beside = Load::wrk($server, $row, $seconds)->{requests};
			kill 'KILL', $pid;
			waitpid $pid, 0;
			push @shares, $alone ? $beside / $alone : 0;
		}
		$server->stop;
		$share{$kind} = Report::median(@shares);
	}
	return \%share;
}

1;
