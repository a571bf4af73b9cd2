# Both compilers build everything without a word.
use strict;
use warnings;

use File::Temp;
use Test::More;

use Lint qw($ROOT needs output slurp);

plan(skip_all => 'the build without sanitizers is what is looked at') if $ENV{SANITIZE};
needs('gcc', 'clang', 'make', 'objcopy');
my @flags = grep { length($ENV{$_} // '') } qw(CFLAGS LDFLAGS CPPFLAGS);
delete @ENV{qw(MAKEFLAGS MAKELEVEL BUILD CFLAGS LDFLAGS CPPFLAGS)};

my $default = (output('cc', '--version'))[0] =~ /Free Software Foundation/ ? 'gcc' : 'clang';

# In folders of their own, kept: only what changed is built again. The units of the compiler that `make test`
# takes were built by it.
for my $compiler ('gcc', 'clang') {
	my ($text, $status) = output('make', '-s', 'V=1', "-j@{[ processors() ]}", "CC=$compiler",
		'WERROR=-Werror', "BUILD=build/lint-$compiler", 'all', $compiler eq $default ? () : 'units');
	is($status, 0, "$compiler builds everything with -Werror");
	is($text, '', "$compiler has nothing to say");
}

# Code and data: the build id is of the debug information too, which names the folder.
sub contents {
	my ($program) = @_;
	my $stripped = File::Temp->new;
	my ($said, $status) = output('objcopy', '--strip-all', '--remove-section=.note.gnu.build-id', $program,
		$stripped);
	return $status == 0 ? slurp("$stripped") : die "objcopy $program: $said\n";
}

# Nothing of a day, a folder or chance is in them.
SKIP: {
	skip("built with @flags of somebody's own", 2) if @flags;
	ok(contents("$ROOT/build/$_") eq contents("$ROOT/build/lint-$default/$_"), "two builds of $_ are the same")
		for 'narwhal', 'narwhal-worker';
}

sub processors {
	my ($text) = output('nproc');
	return $text =~ /^(\d+)/ ? $1 : 1;
}
done_testing;
