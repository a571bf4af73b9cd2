# What Landlock keeps from a worker, as its app finds out; each attempt once without, to show that it
# would succeed. Then what becomes of a root that is replaced, and of a kernel that has no Landlock.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);
use Test::More;

use Narwhal;
use Worker;

my ($CREATE, $ENOSYS, $EPERM, $ENOTSUP) = (444, 38, 1, 95);
my $REACHES = "$Worker::BUILD/tests/modules/reaches.so";
my $WITHOUT = "$Worker::BUILD/tests/programs/without";
my $abi = syscall $CREATE, 0, 0, 1;

sub put {
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!";
	print {$file} $text;
	close $file;
}

# Workers are nobody: what they serve is for all to read.
sub directory {
	my $directory = tempdir(CLEANUP => 1);
	chmod 0777, $directory;
	return $directory;
}

sub serve {
	my (%set) = @_;
	return Worker->ready(app => $REACHES, set => { sandbox => 'off', %set });
}

sub tried {
	my ($w, $what, $with) = @_;
	return $w->get("/$what?$with")->{body};
}

my $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16) or die "listen: $!";
socket my $abstract, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
bind $abstract, pack_sockaddr_un("\0narwhal-landlock-$$") or die "bind: $!";
listen $abstract, 16 or die "listen: $!";

# What, with which argument, since which ABI, and what the kernel says then.
my @attempts = (
	['read', '/etc/passwd', 1, 'EACCES'],
	['list', '/', 1, 'EACCES'],
	['write', '{dir}/file', 1, 'EACCES'],
	['make', '{dir}/new', 1, 'EACCES'],
	['execute', '/bin/true', 1, 'EACCES'],
	['truncate', '{dir}/file', 3, 'EACCES'],
	['remove', '{dir}/file', 1, 'EACCES'],
	['bind', '0', 4, 'EACCES'],
	['connect', $tcp->sockport, 4, 'EACCES'],
	['abstract', "narwhal-landlock-$$", 6, 'EPERM'],
	['signal', $$, 6, 'EPERM'],
);

SKIP: {
	skip 'this kernel has no Landlock', 1 if $abi < 1;

	subtest 'a module opens nothing, reaches nobody and signals nobody' => sub {
		my $dir = directory();
		put("$dir/file", 'x');
		my %worker = map { ($_ => serve(landlock => $_)) } qw(require off);
		for my $row (@attempts) {
			my ($what, $with, $since, $refused) = @$row;
			$with =~ s/\{dir\}/$dir/;
			is(tried($worker{require}, $what, $with), $refused, "$what $with") if $abi >= $since;
			is(tried($worker{off}, $what, $with), 'ok', "... and ok without Landlock");
		}
	};

	subtest 'what the settings list is given, and nothing beside it' => sub {
		my ($read, $write) = (directory(), directory());
		put($_, 'x') for "$read/a", "$read/b", "$write/a";
		my $w = serve(landlock => 'require', landlock_read => "$read/a,/dev/null",
			landlock_write => $write, landlock_connect => $tcp->sockport);
		is(tried($w, 'read', "$read/a"), 'ok', 'a file of landlock_read is read');
		is(tried($w, 'read', "$read/b"), 'EACCES', 'the one beside it is not');
		is(tried($w, 'write', "$read/a"), 'EACCES', 'nor is it written');
		is(tried($w, 'read', "$write/a"), 'ok', 'a file below landlock_write is read');
		is(tried($w, $_->[0], "$write/$_->[1]"), 'ok', "... $_->[0]")
			for ['write', 'a'], ['truncate', 'a'], ['make', 'b'], ['remove', 'b'];
		is(tried($w, 'connect', $tcp->sockport), 'ok', 'the port of landlock_connect');
		my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!";
		is(tried($w, 'connect', $other->sockport), 'EACCES', 'and no other') if $abi >= 4;
		is(tried($w, 'ioctl', '/dev/null'), $abi >= 5 ? 'EACCES' : 'ENOTTY', 'no ioctl of a device');
		is(tried(serve(landlock_connect => '*'), 'connect', $other->sockport), 'ok', '*: all ports');
	};

	subtest 'what a module declares that it needs is given, and told' => sub {
		my ($dir) = directory();
		put("$dir/a", 'x');
		my $declares = "$Worker::BUILD/tests/modules/declares.so";
		my $w = Worker->ready(app => $declares, set => { sandbox => 'off', landlock => 'require' });
		like($w->logged, qr{ landlock_needs app=reaches read=/etc/passwd write=/dev/shm,/tmp connect=9$}m,
			'one line');
		is(tried($w, 'read', '/etc/passwd'), 'ok', 'read_paths');
		is(tried($w, 'read', '/etc/group'), 'EACCES', '... and no other');
		is(tried($w, 'write', "$dir/a"), 'ok', 'write_paths') if $dir =~ m{^/tmp/};
		isnt(tried($w, 'connect', 9), 'EACCES', 'connect_ports');
		is(tried($w, 'connect', $tcp->sockport), 'EACCES', '... and no other') if $abi >= 4;
		$w = Worker->ready(app => $declares, set => { sandbox => 'off', landlock_connect => '*' });
		is(tried($w, 'connect', $tcp->sockport), 'ok', 'a setting adds to it');
	};

	subtest 'the time zone is known, though its file cannot be read any more' => sub {
		my $zone = directory() . '/zone';
		put($zone, pack 'a4 x16 N6 N C C a4', 'TZif', 0, 0, 0, 0, 1, 4, 3600, 0, 0, 'NWT');
		local $ENV{TZ} = ":$zone";
		my $w = Worker->ready(app => $REACHES, set => { landlock => 'require' });
		is(tried($w, 'zone', 'NWT'), 'ok', 'also in a strict sandbox');
	};

	subtest 'all of / may be read if somebody says so' => sub {
		my $w = serve(landlock => 'require', landlock_read => '/');
		is(tried($w, 'read', '/etc/passwd'), 'ok', 'a file');
		is(tried($w, 'execute', '/bin/true'), 'EACCES', 'but nothing is executed');
	};

	subtest 'what cannot be allowed ends the start, with its name' => sub {
		for (['landlock_read', '/not/there', qr/landlock_read: "\/not\/there": No such file/],
			['landlock_write', 'x' x 5000, qr/landlock_write: .* File name too long/],
			['landlock_connect', '70000', qr/landlock_connect: "70000": allowed are ports, 0 to 65535/],
			['landlock_connect', 'http', qr/landlock_connect: "http": allowed are ports/]) {
			my ($setting, $value, $why) = @$_;
			my $w = Worker->start(app => $REACHES, set => { sandbox => 'off', $setting => $value });
			like($w->message, qr/^BOOT_FAILED $why/, $setting);
			is($w->wait, 3, '... and the worker ends');
		}
	};

	subtest 'a thread that the app began before is told of, or refused' => sub {
		my $w = serve(app_options => 'threads=1');
		like($w->logged, qr/ landlock_partly threads=1 /, 'auto: one line');
		$w = Worker->start(app => $REACHES,
			set => { sandbox => 'off', app_options => 'threads=1', landlock => 'require' });
		like($w->message, qr/^BOOT_FAILED landlock = require: 1 threads? /, 'require: no start');
	};

	subtest 'a mount below the root belongs to it, and so does a root that is one' => sub {
		plan(skip_all => 'needs root, to mount') if $> != 0;
		my ($root, $other) = (directory(), directory());
		put("$other/file", 'mounted');
		put("$root/file", 'covered');
		mkdir "$root/sub" or die;
		my $mount = "mount --bind $other/file $root/file && mount --bind $other $root/sub && "
			. "mount --rbind $root $root.bound && exec \"\$@\"";
		mkdir "$root.bound" or die;
		my $w = Worker->ready(app => "$root.bound", set => { landlock => 'require' },
			wrap => ['unshare', '--mount', 'sh', '-c', $mount, 'sh']);
		is($w->get($_)->{body}, 'mounted', $_) for '/file', '/sub/file';
		rmdir "$root.bound";
	};

	subtest 'files are served from the root, and listed' => sub {
		my $root = directory();
		put("$root/a.txt", 'one');
		mkdir "$root/d" or die;
		put("$root/d/b.txt", 'two');
		my $w = Worker->ready(app => $root, set => { landlock => 'require', autoindex => 'true',
			open_file_cache_valid => '1ms' });
		is($w->get('/a.txt')->{body}, 'one', 'a file');
		is($w->get('/d/b.txt')->{body}, 'two', 'one in a directory');
		like($w->get('/d/')->{body}, qr/b\.txt/, 'a directory');
		put("$root/new.txt", 'new');
		is($w->get('/new.txt')->{body}, 'new', 'one that came later');
		rename $root, "$root.moved" or die;
		is($w->get('/d/b.txt')->{body}, 'two', 'also under another name: it is the same directory');
		rename "$root.moved", $root or die;
	};
}

subtest 'a port that is none is found before anything starts' => sub {
	for my $ports ('70000', 'http', '80,*') {
		for my $args ([], ['--check-config']) {
			my ($status, $said) = Narwhal->run(
				args => [@$args, '--landlock-connect', $ports, 'examples/public']);
			is($status, 1, "$ports: status 1 @$args");
			like($said, qr/landlock_connect: "[^"]+": allowed are ports, .* or \* alone/, '... why');
		}
	}
};

# Until a worker answers that has the new one: each request may make another worker notice.
sub wait_for_body {
	my ($n, $body) = @_;
	$n->wait_until("$body is served", sub { $n->get('/a.txt')->{body} eq $body });
}

subtest 'a root that is replaced is served by new workers, and no request fails' => sub {
	my $home = directory();
	for my $release (qw(v1 v2 v3)) {
		mkdir "$home/$release" or die;
		put("$home/$release/a.txt", $release);
	}
	symlink 'v1', "$home/current" or die;
	my $n = Narwhal->start(args => ['--workers', 2, '--min-ready', 2, '--open-file-cache-valid',
		'10ms', "$home/current"]);
	$n->wait_ready;
	my %old = map { ($_ => 1) } $n->workers;
	is($n->get('/a.txt')->{body}, 'v1', 'the first release');
	symlink 'v2', "$home/next" or die;
	rename "$home/next", "$home/current" or die;
	wait_for_body($n, 'v2');
	$n->wait_line(qr/ info root_replaced slot=\d app=\S+\/current$/) if $abi >= 1;
	$n->wait_until('both are new', sub {
		$n->get('/a.txt')->{status} == 200 or die 'a request failed';
		return !grep { $old{$_} } $n->workers;
	}) if $abi >= 1;
	is($n->get('/a.txt')->{body}, 'v2', 'the second release');
	rename "$home/v2", "$home/gone" or die;
	rename "$home/v3", "$home/v2" or die;
	wait_for_body($n, 'v3');
	is_deeply([grep { / (?:error|warning) (?!landlock_missing)/ } $n->lines], [], 'nothing is wrong');
	is($n->stop, 0, 'it ends');
};

my %missing = (
	'a kernel without Landlock' => [$ENOSYS, qr/CONFIG_SECURITY_LANDLOCK/],
	'a kernel on which it is switched off' => [$ENOTSUP, qr/boot parameter lsm=/],
	'a seccomp profile that forbids it' => [$EPERM, qr/it must allow landlock_create_ruleset/],
);
for my $name (sort keys %missing) {
	my ($errno, $remedy) = @{ $missing{$name} };
	my @wrap = (wrap => [$WITHOUT, "$CREATE=$errno", '--']);

	subtest "$name: one line, and on" => sub {
		my $n = Narwhal->start(@wrap, args => ['--workers', 3, 'examples/public']);
		$n->wait_ready;
		is($n->get('/')->{status}, 200, 'it serves');
		my @said = grep { / landlock_missing / } $n->lines;
		is(scalar @said, 1, 'one line') and like($said[0], $remedy, 'with the remedy');
		is($n->stop, 0, 'it ends');
	};

	subtest "$name, and required: exit 1 with the remedy" => sub {
		for my $args ([], ['--check-config']) {
			my ($status, $said) = Narwhal->run(@wrap,
				args => [@$args, '--landlock', 'require', 'examples/public']);
			is($status, 1, "status @$args");
			like($said, qr/landlock = require: .*$remedy/, 'the remedy');
		}
	};
}

# What neither /proc nor unshare(2) tells, nobody knows: the second one is missing in most containers.
SKIP: {
	skip 'needs root, for mounts, and Landlock', 1 if $> != 0 || $abi < 1;
	skip 'sanitizers read /proc', 1 if $ENV{SANITIZE};

	my ($UNSHARE) = (POSIX::uname())[4] eq 'aarch64' ? 97 : 272;
	my $NO_PROC = 'mount -t tmpfs none /proc && exec "$@"';
	my @wrap = ('unshare', '--mount', 'sh', '-c', $NO_PROC, 'sh');

	subtest 'required, without /proc: threads are found all the same' => sub {
		my $n = Narwhal->start(wrap => \@wrap, args => ['--landlock', 'require', $REACHES]);
		$n->wait_ready;
		is($n->stop, 0, 'without one it serves');
		my ($status, $said) = Narwhal->run(wrap => \@wrap, args => ['--bind', '127.0.0.1:0', '--landlock',
			'require', '--app-options', 'threads=1', '--sandbox', 'off', $REACHES]);
		isnt($status, 0, 'with one it does not');
		like($said, qr/whether the app has begun threads cannot be told without \/proc: mount it/, 'why');
	};

	subtest 'required, and nobody tells: nothing is served' => sub {
		my ($status, $said) = Narwhal->run(wrap => [@wrap, $WITHOUT, "$UNSHARE=$EPERM", '--'],
			args => ['--bind', '127.0.0.1:0', '--landlock', 'require', $REACHES]);
		is($status, 3, 'no worker boots');
		like($said, qr/landlock = require: whether the app has begun threads cannot be told/, 'why');
	};
}

subtest 'off: not even asked for' => sub {
	my $n = Narwhal->start(wrap => [$WITHOUT, "$CREATE=$ENOSYS", '--'],
		args => ['--landlock', 'off', 'examples/public']);
	$n->wait_ready;
	is_deeply([grep { /landlock/ } $n->lines], [], 'no line');
	is($n->stop, 0, 'it ends');
};

done_testing;
