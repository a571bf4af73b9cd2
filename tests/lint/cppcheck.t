# cppcheck finds nothing.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Lint qw(floor_files no_faults needs output);

needs('cppcheck');

# __VA_OPT__ is told as a macro: versions up to 2.10 do not know it.
my @command = ('cppcheck', '--quiet', '--std=c11', '--language=c', '-j2', '-I.', '-Iinclude',
	'-D_GNU_SOURCE', '-D__VA_OPT__(...)=__VA_ARGS__',
	'-DNARWHAL_VERSION="x"', '-DNARWHAL_LIBEXECDIR="x"', '--enable=warning,performance,portability',
	'--inline-suppr', '--suppress=missingIncludeSystem', '--template={file}:{line}: {id}: {message}');

my $dir = tempdir(CLEANUP => 1);
open my $bad, '>', "$dir/bad.c" or die;
print $bad "int main(void)\n{\n\tint x[2];\n\tx[2] = 0;\n\treturn x[2];\n}\n";
close $bad;
my ($found) = output(@command, "$dir/bad.c");
like($found, qr/arrayIndexOutOfBounds/, 'it finds an error that is there');

my ($text) = output(@command, floor_files(qr/\.c\z/));
no_faults('cppcheck has nothing to say', split /\n/, $text);
done_testing;
