# Several Pythons on one machine: each is opened by its name, with its own library.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
Narwhal::write_file("$dir/app.py", <<'PY');
import sys
def app(environ, start_response):
    start_response('200 OK', [])
    return ['{0[0]}.{0[1]} {1}'.format(sys.version_info, sys.executable).encode()]
PY
chmod 0644, "$dir/app.py";

sub told {
	my (@args) = @_;
	my $n = Narwhal->start(cwd => $dir, args => [ @args, 'app:app' ]);
	$n->wait_ready;
	my $body = $n->get('/')->{body};
	is($n->stop, 0, 'it ends with status 0');
	return $body;
}

my @programs = grep { my ($minor) = /3\.(\d+)$/; glob "/usr/lib/*/libpython3.$minor.so.1.0" }
	grep { m{/python3\.\d+$} } glob '/usr/bin/python3.*';
cmp_ok(scalar @programs, '>', 0, "there are: @programs");
for my $program (@programs) {
	my ($version) = $program =~ /(3\.\d+)$/;
	is(told('--python', $program), "$version $program", $program);
}
my ($usual) = readlink('/usr/bin/python3') =~ /(3\.\d+)$/;
like(told(), qr/^\Q$usual\E /, "without a word it is PATH's: $usual");

subtest 'a virtual environment has the one that it was made with' => sub {
	for my $program (@programs) {
		my ($version) = $program =~ /(3\.\d+)$/;
		is(system($program, '-m', 'venv', '--without-pip', "$dir/$version"), 0, "$program makes one");
		like(told('--python', "$dir/$version"), qr/^\Q$version\E /, 'and is opened for it');
	}
};

done_testing;
