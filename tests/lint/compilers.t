# Both compilers build everything without a word.
use strict;
use warnings;
use Test::More;
use Lint qw(needs output);

plan(skip_all => 'the build without sanitizers is what is looked at') if $ENV{SANITIZE};
needs('gcc', 'clang', 'make');
delete @ENV{qw(MAKEFLAGS MAKELEVEL BUILD CFLAGS LDFLAGS CPPFLAGS)};

# In folders of their own, kept: only what changed is built again.
for my $compiler ('gcc', 'clang') {
	my ($text, $status) = output('make', '-s', 'V=1', "-j@{[ processors() ]}", "CC=$compiler",
		'WERROR=-Werror', "BUILD=build/lint-$compiler", 'all', 'units');
	is($status, 0, "$compiler builds everything with -Werror");
	is($text, '', "$compiler has nothing to say");
}

sub processors {
	my ($text) = output('nproc');
	return $text =~ /^(\d+)/ ? $1 : 1;
}
done_testing;
