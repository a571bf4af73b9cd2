# The sandbox for apps is wide enough: Flask, Django and clients of databases run in it, and nothing that
# they ask of the kernel is refused.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

plan(skip_all => 'needs the packages of Debian: Flask, Django and psycopg2')
	if system('/usr/bin/python3 -c "import flask, django, psycopg2" 2>/dev/null') != 0;

my $dir = tempdir(CLEANUP => 1);
chmod 0777, $dir or die "$dir: $!";

# Nobody else can read the tree in which the tests lie.
Narwhal::write_file("$dir/web.py", Narwhal::slurp("$Narwhal::ROOT/tests/programs/web.py"));
chmod 0644, "$dir/web.py";

local $Narwhal::PATIENCE = 60;    # all that they do is one request
# What is refused is told by its name, and all of it: the apps go on.
my $n = Narwhal->start(cwd => $dir, env => { TMPDIR => $dir }, args => [ '--workers', 1, '--sandbox', 'app',
	'--sandbox-mode', 'log', '--landlock', 'off', '--timeout', 0, '--app-options',
	"program=/usr/bin/python3,script=$dir/web.py,output=$dir/output", "$Narwhal::BUILD/tests/modules/runs.so" ]);
$n->wait_ready;
is($n->get('/')->{body}, 0, 'the apps end well');
my $output = Narwhal::slurp("$dir/output");
like($output, qr/^whole$/m, 'and have done all that they do') or diag $output;
is_deeply([ map { / call=(\w+) .* arguments=(\S+)/ ? "$1 $2" : () } grep { / sandbox_violation / } $n->lines ], [],
	'nothing was refused');
is($n->stop, 0, 'status 0');

done_testing;
