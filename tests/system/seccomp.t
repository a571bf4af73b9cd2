# narwhal seccomp explain and export: what the tables say, for people and for engines.
use strict;
use warnings;

use JSON::PP;
use Test::More;

use Narwhal;

# The status and what was written of `narwhal seccomp WORDS`.
sub seccomp {
	return Narwhal->run(args => [ 'seccomp', @_ ]);
}

sub explained {
	my ($status, $out) = seccomp('explain', @_);

	is($status, 0, "explain @_");
	return $out;
}

sub refused {
	my ($pattern, @words) = @_;
	my ($status, $out) = seccomp(@words);

	is($status, 1, "refused: seccomp @words");
	like($out, $pattern, 'and says what is allowed');
	return;
}

subtest 'explain prints the rows of a role' => sub {
	my $out = explained('--role', 'module');

	like($out, qr/^role module: /, 'which role');
	like($out, qr/^accept4 +allowed +always +\S/m, 'a call that is allowed, and why');
	like($out, qr/^openat +allowed +MASKED_EQ\(2, .*?\) +\S/m, 'one with a condition');
	like($out, qr/^clone3 +ENOSYS +always +\S/m, 'one that is answered');
	unlike($out, qr/^ptrace/m, 'and none that is refused');
	is(explained(), $out, 'that role is the default');
	isnt(explained("--role=$_"), $out, "$_ is another one") for qw(files walk app keyholder exporter container);
};

subtest 'explain says what becomes of a call, and which line would allow it' => sub {
	my $out = explained(qw(read ptrace openat socket mmap));

	like($out, qr/^read +allowed +always/m, 'what is allowed');
	unlike($out, qr/^read +refused/m, 'is that alone');
	like($out, qr/^ptrace +refused +always.*\n +sandbox_allow = ptrace would allow it, but no service needs it: /m,
		'what is a danger');
	like($out, qr/^openat +allowed +MASKED_EQ.*\nopenat +refused +otherwise.*\n +sandbox_allow = openat would/m,
		'what has a condition');
	like($out, qr/^socket +refused +always.*\n +sandbox_allow = socket would allow it when EQ\(0, AF_UNIX\)$/m,
		'what a name gives a part of');
	like($out, qr/^mmap +refused +otherwise.*\n +no name allows more: that takes sandbox = app$/m,
		'and what no name gives');
	like(explained('execve'), qr/^execve +refused +always .*\n +no name allows more: that takes sandbox = app\n\z/,
		'or gives anything of');
	like(explained(qw(--role app socket bpf)), qr/^socket +allowed +EQ.*^bpf +refused +always/ms,
		'in another role');
};

subtest 'what is asked for wrongly is refused' => sub {
	refused(qr/narwhal seccomp explain \[--role ROLE\] \[CALL\.\.\.\]/, @$_)
		for [], ['explane'], [ 'explain', '--rolle', 'app' ], [ 'explain', '--format', 'oci' ], ['export'],
		[ 'export', '--format', 'oci', 'read' ], [ 'export', '--format' ];
	refused(qr/^narwhal: seccomp: a word is missing: allowed is narwhal seccomp explain /);
	refused(qr/^narwhal: seccomp: "explane" is unknown: /, 'explane');
	refused(qr/^narwhal: seccomp export: --format is missing: /, 'export');
	refused(qr/"ptrac" is no system call; nearest is ptrace/, 'explain', 'ptrac');
	refused(qr/allowed are files, walk, module, app, keyholder, exporter, container/, 'explain', '--role', 'root');
	refused(qr/allowed are oci, spo/, 'export', '--format', 'yaml');
};

# The rules of a profile as engines read it, by name: 1, or the cases.
sub rules {
	my ($profile) = @_;
	my %rules;

	for my $rule (@{ $profile->{syscalls} }) {
		push @{ $rules{$_} }, $rule for @{ $rule->{names} };
	}
	return %rules;
}

sub exported {
	my ($format, $role) = @_;
	my ($status, $out) = seccomp('export', '--format', $format, '--role', $role);

	is($status, 0, "export --format $format --role $role");
	return $out;
}

subtest 'an OCI profile is what its schema says' => sub {
	my $profile = decode_json(exported('oci', 'module'));
	my %rules = rules($profile);

	is($profile->{defaultAction}, 'SCMP_ACT_ERRNO', 'what is not there fails');
	is_deeply($profile->{architectures}, [qw(SCMP_ARCH_X86_64 SCMP_ARCH_AARCH64)], 'no other architecture');
	is_deeply($rules{execve}[0]{action}, 'SCMP_ACT_ALLOW', 'a call that is allowed');
	is_deeply($rules{clone}[0]{args},
		[ { index => 0, value => 0x7e020000, valueTwo => 0, op => 'SCMP_CMP_MASKED_EQ' } ],
		'one with a mask: no new namespace');
	is_deeply([ map { $_->{args}[0]{value} } @{ $rules{socket} } ], [ 1, 2, 10, 16 ], 'one with cases');
	is_deeply([ @{ $rules{clone3}[0] }{qw(action errnoRet)} ], [ 'SCMP_ACT_ERRNO', 38 ], 'one with an answer');
	my @dangers = qw(ptrace mount unshare setns bpf io_uring_setup userfaultfd kexec_load init_module
		process_vm_readv pidfd_getfd perf_event_open open_by_handle_at);
	is_deeply([ grep { $rules{$_} } @dangers ], [], 'and no danger');
	is(scalar(grep { @{ $rules{$_} } > 1 && grep { !$_->{args} } @{ $rules{$_} } } keys %rules), 0,
		'nothing is allowed both always and in cases');
};

subtest 'it holds what a worker may do' => sub {
	for my $role (qw(files walk module app keyholder exporter)) {
		my %rules = rules(decode_json(exported('oci', $role)));
		my @rows = map { /^(\w+) +(?:allowed) / ? $1 : () } split /\n/, explained('--role', $role);

		is_deeply([ grep { !$rules{$_} } @rows ], [], "$role: all rows are in it");
	}
};

# As much YAML as we write: "key: value" and "- item", by indentation, into the same shape.
sub profile_of_yaml {
	my ($text) = @_;
	my (@rules, $names);

	for my $line (split /\n/, $text) {
		push @rules, { action => $1, names => [] } if $line =~ /^  - action: (\w+)$/;
		push @{ $rules[-1]{names} }, $1 if $line =~ /^    - (\w+)$/;
		push @{ $rules[-1]{args} }, { index => $1 + 0 } if $line =~ /^    - index: (\d+)$/;
		$rules[-1]{args}[-1]{$1} = $2 + 0 if $line =~ /^      (value|valueTwo): (\d+)$/;
		$rules[-1]{args}[-1]{op} = $1 if $line =~ /^      op: (\w+)$/;
	}
	return { syscalls => \@rules };
}

subtest "the operator's object says the same" => sub {
	my $yaml = exported('spo', 'module');
	my %oci = rules(decode_json(exported('oci', 'module')));
	my %spo = rules(profile_of_yaml($yaml));

	like($yaml, qr{\AapiVersion: security-profiles-operator\.x-k8s\.io/v1beta1\nkind: SeccompProfile\n},
		'its kind');
	like($yaml, qr/^  defaultAction: SCMP_ACT_ERRNO$/m, 'what is not there fails');
	is_deeply([ sort keys %spo ], [ sort keys %oci ], 'the same calls');
	for my $name (qw(clone socket keyctl read)) {
		is_deeply([ map { $_->{args} } @{ $spo{$name} } ], [ map { $_->{args} } @{ $oci{$name} } ],
			"$name: the same cases");
	}
	is($spo{clone3}[0]{action}, 'SCMP_ACT_ALLOW', 'what it cannot answer is allowed');
};

subtest 'the files in deploy/ are what is exported' => sub {
	for my $role (qw(module app)) {
		my $file = "$Narwhal::ROOT/deploy/seccomp-$role";

		is(Narwhal::slurp("$file.json"), exported('oci', $role), 'make profiles: JSON');
		is(Narwhal::slurp("$file.yaml"), exported('spo', $role), 'make profiles: YAML');
	}
};

done_testing;
