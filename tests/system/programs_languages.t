# Servers that know nothing of narwhal, as workers: each serves, is reloaded under load, and ends.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Counter;
use Narwhal;

my $PYTHON = '/usr/bin/python3';
my $DIR = tempdir(CLEANUP => 1);
chmod 0755, $DIR;

my $NODE = Narwhal::write_file("$DIR/server.js", <<'END');
const server = require('http').createServer((request, response) => {
	response.end(`pid=${process.pid}\n`);
});
server.listen({ fd: Number(process.argv[2]) });
process.on('SIGTERM', () => server.close(() => process.exit(0)));
END

Narwhal::write_file("$DIR/wsgi.py", <<'END');
import os

def app(environ, start_response):
    body = b"pid=%d\n" % os.getpid()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
END

Narwhal::write_file("$DIR/asgi.py", <<'END');
import os

async def app(scope, receive, send):
    body = b"pid=%d\n" % os.getpid()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
END

my $GO = Narwhal::write_file("$DIR/server.go", <<'END');
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "pid=%d\n", os.Getpid())
	})}
	term := make(chan os.Signal, 1)
	done := make(chan bool)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		server.Shutdown(context.Background())
		close(done)
	}()
	server.Serve(listener)
	<-done
}
END

sub build_go {
	local %ENV = (%ENV, GO111MODULE => 'off', GOCACHE => "$DIR/cache", GOFLAGS => '');
	my $status = system 'go', 'build', '-o', "$DIR/server", $GO;

	chmod 0755, "$DIR/server";
	return $status == 0;
}

sub is_there {
	my ($name) = @_;

	return -d "/usr/lib/python3/dist-packages/$1" if $name =~ /^python3-(.+)/;
	return grep { -x "$_/$name" } split /:/, $ENV{PATH};
}

my %SERVER = (
	node => { needs => 'node', words => [ 'node', $NODE, '{fd}' ] },
	gunicorn => {
		needs => 'python3-gunicorn', flags => [ '--exec-ready', 'notify' ],
		# One of its own workers that is just forked misses SIGTERM, and is waited for.
		# It takes LISTEN_FDS by itself; with fd://3 besides it opens descriptor 3 twice, and ends.
		words => [ 'env', '-u', 'LISTEN_FDS', $PYTHON, '-m', 'gunicorn', '--bind', 'fd://{fd}',
			'--log-level', 'error', '--graceful-timeout', 5, 'wsgi:app' ],
	},
	uvicorn => {
		needs => 'python3-uvicorn',
		words => [ $PYTHON, '-m', 'uvicorn', '--fd', '{fd}', '--log-level', 'error', 'asgi:app' ],
		# At its end it closes what it has accepted, and read nothing from yet.
		loses => qr/^(?:closed|reset)=/,
	},
	go => { needs => 'go', build => \&build_go, words => ["$DIR/server"] },
);

sub pid_of_answer {
	my ($n) = @_;

	return $n->get('/')->{body} =~ /^pid=(\d+)/ ? $1 : undef;
}

# By what narwhal says of it: a child of narwhal's may be a sentry, or an orphan, as well.
sub one_of_generation {
	my ($n, $generation) = @_;
	my ($pid) = map { / worker_ready .* pid=(\d+) generation=$generation / } $n->lines;

	return $pid;
}

# What was lost, but for what that server loses by itself.
sub lost {
	my ($server, $counts) = @_;
	my @lost = split / /, Counter::lost($counts);

	@lost = grep { $_ !~ $server->{loses} } @lost if $server->{loses};
	return "@lost";
}

for my $name (sort keys %SERVER) {
	my $server = $SERVER{$name};

	subtest $name => sub {
		plan skip_all => "there is no $server->{needs}" if !is_there($server->{needs});
		$server->{build}->() || die "$name: it cannot be built\n" if $server->{build};
		my $n = Narwhal->start(
			env => { PATH => '/usr/bin:/bin', PYTHONPATH => $DIR, PYTHONDONTWRITEBYTECODE => 1 },
			args => [ '--workers', 2, '--min-ready', 2, @{ $server->{flags} // [] }, '--',
				@{ $server->{words} } ]);

		$n->wait_ready(60);
		ok(pid_of_answer($n), 'it serves');

		my $counter = Counter->start($n->addresses, closing => 8);
		$counter->wait_answered(100);
		$n->signal('HUP')->wait_line(qr/ reloaded generation=2 /, 60);
		my @exits = map { $n->wait_line(qr/ worker_exit .*generation=1 /, 60) } 1 .. 2;
		is(grep({ / cause=retired status=0 / } @exits), 2, 'those before are retired');
		$counter->wait_answered(100);
		is(lost($server, $counter->finish), '', 'a reload under load loses nothing');

		my $worker = one_of_generation($n, 2);
		kill 'KILL', $worker;
		like($n->wait_line(qr/ worker_exit /), qr/ pid=$worker .*cause=signal signal=SIGKILL /,
			'one that is killed');
		$n->wait_line(qr/ info worker_ready /, 60);
		ok(pid_of_answer($n), 'is born again');
		is($n->stop, 0, 'TERM ends it with status 0');
		diag(join "\n", "$name:", $n->lines) if !Test::More->builder->is_passing;
	};
}
done_testing;
