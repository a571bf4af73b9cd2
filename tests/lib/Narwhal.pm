# Narwhal - the real program, started for a test, and the events to wait for.
#
#	my $n = Narwhal->start(args => ['--workers', 2, 'examples/public']);
#	$n->wait_ready;
#	my $response = $n->get('/');			# { status => 200, fields => {...}, body => ... }
#	kill 'KILL', ($n->workers)[0];
#	$n->wait_line(qr/ worker_exit .*signal=SIGKILL/);
#	is($n->stop, 0, 'TERM ends it with status 0');
#
# Options of start: args; env (a hash over a clean environment); pid1 (1: PID 1 of a pid
# namespace, needs root); unshare (flags of unshare(1): more namespaces for it); user (a uid); cwd;
# bind (0: give no --bind of our own); wrap (a command in front); program (another narwhal than the
# one that was built). Unless bind is 0, it listens on a free port of 127.0.0.1.
#
# Nothing here waits for time: every wait is for a line, a byte or an end, with a deadline, and a
# wait in vain dies with all that was logged. Whatever a test leaves behind is killed at its end.
package Narwhal;

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use File::Basename qw(dirname);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Scalar::Util qw(weaken);
use Socket qw(MSG_NOSIGNAL);
use Time::HiRes qw(sleep time);

our $ROOT = abs_path(dirname(__FILE__) . '/../..');
our $BUILD = $ENV{BUILD} // "$ROOT/build";
our $PROGRAM = "$BUILD/narwhal";
our $PATIENCE = $ENV{PATIENCE} // (($ENV{SANITIZE} // 0) eq '1' ? 60 : 20);    # seconds, for what should take none

# A test that is ended by a signal cleans up too.
$SIG{$_} //= sub { exit 1 } for qw(HUP INT PIPE TERM);

my %alive;

sub start {
	my ($class, %option) = @_;
	my $self = bless {
		lines => [], seen => 0, rest => '', status => undef, owner => $$,
		pid1 => $option{pid1},
	}, $class;

	pipe(my $read, my $write) or die "pipe: $!";
	$self->{pid} = fork // die "fork: $!";
	become_narwhal($write, \%option) if $self->{pid} == 0;
	close $write;
	fcntl $read, F_SETFL, fcntl($read, F_GETFL, 0) | O_NONBLOCK;
	$self->{stderr} = $read;
	weaken($alive{$self} = $self);
	return $self;
}

# In the child: never returns.
sub become_narwhal {
	my ($write, $option) = @_;
	my @command = (@{ $option->{wrap} // [] }, $option->{program} // $PROGRAM);

	push @command, '--bind', '127.0.0.1:0' if $option->{bind} // 1;
	push @command, @{ $option->{args} // [] };
	unshift @command, 'setpriv', "--reuid=$option->{user}", "--regid=$option->{user}",
		'--clear-groups', '--' if defined $option->{user};
	unshift @command, 'setpriv', '--pdeathsig', 'KILL', 'unshare', '--fork', '--pid',
		'--mount-proc', '--kill-child', @{ $option->{unshare} // [] }, '--' if $option->{pid1};

	setpgrp;
	# A crash on purpose shall end by its signal under sanitizers, too.
	%ENV = (PATH => $ENV{PATH}, ASAN_OPTIONS => 'handle_segv=0',
		map({ ($_ => $ENV{$_}) } grep { /SAN_OPTIONS$/ } keys %ENV),
		%{ $option->{env} // {} });
	chdir($option->{cwd} // $ROOT) or POSIX::_exit(127);
	open STDIN, '<', '/dev/null' or POSIX::_exit(127);
	open STDOUT, '>&', $write or POSIX::_exit(127);
	open STDERR, '>&', $write or POSIX::_exit(127);
	exec { $command[0] } @command or POSIX::_exit(127);
}

# Runs it to its end: the exit status and all that it wrote. For --help and for what is refused.
sub run {
	my ($class, %option) = @_;
	my $self = $class->start(bind => 0, %option);
	my $status = $self->wait_end;

	return ($status, join('', map { "$_\n" } @{ $self->{lines} }));
}

# Takes what there is to read; waits at most $seconds for it. False at the end of the stream.
sub read_more {
	my ($self, $seconds) = @_;

	return 0 if !$self->{stderr};
	return 1 if !IO::Select->new($self->{stderr})->can_read($seconds);
	my $n = sysread $self->{stderr}, my $bytes, 65536;
	return 1 if !defined $n && $!{EAGAIN};
	if (!$n) {
		close delete $self->{stderr};
		push @{ $self->{lines} }, $self->{rest} if length $self->{rest};
		return 0;
	}
	$self->{rest} .= $bytes;
	while ($self->{rest} =~ s/\A([^\n]*)\n//) {
		push @{ $self->{lines} }, $1;
	}
	return 1;
}

# The next line that matches, behind the one that the last wait found.
sub wait_line {
	my ($self, $pattern, $seconds) = @_;
	my $deadline = time + ($seconds // $PATIENCE);

	while (1) {
		while ($self->{seen} < @{ $self->{lines} }) {
			my $line = $self->{lines}[ $self->{seen}++ ];
			return $line if $line =~ $pattern;
		}
		my $left = $deadline - time;
		$self->give_up("no line like $pattern") if $left <= 0 || !$self->read_more($left);
	}
}

# Until so many lines match, of all that there are: for those that may come before what was waited for.
sub wait_lines {
	my ($self, $pattern, $count) = @_;

	return $self->wait_until("$count lines like $pattern", sub { $count <= grep { $_ =~ $pattern } $self->lines });
}

# All lines so far.
sub lines {
	my ($self) = @_;

	while ($self->{stderr} && IO::Select->new($self->{stderr})->can_read(0)) {
		$self->read_more(0) or last;
	}
	return @{ $self->{lines} };
}

# Until the service is ready; notes the addresses. Returns the line.
sub wait_ready {
	my ($self, $seconds) = @_;
	my $line = $self->wait_line(qr/^\S+ info ready\b/, $seconds);

	$self->{addresses} = [ map { s{^https?://}{}r } split /,/, $line =~ / address=(\S+)/ ? $1 : '' ];
	return $line;
}

# The addresses that it listens on, as logged; the first one where one is meant.
sub addresses {
	my ($self) = @_;

	return @{ $self->{addresses} };
}

sub port {
	my ($self) = @_;

	return $self->{addresses}[0] =~ /:(\d+)$/ ? $1 : undef;
}

# Asks again and again, for what announces itself by nothing else.
sub wait_until {
	my ($self, $what, $look, $seconds) = @_;
	my $deadline = time + ($seconds // $PATIENCE);

	until ($look->()) {
		$self->give_up("not in time: $what") if time > $deadline;
		sleep 0.01;
	}
	return 1;
}

sub give_up {
	my ($self, $why) = @_;

	die "$why; so far:\n" . join('', map { "\t$_\n" } $self->lines);
}

# Below the kernel's own choice, where no client's end of a connection can take it meanwhile.
sub free_port {
	while (1) {
		my $port = 20000 + int rand 10000;
		return $port if IO::Socket::INET->new(Listen => 1, LocalAddr => "0.0.0.0:$port");
	}
}

# The arbiter's pid, as this test sees it.
sub arbiter {
	my ($self) = @_;

	return $self->{pid} if !$self->{pid1};
	$self->wait_until('the namespace is there', sub {
		($self->{arbiter}) = children($self->{pid}) if !$self->{arbiter};
		return $self->{arbiter};
	});
	return $self->{arbiter};
}

# Pids of the workers, oldest first.
sub workers {
	my ($self) = @_;

	my @workers = grep { command_name($_) =~ /^narwhal-worker/ } children($self->arbiter);

	return @workers;
}

sub children {
	my ($parent) = @_;

	my @children = sort { $a <=> $b } grep { (stat_fields($_))[1] == $parent } all_pids();

	return @children;    # sort itself has no value in scalar context
}

# Of all below, the process whose name this is.
sub find_below {
	my ($pid, $name) = @_;
	my @family = ($pid);

	for (my $n = 0; $n < @family; $n++) {
		push @family, Narwhal::children($family[$n]);
	}
	my ($found) = grep { Narwhal::command_name($_) eq $name } @family;
	return $found;
}

sub all_pids {
	opendir my $proc, '/proc' or die "/proc: $!";
	return grep { /^\d+$/ } readdir $proc;
}

# State and parent: fields 3 and 4 of /proc/PID/stat; the name before may hold anything.
sub stat_fields {
	my ($pid) = @_;

	open my $file, '<', "/proc/$pid/stat" or return ('', 0);
	my $line = <$file> // '';
	return $line =~ /\) (\S) (\d+)/ ? ($1, $2) : ('', 0);
}

sub slurp {
	my ($name) = @_;

	open my $file, '<:raw', $name or die "$name: $!";
	local $/;
	return scalar <$file> // '';
}

sub write_file {
	my ($name, $text) = @_;

	open my $file, '>', $name or die "$name: $!";
	print $file $text;
	close $file or die "$name: $!";
	return $name;
}

# A config file of these settings, but for those that are undef; sections are not needed.
sub write_config {
	my ($name, %settings) = @_;

	open my $file, '>', $name or die "$name: $!";
	print $file "$_ = $settings{$_}\n" for grep { defined $settings{$_} } sort keys %settings;
	close $file or die "$name: $!";
	return;
}

sub command_name {
	my ($pid) = @_;

	open my $file, '<', "/proc/$pid/comm" or return '';
	my $name = <$file> // '';
	chomp $name;
	return $name;
}

# Of a worker: it stands on its command line. 0 of one that is gone.
sub generation {
	my ($pid) = @_;
	my $line = eval { slurp("/proc/$pid/cmdline") } // '';

	return $line =~ /generation=(\d+)/ ? $1 : 0;
}

sub signal {
	my ($self, $name) = @_;

	kill $name, $self->arbiter or die "kill $name: $!";
	return $self;
}

# Sends TERM, or another signal, and waits for the end.
sub stop {
	my ($self, $name) = @_;

	$self->signal($name // 'TERM');
	return $self->wait_end;
}

# The exit status; 128 + n when signal n ended it.
sub wait_end {
	my ($self, $seconds) = @_;
	my $deadline = time + ($seconds // $PATIENCE);

	while (!defined $self->{status}) {
		my $pid = waitpid $self->{pid}, WNOHANG;
		if ($pid == $self->{pid}) {
			$self->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
			$? = 0;
		} elsif (time > $deadline) {
			$self->give_up('it does not end');
		} elsif (!$self->{stderr} || !$self->read_more(0.01)) {
			sleep 0.005;
		}
	}
	$self->lines;
	return $self->{status};
}

# A connection to the first address, or to another: TCP or a unix socket.
sub connect {
	my ($self, $address) = @_;

	$address //= $self->{addresses}[0];
	my $socket = $address =~ m{^unix:(.+)}
		? IO::Socket::UNIX->new(Peer => $1)
		: IO::Socket::INET->new(PeerAddr => $address, Proto => 'tcp', Timeout => $PATIENCE);
	$socket or die "connect $address: $@ $!\n";
	return Narwhal::Connection->new($socket);
}

# One request on a connection of its own.
sub get {
	my ($self, $target, %field) = @_;

	return $self->connect->request('GET', $target, %field, Connection => 'close');
}

# Everything that it left behind: its group, and what had left the group, before its parent dies.
sub destroy {
	my ($self) = @_;

	# Within DESTROY the weak reference is gone already; its key is not.
	return if !exists $alive{$self} || $self->{owner} != $$;
	delete $alive{$self};
	local $?;
	if (!defined $self->{status}) {
		my @family = ($self->{pid});
		for (my $n = 0; $n < @family; $n++) {
			push @family, children($family[$n]);
		}
		kill 'KILL', @family;
		waitpid $self->{pid}, 0;
	}
	kill 'KILL', -$self->{pid};
	return;
}

sub DESTROY {
	$_[0]->destroy;
}

END {
	$_->destroy for grep { defined } values %alive;
}

# One client connection: bytes out, responses in.
package Narwhal::Connection;

sub new {
	my ($class, $socket) = @_;

	return bless { socket => $socket, rest => '' }, $class;
}

# Writes all of it; false when the other side is gone.
sub write {
	my ($self, $bytes) = @_;

	while (length $bytes) {
		my $n = send $self->{socket}, $bytes, Socket::MSG_NOSIGNAL();
		return 0 if !defined $n;
		substr $bytes, 0, $n, '';
	}
	return 1;
}

sub request {
	my ($self, $method, $target, %field) = @_;
	my $body = delete $field{body};

	$field{Host} //= 'test';
	$field{'Content-Length'} //= length $body if defined $body;
	$self->write("$method $target HTTP/1.1\r\n"
			. join('', map { "$_: $field{$_}\r\n" } sort keys %field)
			. "\r\n" . ($body // ''));
	return $self->response($method);
}

# Reads until $enough says so, or the end: then false, and what came is in {rest}.
sub fill {
	my ($self, $enough, $seconds) = @_;
	my $deadline = Time::HiRes::time() + ($seconds // $PATIENCE);

	until ($enough->()) {
		my $left = $deadline - Time::HiRes::time();
		die "no answer in time; so far: $self->{rest}\n"
			if $left <= 0 || !IO::Select->new($self->{socket})->can_read($left);
		my $n = sysread $self->{socket}, $self->{rest}, 1 << 20, length $self->{rest};
		return 0 if !$n;
	}
	return 1;
}

# The next response, or undef when the connection ended before its first byte.
sub response {
	my ($self, $method, $seconds) = @_;

	if (!$self->fill(sub { $self->{rest} =~ /\r\n\r\n/ }, $seconds)) {
		return if $self->{rest} eq '';
		die "the connection ended within a head: $self->{rest}\n";
	}
	$self->{rest} =~ s/\A(.*?)\r\n\r\n//s;
	my ($line, @fields) = split /\r\n/, $1;
	my %response = (head => $1, fields => { map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () } @fields });

	$line =~ m{^HTTP/1\.[01] (\d{3})} or die "no status line: $line\n";
	$response{status} = $1;
	$response{body} = $self->body($method // 'GET', \%response, $seconds);
	return \%response;
}

sub body {
	my ($self, $method, $response, $seconds) = @_;
	my $size = $response->{fields}{'content-length'};

	return '' if $method eq 'HEAD' || $response->{status} =~ /^(?:1..|204|304)$/;
	if (!$self->fill(sub { defined $size && length $self->{rest} >= $size }, $seconds)) {
		die "the connection ended after " . length($self->{rest}) . " of $size bytes\n"
			if defined $size;
		$size = length $self->{rest};
	}
	return substr $self->{rest}, 0, $size, '';
}

# True when the other side has closed and nothing is left to read.
sub ended {
	my ($self, $seconds) = @_;

	return $self->{rest} eq '' && !$self->fill(sub { length $self->{rest} }, $seconds);
}

sub close {
	my ($self) = @_;

	CORE::close $self->{socket};
	return;
}

1;
