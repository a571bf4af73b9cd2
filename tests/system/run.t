# `make run`, the first command of the README: on the port that it promises.
use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use Narwhal;

# Held while nobody else has it; somebody else's server is no fault of ours.
IO::Socket::INET->new(LocalAddr => '127.0.0.1:8080', Listen => 1, ReuseAddr => 1)
	or plan(skip_all => "127.0.0.1:8080 is in use: $!");

local $Narwhal::PROGRAM = 'make';
my $n = Narwhal->start(bind => 0, args => [ '-C', $Narwhal::ROOT, 'run', "BUILD=$Narwhal::BUILD",
		'SANITIZE=' . ($ENV{SANITIZE} // 0) ]);

like($n->wait_ready(300), qr{ address=http://127\.0\.0\.1:8080 .*\bms=\d+}, 'where, and how soon');
is(scalar(grep { / (?:info|warning|error) / } $n->lines), 1, 'in one line');
is($n->connect('127.0.0.1:8080')->request('GET', '/', Connection => 'close')->{body},
	Narwhal::slurp("$Narwhal::ROOT/examples/public/index.html"), 'it serves examples/public');

my ($arbiter) = grep { Narwhal::command_name($_) eq 'narwhal' } Narwhal::children($n->{pid});
ok($arbiter, 'make has become narwhal');
$n->wait_until('two workers', sub { Narwhal::children($arbiter) == 2 });
kill 'INT', $arbiter;
is($n->wait_end, 0, 'Ctrl-C ends it, and make has nothing to complain about');
done_testing;
