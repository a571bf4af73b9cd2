# Terminal - a pseudo-terminal with a command on it, as the leader of its session.
#
#	my $t = Terminal->start('narwhal', '--', 'cat');
#	$t->type("hello\n");
#	$t->wait_for(qr/hello/);
#	is($t->end, 0);
#
# Made with ioctl(2) on /dev/ptmx: no module outside of Perl's own does it.
package Terminal;

use strict;
use warnings;

use Fcntl qw(O_RDWR O_NOCTTY);
use IO::Select;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

use Narwhal;

# asm-generic/ioctls.h
my ($TIOCSCTTY, $TIOCGPGRP, $TIOCSWINSZ) = (0x540e, 0x540f, 0x5414);
my ($TIOCSPTLCK, $TIOCGPTN) = (0x40045431, 0x80045430);

my %alive;

sub start {
	my ($class, @command) = @_;
	sysopen my $master, '/dev/ptmx', O_RDWR | O_NOCTTY or die "/dev/ptmx: $!";
	my $number = pack 'i', 0;
	ioctl $master, $TIOCSPTLCK, my $unlock = pack('i', 0) or die "TIOCSPTLCK: $!";
	ioctl $master, $TIOCGPTN, $number or die "TIOCGPTN: $!";
	my $self = bless { master => $master, said => '', name => '/dev/pts/' . unpack('i', $number),
		owner => $$ }, $class;

	$self->{pid} = fork // die "fork: $!";
	$self->become(@command) if $self->{pid} == 0;
	$alive{ $self->{pid} } = $$;
	return $self;
}

# In the child: never returns.
sub become {
	my ($self, @command) = @_;

	POSIX::setsid();
	sysopen my $slave, $self->{name}, O_RDWR or POSIX::_exit(127);
	ioctl $slave, $TIOCSCTTY, 0 or POSIX::_exit(127);
	open STDIN, '<&', $slave or POSIX::_exit(127);
	open STDOUT, '>&', $slave or POSIX::_exit(127);
	open STDERR, '>&', $slave or POSIX::_exit(127);
	@SIG{qw(HUP INT PIPE TERM)} = ('DEFAULT') x 4;
	%ENV = (PATH => $ENV{PATH}, TERM => 'dumb', HOME => '/', PS1 => '$ ',
		map({ ($_ => $ENV{$_}) } grep { /SAN_OPTIONS$/ } keys %ENV));
	exec { $command[0] } @command or POSIX::_exit(127);
}

sub type {
	my ($self, $text) = @_;

	syswrite $self->{master}, $text;
	return $self;
}

# The process group in the foreground. A master is asked as well as the slave.
sub foreground {
	my ($self) = @_;
	my $group = pack 'i', 0;

	return ioctl($self->{master}, $TIOCGPGRP, $group) ? unpack('i', $group) : -1;
}

sub resize {
	my ($self, $rows, $columns) = @_;
	my $size = pack 'S4', $rows, $columns, 0, 0;

	ioctl $self->{master}, $TIOCSWINSZ, $size or die "TIOCSWINSZ: $!";
	return;
}

# Takes what there is; false at the end.
sub read_more {
	my ($self, $seconds) = @_;

	return 1 if !IO::Select->new($self->{master})->can_read($seconds);
	return sysread($self->{master}, $self->{said}, 4096, length $self->{said}) ? 1 : 0;
}

# Until the pattern is on the screen; forgets all up to its end. Returns what it matched.
sub wait_for {
	my ($self, $pattern, $seconds) = @_;
	my $deadline = time + ($seconds // $Narwhal::PATIENCE);

	while (1) {
		if ($self->{said} =~ $pattern) {
			my $found = $&;
			$self->{said} = substr $self->{said}, $+[0];
			return $found;
		}
		my $left = $deadline - time;
		die "not said: $pattern; but:\n$self->{said}\n" if $left <= 0 || !$self->read_more($left);
	}
}

sub wait_until {
	my ($self, $what, $look) = @_;
	my $deadline = time + $Narwhal::PATIENCE;

	until ($look->()) {
		die "not in time: $what; said:\n$self->{said}\n" if time > $deadline;
		sleep 0.01;
	}
	return 1;
}

# The exit status; 128 + n when signal n ended it.
sub end {
	my ($self) = @_;
	my $deadline = time + $Narwhal::PATIENCE;

	while (waitpid($self->{pid}, WNOHANG) == 0) {
		die "it does not end; said:\n$self->{said}\n" if time > $deadline;
		$self->read_more(0.005) or sleep 0.005;
	}
	my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	$? = 0;
	delete $alive{ $self->{pid} };
	return $status;
}

# Whoever is left: the whole session, before its leader.
sub sweep {
	for my $leader (grep { $alive{$_} == $$ } keys %alive) {
		my @family = ($leader);
		for (my $n = 0; $n < @family; $n++) {
			push @family, Narwhal::children($family[$n]);
		}
		kill 'KILL', reverse @family;
		waitpid $leader, 0;
	}
	return;
}

END { my $status = $?; sweep(); $? = $status }

1;
