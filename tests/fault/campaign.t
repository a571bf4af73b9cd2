# Faults at random for MINUTES, one after the other: system calls that fail, are interrupted or find
# nothing, while workers are killed and stopped and signals come. After each the arbiter must be
# whole, and at the end it must have lost nothing. SEED=N repeats one. See `make faults`.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(sleep time);

use lib $FindBin::Bin;
use Fault qw(be_whole is_whole serves unharmed vitals);
use Narwhal;

plan skip_all => 'tracing needs root' if $> != 0;
plan skip_all => 'no strace' if system('strace -V >/dev/null 2>&1') != 0;

my $seed = $ENV{SEED} // time ^ $$;
my $end = time + 60 * ($ENV{MINUTES} // 10);
my $WORKERS = 3;
my @trail;

srand $seed;
note "SEED=$seed";

# What may fail in the arbiter, and how. Numbers are filled in: every one, one of so many, or the
# first ones.
my %refusals = (
	'clone,clone3,fork,vfork' => [qw(EAGAIN ENOMEM)],
	'mmap,mremap,brk' => ['ENOMEM'],
	'memfd_create' => [qw(ENOMEM EMFILE ENFILE)],
	'ftruncate' => [qw(ENOSPC EINTR)],
	'fcntl' => ['ENOMEM'],
	'socketpair' => [qw(EMFILE ENFILE ENOBUFS)],
	'epoll_ctl' => [qw(ENOMEM ENOSPC)],
	'open,openat' => [qw(EMFILE ENFILE ENOENT EACCES EINTR)],
	'socket,bind,listen,setsockopt' => [qw(ENOBUFS ENOMEM)],
	'sendmsg' => [qw(EAGAIN ENOBUFS ENOMEM)],
	'pwritev2' => [qw(EAGAIN ENOSPC EIO EINTR)],
	'rename,unlink,renameat,unlinkat' => [qw(EROFS ENOSPC)],
);
my %interruptions = (
	'epoll_wait,epoll_pwait' => ['EINTR'],
	'waitid' => ['EINTR'],
	'read' => [qw(EINTR EAGAIN)],
	'recvmsg' => [qw(EINTR ENOMEM ENOBUFS)],
);

sub one_of {
	return $_[ rand @_ ];
}

sub draw_fault {
	my $all = rand() < 0.7 ? \%refusals : \%interruptions;
	my $calls = one_of(sort keys %$all);
	my $when = $all == \%interruptions ? one_of(':when=1+2', ':when=1+3', ':when=1')
		: one_of('', '', ':when=1', ':when=1+2', ':when=2+3', ':when=1..4');

	return "$calls:error=" . one_of(@{ $all->{$calls} }) . $when;
}

my %provocations = (
	kill_one => sub { kill 'KILL', one_of($_[0]->workers) },
	kill_all => sub { kill 'KILL', $_[0]->workers },
	reload => sub { $_[0]->signal('HUP') },
	storm => sub { $_[0]->signal($_) for qw(HUP USR1 CHLD ALRM HUP), 34 .. 64 },
	more => sub { $_[0]->signal('TTIN'); sleep 0.05; $_[0]->signal('TTOU') },
	rest => sub { $_[0]->signal('WINCH'); sleep 0.05; $_[0]->signal('HUP') },
	stop => sub { my ($w) = $_[0]->workers; kill 'STOP', $w; sleep 0.05; kill 'CONT', $w },
	crash => sub { eval { $_[0]->connect->write("GET /segv HTTP/1.1\r\nHost: test\r\n\r\n") } },
	nothing => sub { },
);

sub one_fault {
	my ($n) = @_;
	my ($spec, $provocation) = (draw_fault(), one_of(sort keys %provocations));
	my $fault = Fault->inject($n, $spec);

	push @trail, "$spec, $provocation";
	$provocations{$provocation}->($n);
	sleep rand 1.5;
	$fault->end;
	$n->wait_until('so many workers', sub { $WORKERS == $n->workers && serves($n) }, 5);
	return;
}

my $n = Narwhal->start(args => [ '--workers', $WORKERS, '--min-ready', $WORKERS,
	'--when-ready', "/tmp/narwhal-campaign-$$", '--idle-grace', 0,
	"$Narwhal::BUILD/tests/modules/trouble.so" ]);
$n->wait_ready;
one_fault($n) for 1 .. 3;
my $before = vitals($n);

while (time < $end) {
	last if !eval { one_fault($n); 1 };
	note scalar(@trail), ": $trail[-1]" if @trail % 20 == 0;
}
is($@, '', scalar(@trail) . ' faults, and whole after each') or diag "SEED=$seed, $trail[-1]";
sleep 2;
unharmed($n, $before, cpu => 0.2 * @trail, rss => 1024);
is($n->stop, 0, 'status 0');
ok(!-e "/tmp/narwhal-campaign-$$", 'the ready file is gone');
unlink "/tmp/narwhal-campaign-$$";
done_testing;
