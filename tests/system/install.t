# `make install` and `make help`, as a packager and a newcomer call them.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

plan(skip_all => 'a build with sanitizers is not installed') if $ENV{SANITIZE};

delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
chdir $Narwhal::ROOT or die;

# In a build folder of its own, as another PREFIX is another program; most of it is taken from what is built.
my $dir = tempdir(CLEANUP => 1);
my @make = ('make', '-s', 'V=1', "BUILD=$dir/build");
chmod 0755, $dir;
mkdir "$dir/build";
system('cp', '-a', grep({ !m{/(?:tests|fuzz|lint-\w+|sanitize)\z} } glob "$Narwhal::BUILD/*"), "$dir/build") == 0
	or die "cp: $?";

sub mode {
	return sprintf '%o', (stat $_[0])[2] & 07777;
}

subtest 'DESTDIR and PREFIX say where' => sub {
	is(system(@make, 'install', "DESTDIR=$dir/stage", 'PREFIX=/usr'), 0, 'make install');
	my @files = map { s{^\Q$dir\E/stage}{}r } split /\n/, `find $dir/stage -type f | LC_ALL=C sort`;
	is_deeply(\@files, [qw(/usr/bin/narwhal /usr/include/narwhal/host.h /usr/include/narwhal/request.h
			/usr/include/narwhal/response.h /usr/include/narwhal/service.h
			/usr/libexec/narwhal/narwhal-worker /usr/share/bash-completion/completions/narwhal
			/usr/share/fish/vendor_completions.d/narwhal.fish /usr/share/man/man1/narwhal.1
			/usr/share/man/man3/narwhal_module.3 /usr/share/man/man5/narwhal.conf.5
			/usr/share/pkgconfig/narwhal.pc /usr/share/zsh/site-functions/_narwhal)],
		'that is all, and nothing elsewhere');
	is(mode("$dir/stage/usr/bin/narwhal"), '755', 'narwhal can be run by everybody');
	is(mode("$dir/stage/usr/include/narwhal/service.h"), '644', 'the header can be read');
	unlike(`readelf -S $dir/stage/usr/bin/narwhal`, qr/\.symtab|\.debug/, 'narwhal is stripped');
};

subtest 'what is installed finds its worker' => sub {
	is(system(@make, 'install', "PREFIX=$dir/prefix"), 0, 'make install');
	local $Narwhal::PROGRAM = "$dir/prefix/bin/narwhal";
	my $n = Narwhal->start(args => ['examples/public'], cwd => $Narwhal::ROOT);
	$n->wait_ready;
	is($n->get('/')->{status}, 200, 'it serves');
	like(join(' ', map { readlink "/proc/$_/exe" } $n->workers), qr{^\Q$dir\E/prefix/libexec},
		'with its own worker');
	is($n->stop, 0, 'and stops');
};

subtest 'make dist gives the same bytes each time' => sub {
	local $ENV{SOURCE_DATE_EPOCH} = 1_700_000_000;
	my @sums = map {
		is(system(@make, 'dist', '-C', $Narwhal::ROOT, "BUILD=$dir/dist.$_"), 0, 'make dist');
		(`sha256sum $dir/dist.$_/narwhal-*.tar.gz` =~ /^(\S+)/)[0];
	} 1, 2;
	is($sums[0], $sums[1], 'twice the same');
	my @names = split /\n/, `tar -tvzf $dir/dist.1/narwhal-*.tar.gz --full-time --utc`;
	is(scalar(grep { !m{^\S+ 0/0 .* 2023-11-14 22:13:20 } } @names), 0, 'of that time, and nobody\'s');
	like(join("\n", @names), qr{ narwhal-[\d.]+/Makefile$}m, 'in a folder of its version');
};

subtest 'make help lists the targets' => sub {
	my $help = `make -s help`;
	like($help, qr/^\s+make $_\s+\S/m, $_) for qw(run test bench image install dist pages clean);
};

done_testing;
