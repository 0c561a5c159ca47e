# refused.sed: output in, reason of a skip out: the first thing without which
# vow refused to run, behind the facility that this machine lacks. Nothing if
# it did not refuse. For `sed -nf`; tools/run-tests checks the facility.
/vow run: .* (--best-effort runs without)/{
    s/.*vow run: //
    s/ (--best-effort runs without).*//
    s/.*(Landlock ABI [0-9]*; ABI \([0-9]*\) is needed).*/landlock-\1: &/
    t found
    s/^Landlock is not .*/landlock: &/
    t found
    s/.*mount namespace.*/mountns: &/
    t found
    b
    : found
    p
    q
}
