# Small enough to read at one go: functions, their parameters, how deep they nest, files.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Lint qw(c_files slurp code no_faults needs output);

needs('ctags');

my ($LINES, $PARAMETERS, $NESTING) = (50, 5, 3);
# Their parameters are a library's choice: who calls them back.
my %FOREIGN = map { $_ => 1 } qw(choose_protocol choose_key judge_session signature_make);
my %FILE_LINES = (c => 420, h => 140);

# name, file, first and last line, and the parameters' text of each function.
sub functions {
	my ($listing) = output('ctags', '-f', '-', '--languages=C', '--map-C=+.h', '--kinds-C=f',
		'--fields=neS', '--fields-C=', '--excmd=number', @_);
	my @functions;

	for my $line (split /\n/, $listing) {
		next if $line !~ /^(\S+)\t(\S+)\t.*\tline:(\d+)\t.*?signature:\((.*)\)\tend:(\d+)/;
		push @functions, { name => $1, file => $2, first => $3, parameters => $4, last => $5 };
	}
	return @functions;
}

sub parameter_count {
	my ($parameters) = @_;

	return 0 if $parameters =~ /^\s*(?:void)?\s*$/;
	1 while $parameters =~ s/\([^()]*\)//g;
	return 1 + ($parameters =~ tr/,//);
}

# How many blocks stand inside each other; the body itself is none, and an initializer is no block.
sub depth {
	my ($body) = @_;
	my ($depth, $most) = (0, 0);

	$body =~ s/=\s*(\{(?:[^{}]++|(?1))*\})//g;
	1 while $body =~ s/\)\s*\{[^;{}]*\}/)/g;
	for my $brace ($body =~ /[{}]/g) {
		$depth += $brace eq '{' ? 1 : -1;
		$most = $depth if $depth > $most;
	}
	return $most - 1;
}

sub function_faults {
	my ($function) = @_;
	my $where = "$function->{file}:$function->{first}: $function->{name}()";
	my $lines = $function->{last} - $function->{first} + 1;
	my $parameters = parameter_count($function->{parameters});
	my @text = split /\n/, code(slurp($function->{file}));
	my $depth = depth(join "\n", @text[$function->{first} - 1 .. $function->{last} - 1]);
	my @faults;

	# A test's main() is a list of its tests.
	push @faults, "$where has $lines lines" if $lines > $LINES
		&& !($function->{file} =~ m{^tests/} && $function->{name} eq 'main');
	push @faults, "$where has $parameters parameters"
		if $parameters > $PARAMETERS && !$FOREIGN{ $function->{name} };
	push @faults, "$where nests $depth deep" if $depth > $NESTING;
	return @faults;
}

my $dir = tempdir(CLEANUP => 1);
open my $bad, '>', "$dir/bad.c" or die;
print $bad "static int f(int a, int b, int c, int d, void (*e)(int, int), int g)\n{\n",
	"if (a) { if (b) { if (c) { if (d) { return 1; } } } }\n", "\n" x 50, "return 0;\n}\n",
	"int good(void (*e)(int, int))\n{\n\tint x[] = {{{1}}, {{2, {3}}}};\n\treturn 0;\n}\n";
close $bad;
my ($long, $good) = functions("$dir/bad.c");
is(function_faults($long), 3, 'too long, too many parameters and too deep are found');
is(function_faults($good), 0, 'and nothing in a good one');

my @files = c_files();
my @functions = functions(@files);
cmp_ok(scalar @functions, '>', 50, 'ctags sees the functions');
no_faults("functions have at most $LINES lines, $PARAMETERS parameters, $NESTING levels",
	map { function_faults($_) } @functions);
no_faults('files are not too long', map {
	my $lines = () = slurp($_) =~ /\n/g;
	my ($kind) = /\.([ch])\z/;
	$lines > $FILE_LINES{$kind} * (m{^tests/} ? 2 : 1) ? "$_ has $lines lines" : ();
} @files);
done_testing;
