# What a developer sets: variables of the workers, their names in ps, and a reload when a file changes.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Narwhal;

my $OUTSIDER = "$Narwhal::BUILD/tests/programs/outsider";
my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $DIR = tempdir(CLEANUP => 1);
chmod 0755, $DIR;

sub begin {
	my $n = Narwhal->start(args => [@_]);

	$n->wait_ready;
	return $n;
}

sub environment {
	my ($pid) = @_;
	my %environment = map { /^([^=]+)=(.*)/s ? ($1, $2) : () }
		split /\0/, Narwhal::slurp("/proc/$pid/environ");

	return \%environment;
}

subtest 'raw_env is in the environment of workers, and of them alone' => sub {
	for my $app ([$HELLO], [ '--', $OUTSIDER ]) {
		my $n = begin('--raw-env', 'COLOR=blue,SIZE=a=b', @$app);
		my ($worker) = grep { Narwhal::command_name($_) !~ /sentry/ } Narwhal::children($n->arbiter);
		my $environment = environment($worker);

		is($environment->{COLOR}, 'blue', "$app->[0]: a variable");
		is($environment->{SIZE}, 'a=b', 'a value with a sign');
		is(environment($n->arbiter)->{COLOR}, undef, 'not the arbiter\'s');
		is($n->stop, 0, 'status 0');
	}
	my ($status, $output) = Narwhal->run(args => [ '--check-config', '--raw-env', 'COLOR', $HELLO ]);
	is($status, 1, 'what is none is refused');
	like($output, qr/^narwhal: --raw-env: "COLOR" is no variable: allowed is NAME=VALUE$/m, 'by name');
};

subtest 'a worker has its app in its command line, or proc_name' => sub {
	for my $case ([ $HELLO, $HELLO ], [ 'shop', '--proc-name', 'shop', $HELLO ]) {
		my ($name, @args) = @$case;
		my $n = begin(@args);
		my ($worker) = $n->workers;

		is(Narwhal::slurp("/proc/$worker/cmdline"), "narwhal-worker\0slot=0\0generation=1\0$name\0", $name);
		$n->stop;
	}
};

subtest 'reload sees a change of what a program is made of, and of an extra file, once' => sub {
	my $script = Narwhal::write_file("$DIR/server.sh", "#!/bin/sh\nexec $OUTSIDER\n");
	my $extra = Narwhal::write_file("$DIR/extra", '1');

	mkdir "$DIR/below" or die;
	chmod 0755, $script, "$DIR/below";
	mkdir "$DIR/other" or die;
	my $other = Narwhal::write_file("$DIR/other/settings", '1');
	my $n = begin('--reload', '--reload-extra-file', '/etc/hostname', '--', $script);

	Narwhal::write_file("$DIR/$_", 'x') for 'extra~', '.hidden', 'a.pyc';
	Narwhal::write_file("$DIR/below/$_", '') for qw(a b c);
	$n->wait_line(qr/ sources_changed /);
	$n->wait_line(qr/ reloaded generation=2 /);
	is(scalar(grep { / sources_changed / } $n->lines), 1, 'many files, one reload');
	Narwhal::write_file($extra, '2');
	$n->wait_line(qr/ reloaded generation=3 /);
	is($n->stop, 0, 'status 0');

	$n = begin('--reload', '--reload-extra-file', $other, $HELLO);
	Narwhal::write_file($other, '2');
	$n->wait_line(qr/ reloaded generation=2 /);
	is($n->stop, 0, 'status 0');
};

done_testing;
