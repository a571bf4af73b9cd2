# clang-tidy, with the checks of .clang-tidy, finds nothing.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Lint qw(floor_files no_faults needs output);

plan(skip_all => 'once is enough: see the run without sanitizers') if $ENV{SANITIZE};
needs('clang-tidy', 'xargs', 'nproc');

my @flags = ('-std=c17', '-I.', '-Iinclude', '-D_GNU_SOURCE', '-DNARWHAL_VERSION="x"',
	'-DNARWHAL_LIBEXECDIR="x"', '-Wall', '-Wextra');

# A few files to each process: loading the checks costs more than a small file.
sub tidy {
	my (@files) = @_;
	my $dir = tempdir(CLEANUP => 1);

	open my $list, '>', "$dir/files" or die;
	print $list map { "$_\0" } @files;
	close $list;
	my ($text) = output('sh', '-c', 'list=$1; shift; xargs -0 -a "$list" -P "$(nproc)" -n 4 ' .
		'sh -c \'clang-tidy --quiet "$@" -- $FLAGS 2>&1\' tidy', 'tidy', "$dir/files");
	my %seen;
	return grep { /: (?:error|warning): / && !$seen{$_}++ } split /\n/, $text;
}

$ENV{FLAGS} = join ' ', @flags;
my $dir = tempdir(DIR => '.', TEMPLATE => 'build-XXXXXX', CLEANUP => 1);
open my $bad, '>', "$dir/bad.c" or die;
print $bad "int f(int *p);\nint f(int *p)\n{\n\tif (p != 0)\n\t\treturn 1;\n\treturn *p;\n}\n";
close $bad;
cmp_ok(scalar tidy("$dir/bad.c"), '>', 0, 'it finds an error that is there');

no_faults('clang-tidy has nothing to say',
	map { s{^\Q$Lint::ROOT\E/}{}r } tidy(floor_files(qr/\.c\z/)));
done_testing;
