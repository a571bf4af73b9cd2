# Descriptors are closed, duplicated and let through exec in base/fd.c alone, and each is born
# close-on-exec: then no child can inherit what it was not given.
use strict;
use warnings;
use Test::More;
use Lint qw(floor_files slurp code no_faults);

my $HOME = 'base/fd.c';

my %only_at_home = map { ($_ => 1) } qw(close dup2 dup3 close_range closefrom);

# Without the flag as an argument, the call makes a descriptor that leaks.
my %flag = (
	(map { ($_ => 'O_CLOEXEC') } qw(open openat open64 pipe2 mkostemp)),
	(map { ($_ => 'SOCK_CLOEXEC') } qw(socket socketpair accept4)),
	recvmsg => 'MSG_CMSG_CLOEXEC',
	recvmmsg => 'MSG_CMSG_CLOEXEC',
	epoll_create1 => 'EPOLL_CLOEXEC',
	signalfd => 'SFD_CLOEXEC',
	memfd_create => 'MFD_CLOEXEC',
	timerfd_create => 'TFD_CLOEXEC',
	eventfd => 'EFD_CLOEXEC',
	inotify_init1 => 'IN_CLOEXEC',
);

my %never = map { ($_ => 1) }
	qw(accept pipe dup epoll_create inotify_init creat mkstemp tmpfile popen system freopen);

# Every call in `code`: its name and the text of its arguments. Members (x->close(), x.open()) are
# no calls of the library.
sub calls {
	my ($code) = @_;
	my @calls;

	while ($code =~ /(?<![\w.>])([a-z]\w*)\s*(\((?:[^()]++|(?2))*\))/g) {
		push @calls, [$1, $2];
		pos($code) = $-[2] + 1;    # calls stand inside of calls
	}
	return @calls;
}

sub faults {
	my ($file, $text) = @_;
	my $code = code($text, 1);
	my @faults;

	for my $call (calls(code($text))) {
		my ($name, $arguments) = @$call;
		push @faults, "$file: $name() belongs to $HOME" if $only_at_home{$name} && $file ne $HOME;
		push @faults, "$file: $name() cannot be close-on-exec, or worse" if $never{$name};
		push @faults, "$file: $name$arguments lacks $flag{$name}"
			if $flag{$name} && $arguments !~ /\b$flag{$name}\b/;
	}
	for my $call (calls($code)) {
		push @faults, "$file: fopen$call->[1] lacks \"e\""
			if $call->[0] eq 'fopen' && $call->[1] !~ /,\s*"\w*e\w*"\s*\)$/;
	}
	push @faults, "$file: openat2() without O_CLOEXEC in its how"
		if $code =~ /\bopenat2\b/ && $code !~ /\bO_CLOEXEC\b/;
	push @faults, map { "$file: $_ belongs to $HOME" } $code =~ /\b(F_SETFD|F_DUPFD\w*)\b/g
		if $file ne $HOME;
	return @faults;
}

my %bad = (
	'close(fd);' => 'a close',
	'dup3(a, b, O_CLOEXEC);' => 'a dup3',
	'fcntl(fd, F_SETFD, 0);' => 'an F_SETFD',
	'fcntl(fd, F_DUPFD, 0);' => 'an F_DUPFD',
	'open(path, O_RDONLY);' => 'an open without O_CLOEXEC',
	'open(path(a, b), O_RDONLY | (x ? 1 : 0)); f(O_CLOEXEC);' => 'a flag of another call',
	'x = check(socket(AF_INET, SOCK_STREAM, 0));' => 'a socket without SOCK_CLOEXEC, inside a call',
	'accept(fd, NULL, NULL);' => 'an accept',
	'signalfd(-1, &mask, 0);' => 'a signalfd without its flag',
	'fopen(path, "r");' => 'an fopen without "e"',
	'recvmsg(fd, &message, 0);' => 'a recvmsg without its flag',
);
is(faults('init/x.c', $_), 1, "$bad{$_} is a fault") for sort keys %bad;
is(faults($HOME, 'close(fd); dup3(fd, at, 0); fcntl(fd, F_SETFD, 0);'), 0, "$HOME may");
is(faults('init/x.c', 'loop_close(l); /* close(fd) */ x->close(y); f("open(a)"); fopen(p, "re");'),
	0, 'what only looks like a call is none');

no_faults('nothing is closed elsewhere, nothing is opened without its flag',
	map { faults($_, slurp($_)) } floor_files());
done_testing;
