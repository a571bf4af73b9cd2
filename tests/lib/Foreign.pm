# Foreign - Debian 12 for another architecture, to build against (make SYSROOT=) and to run tests in.
#
#	my $root = Foreign::root('arm64');	# its folder in the cache, made once (about a minute); dies with why
#
# Packages are unpacked and not installed: nothing of that architecture has to run here, and this machine's own
# packages stay as they are. What has to be there besides, a package's script would have made.
package Foreign;

use strict;
use warnings;

use Kernel;

# What the build is linked with; what tests call; and the first process's shell.
my @PACKAGES = (
	qw(libc6-dev libcap-dev libcmocka-dev libinih-dev libseccomp-dev libssl-dev linux-libc-dev zlib1g-dev),
	qw(base-files base-passwd bash binutils ca-certificates coreutils curl dash diffutils findutils grep gzip),
	qw(hostname iproute2 libc-bin libio-socket-ssl-perl login mawk mount netbase openssl passwd perl procps),
	qw(sed strace tar tini util-linux),
	qw(libpython3.11 python3 python3-bottle python3-django python3-flask python3-gunicorn),
	'busybox-static',
);

my $SCRIPT = <<'SH';
for name in passwd group; do cp "$1/usr/share/base-passwd/$name.master" "$1/etc/$name"; done
echo '127.0.0.1 localhost' >"$1/etc/hosts"
SH

sub root {
	my ($architecture) = @_;

	return Kernel::kept("root-$architecture", sub {
		Kernel::output_of('mmdebstrap', '--quiet', '--mode=root', '--format=dir', '--variant=extract',
			"--architectures=$architecture", '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
			map({ "--dpkgopt=path-exclude=/usr/share/$_/*" } qw(doc info locale man)),
			"--extract-hook=$SCRIPT", '--include=' . join(',', @PACKAGES), 'bookworm', $_[0]);
	});
}

1;
