# Kernel - another Linux in a virtual machine, for what differs between kernels.
#
#	my $kernel = Kernel->get('bookworm');		# Debian's of that release; skips where there can be none
#	my $end = $kernel->run('uname -r');		# a shell's command, as root, in this checkout
#	is($end->{status}, 0) or diag $end->{output};
#	$end = $kernel->run('...', modules => ['veth'], memory => 512, seconds => 60, processors => 2);
#	$end = $kernel->boot("exec $program ...");	# what PID 1 is; $end->{console} has what the kernel said
#	$end = $kernel->boot('...', press => [qr/ ready /, 'ctrl-alt-delete']);	# when the console says so
#	$end = $kernel->boot('', append => 'rdinit=/x', files => { x => '...' });	# in the initramfs, alone
#	$kernel = Kernel->get('trixie', flavour => 'arm64-16k', root => Foreign::root('arm64'));
#
# The machine sees the host's root, or the one given and the checkout in it, read-only, below an overlay in
# its own memory: whatever it writes is lost at its end. Only /run/out is a folder of the host's: what is
# written there comes back, as $end->{files}{NAME}. It has no network but lo, cgroup v2 with every
# controller, and boots within seconds. QEMU interprets each instruction (TCG), so that any machine will
# do, and takes some twenty times as long: waits within are to be patient (PATIENCE, as `run` sets it).
#
# Kernels are fetched as packages, by apt with sources and lists of its own, and what is needed of
# them is kept in a cache folder. QEMU dies with the test.
package Kernel;

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(sleep time);

use Narwhal;

our $ROOT = abs_path(dirname(__FILE__) . '/../..');
our $PATIENCE = 300;    # seconds, within the machine

my %MACHINE = (
	amd64 => { name => 'x86_64', console => 'ttyS0', options => [ '-cpu', 'max' ] },
	# Signatures of pointers made as the architecture says would take most of the time.
	arm64 => { name => 'aarch64', console => 'ttyAMA0', options => [ qw(-M virt -cpu), 'max,pauth-impdef=on' ] },
);
my $KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

# Without these there is no root; the test may ask for more.
my @MODULES = qw(virtio_pci 9pnet_virtio 9p overlay);

# What a module asks for by itself, when there is a modprobe(8) in its world.
my %ALSO = (tls => [qw(aesni_intel gcm ctr ghash_generic chacha20poly1305 chacha_generic poly1305_generic)]);

# What is not unpacked of a package: documentation, and drivers of what such a machine cannot have.
my @LEFT_OUT = qw(./usr/share */kernel/sound */kernel/drivers/[!nv]* */kernel/drivers/net/[!v]*);

# A test that is ended by a signal cleans up too.
$SIG{$_} //= sub { exit 1 } for qw(HUP INT PIPE TERM);

my %alive;    # QEMU's pids

# Why there can be no such machine here, or nothing.
sub missing {
	my ($self) = @_;
	my $name = $self->{machine}{name};
	my @own_root = $self->{root} eq '/' ? 'busybox' : ();

	return 'root, to read the whole file system' if $> != 0;
	return "a machine of $name" if @own_root && (POSIX::uname())[4] ne $name;
	for my $program (qw(apt-get cpio depmod setpriv xz), "qemu-system-$name", @own_root) {
		return $program if !grep { -x "$_/$program" } path();
	}
	return -e $KEYRING ? () : $KEYRING;
}

sub path {
	return (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin');
}

sub get {
	my ($class, $suite, %option) = @_;
	my $flavour = $option{flavour} // 'amd64';
	my ($architecture) = split /-/, $flavour;
	my $self = bless { root => $option{root} // '/', machine => $MACHINE{$architecture} }, $class;
	my $missing = $self->missing;

	Test::More::plan(skip_all => "needs $missing") if defined $missing;
	$self->{folder} = fetched($suite, $flavour, $architecture);
	($self->{release}) = map { basename($_) } glob "$self->{folder}/lib/modules/*";
	return $self;
}

# As `uname -r` says it.
sub release {
	my ($self) = @_;

	return $self->{release};
}

# Its folder in the cache, which is filled once (about 15 s): boot/vmlinuz-*, lib/modules/.
sub fetched {
	my ($suite, $flavour, $architecture) = @_;

	return kept($flavour eq 'amd64' ? "linux-$suite" : "linux-$suite-$flavour",
		sub { unpack_kernel($suite, $flavour, $architecture, $_[0]) });
}

# A folder of that name in the cache, which `make` fills the first time.
sub kept {
	my ($name, $make) = @_;
	my $cache = defined $ENV{XDG_CACHE_HOME} ? "$ENV{XDG_CACHE_HOME}/narwhal" : "$ROOT/.cache";
	my $folder = "$cache/$name";

	make_path($cache);
	sysopen my $lock, "$folder.lock", O_RDWR | O_CREAT or die "$folder.lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	return $folder if -e $folder;

	remove_tree("$folder.part");
	$make->("$folder.part");
	rename "$folder.part", $folder or die "rename: $!";
	return $folder;
}

sub unpack_kernel {
	my ($suite, $flavour, $architecture, $folder) = @_;
	my $apt = tempdir('narwhal-apt-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	local $ENV{APT_CONFIG} = apt_config($suite, $architecture, $apt);

	make_path($folder);
	output_of('apt-get', '-q', '--error-on=any', 'update');
	my @packages = output_of(qw(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts),
		qw(--no-breaks --no-replaces), "linux-image-$flavour") =~ /^(linux-(?:image|binary|modules)-\d\S*)$/mg;
	output_of('sh', '-c', 'cd "$0" && apt-get -q download "$@"', $apt, @packages);
	for my $package (glob "$apt/*.deb") {
		output_of('bash', '-c', 'set -o pipefail; dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" "${@:2}"',
			$package, $folder, map { "--exclude=$_" } @LEFT_OUT);
	}
	rename "$folder/usr/lib", "$folder/lib" if -e "$folder/usr/lib";
	my ($modules) = glob "$folder/lib/modules/*" or die "no modules in @packages\n";
	output_of('find', $modules, '-name', '*.xz', '-exec', 'xz', '-d', '{}', '+');
	output_of('depmod', '-b', $folder, basename($modules));
	return;
}

# The machine's own archive, another of its releases, and lists of our own: its apt notices nothing.
sub apt_config {
	my ($suite, $architecture, $apt) = @_;
	my ($site) = grep { m{/debian$} } split /\n/, output_of('apt-get', 'indextargets', '--format', '$(SITE)');

	make_path("$apt/lists/partial", "$apt/archives/partial");
	Narwhal::write_file("$apt/status", '');
	Narwhal::write_file("$apt/sources", "deb [signed-by=$KEYRING] $site $suite main\n");
	return Narwhal::write_file("$apt/apt.conf", <<~"CONF");
		Dir::State "$apt";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt";
		Dir::Etc::sourcelist "$apt/sources";
		Dir::Etc::sourceparts "-";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		APT::Architecture "$architecture";
		APT::Architectures "$architecture";
		CONF
}

sub output_of {
	my @command = @_;
	local $ENV{PATH} = join ':', path();
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	my $output = do { local $/; <$out> } // '';
	local $?;
	close $out or die "@command:\n$output";
	return $output;
}

# Runs a shell's command: its status (undef where the machine did not come to its end) and output, and
# what boot has.
sub run {
	my ($self, $command, %option) = @_;
	my $end = $self->boot(<<~'SH', %option, command => $command);
		sh /run/command >/run/out/output 2>&1
		echo $? >/run/out/status
		/run/busybox poweroff -f
		SH

	$end->{output} = delete $end->{files}{output} // '';
	($end->{status}) = (delete $end->{files}{status} // '') =~ /(\d+)/;
	return $end;
}

# What PID 1 and all others begin with.
sub environment {
	my $build = $ENV{BUILD} // "$ROOT/build";

	return <<~"SH";
		#!/bin/sh
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
		export CMOCKA_MESSAGE_OUTPUT=TAP PATIENCE=$PATIENCE BUILD='$build'
		cd '$ROOT'
		exec </dev/null
		SH
}

# Boots with a shell's script as PID 1, until the machine is off, or gone by a reset or a panic, or the
# time is over. Returns what the console said and the files of /run/out.
sub boot {
	my ($self, $script, %option) = @_;
	my $folder = tempdir('narwhal-kernel-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $deadline = time + ($option{seconds} // 300);
	my %end = (files => {});
	local $?;

	mkdir "$folder/out";
	$self->make_initramfs("$folder/initramfs", $script, \%option);
	my $pid = fork // die "fork: $!";
	$self->become_machine($folder, \%option) if $pid == 0;
	$alive{$pid} = 1;
	while (waitpid($pid, WNOHANG) == 0) {
		kill 'KILL', $pid if time > $deadline;
		press($folder, \%option) if $option{press};
		sleep 0.02;
	}
	delete $alive{$pid};
	$end{console} = slurp("$folder/console") =~ s/\r//gr;
	$end{files}{ basename($_) } = slurp($_) for grep { -f } glob "$folder/out/*";
	remove_tree($folder);
	return \%end;
}

# Once: the connection stays, because the machine forgets what it has not read when that ends.
sub press {
	my ($folder, $option) = @_;
	my ($when, $keys) = @{ $option->{press} };

	return if $option->{monitor} || slurp("$folder/console") !~ $when;
	$option->{monitor} = IO::Socket::UNIX->new(Peer => "$folder/monitor") or die "the machine's monitor: $!";
	$option->{monitor}->print("sendkey $keys\n");
	return;
}

# A folder as the initramfs: the first process, what it runs with, its modules in their order, and
# who is PID 1 then.
sub make_initramfs {
	my ($self, $file, $script, $option) = @_;
	my $folder = "$file.d";
	my $order = '';

	make_path(map { "$folder/$_" } qw(bin modules));
	my ($busybox) = grep { -x } map { "$self->{root}$_/busybox" } path();
	copy($busybox, "$folder/bin/busybox") or die "$busybox: $!";
	copy("$ROOT/tests/kernel/init", "$folder/init") or die "init: $!";
	for my $module ($self->modules_for(@MODULES, @{ $option->{modules} // [] })) {
		copy($module, "$folder/modules") or die "$module: $!";
		$order .= basename($module) . "\n";
	}
	Narwhal::write_file("$folder/modules/order", $order);
	Narwhal::write_file("$folder/exec", environment() . $script);
	Narwhal::write_file("$folder/shares", join('', map { "$_->[0] $_->[1]\n" } $self->roots));
	Narwhal::write_file("$folder/command", $option->{command} // '');
	chmod 0755, map { "$folder/$_" } qw(bin/busybox init exec);
	output_of('cp', $option->{files}{$_}, "$folder/$_") for keys %{ $option->{files} // {} };
	output_of('sh', '-c', 'cd "$0" && find . | cpio --quiet -o -H newc >"$1"', $folder, $file);
	return;
}

# Their files, each behind those that it needs. What is built in has none; a name that this kernel does
# not know is passed over: the test finds out.
sub modules_for {
	my ($self, @names) = @_;
	my %seen;

	return grep { !$seen{$_}++ } map { /^insmod (\S+)/mg } map {
		output_of('sh', '-c', 'modprobe -d "$0" -S "$1" --show-depends "$2" 2>/dev/null || true',
			$self->{folder}, $self->{release}, $_)
	} map { ($_, @{ $ALSO{$_} // [] }) } @names;
}

# In the child: never returns.
sub become_machine {
	my ($self, $folder, $option) = @_;
	my ($image) = glob "$self->{folder}/{boot,lib/modules/*}/vmlinuz*";

	$ENV{PATH} = join ':', path();
	open STDIN, '<', '/dev/null' or POSIX::_exit(127);
	open STDOUT, '>', "$folder/console" or POSIX::_exit(127);
	open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
	exec 'setpriv', '--pdeathsig', 'KILL', "qemu-system-$self->{machine}{name}", '-accel', 'tcg,thread=multi',
		@{ $self->{machine}{options} },
		'-smp', $option->{processors} // 1, '-m', $option->{memory} // 1024,
		'-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio',
		'-monitor', "unix:$folder/monitor,server=on,wait=off",
		'-kernel', $image, '-initrd', "$folder/initramfs",
		# The host may be too busy for a timer that the kernel tries while it counts loops.
		'-append', join(' ', "console=$self->{machine}{console} quiet panic=-1 no_timer_check",
			$option->{append} // ''),
		map({ share($_->[0], $_->[2], 'readonly=on') } $self->roots), share('out', "$folder/out")
		or POSIX::_exit(127);
}

# What it sees, where, and what of the host's that is: a root of another machine's has no checkout in it.
sub roots {
	my ($self) = @_;

	return [ 'host', '/', '/' ] if $self->{root} eq '/';
	return ([ 'host', '/', $self->{root} ], [ 'checkout', $ROOT, $ROOT ]);
}

sub share {
	my ($name, $path, @options) = @_;

	return ('-fsdev', join(',', "local,id=$name,path=$path,security_model=none,multidevs=remap", @options),
		'-device', "virtio-9p-pci,fsdev=$name,mount_tag=$name");
}

sub slurp {
	my ($name) = @_;

	open my $file, '<:raw', $name or return '';
	local $/;
	return <$file> // '';
}

END {
	local $?;
	for my $pid (keys %alive) {
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
}

1;
